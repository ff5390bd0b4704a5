/* kept.h - the bytes of two tables: `folders`, the output folders of the last keep_runs runs, and `inputs`, what each run read.
 * Room: store.  A file of a folder is cut into blocks, each a zstd frame under (run, file, block), so that it is packed and read
 * a block at a time; before the frame of block 0 stand the size of the file's name and the name. An inputs value is a zstd
 * frame of: struct kept_input and its name; the next one; …
 *
 *   folders   block 0: | name size 1 | name | zstd frame |      any other: | zstd frame |
 *   inputs    zstd frame of: | xxh128 16 | kind 1 | name size 2 | name | the next …
 *
 * Thread: a packer and a buffer belong to one at a time. Errors: want of memory, or a value that is damaged. Source: RFC 8878. */
#ifndef STORE_KEPT_H
#define STORE_KEPT_H

#include "engine/span.h"
#include "engine/sys/buffer.h"
#include "store/store.h"

#include <assert.h>

#define KEPT_INPUTS_SIZE ((size_t)128 << 10) /* of names, before they are packed: a value */
#define KEPT_NAME_MAX 255
#define KEPT_KEY_SIZE 10
#define KEPT_INPUTS_KEY_SIZE 8
#define KEPT_NO_KIND 255

struct kept_input {
    uint8_t hash[16]; /* xxh128, canonical */
    uint8_t kind;     /* enum kind, or KEPT_NO_KIND */
    uint16_t name_size;
} __attribute__((packed));
static_assert(sizeof(struct kept_input) == 19, "no padding on disk");

void kept_key(uint32_t run, uint16_t file, uint32_t block, uint8_t out[KEPT_KEY_SIZE]);

/* What packs: a ZSTD_CCtx, or NULL where there is no memory. SMS of one run are much alike: long matches are enough, and a table of
 * them that stays in the processor's cache. */
void *kept_packer(void);
void kept_packer_free(void *packer); /* NULL is taken */
/* Appends to `out` what is stored of a block; `name` empty: not the first. */
int kept_pack(void *packer, struct span name, const char *data, size_t size, struct buffer *out, struct fault *fault);
/* The other way: *ret_name is set where `first`, and points into `payload`. `plain` is emptied first. */
int kept_unpack(bool first, struct span payload, struct span *ret_name, struct buffer *plain, struct fault *fault);

/* Reads a kept folder block by block, in order. `take` gets the file's name (until the next call) with its first block, else an
 * empty one. Returns 0, 1 where nothing of that run is kept, -1. */
typedef int kept_take(struct span name, uint32_t file, uint32_t block, struct span bytes, void *context);
int kept_folder(const struct db *db, MDB_txn *txn, uint32_t run, kept_take *take, void *context, struct fault *fault);

/* The first run whose folder is kept; 0 none. */
int kept_first(const struct store *store, MDB_txn *txn, uint32_t *ret_run, struct fault *fault);

/* One input of a run by its number, from 0 in the order of names: 0, 1 not there, -1. *ret_name stands in `plain`. */
int kept_input(const struct db *db, MDB_txn *txn, uint32_t run, uint64_t number, struct buffer *plain, struct kept_input *ret_input,
               struct span *ret_name, struct fault *fault);

#endif
