/* run_metrics.c - what a run was, as text for Prometheus (contract section 14): written when it ends, well or not, and put in place
 * whole. Gauges all: each tells of the last run, or of what stands after it. */
#include "tools/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

struct metrics {
    struct buffer *out;
    struct fault *fault;
};

static void begin(const struct metrics *metrics, const char *name, const char *help)
{
    buffer_format(metrics->out, metrics->fault, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void single(const struct metrics *metrics, const char *name, const char *help, double value)
{
    begin(metrics, name, help);
    buffer_format(metrics->out, metrics->fault, "%s %.15g\n", name, value);
}

static void labelled(const struct metrics *metrics, const char *name, const char *label, const char *word, int64_t value)
{
    buffer_format(metrics->out, metrics->fault, "%s{%s=\"%s\"} %" PRId64 "\n", name, label, word, value);
}

/* ---- findings: counted by party as they are written, in the order of findings and parties ---- */

static void escape(struct buffer *out, struct span text, struct fault *fault)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '\\' || c == '"')
            buffer_add(out, "\\", 1, fault);
        buffer_add(out, c == '\n' ? "\\n" : &c, c == '\n' ? 2 : 1, fault);
    }
}

void run_count_finding(struct run *run, enum finding finding, struct span party)
{
    struct party_count *last = &run->metrics.party;
    if (last->rows && last->finding == finding && span_equal((struct span){last->party.data, last->party.size}, party)) {
        last->rows++;
        return;
    }
    run_count_finding_end(run);
    last->finding = finding;
    last->rows = 1;
    buffer_clear(&last->party);
    buffer_add(&last->party, party.data, party.size, run->fault);
}

void run_count_finding_end(struct run *run)
{
    struct party_count *last = &run->metrics.party;
    if (!last->rows)
        return;
    buffer_format(&last->lines, run->fault, "besik_findings{finding=\"%s\",party=\"", FINDING_WORDS[last->finding]);
    escape(&last->lines, (struct span){last->party.data, last->party.size}, run->fault);
    buffer_format(&last->lines, run->fault, "\"} %" PRIu64 "\n", last->rows);
    last->rows = 0;
}

/* ---- what came in and went out ---- */

static void put_records(const struct metrics *metrics, const struct run *run)
{
    static const char *const OUTCOMES[] = {"applied", "miss", "duplicate", "reject"};
    begin(metrics, "besik_records", "Records of the run's input, by what became of them; they add up to all.");
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        uint64_t sums[4] = {0};
        for (uint32_t i = 0; i < run->inputs.file_count; i++) {
            const struct input_file *file = &run->inputs.files[i];
            if (!file->has_kind || file->kind != kind)
                continue;
            sums[0] += file->records - file->duplicates - file->rejects - file->misses;
            sums[1] += file->misses;
            sums[2] += file->duplicates;
            sums[3] += file->rejects;
        }
        for (unsigned i = 0; i < 4; i++)
            buffer_format(metrics->out, metrics->fault, "besik_records{kind=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", KIND_WORDS[kind],
                          OUTCOMES[i], sums[i]);
    }
    begin(metrics, "besik_rejects", "Records that the run rejected, by reason.");
    for (enum kind kind = 0; kind < KIND_COUNT; kind++)
        for (enum reason reason = 0; reason < REASON_COUNT; reason++)
            if (run->counts.rejects[kind][reason])
                buffer_format(metrics->out, metrics->fault, "besik_rejects{kind=\"%s\",reason=\"%s\"} %" PRId64 "\n", KIND_WORDS[kind],
                              REASON_WORDS[reason], run->counts.rejects[kind][reason]);
}

static void put_sent(const struct metrics *metrics, const struct run *run)
{
    begin(metrics, "besik_sms", "SMS that the run wrote for an operator.");
    for (uint32_t operator = 0; operator < run->facts.ref->operator_count; operator++) {
        struct span code = run->facts.ref->operators[operator].code;
        for (enum sms_kind kind = 0; kind < SMS_KIND_COUNT; kind++) {
            uint64_t rows = 0;
            for (uint32_t w = 0; w < run->worker_count; w++)
                rows += run->workers[w].sms[operator * SMS_KIND_COUNT + kind];
            if (rows)
                buffer_format(metrics->out, metrics->fault, "besik_sms{operator=\"%.*s\",kind=\"%s\"} %" PRIu64 "\n", (int)code.size,
                              code.data, SMS_KIND_WORDS[kind], rows);
        }
    }
    begin(metrics, "besik_requests", "Requests that the run wrote for an agency.");
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++)
        labelled(metrics, "besik_requests", "agency", AGENCY_WORDS[agency], (int64_t)run->files.request_rows[agency]);
    begin(metrics, "besik_findings", "Rows of the run's reconciliation.csv.");
    buffer_add(metrics->out, run->metrics.party.lines.data, run->metrics.party.lines.size, metrics->fault);
}

static void put_stages(const struct metrics *metrics, const struct run *run)
{
    static const char *const STAGES[] = {"read", "apply", "commit", "publish"};
    begin(metrics, "besik_run_duration_seconds", "How long the stages of the run took.");
    for (unsigned i = 0; i < sizeof STAGES / sizeof *STAGES; i++)
        buffer_format(metrics->out, metrics->fault, "besik_run_duration_seconds{stage=\"%s\"} %.3f\n", STAGES[i], run->stages[i]);
}

/* ---- what stands after it ---- */

/* The finding is told once a silence: this is what lasts as long as it. */
static void put_silent(const struct metrics *metrics, const struct run *run, bool done)
{
    const struct state *state = done ? run->state : run->store->state;
    const struct ref *ref = ref_of(run->ref_set);
    int64_t as_of_ms = done ? run->facts.as_of_ms : state->as_of_ms;
    begin(metrics, "besik_operator_silent", "1 where the operator's latest message is silent_after old, and no outage of it is on.");
    for (uint32_t i = 0; i < ref->operator_count; i++) {
        bool silent = i < state->operator_count &&
                      finding_is_silent(&state->operators[i], (uint16_t)i, ref, run->store->settings.silent_after, as_of_ms);
        buffer_format(metrics->out, metrics->fault, "besik_operator_silent{operator=\"%.*s\"} %d\n", (int)ref->operators[i].code.size,
                      ref->operators[i].code.data, silent);
    }
}

static void put_standing(const struct metrics *metrics, const struct run *run, bool done)
{
    const struct counts *totals = done ? &run->counts : &run->store->state->totals;
    begin(metrics, "besik_cases", "Cases by where they stand.");
    for (enum step step = 0; step < STEP_COUNT; step++)
        labelled(metrics, "besik_cases", "step", STEP_WORDS[step], step == STEP_CLOSED ? totals->cases_closed : totals->open[step]);
    begin(metrics, "besik_overdue_requests", "Requests that response_after has passed for, and that wait on.");
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++)
        labelled(metrics, "besik_overdue_requests", "agency", AGENCY_WORDS[agency], totals->overdue[agency]);
    put_silent(metrics, run, done);
    char path[4200];
    struct stat stat;
    snprintf(path, sizeof path, "%s/data.mdb", run->store->dir);
    if (sys.stat(AT_FDCWD, path, &stat, 0) == 0)
        single(metrics, "besik_store_bytes", "Size of the store's file.", (double)stat.st_size);
}

static void put_all(const struct metrics *metrics, const struct run *run, bool success, bool done)
{
    struct rusage usage;
    struct timespec now;
    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_REALTIME, &now);
    single(metrics, "besik_run_success", "1 where the last run ended well, else 0.", success);
    single(metrics, "besik_run_end_timestamp_seconds", "When it ended, well or not.", (double)now.tv_sec);
    if (run->began_ms)
        single(metrics, "besik_run_as_of_timestamp_seconds", "Its as-of.", (double)run->facts.as_of_ms / 1000);
    put_stages(metrics, run);
    if (done) {
        put_records(metrics, run);
        put_sent(metrics, run);
    }
    if (run->store->state && run->ref_set)
        put_standing(metrics, run, done);
    single(metrics, "besik_peak_memory_bytes", "Most memory that the run held, pages of the store's file among it.", (double)usage.ru_maxrss * 1024);
}

/* FOLDER/.NAME.tmp */
static int hidden_name(const char *path, char hidden[4200], struct fault *fault)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    return path[folder] && snprintf(hidden, 4200, "%.*s.%s.tmp", (int)folder, path, path + folder) < 4200
               ? 0
               : fault_set(fault, FAULT_USAGE, "--metrics %s: not a file's path", path);
}

/* What stands there is replaced by a rename: a device, a pipe or a link would be lost by it. */
static int check_target(const char *path, struct fault *fault)
{
    struct stat stat;
    if (sys.stat(AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : fault_path(fault, errno, "look", "--metrics %s", path);
    if (S_ISREG(stat.st_mode))
        return 0;
    const char *what = S_ISLNK(stat.st_mode) ? "a link" : S_ISDIR(stat.st_mode) ? "a folder" : "no plain file";
    return fault_set(fault, FAULT_USAGE, "--metrics %s: it is %s, and would be replaced: give the name of a plain file, or a new one", path, what);
}

int run_open_metrics(struct run *run)
{
    char hidden[4200];
    const char *path = run->options->metrics, *slash = path ? strrchr(path, '/') : NULL;
    run->metrics.fd = -1;
    if (!path)
        return 0;
    snprintf(run->metrics.folder, sizeof run->metrics.folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    if (hidden_name(path, hidden, run->fault) || check_target(path, run->fault))
        return -1;
    (void)sys.unlink(AT_FDCWD, hidden, 0); /* of a run that was killed */
    run->metrics.fd = sys.open(AT_FDCWD, hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (run->metrics.fd < 0)
        return fault_path(run->fault, errno, "make", "--metrics %s", path);
    (void)fchmod(run->metrics.fd, 0644); /* for the collector: there is nothing personal in it */
    return 0;
}

/* A failure is no failure of the run: what to do, and the exit, are the run's own. */
static void write_file(const struct run *run, const struct buffer *out, bool made, bool success)
{
    const char *path = run->options->metrics, *what = "write";
    char hidden[4200], shown[PATH_SHOWN_MAX];
    struct fault ignored = {0};
    (void)hidden_name(path, hidden, &ignored); /* it was there at the start */
    int failed = !made;
    errno = failed ? ENOMEM : 0;
    if (!failed)
        failed = sys_write_all(run->metrics.fd, out->data, out->size, 0);
    if (!failed) {
        what = "put in place";
        failed = sys.replace(AT_FDCWD, hidden, AT_FDCWD, path);
    }
    if (!failed)
        return;
    int error = errno;
    fprintf(stderr, "besik run: --metrics %s: %s: %s: %s\n", path_shown(span_of(path), shown, sizeof shown), what, strerror(error),
            success ? "the run itself is done, only its metrics are not told" : "so the metrics do not tell that the run failed");
    (void)sys.unlink(AT_FDCWD, hidden, 0);
}

void run_write_metrics(const struct run *run, bool success, bool done)
{
    struct fault fault = {0};
    struct buffer out = {0};
    struct metrics metrics = {&out, &fault};
    if (run->metrics.fd < 0)
        return;
    put_all(&metrics, run, success, done);
    write_file(run, &out, fault.code == FAULT_NONE, success);
    sys.close(run->metrics.fd);
    buffer_free(&out);
}
