/* ingest.c - see ingest.h: the pass.
 *
 * Tasks: a file, or a block of a shared file. A file's task opens it and reads its header; a large plain file is then shared
 * and its blocks become tasks, taken before further files. */
#include "io/ingest_read.h"

#include "engine/check.h"
#include "engine/sys/sys.h"

#include <string.h>

static int work_on_file(struct reading *reading, uint32_t index)
{
    struct ingest *ingest = reading->ingest;
    struct input_file *file = &ingest->inputs->files[index];
    reading->file = index;
    int shared = shared_open(reading);
    if (shared)
        return shared < 0 ? -1 : 0;
    struct source *source;
    struct fault fault = {0};
    if (source_open(&source, reading->worker->ring, file->name, &fault))
        return reading_source_failed(reading, &fault);
    int failed = reading_stream(reading, source);
    source_close(source);
    if (failed == UNFIT)
        failed = reading_profiled(reading);
    atomic_fetch_add(&ingest->bytes_done, file->size);
    return failed;
}

/* ---- the pass ---- */

/* The next task: a block of a shared file, else a file. False: nothing is left to do. */
static bool next_task(struct floor *floor, struct shared **ret_shared, uint32_t *ret_index)
{
    bool found = false;
    pthread_mutex_lock(&floor->lock);
    for (;;) {
        for (struct shared *shared = floor->shared; shared && !found; shared = shared->next) {
            pthread_mutex_lock(&shared->lock);
            if (shared->claimed < shared->block_count) {
                *ret_shared = shared;
                *ret_index = shared->claimed++;
                found = true;
            }
            pthread_mutex_unlock(&shared->lock);
        }
        if (!found && floor->next_file < floor->ingest->inputs->file_count) {
            *ret_shared = NULL;
            *ret_index = floor->next_file++;
            floor->opening++;
            found = true;
        }
        if (found || !floor->opening)
            break;
        pthread_cond_wait(&floor->news, &floor->lock);
    }
    pthread_mutex_unlock(&floor->lock);
    return found;
}

static void read_files(struct crew_worker *worker, void *context)
{
    struct floor *floor = context;
    struct reading *reading = sys.alloc(sizeof *reading);
    struct record_reader *reader = sys.alloc(sizeof *reader);
    size_t block = floor->ingest->block_size + CSV_LOOKAHEAD + 1, half = floor->ingest->stream_size;
    size_t stream = 2 * half + CSV_LOOKAHEAD, size = block > stream ? block : stream;
    char *buffer = sys.alloc(size);
    if (!reading || !reader || !buffer) {
        fault_memory(&worker->fault);
    } else {
        *reading = (struct reading){.floor = floor, .ingest = floor->ingest, .worker = worker, .reader = reader,
                                    .buffer = buffer, .buffer_size = size, .stream_size = half};
        reader->rules = floor->ingest->rules;
        reader->ids = &reading->ids;
        reader->payload[0] = 0;
        reader->is_part = false;
        if (ids_open(&reading->ids, floor->ingest->id_key, &worker->fault) == 0) {
            struct shared *shared;
            uint32_t index;
            while (!crew_failed(worker->crew) && worker->fault.code == FAULT_NONE && next_task(floor, &shared, &index)) {
                if (shared) {
                    (void)shared_work(reading, shared, index);
                    continue;
                }
                (void)work_on_file(reading, index);
                pthread_mutex_lock(&floor->lock);
                floor->opening--;
                pthread_cond_broadcast(&floor->news);
                pthread_mutex_unlock(&floor->lock);
            }
        }
        ids_close(&reading->ids);
    }
    sys.free(buffer);
    sys.free(reader);
    sys.free(reading);
}

static int make_files(struct ingest *ingest, struct fault *fault)
{
    struct inputs *inputs = ingest->inputs;
    const struct walk *walk = ingest->walk;
    *inputs = (struct inputs){.file_count = walk->count};
    pthread_mutex_init(&inputs->lock, NULL);
    inputs->files = sys.alloc((walk->count + 1) * sizeof *inputs->files);
    if (!inputs->files)
        return fault_memory(fault);
    memset(inputs->files, 0, (walk->count + 1) * sizeof *inputs->files);
    for (uint32_t i = 0; i < walk->count; i++) {
        inputs->files[i].name = walk->files[i].name;
        inputs->files[i].size = (uint64_t)walk->files[i].size;
        inputs->files[i].begins = inputs->total_size;
        inputs->total_size += inputs->files[i].size;
    }
    return 0;
}

int ingest_run(struct ingest *ingest, struct fault *fault)
{
    if (make_files(ingest, fault))
        return -1;
    struct floor floor = {.ingest = ingest};
    pthread_mutex_init(&floor.lock, NULL);
    pthread_cond_init(&floor.news, NULL);
    int failed = crew_run(ingest->crew, read_files, &floor, fault);
    while (floor.shared) {
        struct shared *next = floor.shared->next;
        CHECK(failed || flaws_any(&ingest->walk->flaws) || floor.shared->settled == floor.shared->block_count);
        shared_end(ingest, floor.shared);
        floor.shared = next;
    }
    pthread_mutex_destroy(&floor.lock);
    pthread_cond_destroy(&floor.news);
    if (!failed)
        failed = flaws_tell(&ingest->walk->flaws, fault);
    for (uint32_t i = 0; !failed && i < ingest->inputs->piece_count; i++)
        if (ingest->inputs->pieces[i].valid)
            ingest->inputs->files[ingest->inputs->pieces[i].file].records += ingest->inputs->pieces[i].records;
    return failed;
}

void inputs_free(struct inputs *inputs)
{
    if (!inputs->files)
        return;
    pthread_mutex_destroy(&inputs->lock);
    sys.free(inputs->files);
    sys.free(inputs->pieces);
    *inputs = (struct inputs){0};
}
