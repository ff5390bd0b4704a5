/* test_db.c - LMDB behind db.h: checksums, transactions that are cut at a limit, sweeps, and calls that fail. */
#include "store/db.h"
#include "store/pages.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_DB_SEED 3
#include "test_db_env.h"

TestSuite(db, .init = set_up, .fini = tear_down, .timeout = 120);

/* 0 and the value, 1 none, -1 */
static int get(enum table table, const void *key, size_t key_size, char *out, size_t *ret_size)
{
    MDB_txn *txn;
    struct span payload;
    struct fault fault = {0};
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    int result = db_get(&db, txn, table, key, key_size, &payload, &fault);
    cr_assert_eq(result == -1, fault.code != FAULT_NONE);
    if (result == 0) {
        if (payload.size)
            memcpy(out, payload.data, payload.size);
        *ret_size = payload.size;
    }
    mdb_txn_abort(txn);
    return result;
}

static struct db_writer begin(size_t limit)
{
    struct db_writer writer;
    struct fault fault = {0};
    cr_assert_eq(db_write_begin(&writer, &db, limit, &fault), 0, "%s", fault.text);
    return writer;
}

static void commit(struct db_writer *writer)
{
    struct fault fault = {0};
    cr_assert_eq(db_write_commit(writer, &fault), 0, "%s", fault.text);
}

/* ---- values ---- */

Test(db, values)
{
    struct db_writer writer = begin(1 << 20);
    struct fault fault = {0};
    static char big[100000], out[200000];
    memset(big, 'b', sizeof big);
    size_t size = 0;
    cr_assert_eq(db_put(&writer, TABLE_META, "store", 5, "abc", 3, &fault), 0);
    cr_assert_eq(db_put(&writer, TABLE_META, "none", 4, "", 0, &fault), 0);
    cr_assert_eq(db_put(&writer, TABLE_META, "big", 3, big, sizeof big, &fault), 0);
    cr_assert_eq(db_put(&writer, TABLE_RUNS, "store", 5, "of runs", 7, &fault), 0);
    cr_assert_eq(get(TABLE_META, "store", 5, out, &size), 1, "not yet there for a reader");
    commit(&writer);
    cr_expect_eq(writer.written, 3u + 0 + sizeof big + 7 + 4 * 8);
    cr_expect(get(TABLE_META, "store", 5, out, &size) == 0 && size == 3 && memcmp(out, "abc", 3) == 0);
    cr_expect(get(TABLE_META, "none", 4, out, &size) == 0 && size == 0);
    cr_expect(get(TABLE_META, "big", 3, out, &size) == 0 && size == sizeof big && memcmp(out, big, size) == 0);
    cr_expect(get(TABLE_RUNS, "store", 5, out, &size) == 0 && size == 7);
    cr_expect_eq(get(TABLE_RUNS, "big", 3, out, &size), 1);
    writer = begin(1 << 20);
    cr_assert_eq(db_put(&writer, TABLE_META, "store", 5, "another", 7, &fault), 0);
    cr_assert_eq(db_delete(&writer, TABLE_META, "big", 3, &fault), 0);
    cr_assert_eq(db_delete(&writer, TABLE_META, "never", 5, &fault), 0, "what is not there is no fault");
    commit(&writer);
    cr_expect(get(TABLE_META, "store", 5, out, &size) == 0 && size == 7);
    cr_expect_eq(get(TABLE_META, "big", 3, out, &size), 1);
}

/* A value is its key's and its table's: elsewhere it is a damaged one. */
Test(db, damage)
{
    struct db_writer writer = begin(1 << 20);
    struct fault fault = {0};
    char payload[100], out[200];
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (char)i;
    cr_assert_eq(db_put(&writer, TABLE_META, "a", 1, payload, sizeof payload, &fault), 0);
    commit(&writer);
    uint8_t stored[108];
    MDB_txn *txn;
    MDB_val key = {1, "a"}, value;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_get(txn, db.tables[TABLE_META], &key, &value), 0);
    cr_assert_eq(value.mv_size, sizeof stored);
    memcpy(stored, value.mv_data, sizeof stored);
    mdb_txn_abort(txn);
    for (unsigned bit = 0; bit < 8 * sizeof stored + 9; bit++) {
        size_t size = sizeof stored;
        uint8_t changed[sizeof stored];
        memcpy(changed, stored, size);
        if (bit < 8 * size)
            changed[bit / 8] = (uint8_t)(changed[bit / 8] ^ 1u << bit % 8);
        else
            size = (bit - 8 * size) * 12; /* cut: 0, 12, … */
        MDB_val v = {size, changed};
        cr_assert_eq(mdb_txn_begin(db.env, NULL, 0, &txn), 0);
        cr_assert_eq(mdb_put(txn, db.tables[TABLE_META], &key, &v, 0), 0);
        cr_assert_eq(mdb_txn_commit(txn), 0);
        size_t got;
        cr_assert_eq(get(TABLE_META, "a", 1, out, &got), -1, "bit %u", bit);
    }
    MDB_val v = {sizeof stored, stored}, other = {1, "b"};
    cr_assert_eq(mdb_txn_begin(db.env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_put(txn, db.tables[TABLE_META], &key, &v, 0), 0);
    cr_assert_eq(mdb_put(txn, db.tables[TABLE_META], &other, &v, 0), 0);
    cr_assert_eq(mdb_put(txn, db.tables[TABLE_RUNS], &key, &v, 0), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    size_t got;
    cr_expect_eq(get(TABLE_META, "a", 1, out, &got), 0);
    cr_expect_eq(get(TABLE_META, "b", 1, out, &got), -1, "another key's value");
    cr_expect_eq(get(TABLE_RUNS, "a", 1, out, &got), -1, "another table's value");
}

/* ---- transactions ---- */

static unsigned commits;
static size_t open_bytes, most_bytes, largest;

static int counted_commit(MDB_txn *txn)
{
    commits++;
    open_bytes = 0;
    return mdb_txn_commit(txn);
}

static int counted_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    if (key->mv_size == 4 && memcmp(key->mv_data, "keys", 4) == 0) /* a few bytes at the end of each */
        return mdb_put(txn, table, key, value, flags);
    open_bytes += value->mv_size;
    if (open_bytes > most_bytes && open_bytes != value->mv_size)
        most_bytes = open_bytes;
    if (value->mv_size > largest)
        largest = value->mv_size;
    return mdb_put(txn, table, key, value, flags);
}

Test(db, limit_splits_transactions)
{
    static const size_t LIMITS[] = {0, 1, 100, 1000, 10000, 1 << 20, SIZE_MAX};
    static char payload[5000], out[5000];
    db_calls.txn_commit = counted_commit;
    db_calls.put = counted_put;
    for (size_t l = 0; l < sizeof LIMITS / sizeof *LIMITS; l++) {
        struct fault fault = {0};
        size_t total = 0;
        commits = 0, most_bytes = open_bytes = largest = 0;
        struct db_writer writer = begin(LIMITS[l]);
        for (uint32_t i = 0; i < 2000; i++) {
            uint8_t key[8];
            db_put_u32(key, (uint32_t)l);
            db_put_u32(key + 4, i * 2654435761u);
            size_t size = dice(4) ? dice(90) : dice(sizeof payload);
            memset(payload, (int)i, size);
            total += size + 8;
            cr_assert_eq(db_put(&writer, TABLE_HISTORY, key, sizeof key, payload, size, &fault), 0, "%s", fault.text);
        }
        commit(&writer);
        cr_expect_eq(writer.written, total);
        cr_expect_leq(most_bytes, LIMITS[l], "limit %zu: %zu bytes in one transaction", LIMITS[l], most_bytes);
        if (LIMITS[l] >= largest && LIMITS[l] < total)
            cr_expect(commits >= total / LIMITS[l] && commits <= 2 * total / (LIMITS[l] - largest + 1) + 2 + 2000 / (LIMITS[l] / largest + 1),
                      "limit %zu: %u commits of %zu bytes", LIMITS[l], commits, total);
        if (LIMITS[l] > total)
            cr_expect_eq(commits, 1u);
        dice_state = dice_state + 1;
        for (uint32_t i = 0; i < 2000; i++) {
            uint8_t key[8];
            size_t size = 0;
            db_put_u32(key, (uint32_t)l);
            db_put_u32(key + 4, i * 2654435761u);
            cr_assert_eq(get(TABLE_HISTORY, key, sizeof key, out, &size), 0);
            for (size_t b = 0; b < size; b++)
                cr_assert_eq(out[b], (char)i);
        }
    }
}

Test(db, abort_drops_the_open_one)
{
    struct fault fault = {0};
    char payload[100] = "", out[200];
    size_t size;
    struct db_writer writer = begin(250); /* two values each */
    for (char i = 0; i < 5; i++)
        cr_assert_eq(db_put(&writer, TABLE_META, &i, 1, payload, sizeof payload, &fault), 0);
    db_write_abort(&writer);
    for (char i = 0; i < 5; i++)
        cr_expect_eq(get(TABLE_META, &i, 1, out, &size), i < 4 ? 0 : 1, "value %d", i);
    db_write_abort(&writer); /* an ended one is taken */
    writer = begin(250);
    commit(&writer);
    db_write_abort(&writer);
}

/* LMDB leaves a value that is put again in its transaction where it is, with all its pages, however small it has become. */
Test(db, put_again_smaller)
{
    static const size_t SIZES[] = {30000, 9000, 2000, 10, 12000};
    static char payload[30000];
    struct fault fault = {0};
    struct pages pages;
    struct db_writer writer = begin(SIZE_MAX);
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        for (size_t k = i; k < sizeof SIZES / sizeof *SIZES; k++)
            cr_assert_eq(db_put(&writer, TABLE_META, &(char){(char)('a' + i)}, 1, payload, SIZES[k], &fault), 0);
    commit(&writer);
    cr_expect_eq(pages_look(dir, 0, true, &pages, &fault), 0, "%s", fault.text);
}

/* ---- sweeps ---- */

struct judge {
    uint32_t stop_at, one_in, first_seen, last_seen, seen;
    uint64_t salt;
};

#define SUMS_ROW 0x6b657973u /* "keys" */

static bool is_dead(const struct judge *judge, uint32_t number)
{
    return (((number + judge->salt) * 0x9E3779B97F4A7C15u) >> 40) % judge->one_in == 0;
}

static enum db_verdict judge_key(const uint8_t *key, size_t size, const void *context)
{
    struct judge *judge = (struct judge *)context;
    cr_assert_geq(size, 4u);
    uint32_t number = db_get_u32(key);
    if (number == SUMS_ROW) /* what all keys add up to is written by each commit: not ours to delete */
        return DB_KEEP;
    cr_assert(!judge->seen || number >= judge->last_seen, "keys are told in order, and none that was kept long ago again");
    if (!judge->seen++)
        judge->first_seen = number;
    judge->last_seen = number;
    if (number >= judge->stop_at)
        return DB_STOP;
    return is_dead(judge, number) ? DB_DELETE : DB_KEEP;
}

static void sweep(uint32_t count, size_t value_max, uint32_t from, uint32_t stop_at, uint32_t one_in, size_t limit)
{
    struct fault fault = {0};
    static char payload[30000], out[30000];
    struct db_writer writer = begin(1 << 20);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[12] = {0};
        db_put_u32(key, i * 3);
        cr_assert_eq(db_put(&writer, TABLE_META, key, 4 + i % 3 * 4, payload, dice(value_max + 1), &fault), 0);
    }
    commit(&writer);
    struct judge judge = {.stop_at = stop_at, .one_in = one_in, .salt = dice(0)};
    uint8_t from_key[4];
    db_put_u32(from_key, from);
    writer = begin(limit);
    cr_assert_eq(db_sweep(&writer, TABLE_META, from_key, from ? sizeof from_key : 0, judge_key, &judge, &fault), 0, "%s", fault.text);
    commit(&writer);
    if (judge.seen)
        cr_expect_geq(judge.first_seen, from);
    unsigned wrong = 0, deleted = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[12] = {0};
        size_t size;
        db_put_u32(key, i * 3);
        bool dead = i * 3 >= from && i * 3 < stop_at && is_dead(&judge, i * 3);
        int there = get(TABLE_META, key, 4 + i % 3 * 4, out, &size);
        wrong += there != (dead ? 1 : 0);
        deleted += dead;
    }
    cr_expect_eq(wrong, 0u, "%u keys of up to %zu bytes from %u to %u, one in %u dead (%u), limit %zu: %u are wrong", count, value_max, from,
                 stop_at, one_in, deleted, limit, wrong);
    writer = begin(SIZE_MAX);
    judge = (struct judge){.stop_at = UINT32_MAX, .one_in = 1};
    cr_assert_eq(db_sweep(&writer, TABLE_META, "", 0, judge_key, &judge, &fault), 0);
    commit(&writer);
    MDB_txn *txn;
    MDB_stat stat;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_stat(txn, db.tables[TABLE_META], &stat), 0);
    cr_expect_leq(stat.ms_entries, 1u, "all dead, yet %zu are left", stat.ms_entries); /* the sums */
    mdb_txn_abort(txn);
}

Test(db, sweep_deletes_what_is_dead)
{
    static const size_t LIMITS[] = {0, 1, 64, 1000, 100000, SIZE_MAX};
    static const uint32_t SHARES[] = {1, 2, 3, 50, 100000};
    for (size_t l = 0; l < sizeof LIMITS / sizeof *LIMITS; l++) {
        for (size_t s = 0; s < sizeof SHARES / sizeof *SHARES; s++) {
            uint32_t count = LIMITS[l] < 1000 ? 300 : 3000;
            sweep(count, 40, 0, UINT32_MAX, SHARES[s], LIMITS[l]);
            sweep(count, 2000, count / 2, UINT32_MAX, SHARES[s], LIMITS[l]);
            sweep(count / 4, 20000, 0, count / 2, SHARES[s], LIMITS[l]); /* pages of their own */
            sweep(count, 100, count, 2 * count, SHARES[s], LIMITS[l]);
        }
    }
    sweep(0, 10, 0, UINT32_MAX, 1, 100);
    sweep(5, 10, 100, UINT32_MAX, 1, 100);
    sweep(30000, 60, 0, UINT32_MAX, 2, 50000);
}

/* ---- keys ---- */

Test(db, keys_sort_as_numbers)
{
    static const int64_t TIMES[] = {INT64_MIN, INT64_MIN + 1, -1795000000000, -256, -1, 0, 1, 255, 256, 1795000000000, INT64_MAX};
    uint8_t last[8], key[8];
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
        db_put_time(key, TIMES[i]);
        cr_expect_eq(db_get_time(key), TIMES[i]);
        cr_expect(i == 0 || memcmp(last, key, 8) < 0);
        memcpy(last, key, 8);
    }
    db_put_u64(key, 0x0102030405060708u);
    cr_expect(memcmp(key, "\1\2\3\4\5\6\7\10", 8) == 0 && db_get_u64(key) == 0x0102030405060708u && db_get_u32(key) == 0x01020304u);
}

/* ---- what fails ---- */

static int no_space_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    (void)txn, (void)table, (void)key, (void)value, (void)flags;
    return ENOSPC;
}

static int broken_commit(MDB_txn *txn)
{
    mdb_txn_abort(txn);
    return EIO;
}

static int broken_del(MDB_cursor *cursor, unsigned flags)
{
    (void)cursor, (void)flags;
    return EIO;
}

static int no_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **ret_txn)
{
    (void)env, (void)parent, (void)flags, (void)ret_txn;
    return ENOMEM;
}

Test(db, failing_calls)
{
    struct db_calls whole = db_calls;
    struct fault fault = {0};
    struct db_writer writer = begin(100);
    char payload[90] = "", out[200];
    size_t size;
    db_calls.put = no_space_put;
    cr_expect_eq(db_put(&writer, TABLE_META, "a", 1, payload, sizeof payload, &fault), -1);
    cr_expect(fault.code == FAULT_FAILED && strstr(fault.text, "No space left") && strstr(fault.text, "give the command again"), "%s", fault.text);
    db_calls = whole;
    cr_assert_eq(db_put(&writer, TABLE_META, "a", 1, payload, sizeof payload, &fault), 0);
    db_calls.txn_commit = broken_commit;
    fault = (struct fault){0};
    cr_expect_eq(db_put(&writer, TABLE_META, "b", 1, payload, sizeof payload, &fault), -1, "the limit makes it commit");
    cr_expect_eq(fault.code, FAULT_FAILED);
    db_write_abort(&writer);
    db_calls = whole;
    cr_expect_eq(get(TABLE_META, "a", 1, out, &size), 1);
    writer = begin(100);
    cr_assert_eq(db_put(&writer, TABLE_META, "a", 1, payload, sizeof payload, &fault), 0);
    db_calls.txn_begin = no_begin;
    fault = (struct fault){0};
    cr_expect_eq(db_put(&writer, TABLE_META, "b", 1, payload, sizeof payload, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED);
    db_write_abort(&writer);
    cr_expect_eq(db_write_begin(&writer, &db, 100, &fault), -1);
    db_calls = whole;
    cr_expect_eq(get(TABLE_META, "a", 1, out, &size), 0, "what was committed stays");
    writer = begin(100);
    struct judge judge = {.stop_at = UINT32_MAX, .one_in = 1};
    uint8_t key[4] = {0, 0, 0, 1};
    cr_assert_eq(db_put(&writer, TABLE_DUE, key, 4, payload, 9, &fault), 0);
    db_calls.cursor_del = broken_del;
    fault = (struct fault){0};
    cr_expect_eq(db_sweep(&writer, TABLE_DUE, "", 0, judge_key, &judge, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED);
    db_calls = whole;
    db_write_abort(&writer);
}

static unsigned read_only_opens;
static int open_on_read_only_disk(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
    if (!(flags & MDB_RDONLY))
        return EROFS;
    read_only_opens++;
    return mdb_env_open(env, path, flags, mode);
}

/* A snapshot that is mounted to be read: LMDB could not write down who reads it. */
Test(db, read_only_disk)
{
    struct db other;
    struct fault fault = {0};
    struct db_calls real = db_calls;
    struct db_writer writer;
    struct span value;
    MDB_txn *txn;
    cr_assert_eq(db_write_begin(&writer, &db, SIZE_MAX, &fault), 0);
    cr_assert_eq(db_put(&writer, TABLE_META, "k", 1, "v", 1, &fault), 0);
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
    db_close(&db);
    db_calls.env_open = open_on_read_only_disk;
    cr_assert_eq(db_open(&other, dir, false, &fault), 0, "%s", fault.text);
    cr_expect_eq(read_only_opens, 1);
    cr_assert_eq(mdb_txn_begin(other.env, NULL, MDB_RDONLY, &txn), 0);
    cr_expect_eq(db_get(&other, txn, TABLE_META, "k", 1, &value, &fault), 0, "%s", fault.text);
    mdb_txn_abort(txn);
    db_close(&other);
    db_calls = real;
}

Test(db, not_a_store)
{
    char path[100], text[300];
    struct db other;
    struct fault fault = {0};
    snprintf(path, sizeof path, "%s-nowhere", dir);
    cr_expect_eq(db_open(&other, path, false, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE, "%s", fault.text);
    cr_assert_eq(mkdir(path, 0700), 0);
    fault = (struct fault){0};
    cr_expect_eq(db_open(&other, path, false, &fault), -1, "an empty folder");
    cr_expect_eq(fault.code, FAULT_USAGE, "%s", fault.text);
    snprintf(text, sizeof text, "%s/data.mdb", path);
    FILE *file = fopen(text, "w");
    for (unsigned i = 0; i < 20000; i++)
        fputs("this is no LMDB ", file);
    fclose(file);
    fault = (struct fault){0};
    cr_expect_eq(db_open(&other, path, false, &fault), -1, "damaged, or cut");
    cr_expect_eq(fault.code, FAULT_FAILED, "%s", fault.text);
    unlink(text);
    snprintf(text, sizeof text, "%s/lock.mdb", path);
    unlink(text);
    rmdir(path);
}
