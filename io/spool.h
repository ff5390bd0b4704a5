/* spool.h - records parted by destination, kept in memory up to a limit and spilled to a file beyond it.
 * Room: io.
 *
 *   workers append, each to streams of its own  ->  (join)  ->  each part is loaded whole, by one worker
 *
 * Memory comes in chunks from a pool that several spools may share; where the pool is used up a worker writes its own
 * chunks to its spill file (O_TMPFILE in --tmp: unlinked at birth, 0600) and goes on. Others may hold all the pool has: so each
 * worker of a spool has a few chunks of its own beyond the limit. A record is contiguous when loaded.
 * Thread: spool_add by worker `worker` only; spool_load by any, each part once, after all adding ended. */
#ifndef IO_SPOOL_H
#define IO_SPOOL_H

#include "engine/fault.h"

#include <pthread.h>
#include <stdint.h>

#define SPOOL_CHUNK 8192
#define SPOOL_OWN 16 /* chunks of a worker's own */

struct spool_chunk;

struct spool_pool {
    pthread_mutex_t lock;
    struct spool_chunk *idle;
    size_t limit, taken; /* bytes */
    void *slabs;         /* what was mapped, to be unmapped */
    uint64_t spilled;    /* bytes written to spill files */
};

void spool_pool_open(struct spool_pool *pool, size_t limit_bytes);
void spool_pool_close(struct spool_pool *pool);

struct spool_stream { /* one worker's records for one part */
    struct spool_chunk *first, *last;
    uint64_t size; /* bytes in all, spilled ones too */
};

struct spool_extent {
    uint64_t offset;
    uint32_t part, size;
};

struct spool_worker {
    struct spool_stream *streams; /* by part */
    struct spool_chunk *own;      /* not in use; they are of own_block, which is had when first needed */
    void *own_block;
    int spill_fd;                 /* -1 until needed */
    uint64_t spill_size;
    struct spool_extent *extents; /* in the order of writing */
    uint32_t extent_count, extent_capacity;
};

struct spool {
    struct spool_pool *pool;
    const char *tmp_dir;
    uint32_t part_count, worker_count;
    struct spool_worker *workers;
};

/* The pool and `tmp_dir` must outlive the spool. Errors, here and below: want of memory, and the disk under --tmp. */
int spool_open(struct spool *spool, struct spool_pool *pool, const char *tmp_dir, uint32_t part_count,
               uint32_t worker_count, struct fault *fault);
void spool_close(struct spool *spool); /* zeroed ones are taken */

/* Copies a record in two pieces (either may be empty). */
int spool_add(struct spool *spool, uint32_t worker, uint32_t part, const void *head, size_t head_size, const void *body,
              size_t body_size, struct fault *fault);
uint64_t spool_size(const struct spool *spool, uint32_t part); /* bytes */
/* Copies a part into `out` (spool_size bytes) and gives its chunks back. Records of one worker keep their order. */
int spool_load(struct spool *spool, uint32_t part, char *out, struct fault *fault);

#endif
