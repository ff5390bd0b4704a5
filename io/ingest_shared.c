/* ingest_shared.c - see ingest_read.h: a file that workers share.
 *
 * Its blocks are a chain: block i is settled when its supposed start is where block i-1 ended. Whoever finishes a block settles
 * what can be settled, and mends a block that was read from a wrong start. Bytes are hashed in the order of blocks, each as its
 * turn comes. */
#include "io/ingest_read.h"

#include "engine/check.h"
#include "engine/sys/hash.h"
#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define HEAD_SIZE ((size_t)256 << 10) /* a shared file's header must stand in here */
#define READ_SIZE ((size_t)256 << 10) /* no more than a reading buffer holds, however small a block is */
#define NOWHERE UINT64_MAX

static int changed(struct reading *reading)
{
    return reading_broken(reading, INGEST_CHANGED);
}

static int read_range(struct reading *reading, const struct shared *shared, uint64_t offset, size_t size)
{
    struct ring *ring = reading->worker->ring;
    size_t submitted = 0;
    int error = 0;
    unsigned flying = 0;
    while ((submitted < size && !error) || flying) {
        while (submitted < size && !error && flying < RING_DEPTH / 2) {
            size_t piece = size - submitted < READ_SIZE ? size - submitted : READ_SIZE;
            error = ring_read(ring, shared->fd, reading->buffer + submitted, piece, (off_t)(offset + submitted), piece);
            if (!error) {
                flying++;
                submitted += piece;
            }
        }
        if (flying) {
            struct ring_done done;
            int failed = ring_wait(ring, &done);
            if (failed)
                return fault_errno(&reading->worker->fault, failed, "%s: read",
                                   reading->ingest->inputs->files[shared->file].name);
            flying--;
            if (done.result < 0)
                error = (int)done.result;
            else if ((uint64_t)done.result != done.tag)
                error = -ENODATA; /* shorter than it was */
        }
    }
    if (error == -ENODATA)
        return changed(reading);
    return error ? fault_errno(&reading->worker->fault, error, "%s: read",
                               reading->ingest->inputs->files[shared->file].name)
                 : 0;
}

static void hash_block(struct shared *shared, uint32_t index, const char *data, size_t size)
{
    pthread_mutex_lock(&shared->lock);
    while (shared->hashed != index)
        pthread_cond_wait(&shared->turn, &shared->lock);
    pthread_mutex_unlock(&shared->lock);
    XXH3_128bits_update(shared->hash, data, size);
    pthread_mutex_lock(&shared->lock);
    shared->hashed++;
    pthread_cond_broadcast(&shared->turn);
    pthread_mutex_unlock(&shared->lock);
}

/* The place behind the next LF at or behind `offset`, or the file's end. */
static int find_line_end(struct reading *reading, const struct shared *shared, uint64_t offset, uint64_t *ret_end,
                         bool *ret_found)
{
    while (offset < shared->size) {
        size_t size = shared->size - offset < READ_SIZE ? (size_t)(shared->size - offset) : READ_SIZE;
        if (read_range(reading, shared, offset, size))
            return -1;
        const char *lf = memchr(reading->buffer, '\n', size);
        if (lf) {
            *ret_end = offset + (uint64_t)(lf - reading->buffer) + 1;
            *ret_found = true;
            return 0;
        }
        offset += size;
    }
    *ret_end = shared->size;
    *ret_found = false;
    return 0;
}

/* Parses a block from `start` on (NOWHERE: from its first line start, by supposition). */
static int read_block(struct reading *reading, struct shared *shared, uint32_t index, uint64_t start, bool hash)
{
    struct ingest *ingest = reading->ingest;
    uint64_t begin = (uint64_t)index * ingest->block_size;
    uint64_t limit = begin + ingest->block_size < shared->size ? begin + ingest->block_size : shared->size;
    uint64_t until = limit + CSV_LOOKAHEAD < shared->size ? limit + CSV_LOOKAHEAD : shared->size;
    uint64_t from = index ? begin - 1 : 0; /* the byte before tells whether a line begins here */
    struct block *block = &shared->blocks[index];
    size_t size = (size_t)(until - from);
    int failed = read_range(reading, shared, from, size);
    if (hash) /* even after a failure: others wait for this turn */
        hash_block(shared, index, reading->buffer + (begin - from), failed ? 0 : (size_t)(limit - begin));
    if (failed)
        return -1;
    if (reading_begin_piece(reading, shared->file, begin))
        return -1;
    reading->layout = &ingest->inputs->files[shared->file].layout;
    if (start == NOWHERE) {
        const char *lf = memchr(reading->buffer, '\n', size);
        start = lf ? from + (uint64_t)(lf - reading->buffer) + 1 : limit;
    }
    uint64_t end = start;
    if (start < limit) {
        size_t position = (size_t)(start - from);
        reading->seen = (struct csv_seen){0};
        bool wrong = false, found = false;
        enum csv_result result = reading_take_records(reading, size, &position, (size_t)(limit - from), until == shared->size, &wrong);
        if (wrong)
            return -1;
        CHECK(result != CSV_MORE);
        end = from + position;
        if (result == CSV_END)
            end = shared->size;
        if (result == CSV_BAD_CUT) {
            if (find_line_end(reading, shared, until, &end, &found))
                return -1;
            reading->lines += found;
        }
    }
    reading_end_piece(reading, 0, false); /* line and validity are settled by the chain */
    pthread_mutex_lock(&shared->lock);
    block->start = start;
    block->end = end;
    block->piece = reading->piece;
    block->done = true;
    block->mending = false;
    pthread_mutex_unlock(&shared->lock);
    if (hash)
        atomic_fetch_add(&ingest->bytes_done, limit - begin);
    return 0;
}

/* Settles blocks as far as they are read; a block read from a wrong start is read again here. */
static int settle_blocks(struct reading *reading, struct shared *shared)
{
    struct inputs *inputs = reading->ingest->inputs;
    for (;;) {
        pthread_mutex_lock(&shared->lock);
        uint32_t index = shared->settled;
        struct block *block = index < shared->block_count ? &shared->blocks[index] : NULL;
        if (!block && shared->fd >= 0) { /* the last is settled */
            struct stat stat;
            bool same = sys.fstat(shared->fd, &stat) == 0 && (uint64_t)stat.st_size == shared->size &&
                        stat.st_mtim.tv_sec == shared->changed.tv_sec && stat.st_mtim.tv_nsec == shared->changed.tv_nsec;
            sys.close(shared->fd);
            shared->fd = -1;
            pthread_mutex_unlock(&shared->lock);
            return same ? 0 : changed(reading);
        }
        if (!block || !block->done || block->mending) {
            pthread_mutex_unlock(&shared->lock);
            return 0;
        }
        uint64_t limit = ((uint64_t)index + 1) * reading->ingest->block_size;
        uint64_t expected = shared->settled_end;
        bool nothing = expected >= limit || expected >= shared->size; /* a record before reaches past this block */
        bool good = nothing || block->start == expected;
        if (good) {
            pthread_mutex_lock(&inputs->lock);
            struct input_piece *piece = &inputs->pieces[block->piece];
            piece->valid = !nothing;
            piece->base_line = shared->first_line;
            if (!nothing)
                shared->first_line += piece->lines;
            pthread_mutex_unlock(&inputs->lock);
            if (!nothing)
                shared->settled_end = block->end;
            shared->settled++;
        } else {
            block->mending = true;
        }
        pthread_mutex_unlock(&shared->lock);
        if (!good && read_block(reading, shared, index, expected, false))
            return -1;
    }
}

int shared_work(struct reading *reading, struct shared *shared, uint32_t index)
{
    uint64_t start = NOWHERE;
    pthread_mutex_lock(&shared->lock);
    if (shared->settled == index)
        start = shared->settled_end;
    pthread_mutex_unlock(&shared->lock);
    reading->file = shared->file;
    if (index == 0)
        start = shared->first_record;
    return read_block(reading, shared, index, start, true) || settle_blocks(reading, shared) ? -1 : 0;
}

/* Shares a plain file whose header stands in its first bytes. 1 done, 0 it is to be read as a stream, -1. */
int shared_open(struct reading *reading)
{
    struct ingest *ingest = reading->ingest;
    struct input_file *file = &ingest->inputs->files[reading->file];
    if (file->size < 2 * ingest->block_size || ingest->crew->count < 2 || ingest->hash_only)
        return 0;
    int fd = sys.open(AT_FDCWD, file->name, O_RDONLY, 0);
    struct stat stat;
    size_t head = HEAD_SIZE < ingest->block_size ? HEAD_SIZE : ingest->block_size;
    if (fd < 0 || sys.fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) || (uint64_t)stat.st_size < 2 * ingest->block_size ||
        sys.pread(fd, reading->buffer, head, 0) != (ssize_t)head || (uint8_t)reading->buffer[0] == 0x1f ||
        (uint8_t)reading->buffer[0] == 0x28 || ((uint8_t)reading->buffer[0] & 0xf0) == 0x50) {
        if (fd >= 0) /* whatever is wrong, the stream will say so */
            sys.close(fd);
        return 0;
    }
    size_t position = 0;
    uint64_t lines = 0;
    int found = reading_header(reading, head, false, &position, &lines);
    struct shared *shared = found == 1 ? sys.alloc(sizeof *shared) : NULL;
    if (!shared) {
        sys.close(fd);
        return found == -1 ? -1 : 0;
    }
    uint32_t blocks = (uint32_t)(((uint64_t)stat.st_size + ingest->block_size - 1) / ingest->block_size);
    *shared = (struct shared){.file = reading->file, .fd = fd, .size = (uint64_t)stat.st_size, .first_record = position,
                              .changed = stat.st_mtim,
                              .settled_end = position, .first_line = 1 + lines, .block_count = blocks};
    shared->blocks = sys.alloc(blocks * sizeof *shared->blocks);
    shared->hash = XXH3_createState();
    if (!shared->blocks || !shared->hash) {
        XXH3_freeState(shared->hash);
        sys.free(shared->blocks);
        sys.free(shared);
        sys.close(fd);
        return fault_memory(&reading->worker->fault);
    }
    memset(shared->blocks, 0, blocks * sizeof *shared->blocks);
    XXH3_128bits_reset(shared->hash);
    pthread_mutex_init(&shared->lock, NULL);
    pthread_cond_init(&shared->turn, NULL);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    pthread_mutex_lock(&reading->floor->lock);
    shared->next = reading->floor->shared;
    reading->floor->shared = shared;
    pthread_mutex_unlock(&reading->floor->lock);
    return 1;
}

void shared_end(struct ingest *ingest, struct shared *shared)
{
    struct input_file *file = &ingest->inputs->files[shared->file];
    file->bytes = shared->size;
    file->hash = XXH3_128bits_digest(shared->hash);
    XXH3_freeState(shared->hash);
    pthread_mutex_destroy(&shared->lock);
    pthread_cond_destroy(&shared->turn);
    if (shared->fd >= 0)
        sys.close(shared->fd);
    sys.free(shared->blocks);
    sys.free(shared);
}
