/* db.c - see db.h. */
#include "store/db.h"

#include "engine/check.h"
#include "engine/sys/hash.h"
#include "engine/sys/sys.h"
#include "store/leaves.h"
#include "store/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>

/* Address space, not disk: the file grows as it must. Where a limit or a sanitizer forbids the first, less is tried. */
#define MAP_SIZE ((size_t)1 << 40)
#define MAP_SIZE_MIN ((size_t)1 << 32)
#define CHECKSUM_SIZE 8
#define KEYS "keys" /* of meta: struct db_keys */
#define READERS_MAX DB_READERS_MAX
#define CHANGED (-30000) /* none of LMDB's own: a leaf is not what it was (leaves.h) */
#define FULL ((uint64_t)1 << 20) /* so little free is a full disk: the writes of a transaction are larger */

static int cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **ret_cursor)
{
    return mdb_cursor_open(txn, table, ret_cursor);
}

static struct leaves *leaves_of(MDB_txn *txn)
{
    return mdb_env_get_userctx(mdb_txn_env(txn));
}

struct db_calls db_calls = {
    .env_open = mdb_env_open,
    .txn_begin = mdb_txn_begin,
    .txn_commit = mdb_txn_commit,
    .get = mdb_get,
    .put = mdb_put,
    .del = mdb_del,
    .cursor_open = cursor_open,
    .cursor_get = mdb_cursor_get,
    .cursor_del = mdb_cursor_del,
    .cursor_txn = mdb_cursor_txn,
    .leaves_of = leaves_of,
};

const char *const DB_TABLE_NAMES[TABLE_COUNT] = {
    "meta", "runs", "open", "closed", "closed_filter", "notices", "notices_filter", "history", "due", "awaited",
    "inputs", "folders",
};

int db_fault(struct fault *fault, int error, const char *doing)
{
    if (error == CHANGED)
        return fault_set(fault, FAULT_FAILED, "store: %s: data.mdb is not what it was: give the command again, which looks at all of it",
                         doing);
    if (error > 0) /* the system's, not LMDB's own */
        return fault_errno(fault, error, "store: %s", doing);
    return fault_set(fault, FAULT_FAILED, "store: %s: %s", doing, mdb_strerror(error));
}

int db_damaged(struct fault *fault, enum table table)
{
    return fault_set(fault, FAULT_INPUT,
                     "store: table %s: a value is damaged; restore the store from a backup or rebuild it from its inputs",
                     DB_TABLE_NAMES[table]);
}

/* A write of LMDB's that the disk had no room for is short, and LMDB calls that EIO: look whether the disk is full. */
static int write_error(const struct db *db, int error)
{
    const char *dir;
    struct statvfs space;
    bool full = error == EIO && mdb_env_get_path(db->env, &dir) == 0 && sys.statvfs(dir, &space) == 0 &&
                (uint64_t)space.f_bavail * space.f_frsize < FULL;
    return full ? ENOSPC : error;
}

static int open_env(struct db *db, const char *dir)
{
    int error = ENOMEM;
    for (size_t size = MAP_SIZE; (error == ENOMEM || error == EINVAL) && size >= MAP_SIZE_MIN; size >>= 1) { /* EINVAL: valgrind */
        if (db->env)
            mdb_env_close(db->env);
        db->env = NULL;
        error = mdb_env_create(&db->env);
        if (error)
            return error;
        mdb_env_set_maxdbs(db->env, TABLE_COUNT);
        mdb_env_set_maxreaders(db->env, READERS_MAX);
        mdb_env_set_mapsize(db->env, size);
        error = db_calls.env_open(db->env, dir, MDB_NOTLS | MDB_NORDAHEAD, 0600);
    }
    return error;
}

/* LMDB tells nobody where it has its map: a page of it tells its own number. */
static int find_map(struct db *db, MDB_txn *txn)
{
    MDB_dbi names;
    MDB_val key = {strlen(DB_TABLE_NAMES[0]), (void *)(uintptr_t)DB_TABLE_NAMES[0]}, value;
    MDB_stat stat;
    MDB_envinfo info;
    int error = mdb_dbi_open(txn, NULL, 0, &names);
    error = error ? error : mdb_get(txn, names, &key, &value);
    error = error ? error : mdb_env_stat(db->env, &stat);
    error = error ? error : mdb_env_info(db->env, &info);
    if (error)
        return error;
    uint64_t number;
    const uint8_t *page = (const uint8_t *)((uintptr_t)value.mv_data / stat.ms_psize * stat.ms_psize);
    memcpy(&number, page, sizeof number);
    db->map = page - number * stat.ms_psize;
    db->map_size = info.me_mapsize;
    db->page_size = stat.ms_psize;
    return 0;
}

/* LMDB would make its lock file with holes and write to it by mmap: on a full disk that is a SIGBUS. So all its bytes are there
 * before. */
static int make_lock_file(const char *dir, struct fault *fault)
{
    static const char ZEROS[DB_LOCK_FILE_SIZE];
    char path[4096];
    snprintf(path, sizeof path, "%s/lock.mdb", dir);
    int fd = sys.open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: make", path);
    int failed = sys_write_all(fd, ZEROS, sizeof ZEROS, 0) ? fault_errno(fault, errno, "%s: make", path) : 0;
    sys.close(fd);
    return failed;
}

/* LMDB would follow a link that somebody planted. */
static int refuse_links(const char *dir, struct fault *fault)
{
    static const char *const NAMES[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char path[4096];
        struct stat stat;
        snprintf(path, sizeof path, "%s/%s", dir, NAMES[i]);
        if (sys.stat(AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT && errno != ENOTDIR) /* else it may be one */
                return fault_errno(fault, errno, "%s: look", path);
        } else if (!S_ISREG(stat.st_mode))
            return fault_set(fault, FAULT_INPUT, "%s: must be a plain file, no link: put back the store's own", path);
    }
    return 0;
}

int db_missing(const char *dir, struct fault *fault)
{
    char path[4096];
    struct stat stat;
    if (snprintf(path, sizeof path, "%s/key", dir) < (int)sizeof path && sys.stat(AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) == 0)
        return fault_set(fault, FAULT_INPUT,
                         "%s: data.mdb is not there, or not of a store; restore the store from a backup or rebuild it from its inputs", dir);
    return fault_set(fault, FAULT_USAGE, "%s: not a store of besik (make one with: besik init %s)", dir, dir);
}

int db_open(struct db *db, const char *dir, bool create, struct fault *fault)
{
    *db = (struct db){0};
    char path[4096];
    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: path too long", dir);
    MDB_txn *txn = NULL;
    if (refuse_links(dir, fault) || (create && make_lock_file(dir, fault)))
        return -1;
    int error = open_env(db, dir);
    if (!error)
        error = db_calls.txn_begin(db->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    for (unsigned i = 0; !error && i < TABLE_COUNT; i++)
        error = mdb_dbi_open(txn, DB_TABLE_NAMES[i], create ? MDB_CREATE : 0, &db->tables[i]);
    if (!error && !create)
        error = find_map(db, txn);
    if (!error) {
        error = db_calls.txn_commit(txn);
        txn = NULL;
    }
    if (error) {
        if (txn)
            mdb_txn_abort(txn);
        error = write_error(db, error);
        db_close(db);
        if (error == MDB_INVALID) /* of a fresh one: a lock file that LMDB failed to lock */
            return fault_set(fault, FAULT_FAILED,
                             create ? "%s: data.mdb could not be made: give the command again"
                                    : "%s: data.mdb is damaged; restore the store from a backup or rebuild it from its inputs",
                             dir);
        if (error == MDB_NOTFOUND || error == ENOENT || error == MDB_VERSION_MISMATCH)
            return db_missing(dir, fault);
        return db_fault(fault, error, "open");
    }
    return 0;
}

void db_close(struct db *db)
{
    if (db->env)
        mdb_env_close(db->env);
    *db = (struct db){0};
}

uint64_t db_checksum(enum table table, const void *key, size_t key_size, const void *payload, size_t size)
{
    return XXH3_64bits_withSeed(payload, size, XXH3_64bits_withSeed(key, key_size, table));
}

int db_check(enum table table, const MDB_val *key, const MDB_val *value, struct span *ret_payload, struct fault *fault)
{
    const char *bytes = value->mv_data;
    uint64_t checksum;
    if (value->mv_size >= CHECKSUM_SIZE) {
        memcpy(&checksum, bytes, CHECKSUM_SIZE);
        *ret_payload = (struct span){bytes + CHECKSUM_SIZE, value->mv_size - CHECKSUM_SIZE};
        if (checksum == db_checksum(table, key->mv_data, key->mv_size, ret_payload->data, ret_payload->size))
            return 0;
    }
    return db_damaged(fault, table);
}

uint64_t db_key_sum(enum table table, const void *key, size_t key_size)
{
    if (table == TABLE_META && key_size == sizeof KEYS - 1 && memcmp(key, KEYS, key_size) == 0)
        return 0;
    return XXH3_64bits_withSeed(key, key_size, 0x6b657973 + table);
}

void db_watch(struct db *db, struct leaves *leaves)
{
    mdb_env_set_userctx(db->env, leaves);
}

/* What LMDB is about to meet is what it should be: 0 or CHANGED. */
static int meet(MDB_txn *txn, enum table table, const void *key, size_t key_size, bool last)
{
    struct leaves *leaves = db_calls.leaves_of(txn);
    return !leaves || leaves_meet(leaves, table, key, key_size, last, 0) ? 0 : CHANGED;
}

/* Likewise, or to write. */
static int meet_written(const struct db_writer *writer, enum table table, const void *key, size_t key_size)
{
    struct leaves *leaves = db_calls.leaves_of(writer->txn);
    MDB_stat stat;
    if (!leaves)
        return 0;
    int error = mdb_stat(writer->txn, writer->db->tables[table], &stat);
    if (error)
        return error;
    return leaves_meet(leaves, table, key, key_size, false, stat.ms_leaf_pages) ? 0 : CHANGED;
}

int db_get(const struct db *db, MDB_txn *txn, enum table table, const void *key, size_t key_size, struct span *ret_payload,
           struct fault *fault)
{
    MDB_val k = {key_size, (void *)key}, v;
    int error = meet(txn, table, key, key_size, false);
    error = error ? error : db_calls.get(txn, db->tables[table], &k, &v);
    if (error == MDB_NOTFOUND)
        return 1;
    if (error)
        return db_fault(fault, error, "read");
    return db_check(table, &k, &v, ret_payload, fault);
}

/* The same of a cursor: from where it stands it goes on to a neighbour at most. (Not behind a deletion: being asked where it stands,
 * a cursor forgets that it has gone on already.) */
static int meet_by_cursor(MDB_cursor *cursor, enum table table, const MDB_val *key, MDB_cursor_op op)
{
    MDB_txn *txn = db_calls.cursor_txn(cursor);
    MDB_val here = *key, value;
    bool from_key = op == MDB_SET_RANGE || op == MDB_SET_KEY;
    if (!db_calls.leaves_of(txn))
        return 0;
    bool stands = from_key || (op != MDB_FIRST && op != MDB_LAST && mdb_cursor_get(cursor, &here, &value, MDB_GET_CURRENT) == 0);
    return meet(txn, table, stands ? here.mv_data : NULL, here.mv_size, op == MDB_LAST || op == MDB_PREV);
}

static int get_by_cursor(MDB_cursor *cursor, enum table table, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    static const uint8_t KEY_SIZES[TABLE_COUNT] = {/* 0: of any size */
                                                   [TABLE_RUNS] = 4,
                                                   [TABLE_OPEN] = 12,
                                                   [TABLE_CLOSED] = 12,
                                                   [TABLE_CLOSED_FILTER] = 12,
                                                   [TABLE_NOTICES] = 12,
                                                   [TABLE_NOTICES_FILTER] = 12,
                                                   [TABLE_HISTORY] = 12,
                                                   [TABLE_DUE] = 16,
                                                   [TABLE_AWAITED] = 18,
                                                   [TABLE_INPUTS] = 8,
                                                   [TABLE_FOLDERS] = 10};
    int error = db_calls.cursor_get(cursor, key, value, op);
    bool piece = KEY_SIZES[table] == 12 && key->mv_size == 16; /* of a value that goes on in others */
    return !error && KEY_SIZES[table] && key->mv_size != KEY_SIZES[table] && !piece ? MDB_CORRUPTED : error;
}

int db_cursor_get(MDB_cursor *cursor, enum table table, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    int error = meet_by_cursor(cursor, table, key, op);
    return error ? error : get_by_cursor(cursor, table, key, value, op);
}

int db_cursor_at_most(MDB_cursor *cursor, enum table table, const void *wanted, size_t size, MDB_val *key, MDB_val *value)
{
    *key = (MDB_val){size, (void *)(uintptr_t)wanted};
    int error = db_cursor_get(cursor, table, key, value, MDB_SET_RANGE);
    if (error && error != MDB_NOTFOUND) /* no end of the table */
        return error;
    if (!error && key->mv_size == size && memcmp(key->mv_data, wanted, size) == 0)
        return 0;
    return db_cursor_get(cursor, table, key, value, error ? MDB_LAST : MDB_PREV);
}

/* ---- writing ---- */

int db_get_keys(const struct db *db, MDB_txn *txn, struct db_keys *ret_keys, struct fault *fault)
{
    struct span value;
    *ret_keys = (struct db_keys){0};
    int there = db_get(db, txn, TABLE_META, KEYS, sizeof KEYS - 1, &value, fault);
    if (there == 0 && value.size != sizeof *ret_keys)
        return db_damaged(fault, TABLE_META);
    if (there == 0)
        memcpy(ret_keys, value.data, sizeof *ret_keys);
    return there < 0 ? -1 : 0;
}

int db_write_begin(struct db_writer *writer, const struct db *db, size_t limit, struct fault *fault)
{
    *writer = (struct db_writer){.db = db, .limit = limit};
    int error = db_calls.txn_begin(db->env, NULL, 0, &writer->txn);
    if (error)
        return db_fault(fault, error, "begin");
    if (db_get_keys(db, writer->txn, &writer->keys, fault) == 0)
        return 0;
    db_write_abort(writer);
    return -1;
}

static bool in_map(const struct db *db, const MDB_val *value)
{
    return (uintptr_t)value->mv_data - (uintptr_t)db->map < db->map_size;
}

/* May LMDB free the pages of the value? (Those not in its map are of this transaction.) */
static bool may_be_freed(const struct db *db, const MDB_val *value)
{
    size_t at = (uintptr_t)value->mv_data - (uintptr_t)db->map;
    if (!in_map(db, value) || at % db->page_size != PAGES_HEAD) /* no node stands there: it has pages of its own */
        return true;
    return pages_is_long((const uint8_t *)value->mv_data - PAGES_HEAD, at / db->page_size, value->mv_size, db->page_size);
}

static int put(struct db_writer *writer, enum table table, const void *key, size_t key_size, const void *payload, size_t size,
               struct fault *fault)
{
    MDB_val k = {key_size, (void *)key}, v = {size + CHECKSUM_SIZE, NULL};
    int error = meet_written(writer, table, key, key_size);
    error = error ? error : db_calls.put(writer->txn, writer->db->tables[table], &k, &v, MDB_RESERVE | MDB_NOOVERWRITE);
    if (!error) {
        writer->keys.sums[table] += db_key_sum(table, key, key_size);
        writer->keys_changed = true;
    } else if (error == MDB_KEYEXIST) {
        if (!may_be_freed(writer->db, &v))
            return db_damaged(fault, table);
        /* in the transaction that put it, a shorter one would keep all its pages: then their count tells no more of its size */
        bool again = !in_map(writer->db, &v) && v.mv_size != size + CHECKSUM_SIZE;
        v = (MDB_val){size + CHECKSUM_SIZE, NULL};
        error = again ? db_calls.del(writer->txn, writer->db->tables[table], &k, NULL) : 0;
        if (again && !error)
            error = meet_written(writer, table, key, key_size);
        error = error ? error : db_calls.put(writer->txn, writer->db->tables[table], &k, &v, MDB_RESERVE);
    }
    if (error)
        return db_fault(fault, write_error(writer->db, error), "write");
    uint64_t checksum = db_checksum(table, key, key_size, payload, size);
    memcpy(v.mv_data, &checksum, CHECKSUM_SIZE);
    memcpy((char *)v.mv_data + CHECKSUM_SIZE, payload, size);
    writer->written += v.mv_size;
    return 0;
}

static void key_is_gone(struct db_writer *writer, enum table table, const void *key, size_t key_size)
{
    writer->keys.sums[table] -= db_key_sum(table, key, key_size);
    writer->keys_changed = true;
}

static int commit(struct db_writer *writer, struct fault *fault)
{
    uint64_t written = writer->written; /* of what was asked for */
    if (writer->keys_changed && put(writer, TABLE_META, KEYS, sizeof KEYS - 1, &writer->keys, sizeof writer->keys, fault))
        return -1;
    writer->written = written;
    writer->keys_changed = false;
    int error = db_calls.txn_commit(writer->txn);
    writer->txn = NULL; /* gone, whatever became of it */
    writer->bytes = 0;
    return error ? db_fault(fault, write_error(writer->db, error), "commit") : 0;
}

static int make_room(struct db_writer *writer, size_t size, struct fault *fault)
{
    if (writer->bytes + size > writer->limit && writer->bytes) {
        if (commit(writer, fault))
            return -1;
        int error = db_calls.txn_begin(writer->db->env, NULL, 0, &writer->txn);
        if (error)
            return db_fault(fault, error, "begin");
    }
    writer->bytes += size;
    return 0;
}

int db_put(struct db_writer *writer, enum table table, const void *key, size_t key_size, const void *payload, size_t size,
           struct fault *fault)
{
    return make_room(writer, size + CHECKSUM_SIZE, fault) ? -1 : put(writer, table, key, key_size, payload, size, fault);
}

int db_delete(struct db_writer *writer, enum table table, const void *key, size_t key_size, struct fault *fault)
{
    MDB_val k = {key_size, (void *)key}, v;
    int error = meet_written(writer, table, key, key_size);
    error = error ? error : db_calls.get(writer->txn, writer->db->tables[table], &k, &v);
    if (!error && !may_be_freed(writer->db, &v))
        return db_damaged(fault, table);
    error = error ? error : db_calls.del(writer->txn, writer->db->tables[table], &k, NULL);
    if (!error)
        key_is_gone(writer, table, key, key_size);
    return error && error != MDB_NOTFOUND ? db_fault(fault, error, "delete") : 0;
}

int db_sweep(struct db_writer *writer, enum table table, const void *from, size_t from_size,
             enum db_verdict (*verdict)(const uint8_t *key, size_t size, const void *context), const void *context,
             struct fault *fault)
{
    uint8_t last[64];
    size_t last_size = from_size;
    memcpy(last, from, from_size);
    for (;;) { /* once a transaction: a sweep may be large */
        MDB_cursor *cursor;
        int error = db_calls.cursor_open(writer->txn, writer->db->tables[table], &cursor);
        if (error)
            return db_fault(fault, error, "sweep");
        MDB_val key = {last_size, last}, value;
        error = db_cursor_get(cursor, table, &key, &value, last_size ? MDB_SET_RANGE : MDB_FIRST);
        bool full = false;
        while (!error && !full) {
            enum db_verdict what = verdict(key.mv_data, key.mv_size, context);
            if (what == DB_STOP)
                break;
            if (what == DB_DELETE) {
                CHECK(key.mv_size <= sizeof last);
                if (!may_be_freed(writer->db, &value)) {
                    mdb_cursor_close(cursor);
                    return db_damaged(fault, table);
                }
                memcpy(last, key.mv_data, last_size = key.mv_size);
                writer->bytes += value.mv_size / 16 + 64; /* freed pages cost little, but not nothing */
                error = meet_written(writer, table, last, last_size);
                error = error ? error : db_calls.cursor_del(cursor, 0);
                if (!error)
                    key_is_gone(writer, table, last, last_size);
                full = writer->bytes > writer->limit;
            }
            if (!error && !full) /* what is behind a key that was deleted was looked at with it */
                error = (what == DB_DELETE ? get_by_cursor : db_cursor_get)(cursor, table, &key, &value, MDB_NEXT);
        }
        mdb_cursor_close(cursor);
        if (error && error != MDB_NOTFOUND)
            return db_fault(fault, error, "sweep");
        if (!full)
            return 0;
        writer->bytes = writer->limit;
        if (make_room(writer, 1, fault))
            return -1;
    }
}

int db_write_commit(struct db_writer *writer, struct fault *fault)
{
    return commit(writer, fault);
}

void db_write_abort(struct db_writer *writer)
{
    if (writer->txn)
        mdb_txn_abort(writer->txn);
    writer->txn = NULL;
}
