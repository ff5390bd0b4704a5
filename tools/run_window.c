/* run_window.c - the parts under way. Workers take them in order; two threads write what they made, also in order (run_write.c): this
 * one into the store, the filer into the files. No part waits for another, and a worker that is ahead waits for the writers, so
 * memory is bounded. */
#include "tools/run_phones.h"

/* The next part, once the writer is near enough; false at the end, or where something failed. */
static bool take_part(struct phones *phones, uint32_t *ret_part)
{
    struct run *run = phones->run;
    pthread_mutex_lock(&run->window.lock);
    bool more = run->window.next < run_parts(run) && !crew_failed(&run->crew);
    if (more) {
        *ret_part = run->window.next++;
        while (*ret_part >= run->window.stored + run->window.size || *ret_part >= run->window.filed + run->window.size) {
            if (crew_failed(&run->crew))
                break;
            pthread_cond_wait(&run->window.news, &run->window.lock);
        }
        more = !crew_failed(&run->crew);
    }
    pthread_mutex_unlock(&run->window.lock);
    return more;
}

static int open_views(struct phones *phones)
{
    struct run *run = phones->run;
    struct run_worker *worker = phones->worker;
    const struct state *state = run->store->state;
    return store_read_begin(run->store, &worker->txn, phones->fault) ||
                   segment_view_live(&worker->open, &run->store->db, worker->txn, state, SEGMENTED_OPEN, phones->fault) ||
                   (run->rewrite.whole &&
                    segment_view_live(&worker->copied, &run->store->db, worker->txn, state, SEGMENTED_OPEN, phones->fault)) ||
                   segment_view_live(&worker->closed, &run->store->db, worker->txn, state, SEGMENTED_CLOSED, phones->fault)
               ? -1
               : 0;
}

static void apply_phones(struct crew_worker *crew_worker, void *context)
{
    struct run *run = context;
    struct phones phones = {run, crew_worker->index, &run->workers[crew_worker->index], &crew_worker->fault};
    uint32_t part;
    if (open_views(&phones) == 0) {
        while (take_part(&phones, &part)) {
            struct part_output *output = &run->window.parts[part % run->window.size];
            phones.worker->output = output;
            int failed = run_make_part(&phones, part);
            if (failed)
                atomic_store(&run->crew.failed, true);
            pthread_mutex_lock(&run->window.lock);
            output->part = part;
            output->ready = !failed;
            pthread_cond_broadcast(&run->window.news);
            pthread_mutex_unlock(&run->window.lock);
            if (failed)
                break;
        }
    } else {
        pthread_mutex_lock(&run->window.lock);
        atomic_store(&run->crew.failed, true);
        pthread_cond_broadcast(&run->window.news);
        pthread_mutex_unlock(&run->window.lock);
    }
    segment_view_close(&phones.worker->open);
    segment_view_close(&phones.worker->copied);
    segment_view_close(&phones.worker->closed);
    store_read_end(phones.worker->txn);
    phones.worker->txn = NULL;
}

/* Waits for a part to be ready; NULL where something failed. */
static struct part_output *await_part(struct run *run, uint32_t part)
{
    struct part_output *output = &run->window.parts[part % run->window.size];
    pthread_mutex_lock(&run->window.lock);
    while (!(output->ready && output->part == part) && !crew_failed(&run->crew))
        pthread_cond_wait(&run->window.news, &run->window.lock);
    bool ready = output->ready && output->part == part;
    pthread_mutex_unlock(&run->window.lock);
    return ready ? output : NULL;
}

static void part_written(struct run *run, uint32_t *parts, bool failed)
{
    pthread_mutex_lock(&run->window.lock);
    ++*parts;
    if (failed)
        atomic_store(&run->crew.failed, true);
    pthread_cond_broadcast(&run->window.news);
    pthread_mutex_unlock(&run->window.lock);
}

static void file_parts(struct crew_worker *filer, void *context)
{
    struct run *run = context;
    for (uint32_t part = 0; part < run_parts(run) && filer->fault.code == FAULT_NONE; part++) {
        struct part_output *output = await_part(run, part);
        if (!output)
            break;
        part_written(run, &run->window.filed, run_file_part(run, output, filer) != 0);
    }
    if (!crew_failed(&run->crew) && !filer->fault.code)
        run_finish_parts(run, filer);
}

/* One pass over the parts: the workers make them, this thread stores them. */
static int make_parts(struct run *run)
{
    crew_start(&run->crew, apply_phones, run);
    int failed = 0;
    for (uint32_t part = 0; part < run_parts(run) && !failed; part++) {
        struct part_output *output = await_part(run, part);
        failed = !output || run_store_part(run, output);
        part_written(run, &run->window.stored, failed);
        progress_tick(&run->progress, part + 1, run_parts(run), atomic_load(&run->ingest.records_done));
    }
    return crew_join(&run->crew, run->fault) || failed ? -1 : 0;
}

/* The parts that were left as they are, into the new table; when the files have theirs, as the window is used again. */
static int copy_parts(struct run *run)
{
    pthread_mutex_lock(&run->window.lock);
    while (run->window.filed < run_parts(run) && !crew_failed(&run->crew))
        pthread_cond_wait(&run->window.news, &run->window.lock);
    pthread_mutex_unlock(&run->window.lock);
    if (crew_failed(&run->crew))
        return -1;
    for (uint32_t i = 0; i < run->window.size; i++)
        run->window.parts[i].ready = false;
    run->window.next = run->window.stored = 0;
    return make_parts(run);
}

int run_apply_phones(struct run *run)
{
    crew_start(&run->filer, file_parts, run);
    run->filing = true;
    return make_parts(run) || (run_open_lacks(run) && copy_parts(run)) ? -1 : 0;
}
