/* flaws.h - what is wrong with input files, gathered so that all are named at once, in the order of names (contract section 3).
 * Room: io.  Thread: one at a time. It owns its texts; zeroed it is empty. */
#ifndef IO_FLAWS_H
#define IO_FLAWS_H

#include "engine/fault.h"

#include <stdint.h>

struct flaw {
    char *name, *text; /* in one block, which begins with the name */
};

struct flaws {
    struct flaw *items;
    uint32_t count, capacity;
};

/* Keeps a line, "NAME: reason", of a file. -1: want of memory, with the fault. */
int flaws_add(struct flaws *flaws, const char *name, const char *text, struct fault *fault);
/* All of both (NULL: none), each once, with what to do at the end: FAULT_INPUT, -1; 0 where there are none. */
int flaws_tell(const struct flaws *a, const struct flaws *b, struct fault *fault);
void flaws_free(struct flaws *flaws);

#endif
