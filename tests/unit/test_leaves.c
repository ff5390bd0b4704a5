/* test_leaves.c - what `looked` tells of the leaves: carried from transaction to transaction it stays what a look at all of them
 * would tell; one that changed is found before LMDB meets it; a `looked` that is cut, old or damaged is as none. */
#include "store/leaves.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define TEST_DB_SEED 29
#include "test_db_env.h"

#define KEYS 3000
#define TABLE TABLE_RUNS /* its keys are 4 bytes */
#define FILE_MAX (16u << 20)

static char data_path[64], looked_path[64];
static bool there[KEYS];

static void open_all(void)
{
    set_up();
    snprintf(data_path, sizeof data_path, "%s/data.mdb", dir);
    snprintf(looked_path, sizeof looked_path, "%s/looked", dir);
}

static void close_all(void)
{
    unlink(looked_path);
    tear_down();
}

TestSuite(leaves, .init = open_all, .fini = close_all, .timeout = 120);

static void put_key(unsigned number, uint8_t key[4])
{
    db_put_u32(key, number);
}

/* So many puts and deletions, some of long values, in transactions of `limit`. */
static void change(struct leaves *leaves, unsigned count, size_t limit)
{
    static const char VALUE[9000];
    struct fault fault = {0};
    struct db_writer writer;
    db_watch(&db, leaves);
    cr_assert_eq(db_write_begin(&writer, &db, limit, &fault), 0, "%s", fault.text);
    unsigned near = (unsigned)dice(KEYS);
    for (unsigned i = 0; i < count; i++) {
        unsigned number = i % 8 ? (near + i) % KEYS : (unsigned)dice(KEYS);
        uint8_t key[4];
        put_key(number, key);
        there[number] = dice(3) > 0;
        cr_assert_eq(there[number] ? db_put(&writer, TABLE, key, sizeof key, VALUE, number % 20 ? number % 300 : 3000 + number, &fault)
                                   : db_delete(&writer, TABLE, key, sizeof key, &fault),
                     0, "%s", fault.text);
    }
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
    db_watch(&db, NULL);
}

static enum db_verdict every_third(const uint8_t *key, size_t size, const void *context)
{
    (void)size;
    unsigned number = db_get_u32(key), end = *(const unsigned *)context;
    return number >= end ? DB_STOP : number % 3 ? DB_KEEP : DB_DELETE;
}

static void sweep(struct leaves *leaves, unsigned from, unsigned end)
{
    struct fault fault = {0};
    struct db_writer writer;
    uint8_t key[4];
    put_key(from, key);
    db_watch(&db, leaves);
    cr_assert_eq(db_write_begin(&writer, &db, 4096, &fault), 0);
    cr_assert_eq(db_sweep(&writer, TABLE, key, sizeof key, every_third, &end, &fault) || db_write_commit(&writer, &fault), 0, "%s", fault.text);
    db_watch(&db, NULL);
    for (unsigned i = from; i < end; i++)
        there[i] = there[i] && i % 3;
}

static void note(const struct leaves *before)
{
    struct fault fault = {0};
    struct db_keys keys;
    MDB_txn *txn;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(db_get_keys(&db, txn, &keys, &fault), 0);
    mdb_txn_abort(txn);
    leaves_note(dir, before, &keys);
}

static struct leaves *look(void)
{
    struct fault fault = {0};
    struct pages pages;
    struct leaves *leaves;
    cr_assert_eq(leaves_look(dir, &pages, &leaves, &fault), 0, "%s", fault.text);
    return leaves;
}

static size_t slurp(const char *path, uint8_t *bytes)
{
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, bytes, FILE_MAX);
    cr_assert(size >= 0 && size < (ssize_t)FILE_MAX);
    if (fd >= 0)
        close(fd);
    return (size_t)size;
}

static void spill(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

/* 0 there, 1 not, -1 a fault */
static int get(unsigned number, struct fault *fault)
{
    MDB_txn *txn;
    struct span value;
    uint8_t key[4];
    put_key(number, key);
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    int found = db_get(&db, txn, TABLE, key, sizeof key, &value, fault);
    mdb_txn_abort(txn);
    return found;
}

Test(leaves, carried_on_is_what_a_look_at_all_tells)
{
    static uint8_t carried[FILE_MAX], anew[FILE_MAX];
    change(NULL, KEYS, SIZE_MAX);
    note(NULL);
    unsigned taken = 0;
    for (unsigned round = 0; round < 300; round++) {
        struct leaves *leaves = look();
        cr_assert_not_null(leaves, "round %u: it fits the store", round);
        if (round % 5 == 4)
            sweep(leaves, (unsigned)dice(KEYS / 2), (unsigned)(KEYS / 2 + dice(KEYS / 2)));
        else
            change(leaves, 1 + (unsigned)dice(round % 3 ? 40 : 700), round % 2 ? 16384 : SIZE_MAX);
        note(leaves);
        leaves_close(leaves);
        size_t size = slurp(looked_path, carried);
        note(NULL);
        cr_assert_eq(slurp(looked_path, anew), size, "round %u", round);
        cr_assert_arr_eq(carried, anew, size, "round %u", round);
        taken += size > 200;
        for (unsigned i = 0; i < 20; i++) {
            struct fault fault = {0};
            unsigned number = (unsigned)dice(KEYS);
            cr_assert_eq(get(number, &fault), there[number] ? 0 : 1, "round %u: %u: %d %s", round, number, there[number], fault.text);
        }
    }
    cr_expect_gt(taken, 250, "most have many leaves");
}

/* A bit of each leaf in turn: unmet it does no harm; met it is a fault, and `looked` is gone, so that all is looked at next. */
Test(leaves, one_that_changed_is_found_before_it_is_met)
{
    static uint8_t bytes[FILE_MAX];
    change(NULL, KEYS, SIZE_MAX);
    note(NULL);
    size_t size = slurp(data_path, bytes);
    unsigned found = 0, harmless = 0;
    for (unsigned number = 0; number < KEYS; number += 61) {
        if (!there[number])
            continue;
        uint8_t key[4];
        put_key(number, key);
        /* its node: flags and key size before it */
        uint8_t node[6] = {0, 0, 4, 0}, *at = NULL;
        size_t leaf = 0;
        for (size_t page = 2; page < size / 4096; page++) {
            const uint8_t *p = bytes + page * 4096;
            if (p[10] != 2 || p[8] || db_get_u32(p) == 0xffffffff)
                continue;
            unsigned lower = p[12] | p[13] << 8;
            for (unsigned i = 16; i + 1 < lower && lower <= 4096; i += 2) {
                unsigned offset = p[i] | p[i + 1] << 8;
                if (offset + 12 <= 4096 && memcmp(p + offset + 6, "\4\0", 2) == 0 && memcmp(p + offset + 8, key, 4) == 0) {
                    at = (uint8_t *)p + offset + 8 + 3;
                    leaf = page;
                }
            }
        }
        (void)node;
        if (!at)
            continue;
        uint8_t was = *at;
        *at ^= 1u << dice(8);
        int fd = open(data_path, O_WRONLY);
        cr_assert_eq(pwrite(fd, bytes + leaf * 4096, 4096, (off_t)(leaf * 4096)), 4096);
        struct leaves *leaves = look();
        struct fault fault = {0};
        if (leaves) { /* else it is a leaf that is looked at anyway, or an old page */
            db_watch(&db, leaves);
            struct fault far = {0};
            cr_expect_geq(get((number + KEYS / 2) % KEYS, &far), 0, "%s", far.text);
            if (get(number, &fault) < 0) {
                cr_expect_eq(fault.code, FAULT_FAILED);
                found++;
            } else {
                harmless++;
            }
            db_watch(&db, NULL);
            leaves_close(leaves);
            cr_expect_eq(access(looked_path, F_OK), fault.code ? -1 : 0);
        }
        *at = was;
        cr_assert_eq(pwrite(fd, bytes + leaf * 4096, 4096, (off_t)(leaf * 4096)), 4096);
        close(fd);
        note(NULL);
    }
    cr_expect_gt(found, 20, "found %u", found);
    cr_expect_lt(harmless, 10, "of pages that are not in use: %u", harmless);
}

Test(leaves, a_bad_looked_is_as_none)
{
    static uint8_t bytes[FILE_MAX], bad[FILE_MAX];
    change(NULL, KEYS, SIZE_MAX);
    note(NULL);
    size_t size = slurp(looked_path, bytes);
    cr_assert_gt(size, 100);
    for (size_t i = 0; i <= size; i++) {
        memcpy(bad, bytes, size);
        if (i < size)
            bad[i] ^= (uint8_t)(1u << dice(8));
        spill(looked_path, bad, size);
        struct leaves *leaves = look();
        cr_expect_eq(leaves != NULL, i == size, "byte %zu", i);
        leaves_close(leaves);
        spill(looked_path, bytes, i);
        leaves = look();
        cr_expect_eq(leaves != NULL, i == size, "cut to %zu", i);
        leaves_close(leaves);
    }
    change(NULL, 5, SIZE_MAX); /* by a command that does not know of it */
    cr_expect_null(look(), "it is of an earlier transaction");
}

Test(leaves, no_link_is_followed)
{
    change(NULL, 10, SIZE_MAX);
    cr_assert_eq(symlink("elsewhere", looked_path), 0);
    note(NULL);
    cr_expect_null(look());
    struct stat stat;
    cr_expect(lstat(looked_path, &stat) != 0 || S_ISLNK(stat.st_mode), "nothing was made behind it");
}
