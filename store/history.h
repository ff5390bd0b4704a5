/* history.h - the bytes of the history table: what befell each phone in one run, phones in the order of their hashes.
 * Room: store.  A value is zstd of: struct history_head, then `count` times struct history_row and its identity; the next
 * phone; … A phone with very many begins a value of its own and goes on in those behind it, whose keys have a number more: each
 * begins with its head. Only `besik case` reads it, and purge. */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include <assert.h>
#include <stdint.h>

struct history_head {
    uint32_t phone, count;
} __attribute__((packed));

struct history_row {
    int64_t at_ms;
    uint32_t case_number;
    uint8_t event, result, detail, step; /* engine/apply.h: enum history_event, history_result; words.h */
    uint16_t identity_size;
} __attribute__((packed));
#define HISTORY_LEVEL (-3) /* zstd: a little larger than level 1, at half its time */

static_assert(sizeof(struct history_head) == 8 && sizeof(struct history_row) == 18, "no padding on disk");

#endif
