/* gen_fate.c - where a case stands after a night, by its plan: night after night as besik should have it, told by hand.
 * It does not look at engine/flow.c: a fault there must show as a difference. */
#include "tools/gen_plan.h"

#include <string.h>

#define REMIND_NIGHTS 3u
#define EXPIRE_NIGHTS 10u
#define MISSES_MAX 3u
#define QUEUE_MAX 8u

struct letter { /* a message on its way into a run */
    uint32_t received, given;
    enum step step;
    enum gen_reaction reaction;
    bool leaflet;
};

struct life {
    const struct gen *gen;
    const struct gen_plan *plan;
    struct gen_fate *fate;
    uint32_t night;
    uint32_t prompted, reminded, misses; /* nights; of the open prompt */
    bool missed, sends;                  /* tonight */
    enum sms_kind last;                  /* what was sent for the prompt last */
    uint32_t failed;                     /* the night in which the prompt is known to have failed, 0: it has not */
    uint32_t expired;                    /* the night that closed it by expiry, 0: it is not closed so */
    enum step expired_step;
    uint32_t answered; /* the night of the agency's response, 0 never */
    bool refused;
    struct letter queue[QUEUE_MAX];
    unsigned queued;
};

static enum phase phase_of(enum step step)
{
    return step <= STEP_REGISTERING ? PHASE_REGISTRATION : step <= STEP_QUEUEING ? PHASE_KINDERGARTEN : PHASE_BENEFIT;
}

static bool waits_for_agency(enum step step)
{
    return step == STEP_REGISTERING || step == STEP_QUEUEING || step == STEP_ASSIGNING;
}

static void end_phase(struct life *life, enum phase phase, enum outcome outcome)
{
    life->fate->outcomes[phase] = (uint8_t)outcome;
}

static void prompt_for(struct life *life, enum step step)
{
    life->fate->step = (uint8_t)step;
    life->prompted = life->night;
    life->reminded = life->misses = life->failed = 0;
    life->last = SMS_PROMPT;
    life->sends = true;
}

static void ask(struct life *life, enum step step)
{
    enum agency agency = step == STEP_REGISTERING ? AGENCY_REGISTRY : step == STEP_QUEUEING ? AGENCY_AKIMAT : AGENCY_BENEFIT;
    struct gen_response response = gen_response(life->gen, life->plan->number, agency);
    life->fate->step = (uint8_t)step;
    life->answered = response.days ? life->night + response.days : 0;
    life->refused = response.refused;
    life->sends = false;
}

static void close_case(struct life *life)
{
    life->fate->step = STEP_CLOSED;
    life->sends = false;
}

static void take_answer(struct life *life)
{
    enum step step = life->fate->step;
    if (step == STEP_OFFICE) {
        ask(life, STEP_REGISTERING);
    } else if (step == STEP_PRIVILEGE && life->plan->privileged) {
        end_phase(life, PHASE_KINDERGARTEN, OUTCOME_PRIVILEGED);
        prompt_for(life, STEP_ORDER);
    } else if (step == STEP_LOCALITY) {
        ask(life, STEP_QUEUEING);
    } else if (step == STEP_ORDER && life->plan->disputed) {
        end_phase(life, PHASE_BENEFIT, OUTCOME_DISPUTED);
        close_case(life);
    } else if (step == STEP_ACCOUNT) {
        ask(life, STEP_ASSIGNING);
    } else {
        prompt_for(life, step + 1);
    }
}

static void give_up(struct life *life, enum outcome how)
{
    enum step step = life->fate->step;
    end_phase(life, phase_of(step), how);
    if (phase_of(step) == PHASE_KINDERGARTEN) {
        prompt_for(life, STEP_ORDER);
        return;
    }
    close_case(life);
    if (how == OUTCOME_EXPIRED) {
        life->expired = life->night;
        life->expired_step = step;
    }
}

static void hear_response(struct life *life)
{
    enum step step = life->fate->step;
    life->answered = 0;
    if (step == STEP_REGISTERING && !life->refused) {
        end_phase(life, PHASE_REGISTRATION, OUTCOME_REGISTERED);
        prompt_for(life, STEP_PRIVILEGE);
    } else if (step == STEP_QUEUEING) {
        end_phase(life, PHASE_KINDERGARTEN, life->refused ? OUTCOME_REFUSED : OUTCOME_QUEUED);
        prompt_for(life, STEP_ORDER);
    } else {
        end_phase(life, phase_of(step), life->refused ? OUTCOME_REFUSED : OUTCOME_ASSIGNED);
        close_case(life);
    }
}

/* An answer in form, written before the run that let its prompt expire, opens that prompt anew. */
static bool revive(struct life *life, const struct letter *letter, bool in_form)
{
    if (!life->expired || life->fate->withdrawn || !in_form || letter->received > life->expired)
        return false;
    end_phase(life, phase_of(life->expired_step), OUTCOME_NONE);
    life->expired = 0;
    prompt_for(life, life->expired_step);
    return true;
}

static void read_letter(struct life *life, const struct letter *letter)
{
    struct gen_fate *fate = life->fate;
    bool in_form = letter->reaction == GEN_ANSWER || gen_error_in_form(life->gen, life->plan, letter->step);
    if (fate->step == STEP_CLOSED && !revive(life, letter, in_form))
        return;
    if (letter->leaflet) {
        if (fate->step == STEP_LANGUAGE)
            ask(life, STEP_REGISTERING);
        return;
    }
    if (fate->step != letter->step)
        return;
    if (letter->reaction == GEN_ANSWER) {
        take_answer(life);
    } else if (life->prompted < life->night && !life->missed) {
        life->missed = true;
        if (++life->misses == MISSES_MAX) {
            give_up(life, OUTCOME_MISSED);
            return;
        }
        life->last = SMS_CORRECTION;
        life->sends = true;
    }
}

static void withdraw(struct life *life)
{
    if (life->fate->step != STEP_CLOSED)
        end_phase(life, phase_of(life->fate->step), OUTCOME_WITHDRAWN);
    life->fate->withdrawn = true;
    close_case(life);
}

static void read_letters(struct life *life, uint32_t from, uint32_t until)
{
    for (uint32_t day = from; life->queued && day < until; day++)
        for (unsigned i = 0; i < life->queued; i++)
            if (life->queue[i].given == life->night && life->queue[i].received == day)
                read_letter(life, &life->queue[i]);
}

/* What comes in tonight, in the order of its time: letters of days before, a withdrawal (it is written first of its day), the
 * agency's response, letters of the day. */
static void read_dumps(struct life *life)
{
    read_letters(life, life->plan->born, life->night);
    if (life->plan->withdrawn == life->night)
        withdraw(life);
    if (waits_for_agency(life->fate->step) && life->answered == life->night)
        hear_response(life);
    read_letters(life, life->night, life->night + 1);
}

static void look_at_clock(struct life *life)
{
    struct gen_fate *fate = life->fate;
    if (fate->step == STEP_CLOSED || waits_for_agency(fate->step) || life->prompted == life->night || life->sends)
        return;
    uint32_t age = life->night - life->prompted;
    if (age >= EXPIRE_NIGHTS && life->reminded && life->reminded < life->night) {
        give_up(life, OUTCOME_EXPIRED);
    } else if (!life->reminded &&
               (age >= REMIND_NIGHTS || (life->last == SMS_PROMPT && life->failed && life->failed <= life->night))) {
        life->reminded = life->night;
        life->last = SMS_REMINDER;
        life->sends = true;
    }
}

/* The citizen reads what the night has sent. */
static void read_sms(struct life *life)
{
    enum step step = life->fate->step;
    if (!life->sends || step == STEP_CLOSED)
        return;
    struct gen_reply reply = gen_reply(life->plan, step, life->last, life->night);
    if (life->last == SMS_PROMPT && gen_prompt_fails(life->gen, life->plan, step))
        life->failed = gen_given(life->gen, life->plan->operator, life->night + 1);
    if (reply.reaction != GEN_NOTHING && life->queued < QUEUE_MAX)
        life->queue[life->queued++] = (struct letter){.received = reply.received,
                                                      .given = gen_given(life->gen, life->plan->operator, reply.file_day),
                                                      .step = step,
                                                      .reaction = reply.reaction};
}

static void drop_read(struct life *life)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < life->queued; i++)
        if (life->queue[i].given > life->night)
            life->queue[kept++] = life->queue[i];
    life->queued = kept;
}

void gen_fate(const struct gen *gen, const struct gen_plan *plan, uint32_t night, struct gen_fate *ret_fate)
{
    struct life life = {.gen = gen, .plan = plan, .fate = ret_fate};
    memset(ret_fate, 0, sizeof *ret_fate);
    if (plan->leaflet)
        life.queue[life.queued++] = (struct letter){.received = plan->born,
                                                    .given = gen_given(gen, plan->operator, plan->born),
                                                    .step = STEP_LANGUAGE,
                                                    .reaction = GEN_ANSWER,
                                                    .leaflet = true};
    for (life.night = plan->given; life.night <= night; life.night++) {
        life.missed = life.sends = false;
        if (life.night == plan->given) {
            ret_fate->there = true;
            prompt_for(&life, STEP_LANGUAGE);
        }
        read_dumps(&life);
        look_at_clock(&life);
        read_sms(&life);
        drop_read(&life);
    }
}
