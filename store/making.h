/* making.h - a store's folder while init makes it: taken, filled, declared whole.
 * Room: store.  Errors: FAULT_USAGE where something else is there, FAULT_BUSY where another init is at work, else of the machine.
 * Thread: one. */
#ifndef STORE_MAKING_H
#define STORE_MAKING_H

#include "engine/fault.h"

#include <stddef.h>

/* Makes the folder, or takes one that is empty or half made, and holds it against another init by *ret_fd (-1 before), which the
 * caller closes, failed or not. */
int making_begin(const char *dir, int *ret_fd, struct fault *fault);
/* A new file in it, 0600, synced. */
int making_file(const char *dir, const char *name, const void *data, size_t size, struct fault *fault);
/* From here on it is a store, whatever befalls the machine. */
int making_end(const char *dir, struct fault *fault);
/* FAULT_INPUT where a making was cut. */
int making_check(const char *dir, struct fault *fault);

#endif
