/* purge.h - strikes names, IINs, accounts and histories of cases that closed long ago, in the store as it stands.
 * Room: tools.
 *
 * Values are written anew under their own keys, a bounded number at a time: at any instant the store is whole, some of it
 * struck already, and no run can tell the difference. So a purge that was cut is simply given again. Thread and errors: as forget.h. */
#ifndef TOOLS_PURGE_H
#define TOOLS_PURGE_H

#include "store/store.h"

struct purged {
    uint64_t cases;   /* that had something left to strike */
    uint64_t entries; /* of history */
    uint64_t cleared; /* bytes of free space in which nothing old is left */
};

int purge_go(struct store *store, int64_t closed_before_ms, struct purged *ret_purged, struct fault *fault);

#endif
