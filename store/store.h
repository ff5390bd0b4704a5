/* store.h - a store as a whole: made, opened, locked, its small values, and the sweeping of what a cut run left.
 * Room: store.  Layout: tables.h.  Thread: one, save that read transactions may be used by the workers that open them.
 * Errors: -1 with the fault: FAULT_USAGE no store, or a wrong setting; FAULT_INPUT damaged, or made by another besik; FAULT_BUSY;
 * else the machine failed. What struct store points to is its own and goes with store_close. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "engine/fault.h"
#include "store/db.h"
#include "store/publish.h"

#include <xxhash.h>

struct store {
    char *dir;
    int lock_fd;
    struct db db;
    uint8_t key[STORE_KEY_SIZE];
    char name[STORE_NAME_SIZE * 2 + 1]; /* `store` in run.json: hexadecimal */
    struct settings settings;
    struct state *state; /* malloced; operators[] has room for REF_OPERATORS_MAX */
    MDB_txn *snapshot; /* of a reader: what it read its state in, and is to read all else in */
    uint64_t seed; /* of remembered hashes, drawn from the key */
    struct leaves *leaves; /* of a run, or NULL where it looked at everything */
};

void store_default_settings(struct settings *settings); /* contract section 5; times in ms */
/* One setting by name ('-' as '_'); FAULT_USAGE with what is allowed. `making`: init, which may set shards too. */
int store_set(struct settings *settings, const char *name, const char *value, bool making, struct fault *fault);
/* The name of setting `i` and its value as it is given; NULL behind the last. */
const char *store_setting(const struct settings *settings, unsigned i, char value[32]);
/* The bounds that settings have with one another. */
int store_check_settings(const struct settings *settings, struct fault *fault);

/* Is each within its bounds? (Those of a damaged store may not be.) */
bool store_settings_are_sound(const struct settings *settings);

/* Makes STORE (it must not be there, be an empty folder, or one that an init left half made). `key`: 16 bytes, or NULL: a random one.
 * `ref`: the reference data, packed; what they mean io knows. Durable when it returns 0. */
int store_make(const char *dir, const uint8_t *key, const struct settings *settings, struct span ref, struct fault *fault);

enum store_mode { STORE_READ, STORE_WRITE, STORE_RUN }; /* a run writes, too, and looks only at what it meets (leaves.h) */
/* Opens it; for writing takes the lock (FAULT_BUSY where another has it) and first completes the folder of a run that took
 * effect and was killed before its folder appeared. To read: no lock; all of it is of one snapshot, which is held until store_close and
 * keeps the writer from using freed pages again, so that the file grows: not to be held for long. On a fault it is closed already. */
int store_open(struct store *store, const char *dir, enum store_mode mode, struct fault *fault);
/* The run's last commit is made: notes what the next one need not look at. It cannot fail: without the note all is looked at. */
void store_note_looked(const struct store *store);
void store_close(struct store *store); /* every transaction has ended but its own snapshot; zeroed ones are taken */

/* ---- within a writer: it takes effect when the writer's transaction is committed ---- */

int store_put_settings(const struct store *store, struct db_writer *writer, struct fault *fault);
int store_put_ref(struct span ref, struct db_writer *writer, struct fault *fault);
int store_put_state(const struct state *state, struct db_writer *writer, struct fault *fault);
int store_put_pending(const struct publish_place *place, struct db_writer *writer, struct fault *fault);
int store_clear_pending(struct db_writer *writer, struct fault *fault);
/* Set where a run begins to write and cleared by its deciding transaction: a run that was cut leaves it behind. */
int store_mark_unfinished(struct db_writer *writer, bool unfinished, struct fault *fault);
/* Sweeps all that the state does not refer to: segments merged away, queues popped, what a cut run left. May take several
 * transactions, cut anywhere. */
int store_sweep(const struct store *store, struct db_writer *writer, struct fault *fault);

/* Copies a store that was opened to read into a folder (the caller's fd), in a snapshot of its own: no writer waits. Its files are synced,
 * the folder is not. *ret_bytes: of the copy. */
int store_copy(const struct store *store, int folder_fd, uint64_t *ret_bytes, struct fault *fault);

struct run_row {
    int64_t as_of_ms;
    XXH128_hash_t digest; /* of the multiset of its inputs' hashes */
};
int store_put_run(uint32_t run, const struct run_row *row, struct db_writer *writer, struct fault *fault);
/* 0, 1 where there is no such run, -1. */
int store_get_run(const struct store *store, uint32_t run, struct run_row *ret_row, struct fault *fault);

/* A snapshot of what was committed last; any thread. Up to DB_READERS_MAX may be open at once, in all processes. */
int store_read_begin(const struct store *store, MDB_txn **ret_txn, struct fault *fault);
void store_read_end(MDB_txn *txn); /* NULL is taken */

/* The reference data as they were put, good as long as `txn`. 0, 1 where there are none, -1. */
int store_get_ref(const struct store *store, MDB_txn *txn, struct span *ret_ref, struct fault *fault);
/* FAULT_INPUT: `what` of it is damaged, and what to do. -1. */
int store_damaged(const struct store *store, const char *what, struct fault *fault);

/* Was a value of the due table, by its key, not popped yet? Of those that came due at the last as-of itself only what the
 * last run queued: a next run with the same as-of is to look at them. */
bool store_due_is_live(const struct state *state, const uint8_t *key);

size_t store_state_size(const struct state *state); /* bytes, its operators too */

#endif
