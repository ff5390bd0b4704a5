/* open_store.h - a store opened for a command, with its reference data: the store keeps their bytes, io knows what they mean, and
 * here the two meet. Room: tools.  Thread: one. */
#ifndef TOOLS_OPEN_STORE_H
#define TOOLS_OPEN_STORE_H

#include "io/ref_load.h"
#include "store/store.h"

/* As store_open; FAULT_INPUT where the reference data are none. They go to *ret_ref, for ref_free, NULL where it failed; whoever
 * wants none of them gives NULL: they are looked at all the same, as nobody is to work on a damaged store. */
int open_store(struct store *store, struct ref_set **ret_ref, const char *dir, enum store_mode mode, struct fault *fault);

#endif
