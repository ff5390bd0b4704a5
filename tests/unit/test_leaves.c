/* test_leaves.c - what `looked` tells of the leaves: carried from transaction to transaction it stays what a look at all of them
 * would tell; one that changed is found before LMDB meets it; a `looked` that is cut, old or damaged is as none. */
#include "store/leaves.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define TEST_DB_SEED 29
#include "test_leaves_env.h"

#define KEYS 3000
#define TABLE TABLE_RUNS /* its keys are 4 bytes */
#define PAGE 4096
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

/* Where the node of a key stands in the leaf that holds it; NULL: in none. (In the file's first transaction no page is old.) */
static uint8_t *node_of(uint8_t *bytes, size_t size, unsigned number)
{
    uint8_t key[4];
    put_key(number, key);
    for (uint8_t *page = bytes + 2 * PAGE; page < bytes + size; page += PAGE) {
        unsigned lower = page[12] | page[13] << 8;
        for (unsigned i = 16; page[10] == 2 && i + 1 < lower && lower <= PAGE; i += 2) {
            unsigned offset = page[i] | page[i + 1] << 8;
            if (offset + 12 <= PAGE && memcmp(page + offset + 6, "\4\0", 2) == 0 && memcmp(page + offset + 8, key, 4) == 0)
                return page + offset;
        }
    }
    return NULL;
}

/* The page of the file that holds the byte, as it is in `bytes` now. */
static void write_page_of(const uint8_t *bytes, const uint8_t *at)
{
    size_t begin = (size_t)(at - bytes) / PAGE * PAGE;
    int fd = open(data_path, O_WRONLY);
    cr_assert_eq(pwrite(fd, bytes + begin, PAGE, (off_t)begin), PAGE);
    close(fd);
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
        uint8_t *node = there[number] ? node_of(bytes, size, number) : NULL;
        if (!node)
            continue;
        uint8_t *at = node + 8 + 3, was = *at; /* of its key */
        *at ^= (uint8_t)(1u << dice(8));
        write_page_of(bytes, at);
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
        write_page_of(bytes, at);
        note(NULL);
    }
    cr_expect_gt(found, 20, "found %u", found);
    cr_expect_lt(harmless, 10, "of pages that are not in use: %u", harmless);
}

static enum db_verdict this_one(const uint8_t *key, size_t size, const void *context)
{
    (void)size;
    return db_get_u32(key) == *(const unsigned *)context ? DB_DELETE : DB_STOP;
}

/* Sweeps, deletes or overwrites one of them; 0, or -1, and nothing is written. */
enum { HOWS = 3 };
static int lose(unsigned how, unsigned number, struct leaves *leaves, struct fault *fault)
{
    static const char VALUE[100];
    struct db_writer writer;
    uint8_t key[4];
    put_key(number, key);
    db_watch(&db, leaves);
    cr_assert_eq(db_write_begin(&writer, &db, SIZE_MAX, fault), 0, "%s", fault->text);
    int failed = how == 0   ? db_sweep(&writer, TABLE, key, sizeof key, this_one, &number, fault)
                 : how == 1 ? db_delete(&writer, TABLE, key, sizeof key, fault)
                            : db_put(&writer, TABLE, key, sizeof key, VALUE, sizeof VALUE, fault);
    db_write_abort(&writer);
    db_watch(&db, NULL);
    return failed;
}

/* Each bit of where a long value lies, and of how long it is: who deletes or overwrites it reads none of it, and LMDB would free
 * pages that are another's. */
Test(leaves, a_long_value_is_not_sought_where_it_never_was)
{
    static uint8_t bytes[FILE_MAX], looked[FILE_MAX];
    change(NULL, KEYS, SIZE_MAX);
    note(NULL);
    size_t size = slurp(data_path, bytes), looked_size = slurp(looked_path, looked);
    unsigned tried = 0;
    for (unsigned number = 0; number < KEYS && tried < 4; number += 20) {
        uint8_t *node = there[number] && number >= 1100 ? node_of(bytes, size, number) : NULL;
        if (!node) /* else its value has pages of its own, by change() */
            continue;
        cr_assert_eq(node[4] & 1, 1);
        tried++;
        for (unsigned bit = 0; bit < 96; bit++) {
            uint8_t *at = bit < 64 ? node + 12 + bit / 8 : node + (bit - 64) / 8;
            *at ^= (uint8_t)(1u << bit % 8);
            write_page_of(bytes, at);
            for (unsigned how = 0; how < HOWS; how++) {
                struct fault fault = {0};
                struct leaves *leaves = look();
                cr_assert_not_null(leaves);
                cr_expect(lose(how, number, leaves, &fault) && fault.code == FAULT_FAILED, "bit %u, %u: %s", bit, how, fault.text);
                leaves_close(leaves);
                spill(looked_path, looked, looked_size); /* of the file as it was */
            }
            *at ^= (uint8_t)(1u << bit % 8);
            write_page_of(bytes, at);
        }
    }
    cr_expect_eq(tried, 4u);
}

/* Each bit of the head of a long value's first page: how many pages it says there are, and what they are, is LMDB's word for what
 * it frees. */
Test(leaves, the_head_of_a_long_value_is_not_believed)
{
    static uint8_t bytes[FILE_MAX];
    change(NULL, KEYS, SIZE_MAX);
    note(NULL);
    size_t size = slurp(data_path, bytes);
    unsigned tried = 0;
    for (unsigned number = 1100; number < KEYS && tried < 4; number += 20) {
        uint8_t *node = there[number] ? node_of(bytes, size, number) : NULL;
        uint64_t first;
        if (!node)
            continue;
        memcpy(&first, node + 12, sizeof first);
        tried++;
        for (unsigned bit = 0; bit < 128; bit++) {
            uint8_t *at = bytes + first * PAGE + bit / 8;
            *at ^= (uint8_t)(1u << bit % 8);
            write_page_of(bytes, at);
            for (unsigned how = 0; how < 2 * HOWS; how++) { /* where leaves are watched, and where all was looked at */
                struct fault fault = {0};
                struct leaves *leaves = how < HOWS ? look() : NULL;
                int failed = lose(how % HOWS, number, leaves, &fault);
                if (bit / 16 == 4) /* these mean nothing */
                    cr_expect_eq(failed, 0, "bit %u, %u: %s", bit, how, fault.text);
                else
                    cr_expect(failed && fault.code == FAULT_INPUT, "bit %u, %u: %s", bit, how, fault.text);
                leaves_close(leaves);
            }
            *at ^= (uint8_t)(1u << bit % 8);
            write_page_of(bytes, at);
        }
    }
    cr_expect_eq(tried, 4u);
}

/* A value that is put twice in a transaction, shorter: what its head tells fits its size all the same. */
Test(leaves, what_was_put_twice_may_be_put_and_deleted)
{
    static const char VALUE[20000];
    static const size_t SIZES[] = {20000, 5000, 9000, 100, 5000, 5001};
    enum { COUNT = sizeof SIZES / sizeof *SIZES };
    for (unsigned first = 0; first < COUNT; first++)
        for (unsigned then = 0; then < COUNT; then++)
            for (unsigned how = 0; how < HOWS; how++) {
                struct fault fault = {0};
                struct db_writer writer;
                struct pages pages;
                uint8_t key[4];
                put_key(7, key);
                cr_assert_eq(db_write_begin(&writer, &db, SIZE_MAX, &fault), 0);
                cr_assert_eq(db_put(&writer, TABLE, key, sizeof key, VALUE, SIZES[first], &fault), 0);
                cr_assert_eq(db_put(&writer, TABLE, key, sizeof key, VALUE, SIZES[then], &fault), 0);
                cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
                MDB_txn *txn;
                cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
                cr_expect_eq(pages_look(dir, mdb_txn_id(txn), true, &pages, &fault), 0, "%u, %u: %s", first, then, fault.text);
                mdb_txn_abort(txn);
                cr_expect_eq(lose(how, 7, NULL, &fault), 0, "%u, %u, %u: %s", first, then, how, fault.text);
            }
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
