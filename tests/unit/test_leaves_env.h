/* test_leaves_env.h - what the tests of leaves share: an environment, and `looked` written for it as it stands. */
#include "store/leaves.h"
#include "test_db_env.h"

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
