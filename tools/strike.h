/* strike.h - values of a store written anew under their own keys, smaller: what purge and forget share.
 * Room: tools.  At any instant the store is whole, some of it struck already; so a command that was cut is given again.
 * Thread: the one that holds the store. Errors: -1 with strike->fault. A payload stands until the next put. */
#ifndef TOOLS_STRIKE_H
#define TOOLS_STRIKE_H

#include "engine/phone.h"
#include "engine/sys/buffer.h"
#include "store/segment.h"
#include "store/store.h"

#define STRIKE_TRANSACTION ((size_t)16 << 20)

struct strike {
    struct store *store;
    struct fault *fault;
    struct db_writer writer;
    struct phone phone;
    char *whole; /* a chunk put together */
    size_t whole_capacity;
    struct buffer plain, kept, out; /* a value unpacked, what is kept of it, the value to write */
};

struct strike_place { /* of the value at hand */
    enum table table;
    uint8_t key[64];
    size_t key_size;
};

void strike_free(struct strike *strike);

/* What nothing refers to is deleted, in transactions of its own. */
int strike_sweep(struct strike *strike);

/* The first value behind `place`: 1, 0 at the end, -1. A cursor of its own each time: a put may begin a new transaction. */
int strike_next(struct strike *strike, struct strike_place *place, struct span *ret_payload);
/* Each value of a table, chunks whole. */
typedef int strike_value(struct strike *strike, const struct strike_place *place, struct span payload, void *context);
int strike_walk(struct strike *strike, enum table table, strike_value *take, void *context);

/* Each record of a chunk goes through `edit`, which appends to strike->kept what is to be kept of it (nothing: it is gone) and
 * sets *ret_changed where that differs. The chunk is put again where any did. */
typedef int strike_edit(struct strike *strike, const struct chunk_entry *entry, struct span record, bool *ret_changed, void *context);
int strike_chunk(struct strike *strike, const struct strike_place *place, struct span payload, strike_edit *edit, void *context);

/* Writes strike->out over the value, or deletes it where that is empty. */
int strike_put_out(struct strike *strike, const struct strike_place *place);

#endif
