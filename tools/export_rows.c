/* export_rows.c - the tables of an export, and a row as JSON or CSV. See export.h. */
#include "tools/export.h"

#include "engine/values.h"
#include "io/buffer_fields.h"

#define WRITE_SIZE ((size_t)1 << 20)

const char *const EXPORT_WORDS[] = {"cases", "history", "sms", "requests"};

enum type { TYPE_TEXT, TYPE_NUMBER, TYPE_TIME, TYPE_BOOL };
static const char *const SQL_TYPES[] = {"text", "bigint", "timestamp with time zone", "boolean"};

/* `group`: in JSON the column stands in an object of that name. The order is that of struct export_value. */
static const struct column {
    const char *name, *group;
    enum type type;
} COLUMNS[EXPORT_COUNT][EXPORT_COLUMNS_MAX] = {
    [EXPORT_CASES] = {{"msisdn", NULL, TYPE_TEXT},           {"case", NULL, TYPE_NUMBER},
                      {"slot", NULL, TYPE_NUMBER},           {"notice_id", NULL, TYPE_TEXT},
                      {"registered_at", NULL, TYPE_TIME},    {"opened_at", NULL, TYPE_TIME},
                      {"step", NULL, TYPE_TEXT},             {"since", NULL, TYPE_TIME},
                      {"lang", NULL, TYPE_TEXT},             {"misses", NULL, TYPE_NUMBER},
                      {"reminded", NULL, TYPE_TIME},         {"withdrawn", NULL, TYPE_BOOL},
                      {"region", NULL, TYPE_TEXT},           {"education", "answers", TYPE_TEXT},
                      {"income", "answers", TYPE_TEXT},      {"office", "answers", TYPE_TEXT},
                      {"privilege", "answers", TYPE_TEXT},   {"locality", "answers", TYPE_TEXT},
                      {"registration", "outcomes", TYPE_TEXT}, {"kindergarten", "outcomes", TYPE_TEXT},
                      {"benefit", "outcomes", TYPE_TEXT}},
    [EXPORT_HISTORY] = {{"msisdn", NULL, TYPE_TEXT}, {"case", NULL, TYPE_NUMBER}, {"run", NULL, TYPE_NUMBER},
                        {"at", NULL, TYPE_TIME},     {"event", NULL, TYPE_TEXT},  {"identity", NULL, TYPE_TEXT},
                        {"result", NULL, TYPE_TEXT}, {"step", NULL, TYPE_TEXT}},
    [EXPORT_SMS] = {{"msisdn", NULL, TYPE_TEXT}, {"case", NULL, TYPE_NUMBER}, {"sms_id", NULL, TYPE_TEXT},
                    {"kind", NULL, TYPE_TEXT},   {"step", NULL, TYPE_TEXT},   {"at", NULL, TYPE_TIME},
                    {"operator", NULL, TYPE_TEXT}, {"status", NULL, TYPE_TEXT}},
    [EXPORT_REQUESTS] = {{"msisdn", NULL, TYPE_TEXT}, {"case", NULL, TYPE_NUMBER}, {"request_id", NULL, TYPE_TEXT},
                         {"agency", NULL, TYPE_TEXT}, {"created_at", NULL, TYPE_TIME}, {"status", NULL, TYPE_TEXT},
                         {"responded_at", NULL, TYPE_TIME}},
};

static const char *const KEYS[EXPORT_COUNT] = {"\"msisdn\", \"case\"", NULL, "\"sms_id\"", "\"request_id\""};

struct span export_phone(const struct export *export, uint32_t phone, char room[ID_SIZE])
{
    if (!export->phones) {
        ids_phone(&export->reader->ids, phone, room);
        return (struct span){room, ID_SIZE};
    }
    value_phone_write(phone, room);
    return (struct span){room, 11};
}

static bool is_null(enum type type, const struct export_value *value)
{
    return type == TYPE_TEXT ? !value->text.size : type == TYPE_TIME && value->number == NEVER_MS;
}

static void put_bare(struct export *export, enum type type, const struct export_value *value)
{
    if (type == TYPE_TIME)
        buffer_time(&export->out, value->number, export->fault);
    else if (type == TYPE_BOOL)
        buffer_add_text(&export->out, value->number ? "true" : "false", export->fault);
    else
        buffer_format(&export->out, export->fault, "%lld", (long long)value->number);
}

static void put_json(struct export *export, const struct export_value *values)
{
    const struct column *columns = COLUMNS[export->kind];
    struct buffer *out = &export->out;
    struct fault *fault = export->fault;
    const char *group = NULL;
    for (unsigned i = 0; i < EXPORT_COLUMNS_MAX && columns[i].name; i++) {
        bool entered = columns[i].group && columns[i].group != group, left = group && columns[i].group != group;
        buffer_format(out, fault, "%s%s", left ? "}" : "", i ? "," : "{");
        if (entered)
            buffer_format(out, fault, "\"%s\":{", columns[i].group);
        buffer_format(out, fault, "\"%s\":", columns[i].name);
        group = columns[i].group;
        bool quoted = columns[i].type == TYPE_TIME;
        if (is_null(columns[i].type, &values[i]))
            buffer_add_text(out, "null", fault);
        else if (columns[i].type == TYPE_TEXT)
            buffer_json(out, values[i].text, fault);
        else {
            buffer_add_text(out, quoted ? "\"" : "", fault);
            put_bare(export, columns[i].type, &values[i]);
            buffer_add_text(out, quoted ? "\"" : "", fault);
        }
    }
    buffer_add_text(out, group ? "}}\n" : "}\n", fault);
}

static void put_csv(struct export *export, const struct export_value *values)
{
    const struct column *columns = COLUMNS[export->kind];
    for (unsigned i = 0; i < EXPORT_COLUMNS_MAX && columns[i].name; i++) {
        if (i)
            buffer_add_text(&export->out, ",", export->fault);
        if (is_null(columns[i].type, &values[i]))
            continue;
        if (columns[i].type == TYPE_TEXT) {
            buffer_csv(&export->out, values[i].text, ',', export->fault);
            export->out.size -= export->fault->code == FAULT_NONE; /* the comma stands before the next */
        } else {
            put_bare(export, columns[i].type, &values[i]);
        }
    }
    buffer_add_text(&export->out, "\n", export->fault);
}

static int flush(struct export *export)
{
    if (export->fault->code)
        return -1;
    if (export->out.size && fwrite(export->out.data, 1, export->out.size, export->file) != export->out.size)
        return fault_set(export->fault, FAULT_FAILED, "cannot write: the disk is full, or who reads has gone");
    buffer_clear(&export->out);
    return 0;
}

int export_row(struct export *export, const struct export_value *values)
{
    export->rows++;
    (export->csv ? put_csv : put_json)(export, values);
    return export->fault->code ? -1 : export->out.size < WRITE_SIZE ? 0 : flush(export);
}

int export_begin(struct export *export)
{
    const struct column *columns = COLUMNS[export->kind];
    for (unsigned i = 0; export->csv && i < EXPORT_COLUMNS_MAX && columns[i].name; i++)
        buffer_format(&export->out, export->fault, "%s%s", i ? "," : "", columns[i].name);
    return export->csv ? buffer_add_text(&export->out, "\n", export->fault) : 0;
}

int export_end(struct export *export)
{
    return flush(export);
}

int export_schema(struct buffer *out, struct fault *fault)
{
    buffer_add_text(out,
                    "-- besik export --csv: for PostgreSQL and DuckDB. To load a table:\n"
                    "--   psql:   \\copy cases from 'cases.csv' (format csv, header true)\n"
                    "--   DuckDB: copy cases from 'cases.csv' (format csv, header true);\n",
                    fault);
    for (enum export_kind kind = 0; kind < EXPORT_COUNT; kind++) {
        const struct column *columns = COLUMNS[kind];
        buffer_format(out, fault, "\ncreate table if not exists %s (\n", EXPORT_WORDS[kind]);
        for (unsigned i = 0; i < EXPORT_COLUMNS_MAX && columns[i].name; i++)
            buffer_format(out, fault, "%s    \"%s\" %s", i ? ",\n" : "", columns[i].name, SQL_TYPES[columns[i].type]);
        if (KEYS[kind])
            buffer_format(out, fault, ",\n    primary key (%s)", KEYS[kind]);
        buffer_add_text(out, "\n);\n", fault);
    }
    return fault->code ? -1 : 0;
}
