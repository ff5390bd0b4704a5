/* texts.c - see texts.h. A text is filled in line by line; a list is tried whole and, where that is too long,
 * cut after the last entry with which the SMS as a whole, all that stands around the list included, keeps to
 * max_segments. */
#include "io/texts.h"

#include "engine/check.h"
#include "engine/segments.h"
#include "engine/sys/sys.h"
#include "engine/values.h"
#include "io/csv.h"
#include "io/texts_cache.h"
#include "io/texts_rows.h"

#define WORD_POINTS_MAX 120 /* of an agency's words */

/* A growing run of bytes; once memory has run out it only says so. */
struct buffer {
    char *data;
    size_t size, room;
    bool failed;
};

struct texts {
    const struct ref *ref;
    unsigned max_segments;
    struct span rows[TEXT_ROW_COUNT][LANG_COUNT];
    struct texts_cache cache;
    struct buffer out, quoted; /* of an SMS that is not in the cache */
    struct buffer lines;       /* all entries of a list, one a line */
    struct buffer list;        /* the list as tried */
    size_t line_ends[REF_NUMBER_MAX];
};

/* One SMS in the making. */
struct filling {
    struct texts *texts;
    const struct text_facts *facts;
    struct span list;  /* what {list} is */
    bool without_lead; /* the prompt of a correction or reminder alone */
};

static void put_row(struct filling *filling, enum text_row row, enum lang lang);

/* ---- bytes ---- */

/* Makes room for `size` bytes more. */
static bool reserve(struct buffer *out, size_t size)
{
    if (out->failed || out->size + size <= out->room)
        return !out->failed;
    size_t room = (out->size + size) * 2;
    char *grown = sys.realloc(out->data, room);
    if (!grown) {
        out->failed = true;
        return false;
    }
    out->data = grown;
    out->room = room;
    return true;
}

static void put(struct buffer *out, const char *data, size_t size)
{
    if (size == 0 || !reserve(out, size))
        return;
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void put_span(struct buffer *out, struct span text)
{
    put(out, text.data, text.size);
}

/* Decimal digits, `gap` between them: "15", or "1 5" as it must be typed. */
static void put_number(struct buffer *out, unsigned number, const char *gap)
{
    char digits[10];
    unsigned count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count-- > 0) {
        put(out, &digits[count], 1);
        if (count)
            put(out, gap, strlen(gap));
    }
}

/* DD.MM.YYYY of the instant's day in +05:00. */
static void put_date(struct buffer *out, int64_t at_ms)
{
    char date[10];
    value_date_write(value_day_of(at_ms), date);
    const char shown[10] = {date[8], date[9], '.', date[5], date[6], '.', date[0], date[1], date[2], date[3]};
    put(out, shown, sizeof shown);
}

/* An agency's words: at most WORD_POINTS_MAX code points, a run of controls and line ends is one space. */
static void put_words(struct buffer *out, struct span words)
{
    size_t at = 0;
    unsigned points = 0;
    bool after_control = false;
    for (; at < words.size && points < WORD_POINTS_MAX; points++) {
        uint32_t point;
        unsigned size = value_decode(words.data + at, &point);
        bool is_control =
            point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029;
        if (!is_control)
            put(out, words.data + at, size);
        else if (!after_control)
            put(out, " ", 1);
        after_control = is_control;
        at += size;
    }
    if (at < words.size)
        put_span(out, SPAN("…"));
}

/* The name of a list's entry. Where it has an R and digits in it, which would read as a reply of its own, the
 * spaces become no-break ones: they look the same and are no reply. */
static void put_name(struct buffer *out, struct span name)
{
    bool after_r = false;
    for (size_t i = 0; i < name.size; i++) {
        bool is_gap = after_r && name.data[i] == ' ' && i + 1 < name.size && name.data[i + 1] >= '0' &&
                      name.data[i + 1] <= '9';
        if (is_gap)
            put_span(out, SPAN("\u00a0"));
        else
            put(out, &name.data[i], 1);
        after_r = name.data[i] == 'R';
    }
}

/* ---- texts ---- */

static const struct ref_entry *office_of(const struct filling *filling)
{
    const struct text_facts *facts = filling->facts;
    const struct ref_list *offices = ref_choices(filling->texts->ref, STEP_OFFICE, facts->region);
    return offices && facts->office ? ref_find(offices, facts->office) : NULL;
}

static struct span place_of(const struct filling *filling, enum lang lang)
{
    const struct text_facts *facts = filling->facts;
    if (!value_blank(facts->place))
        return facts->place;
    const struct ref_entry *office = facts->info == INFO_REGISTERED ? office_of(filling) : NULL;
    return office ? office->addresses[lang] : SPAN("");
}

static void put_placeholder(struct filling *filling, enum text_placeholder placeholder, enum lang lang)
{
    const struct text_facts *facts = filling->facts;
    struct buffer *out = &filling->texts->out;
    const struct ref_entry *office;
    switch (placeholder) {
    case TEXT_SLOT:
        put_number(out, facts->slot, "");
        break;
    case TEXT_HEAD:
        put_span(out, SPAN("R "));
        put_number(out, facts->slot * 10 + lang, " ");
        break;
    case TEXT_LIST:
        put_span(out, filling->list);
        break;
    case TEXT_ORDER:
        put_number(out, facts->child_order, "");
        break;
    case TEXT_ACCOUNT:
        if (facts->account.size >= 4)
            put(out, facts->account.data + facts->account.size - 4, 4);
        break;
    case TEXT_OFFICE:
    case TEXT_ADDRESS:
        office = office_of(filling);
        if (office)
            put_span(out, placeholder == TEXT_OFFICE ? office->names[lang] : office->addresses[lang]);
        break;
    case TEXT_PLACE:
        put_words(out, place_of(filling, lang));
        break;
    case TEXT_QUEUE:
        put_words(out, value_blank(facts->queue_number) ? SPAN("") : facts->queue_number);
        break;
    case TEXT_AMOUNT:
        put_words(out, value_blank(facts->amount) ? SPAN("") : facts->amount);
        break;
    case TEXT_REASON:
        put_words(out, value_blank(facts->agency_reason) ? SPAN("") : facts->agency_reason);
        break;
    case TEXT_DATE:
        put_date(out, facts->ends_at_ms);
        break;
    case TEXT_PROMPT:
        put_row(filling, TEXT_ROW_PROMPT + facts->step, lang);
        break;
    case TEXT_RANGE: /* of the list's end, which put_range fills in */
    case TEXT_END:
    case TEXT_UNKNOWN:
    default:
        CHECK(!"a placeholder that texts_check lets through");
    }
}

/* Fills in one text; lines whose placeholder comes out empty are left out. */
static void put_row(struct filling *filling, enum text_row row, enum lang lang)
{
    struct buffer *out = &filling->texts->out;
    struct span text = filling->texts->rows[row][lang], line, literal;
    bool is_first = true;
    CHECK(text.data); /* there is a text for every kind, step and reason that is sent */
    for (size_t at = 0; text_line(text, &at, &line);) {
        size_t begin = out->size;
        bool is_whole = true;
        if (!is_first)
            put(out, "\n", 1);
        for (size_t in_line = 0;;) {
            enum text_placeholder placeholder = text_next(line, &in_line, &literal);
            put_span(out, literal);
            if (placeholder == TEXT_END)
                break;
            size_t before = out->size;
            put_placeholder(filling, placeholder, lang);
            is_whole &= out->size > before;
        }
        if (is_whole)
            is_first = false;
        else
            out->size = begin;
    }
}

static enum text_row row_of(const struct text_facts *facts, bool without_lead)
{
    if (facts->kind == SMS_INFO)
        return TEXT_ROW_INFO + facts->info;
    if (facts->kind == SMS_CORRECTION && !without_lead && facts->reason == REASON_BAD_FORM && facts->form)
        return TEXT_ROW_FORM + facts->form;
    if (facts->kind == SMS_CORRECTION && !without_lead)
        return TEXT_ROW_CORRECTION + facts->reason;
    if (facts->kind == SMS_REMINDER && !without_lead)
        return TEXT_ROW_REMINDER;
    return TEXT_ROW_PROMPT + facts->step;
}

/* Fills in the SMS whole and counts its parts. */
static unsigned fill(struct filling *filling)
{
    struct buffer *out = &filling->texts->out;
    enum text_row row = row_of(filling->facts, filling->without_lead);
    enum lang lang = filling->facts->lang;
    out->size = 0;
    if (lang == LANG_BOTH) {
        put_row(filling, row, LANG_KK);
        put_span(out, SPAN("\n\n"));
        put_row(filling, row, LANG_RU);
    } else {
        put_row(filling, row, lang);
    }
    return segments_count((struct span){out->data, out->size});
}

/* ---- lists ---- */

/* The active entries, one a line, to texts->lines and line_ends; returns how many. */
static size_t write_lines(struct texts *texts, const struct ref_list *list, enum lang lang,
                          unsigned *ret_first, unsigned *ret_last)
{
    size_t count = 0;
    texts->lines.size = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct ref_entry *entry = &list->entries[i];
        if (!entry->active)
            continue;
        if (count == 0)
            *ret_first = entry->number;
        else
            put(&texts->lines, "\n", 1);
        *ret_last = entry->number;
        put_number(&texts->lines, entry->number, " ");
        put_span(&texts->lines, SPAN(" - "));
        put_name(&texts->lines, entry->names[lang]);
        texts->line_ends[count++] = texts->lines.size;
    }
    return count;
}

/* The line behind a list that was cut. */
static void put_range(struct buffer *out, struct span text, unsigned first, unsigned last)
{
    struct span literal;
    for (size_t at = 0;;) {
        enum text_placeholder placeholder = text_next(text, &at, &literal);
        put_span(out, literal);
        if (placeholder == TEXT_END)
            return;
        put_number(out, first, " ");
        put_span(out, SPAN(" - "));
        put_number(out, last, " ");
    }
}

struct cut {
    struct span more; /* text of the line behind */
    unsigned first, last;
};

/* Fills in the SMS with `size` bytes of the lines, `cut_name` behind them and the line that says that there
 * are more. */
static unsigned fill_cut(struct filling *filling, size_t size, struct span cut_name, const struct cut *cut)
{
    struct buffer *list = &filling->texts->list;
    list->size = 0;
    put(list, filling->texts->lines.data, size);
    put_span(list, cut_name);
    put(list, "\n", 1);
    put_range(list, cut->more, cut->first, cut->last);
    filling->list = (struct span){list->data, list->size};
    return fill(filling);
}

/* How many of the first count - 1 entries fit, found by halving; 0: not even one. */
static size_t entries_that_fit(struct filling *filling, size_t count, const struct cut *cut)
{
    struct texts *texts = filling->texts;
    size_t fits = 0, too_many = count;
    while (fits + 1 < too_many) {
        size_t middle = fits + (too_many - fits) / 2;
        if (fill_cut(filling, texts->line_ends[middle - 1], SPAN(""), cut) <= texts->max_segments)
            fits = middle;
        else
            too_many = middle;
    }
    return fits;
}

static bool fill_list_as_it_is(struct filling *filling, size_t count, const struct cut *cut)
{
    struct texts *texts = filling->texts;
    filling->list = (struct span){texts->lines.data, texts->lines.size};
    if (fill(filling) <= texts->max_segments)
        return true;
    size_t fits = entries_that_fit(filling, count, cut);
    return fits && fill_cut(filling, texts->line_ends[fits - 1], SPAN(""), cut) <= texts->max_segments;
}

/* The first entry only, with as much of its name as fits, at least a character. */
static bool fill_first_cut(struct filling *filling, const struct cut *cut)
{
    struct texts *texts = filling->texts;
    size_t size = texts->line_ends[0];
    const char *gap = size ? memmem(texts->lines.data, size, " - ", 3) : NULL;
    size_t name_at = gap ? (size_t)(gap - texts->lines.data) + 3 : size;
    while (size > name_at) {
        do /* back to where a code point begins */
            size--;
        while (size > name_at && ((unsigned char)texts->lines.data[size] & 0xc0) == 0x80);
        if (size > name_at && fill_cut(filling, size, SPAN("…"), cut) <= texts->max_segments)
            return true;
    }
    return false;
}

/* An SMS with a list: whole, else cut; else without the lead-in; else with the first entry's name cut too. */
static void fill_with_list(struct filling *filling, const struct ref_list *list)
{
    struct texts *texts = filling->texts;
    enum lang lang = filling->facts->lang;
    struct cut cut = {.more = texts->rows[TEXT_ROW_MORE][lang]};
    size_t count = write_lines(texts, list, lang, &cut.first, &cut.last);
    if (count == 0) {
        filling->list = SPAN("");
        fill(filling);
        return;
    }
    if (fill_list_as_it_is(filling, count, &cut))
        return;
    filling->without_lead = true;
    if (fill_list_as_it_is(filling, count, &cut))
        return;
    if (!fill_first_cut(filling, &cut)) /* the texts alone are too long */
        fill_cut(filling, texts->line_ends[0], SPAN(""), &cut);
}

/* ---- the doors ---- */

int texts_render(struct texts *texts, const struct text_facts *facts, struct text_result *ret_result,
                 struct fault *fault)
{
    struct texts_key key;
    bool is_kept = texts_key_of(facts, &key);
    if (is_kept && texts_cache_find(&texts->cache, key, ret_result))
        return 0;
    struct filling filling = {.texts = texts, .facts = facts};
    const struct ref_list *list = NULL;
    if (facts->kind != SMS_INFO)
        list = ref_choices(texts->ref, facts->step, facts->region);
    CHECK(!list || facts->lang != LANG_BOTH); /* nothing is chosen from a list before the language */
    if (list)
        fill_with_list(&filling, list);
    else
        fill(&filling);
    struct span text = {texts->out.data, texts->out.size};
    texts->quoted.size = 0;
    reserve(&texts->quoted, 2 * text.size + 2);
    if (texts->out.failed || texts->lines.failed || texts->list.failed || texts->quoted.failed) {
        texts->out.failed = texts->lines.failed = texts->list.failed = texts->quoted.failed = false;
        return fault_memory(fault);
    }
    struct text_result result = {.text = text, .segments = segments_count(text)};
    result.quoted = (struct span){texts->quoted.data, csv_quote(text, texts->quoted.data)};
    if (is_kept && texts_cache_keep(&texts->cache, key, &result, fault) < 0)
        return -1;
    *ret_result = result;
    return 0;
}

static int set_row(struct texts *texts, const struct ref_text *row, struct fault *fault)
{
    const char *wrong = texts_check(row->kind, row->step, row->lang, row->text);
    if (wrong) /* a set that another version of besik took */
        return fault_set(fault, FAULT_INPUT,
                         "the store's text %.*s %.*s %.*s: %s; give 'besik ref' a mended texts.csv",
                         (int)row->kind.size, row->kind.data, (int)row->step.size, row->step.data,
                         (int)row->lang.size, row->lang.data, wrong);
    enum lang lang = span_equal(row->lang, span_of(LANG_WORDS[LANG_KK])) ? LANG_KK : LANG_RU;
    texts->rows[text_row_of(row->kind, row->step)][lang] = row->text;
    return 0;
}

/* Who replaces the text of bad_form means all of its kinds, save those that are replaced too. */
static void spread_form(struct texts *texts, const struct ref_text *row)
{
    enum lang lang = span_equal(row->lang, span_of(LANG_WORDS[LANG_KK])) ? LANG_KK : LANG_RU;
    if (text_row_of(row->kind, row->step) != TEXT_ROW_CORRECTION + REASON_BAD_FORM)
        return;
    for (unsigned i = REPLY_OTHER + 1; i < REPLY_FAULT_COUNT; i++)
        texts->rows[TEXT_ROW_FORM + i][lang] = row->text;
}

int texts_open(struct texts **ret_texts, const struct ref_set *set, unsigned max_segments,
               struct fault *fault)
{
    struct texts *texts = sys.alloc(sizeof *texts);
    if (!texts)
        return fault_memory(fault);
    *texts = (struct texts){.ref = ref_of(set), .max_segments = max_segments};
    uint32_t count = 0;
    const struct ref_text *rows = ref_texts(set, &count);
    int result = texts_cache_open(&texts->cache, fault);
    for (unsigned i = 0; result == 0 && i < TEXTS_BUILTIN_COUNT; i++)
        result = set_row(texts, &TEXTS_BUILTIN[i], fault);
    for (uint32_t i = 0; i < count; i++)
        spread_form(texts, &rows[i]);
    for (uint32_t i = 0; result == 0 && i < count; i++)
        result = set_row(texts, &rows[i], fault);
    if (result < 0) {
        texts_close(texts);
        return -1;
    }
    *ret_texts = texts;
    return 0;
}

void texts_close(struct texts *texts)
{
    if (!texts)
        return;
    texts_cache_close(&texts->cache);
    sys.free(texts->out.data);
    sys.free(texts->quoted.data);
    sys.free(texts->lines.data);
    sys.free(texts->list.data);
    sys.free(texts);
}
