/* run_setup.c - see run_setup.h. How --memory is shared out:
 *
 *   3/4   the pool of records on their way (spilled beyond)
 *   1/32  one transaction of the store
 *   1/16  blocks of input being read, all workers together
 *   1/8   parts that wait for the writers
 *   rest  a part in work of each worker: parts are the more the larger the input, so that each is small */
#include "tools/run_setup.h"

#include "engine/check.h"
#include "engine/sys/large.h"
#include "engine/values.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define WORKER_SIZE (4 * MIB) /* of --memory, a worker at least */
#define PART_BITS_MAX 12
#define EVENT_PER_BYTE 2   /* bytes of events a byte of plain input gives at most, about */
#define INFLATED 12        /* times a compressed file may grow, about */

static const char *run_tmp(const struct run *run)
{
    return run->options->tmp ? run->options->tmp : run->store->dir;
}

static uint64_t clamp(uint64_t n, uint64_t low, uint64_t high)
{
    return n < low ? low : n > high ? high : n;
}

static unsigned log2_of(uint64_t n) /* rounded up */
{
    unsigned bits = 0;
    while (((uint64_t)1 << bits) < n)
        bits++;
    return bits;
}

enum look { LOOK_PLAIN, LOOK_COMPRESSED, LOOK_NOTICES };

/* What a file seems to be, by its first bytes: for estimates only. */
static enum look look_at(const char *name)
{
    char head[512];
    int fd = sys.open(AT_FDCWD, name, O_RDONLY, 0);
    ssize_t size = fd < 0 ? -1 : sys.pread(fd, head, sizeof head, 0);
    if (fd >= 0)
        sys.close(fd);
    if (size >= 4 && (memcmp(head, "\x1f\x8b", 2) == 0 || memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0 ||
                      memcmp(head + 1, "\x2a\x4d\x18", 3) == 0))
        return LOOK_COMPRESSED;
    return size > 0 && memmem(head, (size_t)size, "mother_iin", 10) ? LOOK_NOTICES : LOOK_PLAIN;
}

/* What a byte of plain input becomes at most, measured: of messages 1.6 in the store and 1.8 in the folder, of notices 4 and 6;
 * spilled 1.5. */
static void estimate(struct run *run)
{
    struct run_estimate *estimate = &run->estimate;
    *estimate = (struct run_estimate){.stored = MIB, .published = MIB / 4};
    for (uint32_t i = 0; i < run->walk.count; i++) {
        const struct walk_file *file = &run->walk.files[i];
        enum look look = look_at(file->name);
        bool notices = look == LOOK_NOTICES; /* they become long SMS */
        uint64_t bytes = (uint64_t)file->size * (look == LOOK_COMPRESSED ? INFLATED : 1);
        estimate->stored += notices ? bytes * 4 : bytes * 8 / 5;
        estimate->published += notices ? bytes * 6 : bytes * 9 / 5;
        estimate->spilled += bytes * 3 / 2;
        estimate->events += look == LOOK_COMPRESSED ? bytes : bytes * EVENT_PER_BYTE;
    }
    estimate->stored += estimate->published / 8; /* the folder is kept, packed */
}

static uint64_t pool_size(const struct run *run)
{
    return run->options->memory / 4 * 3;
}

/* Parts are the shards, or finer where the input is large for the memory. */
static unsigned choose_part_bits(const struct run *run)
{
    uint64_t bytes = run->estimate.events, memory = run->options->memory;
    bytes += run->store->state->segments[SEGMENTED_OPEN][0].bytes; /* a rewrite holds a part of these */
    uint64_t part = clamp(memory / 256, MIB, 8 * MIB);
    unsigned bits = log2_of(bytes / part + 1);
    unsigned shards = log2_of(run->store->settings.shards);
    unsigned most = log2_of(clamp(memory / 8 / ((uint64_t)run->worker_count * SPOOL_CHUNK), 2, 1 << PART_BITS_MAX));
    if (bits < shards)
        bits = shards;
    return bits > most ? most : bits;
}

static int no_memory(struct run *run)
{
    return fault_memory(run->fault);
}

static void *make_zeroed(size_t size)
{
    void *block = sys.alloc(size ? size : 1);
    if (block)
        memset(block, 0, size ? size : 1);
    return block;
}

static int set_up_worker(struct run *run, struct run_worker *worker)
{
    uint32_t operators = run->facts.ref->operator_count;
    worker->apply.run = &run->facts;
    worker->apply.news = make_zeroed(operators * sizeof *worker->apply.news);
    worker->duplicates = make_zeroed((run->walk.count + 1) * sizeof *worker->duplicates);
    worker->mended = make_zeroed((run->walk.count + 1) * sizeof *worker->mended);
    worker->sms = make_zeroed(operators * SMS_KIND_COUNT * sizeof *worker->sms);
    worker->joined_parts = make_zeroed((run->walk.count + 1) * sizeof *worker->joined_parts);
    if (!worker->apply.news || !worker->duplicates || !worker->mended || !worker->joined_parts || !worker->sms)
        return no_memory(run);
    for (uint32_t i = 0; i < operators; i++)
        worker->apply.news[i] = (struct operator_news){.heard_ms = NEVER_MS, .receipted_ms = NEVER_MS};
    if (ids_open(&worker->ids, run->store->key, run->fault) ||
        texts_open(&worker->texts, run->ref_set, run->store->settings.max_segments, run->fault) ||
        segment_build(&worker->open_builder, TABLE_OPEN, TABLE_COUNT, run->fault) ||
        segment_build(&worker->closed_builder, TABLE_CLOSED, TABLE_CLOSED_FILTER, run->fault) ||
        segment_build(&worker->index_builder, TABLE_NOTICES, TABLE_NOTICES_FILTER, run->fault))
        return -1;
    worker->rows = (struct rows){.run = &run->facts, .ids = &worker->ids, .texts = worker->texts};
    memcpy(worker->rows.short_code, run->rules.short_code, sizeof worker->rows.short_code);
    return 0;
}

static int set_up_window(struct run *run)
{
    uint32_t operators = run->facts.ref->operator_count;
    /* deep enough that the workers go on while a transaction is synced */
    run->window.size = (uint32_t)clamp(run->options->memory / 8 / (8 * MIB), run->worker_count + 2, 48);
    run->window.parts = make_zeroed(run->window.size * sizeof *run->window.parts);
    run->files.outbound = make_zeroed(operators * sizeof *run->files.outbound);
    run->files.outbound_rows = make_zeroed(operators * sizeof *run->files.outbound_rows);
    run->news = make_zeroed(operators * sizeof *run->news);
    run->settled_ms = make_zeroed(operators * sizeof *run->settled_ms);
    run->state = make_zeroed(sizeof *run->state + REF_OPERATORS_MAX * sizeof *run->state->operators);
    if (!run->window.parts || !run->files.outbound || !run->files.outbound_rows || !run->news || !run->settled_ms || !run->state)
        return no_memory(run);
    for (uint32_t i = 0; i < run->window.size; i++) {
        run->window.parts[i].outbound = make_zeroed(operators * sizeof *run->window.parts[i].outbound);
        if (!run->window.parts[i].outbound)
            return no_memory(run);
    }
    pthread_mutex_init(&run->window.lock, NULL);
    pthread_cond_init(&run->window.news, NULL);
    memcpy(run->state, run->store->state, sizeof *run->state + REF_OPERATORS_MAX * sizeof *run->state->operators);
    run->state->operator_count = operators;
    for (uint32_t i = 0; i < operators; i++) {
        run->settled_ms[i] = run->state->operators[i].settled_ms;
        run->news[i] = (struct operator_news){.heard_ms = NEVER_MS, .receipted_ms = NEVER_MS};
    }
    for (unsigned i = 0; i < SEGMENTED_COUNT; i++)
        run->segment_numbers[i] = run->state->next_segment++;
    return 0;
}

size_t run_transaction_size(const struct run *run)
{
    return clamp(run->options->memory / 32, 2 * MIB, 32 * MIB);
}

void run_limit_memory(const struct run *run)
{
    large_open(run->options->memory - run_transaction_size(run), run_tmp(run));
}

int run_check_tmp(const struct run *run)
{
    const char *tmp = run->options->tmp;
    int fd = tmp ? sys.open(AT_FDCWD, tmp, O_TMPFILE | O_RDWR, 0600) : -1;
    if (!tmp)
        return 0;
    if (fd >= 0)
        return sys.close(fd);
    return fault_of_path(errno) || errno == EROFS || errno == EOPNOTSUPP
               ? fault_set(run->fault, FAULT_USAGE, "--tmp %s: no spill file can be made there: %s", tmp, strerror(errno))
               : fault_errno(run->fault, errno, "--tmp %s: make a spill file", tmp);
}

int run_set_up(struct run *run)
{
    const char *tmp = run_tmp(run);
    mallopt(M_MMAP_THRESHOLD, 1 << 30); /* big buffers are used again and again: keep their pages */
    mallopt(M_TRIM_THRESHOLD, INT32_MAX);
    mallopt(M_TOP_PAD, 16 << 20);
    const struct settings *settings = &run->store->settings;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    run->worker_count = run->options->workers ? run->options->workers : (uint32_t)clamp((uint64_t)processors, 1, CREW_MAX);
    run->worker_count = (uint32_t)clamp(run->worker_count, 1, run->options->memory / WORKER_SIZE);
    memcpy(run->rules.short_code, settings->short_code, sizeof settings->short_code);
    run->facts.ref = run->rules.ref = ref_of(run->ref_set);
    run->facts.seed = run->store->seed;
    run->facts.lenient = settings->lenient;
    run->facts.message_seed = event_message_seed(run->store->seed, span_of(run->rules.short_code));
    run->facts.remind_after = settings->remind_after;
    run->facts.expire_after = settings->expire_after;
    run->facts.response_after = settings->response_after;
    run->facts.receipt_after = settings->receipt_after;
    run->facts.remember = run->rules.remember = settings->remember;
    run->rules.as_of_ms = run->facts.as_of_ms;
    if (set_up_window(run))
        return -1;
    run->facts.settled_ms = run->settled_ms;
    estimate(run);
    run->part_bits = choose_part_bits(run);
    spool_pool_open(&run->pool, pool_size(run));
    if (crew_open(&run->crew, run->worker_count, run->fault) || crew_open(&run->filer, 1, run->fault) ||
        spool_open(&run->events, &run->pool, tmp, run_parts(run), run->worker_count, run->fault) ||
        spool_open(&run->notices, &run->pool, tmp, run_parts(run), run->worker_count, run->fault) ||
        spool_open(&run->index, &run->pool, tmp, run_parts(run), run->worker_count, run->fault) ||
        spool_open(&run->rejects, &run->pool, tmp, REJECT_PARTS, run->worker_count, run->fault) ||
        spool_open(&run->findings, &run->pool, tmp, FINDING_COUNT, run->worker_count, run->fault))
        return -1;
    run->workers = make_zeroed(run->worker_count * sizeof *run->workers);
    if (!run->workers)
        return no_memory(run);
    if (run_folder_open(run))
        return -1;
    for (uint32_t i = 0; i < run->worker_count; i++)
        if (set_up_worker(run, &run->workers[i]))
            return -1;
    int error = ring_open(&run->files.ring, false);
    if (error)
        return fault_errno(run->fault, error, "open a queue of reads and writes");
    uint64_t block = clamp(run->options->memory / 16 / run->worker_count, 256 << 10, 4 * MIB);
    const char *small = getenv("BESIK_BLOCK"); /* tests cut files in small blocks */
    uint64_t asked;
    if (small && value_size(span_of(small), &asked) && asked >= 16)
        block = asked;
    run->ingest = (struct ingest){.crew = &run->crew, .walk = &run->walk, .rules = &run->rules,
                                  .id_key = run->store->key, .profiles = run->profiles, .seed = run->store->seed, .events = &run->events,
                                  .notices = &run->notices, .rejects = &run->rejects, .event_bits = run->part_bits,
                                  .notice_bits = run->part_bits, .block_size = block,
                                  .stream_size = clamp(run->options->memory / 32 / run->worker_count, 128 << 10, MIB), .inputs = &run->inputs};
    return 0;
}

static void tear_down_worker(struct run_worker *worker)
{
    struct apply *apply = &worker->apply;
    void *lists[] = {apply->phone.cases, apply->phone.sms, apply->phone.marks, apply->verdicts.items, apply->made.items,
                     apply->found.items, apply->history.items, apply->awaited.items, apply->heard.items,
                     apply->waiting.items, apply->bytes.items, apply->mark_index, apply->news, apply->totals_counts,
                     worker->duplicates, worker->mended, worker->joined_parts, worker->sms};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        sys.free(lists[i]);
    char **retired = (char **)worker->retired.data;
    for (size_t i = 0; i < worker->retired.size / sizeof *retired; i++)
        sys.free(retired[i]);
    struct buffer *buffers[] = {&worker->packed, &worker->loaded, &worker->order, &worker->spare, &worker->text, &worker->history,
                                &worker->retired, &worker->joined};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_free(buffers[i]);
    segment_builder_free(&worker->open_builder);
    segment_builder_free(&worker->closed_builder);
    segment_builder_free(&worker->index_builder);
    texts_close(worker->texts);
    ids_close(&worker->ids);
}

void run_tear_down(struct run *run)
{
    crew_close(&run->crew);
    run_close_files(run);
    crew_close(&run->filer);
    run_folder_close(run);
    for (uint32_t i = 0; run->workers && i < run->worker_count; i++)
        tear_down_worker(&run->workers[i]);
    for (uint32_t i = 0; run->window.parts && i < run->window.size; i++) {
        struct part_output *output = &run->window.parts[i];
        for (uint32_t o = 0; output->outbound && o < run->facts.ref->operator_count; o++)
            buffer_free(&output->outbound[o]);
        for (unsigned a = 0; a < AGENCY_COUNT; a++)
            buffer_free(&output->requests[a]);
        buffer_free(&output->due);
        buffer_free(&output->awaited);
        blobs_free(&output->blobs);
        sys.free(output->outbound);
    }
    run_close_keeping(run);
    sys.free(run->rewrite.as_is);
    output_close(run->files.rejects);
    output_close(run->files.findings);
    struct spool *spools[] = {&run->events, &run->notices, &run->index, &run->rejects, &run->findings};
    for (size_t i = 0; i < sizeof spools / sizeof *spools; i++)
        spool_close(spools[i]);
    if (run->pool.limit)
        spool_pool_close(&run->pool);
    ring_close(run->files.ring);
    profiles_close(run->profiles);
    inputs_free(&run->inputs);
    sys.free(run->ingest.totals);
    void *blocks[] = {run->workers, run->window.parts, run->files.outbound, run->files.outbound_rows, run->news, run->settled_ms,
                      run->state, run->totals_rows, run->totals_found};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        sys.free(blocks[i]);
    buffer_free(&run->queues.due);
    buffer_free(&run->queues.awaited);
    buffer_free(&run->queues.scratch);
    buffer_free(&run->metrics.party.party);
    buffer_free(&run->metrics.party.lines);
    large_close();
}

struct wish { /* room for something in a folder */
    const char *folder, *what;
    uint64_t bytes;
    dev_t disk;
};

/* Is there room for a wish, and with it for all wishes of the same disk? */
static int check_disk(struct run *run, const struct wish *wish, const struct wish *wishes, size_t count)
{
    struct statvfs space;
    if (sys.statvfs(wish->folder, &space) != 0)
        return fault_errno(run->fault, errno, "%s: free space", wish->folder);
    uint64_t free_bytes = (uint64_t)space.f_bavail * space.f_frsize, need = 0;
    char what[128] = "";
    for (size_t i = 0; i < count; i++) {
        if (!wishes[i].bytes || wishes[i].disk != wish->disk)
            continue;
        size_t used = strlen(what);
        snprintf(what + used, sizeof what - used, "%s%s", used ? " and " : "", wishes[i].what);
        need += wishes[i].bytes;
    }
    if (free_bytes >= need)
        return 0;
    return fault_set(run->fault, FAULT_FAILED, "%s: %llu MiB free, %llu MiB needed for %s: free some, or give another folder",
                     wish->folder, (unsigned long long)(free_bytes / MIB), (unsigned long long)((need + MIB - 1) / MIB), what);
}

int run_check_space(struct run *run)
{
    const struct run_estimate *need = &run->estimate;
    const char *tmp = run_tmp(run);
    uint64_t pool = pool_size(run);
    struct wish wishes[] = {
        {run->store->dir, "the store", need->stored, 0},
        {run->place.parent, "the output folder", need->published, 0},
        {tmp, "spilled records (--tmp)", need->spilled > pool ? need->spilled - pool : 0, 0},
    };
    size_t count = sizeof wishes / sizeof *wishes;
    struct stat stat;
    for (size_t i = 0; i < count; i++) {
        if (wishes[i].bytes && sys.stat(AT_FDCWD, wishes[i].folder, &stat, 0) != 0)
            return fault_errno(run->fault, errno, "%s: look", wishes[i].folder);
        wishes[i].disk = wishes[i].bytes ? stat.st_dev : 0;
    }
    for (size_t i = 0; i < count; i++)
        if (wishes[i].bytes && check_disk(run, &wishes[i], wishes, count))
            return -1;
    return 0;
}
