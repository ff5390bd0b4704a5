/* db.h - LMDB behind one replaceable table of calls, and our values' checksums. Only db.c and store.c know LMDB's words.
 * Room: store.  LMDB's own errors become faults at this door: FAULT_INPUT where a value is damaged, FAULT_USAGE where there is no store,
 * else FAULT_FAILED (a full disk among them, which LMDB calls EIO). Sizes are bytes; keys and values are copied in.
 *
 * How long what is read stands: in a transaction that reads, until it ends (store_read_end), wherever its cursor goes, as LMDB
 * takes no page again that a snapshot in use has; in a writer's, until its next put, delete or sweep, which may commit it too.
 * Values lie at even addresses, no more.
 * Thread: a struct db may be used by all at once; a transaction that reads and its cursors by one at a time (MDB_NOTLS), a writer by
 * the one that began it. One process opens a store once, and never over a fork. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "engine/fault.h"
#include "engine/span.h"
#include "store/tables.h"

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

/* What the keys of each table add up to, "keys" itself left out. LMDB's keys have no checksum: by this a key that was changed,
 * lost or made up is told without a look at any value (pages.h). Every transaction of a writer ends with it. */
struct db_keys {
    uint64_t sums[TABLE_COUNT];
};

struct leaves;

struct db_calls { /* LMDB's calls that can fail, or that take what it gave; tests swap entries */
    int (*env_open)(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);
    int (*txn_begin)(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **ret_txn);
    int (*txn_commit)(MDB_txn *txn);
    int (*get)(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value);
    int (*put)(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags);
    int (*del)(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value);
    int (*cursor_open)(MDB_txn *txn, MDB_dbi table, MDB_cursor **ret_cursor);
    int (*cursor_get)(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op);
    int (*cursor_del)(MDB_cursor *cursor, unsigned flags);
    MDB_txn *(*cursor_txn)(MDB_cursor *cursor);
    struct leaves *(*leaves_of)(MDB_txn *txn); /* what db_watch set */
};
extern struct db_calls db_calls;

#define DB_READERS_MAX 256
#define DB_LOCK_FILE_SIZE (DB_READERS_MAX * 64 + 256) /* of lock.mdb: a line a reader, and a head */

struct db {
    MDB_env *env;
    MDB_dbi tables[TABLE_COUNT];
    const uint8_t *map; /* where LMDB has the file; NULL while the store is made */
    size_t map_size, page_size;
};

extern const char *const DB_TABLE_NAMES[TABLE_COUNT];

/* Before other threads use it. From now on each leaf that one of the calls below will meet is looked at first (leaves.h); NULL: as it was. */
void db_watch(struct db *db, struct leaves *leaves);

/* Opens or makes STORE/data.mdb. Who writes holds the store's lock (store.h). Failed, it is closed again. */
int db_open(struct db *db, const char *dir, bool create, struct fault *fault);
void db_close(struct db *db); /* all transactions have ended; a zeroed one is taken */

int db_fault(struct fault *fault, int error, const char *doing); /* sets it; -1 */
int db_missing(const char *dir, struct fault *fault);              /* no data.mdb: not a store, or one that lost it; -1 */
int db_damaged(struct fault *fault, enum table table);             /* likewise: a value that is none */

/* checksum of a value's payload under its key: XXH3-64 */
uint64_t db_checksum(enum table table, const void *key, size_t key_size, const void *payload, size_t size);

uint64_t db_key_sum(enum table table, const void *key, size_t key_size); /* a key's share of struct db_keys; sums are modulo 2^64 */

/* Gets a value and checks it: *ret_payload is what stands behind the checksum. 0, 1 where there is none, or -1. */
int db_get(const struct db *db, MDB_txn *txn, enum table table, const void *key, size_t key_size, struct span *ret_payload,
           struct fault *fault);
/* What a cursor meets next, by `op`: 0 or LMDB's error (db_fault tells it), MDB_NOTFOUND at the end. A key that is not of the table's
 * size is MDB_CORRUPTED: whoever reads it may trust its size. */
int db_cursor_get(MDB_cursor *cursor, enum table table, MDB_val *key, MDB_val *value, MDB_cursor_op op);
/* Moves it to the greatest key that is not above `wanted`: 0, MDB_NOTFOUND where there is none, or another error. */
int db_cursor_at_most(MDB_cursor *cursor, enum table table, const void *wanted, size_t size, MDB_val *key, MDB_val *value);
/* Checks a value that a cursor met: 0 and what stands behind the checksum, or -1. */
int db_check(enum table table, const MDB_val *key, const MDB_val *value, struct span *ret_payload, struct fault *fault);

/* ---- a writer: one transaction after another, each of at most `limit` bytes of values ----
 *
 *   db_write_begin   put, delete, sweep …   db_write_commit      and after each of these db_write_abort, which then does nothing
 *
 * What was put is durable once the transaction ended in which it stands: whoever needs all or nothing has a limit of SIZE_MAX, or writes
 * what nobody refers to yet (tables.h). After a call that failed a writer is only to be aborted. */

struct db_writer {
    const struct db *db;
    MDB_txn *txn;
    size_t bytes, limit;
    uint64_t written; /* bytes of values, in all transactions */
    struct db_keys keys;
    bool keys_changed;
};

/* What was written of the keys; zeros where nothing was. */
int db_get_keys(const struct db *db, MDB_txn *txn, struct db_keys *ret_keys, struct fault *fault);

/* Waits for another writer of the file, if there is one. */
int db_write_begin(struct db_writer *writer, const struct db *db, size_t limit, struct fault *fault);
/* Puts a value, in place of another if there is one. */
int db_put(struct db_writer *writer, enum table table, const void *key, size_t key_size, const void *payload, size_t size,
           struct fault *fault);
/* 0 also where there is no such key. */
int db_delete(struct db_writer *writer, enum table table, const void *key, size_t key_size, struct fault *fault);
/* Deletes the keys that `verdict` names, looking at all keys from `from` on (size 0: from the first) until it says stop. The key that it
 * is shown stands for that call only. */
enum db_verdict { DB_KEEP, DB_DELETE, DB_STOP };
int db_sweep(struct db_writer *writer, enum table table, const void *from, size_t from_size,
             enum db_verdict (*verdict)(const uint8_t *key, size_t size, const void *context), const void *context,
             struct fault *fault);
int db_write_commit(struct db_writer *writer, struct fault *fault); /* ends the writer; durable when it returns 0 */
void db_write_abort(struct db_writer *writer); /* drops what the open transaction holds; an ended writer is taken */

static inline void db_put_u16(uint8_t *out, uint16_t n)
{
    out[0] = (uint8_t)(n >> 8);
    out[1] = (uint8_t)n;
}
static inline void db_put_u32(uint8_t *out, uint32_t n)
{
    db_put_u16(out, (uint16_t)(n >> 16));
    db_put_u16(out + 2, (uint16_t)n);
}
static inline void db_put_u64(uint8_t *out, uint64_t n)
{
    db_put_u32(out, (uint32_t)(n >> 32));
    db_put_u32(out + 4, (uint32_t)n);
}
static inline uint32_t db_get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}
static inline uint64_t db_get_u64(const uint8_t *in)
{
    return (uint64_t)db_get_u32(in) << 32 | db_get_u32(in + 4);
}
/* a signed time in a key: sorts as a number */
static inline void db_put_time(uint8_t *out, int64_t ms)
{
    db_put_u64(out, (uint64_t)ms ^ (1ull << 63));
}
static inline int64_t db_get_time(const uint8_t *in)
{
    return (int64_t)(db_get_u64(in) ^ (1ull << 63));
}

#endif
