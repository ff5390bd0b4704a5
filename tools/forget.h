/* forget.h - strikes all of phones, save that their ids stay known.
 * Room: tools.  A phone's records become those of closed, withdrawn cases without a word about anybody; its entries leave the history, the
 * queue of SMS that wait for receipts, and the folders that are kept. As with purge the store is whole at any instant, and a forget
 * that was cut is given again. Thread: the one that holds the store, open for writing. Errors: -1 with the fault; FAULT_BUSY where a
 * reader keeps old pages (store/scrub.h). */
#ifndef TOOLS_FORGET_H
#define TOOLS_FORGET_H

#include "store/store.h"

struct forgotten {
    uint64_t phones;
    uint64_t cases, closed; /* of the phones; that stood open till now */
    uint64_t entries;       /* of history */
    uint64_t rows;          /* of kept folders */
    uint64_t cleared;       /* bytes of free space in which nothing old is left */
};

/* One phone after another, and then the file is cleared of them: what was cut before that is given again whole. */
int forget_go(struct store *store, const uint32_t *phones, size_t count, struct forgotten *ret_forgotten, struct fault *fault);

/* Takes the rows with that phone out of kept folders, and adds them to *rows (forget_folders.c). */
struct strike;
int forget_folders(struct strike *strike, uint32_t phone, uint64_t *rows);

#endif
