/* gen_make.h - the two makers of dumps: what comes in unasked on a day, and what answers a run's folder.
 * Room: tools.  Both share the work out among workers; the bytes do not tell how many there were.
 * Thread: the caller starts a crew for each call, and ticks are told on its own thread. Errors: -1 with the fault. */
#ifndef TOOLS_GEN_MAKE_H
#define TOOLS_GEN_MAKE_H

#include "tools/gen_file.h"

#include <stdatomic.h>

struct gen_making {
    const struct gen *gen;
    const char *dir;
    uint32_t workers;
    bool plain;                 /* no file is compressed */
    struct gen_sums sums;       /* of what was written */
    struct gen_volume *volumes; /* as gen_file.h has it, or NULL */
    uint16_t apart;
    atomic_bool *stop; /* where it is set, the making ends with a fault; NULL: never */
    void (*tick)(void *context, double share, uint64_t records);
    void *tick_context;
};

/* Notices, withdrawals, totals, the leaflet's replies and strangers of days first … last, into DIR/day-NNN. */
int gen_make_days(struct gen_making *making, uint32_t first, uint32_t last, struct fault *fault);

/* What citizens, agencies and operators answer to what stands in `folder`, into the days behind it. */
int gen_make_answers(struct gen_making *making, const char *dir, uint32_t *ret_night, struct fault *fault);

/* ---- shared by both: tasks 0 … count - 1, done by workers; each writes files of its own ---- */

struct gen_tasks {
    struct gen_making *making;
    uint32_t count;
    int (*task)(struct gen_files *files, uint32_t number, const void *context);
    void (*name)(uint32_t number, const void *context, char source[32]); /* behind the names of its files */
    const void *context;
};
int gen_do_tasks(const struct gen_tasks *tasks, struct fault *fault);

#endif
