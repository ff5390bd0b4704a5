/* test_pages.c - LMDB's file with a byte of any of its pages changed, cut, or without a table: it is refused and the page named, or the
 * byte means nothing and all keys are those that were written; with what is known of its leaves, too. No step leads beyond the file. */
#include "store/leaves.h"
#include "store/pages.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define TEST_DB_SEED 53
#include "test_db_env.h"

#define PAGE 4096u
#define SHORT_KEYS 300 /* of runs */
#define LONG_KEYS 50   /* of history, so long that its tree is three deep */
#define LONG_KEY 400

static struct sys real;
static struct db_keys keys;
static uint8_t *bytes; /* the file, as it is mapped */
static size_t size;

/* ---- a store's file that has all that LMDB can put in one ---- */

static void put(struct db_writer *writer, enum table table, const void *key, size_t key_size, size_t value_size)
{
    static const char VALUE[1500000];
    struct fault fault = {0};
    cr_assert_eq(value_size ? db_put(writer, table, key, key_size, VALUE, value_size, &fault) : db_delete(writer, table, key, key_size, &fault), 0,
                 "%s", fault.text);
}

static void fill(unsigned round)
{
    struct fault fault = {0};
    struct db_writer writer;
    cr_assert_eq(db_write_begin(&writer, &db, SIZE_MAX, &fault), 0);
    for (unsigned i = 0; i < SHORT_KEYS; i++) {
        uint8_t key[4];
        db_put_u32(key, i);
        put(&writer, TABLE_RUNS, key, sizeof key, round % 2 && i % 3 == 0 ? 0 : i % 60 ? 60 : 5000);
    }
    for (unsigned i = 0; i < LONG_KEYS; i++) {
        char key[LONG_KEY];
        memset(key, 'k', sizeof key);
        key[0] = (char)i;
        put(&writer, TABLE_HISTORY, key, sizeof key, 30);
    }
    put(&writer, TABLE_FOLDERS, "0123456789", 10, round % 2 ? 0 : 1400000); /* so many free pages that their list has pages of its own */
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
}

static void note(void)
{
    struct fault fault = {0};
    MDB_txn *txn;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(db_get_keys(&db, txn, &keys, &fault), 0);
    mdb_txn_abort(txn);
    leaves_note(dir, NULL, &keys);
}

static void slurp(void)
{
    char path[64];
    struct stat stat;
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    FILE *file = fopen(path, "rb");
    cr_assert(file && fstat(fileno(file), &stat) == 0);
    bytes = malloc(size = (size_t)stat.st_size);
    cr_assert_eq(fread(bytes, 1, size, file), size);
    fclose(file);
}

/* The file is mapped from `bytes`, and is as long as those are. */
static void *map_bytes(int fd, size_t wanted, bool scattered)
{
    (void)fd, (void)scattered;
    cr_assert_eq(wanted, size);
    return bytes;
}

static int unmap_nothing(void *block, size_t wanted)
{
    (void)block, (void)wanted;
    return 0;
}

static void will_need_within(const void *part, size_t wanted)
{
    (void)wanted;
    cr_assert((const uint8_t *)part >= bytes && (const uint8_t *)part < bytes + size);
}

static unsigned taken_away; /* times that "looked" was to go */
static int unlink_nothing(int at, const char *path, int flags)
{
    (void)at, (void)path, (void)flags;
    taken_away++;
    return 0;
}

static bool is_data;
static int open_file(int at, const char *path, int flags, mode_t mode)
{
    is_data = strstr(path, "data.mdb") != NULL;
    return real.open(at, path, flags, mode);
}

static int size_of_bytes(int fd, struct stat *ret)
{
    int failed = real.fstat(fd, ret);
    if (is_data)
        ret->st_size = (off_t)size;
    return failed;
}

static void begin(void)
{
    real = sys;
    set_up();
    for (unsigned round = 0; round < 4; round++)
        fill(round);
    note();
    slurp();
    sys.map_file = map_bytes;
    sys.unmap = unmap_nothing;
    sys.will_need = will_need_within;
    sys.unlink = unlink_nothing;
    sys.open = open_file;
    sys.fstat = size_of_bytes;
}

static void end(void)
{
    char path[64];
    sys = real;
    free(bytes);
    snprintf(path, sizeof path, "%s/looked", dir);
    unlink(path);
    tear_down();
}

TestSuite(pages, .init = begin, .fini = end, .timeout = 300);

/* ---- looks ---- */

static void must_be_told(int result, const struct fault *fault)
{
    cr_assert(result == 0 || (result == -1 && fault->code == FAULT_INPUT && strstr(fault->text, "restore the store")), "%d: %s", result, fault->text);
}

/* Is it refused, by its pages or by what its keys add up to? */
static bool refused_at_whole(bool whole)
{
    struct fault fault = {0};
    struct pages pages;
    int result = pages_look(dir, 0, whole, &pages, &fault);
    must_be_told(result, &fault);
    return result || pages_compare(&pages, &keys, &fault);
}

/* Leaf by leaf, where what is known of them fits. */
static bool refused_at_leaves(void)
{
    struct fault fault = {0};
    struct pages pages;
    struct leaves *leaves;
    int result = leaves_look(dir, &pages, &leaves, &fault);
    must_be_told(result, &fault);
    bool refused = result || pages_compare(&pages, &keys, &fault);
    for (unsigned i = 0; !refused && leaves && i < SHORT_KEYS; i += 7) {
        uint8_t key[4];
        db_put_u32(key, i);
        refused = !leaves_meet(leaves, TABLE_RUNS, key, sizeof key, false, 0);
    }
    refused = refused || (leaves && (!leaves_meet(leaves, TABLE_RUNS, NULL, 0, true, 0) || !leaves_meet(leaves, TABLE_RUNS, NULL, 0, false, 0)));
    leaves_close(leaves);
    return refused;
}

static unsigned refused, changed;

static bool change(size_t at, uint8_t by)
{
    bytes[at] ^= by;
    bool whole = refused_at_whole(true), most = refused_at_whole(false), leaves = refused_at_leaves();
    bytes[at] ^= by;
    cr_assert(whole || !most, "byte %zu: who looks at all sees what others see", at);
    changed++;
    refused += whole;
    return whole && leaves;
}

static unsigned get_u16(const uint8_t *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

/* A page that begins as one that LMDB writes. */
static bool is_page(size_t number)
{
    const uint8_t *page = bytes + number * PAGE;
    unsigned flags = get_u16(page + 10);
    return page[0] == (uint8_t)number && page[1] == (uint8_t)(number >> 8) && !page[2] && (flags == 1 || flags == 2 || flags == 4);
}

Test(pages, whole)
{
    cr_expect_not(refused_at_whole(true));
    cr_expect_not(refused_at_whole(false));
    cr_expect_not(refused_at_leaves());
}

/* Both meta pages, byte by byte: of the newest nothing may be another. */
Test(pages, changed_meta_pages)
{
    unsigned newest_refused = 0;
    for (unsigned page = 0; page < 2; page++)
        for (size_t at = page * PAGE; at < page * PAGE + 16 + 136; at++)
            for (unsigned by = 1; by < 256; by <<= 1)
                newest_refused += change(at, (uint8_t)by);
    cr_expect_gt(refused, 1200u, "%u of %u", refused, changed);
    cr_expect_gt(newest_refused, 1000u);
}

/* Of each page its head, the offsets of nodes, and the heads of the nodes. */
Test(pages, changed_pages)
{
    static const uint8_t BY[] = {0x01, 0x02, 0x80, 0xff};
    for (size_t number = 2; number < size / PAGE; number++) {
        if (!is_page(number))
            continue;
        size_t page = number * PAGE;
        unsigned lower = get_u16(bytes + page + 12);
        for (size_t at = 0; at < 24; at++)
            (void)change(page + at, BY[dice(4)]);
        for (unsigned i = 16; lower <= PAGE && get_u16(bytes + page + 10) != 4 && i + 1 < lower; i += 2 + 2 * (unsigned)dice(12)) {
            size_t node = get_u16(bytes + page + i);
            for (size_t at = 0; at < 10 && node + at < PAGE; at++)
                (void)change(page + node + at, BY[dice(4)]);
        }
    }
    cr_expect_gt(refused * 10, changed, "%u of %u", refused, changed);
    cr_expect_gt(taken_away, 0u, "a leaf that is another was met");
}

/* A file that ends early, at each of its first bytes and pages: refused, until all that is cut off is free. */
Test(pages, cut)
{
    uint8_t *all = bytes;
    size_t whole = size;
    unsigned cuts = 0;
    bool taken = false;
    for (size = 0; size < whole; size += size < 3 * PAGE ? 1 + (size > 200) * 61 : 7 * PAGE) {
        bytes = malloc(size + 1); /* of just that size: a sanitizer sees a step beyond */
        memcpy(bytes, all, size);
        bool now = refused_at_whole(true);
        cr_assert(!taken || !now, "cut to %zu: less would have done", size);
        taken |= !now;
        cuts += now;
        free(bytes);
    }
    cr_expect_gt(cuts, 20u, "%u", cuts);
    bytes = all;
    size = whole;
}

/* The snapshots of readers: the last two can be looked at, of others the file does not tell. */
Test(pages, snapshots)
{
    struct pages pages;
    struct fault fault = {0};
    cr_assert_eq(pages_look(dir, 0, false, &pages, &fault), 0, "%s", fault.text);
    uint64_t last = pages.txn;
    cr_expect_eq(pages_look(dir, last, true, &pages, &fault), 0);
    cr_expect_eq(pages.txn, last);
    cr_expect_eq(pages_look(dir, last - 2, true, &pages, &fault), 1);
    cr_expect_eq(pages_look(dir, last + 1, true, &pages, &fault), 1);
    cr_expect_eq(fault.code, FAULT_NONE, "%s", fault.text);
}

Test(pages, no_file_and_no_table)
{
    static char deep[5000];
    struct pages pages;
    struct fault fault = {0};
    char path[64];
    sys = real;
    memset(deep, 'x', sizeof deep - 1);
    cr_expect_eq(pages_look(deep, 0, true, &pages, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
    fault = (struct fault){0};
    cr_expect_eq(pages_look("/nowhere", 0, true, &pages, &fault), -1);
    cr_expect(fault.code == FAULT_USAGE && strstr(fault.text, "not a store"), "%s", fault.text);
    MDB_env *env; /* one of LMDB's files that has all tables but one */
    MDB_txn *txn;
    MDB_dbi table;
    snprintf(path, sizeof path, "%s/other", dir);
    cr_assert(mkdir(path, 0700) == 0 && mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, TABLE_COUNT) == 0);
    cr_assert_eq(mdb_env_open(env, path, 0, 0600), 0);
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    for (unsigned i = 0; i + 1 < TABLE_COUNT; i++)
        cr_assert_eq(mdb_dbi_open(txn, DB_TABLE_NAMES[i], MDB_CREATE, &table), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    fault = (struct fault){0};
    cr_expect_eq(pages_look(path, 0, true, &pages, &fault), -1);
    cr_expect(fault.code == FAULT_INPUT && strstr(fault.text, "the table is gone"), "%s", fault.text);
    static const char *const FILES[] = {"data.mdb", "lock.mdb"};
    for (unsigned i = 0; i < 2; i++) {
        char file[128];
        snprintf(file, sizeof file, "%s/%s", path, FILES[i]);
        unlink(file);
    }
    rmdir(path);
}

/* A page that a transaction took at the end of the file and freed again is never written: the file ends before it. */
Test(pages, the_last_pages_were_never_written)
{
    struct fault fault = {0};
    struct db_writer writer;
    struct stat before, after;
    char path[100];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    cr_assert_eq(db_write_begin(&writer, &db, SIZE_MAX, &fault), 0);
    put(&writer, TABLE_RUNS, "1234", 4, 60);
    static const char *const MANY[] = {"0123456780", "0123456781", "0123456782", "0123456783"}; /* more than is free */
    for (unsigned i = 0; i < 4; i++)
        put(&writer, TABLE_FOLDERS, MANY[i], 10, 1400000);
    for (unsigned i = 0; i < 4; i++)
        put(&writer, TABLE_FOLDERS, MANY[i], 10, 0);
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
    stat(path, &before);
    MDB_envinfo info;
    mdb_env_info(db.env, &info);
    cr_assert_gt((info.me_last_pgno + 1) * PAGE, (size_t)before.st_size, "the file holds its last page: nothing is shown");
    struct pages pages;
    cr_expect_eq(pages_look(dir, 0, false, &pages, &fault), 0, "%s", fault.text);
    cr_expect_eq(pages_look(dir, 0, true, &pages, &fault), 0, "%s", fault.text);
    stat(path, &after);
    cr_expect_eq(before.st_size, after.st_size);
}
