/* test_flow.c - the flow table beside contract section 8: every step × every trigger has a line here, or the test fails. */
#include "engine/flow.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const TRIGGERS[TRIGGER_COUNT] = {"answer", "other", "granted", "refused", "given_up"};

/* STEP TRIGGER -> REQUEST INFO NEXT OUTCOME ("." none), or "-": it cannot happen */
static const char *const ROWS[] = {
    "language    answer   -> . . name .",
    "language    other    -",
    "language    granted  -",
    "language    refused  -",
    "language    given_up -> . registration_manual closed .",
    "name        answer   -> . . education .",
    "name        other    -",
    "name        granted  -",
    "name        refused  -",
    "name        given_up -> . registration_manual closed .",
    "education   answer   -> . . income .",
    "education   other    -",
    "education   granted  -",
    "education   refused  -",
    "education   given_up -> . registration_manual closed .",
    "income      answer   -> . . office .",
    "income      other    -",
    "income      granted  -",
    "income      refused  -",
    "income      given_up -> . registration_manual closed .",
    "office      answer   -> registry filed registering .",
    "office      other    -",
    "office      granted  -",
    "office      refused  -",
    "office      given_up -> . registration_manual closed .",
    "registering answer   -",
    "registering other    -",
    "registering granted  -> . registered privilege registered",
    "registering refused  -> . registration_refused closed refused",
    "registering given_up -",
    "privilege   answer   -> . . locality .",
    "privilege   other    -> . privileged order privileged",
    "privilege   granted  -",
    "privilege   refused  -",
    "privilege   given_up -> . kindergarten_manual order .",
    "locality    answer   -> akimat . queueing .",
    "locality    other    -",
    "locality    granted  -",
    "locality    refused  -",
    "locality    given_up -> . kindergarten_manual order .",
    "queueing    answer   -",
    "queueing    other    -",
    "queueing    granted  -> . queued order queued",
    "queueing    refused  -> . queue_refused order refused",
    "queueing    given_up -",
    "order       answer   -> . . account .",
    "order       other    -> . order_disputed closed disputed",
    "order       granted  -",
    "order       refused  -",
    "order       given_up -> . benefit_manual closed .",
    "account     answer   -> benefit . assigning .",
    "account     other    -",
    "account     granted  -",
    "account     refused  -",
    "account     given_up -> . benefit_manual closed .",
    "assigning   answer   -",
    "assigning   other    -",
    "assigning   granted  -> . assigned closed assigned",
    "assigning   refused  -> . benefit_refused closed refused",
    "assigning   given_up -",
    "closed      answer   -",
    "closed      other    -",
    "closed      granted  -",
    "closed      refused  -",
    "closed      given_up -",
};

static void write_row(enum step step, enum trigger trigger, char out[200])
{
    const struct flow_rule *rule = &FLOW[step][trigger];
    int size = snprintf(out, 200, "%-11s %-8s ", STEP_WORDS[step], TRIGGERS[trigger]);
    if (!rule->allowed) {
        strcpy(out + size, "-");
        return;
    }
    cr_assert(rule->request <= FLOW_NO_REQUEST && rule->info <= FLOW_NO_INFO && rule->next < STEP_COUNT &&
              rule->outcome < OUTCOME_COUNT);
    snprintf(out + size, (size_t)(200 - size), "-> %s %s %s %s",
             rule->request == FLOW_NO_REQUEST ? "." : AGENCY_WORDS[rule->request],
             rule->info == FLOW_NO_INFO ? "." : INFO_WORDS[rule->info], STEP_WORDS[rule->next],
             rule->outcome == OUTCOME_NONE ? "." : OUTCOME_WORDS[rule->outcome]);
}

Test(flow, every_step_on_every_trigger)
{
    size_t count = sizeof ROWS / sizeof *ROWS, at = 0;
    cr_assert_eq(count, (size_t)STEP_COUNT * TRIGGER_COUNT, "a step or a trigger has no line here");
    for (enum step step = 0; step < STEP_COUNT; step++) {
        for (enum trigger trigger = 0; trigger < TRIGGER_COUNT; trigger++) {
            char row[200];
            write_row(step, trigger, row);
            cr_expect_str_eq(row, ROWS[at], "%s / %s: is \"%s\"", STEP_WORDS[step], TRIGGERS[trigger], row);
            at++;
        }
    }
}

/* What no row may break, however the table grows. */
Test(flow, shape)
{
    for (enum step step = 0; step < STEP_COUNT; step++) {
        for (enum trigger trigger = 0; trigger < TRIGGER_COUNT; trigger++) {
            const struct flow_rule *rule = &FLOW[step][trigger];
            if (!rule->allowed)
                continue;
            const char *what = STEP_WORDS[step];
            cr_expect_gt(rule->next, step, "%s: the flow never goes back", what);
            if (rule->next == STEP_CLOSED && trigger != ON_GIVEN_UP)
                cr_expect_neq(rule->outcome, OUTCOME_NONE, "%s: who closes has an outcome", what);
            if (trigger == ON_GIVEN_UP)
                cr_expect(step_is_prompt(step) && rule->outcome == OUTCOME_NONE, "%s: only prompts are given up", what);
            if (trigger == ON_GRANTED || trigger == ON_REFUSED)
                cr_expect(step_agency(step) != (enum agency)FLOW_NO_REQUEST && rule->info != FLOW_NO_INFO,
                          "%s: an agency's word is told", what);
            if (rule->request != FLOW_NO_REQUEST)
                cr_expect_eq(step_agency(rule->next), rule->request, "%s: who is asked is waited for", what);
            if (step_agency(rule->next) != (enum agency)FLOW_NO_REQUEST)
                cr_expect_eq(step_agency(rule->next), rule->request, "%s: who is waited for is asked", what);
            if (rule->next != STEP_CLOSED && step_phase(rule->next) != step_phase(step))
                cr_expect(rule->outcome != OUTCOME_NONE || trigger == ON_GIVEN_UP, "%s: a phase ends with an outcome",
                          what);
            if (rule->next != STEP_CLOSED && step_phase(rule->next) == step_phase(step))
                cr_expect(rule->outcome == OUTCOME_NONE, "%s: a phase that goes on has no outcome", what);
        }
    }
}

Test(flow, steps)
{
    static const char *const STEPS_HERE[STEP_COUNT] = {
        "language prompt registration . 0",   "name prompt registration . 0",
        "education prompt registration . 2",  "income prompt registration . 3",
        "office prompt registration . 4",     "registering wait registration registry 0",
        "privilege prompt kindergarten . 5",  "locality prompt kindergarten . 6",
        "queueing wait kindergarten akimat 0", "order prompt benefit . 7",
        "account prompt benefit . 8",         "assigning wait benefit benefit 0",
        "closed closed . . 0",
    };
    for (enum step step = 0; step < STEP_COUNT; step++) {
        enum agency agency = step_agency(step);
        char row[200];
        snprintf(row, sizeof row, "%s %s %s %s %u", STEP_WORDS[step],
                 step_is_prompt(step)   ? "prompt"
                 : step == STEP_CLOSED ? "closed"
                                        : "wait",
                 step == STEP_CLOSED ? "." : PHASE_WORDS[step_phase(step)],
                 agency == (enum agency)FLOW_NO_REQUEST ? "." : AGENCY_WORDS[agency], STEP_REPLY_CODES[step]);
        cr_expect_str_eq(row, STEPS_HERE[step]);
    }
    for (unsigned code = 0; code < 300; code++) {
        enum step expected = STEP_CLOSED;
        for (enum step step = 0; step < STEP_COUNT; step++)
            if (code && STEP_REPLY_CODES[step] == code)
                expected = step;
        cr_expect_eq(step_of_code(code), expected, "code %u", code);
        cr_expect_eq(expected == STEP_CLOSED, code < 2 || code > 8, "code %u", code);
    }
}
