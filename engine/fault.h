/* fault.h - how a failure travels upward: a code that decides the exit status, and one line for people.
 * Room: engine.  Whoever meets the failure writes it; tools/ prints it once.  No personal data goes in. It owns its text, is zeroed at
 * first, and belongs to one thread: of several workers each has its own, and one of them is chosen (crew_join). */
#ifndef ENGINE_FAULT_H
#define ENGINE_FAULT_H

#include "engine/span.h"

#include <stdbool.h>

enum fault_code {
    FAULT_NONE = 0,
    FAULT_FAILED = 1, /* operating error: give the command again */
    FAULT_USAGE = 2,  /* wrong use */
    FAULT_INPUT = 3,  /* input or reference data must be mended first */
    FAULT_BUSY = 4,   /* another process works on the store */
};

struct fault {
    enum fault_code code;
    char *before;     /* lines that stand before the text, which has no room for them, or NULL: io/flaws.c makes them, sys.free is their end */
    char text[16384]; /* what failed, which file and line, what to do; lines parted by '\n' */
};

/* Sets code and text (printf form) unless a fault is already there: the first one counts.
 * Returns -1 always, so that a failing function can `return fault_set(...)`. Here and below what is told is one line, whatever a
 * file's name holds: path_shown. */
int fault_set(struct fault *fault, enum fault_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with strerror of a positive or negative errno behind, and for a full disk, want of memory or a failing device what
 * to do: "TEXT: No space left on device (the disk is full): make room and give the command again". */
int fault_errno(struct fault *fault, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Does an errno tell of a path that people gave, and can mend? Else the machine failed. */
bool fault_of_path(int error);

/* Tells of a path that a command line names (printf form, "--key PATH"): as its fault, FAULT_USAGE, what errno says; else as the
 * machine's, by fault_errno with `doing` ("open") between. Returns -1. */
int fault_path(struct fault *fault, int error, const char *doing, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* FAULT_FAILED for want of memory, with what to do. */
int fault_memory(struct fault *fault);

/* Appends a line to a fault of the same code (many broken files are named at once); sets it where there is none.
 * Where no more fits a last line says that there are more. Returns -1. */
int fault_add(struct fault *fault, enum fault_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds the lines of another fault, of its code. Returns -1. */
int fault_pass(struct fault *fault, const struct fault *from);

/* Ends the last line with ": WHAT", what to do about it and those before it; not where the last says that there are more. Returns -1. */
int fault_end(struct fault *fault, const char *what);

/* A path, or a line with one, as a terminal may have it, into `room` bytes with a NUL; returns out. Controls, and what is no UTF-8, become
 * \n, \t, \r or \xNN; a backslash stays one. Where there is no room it is cut. */
char *path_shown(struct span path, char *out, size_t room);
#define PATH_SHOWN_MAX (4 * 4096 + 1)

#endif
