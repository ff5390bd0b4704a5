/* run_end.c - what follows when all is decided: the sums, the instant in which the run takes effect, what is told of it. */
#include "tools/run.h"
#include "tools/run_setup.h"

#include <errno.h>
#include <stdio.h>

void run_add_up(struct run *run)
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

int run_check_sms_limit(struct run *run)
{
    int64_t sms = sum(&run->counts.sms[0][0], SMS_KIND_COUNT * SMS_WHAT_MAX);
    if (run->options->sms_limit < 0 || sms <= run->options->sms_limit)
        return 0;
    return fault_set(run->fault, FAULT_INPUT, "the run would send %lld SMS, more than --sms-limit %lld: nothing took effect",
                     (long long)sms, (long long)run->options->sms_limit);
}

/* The instant in which the run takes effect. */
static int decide(struct run *run)
{
    struct run_row row = {.as_of_ms = run->facts.as_of_ms};
    if (run_digest_inputs(run, &row.digest))
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

void run_clean_up(struct run *run)
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

int run_publish(struct run *run)
{
    if (!run->writing) /* a dry run: the folder appears, the store stays as it is */
        return publish_reveal(&run->place, run->files.folder_fd, run->fault);
    if (sys.fsync(run->files.folder_fd) != 0)
        return fault_errno(run->fault, errno, "%s: sync", run->place.hidden);
    double began = progress_now();
    if (decide(run))
        return -1;
    run->stages[STAGE_COMMIT] += progress_now() - began;
    /* Beyond this point the run has taken effect. */
    int gone = publish_finish(&run->place, run->store->name, run->facts.run, run->fault);
    return gone > 0 ? fault_set(run->fault, FAULT_FAILED, "%s/%s: the run took effect, but its folder was taken away before it was in place; "
                                "give the command again", run->place.parent, run->place.name)
                    : gone;
}

void run_tell_summary(struct run *run, double seconds)
{
    const struct counts *counts = &run->counts;
    char line[256], shown[PATH_SHOWN_MAX];
    snprintf(line, sizeof line, "run %u%s: %lld records (%llu rejected), %lld SMS, %lld requests, %llu findings in %.1f s", run->facts.run,
             run->options->dry_run ? " (dry)" : "", (long long)sum(counts->records, KIND_COUNT),
             (unsigned long long)sum(&counts->rejects[0][0], KIND_COUNT * REASON_COUNT),
             (long long)sum(&counts->sms[0][0], SMS_KIND_COUNT * SMS_WHAT_MAX), (long long)sum(counts->requests, AGENCY_COUNT),
             (unsigned long long)run->files.findings_rows, seconds);
    progress_end(&run->progress, line);
    if (run->options->json)
        fwrite(run->json.data, 1, run->json.size, stdout);
    else
        printf("%s: %s\n", line, path_shown(span_of(run->options->out), shown, sizeof shown));
}
