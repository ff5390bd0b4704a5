/* ref_draft.c - see ref_draft.h. */
#include "io/ref_draft.h"

#include "engine/sys/list.h"

#include <stdlib.h>

static const enum step OPTION_STEPS[] = {STEP_EDUCATION, STEP_INCOME, STEP_PRIVILEGE};

void *draft_add(struct draft *draft, size_t item_size, struct fault *fault)
{
    if (list_widen(&draft->items, &draft->capacity, draft->count + 1ull, item_size, fault))
        return NULL;
    return memset((char *)draft->items + draft->count++ * item_size, 0, item_size);
}

int draft_copy(struct ref_reader *reader, struct span text, struct span *ret_copy)
{
    char *copy = ref_set_alloc(reader->set, text.size, reader->fault);
    if (!copy)
        return -1;
    if (text.size)
        memcpy(copy, text.data, text.size);
    *ret_copy = (struct span){copy, text.size};
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct draft_entry *x = a, *y = b;
    int order = COMPARE(x->list, y->list);
    if (!order)
        order = COMPARE(x->entry.number, y->entry.number);
    return order ? order : COMPARE(x->line, y->line);
}

static void sort(struct draft *draft)
{
    if (draft->count)
        qsort(draft->items, draft->count, sizeof(struct draft_entry), compare_entries);
}

static void sort_once(struct draft *draft, const char *file, struct ref_reader *reader)
{
    sort(draft);
    const struct draft_entry *entries = draft->items;
    for (size_t i = 1; i < draft->count; i++)
        if (entries[i].list == entries[i - 1].list && entries[i].entry.number == entries[i - 1].entry.number)
            ref_refuse(reader, file, entries[i].line, "number %u stands twice in its list, first on line %u",
                       entries[i].entry.number, entries[i - 1].line);
}

void draft_lists_sort(struct draft_lists *lists, struct ref_reader *reader)
{
    sort_once(&lists->options, OPTIONS_CSV, reader);
    sort_once(&lists->offices, OFFICES_CSV, reader);
    sort_once(&lists->localities, LOCALITIES_CSV, reader);
}

/* Of the first `count` entries, which are sorted, the list's first one at or after `number`; NULL where there
 * is none. */
static const struct draft_entry *find(const struct draft *draft, size_t count, uint32_t list, unsigned number)
{
    const struct draft_entry *entries = draft->items;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct draft_entry *at = &entries[middle];
        if (at->list < list || (at->list == list && at->entry.number < number))
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && entries[low].list == list ? &entries[low] : NULL;
}

/* Adds an entry that the update leaves out; the old set may go, so its texts are copied. */
static int keep_entry(struct draft *draft, uint32_t list, const struct ref_entry *old,
                      struct ref_reader *reader)
{
    struct draft_entry *kept = draft_add(draft, sizeof *kept, reader->fault);
    if (!kept)
        return -1;
    kept->list = list;
    kept->entry.number = old->number;
    int result = draft_copy(reader, old->code, &kept->entry.code);
    for (int lang = LANG_KK; lang <= LANG_RU; lang++) {
        result |= draft_copy(reader, old->names[lang], &kept->entry.names[lang]);
        result |= draft_copy(reader, old->addresses[lang], &kept->entry.addresses[lang]);
    }
    return result;
}

/* The first `fresh` entries of the draft are the file's; what is kept goes behind them. */
static int merge_list(struct draft *draft, size_t fresh, const char *file, uint32_t list,
                      const struct ref_list *old, struct ref_reader *reader)
{
    for (uint32_t i = 0; i < old->count; i++) {
        const struct ref_entry *known = &old->entries[i];
        const struct draft_entry *now = find(draft, fresh, list, known->number);
        if (!now || now->entry.number != known->number) {
            if (keep_entry(draft, list, known, reader) < 0)
                return -1;
        } else if (!span_equal(now->entry.code, known->code)) {
            ref_refuse(reader, file, now->line,
                       "number %u has the code '%.*s' for ever, not '%.*s': give a new code a new number",
                       known->number, (int)known->code.size, known->code.data, (int)now->entry.code.size,
                       now->entry.code.data);
        }
    }
    return 0;
}

static int merge_options(struct draft *options, const struct ref *old, struct ref_reader *reader)
{
    size_t fresh = options->count;
    for (unsigned i = 0; i < sizeof OPTION_STEPS / sizeof *OPTION_STEPS; i++) {
        enum step step = OPTION_STEPS[i];
        const struct draft_entry *first = find(options, fresh, step, 0);
        if (!first)
            ref_refuse(reader, OPTIONS_CSV, 0, "no option of %s", STEP_WORDS[step]);
        else if (step == STEP_PRIVILEGE && first->entry.number != 1)
            ref_refuse(reader, OPTIONS_CSV, 0, "privilege has no number 1, which is always 'none'");
        if (old && merge_list(options, fresh, OPTIONS_CSV, step, &old->options[step], reader) < 0)
            return -1;
    }
    sort(options);
    return 0;
}

static int merge_regions(struct draft_lists *lists, const struct ref *old, struct ref_reader *reader)
{
    struct draft *offices = &lists->offices, *localities = &lists->localities;
    size_t fresh_offices = offices->count, fresh_localities = localities->count;
    for (uint32_t i = 0; i < old->region_count; i++) {
        const struct ref_region *region = &old->regions[i];
        /* one that stands in one file only opens no case, so nobody is left without */
        if (region->active && !find(offices, fresh_offices, region->code, 0))
            ref_refuse(reader, OFFICES_CSV, 0, "region %09u is left without an office", region->code);
        if (region->active && !find(localities, fresh_localities, region->code, 0))
            ref_refuse(reader, LOCALITIES_CSV, 0, "region %09u is left without a locality", region->code);
        if (merge_list(offices, fresh_offices, OFFICES_CSV, region->code, &region->offices, reader) < 0 ||
            merge_list(localities, fresh_localities, LOCALITIES_CSV, region->code, &region->localities,
                       reader) < 0)
            return -1;
    }
    sort(offices);
    sort(localities);
    return 0;
}

int draft_lists_merge(struct draft_lists *lists, const struct ref *old, struct ref_reader *reader)
{
    if (merge_options(&lists->options, old, reader) < 0)
        return -1;
    return old ? merge_regions(lists, old, reader) : 0;
}

/* Takes the list's entries, which begin at *position of the sorted draft, and moves it behind them. */
static int build_list(const struct draft *draft, uint32_t list, size_t *position, struct ref_list *ret_list,
                      bool *ret_active, struct ref_reader *reader)
{
    const struct draft_entry *entries = draft->items;
    size_t end = *position;
    while (end < draft->count && entries[end].list == list)
        end++;
    uint32_t count = (uint32_t)(end - *position);
    struct ref_entry *built = ref_set_alloc(reader->set, count * sizeof *built, reader->fault);
    if (!built)
        return -1;
    *ret_active = false;
    for (uint32_t i = 0; i < count; i++) {
        built[i] = entries[*position + i].entry;
        *ret_active |= built[i].active;
    }
    *ret_list = (struct ref_list){built, count};
    *position = end;
    return 0;
}

/* The list at the position, or UINT32_MAX behind the last. */
static uint32_t list_at(const struct draft *draft, size_t position)
{
    return position < draft->count ? ((const struct draft_entry *)draft->items)[position].list : UINT32_MAX;
}

int draft_lists_build(const struct draft_lists *lists, struct ref_reader *reader)
{
    struct ref *ref = &reader->set->ref;
    const struct draft *offices = &lists->offices, *localities = &lists->localities;
    bool has_office, has_locality;
    for (size_t option = 0; option < lists->options.count;) {
        uint32_t step = list_at(&lists->options, option);
        if (build_list(&lists->options, step, &option, &ref->options[step], &has_office, reader) < 0)
            return -1;
    }
    /* a region stands in one of both drafts at least, so there are no more than entries */
    struct ref_region *regions =
        ref_set_alloc(reader->set, (offices->count + localities->count) * sizeof *regions, reader->fault);
    if (!regions)
        return -1;
    for (size_t office = 0, locality = 0; office < offices->count || locality < localities->count;) {
        struct ref_region *region = &regions[ref->region_count++];
        uint32_t a = list_at(offices, office), b = list_at(localities, locality);
        region->code = a < b ? a : b;
        if (build_list(offices, region->code, &office, &region->offices, &has_office, reader) < 0 ||
            build_list(localities, region->code, &locality, &region->localities, &has_locality, reader) < 0)
            return -1;
        region->active = has_office && has_locality;
    }
    ref->regions = regions;
    return 0;
}
