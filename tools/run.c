/* run.c - one run: the table of contents. Each step is one call; between them stands what holds from there on. */
#include "tools/run.h"

#include "engine/values.h"
#include "tools/open_store.h"
#include "tools/run_setup.h"
#include "tools/sandbox.h"

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

static int begin_writing(struct run *run)
{
    if (run->options->dry_run)
        return 0;
    if (db_write_begin(&run->writer, &run->store->db, run_transaction_size(run), run->fault))
        return -1;
    run->writing = true;
    return store_sweep(run->store, &run->writer, run->fault) || store_mark_unfinished(&run->writer, true, run->fault) ? -1 : 0;
}

static void tick_reading(void *context)
{
    struct run *run = context;
    progress_tick(&run->progress, (double)atomic_load(&run->ingest.bytes_done), (double)run->inputs.total_size,
                  atomic_load(&run->ingest.records_done));
}

static double lap(double *since)
{
    double now = progress_now(), spent = now - *since;
    *since = now;
    return spent;
}

static int do_passes(struct run *run)
{
    double since = progress_now(), begun = since;
    run->facts.run = run->store->state->run + 1;

    progress_stage(&run->progress, "read");
    run->crew.tick = tick_reading;
    run->crew.tick_context = run;
    if (ingest_run(&run->ingest, run->fault) || /* the files */
        share_totals(run) ||
        run_pop_due(run)) /* whose time has come */
        return -1;
    run->crew.tick = NULL;
    run->stages[STAGE_READ] = lap(&since);
    /* Beyond this point no file is read: each record has its destination, and its place in its file. */

    progress_stage(&run->progress, "apply");
    if (run_tell_notices_apart(run)) /* a record that names a notice alone gets its phone */
        return -1;
    /* Beyond this point every event has its phone. */

    if (run_open_decide(run) || /* is the table of open cases written anew? */
        begin_writing(run) ||
        publish_note(run->store->dir, &run->place, run->fault) ||
        publish_begin(&run->place, &run->files.folder_fd, run->fault) ||
        run_apply_phones(run)) /* every phone that is named or due: rules, SMS, requests, its new record */
        return -1;
    run_add_up(run);
    if (run_check_sms_limit(run))
        return -1;
    run->stages[STAGE_APPLY] = lap(&since);
    /* Beyond this point all is decided; what follows only writes it down. */

    progress_stage(&run->progress, "commit");
    if (run_index_notices(run) ||
        run_merge_segments(run) ||
        run_reconcile(run) ||
        run_flush_queues(run)) /* what becomes due later */
        return -1;
    run->stages[STAGE_COMMIT] = lap(&since);

    progress_stage(&run->progress, "publish");
    if (run_write_rejects(run) ||
        run_write_findings(run) ||
        run_finish_files(run) ||
        output_finish(run->files.rejects, run->fault) ||
        output_finish(run->files.findings, run->fault))
        return -1;
    run->stages[STAGE_PUBLISH] = lap(&since);
    if (run_write_json(run, since - begun) ||
        run_folder_inputs(run) ||
        run_folder_store(run) || /* for reissue */
        run_publish(run))        /* it takes effect, and the folder appears */
        return -1;
    run_tell_summary(run, since - begun);
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
        sandbox_allow(&sandbox, run->metrics.folder, SANDBOX_WRITE);
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
    char tag[PUBLISH_RUN_TAG];
    publish_run_tag(run->store->name, run->store->state->run + 1, tag);
    run_limit_memory(run);
    if (decide_as_of(run) || walk_gather(&run->walk, run->options->paths, run->options->path_count, run->fault) ||
        publish_place(&run->place, run->options->out, tag, run->fault))
        return -1;
    if (open_profiles(run) || lock_down(run) || run_set_up(run))
        return -1;
    if (SANDBOX_ON)
        sandbox_settle(); /* threads and rings stand */
    if (run_folder_stands(run->options->out)) /* of a run of other files, if some are not there */
        return flaws_tell(&run->walk.flaws, run->fault) ? -1 : run_check_folder_again(run);
    return check_as_of(run) || run_check_space(run) ? -1 : 0;
}

int run_go(const struct run_options *options, struct fault *fault)
{
    struct store store = {.lock_fd = -1};
    struct run *run = sys.alloc(sizeof *run);
    if (!run)
        return fault_memory(fault);
    memset(run, 0, sizeof *run);
    *run = (struct run){.options = options, .fault = fault, .store = &store, .files.folder_fd = -1};
    progress_open(&run->progress, options->progress);
    int failed = run_open_metrics(run) || run_check_tmp(run) || open_store(&store, &run->ref_set, options->store, STORE_RUN, fault);
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
    if (begun && !failed && run->writing)
        run_clean_up(run);
    struct fault ignored = {0};
    if (begun && !(failed && run->deciding)) /* of what did not take effect nothing is left; where that is in doubt the next command knows */
        (void)publish_clear_noted(store.dir, &ignored);
    if (run->files.folder_fd >= 0)
        sys.close(run->files.folder_fd);
    buffer_free(&run->json);
    run_write_metrics(run, !failed, begun && !failed);
    run_tear_down(run);
    walk_free(&run->walk);
    ref_free(run->ref_set);
    store_close(&store);
    sys.free(run);
    return failed ? -1 : 0;
}
