/* command_export.c - besik export: what a store holds, without who it is about. A reader: no run waits for it. */
#include "tools/commands.h"

#include "engine/flow.h"
#include "engine/values.h"
#include "tools/export.h"
#include "tools/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- a phone ---- */

static int put_case(struct export *export, const struct kase *kase, struct span phone)
{
    const struct ref *ref = export->reader->ref;
    bool prompt = step_is_prompt(kase->step);
    char region[10];
    snprintf(region, sizeof region, "%09u", kase->region % 1000000000u);
    if (kase->since_ms < export->since_ms && kase->reminded_ms < export->since_ms && kase->missed_run < export->first_run)
        return 0;
    const struct export_value values[EXPORT_COLUMNS_MAX] = {
        {.text = phone},
        {.number = kase->number},
        {.number = kase->slot},
        {.text = kase->notice_id},
        {.number = kase->registered_ms},
        {.number = kase->begun_ms},
        {.text = span_of(STEP_WORDS[kase->step])},
        {.number = kase->since_ms},
        {.text = kase->lang ? span_of(LANG_WORDS[kase->lang]) : SPAN("")},
        {.number = prompt ? kase->misses : 0},
        {.number = prompt ? kase->reminded_ms : NEVER_MS},
        {.number = kase->withdrawn},
        {.text = {region, kase->region ? 9 : 0}},
        {.text = ref_code(&ref->options[STEP_EDUCATION], kase->education)},
        {.text = ref_code(&ref->options[STEP_INCOME], kase->income)},
        {.text = ref_code(ref_choices(ref, STEP_OFFICE, kase->region), kase->office)},
        {.text = ref_code(&ref->options[STEP_PRIVILEGE], kase->privilege)},
        {.text = ref_code(ref_choices(ref, STEP_LOCALITY, kase->region), kase->locality)},
        {.text = span_of(OUTCOME_WORDS[kase->outcomes[PHASE_REGISTRATION]])},
        {.text = span_of(OUTCOME_WORDS[kase->outcomes[PHASE_KINDERGARTEN]])},
        {.text = span_of(OUTCOME_WORDS[kase->outcomes[PHASE_BENEFIT]])},
    };
    return export_row(export, values);
}

static int put_sms(struct export *export, const struct kase *kase, struct span phone)
{
    const struct reader *reader = export->reader;
    for (uint32_t i = 0; i < kase->sms_count; i++) {
        const struct sms *sms = &reader->phone.sms[kase->sms_first + i];
        char id[ID_SIZE];
        struct id_facts facts = {.phone = reader->phone.number, .case_number = kase->number, .sms_number = i + 1};
        if (sms->at_ms < export->since_ms)
            continue;
        ids_sms(&reader->ids, &facts, id);
        const struct export_value values[EXPORT_COLUMNS_MAX] = {
            {.text = phone},
            {.number = kase->number},
            {.text = {id, ID_SIZE}},
            {.text = span_of(SMS_KIND_WORDS[sms->kind])},
            {.text = span_of(reader_sms_step(sms))},
            {.number = sms->at_ms},
            {.text = reader_operator(reader, sms->operator)},
            {.text = span_of(reader_sms_status(sms))},
        };
        if (export_row(export, values))
            return -1;
    }
    return 0;
}

static int put_requests(struct export *export, const struct kase *kase, struct span phone)
{
    const struct reader *reader = export->reader;
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
        const struct request *request = &kase->requests[agency];
        char id[ID_SIZE];
        struct id_facts facts = {.phone = reader->phone.number, .case_number = kase->number, .agency = (uint8_t)agency};
        if (!request->made || (request->created_ms < export->since_ms && request->responded_ms < export->since_ms))
            continue;
        ids_request(&reader->ids, &facts, id);
        const struct export_value values[EXPORT_COLUMNS_MAX] = {
            {.text = phone},
            {.number = kase->number},
            {.text = {id, ID_SIZE}},
            {.text = span_of(AGENCY_WORDS[agency])},
            {.number = request->created_ms},
            {.text = span_of(OUTCOME_WORDS[request->status])},
            {.number = request->responded_ms},
        };
        if (export_row(export, values))
            return -1;
    }
    return 0;
}

static int put_phone(struct reader *reader, void *context)
{
    struct export *export = context;
    char room[ID_SIZE];
    struct span phone = export_phone(export, reader->phone.number, room);
    for (uint32_t i = 0; i < reader->phone.case_count; i++) {
        const struct kase *kase = &reader->phone.cases[i];
        int failed = export->kind == EXPORT_CASES ? put_case(export, kase, phone)
                     : export->kind == EXPORT_SMS ? put_sms(export, kase, phone)
                                                  : put_requests(export, kase, phone);
        if (failed)
            return -1;
    }
    return 0;
}

static int put_all(struct export *export)
{
    return export_begin(export) ||
                   (export->kind == EXPORT_HISTORY ? export_history(export) : reader_each(export->reader, false, put_phone, export)) ||
                   export_end(export)
               ? -1
               : 0;
}

/* ---- files: written beside their place, then put in it ---- */

static int open_folder(const char *dir, struct fault *fault)
{
    int fd = -1;
    if (sys.mkdir(AT_FDCWD, dir, 0700) == 0 || errno == EEXIST)
        fd = sys.open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd >= 0)
        return fd;
    return fault_path(fault, errno, "make", "--csv %s", dir);
}

static FILE *open_file(int folder, const char *name, struct fault *fault)
{
    char hidden[64];
    snprintf(hidden, sizeof hidden, ".%s.tmp", name);
    sys.unlink(folder, hidden, 0);
    int fd = sys.open(folder, hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        fault_errno(fault, errno, "%s: make", name);
    return file;
}

static int close_file(int folder, const char *name, FILE *file, bool failed, struct fault *fault)
{
    char hidden[64];
    snprintf(hidden, sizeof hidden, ".%s.tmp", name);
    bool bad = fflush(file) != 0 || sys.fsync(fileno(file)) != 0;
    if (fclose(file) != 0 || bad)
        failed = failed || fault_errno(fault, errno, "%s: write", name);
    if (!failed && sys.replace(folder, hidden, folder, name) != 0)
        failed = fault_errno(fault, errno, "%s: put in place", name);
    if (failed)
        sys.unlink(folder, hidden, 0);
    return failed ? -1 : 0;
}

static int put_schema(int folder, struct fault *fault)
{
    struct buffer out = {0};
    FILE *file = open_file(folder, "schema.sql", fault);
    if (!file)
        return -1;
    int failed = export_schema(&out, fault);
    if (!failed)
        fwrite(out.data, 1, out.size, file);
    buffer_free(&out);
    return close_file(folder, "schema.sql", file, failed, fault);
}

static int put_file(struct export *export, int folder)
{
    char name[32];
    snprintf(name, sizeof name, "%s.csv", EXPORT_WORDS[export->kind]);
    export->file = open_file(folder, name, export->fault);
    return !export->file || close_file(folder, name, export->file, put_all(export) != 0, export->fault) ? -1 : 0;
}

/* ---- the command ---- */

/* Runs as of `since` or later are those from first_run on. */
static int find_first_run(struct export *export)
{
    const struct store *store = &export->reader->store;
    struct run_row row;
    export->first_run = 1;
    for (; export->since_ms != NEVER_MS && export->first_run <= store->state->run; export->first_run++) {
        int there = store_get_run(store, export->first_run, &row, export->fault);
        if (there < 0)
            return -1;
        if (there == 0 && row.as_of_ms >= export->since_ms)
            break;
    }
    return 0;
}

static int go(struct export *export, const char *kind, const char *csv)
{
    int failed = find_first_run(export);
    if (!csv) {
        export->file = stdout;
        failed = failed || put_all(export);
    } else if (!failed) {
        int folder = open_folder(csv, export->fault);
        failed = folder < 0 || put_schema(folder, export->fault);
        for (enum export_kind each = 0; each < EXPORT_COUNT && !failed; each++) {
            if (!kind || each == export->kind) {
                export->kind = each;
                failed = put_file(export, folder);
            }
        }
        if (folder >= 0)
            sys.close(folder);
    }
    buffer_free(&export->out);
    return failed ? -1 : 0;
}

static int read_kind(struct export *export, const char *kind, struct fault *fault)
{
    for (enum export_kind i = 0; kind && i < EXPORT_COUNT; i++) {
        export->kind = i;
        if (strcmp(kind, EXPORT_WORDS[i]) == 0)
            return 0;
    }
    return kind ? fault_set(fault, FAULT_USAGE, "%s: must be cases, history, sms or requests", kind) : 0;
}

int command_export(int argc, char **argv, struct fault *fault)
{
    const char *since = NULL, *csv = NULL;
    bool json = false;
    struct reader reader = {0};
    struct export export = {.reader = &reader, .fault = fault, .since_ms = NEVER_MS};
    const struct option options[] = {
        {"since", "TIME", "only what changed as of then or later (an SMS's status does not count)", &since, NULL},
        {"phones", NULL, "phone numbers, instead of opaque ids that stand for them", NULL, &export.phones},
        {"csv", "DIR", "CSV and schema.sql into DIR; without a kind all four", &csv, NULL},
        {"json", NULL, "one JSON object a line, as without it", NULL, &json},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct command command = {
        .name = "export",
        .arguments = "STORE (cases|history|sms|requests) [--since TIME] [--phones] [--csv DIR]",
        .summary = "Writes what a store holds as of its last run, one JSON object a line, in the order of output files. No run\n"
                   "waits for it. Names, IINs and accounts are never in it.",
        .options = options,
        .notes = "schema.sql is for PostgreSQL and DuckDB: psql -f schema.sql, then \\copy cases from cases.csv csv header\n"
                 "Example: besik export /var/lib/besik/store sms --since 2026-11-01T00:00:00+05:00 | jq -r .status",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 2 && !(count == 1 && csv))
        return fault_set(fault, FAULT_USAGE, "give STORE and cases, history, sms or requests (see besik export --help)");
    if (csv && json)
        return fault_set(fault, FAULT_USAGE, "--csv and --json: give one of them");
    if (since && !value_time(span_of(since), &export.since_ms))
        return fault_set(fault, FAULT_USAGE, "--since %s: not RFC 3339 with an offset, as 2026-11-24T22:00:00+05:00", since);
    const char *kind = count == 2 ? argv[1] : NULL;
    export.csv = csv != NULL;
    if (read_kind(&export, kind, fault))
        return -1;
    int failed = reader_open(&reader, argv[0], fault) || go(&export, kind, csv);
    reader_close(&reader);
    return failed ? -1 : 0;
}
