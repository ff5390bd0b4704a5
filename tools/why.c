/* why.c - see why.h. */
#include "tools/why.h"

#include "engine/flow.h"

#include <stdio.h>

struct search {
    struct reader *reader;
    uint32_t case_number;
    const struct why_target *target;
    struct why_cause *cause;
    bool found; /* in the run at hand */
};

/* ---- what an entry can have made ---- */

struct made_by {
    enum step step; /* before it; STEP_COUNT none */
    int trigger;    /* enum trigger, -1: none of the flow table's */
    bool correction, reminder, prompt; /* of `step`, beside the flow table */
};

/* An answer that was taken: by where the case went. */
static struct made_by by_answer(enum step after)
{
    for (enum step step = 0; step < STEP_CLOSED; step++)
        for (int trigger = ON_ANSWER; trigger <= ON_OTHER; trigger++)
            if (step_is_prompt(step) && FLOW[step][trigger].allowed && FLOW[step][trigger].next == after)
                return (struct made_by){.step = step, .trigger = trigger};
    return (struct made_by){.step = STEP_COUNT, .trigger = -1};
}

/* Its identity is request_id:status. */
static struct made_by by_response(const struct reader *reader, const struct history_row *row)
{
    struct id_facts facts;
    char identity[HISTORY_IDENTITY_MAX];
    size_t size = history_identity(row, identity);
    bool refused = size > ID_SIZE + 1 && span_equal((struct span){identity + ID_SIZE + 1, size - ID_SIZE - 1}, SPAN("refused"));
    if (size > ID_SIZE && ids_read_request(&reader->ids, (struct span){identity, ID_SIZE}, &facts))
        for (enum step step = 0; step < STEP_CLOSED; step++)
            if (step_agency(step) == facts.agency)
                return (struct made_by){.step = step, .trigger = refused ? ON_REFUSED : ON_GRANTED};
    return (struct made_by){.step = STEP_COUNT, .trigger = -1};
}

static struct made_by what_made(const struct reader *reader, const struct history_row *row)
{
    struct made_by nothing = {.step = STEP_COUNT, .trigger = -1};
    switch ((enum history_event)row->event) {
    case HISTORY_NOTICE:
        return (struct made_by){.step = STEP_LANGUAGE, .trigger = -1, .prompt = true};
    case HISTORY_REVIVAL:
        return (struct made_by){.step = row->step, .trigger = -1, .prompt = true};
    case HISTORY_REMINDER:
        return (struct made_by){.step = row->step, .trigger = -1, .reminder = true};
    case HISTORY_EXPIRY:
        return (struct made_by){.step = row->detail, .trigger = ON_GIVEN_UP};
    case HISTORY_MESSAGE:
        if (row->result == RESULT_MISS)
            return (struct made_by){.step = row->step, .trigger = ON_GIVEN_UP, .correction = true};
        return row->result == RESULT_DONE ? by_answer(row->step) : nothing;
    case HISTORY_RESPONSE:
        return row->result == RESULT_DONE ? by_response(reader, row) : nothing;
    case HISTORY_WITHDRAWAL:
    case HISTORY_RECEIPT:
    case HISTORY_SUPERSEDED:
    case HISTORY_EVENT_COUNT:
        break;
    }
    return nothing;
}

static bool can_have_made(const struct made_by *by, const struct why_target *target)
{
    const struct flow_rule *rule = by->trigger >= 0 && by->step < STEP_CLOSED ? &FLOW[by->step][by->trigger] : NULL;
    if (rule && !rule->allowed)
        rule = NULL;
    if (target->is_request)
        return rule && rule->request == target->agency;
    switch (target->kind) {
    case SMS_INFO:
        return rule && rule->info == target->what;
    case SMS_PROMPT:
        return (by->prompt && by->step == target->what) || (rule && rule->next == target->what && step_is_prompt(rule->next));
    case SMS_CORRECTION:
        return by->correction && by->step == target->what;
    case SMS_REMINDER:
        return by->reminder && by->step == target->what;
    case SMS_KIND_COUNT:
        break;
    }
    return false;
}

/* ---- the rule in words ---- */

static void say_flow(struct why_cause *cause, const struct flow_rule *rule)
{
    size_t size = 0;
    cause->says[0] = 0;
    if (rule->request != FLOW_NO_REQUEST)
        size += (size_t)snprintf(cause->says + size, sizeof cause->says - size, "request to %s, ", AGENCY_WORDS[rule->request]);
    if (rule->info != FLOW_NO_INFO)
        size += (size_t)snprintf(cause->says + size, sizeof cause->says - size, "info %s, ", INFO_WORDS[rule->info]);
    if (step_is_prompt(rule->next))
        size += (size_t)snprintf(cause->says + size, sizeof cause->says - size, "prompt %s, ", STEP_WORDS[rule->next]);
    snprintf(cause->says + size, sizeof cause->says - size, "goes to %s", STEP_WORDS[rule->next]);
}

static void say(struct why_cause *cause, unsigned section, const char *on, const char *says)
{
    cause->section = section;
    snprintf(cause->on, sizeof cause->on, "%s", on);
    snprintf(cause->says, sizeof cause->says, "%s", says);
}

static void say_rule(const struct search *search, const struct history_row *row, const struct made_by *by)
{
    struct why_cause *cause = search->cause;
    const struct why_target *target = search->target;
    char text[96];
    cause->step = by->step;
    if (row->event == HISTORY_NOTICE) {
        cause->step = STEP_COUNT;
        say(cause, 6, "notice", "opens a case, prompt language");
    } else if (row->event == HISTORY_REVIVAL) {
        snprintf(text, sizeof text, "revives the case, prompt %s anew", STEP_WORDS[by->step]);
        say(cause, 7, "a reply from before the expiry", text);
    } else if (by->reminder) {
        snprintf(text, sizeof text, "reminder %s", STEP_WORDS[by->step]);
        say(cause, 8, "remind_after", text);
    } else if (by->correction && !target->is_request && target->kind == SMS_CORRECTION) {
        snprintf(text, sizeof text, "miss %s", REASON_WORDS[row->detail % REASON_COUNT]);
        say(cause, 7, text, "a miss that counts sends a correction");
    } else {
        static const char *const ON[TRIGGER_COUNT] = {"answer", "other answer", "granted", "refused", "expiry"};
        const char *on = by->correction ? "third miss" : ON[by->trigger];
        if (by->trigger == ON_OTHER)
            on = by->step == STEP_PRIVILEGE ? "answer, a category" : "answer, not so";
        say(cause, 8, on, "");
        say_flow(cause, &FLOW[by->step][by->trigger]);
    }
}

/* ---- the search ---- */

static int keep_row(struct why_cause *cause, uint32_t run, const struct history_row *row, struct fault *fault)
{
    char identity[HISTORY_IDENTITY_MAX];
    size_t size = history_identity(row, identity);
    cause->record_run = run;
    cause->row = *row;
    buffer_clear(&cause->identity);
    return buffer_add(&cause->identity, identity, size, fault);
}

static int take(uint32_t run, const struct history_row *row, void *context)
{
    struct search *search = context;
    struct why_cause *cause = search->cause;
    if (row->case_number != search->case_number)
        return 0;
    struct made_by by = what_made(search->reader, row);
    if (!can_have_made(&by, search->target))
        return 0;
    search->found = true;
    cause->known = true;
    cause->run = run;
    say_rule(search, row, &by);
    return keep_row(cause, run, row, search->reader->fault);
}

static int look_at_run(struct search *search, uint32_t run)
{
    struct reader *reader = search->reader;
    search->found = false;
    return history_of_phone(&reader->store.db, reader->store.snapshot, run, reader->phone.number, reader->phone.hash, &reader->history, take,
                            search, reader->fault);
}

/* A reminder went out before its time: the prompt's SMS before it had failed, and that receipt is the record. */
static int take_failed(uint32_t run, const struct history_row *row, void *context)
{
    struct search *search = context;
    char id[ID_SIZE];
    struct id_facts facts = {.phone = row->phone, .case_number = search->case_number, .sms_number = search->target->number_before};
    ids_sms(&search->reader->ids, &facts, id);
    if (!reader_is_failure(row, search->case_number, id))
        return 0;
    snprintf(search->cause->on, sizeof search->cause->on, "the last SMS of the prompt failed");
    return keep_row(search->cause, run, row, search->reader->fault);
}

static int find_failed(struct search *search)
{
    struct reader *reader = search->reader;
    for (uint32_t run = 1; run <= search->cause->run && search->target->number_before; run++)
        if (history_of_phone(&reader->store.db, reader->store.snapshot, run, reader->phone.number, reader->phone.hash, &reader->history,
                             take_failed, search, reader->fault))
            return -1;
    return 0;
}

int why_find(struct reader *reader, uint32_t case_number, const struct why_target *target, struct why_cause *ret_cause)
{
    struct search search = {.reader = reader, .case_number = case_number, .target = target, .cause = ret_cause};
    uint32_t rank = target->rank, runs = 0;
    *ret_cause = (struct why_cause){.step = STEP_COUNT};
    for (uint32_t run = target->run ? target->run : 1; run <= reader->store.state->run; run++) {
        struct run_row row;
        int there = store_get_run(&reader->store, run, &row, reader->fault);
        if (there < 0)
            return -1;
        if (there || (target->run ? run != target->run : row.as_of_ms != target->at_ms))
            continue;
        runs++;
        if (!ret_cause->known)
            ret_cause->run = run;
        if (look_at_run(&search, run))
            return -1;
        if (search.found && rank-- == 0)
            return ret_cause->row.event == HISTORY_REMINDER ? find_failed(&search) : 0;
    }
    if (!ret_cause->known && runs != 1) /* which of them it was is struck too */
        ret_cause->run = 0;
    return 0;
}
