/* failing_calls.h - for tests of io and the store: what they do, again and again, with the N-th call of each sort failing. */
#include "engine/sys/sys.h"
#include "store/db.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct sys real;
static struct db_calls real_db;
static long calls_left; /* calls until the one that fails; 0: none does */
static bool fails(int error)
{
    if (calls_left && --calls_left == 0) {
        errno = error;
        return true;
    }
    return false;
}

static int f_open(int at, const char *path, int flags, mode_t mode) { return fails(EIO) ? -1 : real.open(at, path, flags, mode); }
static ssize_t f_pread(int fd, void *to, size_t n, off_t at) { return fails(EIO) ? -1 : real.pread(fd, to, n, at); }
static ssize_t f_pwrite(int fd, const void *from, size_t n, off_t at) { return fails(ENOSPC) ? -1 : real.pwrite(fd, from, n, at); }
static ssize_t f_read(int fd, void *to, size_t n) { return fails(EIO) ? -1 : real.read(fd, to, n); }
static ssize_t f_write(int fd, const void *from, size_t n) { return fails(ENOSPC) ? -1 : real.write(fd, from, n); }
static int f_fsync(int fd) { return fails(EIO) ? -1 : real.fsync(fd); }
static int f_mkdir(int at, const char *path, mode_t mode) { return fails(EACCES) ? -1 : real.mkdir(at, path, mode); }
static int f_fstat(int fd, struct stat *ret) { return fails(EIO) ? -1 : real.fstat(fd, ret); }
static int f_stat(int at, const char *path, struct stat *ret, int flags) { return fails(EIO) ? -1 : real.stat(at, path, ret, flags); }
static int f_unlink(int at, const char *path, int flags) { return fails(EIO) ? -1 : real.unlink(at, path, flags); }
static int f_rename(int from_at, const char *from, int to_at, const char *to) { return fails(EIO) ? -1 : real.rename(from_at, from, to_at, to); }
static int f_replace(int from_at, const char *from, int to_at, const char *to) { return fails(EIO) ? -1 : real.replace(from_at, from, to_at, to); }
static int f_ftruncate(int fd, off_t size) { return fails(EIO) ? -1 : real.ftruncate(fd, size); }
static DIR *f_opendir(int at, const char *path, int flags) { return fails(EIO) ? NULL : real.opendir(at, path, flags); }
static struct dirent *f_readdir(DIR *folder) { return fails(EIO) ? NULL : real.readdir(folder); }
static void *f_map_file(int fd, size_t size, bool scattered) { return fails(ENOMEM) ? NULL : real.map_file(fd, size, scattered); }
static iconv_t f_iconv_open(const char *to, const char *from) { return fails(EMFILE) ? (iconv_t)-1 : real.iconv_open(to, from); }
static void *f_alloc(size_t size) { return fails(ENOMEM) ? NULL : real.alloc(size); }
static void *f_realloc(void *block, size_t size) { return fails(ENOMEM) ? NULL : real.realloc(block, size); }
static int f_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode) { return fails(0) ? EIO : real_db.env_open(env, path, flags, mode); }
static int f_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **ret) { return fails(0) ? MDB_READERS_FULL : real_db.txn_begin(env, parent, flags, ret); }
static int f_txn_commit(MDB_txn *txn)
{
    if (!fails(0))
        return real_db.txn_commit(txn);
    mdb_txn_abort(txn);
    return ENOSPC;
}
static int f_get(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value) { return fails(0) ? MDB_CORRUPTED : real_db.get(txn, table, key, value); }
static int f_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags) { return fails(0) ? MDB_MAP_FULL : real_db.put(txn, table, key, value, flags); }
static int f_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value) { return fails(0) ? EIO : real_db.del(txn, table, key, value); }
static int f_cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **ret) { return fails(0) ? ENOMEM : real_db.cursor_open(txn, table, ret); }
static int f_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op) { return fails(0) ? MDB_PAGE_NOTFOUND : real_db.cursor_get(cursor, key, value, op); }
static int f_cursor_del(MDB_cursor *cursor, unsigned flags) { return fails(0) ? EIO : real_db.cursor_del(cursor, flags); }

enum call { OPEN, PREAD, PWRITE, READ, WRITE, FSYNC, MKDIR, FSTAT, STAT, UNLINK, RENAME, REPLACE, FTRUNCATE, OPENDIR, READDIR, MAP_FILE, ICONV_OPEN, ALLOC, REALLOC, ENV_OPEN, TXN_BEGIN, TXN_COMMIT, GET, PUT, DEL, CURSOR_OPEN, CURSOR_GET, CURSOR_DEL, CALL_COUNT };
static void put_in(enum call call)
{
    switch (call) {
    case OPEN: sys.open = f_open; break;
    case PREAD: sys.pread = f_pread; break;
    case PWRITE: sys.pwrite = f_pwrite; break;
    case READ: sys.read = f_read; break;
    case WRITE: sys.write = f_write; break;
    case FSYNC: sys.fsync = f_fsync; break;
    case MKDIR: sys.mkdir = f_mkdir; break;
    case FSTAT: sys.fstat = f_fstat; break;
    case STAT: sys.stat = f_stat; break;
    case UNLINK: sys.unlink = f_unlink; break;
    case RENAME: sys.rename = f_rename; break;
    case REPLACE: sys.replace = f_replace; break;
    case FTRUNCATE: sys.ftruncate = f_ftruncate; break;
    case OPENDIR: sys.opendir = f_opendir; break;
    case READDIR: sys.readdir = f_readdir; break;
    case MAP_FILE: sys.map_file = f_map_file; break;
    case ICONV_OPEN: sys.iconv_open = f_iconv_open; break;
    case ALLOC: sys.alloc = f_alloc; break;
    case REALLOC: sys.realloc = f_realloc; break;
    case ENV_OPEN: db_calls.env_open = f_env_open; break;
    case TXN_BEGIN: db_calls.txn_begin = f_txn_begin; break;
    case TXN_COMMIT: db_calls.txn_commit = f_txn_commit; break;
    case GET: db_calls.get = f_get; break;
    case PUT: db_calls.put = f_put; break;
    case DEL: db_calls.del = f_del; break;
    case CURSOR_OPEN: db_calls.cursor_open = f_cursor_open; break;
    case CURSOR_GET: db_calls.cursor_get = f_cursor_get; break;
    case CURSOR_DEL: db_calls.cursor_del = f_cursor_del; break;
    case CALL_COUNT: break;
    }
}

/* Plays `what` with the N-th call of each sort failing, N = 1 … (from 60 on every seventh) until it passes unfailed; returns how
 * many points there were. Each must fail with a message, and what is done after it must be as if nothing had been tried. */
static unsigned sweep(int (*what)(struct fault *fault), void (*before)(void))
{
    unsigned points = 0;
    real = sys;
    real_db = db_calls;
    for (enum call call = 0; call < CALL_COUNT; call++) {
        for (long n = 1;; n += n < 60 ? 1 : 7) { /* many calls are one loop's */
            static struct fault fault;
            fault = (struct fault){0};
            before();
            put_in(call);
            calls_left = n;
            int failed = what(&fault);
            bool met = calls_left == 0;
            calls_left = 0;
            sys = real;
            db_calls = real_db;
            if (!met) {
                cr_assert_eq(failed, 0, "call %d: unfailed, and yet: %s", call, fault.text);
                break;
            }
            points++;
            cr_assert(failed && fault.code == FAULT_FAILED && fault.text[0], "call %d at %ld: %d, %s", call, n, failed, fault.text);
            cr_assert_lt(n, 2000, "call %d: it never ends", call);
        }
    }
    return points;
}
