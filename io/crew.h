/* crew.h - the workers of a run: threads that each own a ring, and do one pass after another.
 * Room: io.  Order comes from numbers, not from locks: within a pass workers share nothing but a counter of tasks.
 * Thread: all calls but crew_failed are the opener's, one pass at a time; a pass gets its worker, whose ring and fault are its own
 * thread's. Between crew_join and the next crew_start no worker touches anything: what they made is then the opener's.
 * Errors: a worker with a fault takes part in no later pass; the others of that pass are to ask crew_failed now and then. */
#ifndef IO_CREW_H
#define IO_CREW_H

#include "engine/fault.h"
#include "io/ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CREW_MAX 64

struct crew_worker {
    uint32_t index;
    struct ring *ring; /* opened by the thread itself */
    struct crew *crew;
    struct fault fault; /* the first one that this worker met */
    pthread_t thread;
};

/* Runs once on each worker; what fails it writes to worker->fault. */
typedef void crew_pass(struct crew_worker *worker, void *context);

struct crew {
    uint32_t count;
    struct crew_worker *workers;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    uint64_t pass; /* number of the pass under way */
    crew_pass *task;
    void *context;
    uint32_t running;
    bool stop;
    atomic_bool failed; /* a worker met a fault: the others need not go on */
    void (*tick)(void *context); /* called by crew_join, on its thread, several times a second while it waits; NULL: not */
    void *tick_context;
};

/* `count`: 1 … CREW_MAX. Returns when every worker has its queue of reads and writes, or with the fault of one that has none. */
int crew_open(struct crew *crew, uint32_t count, struct fault *fault);
void crew_close(struct crew *crew); /* ends the threads; not while a pass goes on. Zeroed ones are taken */

/* Runs `task` on every worker and waits. The fault of the lowest worker that has one becomes *fault: 0 or -1. */
int crew_run(struct crew *crew, crew_pass *task, void *context, struct fault *fault);
/* The same in two halves, for a pass that the calling thread takes part in. */
void crew_start(struct crew *crew, crew_pass *task, void *context);
int crew_join(struct crew *crew, struct fault *fault);
bool crew_failed(const struct crew *crew); /* any thread */

#endif
