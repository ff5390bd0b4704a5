/* dump.c - see dump.h.
 *
 *   source  ->  raw  ->  (converter of the profile)  ->  text, in UTF-8  ->  CSV or lines  ->  values of section 3's columns
 *
 * The CSV reader knows commas alone: another delimiter and the comma change places in `text`, and back in each value that is taken out. */
#include "io/dump_state.h"

#include "engine/sys/sys.h"
#include "engine/values.h"

#include <fnmatch.h>
#include <stdio.h>

/* ---- headers ---- */

static void rewind_head(struct dump *dump, size_t size)
{
    dump->raw_at = 0;
    dump->raw_size = size;
    dump->text_at = dump->text_size = dump->lines = 0;
    dump->text_final = false;
    dump->fresh = true;
    dump->column_count = 0;
}

struct header {
    uint64_t line;  /* where it stands, or should */
    uint32_t count; /* of its fields; 0: there is none, or */
    bool many;      /* it has too many */
    bool end;       /* there are no bytes at all */
};

/* The header of the head as the CSV reader sees it. */
static struct header find_header(struct dump *dump)
{
    struct header header = {0};
    for (;;) {
        uint32_t count = 0;
        size_t next = dump->text_at;
        header.line = dump->lines + 1;
        switch (csv_next(dump->text, dump->text_size, dump->text_at, dump->text_final, dump->fields, CSV_FIELDS_MAX, &count, &next)) {
        case CSV_BLANK:
            dump->lines++;
            dump->text_at = next;
            continue;
        case CSV_RECORD:
            dump->lines += csv_count_lines(dump->text + dump->text_at, next - dump->text_at);
            dump->text_at = next;
            header.many = count > CSV_FIELDS_MAX;
            header.count = header.many ? 0 : count;
            return header;
        case CSV_END:
            header.end = true;
            return header;
        case CSV_BAD:
        case CSV_BAD_CUT:
        case CSV_MORE:
            return header;
        }
    }
}

static bool is_named(struct dump *dump, const struct csv_field *field, struct span name)
{
    if (field->size > CSV_RECORD_MAX)
        return false;
    size_t size = csv_unescape(field, dump->scratch);
    dump_swap(dump, dump->scratch, size);
    return span_equal((struct span){dump->scratch, size}, name);
}

/* Of the profiles that did not fit, the one whose header is the nearest. */
struct nearest {
    const struct profile *profile;
    struct span lacks; /* a column */
    unsigned lacking;
};

/* Has the header each column of the profile, and once? */
static bool has_columns(struct dump *dump, uint32_t count, struct nearest *nearest)
{
    unsigned needed = 0, lacking = 0;
    struct span lacks = {0};
    for (unsigned i = 0; i < PROFILE_SOURCES && count; i++) {
        const struct profile_source *source = &dump->profile->sources[i];
        unsigned found = 0;
        if (source->from != PROFILE_COLUMN)
            continue;
        for (uint32_t c = 0; c < count; c++) {
            if (!is_named(dump, &dump->fields[c], source->text))
                continue;
            dump->at[i] = c;
            found++;
        }
        needed++;
        if (found == 1)
            continue;
        if (!lacking++)
            lacks = source->text;
    }
    if (count && lacking && lacking < needed && (!nearest->profile || lacking < nearest->lacking))
        *nearest = (struct nearest){dump->profile, lacks, lacking};
    if (lacking || !count)
        return false;
    dump->column_count = count;
    return true;
}

static bool matches(const struct profile *profile, const char *name)
{
    const char *slash = strrchr(name, '/');
    return !profile->match || fnmatch(profile->match, slash ? slash + 1 : name, 0) == 0;
}

/* Is the file one of the profile's? The head lies in `raw`. */
static bool fits(struct dump *dump, const struct profile *profile, struct nearest *nearest, struct fault *fault)
{
    if (!matches(profile, dump->name))
        return false;
    dump->profile = profile;
    dump->has_converter = profile->encoding != NULL;
    if (dump->has_converter && !profile_take_converter(profile, &dump->converter)) {
        dump->has_converter = false;
        fault_set(fault, FAULT_FAILED, "%s: no converter from %s is left", dump->name, profile->encoding);
        return false;
    }
    if (profile->headless) {
        for (unsigned i = 0; i < PROFILE_SOURCES; i++)
            dump->at[i] = profile->sources[i].number;
        return true;
    }
    return dump_fill(dump, fault) == 0 && has_columns(dump, find_header(dump).count, nearest);
}

static void no_profile(struct dump *dump)
{
    if (dump->has_converter)
        profile_give_converter(dump->profile, dump->converter);
    dump->has_converter = false;
    dump->profile = NULL;
}

static void lay_out(struct dump *dump, enum kind kind)
{
    dump->has_layout = true;
    dump->layout = (struct record_layout){.kind = kind, .column_count = record_columns(kind)};
    for (unsigned c = 0; c < RECORD_COLUMNS_MAX; c++) {
        bool there = c < dump->layout.column_count && (dump->profile ? dump->profile->sources[c].from != PROFILE_NOWHERE
                                                                     : dump->given.at[c] != RECORD_COLUMN_ABSENT);
        dump->layout.at[c] = there ? c : RECORD_COLUMN_ABSENT;
    }
}

/* What is told of a file that nothing reads. */
static int refuse(struct dump *dump, uint64_t line, const char *wrong, bool profiles, const struct nearest *nearest, struct fault *fault)
{
    const char *foreign = source_foreign(dump->raw, dump->raw_size);
    char near[512] = "";
    if (nearest->profile)
        snprintf(near, sizeof near, " (nearest: [%s], which needs column '%.*s', and once)", nearest->profile->name, (int)nearest->lacks.size,
                 nearest->lacks.data);
    return foreign && !nearest->profile ? fault_add(fault, FAULT_INPUT, "%s:%llu: %s", dump->name, (unsigned long long)line, foreign)
                   : fault_add(fault, FAULT_INPUT, "%s:%llu: %s%s%s", dump->name, (unsigned long long)line, wrong,
                               profiles ? "; no profile of dumps.ini reads it either" : "", near);
}

/* Tells by the head what the file is. 1: nothing reads it, with the fault. */
static int tell(struct dump *dump, const struct profiles *profiles, struct fault *fault)
{
    char wrong[256] = DUMP_NO_HEADER;
    struct nearest nearest = {0};
    size_t head = dump->raw_size;
    dump->trying = true;
    rewind_head(dump, head);
    struct header header = {.line = 1};
    if (dump_fill(dump, fault) == 0)
        header = find_header(dump);
    if (header.end && dump->text_final)
        return 0;
    if (header.count && record_layout_read(&dump->given, dump->fields, header.count, wrong)) {
        dump->column_count = header.count;
        for (uint32_t c = 0; c < header.count; c++)
            if (is_named(dump, &dump->fields[c], SPAN(DUMP_AS_IT_CAME)))
                dump->as_it_came = c;
        lay_out(dump, dump->given.kind);
        return 0;
    }
    const struct profile *profile;
    for (uint32_t i = 0; (profile = profiles_at(profiles, i)) != NULL && fault->code == FAULT_NONE; i++) {
        rewind_head(dump, head);
        if (fits(dump, profile, &nearest, fault)) {
            lay_out(dump, profile->kind);
            return 0;
        }
        no_profile(dump);
    }
    if (fault->code != FAULT_NONE)
        return -1;
    rewind_head(dump, head);
    refuse(dump, header.line, header.many ? DUMP_WIDE_HEADER : wrong, profiles != NULL, &nearest, fault);
    return 1;
}

/* From the head once more, and on. */
static void begin(struct dump *dump, size_t head, struct fault *fault)
{
    uint32_t count = dump->column_count;
    dump->trying = false;
    rewind_head(dump, head);
    dump->column_count = count;
    if (dump->has_converter)
        iconv(dump->converter, NULL, NULL, NULL, NULL);
    if (count && dump_fill(dump, fault) == 0)
        (void)find_header(dump);
}

int dump_open(struct dump **ret_dump, struct ring *ring, const char *name, const struct profiles *profiles, struct fault *fault)
{
    struct dump *dump = sys.alloc(sizeof *dump);
    if (!dump)
        return fault_memory(fault);
    memset(dump, 0, offsetof(struct dump, fields));
    dump->name = name;
    dump->as_it_came = RECORD_COLUMN_ABSENT;
    int told = 0;
    if (source_open(&dump->source, ring, name, fault) == 0 && dump_fill_raw(dump, fault)) {
        size_t head = dump->raw_size;
        told = tell(dump, profiles, fault);
        if (told == 0)
            begin(dump, head, fault);
    }
    if (fault->code != FAULT_NONE) {
        dump_close(dump);
        return told > 0 ? 1 : -1;
    }
    *ret_dump = dump;
    return 0;
}

const struct profile *dump_profile(const struct dump *dump)
{
    return dump->profile;
}

const struct record_layout *dump_layout(const struct dump *dump)
{
    return dump->has_layout ? &dump->layout : NULL;
}

struct source *dump_source(struct dump *dump)
{
    return dump->source;
}

uint64_t dump_lines(const struct dump *dump)
{
    return dump->lines;
}

void dump_close(struct dump *dump)
{
    if (!dump)
        return;
    no_profile(dump);
    source_close(dump->source);
    sys.free(dump);
}

/* ---- values ---- */

/* An id for records that have none: the same record gives the same. */
static struct span hash_of(struct dump *dump, struct span raw)
{
    XXH128_hash_t hash = XXH3_128bits(raw.data, raw.size);
    int size = sprintf(dump->scratch, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    return (struct span){dump->scratch, (size_t)size};
}

/* What the record says at source `i`, unquoted, in `scratch`. */
static struct span value_of(struct dump *dump, unsigned i)
{
    const struct profile_source *source = &dump->profile->sources[i];
    if (source->from == PROFILE_NOWHERE)
        return (struct span){"", 0};
    if (source->from == PROFILE_CONSTANT)
        return source->text;
    if (source->from == PROFILE_HASH)
        return hash_of(dump, dump->record_raw);
    if (dump->profile->form)
        return dump->values[dump->at[i]];
    size_t size = csv_unescape(&dump->fields[dump->at[i]], dump->scratch);
    dump_swap(dump, dump->scratch, size);
    return (struct span){dump->scratch, size};
}

static bool is_time(const char *column)
{
    static const char *const TIMES[] = {"registered_at", "withdrawn_at", "received_at", "responded_at", "at", "from", "to"};
    for (unsigned i = 0; i < sizeof TIMES / sizeof *TIMES; i++)
        if (strcmp(TIMES[i], column) == 0)
            return true;
    return false;
}

/* As section 3 has it. What cannot be read so stays as it came, and is rejected for it. */
static struct span in_form(struct dump *dump, const char *column, struct span value, bool ucs2)
{
    const struct profile *profile = dump->profile;
    int64_t ms;
    if (profile->time_count && is_time(column)) {
        if (!profile_time(profile, value, &ms))
            return value;
        return (struct span){dump->shaped, value_time_write(ms, dump->shaped)};
    }
    if (profile->word_count)
        value = profile_word(profile, span_of(column), value);
    if (profile->text_form && strcmp(column, "text") == 0)
        return (struct span){dump->shaped, profile_text(profile->text_form, ucs2, value, dump->shaped)};
    return value;
}

static enum reason put_value(struct dump *dump, unsigned column, struct span value)
{
    char *to = dump->out + dump->out_size;
    if (value.size > VALUE_MAX)
        return REASON_TOO_LONG;
    if (value.size)
        memcpy(to, value.data, value.size);
    dump->out_fields[column] = (struct csv_field){.data = to, .size = (uint32_t)value.size};
    dump->out_size += value.size;
    return REASON_NONE;
}

/* UCS-2 where the record says so (2 is Kannel's number for it, 8 is SMPP's), or of hexadecimal digits where no record does. */
static bool is_ucs2(struct dump *dump)
{
    if (dump->profile->sources[PROFILE_CODING].from == PROFILE_NOWHERE)
        return dump->profile->text_form == PROFILE_HEX_UCS2;
    struct span coding = value_of(dump, PROFILE_CODING);
    return span_equal(coding, SPAN("2")) || span_equal(coding, SPAN("8"));
}

/* What the record says of a part that it is. */
static enum reason take_part(struct dump *dump, struct dump_record *record)
{
    const struct profile *profile = dump->profile;
    uint64_t parts = 0, part = 0;
    if (profile->sources[PROFILE_UDH].from != PROFILE_NOWHERE) {
        struct profile_part told;
        if (!profile_udh(value_of(dump, PROFILE_UDH), profile->text_form == PROFILE_URL, &told))
            return REASON_BAD_FIELDS;
        parts = told.parts;
        part = told.part;
        record->reference = (struct span){dump->shaped, (size_t)sprintf(dump->shaped, "%u", told.reference)};
    } else if (profile->sources[PROFILE_PARTS].from != PROFILE_NOWHERE) {
        struct span count = value_of(dump, PROFILE_PARTS);
        if (count.size && !value_number(count, 255, &parts))
            return REASON_BAD_FIELDS;
        if (parts > 1 && !value_number(value_of(dump, PROFILE_PART), 255, &part))
            return REASON_BAD_FIELDS;
        record->reference = value_of(dump, PROFILE_REFERENCE);
    }
    if (parts <= 1)
        return REASON_NONE;
    if (part == 0 || part > parts || record->reference.size > 64)
        return REASON_BAD_FIELDS;
    record->parts = (uint32_t)parts;
    record->part = (uint32_t)part;
    char *to = dump->out + dump->out_size; /* behind the values */
    memcpy(to, record->reference.data, record->reference.size);
    record->reference.data = to;
    return REASON_NONE;
}

static enum reason take_values(struct dump *dump, struct dump_record *record)
{
    enum kind kind = dump->layout.kind;
    dump->out_size = 0;
    record->fields = dump->out_fields;
    record->field_count = record_columns(kind);
    bool ucs2 = dump->profile && dump->profile->text_form && is_ucs2(dump);
    for (unsigned c = 0; c < record->field_count; c++) {
        struct span value = {"", 0};
        if (dump->profile) {
            value = in_form(dump, record_column(kind, c), value_of(dump, c), ucs2);
        } else if (dump->given.at[c] != RECORD_COLUMN_ABSENT) {
            value = (struct span){dump->scratch, csv_unescape(&dump->fields[dump->given.at[c]], dump->scratch)};
        }
        enum reason reason = put_value(dump, c, value);
        if (reason)
            return reason;
    }
    return dump->profile ? take_part(dump, record) : REASON_NONE;
}

/* Is it a record of this profile at all? */
static bool is_taken(struct dump *dump)
{
    return !dump->profile || dump->profile->sources[PROFILE_TAKEN].from == PROFILE_NOWHERE ||
           span_equal(value_of(dump, PROFILE_TAKEN), span_of(dump->profile->take));
}

/* Are there as many fields as the header has? Where there is none, the first record that has all the columns stands for it. */
static bool has_fields(struct dump *dump, uint32_t count)
{
    if (!dump->profile || !dump->profile->headless)
        return count == dump->column_count;
    for (unsigned i = 0; i < PROFILE_SOURCES; i++)
        if (dump->profile->sources[i].from == PROFILE_COLUMN && dump->at[i] >= count)
            return false;
    if (count > CSV_FIELDS_MAX)
        return false;
    if (!is_taken(dump))
        return true; /* whatever it is, it is not judged */
    if (!dump->column_count)
        dump->column_count = count;
    return count == dump->column_count;
}

/* ---- records ---- */

static struct span raw_of(struct dump *dump, size_t size)
{
    char *raw = dump->text + dump->text_at;
    if (size && raw[size - 1] == '\n')
        size--;
    if (size && raw[size - 1] == '\r')
        size--;
    return (struct span){raw, size};
}

/* The fields stay readable until the text is filled again. */
static int next_csv(struct dump *dump, struct dump_record *record, struct fault *fault)
{
    for (;;) {
        uint32_t count = 0;
        size_t next = dump->text_at;
        switch (csv_next_seen(dump->text, dump->text_size, dump->text_at, dump->text_final, dump->fields, CSV_FIELDS_MAX, &count, &next,
                              &dump->seen)) {
        case CSV_END:
            if (dump->text_final)
                return 0;
            if (dump_fill(dump, fault))
                return -1;
            continue;
        case CSV_MORE:
            if (dump_fill(dump, fault))
                return -1;
            continue;
        case CSV_BLANK:
            dump->lines++;
            dump->text_at = next;
            continue;
        case CSV_BAD_CUT:
            if (dump->text_size - dump->text_at < CSV_LOOKAHEAD) { /* its line may end in what comes */
                if (dump_fill(dump, fault))
                    return -1;
                continue;
            }
            next = dump->text_size;
            dump->skipping = true;
            record->reason = REASON_BAD_CSV;
            break;
        case CSV_BAD:
            record->reason = REASON_BAD_CSV;
            break;
        case CSV_RECORD:
            record->reason = has_fields(dump, count) ? REASON_NONE : REASON_BAD_FIELDS;
            if (!record->reason && !is_taken(dump)) {
                dump->lines += csv_count_lines(dump->text + dump->text_at, next - dump->text_at);
                dump->text_at = next;
                continue;
            }
            dump->record_raw = raw_of(dump, next - dump->text_at);
            if (!record->reason)
                record->reason = take_values(dump, record);
            if (!record->reason && dump->as_it_came != RECORD_COLUMN_ABSENT) /* the values lie elsewhere by now */
                record->as_it_came = (struct span){dump->scratch, csv_unescape(&dump->fields[dump->as_it_came], dump->scratch)};
            break;
        }
        record->line = dump->lines + 1;
        record->raw = raw_of(dump, next - dump->text_at);
        dump_swap(dump, (char *)record->raw.data, record->raw.size);
        dump->lines += csv_count_lines(dump->text + dump->text_at, next - dump->text_at);
        dump->text_at = next;
        return 1;
    }
}

/* The next line, without its end; 0 there is none. A line over 64 KiB is bad, as a record of CSV is. */
static int next_line(struct dump *dump, struct dump_record *record, struct fault *fault)
{
    for (;;) {
        char *at = dump->text + dump->text_at;
        size_t left = dump->text_size - dump->text_at;
        const char *feed = memchr(at, '\n', left);
        if (!feed && !dump->text_final && left < CSV_LOOKAHEAD) {
            if (dump_fill(dump, fault))
                return -1;
            continue;
        }
        if (!left && dump->text_final)
            return 0;
        size_t size = feed ? (size_t)(feed - at) + 1 : left;
        record->line = dump->lines + 1;
        record->raw = raw_of(dump, size);
        record->reason = record->raw.size > CSV_RECORD_MAX ? REASON_BAD_CSV : REASON_NONE;
        dump->skipping = !feed && !dump->text_final;
        dump->lines += feed != NULL;
        dump->text_at += size;
        return 1;
    }
}

/* Passes over what is left of a record that was bad and longer than the text. */
static int skip(struct dump *dump, struct fault *fault)
{
    while (dump->skipping) {
        if (dump->text_at == dump->text_size && (dump->text_final || dump_fill(dump, fault)))
            return dump->text_final ? 0 : -1;
        char *at = dump->text + dump->text_at;
        const char *feed = memchr(at, '\n', dump->text_size - dump->text_at);
        dump->lines += feed != NULL;
        dump->text_at = feed ? dump->text_at + (size_t)(feed - at) + 1 : dump->text_size;
        dump->skipping = !feed && !(dump->text_final && dump->text_at == dump->text_size);
    }
    return 0;
}

/* Does the line hold what lines of the profile hold? */
static bool is_wanted(const struct dump *dump, struct span line)
{
    const struct profile *profile = dump->profile;
    bool by_text = profile->take && profile->sources[PROFILE_TAKEN].from == PROFILE_NOWHERE;
    return line.size && (!by_text || memmem(line.data, line.size, profile->take, strlen(profile->take)));
}

static int next_of_log(struct dump *dump, struct dump_record *record, struct fault *fault)
{
    for (;;) {
        if (skip(dump, fault))
            return -1;
        int found = next_line(dump, record, fault);
        if (found <= 0)
            return found;
        if (!is_wanted(dump, record->raw))
            continue;
        if (!record->reason && !profile_line_match(dump->profile->form, record->raw, dump->values))
            record->reason = REASON_BAD_FIELDS;
        if (!record->reason && !is_taken(dump))
            continue;
        dump->record_raw = record->raw;
        if (!record->reason)
            record->reason = take_values(dump, record);
        return 1;
    }
}

int dump_next(struct dump *dump, struct dump_record *ret_record, struct fault *fault)
{
    *ret_record = (struct dump_record){0};
    if (!dump->has_layout)
        return 0;
    if (dump->profile && dump->profile->form)
        return next_of_log(dump, ret_record, fault);
    return skip(dump, fault) ? -1 : next_csv(dump, ret_record, fault);
}
