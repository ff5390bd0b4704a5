/* flow.h - the flow of a case (contract section 8) as a table: at which step, on what, what is sent and where it goes.
 * Room: engine (pure).  Start: FLOW[] in flow.c, to be read beside section 8. Constant; thread: any. */
#ifndef ENGINE_FLOW_H
#define ENGINE_FLOW_H

#include "engine/words.h"

#include <stdbool.h>
#include <stdint.h>

/* what moves a case */
enum trigger {
    ON_ANSWER,   /* the plain answer; of privilege: none; of order: it is so */
    ON_OTHER,    /* the other answer: a privileged category; the order is not so */
    ON_GRANTED,  /* the agency registered, queued, assigned */
    ON_REFUSED,  /* the agency refused */
    ON_GIVEN_UP, /* the prompt was given up: third miss, or expiry */
    TRIGGER_COUNT
};

#define FLOW_NO_INFO INFO_COUNT
#define FLOW_NO_REQUEST AGENCY_COUNT

struct flow_rule {
    bool allowed;    /* false: this cannot happen at this step */
    uint8_t request; /* enum agency or FLOW_NO_REQUEST */
    uint8_t info;    /* enum info or FLOW_NO_INFO; sent after the request is made, before the next prompt */
    uint8_t next;    /* enum step; a prompt step is prompted for */
    uint8_t outcome; /* of the step's phase; OUTCOME_NONE: the phase goes on. Given up: missed or expired instead */
};

extern const struct flow_rule FLOW[STEP_COUNT][TRIGGER_COUNT];

static inline bool step_is_prompt(enum step step)
{
    return step != STEP_REGISTERING && step != STEP_QUEUEING && step != STEP_ASSIGNING && step < STEP_CLOSED;
}

bool step_is_choice(enum step step);                 /* a prompt that a number of a list answers */
enum phase step_phase(enum step step);              /* not for STEP_CLOSED */
enum step step_of_code(unsigned code);              /* section 7's code 2 … 8, else STEP_CLOSED */
enum agency step_agency(enum step step);            /* the agency that a waiting step waits for, else FLOW_NO_REQUEST */

#endif
