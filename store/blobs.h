/* blobs.h - key-value pairs made by a worker, on their way to the one thread that writes them.
 * Room: store.  Thread: one at a time. A zeroed one is empty; keys and values are copied in, and out again by db_put.
 *
 *   | size 4 | key size 2 | table 2 | key | payload | the next …          in memory only, unaligned */
#ifndef STORE_BLOBS_H
#define STORE_BLOBS_H

#include "engine/sys/buffer.h"
#include "store/db.h"

struct blobs {
    struct buffer bytes;
};

/* Appends a pair; the payload's `size` bytes are for the caller to fill at once, before the next is added. NULL with the fault set: no
 * memory. */
void *blobs_add(struct blobs *blobs, enum table table, const void *key, size_t key_size, size_t size, struct fault *fault);
/* Puts all of them, in their order (db_put); they stay until cleared. */
int blobs_write(const struct blobs *blobs, struct db_writer *writer, struct fault *fault);
static inline void blobs_clear(struct blobs *blobs)
{
    buffer_clear(&blobs->bytes);
}
static inline void blobs_free(struct blobs *blobs)
{
    buffer_free(&blobs->bytes);
}

#endif
