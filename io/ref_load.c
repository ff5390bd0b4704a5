/* ref_load.c - from a folder of CSV files to a checked set of reference data; see ref_load.h.
 *
 * Every file is first read to a draft (a flat array of entries with their lines), then the drafts are merged
 * with the store's present set, and only what nothing is wrong with is built into lists. */
#include "io/ref_load.h"

#include "engine/sys/sys.h"
#include "engine/values.h"
#include "io/profile.h"
#include "io/ref_draft.h"
#include "io/texts.h"

#include <stdio.h>
#include <stdlib.h>

#define OPERATORS_CSV "operators.csv"
#define OUTAGES_CSV "outages.csv"
#define TEXTS_CSV "texts.csv"
#define DUMPS_INI "dumps.ini"

struct load {
    struct ref_reader reader;
    const struct ref *old; /* NULL at the first load */
    struct draft_lists lists;
    struct draft prefixes;  /* struct ref_operator, one a prefix row: which codes there are */
    struct draft operators; /* struct ref_operator by id */
    struct draft outages, texts;
    struct span prefix_codes[1000];
};

/* ---- rows ---- */

static bool is_blank(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != ' ' && text.data[i] != '\t')
            return false;
    return true;
}

/* A KATO code: 9 digits. */
static bool parse_kato(struct span text, uint32_t *ret_code)
{
    uint64_t code;
    if (text.size != 9 || !value_number(text, 999999999, &code))
        return false;
    *ret_code = (uint32_t)code;
    return true;
}

/* values: number, code, kk, ru and, of offices, both addresses. */
static int add_entry(struct load *load, struct draft *draft, const char *file, uint32_t list,
                     const struct span *values, unsigned value_count, uint32_t line)
{
    static const char *const NAMES[] = {"number", "code", "kk", "ru", "address_kk", "address_ru"};
    uint64_t number;
    if (!value_number(values[0], REF_NUMBER_MAX, &number) || number == 0 || values[0].data[0] == '0')
        return ref_refuse(&load->reader, file, line, "number '%.*s' is not 1 to %d", (int)values[0].size,
                          values[0].data, REF_NUMBER_MAX);
    for (unsigned i = 1; i < value_count; i++)
        if (is_blank(values[i]))
            return ref_refuse(&load->reader, file, line, "'%s' is empty", NAMES[i]);
    struct draft_entry *added = draft_add(draft, sizeof *added, load->reader.fault);
    if (!added)
        return -1;
    added->list = list;
    added->line = line;
    added->entry = (struct ref_entry){.number = (uint16_t)number, .active = true, .code = values[1]};
    added->entry.names[LANG_KK] = values[2];
    added->entry.names[LANG_RU] = values[3];
    added->entry.addresses[LANG_KK] = value_count > 4 ? values[4] : SPAN("");
    added->entry.addresses[LANG_RU] = value_count > 5 ? values[5] : SPAN("");
    return 0;
}

static int row_option(struct ref_reader *reader, const struct span *values, uint32_t line)
{
    struct load *load = reader->context;
    enum step step;
    if (span_equal(values[0], SPAN("education")))
        step = STEP_EDUCATION;
    else if (span_equal(values[0], SPAN("income")))
        step = STEP_INCOME;
    else if (span_equal(values[0], SPAN("privilege")))
        step = STEP_PRIVILEGE;
    else
        return ref_refuse(reader, OPTIONS_CSV, line, "step is not education, income or privilege");
    return add_entry(load, &load->lists.options, OPTIONS_CSV, step, values + 1, 4, line);
}

static int row_office(struct ref_reader *reader, const struct span *values, uint32_t line)
{
    struct load *load = reader->context;
    uint32_t region;
    if (!parse_kato(values[0], &region))
        return ref_refuse(reader, OFFICES_CSV, line, "region is not 9 digits");
    return add_entry(load, &load->lists.offices, OFFICES_CSV, region, values + 1, 6, line);
}

static int row_locality(struct ref_reader *reader, const struct span *values, uint32_t line)
{
    struct load *load = reader->context;
    uint32_t region, kato;
    if (!parse_kato(values[0], &region))
        return ref_refuse(reader, LOCALITIES_CSV, line, "region is not 9 digits");
    if (!parse_kato(values[2], &kato))
        return ref_refuse(reader, LOCALITIES_CSV, line, "kato is not 9 digits");
    return add_entry(load, &load->lists.localities, LOCALITIES_CSV, region, values + 1, 4, line);
}

static int row_operator(struct ref_reader *reader, const struct span *values, uint32_t line)
{
    struct load *load = reader->context;
    uint64_t prefix;
    if (values[0].size != 3 || !value_number(values[0], 999, &prefix))
        return ref_refuse(reader, OPERATORS_CSV, line, "prefix is not 3 digits");
    if (!value_operator(values[1]))
        return ref_refuse(reader, OPERATORS_CSV, line,
                          "operator is not 1 to 32 of a-z 0-9 _ -, the first no _ or -");
    if (span_equal(values[1], SPAN("other")))
        return ref_refuse(reader, OPERATORS_CSV, line, "operator 'other' is reserved");
    if (load->prefix_codes[prefix].size)
        return ref_refuse(reader, OPERATORS_CSV, line, "prefix %03u stands twice", (unsigned)prefix);
    load->prefix_codes[prefix] = values[1];
    struct ref_operator *added = draft_add(&load->prefixes, sizeof *added, load->reader.fault);
    if (!added)
        return -1;
    *added = (struct ref_operator){values[1], true};
    return 0;
}

static int operator_id(const struct load *load, struct span code)
{
    const struct ref_operator *operators = load->operators.items;
    for (size_t i = REF_OPERATOR_OTHER + 1; i < load->operators.count; i++)
        if (span_equal(operators[i].code, code))
            return (int)i;
    return -1;
}

static int row_outage(struct ref_reader *reader, const struct span *values, uint32_t line)
{
    struct load *load = reader->context;
    int32_t id = operator_id(load, values[0]); /* -1 where there is none: of all */
    struct ref_outage outage = {id, 0, INT64_MAX};
    if (id < 0 && !span_equal(values[0], SPAN("*")))
        return ref_refuse(reader, OUTAGES_CSV, line, "operator is neither * nor one of " OPERATORS_CSV);
    if (!value_time(values[1], &outage.from_ms))
        return ref_refuse(reader, OUTAGES_CSV, line, "'from' is not a time as 2026-11-23T08:15:30+05:00");
    if (values[2].size && !value_time(values[2], &outage.to_ms))
        return ref_refuse(reader, OUTAGES_CSV, line,
                          "'to' is neither empty nor a time as 2026-11-23T08:15:30+05:00");
    if (outage.from_ms >= outage.to_ms)
        return 0; /* half-open, so of no time: one that was declared ahead and called off before it began */
    struct ref_outage *added = draft_add(&load->outages, sizeof *added, load->reader.fault);
    if (!added)
        return -1;
    *added = outage;
    return 0;
}

/* A file with CRLF has them in its texts too; an SMS has LF. */
static struct span fold_line_ends(struct span text)
{
    char *out = (char *)text.data; /* our own copy */
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != '\r' || i + 1 == text.size || text.data[i + 1] != '\n')
            out[size++] = text.data[i];
    return (struct span){out, size};
}

static int row_text(struct ref_reader *reader, const struct span *values, uint32_t line)
{
    struct load *load = reader->context;
    struct ref_text row = {values[0], values[1], values[2], fold_line_ends(values[3])};
    if (span_equal(row.step, SPAN("*"))) /* of a reminder: any step, as is an empty one */
        row.step = SPAN("");
    const char *wrong = texts_check(row.kind, row.step, row.lang, row.text);
    if (wrong)
        return ref_refuse(reader, TEXTS_CSV, line, "%s", wrong);
    const struct ref_text *texts = load->texts.items;
    for (size_t i = 0; i < load->texts.count; i++)
        if (span_equal(texts[i].kind, row.kind) && span_equal(texts[i].step, row.step) &&
            span_equal(texts[i].lang, row.lang))
            return ref_refuse(reader, TEXTS_CSV, line, "the same kind, step and lang stand twice");
    struct ref_text *added = draft_add(&load->texts, sizeof *added, load->reader.fault);
    if (!added)
        return -1;
    *added = row;
    return 0;
}

static const struct ref_table OPTIONS = {
    OPTIONS_CSV, {"step", "number", "code", "kk", "ru"}, false, row_option};
static const struct ref_table OFFICES = {
    OFFICES_CSV, {"region", "number", "code", "kk", "ru", "address_kk", "address_ru"}, false, row_office};
static const struct ref_table LOCALITIES = {
    LOCALITIES_CSV, {"region", "number", "kato", "kk", "ru"}, false, row_locality};
static const struct ref_table OPERATORS = {OPERATORS_CSV, {"prefix", "operator"}, false, row_operator};
static const struct ref_table OUTAGES = {OUTAGES_CSV, {"operator", "from", "to"}, true, row_outage};
static const struct ref_table TEXTS = {TEXTS_CSV, {"kind", "step", "lang", "text"}, true, row_text};

/* ---- operators ---- */

static int add_operator(struct load *load, struct span code, bool active)
{
    struct ref_operator *added = draft_add(&load->operators, sizeof *added, load->reader.fault);
    if (!added)
        return -1;
    added->active = active;
    return draft_copy(&load->reader, code, &added->code);
}

static int compare_operators(const void *a, const void *b)
{
    return span_compare(((const struct ref_operator *)a)->code, ((const struct ref_operator *)b)->code);
}

/* Old ones keep their ids; new ones follow in the order of their codes as bytes. */
static int number_operators(struct load *load)
{
    if (add_operator(load, SPAN("other"), false) < 0)
        return -1;
    for (uint32_t i = 1; load->old && i < load->old->operator_count; i++)
        if (add_operator(load, load->old->operators[i].code, false) < 0)
            return -1;
    struct ref_operator *named = load->prefixes.items;
    if (load->prefixes.count)
        qsort(named, load->prefixes.count, sizeof *named, compare_operators);
    for (size_t i = 0; i < load->prefixes.count; i++) {
        int id = operator_id(load, named[i].code);
        if (id >= 0)
            ((struct ref_operator *)load->operators.items)[id].active = true;
        else if (add_operator(load, named[i].code, true) < 0)
            return -1;
    }
    if (load->operators.count > REF_OPERATORS_MAX)
        ref_refuse(&load->reader, OPERATORS_CSV, 0, "more than %d operators, old ones counted",
                   REF_OPERATORS_MAX - 1);
    return 0;
}

static int copy_draft(struct load *load, const struct draft *draft, size_t item_size, void *ret_items)
{
    void *items = ref_set_alloc(load->reader.set, draft->count * item_size, load->reader.fault);
    if (!items)
        return -1;
    if (draft->count)
        memcpy(items, draft->items, draft->count * item_size);
    memcpy(ret_items, &items, sizeof items);
    return 0;
}

static int build_rest(struct load *load)
{
    struct ref_set *set = load->reader.set;
    for (unsigned i = 0; i < 1000; i++) {
        int id = load->prefix_codes[i].size ? operator_id(load, load->prefix_codes[i]) : REF_OPERATOR_OTHER;
        set->ref.prefixes[i] = (uint16_t)id;
    }
    set->ref.operator_count = (uint32_t)load->operators.count;
    set->ref.outage_count = (uint32_t)load->outages.count;
    set->text_count = (uint32_t)load->texts.count;
    if (copy_draft(load, &load->operators, sizeof(struct ref_operator), &set->ref.operators) < 0 ||
        copy_draft(load, &load->outages, sizeof(struct ref_outage), &set->ref.outages) < 0 ||
        copy_draft(load, &load->texts, sizeof(struct ref_text), &set->texts) < 0)
        return -1;
    return ref_set_rank(set, load->reader.fault);
}

static void check_operator(void *context, uint32_t line, struct span column, struct span value)
{
    struct load *load = context;
    const struct ref_operator *operators = load->operators.items;
    int id = span_equal(column, SPAN("operator")) ? operator_id(load, value) : 0;
    if (id < 0 || (id > 0 && !operators[id].active))
        ref_refuse(&load->reader, DUMPS_INI, line, "operator '%.*s' is not in " OPERATORS_CSV, (int)value.size, value.data);
}

/* Messages of an operator that is not known would all be rejected; of receipts it is not looked at. */
static void check_operators(struct load *load, const struct profiles *profiles)
{
    const struct profile *profile;
    for (uint32_t i = 0; (profile = profiles_at(profiles, i)) != NULL; i++)
        if (profile->kind == KIND_MESSAGES)
            profile_meanings(profile, check_operator, load);
}

/* dumps.ini is kept as it is, once it is known to be sound. */
static int load_dumps(struct load *load)
{
    struct ref_reader *reader = &load->reader;
    char *data, path[4096];
    size_t size = 0;
    if (ref_file_read(reader, DUMPS_INI, true, &data, &size) < 0)
        return -1;
    if (!data)
        return 0;
    struct profiles *profiles = NULL;
    struct fault fault = {0};
    int failed = 0;
    snprintf(path, sizeof path, "%s/" DUMPS_INI, reader->dir);
    if (size > PROFILES_SIZE_MAX) {
        ref_refuse(reader, DUMPS_INI, 0, "larger than %zu KiB", PROFILES_SIZE_MAX >> 10);
    } else if (profiles_open(&profiles, path, (struct span){data, size}, &fault) == 0) {
        check_operators(load, profiles);
        profiles_close(profiles);
        failed = draft_copy(reader, (struct span){data, size}, &reader->set->dumps);
    } else if (fault.code == FAULT_INPUT) {
        reader->fault_count++;
        fault_pass(reader->fault, &fault);
    } else {
        failed = fault_pass(reader->fault, &fault);
    }
    sys.free(data);
    return failed;
}

/* ---- all ---- */

static int load_all(struct load *load)
{
    struct ref_reader *reader = &load->reader;
    if (ref_table_read(reader, &OPTIONS) < 0 || ref_table_read(reader, &OFFICES) < 0 ||
        ref_table_read(reader, &LOCALITIES) < 0 || ref_table_read(reader, &OPERATORS) < 0)
        return -1;
    draft_lists_sort(&load->lists, reader);
    if (number_operators(load) < 0 || ref_table_read(reader, &OUTAGES) < 0 ||
        ref_table_read(reader, &TEXTS) < 0 || load_dumps(load) < 0)
        return -1;
    /* what the files lack is told only once all their rows are understood */
    if (reader->fault_count == 0 && draft_lists_merge(&load->lists, load->old, reader) < 0)
        return -1;
    if (reader->fault_count > REF_FAULTS_MAX)
        fault_add(reader->fault, FAULT_INPUT, "and %u more", reader->fault_count - REF_FAULTS_MAX);
    if (reader->fault_count)
        return -1;
    if (draft_lists_build(&load->lists, reader) < 0)
        return -1;
    return build_rest(load);
}

int ref_load(struct ref_set **ret_set, const char *dir, const struct ref_set *old, struct fault *fault)
{
    struct ref_set *set;
    if (ref_set_open(&set, fault) < 0)
        return -1;
    struct load *load = sys.alloc(sizeof *load);
    if (!load) {
        ref_free(set);
        return fault_memory(fault);
    }
    *load =
        (struct load){.reader = {.dir = dir, .set = set, .fault = fault}, .old = old ? ref_of(old) : NULL};
    load->reader.context = load;
    int result = load_all(load);
    struct draft *const drafts[] = {&load->lists.options, &load->lists.offices, &load->lists.localities,
                                    &load->prefixes,      &load->operators,     &load->outages,
                                    &load->texts};
    for (unsigned i = 0; i < sizeof drafts / sizeof *drafts; i++)
        sys.free(drafts[i]->items);
    sys.free(load);
    if (result < 0) {
        ref_free(set);
        return -1;
    }
    *ret_set = set;
    return 0;
}
