/* scrub.h - what was struck or deleted is also gone from the file.
 * Room: store.  LMDB frees pages without clearing them, and leaves bytes of old nodes in the gaps of its leaves. Scrubbing
 * writes every leaf anew, by an environment that has just been opened and so has nothing old to leave in a gap, and then
 * fills every free page with zeros. All that is done in LMDB's own transactions: a cut one is given again, and readers go on
 * undisturbed; one that began before the scrub holds pages back and makes it fail (FAULT_BUSY, its pid told).
 * Thread: the one that holds the store; it is opened anew meanwhile, so nothing of LMDB's may be held over it. */
#ifndef STORE_SCRUB_H
#define STORE_SCRUB_H

#include "store/store.h"

/* `store` is open for writing, and no transaction of it is. `limit`: bytes of values a transaction. *ret_bytes: free space that was cleared. */
int store_scrub(struct store *store, size_t limit, uint64_t *ret_bytes, struct fault *fault);
/* Deletes what a cut scrub filled the free pages with. */
int store_scrub_clear(struct db_writer *writer, struct fault *fault);

#endif
