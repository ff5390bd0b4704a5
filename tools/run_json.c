/* run_json.c - run.json: what came in, what went out, what was counted (contract section 9). */
#include "tools/run.h"

#include "engine/values.h"
#include "io/buffer_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

struct json {
    struct buffer *out;
    struct fault *fault;
    bool failed;
    bool first; /* in the object that is open */
};

static void raw(struct json *json, const char *text)
{
    json->failed = json->failed || buffer_add_text(json->out, text, json->fault);
}

static void number(struct json *json, int64_t n)
{
    json->failed = json->failed || buffer_format(json->out, json->fault, "%" PRId64, n);
}

static void key(struct json *json, const char *name)
{
    raw(json, json->first ? "\"" : ", \"");
    raw(json, name);
    raw(json, "\": ");
    json->first = false;
}

static void put_hash(struct json *json, XXH128_hash_t hash)
{
    json->failed = json->failed ||
                   buffer_format(json->out, json->fault, "\"%016" PRIx64 "%016" PRIx64 "\"", hash.high64, hash.low64);
}

/* {"word": n, …} without zeros; nothing at all where all are zero */
static bool any(const int64_t *counts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (counts[i])
            return true;
    return false;
}

static void words(struct json *json, const char *name, const int64_t *counts, const char *const *names, unsigned count)
{
    if (!any(counts, count))
        return;
    key(json, name);
    raw(json, "{");
    json->first = true;
    for (unsigned i = 0; i < count; i++) {
        if (!counts[i])
            continue;
        key(json, names[i]);
        number(json, counts[i]);
    }
    raw(json, "}");
    json->first = false;
}

static void single(struct json *json, const char *name, int64_t n)
{
    if (!n)
        return;
    key(json, name);
    number(json, n);
}

/* {"group": {"word": n}} */
static void groups(struct json *json, const char *name, const int64_t *counts, unsigned width, const char *const *outer,
                   unsigned outer_count, const char *const *inner, unsigned inner_count)
{
    if (!any(counts, width * outer_count))
        return;
    key(json, name);
    raw(json, "{");
    json->first = true;
    for (unsigned i = 0; i < outer_count; i++)
        words(json, outer[i], counts + i * width, inner, inner_count);
    raw(json, "}");
    json->first = false;
}

static void put_sms(struct json *json, const struct counts *counts)
{
    if (!any(&counts->sms[0][0], SMS_KIND_COUNT * SMS_WHAT_MAX))
        return;
    key(json, "sms");
    raw(json, "{");
    json->first = true;
    for (enum sms_kind kind = 0; kind < SMS_KIND_COUNT; kind++)
        words(json, SMS_KIND_WORDS[kind], counts->sms[kind], kind == SMS_INFO ? INFO_WORDS : STEP_WORDS,
              kind == SMS_INFO ? INFO_COUNT : STEP_COUNT);
    raw(json, "}");
    json->first = false;
}

static void put_counts(struct json *json, const struct counts *counts)
{
    static const char *const GIVEN_UP[] = {"missed", "expired"};
    static const char *const CASES[] = {"open", "closed"};
    const int64_t cases[] = {counts->cases_open, counts->cases_closed};
    json->first = true;
    words(json, "records", counts->records, KIND_WORDS, KIND_COUNT);
    groups(json, "rejects", &counts->rejects[0][0], REASON_COUNT, KIND_WORDS, KIND_COUNT, REASON_WORDS, REASON_COUNT);
    words(json, "misses", counts->misses, REASON_WORDS, REASON_COUNT);
    put_sms(json, counts);
    words(json, "requests", counts->requests, AGENCY_WORDS, AGENCY_COUNT);
    single(json, "superseded", counts->superseded);
    single(json, "opened", counts->opened);
    single(json, "closed", counts->closed);
    single(json, "revived", counts->revived);
    single(json, "withdrawn", counts->withdrawn);
    words(json, "given_up", counts->given_up, GIVEN_UP, 2);
    groups(json, "outcomes", &counts->outcomes[0][0], OUTCOME_COUNT, PHASE_WORDS, PHASE_COUNT, OUTCOME_WORDS, OUTCOME_COUNT);
    words(json, "reconciliation", counts->findings, FINDING_WORDS, FINDING_COUNT);
    words(json, "open", counts->open, STEP_WORDS, STEP_CLOSED);
    words(json, "cases", cases, CASES, 2);
}

static void put_input(struct json *json, const struct input_file *file, bool lenient)
{
    raw(json, "{\"file\": ");
    json->failed = json->failed || buffer_json_name(json->out, span_of(file->name), json->fault);
    raw(json, ", \"kind\": ");
    if (file->has_kind) {
        raw(json, "\"");
        raw(json, KIND_WORDS[file->kind]);
        raw(json, "\"");
    } else {
        raw(json, "null");
    }
    raw(json, ", \"bytes\": ");
    number(json, (int64_t)file->bytes);
    raw(json, ", \"xxh128\": ");
    put_hash(json, file->hash);
    const struct {
        const char *name;
        uint64_t n;
    } figures[] = {{"records", file->records},
                   {"applied", file->records - file->duplicates - file->rejects},
                   {"misses", file->misses},
                   {lenient ? "mended" : NULL, file->mended},
                   {"duplicates", file->duplicates},
                   {"rejects", file->rejects}};
    json->first = false;
    for (unsigned i = 0; i < sizeof figures / sizeof *figures; i++) {
        if (!figures[i].name)
            continue;
        key(json, figures[i].name);
        number(json, (int64_t)figures[i].n);
    }
    raw(json, ", \"warnings\": [");
    if (!file->has_kind)
        raw(json, "\"the file is empty: no header, no records\"");
    if (file->warnings)
        json->failed = json->failed || buffer_format(json->out, json->fault, "\"bad_account: %" PRIu64 "\"", file->warnings);
    if (file->unkept)
        json->failed = json->failed || buffer_format(json->out, json->fault,
                                                     "%s\"keep_rejected: %" PRIu64 " without room in rejected-%s.csv: mend in the file itself\"",
                                                     file->warnings ? ", " : "", file->unkept, KIND_WORDS[file->kind]);
    raw(json, "]}");
}

struct output_figures {
    char name[64];
    const struct output *output;
    uint64_t rows;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct output_figures *)a)->name, ((const struct output_figures *)b)->name);
}

static void put_outputs(struct json *json, const struct run *run)
{
    uint32_t count = 0;
    struct output_figures *figures = sys.alloc((run->facts.ref->operator_count + AGENCY_COUNT + KIND_COUNT + 2) * sizeof *figures);
    if (!figures) {
        json->failed = true;
        fault_memory(json->fault);
        return;
    }
    for (uint32_t i = 0; i < run->facts.ref->operator_count; i++) {
        if (!run->files.outbound[i])
            continue;
        struct span code = run->facts.ref->operators[i].code;
        snprintf(figures[count].name, sizeof figures->name, "outbound-%.*s.csv", (int)code.size, code.data);
        figures[count].output = run->files.outbound[i];
        figures[count++].rows = run->files.outbound_rows[i];
    }
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
        if (!run->files.requests[agency])
            continue;
        snprintf(figures[count].name, sizeof figures->name, "requests-%s.ndjson", AGENCY_WORDS[agency]);
        figures[count].output = run->files.requests[agency];
        figures[count++].rows = run->files.request_rows[agency];
    }
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        if (!run->files.kept[kind])
            continue;
        snprintf(figures[count].name, sizeof figures->name, "rejected-%s.csv", KIND_WORDS[kind]);
        figures[count].output = run->files.kept[kind];
        figures[count++].rows = run->files.kept_rows[kind];
    }
    figures[count++] = (struct output_figures){"rejects.csv", run->files.rejects, run->files.rejects_rows};
    figures[count++] = (struct output_figures){"reconciliation.csv", run->files.findings, run->files.findings_rows};
    qsort(figures, count, sizeof *figures, by_name);
    for (uint32_t i = 0; i < count; i++) {
        raw(json, i ? ",\n  {\"file\": \"" : "\n  {\"file\": \"");
        raw(json, figures[i].name);
        raw(json, "\", \"records\": ");
        number(json, (int64_t)figures[i].rows);
        raw(json, ", \"bytes\": ");
        number(json, (int64_t)output_bytes(figures[i].output));
        raw(json, ", \"xxh128\": ");
        put_hash(json, output_hash(figures[i].output));
        raw(json, "}");
    }
    sys.free(figures);
}

int run_write_json(struct run *run, double seconds)
{
    struct buffer *out = &run->json;
    struct json json = {.out = out, .fault = run->fault};
    char as_of[VALUE_TIME_MAX + 1], began[VALUE_TIME_MAX + 1];
    as_of[value_time_write(run->facts.as_of_ms, as_of)] = 0;
    began[value_time_write(run->began_ms, began)] = 0;
    json.failed = buffer_format(out, run->fault, "{\"besik\": 1, \"run\": %u, \"as_of\": \"%s\", \"store\": \"%s\",\n \"inputs\": [",
                                run->facts.run, as_of, run->store->name);
    for (uint32_t i = 0; i < run->inputs.file_count; i++) {
        raw(&json, i ? ",\n  " : "\n  ");
        put_input(&json, &run->inputs.files[i], run->facts.lenient);
    }
    raw(&json, "],\n \"outputs\": [");
    put_outputs(&json, run);
    raw(&json, "],\n \"counts\": {");
    put_counts(&json, &run->counts);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    json.failed = json.failed ||
                  buffer_format(out, run->fault,
                                "},\n \"timing\": {\"began\": \"%s\", \"seconds\": %.3f, \"stages\": {\"read\": %.3f, \"apply\": "
                                "%.3f, \"commit\": %.3f, \"publish\": %.3f}, \"workers\": %u, \"peak_memory_bytes\": %ld%s",
                                began, seconds, run->stages[STAGE_READ], run->stages[STAGE_APPLY],
                                run->stages[STAGE_COMMIT], run->stages[STAGE_PUBLISH], run->worker_count,
                                usage.ru_maxrss * 1024L, run->options->dry_run ? PUBLISH_DRY_RUN : "}}\n");
    struct output *file = NULL;
    int failed = json.failed || run_open_output(run, run->files.ring, &file, "run.json", NULL, run->fault) ||
                 output_append(file, out->data, out->size, run->fault) || output_finish(file, run->fault);
    output_close(file);
    return failed ? -1 : 0;
}
