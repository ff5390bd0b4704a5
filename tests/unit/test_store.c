/* test_store.c - a store as a whole: each call of making and opening one fails once; values that are none are named; what a cut
 * run left is swept and nothing else is. */
#include "tools/open_store.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "failing_calls.h"

static char base[] = "/tmp/besik-test-XXXXXX", dir[64];
static char *ref; /* packed */
static size_t ref_size;
static struct settings settings;

static void set_up(void)
{
    static struct fault fault;
    cr_assert_not_null(mkdtemp(base));
    snprintf(dir, sizeof dir, "%s/store", base);
    struct ref_set *set;
    cr_assert_eq(ref_load(&set, TESTS_DIR "/oracle/cases/ref", NULL, &fault), 0, "%s", fault.text);
    cr_assert_eq(ref_pack(set, &ref, &ref_size, &fault), 0, "%s", fault.text);
    ref_free(set);
    store_default_settings(&settings);
}

static void drop(void)
{
    static const char *const FILES[] = {"key", "lock", "data.mdb", "lock.mdb", "making", "looked"};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void tear_down(void)
{
    drop();
    rmdir(base);
    sys.free(ref);
}

TestSuite(store, .init = set_up, .fini = tear_down, .timeout = 120);

/* ---- each call fails at its N-th time ---- */

/* A store without what it knows of its leaves is whole, and yet a failure here: some call has failed. */
static int make(struct fault *fault)
{
    char path[128];
    snprintf(path, sizeof path, "%s/looked", dir);
    int failed = store_make(dir, NULL, &settings, (struct span){ref, ref_size}, fault);
    return !failed && access(path, F_OK) ? fault_set(fault, FAULT_FAILED, "not noted") : failed;
}

static void make_for_sure(void)
{
    static struct fault fault;
    drop();
    fault = (struct fault){0};
    cr_assert_eq(make(&fault), 0, "%s", fault.text);
}

static int open_and_close(struct fault *fault)
{
    struct store store;
    if (open_store(&store, NULL, dir, STORE_WRITE, fault))
        return -1;
    store_close(&store);
    return 0;
}

static int read_and_close(struct fault *fault)
{
    struct store store;
    if (open_store(&store, NULL, dir, STORE_READ, fault))
        return -1;
    store_close(&store);
    return 0;
}

static void nothing(void)
{
}

Test(store, making_fails)
{
    cr_expect_gt(sweep(make, drop), 15u);
    static struct fault fault;
    cr_expect_eq(open_and_close(&fault), 0, "%s", fault.text);
}

/* A folder as a killed init leaves it. */
static void cut_making(void)
{
    static const char *const LEFT[] = {"making", "key", "data.mdb"};
    drop();
    cr_assert_eq(mkdir(dir, 0700), 0);
    for (size_t i = 0; i < sizeof LEFT / sizeof *LEFT; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, LEFT[i]);
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file);
        fclose(file);
    }
}

Test(store, making_again_what_was_cut_fails)
{
    static struct fault fault;
    cut_making();
    cr_expect_eq(open_and_close(&fault), -1, "a half made one is not opened");
    cr_expect_eq(fault.code, FAULT_INPUT, "%s", fault.text);
    cr_expect_gt(sweep(make, cut_making), 25u);
    fault = (struct fault){0};
    cr_expect_eq(open_and_close(&fault), 0, "%s", fault.text);
}

static struct store copied;
static int copy_folder;
static uint64_t copy_size;

static int copy(struct fault *fault)
{
    return store_copy(&copied, copy_folder, &copy_size, fault);
}

static void drop_copy(void)
{
    static const char *const FILES[] = {"key", "lock", "data.mdb", "lock.mdb"};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        unlinkat(copy_folder, FILES[i], 0);
}

Test(store, copying_fails)
{
    static struct fault fault;
    char path[128];
    make_for_sure();
    cr_assert_eq(store_open(&copied, dir, STORE_READ, &fault), 0, "%s", fault.text);
    snprintf(path, sizeof path, "%s/copy", base);
    cr_assert_eq(mkdir(path, 0700), 0);
    copy_folder = sys.open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    cr_expect_gt(sweep(copy, drop_copy), 8u);
    struct stat stat;
    cr_assert_eq(fstatat(copy_folder, "data.mdb", &stat, 0), 0);
    cr_expect_eq(copy_size, (uint64_t)stat.st_size);
    store_close(&copied);
    drop_copy();
    close(copy_folder);
    rmdir(path);
}

Test(store, opening_fails)
{
    make_for_sure();
    cr_expect_gt(sweep(open_and_close, nothing), 10u);
    cr_expect_gt(sweep(read_and_close, nothing), 8u);
    static struct fault fault;
    cr_expect_eq(open_and_close(&fault), 0, "%s", fault.text);
}

/* ---- values that are none ---- */

static void put_meta(const char *name, const void *bytes, size_t size)
{
    static struct fault fault;
    struct db db = {0};
    struct db_writer writer;
    fault = (struct fault){0};
    cr_assert_eq(db_open(&db, dir, false, &fault), 0, "%s", fault.text);
    cr_assert_eq(db_write_begin(&writer, &db, SIZE_MAX, &fault), 0);
    cr_assert_eq(db_put(&writer, TABLE_META, name, strlen(name), bytes, size, &fault), 0);
    cr_assert_eq(db_write_commit(&writer, &fault), 0);
    db_close(&db);
}

static size_t get_meta(const char *name, void *bytes, size_t room)
{
    static struct fault fault;
    struct db db = {0};
    MDB_txn *txn;
    struct span value;
    fault = (struct fault){0};
    cr_assert_eq(db_open(&db, dir, false, &fault), 0, "%s", fault.text);
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(db_get(&db, txn, TABLE_META, name, strlen(name), &value, &fault), 0);
    cr_assert_leq(value.size, room);
    memcpy(bytes, value.data, value.size);
    mdb_txn_abort(txn);
    db_close(&db);
    return value.size;
}

/* A value with a right checksum that is too short, too long, or says what cannot be. */
Test(store, damaged_values)
{
    static const struct {
        const char *name;
        int cut;            /* bytes fewer, or more */
        size_t at;          /* a byte of it that becomes 0xff */
        enum fault_code code;
        const char *says;
    } ROWS[] = {
        {"store", 1, SIZE_MAX, FAULT_INPUT, "not made whole"},
        {"store", -1, SIZE_MAX, FAULT_INPUT, "not made whole"},
        {"store", 0, 0, FAULT_INPUT, "reads format"},
        {"store", 4, 0, FAULT_INPUT, "reads format"}, /* as an older besik made it */
        {"store", 4, SIZE_MAX, FAULT_INPUT, "not made whole"},
        {"settings", 1, SIZE_MAX, FAULT_INPUT, "settings is damaged"},
        {"settings", -1, SIZE_MAX, FAULT_INPUT, "settings is damaged"},
        {"state", 1, SIZE_MAX, FAULT_INPUT, "state is damaged"},
        {"state", -1, SIZE_MAX, FAULT_INPUT, "state is damaged"},
        {"state", 0, offsetof(struct state, operator_count), FAULT_INPUT, "state is damaged"},
        {"state", 0, offsetof(struct state, operator_count) + 3, FAULT_INPUT, "state is damaged"},
        {"state", 0, offsetof(struct state, segment_counts), FAULT_INPUT, "state is damaged"},
        {"state", 0, offsetof(struct state, segment_counts) + 2 * sizeof(uint32_t), FAULT_INPUT, "state is damaged"},
        {"ref", 1, SIZE_MAX, FAULT_INPUT, "reference data is damaged"},
        {"ref", 0, 0, FAULT_INPUT, "reference data is damaged"},
    };
    static char bytes[1 << 22];
    static struct fault fault;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        make_for_sure();
        size_t size = get_meta(ROWS[i].name, bytes, sizeof bytes);
        if (ROWS[i].at != SIZE_MAX)
            bytes[ROWS[i].at] = '\xff';
        put_meta(ROWS[i].name, bytes, (size_t)((int64_t)size - ROWS[i].cut));
        for (int reading = 0; reading < 2; reading++) {
            fault = (struct fault){0};
            cr_expect_eq((reading ? read_and_close : open_and_close)(&fault), -1, "row %zu", i);
            cr_expect_not_null(strstr(fault.text, ROWS[i].says), "row %zu: %s", i, fault.text);
            cr_expect_eq(fault.code, ROWS[i].code, "row %zu: %d", i, fault.code);
        }
    }
}

/* Files beside the values. */
Test(store, files)
{
    static struct fault fault;
    char path[128];
    make_for_sure();
    fault = (struct fault){0};
    cr_expect_eq(make(&fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE, "it is there already: %s", fault.text);
    snprintf(path, sizeof path, "%s/key", dir);
    cr_assert_eq(truncate(path, 15), 0);
    fault = (struct fault){0};
    cr_expect_eq(read_and_close(&fault), -1);
    cr_expect(fault.code == FAULT_INPUT && strstr(fault.text, "16 bytes"), "%s", fault.text);
    cr_assert_eq(unlink(path), 0);
    fault = (struct fault){0};
    cr_expect_eq(read_and_close(&fault), -1);
    cr_expect(fault.code == FAULT_INPUT && strstr(fault.text, "archived key"), "%s", fault.text);
    make_for_sure();
    snprintf(path, sizeof path, "%s/lock", dir);
    cr_assert_eq(unlink(path), 0);
    fault = (struct fault){0};
    cr_expect_eq(read_and_close(&fault), 0, "a reader needs no lock: %s", fault.text);
    cr_expect_eq(open_and_close(&fault), 0, "a writer makes it again: %s", fault.text);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("/dev/null", path), 0);
    fault = (struct fault){0};
    cr_expect_eq(open_and_close(&fault), -1, "links are not followed in a store");
    cr_expect_eq(fault.code, FAULT_FAILED, "%s", fault.text);
    static char deep[5000];
    memset(deep, 'x', sizeof deep - 1);
    struct store store;
    fault = (struct fault){0};
    cr_expect_eq(store_open(&store, deep, STORE_READ, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE, "%s", fault.text);
}

/* ---- what a run leaves ---- */

Test(store, runs)
{
    static struct fault fault;
    struct store store;
    struct db_writer writer;
    struct run_row row = {.as_of_ms = 77, .digest = {1, 2}}, got;
    uint8_t key[4];
    make_for_sure();
    cr_assert_eq(store_open(&store, dir, STORE_WRITE, &fault), 0, "%s", fault.text);
    cr_assert_eq(db_write_begin(&writer, &store.db, SIZE_MAX, &fault), 0);
    cr_assert_eq(store_put_run(1, &row, &writer, &fault), 0);
    db_put_u32(key, 2);
    cr_assert_eq(db_put(&writer, TABLE_RUNS, key, sizeof key, &row, sizeof row - 1, &fault), 0);
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
    cr_expect_eq(store_get_run(&store, 1, &got, &fault), 0);
    cr_expect(got.as_of_ms == 77 && got.digest.low64 == 1 && got.digest.high64 == 2);
    cr_expect_eq(store_get_run(&store, 3, &got, &fault), 1);
    cr_expect_eq(store_get_run(&store, 2, &got, &fault), -1);
    cr_expect_eq(fault.code, FAULT_INPUT, "%s", fault.text);
    store_close(&store);
}

static void remove_night(const char *path)
{
    char json[600];
    snprintf(json, sizeof json, "%s/run.json", path);
    unlink(json);
    rmdir(path);
}

/* A run that took effect and was killed before its folder appeared. */
static struct publish_place place;

static void pending(void)
{
    static struct fault fault;
    char path[512];
    snprintf(path, sizeof path, "%s/night", base);
    remove_night(path);
    fault = (struct fault){0};
    cr_assert_eq(publish_place(&place, path, "7", &fault), 0, "%s", fault.text);
    put_meta("pending", &place, sizeof place);
    snprintf(path, sizeof path, "%s/%s", base, place.hidden);
    cr_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
    struct store store;
    cr_assert_eq(store_open(&store, dir, STORE_READ, &fault), 0, "%s", fault.text);
    snprintf(path, sizeof path, "%s/%s/run.json", base, place.hidden);
    FILE *json = fopen(path, "w");
    cr_assert_not_null(json);
    fprintf(json, "{\"besik\": 1, \"run\": %u, \"as_of\": \"2026-11-24T22:00:00+05:00\", \"store\": \"%s\"}\n", store.state->run, store.name);
    fclose(json);
    store_close(&store);
}

Test(store, a_folder_that_did_not_appear_is_put_in_place)
{
    static struct fault fault;
    char path[512];
    make_for_sure();
    snprintf(path, sizeof path, "%s/night", base);
    pending();
    cr_expect_eq(read_and_close(&fault), 0, "%s", fault.text);
    cr_expect_neq(access(path, F_OK), 0, "whoever reads changes nothing");
    cr_expect_gt(sweep(open_and_close, pending), 15u);
    cr_expect_eq(access(path, F_OK), 0);
    cr_expect_eq(open_and_close(&fault), 0, "once is enough: %s", fault.text);
    put_meta("pending", &place, sizeof place - 1);
    cr_expect_eq(open_and_close(&fault), -1);
    cr_expect(fault.code == FAULT_INPUT && strstr(fault.text, "last folder"), "%s", fault.text);
    pending();
    remove_night(path);
    snprintf(path, sizeof path, "%s/%s", base, place.hidden);
    remove_night(path);
    fault = (struct fault){0};
    cr_expect_eq(open_and_close(&fault), -1, "taken away, and nothing is kept of it");
    cr_expect(fault.code == FAULT_INPUT && strstr(fault.text, "keeps of its last folder"), "%s", fault.text);
    cr_expect_neq(access(path, F_OK), 0, "nothing half made stays");
}

Test(store, one_writer_at_a_time)
{
    static struct fault fault;
    struct store store;
    make_for_sure();
    cr_assert_eq(store_open(&store, dir, STORE_WRITE, &fault), 0, "%s", fault.text);
    cr_expect_eq(open_and_close(&fault), -1);
    cr_expect(fault.code == FAULT_BUSY && strstr(fault.text, "process"), "%s", fault.text);
    store_close(&store);
    store_close(&store);
}

/* ---- keys that are not those that were written ---- */

static int other_keys(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    static uint8_t bytes[8 + sizeof(struct db_keys)];
    int error = real_db.get(txn, table, key, value);
    if (error || key->mv_size != 4 || memcmp(key->mv_data, "keys", 4) != 0)
        return error;
    cr_assert_eq(value->mv_size, sizeof bytes);
    memcpy(bytes, value->mv_data, sizeof bytes);
    bytes[8] ^= 1;
    uint64_t checksum = db_checksum(TABLE_META, "keys", 4, bytes + 8, sizeof bytes - 8);
    memcpy(bytes, &checksum, sizeof checksum);
    value->mv_data = bytes;
    return 0;
}

Test(store, keys_that_are_others)
{
    static struct fault fault;
    struct store store;
    char path[128];
    make_for_sure();
    snprintf(path, sizeof path, "%s/looked", dir);
    real_db = db_calls;
    for (enum store_mode mode = STORE_WRITE; mode <= STORE_RUN; mode++) {
        db_calls.get = other_keys;
        fault = (struct fault){0};
        cr_expect_eq(store_open(&store, dir, mode, &fault), -1);
        cr_expect(fault.code == FAULT_INPUT && strstr(fault.text, "its keys are not those"), "%s", fault.text);
        cr_expect_eq(access(path, F_OK), mode == STORE_RUN ? -1 : 0, "a run that trusted it doubts it");
        db_calls = real_db;
    }
    fault = (struct fault){0};
    cr_expect_eq(open_and_close(&fault), 0, "%s", fault.text);
    put_meta("keys", "short", 5);
    cr_expect_eq(open_and_close(&fault), -1);
    cr_expect(fault.code == FAULT_INPUT && strstr(fault.text, "table meta"), "%s", fault.text);
}

/* ---- merges of the state ---- */

Test(store, merges_that_are_none)
{
    static const struct {
        uint32_t segments, merges, first, inputs;
        bool good;
    } ROWS[] = {{3, 1, 12, 2, true},  {3, 1, 11, 3, true},  {3, 1, 13, 1, true},  {3, 1, 14, 1, false}, {3, 1, 12, 3, false},
                {3, 1, 11, 0, false}, {0, 1, 11, 1, false}, {3, 0, 99, 99, true}, {3, STORE_MERGES_MAX + 1, 11, 1, false}};
    static struct state state[2];
    static struct fault fault;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        make_for_sure();
        size_t size = get_meta("state", state, sizeof state);
        state->segment_counts[SEGMENTED_CLOSED] = ROWS[i].segments;
        state->merge_counts[SEGMENTED_CLOSED] = ROWS[i].merges;
        for (uint32_t k = 0; k < 3; k++)
            state->segments[SEGMENTED_CLOSED][k].number = 11 + k;
        for (uint32_t k = 0; k < STORE_MERGES_MAX; k++)
            state->merges[SEGMENTED_CLOSED][k] = (struct merge){.first = ROWS[i].first, .inputs = ROWS[i].inputs};
        put_meta("state", state, size);
        fault = (struct fault){0};
        cr_expect_eq(open_and_close(&fault), ROWS[i].good ? 0 : -1, "row %zu: %s", i, fault.text);
    }
}

/* ---- sweeping ---- */

static void put_row(struct db_writer *writer, enum table table, const void *key, size_t size)
{
    static struct fault fault;
    cr_assert_eq(db_put(writer, table, key, size, "x", 1, &fault), 0, "%s", fault.text);
}

static uint8_t *due_key(int64_t due_ms, uint32_t run, uint8_t key[16])
{
    db_put_time(key, due_ms);
    db_put_u32(key + 8, run);
    db_put_u32(key + 12, 1);
    return key;
}

static uint8_t *awaited_key(uint16_t operator, int64_t at_ms, uint32_t run, uint8_t key[18])
{
    db_put_u16(key, operator);
    db_put_time(key + 2, at_ms);
    db_put_u32(key + 10, run);
    db_put_u32(key + 14, 1);
    return key;
}

static uint8_t *pair_key(uint32_t number, uint8_t key[12])
{
    db_put_u32(key, number);
    db_put_u64(key + 4, 7);
    return key;
}

static unsigned rows_of(const struct store *store, enum table table)
{
    MDB_txn *txn;
    MDB_stat stat;
    cr_assert_eq(mdb_txn_begin(store->db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_stat(txn, store->db.tables[table], &stat), 0);
    mdb_txn_abort(txn);
    return (unsigned)stat.ms_entries;
}

/* After run 5 as of 1000, due times popped up to 1000; segment 3 is live; SMS of operator 1 are settled up to 500. Of each table
 * some rows are live, some are not, and some are of run 6, which was cut. */
static void fill_up(struct store *store, bool unfinished)
{
    static struct fault fault;
    struct db_writer writer;
    uint8_t key[18];
    struct state *state = store->state;
    state->run = 5;
    state->as_of_ms = state->due_until_ms = 1000;
    state->next_segment = 9;
    state->operator_count = 2;
    state->operators[1].settled_ms = 500;
    for (unsigned i = 0; i < SEGMENTED_COUNT; i++) {
        state->segment_counts[i] = 1;
        state->segments[i][0].number = 3;
    }
    fault = (struct fault){0};
    cr_assert_eq(db_write_begin(&writer, &store->db, SIZE_MAX, &fault), 0);
    static const enum table SEGMENTED[] = {TABLE_OPEN, TABLE_CLOSED, TABLE_CLOSED_FILTER, TABLE_NOTICES, TABLE_NOTICES_FILTER};
    for (size_t i = 0; i < sizeof SEGMENTED / sizeof *SEGMENTED; i++)
        for (uint32_t number = 2; number <= 9; number++)
            if (number != 4)
                put_row(&writer, SEGMENTED[i], pair_key(number, key), 12);
    put_row(&writer, TABLE_DUE, due_key(999, 4, key), 16);  /* popped */
    put_row(&writer, TABLE_DUE, due_key(1000, 4, key), 16); /* popped */
    put_row(&writer, TABLE_DUE, due_key(1000, 5, key), 16); /* queued at the last as-of by the last run: live */
    put_row(&writer, TABLE_DUE, due_key(1001, 3, key), 16); /* to come */
    put_row(&writer, TABLE_DUE, due_key(1000, 6, key), 16); /* of the cut run */
    put_row(&writer, TABLE_DUE, due_key(5000, 6, key), 16);
    put_row(&writer, TABLE_AWAITED, awaited_key(0, 400, 3, key), 18); /* never settled */
    put_row(&writer, TABLE_AWAITED, awaited_key(1, 500, 3, key), 18); /* settled */
    put_row(&writer, TABLE_AWAITED, awaited_key(1, 501, 3, key), 18);
    put_row(&writer, TABLE_AWAITED, awaited_key(1, 900, 6, key), 18); /* of the cut run */
    store->settings.keep_runs = 2;
    for (uint32_t run = 2; run <= 6; run++) { /* folders of 4 and 5 are kept */
        put_row(&writer, TABLE_HISTORY, pair_key(run, key), 12);
        put_row(&writer, TABLE_INPUTS, pair_key(run, key), 8);
        put_row(&writer, TABLE_FOLDERS, pair_key(run, key), 10);
    }
    if (unfinished)
        cr_assert_eq(store_mark_unfinished(&writer, true, &fault), 0);
    cr_assert_eq(store_put_state(state, &writer, &fault), 0);
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
}

static struct store swept;
static bool swept_unfinished;

static void open_filled(void)
{
    static struct fault fault;
    if (swept.dir)
        store_close(&swept);
    make_for_sure();
    fault = (struct fault){0};
    cr_assert_eq(store_open(&swept, dir, STORE_WRITE, &fault), 0, "%s", fault.text);
    fill_up(&swept, swept_unfinished);
}

static int sweep_once(struct fault *fault)
{
    struct db_writer writer;
    if (db_write_begin(&writer, &swept.db, SIZE_MAX, fault))
        return -1;
    int failed = store_sweep(&swept, &writer, fault) || db_write_commit(&writer, fault);
    db_write_abort(&writer);
    return failed ? -1 : 0;
}

Test(store, sweeping)
{
    static const struct {
        enum table table;
        unsigned left, left_of_cut; /* rows that stay where no run was cut, and where one was */
    } ROWS[] = {{TABLE_OPEN, 1, 1},  {TABLE_CLOSED, 1, 1}, {TABLE_CLOSED_FILTER, 1, 1}, {TABLE_NOTICES, 1, 1}, {TABLE_NOTICES_FILTER, 1, 1},
                {TABLE_DUE, 3, 2}, {TABLE_AWAITED, 3, 2}, {TABLE_HISTORY, 5, 4},
                {TABLE_INPUTS, 5, 4}, {TABLE_FOLDERS, 3, 2}};
    for (int cut = 0; cut < 2; cut++) {
        static struct fault fault;
        fault = (struct fault){0};
        swept_unfinished = cut;
        open_filled();
        for (int times = 0; times < 2; times++) {
            cr_assert_eq(sweep_once(&fault), 0, "%s", fault.text);
            for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
                cr_expect_eq(rows_of(&swept, ROWS[i].table), cut ? ROWS[i].left_of_cut : ROWS[i].left, "%s, table %u: %u", cut ? "cut" : "whole",
                             ROWS[i].table, rows_of(&swept, ROWS[i].table));
        }
        uint8_t key[18];
        cr_expect(store_due_is_live(swept.state, due_key(1000, 5, key)));
        cr_expect_not(store_due_is_live(swept.state, due_key(1000, 4, key)));
        cr_expect_not(store_due_is_live(swept.state, due_key(1001, 6, key)), "of a run that was cut");
        cr_expect(store_due_is_live(swept.state, due_key(1001, 5, key)));
    }
    store_close(&swept);
}

static void begin_merge(void)
{
    static struct fault fault;
    struct db_writer writer;
    uint8_t key[12];
    open_filled();
    swept.state->merge_counts[SEGMENTED_CLOSED] = 1;
    swept.state->merges[SEGMENTED_CLOSED][0] = (struct merge){.first = 3, .inputs = 1, .next_hash = 6, .output = {.number = 8}};
    fault = (struct fault){0};
    cr_assert_eq(db_write_begin(&writer, &swept.db, SIZE_MAX, &fault), 0);
    db_put_u32(key, 8);
    db_put_u64(key + 4, 5); /* before next_hash; pair_key's is behind it */
    put_row(&writer, TABLE_CLOSED, key, sizeof key);
    cr_assert_eq(store_put_state(swept.state, &writer, &fault) || db_write_commit(&writer, &fault), 0, "%s", fault.text);
}

/* What a merge under way has made stays; how far a cut run moved it on goes. */
Test(store, sweeping_beside_a_merge)
{
    for (int cut = 0; cut < 2; cut++) {
        static struct fault fault;
        swept_unfinished = cut;
        begin_merge();
        fault = (struct fault){0};
        cr_assert_eq(sweep_once(&fault), 0, "%s", fault.text);
        cr_expect_eq(rows_of(&swept, TABLE_CLOSED), cut ? 2u : 3u);
        cr_expect_eq(rows_of(&swept, TABLE_CLOSED_FILTER), cut ? 1u : 2u);
        cr_expect_eq(rows_of(&swept, TABLE_OPEN), 1u);
    }
    cr_expect_gt(sweep(sweep_once, begin_merge), 40u);
    store_close(&swept);
}

Test(store, sweeping_fails)
{
    swept_unfinished = true;
    cr_expect_gt(sweep(sweep_once, open_filled), 40u);
    store_close(&swept);
}
