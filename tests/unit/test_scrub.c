/* test_scrub.c - after a scrub no byte of what was replaced or deleted is left in the file, wherever LMDB left it. */
#include "store/scrub.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>

#define TEST_DB_SEED 7
#include "failing_calls.h"
#include "test_db_env.h"

#define VALUES 600
#define SECRET "77011234567-secret"

static struct store store;

static void open_store(void)
{
    struct fault fault = {0};
    set_up();
    store = (struct store){.dir = dir, .lock_fd = -1, .db = db, .state = calloc(1, sizeof *store.state)};
    struct db_writer writer;
    cr_assert_eq(db_write_begin(&writer, &store.db, SIZE_MAX, &fault), 0);
    cr_assert_eq(store_put_state(store.state, &writer, &fault) || db_write_commit(&writer, &fault), 0);
}

static void close_store(void)
{
    db = store.db; /* the scrub opened it anew */
    free(store.state);
    tear_down();
}

TestSuite(scrub, .init = open_store, .fini = close_store, .timeout = 120);

/* Values of `secret` or of dots, of each size that LMDB treats in a way of its own, a few at a time; some are deleted. */
static void write_values(bool secret, size_t at_most)
{
    static char value[20000];
    struct fault fault = {0};
    for (unsigned i = 0; i < VALUES;) {
        struct db_writer writer;
        cr_assert_eq(db_write_begin(&writer, &store.db, 1 << 20, &fault), 0);
        for (unsigned end = i + 20; i < end; i++) {
            uint8_t key[12] = {0};
            db_put_u32(key, i * 7919 % VALUES);
            size_t size = i % 10 == 0 ? 2000 + dice(2100) : i % 10 == 1 ? 4000 + dice(16000) : 30 + dice(at_most);
            for (size_t at = 0; at < size; at++)
                value[at] = secret ? SECRET[at % (sizeof SECRET - 1)] : '.';
            int failed = secret || i % 3 ? db_put(&writer, TABLE_CLOSED, key, sizeof key, value, size, &fault)
                                         : db_delete(&writer, TABLE_CLOSED, key, sizeof key, &fault);
            cr_assert_eq(failed, 0, "%s", fault.text);
        }
        cr_assert_eq(db_write_commit(&writer, &fault), 0);
    }
}

static unsigned traces(void)
{
    char path[100];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    static char bytes[16 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    cr_assert_lt(size, sizeof bytes);
    unsigned count = 0;
    for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), "-secret", 7)); at++)
        count++;
    return count;
}

Test(scrub, nothing_is_left)
{
    struct fault fault = {0};
    uint64_t cleared;
    write_values(true, 1200);
    write_values(false, 400);
    cr_assert_gt(traces(), 1000, "LMDB itself leaves much");
    cr_assert_eq(store_scrub(&store, 1 << 20, &cleared, &fault), 0, "%s", fault.text);
    cr_assert_eq(traces(), 0, "%u", traces());
    cr_assert_gt(cleared, 100 << 10);
    /* the values that are left are whole, and the space is used again */
    unsigned left = 0;
    MDB_txn *txn;
    cr_assert_eq(store_read_begin(&store, &txn, &fault), 0);
    for (unsigned i = 0; i < VALUES; i++) {
        uint8_t key[12] = {0};
        struct span payload;
        db_put_u32(key, i);
        int there = db_get(&store.db, txn, TABLE_CLOSED, key, sizeof key, &payload, &fault);
        cr_assert_geq(there, 0);
        left += there == 0 && payload.data[0] == '.';
    }
    store_read_end(txn);
    cr_assert_eq(left, VALUES - VALUES / 3);
    MDB_envinfo before, after;
    mdb_env_info(store.db.env, &before);
    write_values(false, 100);
    mdb_env_info(store.db.env, &after);
    cr_assert_lt(after.me_last_pgno, before.me_last_pgno + cleared / 4096 / 4, "%zu, %zu", before.me_last_pgno, after.me_last_pgno);
}

/* A fresh store of few values, as each call of its scrub is to fail; and an end as a cut commit leaves it. */
static void write_few_and_a_torn_end(void)
{
    static char zeros[8192];
    struct fault fault = {0};
    char path[100];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    db_close(&store.db);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(db_open(&store.db, dir, true, &fault), 0, "%s", fault.text);
    for (unsigned round = 0; round < 2; round++) {
        struct db_writer writer;
        cr_assert_eq(db_write_begin(&writer, &store.db, SIZE_MAX, &fault), 0);
        for (unsigned i = 0; i < 6; i++) {
            uint8_t key[12] = {0};
            db_put_u32(key, i);
            cr_assert_eq(db_put(&writer, TABLE_CLOSED, key, sizeof key, round ? zeros : SECRET, round ? 900 : sizeof SECRET, &fault), 0);
        }
        cr_assert_eq(db_write_commit(&writer, &fault), 0);
    }
    FILE *file = fopen(path, "ab");
    cr_assert_not_null(file);
    for (unsigned i = 0; i < 300; i++)
        cr_assert_eq(fwrite(SECRET, 1, sizeof SECRET, file), sizeof SECRET);
    fclose(file);
}

static int scrub(struct fault *fault)
{
    uint64_t cleared;
    return store_scrub(&store, 1 << 20, &cleared, fault);
}

Test(scrub, each_call_that_fails_is_told_and_given_again_nothing_is_left)
{
    cr_expect_gt(sweep(scrub, write_few_and_a_torn_end), 60u);
    cr_expect_eq(traces(), 0, "%u", traces());
}

/* Another process that reads: it says when it has begun, and ends when it is told to. */
static pid_t start_reader(int to_end[2])
{
    int begun[2];
    char byte;
    cr_assert_eq(pipe(begun) | pipe(to_end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct db other;
        struct fault fault = {0};
        MDB_txn *txn;
        close(to_end[1]);
        if (db_open(&other, dir, false, &fault) == 0 && mdb_txn_begin(other.env, NULL, MDB_RDONLY, &txn) == 0 &&
            write(begun[1], "1", 1) == 1)
            (void)!read(to_end[0], &byte, 1);
        _exit(0);
    }
    close(begun[1]);
    close(to_end[0]);
    cr_assert_eq(read(begun[0], &byte, 1), 1);
    close(begun[0]);
    return pid;
}

Test(scrub, a_reader_is_told)
{
    struct fault fault = {0};
    uint64_t cleared;
    int to_end[2];
    char said[64];
    write_values(true, 1200);
    pid_t pid = start_reader(to_end);
    write_values(false, 400);
    cr_assert_eq(store_scrub(&store, 1 << 20, &cleared, &fault), -1);
    cr_assert_eq(fault.code, FAULT_BUSY);
    snprintf(said, sizeof said, "process %ld ", (long)pid);
    cr_assert_not_null(strstr(fault.text, said), "%s", fault.text);
    close(to_end[1]);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    fault = (struct fault){0};
    cr_assert_eq(store_scrub(&store, 1 << 20, &cleared, &fault), 0, "%s", fault.text);
    cr_assert_eq(traces(), 0);
}

/* What a cut scrub leaves is deleted by the next writer that sweeps. */
Test(scrub, the_fill_is_swept)
{
    struct fault fault = {0};
    struct db_writer writer;
    uint8_t key[9] = "scrub";
    static char zeros[4072];
    cr_assert_eq(db_write_begin(&writer, &store.db, 1 << 20, &fault), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        db_put_u32(key + 5, i);
        cr_assert_eq(db_put(&writer, TABLE_META, key, sizeof key, zeros, sizeof zeros, &fault), 0);
    }
    cr_assert_eq(db_write_commit(&writer, &fault), 0);
    cr_assert_eq(db_write_begin(&writer, &store.db, 1 << 20, &fault), 0);
    cr_assert_eq(store_sweep(&store, &writer, &fault), 0);
    cr_assert_eq(db_write_commit(&writer, &fault), 0);
    MDB_txn *txn;
    MDB_stat stat;
    cr_assert_eq(store_read_begin(&store, &txn, &fault), 0);
    mdb_stat(txn, store.db.tables[TABLE_META], &stat);
    store_read_end(txn);
    cr_assert_eq(stat.ms_entries, 2, "%zu: the state and the sums of keys are there, and nothing else", stat.ms_entries);
}
