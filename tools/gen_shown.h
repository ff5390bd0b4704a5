/* gen_shown.h - an SMS as a citizen reads it: which replies it shows, and which of them this one sends.
 * Room: tools; pure.  Thread: any. */
#ifndef TOOLS_GEN_SHOWN_H
#define TOOLS_GEN_SHOWN_H

#include "tools/gen_plan.h"

#define GEN_SHOWN_MAX 1024 /* entries of a list */

struct gen_shown {
    unsigned slot; /* 0: the SMS shows no reply */
    char head[32]; /* "R 1 2 4", as shown before a list; "R 1 2" before a name */
    unsigned head_digits;
    uint16_t numbers[GEN_SHOWN_MAX]; /* of a list, in the order shown */
    unsigned count;
    bool own_account; /* the one on file may be taken: "8 1" is shown */
};

void gen_read_shown(struct span text, enum step step, struct gen_shown *ret_shown);

/* The reply to the SMS, out of what it shows; the place behind it, or NULL where it shows none that fits. */
char *gen_put_reply(char *out, const struct gen *gen, const struct gen_plan *plan, enum step step,
                    const struct gen_shown *shown);

#endif
