/* output.h - one file of an output folder: appended, hashed and counted, written behind through a ring, synced at the end.
 * Room: io.  Mode 0600, O_EXCL|O_NOFOLLOW.  Thread: the ring's owner. Sizes are bytes.
 * Errors: -1 with the fault; a file that failed once fails on, and is only to be closed. */
#ifndef IO_OUTPUT_H
#define IO_OUTPUT_H

#include "engine/fault.h"
#include "io/ring.h"

#include <stdint.h>
#include <xxhash.h>

struct output;

/* Creates dir_fd/name. `name` is copied; dir_fd is not needed afterwards; the ring must outlive it. */
int output_open(struct output **ret_output, struct ring *ring, int dir_fd, const char *name, struct fault *fault);
/* `watch` sees each block of the file once, in order, before it is written: all but the last are of one size. It returns 0, or -1
 * with the fault set. */
struct output_watch {
    int (*watch)(void *context, uint32_t file, const char *name, uint64_t block, const char *data, size_t size, struct fault *fault);
    void *context;
    uint32_t file; /* as the watcher calls it */
};
void output_watch(struct output *output, const struct output_watch *watch);
int output_append(struct output *output, const void *data, size_t size, struct fault *fault); /* copies */
/* Writes what is left and fsyncs; on success the figures below stand. A failed fsync is never tried again. */
int output_finish(struct output *output, struct fault *fault);
uint64_t output_bytes(const struct output *output);
XXH128_hash_t output_hash(const struct output *output);
void output_close(struct output *output); /* NULL is taken; frees, without finishing */

#endif
