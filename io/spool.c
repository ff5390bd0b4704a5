/* spool.c - see spool.h. */
#include "io/spool.h"

#include "engine/check.h"
#include "engine/sys/large.h"
#include "engine/sys/list.h"
#include "engine/sys/sys.h"

#include <assert.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#define SLAB_SIZE ((size_t)2 << 20)

struct spool_chunk {
    struct spool_chunk *next;
    uint32_t size;
    uint32_t own; /* of its worker, not of the pool */
    char data[SPOOL_CHUNK - 16];
};
static_assert(sizeof(struct spool_chunk) == SPOOL_CHUNK, "chunks fill slabs");

struct slab {
    struct slab *next;
};

void spool_pool_open(struct spool_pool *pool, size_t limit_bytes)
{
    *pool = (struct spool_pool){.limit = limit_bytes};
    pthread_mutex_init(&pool->lock, NULL);
}

void spool_pool_close(struct spool_pool *pool)
{
    for (struct slab *slab = pool->slabs; slab;) {
        struct slab *next = slab->next;
        sys.unmap(slab, SLAB_SIZE);
        large_discharge(SLAB_SIZE);
        slab = next;
    }
    pthread_mutex_destroy(&pool->lock);
    *pool = (struct spool_pool){0};
}

/* Maps one more slab and cuts it up. Outside the lock: the kernel clears its pages the while. */
static struct spool_chunk *cut_slab(struct slab **ret_slab)
{
    struct slab *slab = sys.map(SLAB_SIZE);
    struct spool_chunk *first = NULL;
    if (!slab)
        return NULL;
    for (size_t at = SPOOL_CHUNK; at + SPOOL_CHUNK <= SLAB_SIZE; at += SPOOL_CHUNK) { /* the first holds the link */
        struct spool_chunk *chunk = (struct spool_chunk *)((char *)slab + at);
        chunk->next = first;
        first = chunk;
    }
    *ret_slab = slab;
    return first;
}

static void give_chunks(struct spool_pool *pool, struct spool_chunk *first);

/* Another slab, if the limit and the account allow it. NULL where not, or where there is no memory. */
static struct spool_chunk *grow(struct spool_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool may = pool->taken + SLAB_SIZE <= pool->limit && large_charge(SLAB_SIZE);
    if (may)
        pool->taken += SLAB_SIZE;
    pthread_mutex_unlock(&pool->lock);
    if (!may)
        return NULL;
    struct slab *slab = NULL;
    struct spool_chunk *chunk = cut_slab(&slab);
    pthread_mutex_lock(&pool->lock);
    if (chunk) {
        slab->next = pool->slabs;
        pool->slabs = slab;
    } else {
        pool->taken -= SLAB_SIZE;
        large_discharge(SLAB_SIZE);
    }
    pthread_mutex_unlock(&pool->lock);
    if (chunk)
        give_chunks(pool, chunk->next);
    return chunk;
}

/* NULL: the limit is reached, or there is no memory. */
static struct spool_chunk *take_chunk(struct spool_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct spool_chunk *chunk = pool->idle;
    if (chunk)
        pool->idle = chunk->next;
    pthread_mutex_unlock(&pool->lock);
    if (!chunk)
        chunk = grow(pool);
    if (chunk) {
        chunk->next = NULL;
        chunk->size = chunk->own = 0;
    }
    return chunk;
}

/* NULL: all are in use, or there is no memory. */
static struct spool_chunk *take_own(struct spool_worker *worker)
{
    if (!worker->own_block) {
        struct spool_chunk *chunks = sys.alloc(SPOOL_OWN * sizeof *chunks);
        worker->own_block = chunks;
        for (unsigned i = 0; chunks && i < SPOOL_OWN; i++) {
            chunks[i].next = worker->own;
            worker->own = &chunks[i];
        }
    }
    struct spool_chunk *chunk = worker->own;
    if (!chunk)
        return NULL;
    worker->own = chunk->next;
    chunk->next = NULL;
    chunk->size = 0;
    chunk->own = 1;
    return chunk;
}

/* Parts a stream's chunks: the pool's are given back to it, the worker's own go on the list `own`. */
static void give_stream(struct spool *spool, struct spool_stream *stream, struct spool_chunk **own)
{
    struct spool_chunk *shared = NULL;
    for (struct spool_chunk *chunk = stream->first; chunk;) {
        struct spool_chunk *next = chunk->next, **to = chunk->own ? own : &shared;
        chunk->next = *to;
        *to = chunk;
        chunk = next;
    }
    stream->first = stream->last = NULL;
    give_chunks(spool->pool, shared);
}

static void give_chunks(struct spool_pool *pool, struct spool_chunk *first)
{
    if (!first)
        return;
    struct spool_chunk *last = first;
    while (last->next)
        last = last->next;
    pthread_mutex_lock(&pool->lock);
    last->next = pool->idle;
    pool->idle = first;
    pthread_mutex_unlock(&pool->lock);
}

int spool_open(struct spool *spool, struct spool_pool *pool, const char *tmp_dir, uint32_t part_count,
               uint32_t worker_count, struct fault *fault)
{
    *spool = (struct spool){.pool = pool, .tmp_dir = tmp_dir, .part_count = part_count, .worker_count = worker_count};
    spool->workers = sys.alloc(worker_count * sizeof *spool->workers);
    if (!spool->workers)
        return fault_memory(fault);
    memset(spool->workers, 0, worker_count * sizeof *spool->workers);
    for (uint32_t i = 0; i < worker_count; i++) {
        struct spool_worker *worker = &spool->workers[i];
        worker->spill_fd = -1;
        worker->streams = sys.alloc(part_count * sizeof *worker->streams);
        if (!worker->streams) {
            spool_close(spool);
            return fault_memory(fault);
        }
        memset(worker->streams, 0, part_count * sizeof *worker->streams);
    }
    return 0;
}

void spool_close(struct spool *spool)
{
    for (uint32_t i = 0; spool->workers && i < spool->worker_count; i++) {
        struct spool_worker *worker = &spool->workers[i];
        for (uint32_t part = 0; worker->streams && part < spool->part_count; part++)
            give_stream(spool, &worker->streams[part], &worker->own);
        if (worker->spill_fd >= 0)
            sys.close(worker->spill_fd);
        sys.free(worker->streams);
        sys.free(worker->own_block);
        sys.free(worker->extents);
    }
    sys.free(spool->workers);
    *spool = (struct spool){0};
}

/* Writes all of the worker's chunks to its spill file and gives them back. */
static int spill(struct spool *spool, struct spool_worker *worker, struct fault *fault)
{
    if (worker->spill_fd < 0) {
        worker->spill_fd = sys.open(AT_FDCWD, spool->tmp_dir, O_TMPFILE | O_RDWR, 0600);
        if (worker->spill_fd < 0)
            return fault_errno(fault, errno, "%s: make a spill file", spool->tmp_dir);
    }
    uint64_t before = worker->spill_size;
    for (uint32_t part = 0; part < spool->part_count; part++) {
        struct spool_stream *stream = &worker->streams[part];
        for (struct spool_chunk *chunk = stream->first; chunk; chunk = chunk->next) {
            if (!chunk->size)
                continue;
            if (sys_write_all(worker->spill_fd, chunk->data, chunk->size, (off_t)worker->spill_size))
                return fault_errno(fault, errno, "%s: write a spill file (free space or give --tmp another folder)",
                                   spool->tmp_dir);
            struct spool_extent *last = worker->extent_count ? &worker->extents[worker->extent_count - 1] : NULL;
            if (last && last->part == part && last->offset + last->size == worker->spill_size &&
                last->size < UINT32_MAX - SPOOL_CHUNK) { /* a part's chunks stand together: one read fetches them */
                last->size += chunk->size;
                worker->spill_size += chunk->size;
                continue;
            }
            if (list_grow(&worker->extents, &worker->extent_capacity, worker->extent_count + 1ull, fault))
                return -1;
            worker->extents[worker->extent_count++] = (struct spool_extent){worker->spill_size, part, chunk->size};
            worker->spill_size += chunk->size;
        }
        give_stream(spool, stream, &worker->own);
    }
    pthread_mutex_lock(&spool->pool->lock);
    spool->pool->spilled += worker->spill_size - before;
    pthread_mutex_unlock(&spool->pool->lock);
    return 0;
}

static int append(struct spool *spool, struct spool_worker *worker, struct spool_stream *stream, const char *data,
                  size_t size, struct fault *fault)
{
    while (size) {
        struct spool_chunk *last = stream->last;
        if (!last || last->size == sizeof last->data) {
            struct spool_chunk *fresh = take_chunk(spool->pool);
            if (!fresh)
                fresh = take_own(worker);
            if (!fresh) {
                if (spill(spool, worker, fault))
                    return -1;
                last = NULL;
                fresh = take_own(worker);
                if (!fresh)
                    return fault_memory(fault);
            }
            if (last)
                last->next = fresh;
            else
                stream->first = fresh;
            stream->last = last = fresh;
        }
        size_t piece = sizeof last->data - last->size;
        if (piece > size)
            piece = size;
        memcpy(last->data + last->size, data, piece);
        last->size += (uint32_t)piece;
        stream->size += piece;
        data += piece;
        size -= piece;
    }
    return 0;
}

int spool_add(struct spool *spool, uint32_t worker, uint32_t part, const void *head, size_t head_size, const void *body,
              size_t body_size, struct fault *fault)
{
    CHECK(worker < spool->worker_count && part < spool->part_count);
    struct spool_worker *mine = &spool->workers[worker];
    struct spool_stream *stream = &mine->streams[part];
    struct spool_chunk *last = stream->last;
    if (last && sizeof last->data - last->size >= head_size + body_size) { /* the usual case */
        memcpy(last->data + last->size, head, head_size);
        if (body_size)
            memcpy(last->data + last->size + head_size, body, body_size);
        last->size += (uint32_t)(head_size + body_size);
        stream->size += head_size + body_size;
        return 0;
    }
    return append(spool, mine, stream, head, head_size, fault) || append(spool, mine, stream, body, body_size, fault) ? -1
                                                                                                                     : 0;
}

uint64_t spool_size(const struct spool *spool, uint32_t part)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < spool->worker_count; i++)
        size += spool->workers[i].streams[part].size;
    return size;
}

static int read_all(int fd, char *out, size_t size, uint64_t offset)
{
    ssize_t got = sys_read_all(fd, out, size, (off_t)offset);
    if (got >= 0 && (size_t)got < size)
        errno = EIO; /* it ends before what was written to it */
    return got == (ssize_t)size ? 0 : -1;
}

int spool_load(struct spool *spool, uint32_t part, char *out, struct fault *fault)
{
    for (uint32_t i = 0; i < spool->worker_count; i++) {
        struct spool_worker *worker = &spool->workers[i];
        for (uint32_t e = 0; e < worker->extent_count; e++) {
            const struct spool_extent *extent = &worker->extents[e];
            if (extent->part != part)
                continue;
            if (read_all(worker->spill_fd, out, extent->size, extent->offset))
                return fault_errno(fault, errno, "%s: read a spill file", spool->tmp_dir);
            out += extent->size;
        }
        struct spool_stream *stream = &worker->streams[part];
        for (struct spool_chunk *chunk = stream->first; chunk; chunk = chunk->next) {
            memcpy(out, chunk->data, chunk->size);
            out += chunk->size;
        }
        struct spool_chunk *idle = NULL; /* no one adds any more: the worker's own are of no use */
        give_stream(spool, stream, &idle);
        *stream = (struct spool_stream){0};
    }
    return 0;
}
