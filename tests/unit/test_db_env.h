/* test_db_env.h - an LMDB environment of a test's own, and seeded dice; TEST_DB_SEED is defined before. */
#include "store/db.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t dice_state = TEST_DB_SEED;
static uint64_t dice(uint64_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return sides ? dice_state % sides : dice_state;
}

static char dir[] = "/tmp/besik-test-XXXXXX";
static struct db db;

static void set_up(void)
{
    struct fault fault = {0};
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(db_open(&db, dir, true, &fault), 0, "%s", fault.text);
    db_close(&db);
    cr_assert_eq(db_open(&db, dir, false, &fault), 0, "%s", fault.text);
    cr_assert_eq(mdb_env_set_flags(db.env, MDB_NOSYNC, 1), 0); /* thousands of commits */
}

static void tear_down(void)
{
    char path[100];
    db_close(&db);
    static const char *const FILES[] = {"data.mdb", "lock.mdb"};
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
        unlink(path);
    }
    rmdir(dir);
}
