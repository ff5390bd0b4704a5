/* reissue.h - the folder of a kept run written once more, byte for byte.
 * Room: store.  Thread: one. Errors: the machine's, or a value that is damaged. */
#ifndef STORE_REISSUE_H
#define STORE_REISSUE_H

#include "store/db.h"
#include "store/publish.h"

/* Makes the hidden folder and writes into it what is kept of the run, each file synced: 0, and *ret_fd (the folder's) is the caller's, who
 * puts it in place; 1 where nothing of that run is kept; -1. Of a failure nothing stays. `ret_files`: how many they are. */
int reissue_folder(const struct db *db, MDB_txn *txn, uint32_t run, const struct publish_place *place, int *ret_fd, uint32_t *ret_files,
                   struct fault *fault);

#endif
