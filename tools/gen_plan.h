/* gen_plan.h - what a case is meant to live through, and where that leads: the rules of the service told a third time, by
 * nights and for well-known tempers only, so that a load test can check its answers. Uses words of the engine, no rule of it.
 * Room: tools; pure.  Thread: any. */
#ifndef TOOLS_GEN_PLAN_H
#define TOOLS_GEN_PLAN_H

#include "engine/words.h"
#include "tools/gen.h"

/* What a citizen does at one step, `trouble_step`; at all others the reply comes the day after the prompt. */
enum gen_trouble {
    GEN_NO_TROUBLE,
    GEN_MISTAKE,  /* errs once, and mends it when corrected */
    GEN_HOPELESS, /* errs until the prompt is given up */
    GEN_SILENT,   /* never answers */
    GEN_SLOW,     /* answers the reminder only */
    GEN_LATE,     /* answers in time, but the operator gives the message days later */
};

struct gen_plan {
    uint32_t number, family, phone;
    uint16_t operator;
    uint8_t slot, lang;
    bool alone;   /* the only child of its phone */
    bool leaflet; /* the hospital's leaflet told all questions: five answers on the day of birth, unasked */
    bool ported, privileged, disputed, accountless;
    enum gen_trouble trouble;
    enum step trouble_step;
    uint32_t late_days; /* of GEN_LATE */
    uint32_t born;      /* the day of birth and notice */
    uint32_t given;     /* the day whose dump holds the notice */
    uint32_t withdrawn; /* the day of the withdrawal, 0: none */
};

void gen_plan(const struct gen *gen, uint32_t number, struct gen_plan *ret_plan);

/* Of a request: how many days after the night that sent it the response comes (0: never), and what it says. */
struct gen_response {
    uint32_t days;
    bool refused;
};
struct gen_response gen_response(const struct gen *gen, uint32_t number, enum agency agency);

/* What a citizen does about an SMS that the run of `night` sent. */
enum gen_reaction { GEN_NOTHING, GEN_ANSWER, GEN_ERROR };
struct gen_reply {
    enum gen_reaction reaction;
    uint32_t received, file_day; /* the day on which it is written, and whose dump holds it (unless withheld) */
};
struct gen_reply gen_reply(const struct gen_plan *plan, enum step step, enum sms_kind kind,
                           uint32_t night);
bool gen_error_in_form(const struct gen *gen, const struct gen_plan *plan, enum step step);

/* Does the operator say `failed` of the prompt of this step? */
bool gen_prompt_fails(const struct gen *gen, const struct gen_plan *plan, enum step step);

/* The day with whose dumps those of an operator's `day` are given. */
uint32_t gen_given(const struct gen *gen, uint16_t operator, uint32_t day);

/* Where a case stands after the run of `night`. */
struct gen_fate {
    bool there;
    bool withdrawn;
    uint8_t step;                  /* enum step */
    uint8_t outcomes[PHASE_COUNT]; /* enum outcome */
};
void gen_fate(const struct gen *gen, const struct gen_plan *plan, uint32_t night, struct gen_fate *ret_fate);

#endif
