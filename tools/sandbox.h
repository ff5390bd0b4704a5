/* sandbox.h - what a process may still do once it is about to read foreign bytes: no network, no other program, no file but
 * those that it needs. Room: tools.  Landlock names the files, seccomp the system calls, both for good.
 *
 *   sandbox_begin, sandbox_allow …   while paths are gathered
 *   sandbox_enter                    before threads are started: they inherit it
 *   sandbox_settle                   once threads and rings stand: no more of either
 *
 * Thread: one; the first three before any other stands. Where a kernel lacks something the process goes on without, and says so.
 * io_uring goes past seccomp: rings are held to reads, writes and syncs by themselves (io/ring.c), and after sandbox_settle there can be
 * no other ring. */
#ifndef TOOLS_SANDBOX_H
#define TOOLS_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

struct sandbox {
    int rules;       /* Landlock's, -1 none */
    uint64_t rights; /* that this kernel's Landlock knows */
    int error;       /* errno of the first path that the machine would not open, 0 none: the run is not to go on */
};

enum sandbox_right { SANDBOX_READ, SANDBOX_WRITE }; /* files of a folder, or one file; and to make and remove them */

void sandbox_begin(struct sandbox *sandbox);
void sandbox_allow(struct sandbox *sandbox, const char *path, enum sandbox_right right); /* what is not there needs no leave */
/* Names what the kernel lacks, or NULL. */
const char *sandbox_enter(struct sandbox *sandbox);
void sandbox_settle(void);

/* Sanitizers look at memory from outside and run other programs: they and a sandbox do not go together. */
#if defined(__SANITIZE_ADDRESS__) || defined(BESIK_COVERAGE) /* which writes its counts at the end */
#define SANDBOX_ON false
#else
#define SANDBOX_ON true
#endif

#endif
