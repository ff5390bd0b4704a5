/* open_store.c - see open_store.h. */
#include "tools/open_store.h"

static int load_ref(const struct store *store, struct ref_set **ret_ref, struct fault *fault)
{
    MDB_txn *txn = store->snapshot;
    struct span packed;
    if (!txn && store_read_begin(store, &txn, fault))
        return -1;
    int failed = store_get_ref(store, txn, &packed, fault) || ref_unpack(ret_ref, packed.data, packed.size, fault)
                     ? store_damaged(store, "its reference data", fault)
                     : 0;
    if (!store->snapshot)
        store_read_end(txn);
    return failed;
}

int open_store(struct store *store, struct ref_set **ret_ref, const char *dir, enum store_mode mode, struct fault *fault)
{
    struct ref_set *ref = NULL;
    if (ret_ref)
        *ret_ref = NULL;
    if (store_open(store, dir, mode, fault))
        return -1;
    if (load_ref(store, &ref, fault)) {
        store_close(store);
        return -1;
    }
    if (ret_ref)
        *ret_ref = ref;
    else
        ref_free(ref);
    return 0;
}
