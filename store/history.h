/* history.h - the bytes of the history table: what befell each phone in one run, phones in the order of their hashes.
 * Room: store.  Ids are packed by what they are made of rather than compressed: a tenth of the instructions, fewer bytes.
 * Thread: a packer or reader belongs to one. Errors: packing fails for want of memory alone; reading tells what is damaged.
 *
 *   value     base time (8)  | phone (4) row … 0xff | phone (4) row … 0xff | …
 *   row       event | result << 4    step | flags << 4    [case number]  [detail]  time  [identity]  [file, line]
 *   time      since the row before, of the first since the base; whole seconds are counted as seconds
 *   identity  0 no head, 1 … 14 the n-th that this value named, 15 another, which follows: size and bytes; then the tail, as
 *             engine/pack.h packs ids, or in one form more: how many bytes it has in common with the tail before, and the rest
 *
 * The identity of a message is its operator (head) and its id (tail), `:` between; any other has no head. Numbers: engine/pack.h.
 * A phone that has very many begins a value of its own and goes on in those behind it, whose keys have a number more. */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "engine/span.h"
#include "engine/sys/buffer.h"
#include "store/db.h"

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_HEADS 14
#define HISTORY_TAIL_KEPT 64    /* a longer tail is never shared with */
#ifndef HISTORY_IDENTITY_MAX /* a test makes it small */
#define HISTORY_IDENTITY_MAX 8300 /* an id, a colon and a status */
#endif
#define HISTORY_MS_MAX (INT64_MAX / 4) /* times lie within this of 1970: what is between two can be told */

struct history_row {
    uint32_t phone;
    uint32_t case_number;
    int64_t at_ms;
    uint8_t event, result, detail, step; /* engine/apply.h: enum history_event, history_result; words.h */
    uint64_t file, line;                 /* where the record stood, where it may have made something go out; line 0: not told */
    struct span head, tail;              /* of its identity; both empty where it has none, head empty where it has no colon of its own */
};

/* What both sides remember of a value's earlier rows. */
struct history_state {
    int64_t base_ms, last_ms;
    struct span heads[HISTORY_HEADS];
    uint32_t head_count, tail_size;
    char tail[HISTORY_TAIL_KEPT];
};

struct history_packer {
    struct buffer *out; /* borrowed: holds the value, and is emptied by whoever took it */
    struct history_state state;
    char head_bytes[HISTORY_HEADS * 32];
};

/* A value begins: times in it are told from base_ms on. */
int history_begin(struct history_packer *packer, struct buffer *out, int64_t base_ms, struct fault *fault);
/* A phone's rows stand between these two; at least one. */
int history_begin_phone(struct history_packer *packer, uint32_t phone, struct fault *fault);
int history_add(struct history_packer *packer, const struct history_row *row, struct fault *fault);
int history_end_phone(struct history_packer *packer, struct fault *fault);

struct history_reader { /* of one value, which must outlive it */
    const char *at, *end;
    bool in_phone;
    uint32_t phone;
    struct history_state state;
    char tail[HISTORY_IDENTITY_MAX]; /* of the row read last, where it does not stand in the value */
};

bool history_read(struct history_reader *reader, struct span value); /* false: damaged */
/* The next row: 1, 0 at the end, -1 damaged: its words exist, its phone is one, its identity keeps to HISTORY_IDENTITY_MAX. Its
 * spans are good until the next call. */
int history_next(struct history_reader *reader, struct history_row *ret_row);
/* Where the first value stands that can tell of a phone in a run: 0 and its key, 1 there is none, -1. *ret_own: it begins with this
 * phone, which may go on in those behind it. Key and value stand as db.h says. */
int history_seek(MDB_cursor *cursor, uint32_t run, uint64_t hash, MDB_val *ret_key, MDB_val *ret_value, bool *ret_own,
                 struct fault *fault);
/* The next one of those, likewise. */
int history_seek_on(MDB_cursor *cursor, uint32_t run, uint64_t hash, MDB_val *ret_key, MDB_val *ret_value, struct fault *fault);

/* The rows of one phone in one run, in their order; the row's spans are good until `take` returns. */
typedef int history_take(uint32_t run, const struct history_row *row, void *context);
int history_of_phone(const struct db *db, MDB_txn *txn, uint32_t run, uint32_t phone, uint64_t hash, struct history_reader *reader,
                     history_take *take, void *context, struct fault *fault);
/* head:tail, as rejects.csv tells it. Returns the size; `out` has HISTORY_IDENTITY_MAX. */
size_t history_identity(const struct history_row *row, char *out);

#endif
