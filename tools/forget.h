/* forget.h - strikes all of one phone, save that its ids stay known.
 * Room: tools.  Its records become those of closed, withdrawn cases without a word about anybody; its entries leave the history, the
 * queue of SMS that wait for receipts, and the folders that are kept. As with purge the store is whole at any instant, and a forget
 * that was cut is given again. Thread: the one that holds the store, open for writing. Errors: -1 with the fault; FAULT_BUSY where a
 * reader keeps old pages (store/scrub.h). */
#ifndef TOOLS_FORGET_H
#define TOOLS_FORGET_H

#include "store/store.h"

struct forgotten {
    uint64_t cases, closed; /* of the phone; that stood open till now */
    uint64_t entries;       /* of history */
    uint64_t rows;          /* of kept folders */
    uint64_t cleared;       /* bytes of free space in which nothing old is left */
};

int forget_go(struct store *store, uint32_t phone, struct forgotten *ret_forgotten, struct fault *fault);

/* Takes the rows with that phone out of kept folders (forget_folders.c). */
struct strike;
int forget_folders(struct strike *strike, uint32_t phone, uint64_t *ret_rows);

#endif
