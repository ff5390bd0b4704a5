/* big_blocks.h - large blocks of memory kept for the next input: the sanitizer maps and unmaps each, which is most of the time of
 * an input. Each is still a block of its own, whose ends are watched. */
#ifndef FUZZ_BIG_BLOCKS_H
#define FUZZ_BIG_BLOCKS_H

#include "engine/check.h"
#include "engine/sys/sys.h"

#include <stdbool.h>
#include <stdlib.h>

#define BIG 16384
#define BIG_BLOCKS 32
static struct big_block {
    char *data;
    size_t size;
    bool used;
} big_blocks[BIG_BLOCKS];
static size_t big_next; /* where the search for a place begins, so that all get their turn */

static void *big_alloc(size_t size)
{
    struct big_block *place = NULL;
    if (size < BIG)
        return malloc(size);
    for (size_t i = 0; i < BIG_BLOCKS; i++) {
        struct big_block *block = &big_blocks[(big_next + i) % BIG_BLOCKS];
        if (!block->used && block->size == size) {
            block->used = true;
            return block->data;
        }
        if (!block->used && !place)
            place = block;
    }
    void *data = malloc(size);
    if (place) { /* one of a size that is not asked for any more makes room */
        big_next = (big_next + 1) % BIG_BLOCKS;
        free(place->data);
        *place = (struct big_block){data, size, true};
    }
    return data;
}

static struct big_block *big_find(const void *data)
{
    for (size_t i = 0; i < BIG_BLOCKS; i++)
        if (data && big_blocks[i].data == data)
            return &big_blocks[i];
    return NULL;
}

static void big_free(void *data)
{
    struct big_block *block = big_find(data);
    if (!block) {
        free(data);
        return;
    }
    CHECK(block->used);
    block->used = false;
}

static void *big_realloc(void *data, size_t size)
{
    struct big_block *block = big_find(data);
    if (block) /* it may move, so it is the sanitizer's again */
        *block = (struct big_block){0};
    return realloc(data, size);
}

static inline void keep_big_blocks(void)
{
    sys.alloc = big_alloc, sys.realloc = big_realloc, sys.free = big_free;
}

#endif
