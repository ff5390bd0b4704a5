/* scrub.c - see scrub.h. */
#include "store/scrub.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <stdio.h>

#define FILL "scrub" /* and a number: keys of meta, while free pages are being filled */
#define FILL_KEY (sizeof FILL - 1 + 4)

struct readers {
    size_t until; /* transactions up to here are in the way */
    long pid;
};

static int note_reader(const char *line, void *context)
{
    struct readers *readers = context;
    long pid;
    size_t txn;
    if (sscanf(line, "%ld %*x %zu", &pid, &txn) == 2 && txn <= readers->until)
        readers->pid = pid;
    return 0;
}

static size_t last_txn(const struct store *store)
{
    MDB_envinfo info;
    mdb_env_info(store->db.env, &info);
    return info.me_last_txnid;
}

static size_t page_size(const struct store *store)
{
    MDB_stat stat;
    mdb_env_stat(store->db.env, &stat);
    return stat.ms_psize;
}

/* Puts one value of each leaf once more, so that the leaf is copied without its gap; and the values that have one page of their
 * own, as what is behind them there may be old. Longer ones end in zeros. */
static int touch_table(struct store *store, MDB_txn *txn, enum table table, struct db_writer *writer, struct fault *fault)
{
    size_t page = page_size(store);
    uintptr_t leaf = 0;
    MDB_cursor *cursor;
    MDB_val key, value;
    int error = db_calls.cursor_open(txn, store->db.tables[table], &cursor), failed = 0;
    if (error)
        return db_fault(fault, error, "read");
    for (error = db_calls.cursor_get(cursor, &key, &value, MDB_FIRST); !error && !failed;
         error = db_calls.cursor_get(cursor, &key, &value, MDB_NEXT)) {
        uintptr_t here = (uintptr_t)key.mv_data / page; /* the key lies in the map: in its leaf */
        if (here == leaf && !(value.mv_size > page / 2 - 256 && value.mv_size <= page))
            continue;
        leaf = here;
        struct span payload;
        failed = db_check(table, &key, &value, &payload, fault) ||
                 db_put(writer, table, key.mv_data, key.mv_size, payload.data, payload.size, fault);
    }
    mdb_cursor_close(cursor);
    return failed ? -1 : error != MDB_NOTFOUND ? db_fault(fault, error, "read") : 0;
}

static int touch_leaves(struct store *store, size_t limit, struct fault *fault)
{
    MDB_txn *txn;
    struct db_writer writer;
    if (store_read_begin(store, &txn, fault))
        return -1;
    int failed = db_write_begin(&writer, &store->db, limit, fault);
    if (!failed) {
        for (unsigned table = 0; table < TABLE_COUNT && !failed; table++)
            failed = touch_table(store, txn, table, &writer, fault);
        failed = failed || db_write_commit(&writer, fault);
        db_write_abort(&writer);
    }
    store_read_end(txn);
    return failed ? -1 : 0;
}

static int count_free(const struct store *store, uint64_t *ret_pages, struct fault *fault)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    *ret_pages = 0;
    if (store_read_begin(store, &txn, fault))
        return -1;
    int error = db_calls.cursor_open(txn, 0, &cursor); /* LMDB's own list: a count, then page numbers */
    if (!error) {
        while (!(error = db_calls.cursor_get(cursor, &key, &value, MDB_NEXT))) {
            size_t count;
            memcpy(&count, value.mv_data, sizeof count);
            *ret_pages += count;
        }
        mdb_cursor_close(cursor);
    }
    store_read_end(txn);
    return error == MDB_NOTFOUND ? 0 : db_fault(fault, error, "read");
}

static int fill_free(struct store *store, size_t limit, uint64_t pages, struct fault *fault)
{
    struct db_writer writer;
    size_t size = page_size(store) - 16 - 8; /* a page, without LMDB's head and our checksum */
    char *zeros = sys.alloc(size);
    if (!zeros)
        return fault_set(fault, FAULT_FAILED, "out of memory");
    memset(zeros, 0, size);
    int failed = db_write_begin(&writer, &store->db, limit, fault);
    if (!failed) {
        for (uint64_t i = 0; i < pages && i < UINT32_MAX && !failed; i++) {
            uint8_t key[FILL_KEY];
            memcpy(key, FILL, sizeof FILL - 1);
            db_put_u32(key + sizeof FILL - 1, (uint32_t)i);
            failed = db_put(&writer, TABLE_META, key, sizeof key, zeros, size, fault);
        }
        failed = failed || db_write_commit(&writer, fault) || db_write_begin(&writer, &store->db, limit, fault) ||
                 store_scrub_clear(&writer, fault) || db_write_commit(&writer, fault);
        db_write_abort(&writer);
    }
    sys.free(zeros);
    return failed ? -1 : 0;
}

static enum db_verdict judge_fill(const uint8_t *key, size_t size, const void *context)
{
    (void)context;
    return size == FILL_KEY && memcmp(key, FILL, sizeof FILL - 1) == 0 ? DB_DELETE : DB_STOP;
}

int store_scrub_clear(struct db_writer *writer, struct fault *fault)
{
    return db_sweep(writer, TABLE_META, FILL, sizeof FILL - 1, judge_fill, NULL, fault);
}

/* Pages that a transaction frees can be used from the one after the next on; and not beside a reader that began right after it,
 * as all of the next run's are. */
static int commit_nothing(struct store *store, struct fault *fault)
{
    struct db_writer writer;
    if (db_write_begin(&writer, &store->db, SIZE_MAX, fault))
        return -1;
    int failed = store_put_state(store->state, &writer, fault) || db_write_commit(&writer, fault);
    db_write_abort(&writer);
    return failed ? -1 : 0;
}

static int no_readers(struct store *store, size_t until, struct fault *fault)
{
    struct readers readers = {.until = until};
    int dead;
    mdb_reader_check(store->db.env, &dead);
    mdb_reader_list(store->db.env, note_reader, &readers);
    return !readers.pid ? 0
                        : fault_set(fault, FAULT_BUSY,
                                    "%s: struck, but process %ld still reads the store as it was before: give the command "
                                    "again when it has ended",
                                    store->dir, readers.pid);
}

/* What a commit that was cut wrote behind the last page. */
static int cut_end(struct store *store, struct fault *fault)
{
    MDB_envinfo info;
    mdb_env_info(store->db.env, &info);
    mdb_filehandle_t fd;
    struct stat stat;
    off_t end = (off_t)((info.me_last_pgno + 1) * page_size(store));
    if (mdb_env_get_fd(store->db.env, &fd) || sys.fstat(fd, &stat) || (stat.st_size > end && sys.ftruncate(fd, end)))
        return fault_errno(fault, errno, "%s/data.mdb: cut its end", store->dir);
    return 0;
}

int store_scrub(struct store *store, size_t limit, uint64_t *ret_bytes, struct fault *fault)
{
    uint64_t pages;
    db_close(&store->db);
    if (db_open(&store->db, store->dir, false, fault) || touch_leaves(store, limit, fault))
        return -1;
    size_t touched = last_txn(store);
    if (commit_nothing(store, fault) || no_readers(store, touched, fault) || count_free(store, &pages, fault) ||
        fill_free(store, limit, pages, fault) || commit_nothing(store, fault) || cut_end(store, fault))
        return -1;
    *ret_bytes = pages * page_size(store);
    return 0;
}
