/* run.c - one run: the table of contents. Each step is one call; between them stands what holds from there on. */
#include "tools/run.h"

#include "engine/check.h"
#include "engine/values.h"
#include "tools/open_store.h"
#include "tools/run_setup.h"
#include "tools/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define AHEAD_MAX (400 * DAY_MS)

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

static int decide_as_of(struct run *run)
{
    int64_t now = clock_ms();
    run->began_ms = now;
    run->facts.as_of_ms = now - now % SECOND_MS;
    if (run->options->as_of && !value_time(span_of(run->options->as_of), &run->facts.as_of_ms))
        return fault_set(run->fault, FAULT_USAGE, "--as-of %s: not RFC 3339 with an offset, as 2026-11-24T22:00:00+05:00",
                         run->options->as_of);
    int64_t horizon = run->facts.as_of_ms - run->store->settings.remember;
    run->facts.forget_before_ms = horizon > run->store->state->forgotten_ms ? horizon : run->store->state->forgotten_ms;
    run->facts.previous_ms = run->store->state->run ? run->store->state->as_of_ms : NEVER_MS;
    return 0;
}

static int check_as_of(struct run *run)
{
    char last[VALUE_TIME_MAX + 1];
    if (run->facts.previous_ms != NEVER_MS && run->facts.as_of_ms < run->facts.previous_ms) {
        last[value_time_write(run->facts.previous_ms, last)] = 0;
        return fault_set(run->fault, FAULT_USAGE, "--as-of lies before that of the store's last run, %s", last);
    }
    if (run->facts.as_of_ms > run->began_ms + AHEAD_MAX)
        return fault_set(run->fault, FAULT_USAGE, "--as-of lies more than 400 days after this machine's clock");
    return 0;
}

/* ---- the same run again ---- */

static int hash_order(const void *a, const void *b)
{
    return XXH128_cmp(a, b);
}

/* What tells a run's inputs from others': their contents as a multiset. */
static int digest_inputs(struct run *run, XXH128_hash_t *ret_digest)
{
    XXH128_hash_t *hashes = sys.alloc((run->inputs.file_count + 1) * sizeof *hashes);
    if (!hashes)
        return fault_memory(run->fault);
    for (uint32_t i = 0; i < run->inputs.file_count; i++)
        hashes[i] = run->inputs.files[i].hash;
    qsort(hashes, run->inputs.file_count, sizeof *hashes, hash_order);
    *ret_digest = XXH3_128bits(hashes, run->inputs.file_count * sizeof *hashes);
    sys.free(hashes);
    return 0;
}

/* The run number and store name in a folder's run.json; 0 where it is none. */
static uint32_t folder_run(const char *folder, char store[STORE_NAME_SIZE * 2 + 1])
{
    char path[4200], head[1024];
    snprintf(path, sizeof path, "%s/run.json", folder);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return 0;
    ssize_t size = sys.pread(fd, head, sizeof head - 1, 0);
    sys.close(fd);
    unsigned number = 0;
    if (size <= 0)
        return 0;
    head[size] = 0;
    return sscanf(head, "{\"besik\": 1, \"run\": %u, \"as_of\": \"%*[^\"]\", \"store\": \"%32[0-9a-f]\"", &number, store) == 2
               ? number
               : 0;
}

/* What the run told when it was done. Returns 1, or a fault. */
static int tell_folder_again(struct run *run, uint32_t number)
{
    if (!run->options->json) {
        printf("run %u: done before: %s\n", number, run->options->out);
        return 1;
    }
    char path[4200], bytes[16384];
    snprintf(path, sizeof path, "%s/run.json", run->options->out);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    ssize_t size = fd < 0 ? -1 : 1;
    for (off_t at = 0; size > 0; at += size)
        if ((size = sys.pread(fd, bytes, sizeof bytes, at)) > 0)
            fwrite(bytes, 1, (size_t)size, stdout);
    int error = errno;
    if (fd >= 0)
        sys.close(fd);
    return size < 0 ? fault_errno(run->fault, error, "%s: read", path) : 1;
}

/* --out stands already: 1 it is this very run (nothing to do), else a fault. */
static int check_folder_again(struct run *run)
{
    struct run_row row;
    char store[STORE_NAME_SIZE * 2 + 1];
    uint32_t number = folder_run(run->options->out, store);
    int there = !number || strcmp(store, run->store->name) != 0 ? 1 : store_get_run(run->store, number, &row, run->fault);
    if (there < 0)
        return -1;
    if (there == 0) {
        XXH128_hash_t digest;
        bool same_time = !run->options->as_of || run->facts.as_of_ms == row.as_of_ms;
        run->ingest.hash_only = true;
        if (same_time && (ingest_run(&run->ingest, run->fault) || digest_inputs(run, &digest)))
            return -1;
        if (same_time && XXH128_isEqual(digest, row.digest)) {
            return tell_folder_again(run, number);
        }
    }
    return fault_set(run->fault, FAULT_USAGE, "%s: stands already and holds another run; give another --out", run->options->out);
}

static bool folder_stands(const char *path)
{
    struct stat stat;
    return sys.stat(AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- between the passes ---- */

/* Totals records are looked up by every phone: one list, for all. */
static int share_totals(struct run *run)
{
    struct ingest *ingest = &run->ingest;
    size_t room = ingest->totals_count + (size_t)1;
    run->totals_rows = sys.alloc(room * sizeof *run->totals_rows);
    run->totals_found = sys.alloc(room * sizeof *run->totals_found);
    if (!run->totals_rows || !run->totals_found)
        return fault_memory(run->fault);
    for (uint32_t i = 0; i < ingest->totals_count; i++) {
        run->totals_rows[i] = ingest->totals[i].row;
        run->totals_rows[i].number = i;
        run->totals_found[i] = 0;
    }
    if (ingest->totals_count)
        qsort(run->totals_rows, ingest->totals_count, sizeof *run->totals_rows, totals_order);
    totals_reach(run->totals_rows, ingest->totals_count);
    run->facts.totals = run->totals_rows;
    run->facts.totals_count = ingest->totals_count;
    for (uint32_t w = 0; w < run->worker_count; w++) {
        struct totals_count *counts = sys.alloc(room * sizeof *counts);
        if (!counts)
            return fault_memory(run->fault);
        memset(counts, 0, room * sizeof *counts);
        run->workers[w].apply.totals_counts = counts;
    }
    return 0;
}

static void add_up(struct run *run)
{
    for (uint32_t w = 0; w < run->worker_count; w++) {
        const struct apply *apply = &run->workers[w].apply;
        counts_add(&run->counts, &apply->counts);
        for (uint32_t i = 0; i < run->inputs.file_count; i++) {
            run->inputs.files[i].duplicates += run->workers[w].duplicates[i];
            run->inputs.files[i].mended += run->workers[w].mended[i];
            run->inputs.files[i].records -= run->workers[w].joined_parts[i];
        }
        for (uint32_t i = 0; i < run->facts.totals_count; i++)
            run->totals_found[i] += apply->totals_counts[i].found;
        for (uint32_t i = 0; i < run->facts.ref->operator_count; i++) {
            struct operator_news *sum = &run->news[i];
            const struct operator_news *news = &apply->news[i];
            if (news->heard_ms > sum->heard_ms)
                sum->heard_ms = news->heard_ms;
            if (news->receipted_ms > sum->receipted_ms)
                sum->receipted_ms = news->receipted_ms;
            if (!news->late_count)
                continue;
            if (!sum->late_count || news->late_first_ms < sum->late_first_ms)
                sum->late_first_ms = news->late_first_ms;
            if (!sum->late_count || news->late_last_ms > sum->late_last_ms)
                sum->late_last_ms = news->late_last_ms;
            sum->late_count += news->late_count;
        }
    }
    for (uint32_t i = 0; i < run->inputs.file_count; i++)
        if (run->inputs.files[i].has_kind)
            run->counts.records[run->inputs.files[i].kind] += (int64_t)run->inputs.files[i].records;
    /* the workers counted changes of what stands open: the store keeps the sums */
    for (enum step step = 0; step < STEP_COUNT; step++)
        run->counts.open[step] = run->state->totals.open[step] += run->counts.open[step];
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++)
        run->counts.overdue[agency] = run->state->totals.overdue[agency] += run->counts.overdue[agency];
    run->counts.cases_open = run->state->totals.cases_open += run->counts.cases_open;
    run->counts.cases_closed = run->state->totals.cases_closed += run->counts.cases_closed;
}

static int64_t sum(const int64_t *counts, size_t count)
{
    int64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += counts[i];
    return all;
}

static int check_sms_limit(struct run *run)
{
    int64_t sms = sum(&run->counts.sms[0][0], SMS_KIND_COUNT * SMS_WHAT_MAX);
    if (run->options->sms_limit < 0 || sms <= run->options->sms_limit)
        return 0;
    return fault_set(run->fault, FAULT_INPUT, "the run would send %lld SMS, more than --sms-limit %lld: nothing took effect",
                     (long long)sms, (long long)run->options->sms_limit);
}

static int finish_outputs(struct run *run)
{
    return run_finish_files(run) || output_finish(run->rejects_file, run->fault) || output_finish(run->findings_file, run->fault) ? -1 : 0;
}

/* The instant in which the run takes effect. */
static int decide(struct run *run)
{
    struct run_row row = {.as_of_ms = run->facts.as_of_ms};
    if (digest_inputs(run, &row.digest))
        return -1;
    run->writer.limit = SIZE_MAX; /* from here to the commit all is one transaction */
    run->state->run = run->facts.run;
    run->state->as_of_ms = run->facts.as_of_ms;
    run->state->forgotten_ms = run->facts.forget_before_ms;
    run->deciding = true;
    return store_put_state(run->state, &run->writer, run->fault) ||
                   store_put_run(run->facts.run, &row, &run->writer, run->fault) ||
                   store_put_pending(&run->place, &run->writer, run->fault) ||
                   store_mark_unfinished(&run->writer, false, run->fault) || db_write_commit(&run->writer, run->fault)
               ? -1
               : 0;
}

/* What the run no longer needs; a failure here is nothing: the next command that writes does it again. */
static void clean_up(struct run *run)
{
    struct fault ignored = {0};
    struct db_writer writer;
    memcpy(run->store->state, run->state, store_state_size(run->state));
    if (db_write_begin(&writer, &run->store->db, run_transaction_size(run), &ignored))
        return;
    if (store_clear_pending(&writer, &ignored) == 0 && store_sweep(run->store, &writer, &ignored) == 0 &&
        db_write_commit(&writer, &ignored) == 0)
        store_note_looked(run->store);
    db_write_abort(&writer);
}

static int publish(struct run *run)
{
    if (sys.fsync(run->folder_fd) != 0)
        return fault_errno(run->fault, errno, "%s: sync", run->place.hidden);
    if (!run->writing) /* a dry run: the folder appears, the store stays as it is */
        return publish_finish(&run->place, run->fault);
    double began = progress_now();
    if (decide(run))
        return -1;
    run->stages[STAGE_COMMIT] += progress_now() - began;
    /* Beyond this point the run has taken effect. */
    return publish_finish(&run->place, run->fault);
}

static double lap(double *since)
{
    double now = progress_now(), spent = now - *since;
    *since = now;
    return spent;
}

static int begin_writing(struct run *run)
{
    if (run->options->dry_run)
        return 0;
    if (db_write_begin(&run->writer, &run->store->db, run_transaction_size(run), run->fault))
        return -1;
    run->writing = true;
    return store_sweep(run->store, &run->writer, run->fault) || store_mark_unfinished(&run->writer, true, run->fault) ? -1 : 0;
}

/* One line on standard output, or with --json the run.json that stands in the folder. */
static void tell_summary(struct run *run, double seconds)
{
    const struct counts *counts = &run->counts;
    char line[256];
    snprintf(line, sizeof line, "run %u%s: %lld records (%llu rejected), %lld SMS, %lld requests, %llu findings in %.1f s", run->facts.run,
             run->options->dry_run ? " (dry)" : "", (long long)sum(counts->records, KIND_COUNT),
             (unsigned long long)sum(&counts->rejects[0][0], KIND_COUNT * REASON_COUNT),
             (long long)sum(&counts->sms[0][0], SMS_KIND_COUNT * SMS_WHAT_MAX), (long long)sum(counts->requests, AGENCY_COUNT),
             (unsigned long long)run->findings_rows, seconds);
    progress_end(&run->progress, line);
    if (run->options->json)
        fwrite(run->json.data, 1, run->json.size, stdout);
    else
        printf("%s: %s\n", line, run->options->out);
}

static void tick_reading(void *context)
{
    struct run *run = context;
    progress_tick(&run->progress, (double)atomic_load(&run->ingest.bytes_done), (double)run->inputs.total_size,
                  atomic_load(&run->ingest.records_done));
}

static int do_passes(struct run *run)
{
    double since = progress_now(), begun = since;
    run->facts.run = run->store->state->run + 1;

    progress_stage(&run->progress, "read");
    run->crew.tick = tick_reading;
    run->crew.tick_context = run;
    if (ingest_run(&run->ingest, run->fault) || share_totals(run) || run_pop_due(run))
        return -1;
    run->crew.tick = NULL;
    run->stages[STAGE_READ] = lap(&since);
    /* Beyond this point no file is read: each record has its destination, and its place in its file. */

    progress_stage(&run->progress, "apply");
    if (run_tell_notices_apart(run))
        return -1;
    /* Beyond this point every event has its phone. */

    if (run_open_decide(run) || begin_writing(run) || publish_begin(&run->place, &run->folder_fd, run->fault) ||
        run_apply_phones(run))
        return -1;
    add_up(run);
    if (check_sms_limit(run))
        return -1;
    run->stages[STAGE_APPLY] = lap(&since);
    /* Beyond this point all is decided; what follows only writes it down. */

    progress_stage(&run->progress, "commit");
    if (run_index_notices(run) || run_merge_segments(run) || run_reconcile(run) || run_flush_queues(run))
        return -1;
    run->stages[STAGE_COMMIT] = lap(&since);

    progress_stage(&run->progress, "publish");
    if (run_write_rejects(run) || run_write_findings(run) || finish_outputs(run))
        return -1;
    run->stages[STAGE_PUBLISH] = lap(&since);
    if (run_write_json(run, since - begun) || run_folder_inputs(run) || run_folder_store(run) || publish(run))
        return -1;
    tell_summary(run, since - begun);
    return 0;
}

/* From here on only what the run needs: what follows starts threads, which inherit it, and reads foreign bytes. */
static int lock_down(struct run *run)
{
    struct sandbox sandbox;
    if (!SANDBOX_ON)
        return 0;
    sandbox_begin(&sandbox);
    sandbox_allow(&sandbox, run->store->dir, SANDBOX_WRITE);
    sandbox_allow(&sandbox, run->place.parent, SANDBOX_WRITE);
    if (run->options->metrics)
        sandbox_allow(&sandbox, run->metrics_folder, SANDBOX_WRITE);
    if (run->options->tmp)
        sandbox_allow(&sandbox, run->options->tmp, SANDBOX_WRITE);
    sandbox_allow(&sandbox, "/sys/devices/system/cpu", SANDBOX_READ); /* how many processors there are */
    for (int i = 0; i < run->options->path_count; i++)
        sandbox_allow(&sandbox, run->options->paths[i], SANDBOX_READ);
    for (uint32_t i = 0; i < run->walk.count; i++) /* some may be links to elsewhere */
        sandbox_allow(&sandbox, run->walk.files[i].name, SANDBOX_READ);
    if (sandbox.error)
        return fault_errno(run->fault, sandbox.error, "open the folders of the run");
    const char *lacks = sandbox_enter(&sandbox);
    if (lacks)
        fprintf(stderr, "besik run: this kernel lacks %s: the run goes on without being locked down by it\n", lacks);
    return 0;
}

/* Profiles come from files of the machine (zones, encodings), which are out of reach once the run has locked itself down. */
static int open_profiles(struct run *run)
{
    struct span text = ref_dumps(run->ref_set);
    if (!text.size)
        return 0;
    return profiles_open(&run->profiles, "the store's dumps.ini", text, run->fault) ||
           profiles_prepare(run->profiles, CREW_MAX + 1, run->fault);
}

static int prepare(struct run *run)
{
    uint32_t next = run->store->state->run + 1;
    run_limit_memory(run);
    if (decide_as_of(run) || walk_gather(&run->walk, run->options->paths, run->options->path_count, run->fault) ||
        publish_place(&run->place, run->options->out, next, run->fault))
        return -1;
    if (open_profiles(run) || lock_down(run) || run_set_up(run))
        return -1;
    if (SANDBOX_ON)
        sandbox_settle(); /* threads and rings stand */
    if (folder_stands(run->options->out))
        return check_folder_again(run);
    return check_as_of(run) || run_check_space(run) ? -1 : 0;
}

int run_go(const struct run_options *options, struct fault *fault)
{
    struct store store = {.lock_fd = -1};
    struct run *run = sys.alloc(sizeof *run);
    if (!run)
        return fault_memory(fault);
    memset(run, 0, sizeof *run);
    *run = (struct run){.options = options, .fault = fault, .store = &store, .folder_fd = -1};
    progress_open(&run->progress, options->progress);
    int failed = run_open_metrics(run) || open_store(&store, &run->ref_set, options->store, STORE_RUN, fault);
    bool begun = false;
    if (!failed) {
        int again = prepare(run);
        failed = again < 0;
        if (!failed)
            progress_ready(&run->progress);
        if (again == 0) {
            begun = true;
            failed = do_passes(run);
        }
    }
    if (begun && failed) /* nobody writes into a folder that is taken away; and the fault may be theirs */
        (void)run_finish_files(run);
    progress_end(&run->progress, failed ? fault->text : "done before");
    if (run->writing)
        db_write_abort(&run->writer);
    if (begun && failed && run->folder_fd >= 0 && !run->deciding)
        publish_abandon(&run->place); /* not taken effect: nothing is left of it */
    if (begun && !failed && run->writing)
        clean_up(run);
    if (run->folder_fd >= 0)
        sys.close(run->folder_fd);
    buffer_free(&run->json);
    run_write_metrics(run, !failed, begun && !failed);
    run_tear_down(run);
    walk_free(&run->walk);
    ref_free(run->ref_set);
    store_close(&store);
    sys.free(run);
    return failed ? -1 : 0;
}
