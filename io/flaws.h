/* flaws.h - what is wrong with input files, gathered so that all are named at once, in the order of names (contract section 3).
 * Room: io.  Thread: one at a time. It owns its texts; zeroed it is empty. */
#ifndef IO_FLAWS_H
#define IO_FLAWS_H

#include "engine/sys/buffer.h"

struct flaws {
    struct buffer items; /* struct flaw (flaws.c) */
    bool unfit;          /* some fit no form: set by whoever adds such a one */
};

/* Keeps a line, "NAME: reason", of a file. -1: want of memory, with the fault. */
int flaws_add(struct flaws *flaws, const char *name, const char *text, struct fault *fault);
bool flaws_any(const struct flaws *flaws);
/* All of them, each once, however many, with what to do at the end: FAULT_INPUT, -1; 0 where there are none. Sorts them. */
int flaws_tell(struct flaws *flaws, struct fault *fault);
void flaws_free(struct flaws *flaws);

#endif
