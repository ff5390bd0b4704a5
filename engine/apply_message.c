/* apply_message.c - what becomes of a citizen's SMS: contract section 7's table, row by row. See apply.h. */
#include "engine/apply.h"

#include "engine/check.h"
#include "engine/reply.h"
#include "engine/values.h"

struct mail { /* a message on its way through the table */
    const struct event *event;
    struct span fields[EVENT_FIELDS_MAX];
    int64_t at_ms;
};

static bool is_there(const struct kase *kase, int64_t at_ms)
{
    return kase->registered_ms <= at_ms;
}

static void reject(struct apply *apply, const struct mail *mail, const struct kase *kase, enum reason reason)
{
    apply_verdict(apply, mail->event, VERDICT_REJECT, reason);
    if (kase)
        apply_note(apply, kase, HISTORY_MESSAGE, RESULT_REJECT, reason, mail->event);
}

/* A miss counts only against a prompt that an earlier run opened, and once a run; any other is a reject. */
static void miss(struct apply *apply, const struct mail *mail, struct kase *kase, enum reason reason)
{
    uint32_t run = apply->run->run;
    if (kase->prompt_run == run || kase->missed_run == run) {
        reject(apply, mail, kase, reason);
        return;
    }
    kase->missed_run = run;
    kase->misses++;
    apply_verdict(apply, mail->event, VERDICT_MISS, reason);
    apply_note(apply, kase, HISTORY_MESSAGE, RESULT_MISS, reason, mail->event);
    if (kase->misses >= 3) {
        apply->counts.given_up[0]++;
        apply_flow(apply, kase, ON_GIVEN_UP, OUTCOME_MISSED);
    } else {
        kase->corrected_run = run;
        struct made *made = apply_make(apply, kase, SMS_CORRECTION, kase->step);
        made->reason = (uint8_t)reason;
        if (reason == REASON_BAD_FORM)
            made->form = (uint8_t)reply_fault(mail->fields[MESSAGE_TEXT]);
    }
}

static void find_late(struct apply *apply, const struct mail *mail, const struct kase *kase, unsigned slot, bool revived)
{
    apply_find(apply, (struct found){.finding = FINDING_LATE_REPLY, .has_case = true, .kase = kase->number - 1,
                                     .operator = mail->event->operator, .since_ms = mail->at_ms,
                                     .id = mail->fields[MESSAGE_ID], .revived = revived});
    apply->found.items[apply->found.count - 1].slot = (uint8_t)slot;
}

static void revive(struct apply *apply, const struct mail *mail, struct kase *kase)
{
    enum step step = kase->closed_step;
    kase->outcomes[step_phase(step)] = OUTCOME_NONE;
    apply->counts.revived++;
    find_late(apply, mail, kase, kase->slot, true);
    apply_prompt(apply, kase, step);
    apply_note(apply, kase, HISTORY_REVIVAL, RESULT_DONE, 0, mail->event);
}

/* The answer digits as one number, first digit first; 0 where there are none or a zero leads. */
static unsigned answer_number(const struct reply *reply)
{
    unsigned number = 0;
    if (reply->digit_count > 3 && reply->digits[3] == 0)
        return 0;
    for (unsigned i = 3; i < reply->digit_count; i++)
        number = number * 10 + reply->digits[i];
    return number;
}

/* What follows takes the answer to the open prompt, or says what is wrong with it and takes nothing. */
typedef enum reason take_function(struct apply *apply, struct kase *kase, const struct reply *reply, enum trigger *ret_trigger);

static enum reason take_language(struct apply *apply, struct kase *kase, const struct reply *reply, enum trigger *ret_trigger)
{
    (void)apply, (void)ret_trigger;
    if (reply->digits[1] != LANG_KK && reply->digits[1] != LANG_RU)
        return REASON_BAD_ANSWER;
    kase->lang = reply->digits[1];
    return REASON_NONE;
}

static enum reason take_name(struct apply *apply, struct kase *kase, const struct reply *reply, enum trigger *ret_trigger)
{
    (void)ret_trigger;
    struct value_name name;
    char *room = apply->bytes.items + apply->bytes.count;
    CHECK(apply->bytes.capacity - apply->bytes.count >= VALUE_NAME_MAX);
    if (!value_name(reply->text, room, &name))
        return REASON_BAD_NAME;
    apply->bytes.count += (uint32_t)(name.surname.size + name.given.size + name.patronymic.size + 3);
    kase->surname = name.surname;
    kase->given = name.given;
    kase->patronymic = name.patronymic;
    return REASON_NONE;
}

static enum reason take_account(struct apply *apply, struct kase *kase, const struct reply *reply, enum trigger *ret_trigger)
{
    (void)ret_trigger;
    unsigned number = answer_number(reply);
    bool has_text = reply->text.size > 0;
    if (number == 1 && !has_text && kase->account_on_file.size) {
        kase->account = kase->account_on_file;
        return REASON_NONE;
    }
    if (number != 2 || !has_text)
        return REASON_BAD_ANSWER;
    char *room = apply->bytes.items + apply->bytes.count;
    CHECK(apply->bytes.capacity - apply->bytes.count >= 20);
    if (!value_account(reply->text, room))
        return REASON_BAD_ACCOUNT;
    apply->bytes.count += 20;
    kase->account = (struct span){room, 20};
    return REASON_NONE;
}

static enum reason take_order(struct apply *apply, struct kase *kase, const struct reply *reply, enum trigger *ret_trigger)
{
    (void)apply, (void)kase;
    unsigned number = answer_number(reply);
    if (reply->text.size || (number != 1 && number != 2))
        return REASON_BAD_ANSWER;
    *ret_trigger = number == 1 ? ON_ANSWER : ON_OTHER;
    return REASON_NONE;
}

/* the number of an entry of a list */
static enum reason take_choice(struct apply *apply, struct kase *kase, const struct reply *reply, enum trigger *ret_trigger)
{
    unsigned number = answer_number(reply);
    const struct ref_list *choices = ref_choices(apply->run->ref, kase->step, kase->region);
    const struct ref_entry *entry = choices ? ref_find(choices, number) : NULL;
    if (reply->text.size || !entry || !entry->active)
        return REASON_BAD_ANSWER;
#define CHOICE_AT(step, name, code) [step] = &kase->name,
    uint16_t *answers[STEP_COUNT] = {CHOICES(CHOICE_AT)};
    *answers[kase->step] = (uint16_t)number;
    if (kase->step == STEP_PRIVILEGE && number != 1)
        *ret_trigger = ON_OTHER;
    return REASON_NONE;
}

#define TAKE_CHOICE(step, name, code) [step] = take_choice,
static take_function *const TAKE[STEP_COUNT] = {CHOICES(TAKE_CHOICE)[STEP_LANGUAGE] = take_language,
                                                [STEP_NAME] = take_name,
                                                [STEP_ORDER] = take_order,
                                                [STEP_ACCOUNT] = take_account};

/* The last rows: the reply names an open case with an open prompt. */
static void answer(struct apply *apply, const struct mail *mail, struct kase *kase, const struct reply *reply)
{
    enum step step = reply->digit_count > 2 ? step_of_code(reply->digits[2])
                     : reply->text.size     ? STEP_NAME
                                            : STEP_LANGUAGE;
    unsigned lang = reply->digit_count > 1 ? reply->digits[1] : 0;
    if (reply->digit_count == 1 || step == STEP_CLOSED) {
        miss(apply, mail, kase, REASON_BAD_ANSWER);
        return;
    }
    if (step == kase->expired_step && mail->at_ms < kase->expired_ms) {
        find_late(apply, mail, kase, kase->slot, false);
        reject(apply, mail, kase, REASON_TOO_LATE);
        return;
    }
    if (step == STEP_LANGUAGE && kase->step == STEP_NAME && lang != kase->lang) {
        miss(apply, mail, kase, REASON_BAD_LANGUAGE);
        return;
    }
    if (step < (enum step)kase->step) {
        reject(apply, mail, kase, REASON_ALREADY_ANSWERED);
        return;
    }
    if (kase->lang != LANG_BOTH && lang != kase->lang) {
        miss(apply, mail, kase, REASON_BAD_LANGUAGE);
        return;
    }
    if (step > (enum step)kase->step) {
        miss(apply, mail, kase, REASON_NOT_ASKED);
        return;
    }
    enum trigger trigger = ON_ANSWER;
    enum reason wrong = TAKE[step](apply, kase, reply, &trigger);
    if (wrong) {
        miss(apply, mail, kase, wrong);
        return;
    }
    const struct sms *failed = apply_failed_sms(apply, kase);
    if (failed)
        apply_find(apply, (struct found){.finding = FINDING_FAILED_BUT_ANSWERED, .has_case = true,
                                         .kase = kase->number - 1, .operator = failed->operator,
                                         .sms_number = kase->last_sms, .since_ms = mail->at_ms});
    kase->last_sms = 0;
    enum agency asked = FLOW[kase->step][trigger].request;
    apply_flow(apply, kase, trigger, OUTCOME_NONE);
    apply_note(apply, kase, HISTORY_MESSAGE, RESULT_DONE, 0, mail->event);
    if (asked != FLOW_NO_REQUEST)
        apply_release_responses(apply, kase, asked);
}

/* Section 7's table from its second row on. */
static void read_reply(struct apply *apply, const struct mail *mail)
{
    struct phone *phone = &apply->phone;
    struct kase *asked = NULL; /* of the cases there with an open prompt: the one asked last */
    unsigned asked_count = 0;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        struct kase *kase = &phone->cases[i];
        if (!is_there(kase, mail->at_ms) || !step_is_prompt(kase->step))
            continue;
        asked_count++;
        if (!asked || kase->prompt_run > asked->prompt_run ||
            (kase->prompt_run == asked->prompt_run && kase->slot > asked->slot))
            asked = kase;
    }
    struct reply reply;
    bool in_form = reply_parse(mail->fields[MESSAGE_TEXT], &reply);
    if (!in_form && apply->run->lenient && reply_mend(mail->fields[MESSAGE_TEXT], &reply)) {
        apply_verdict(apply, mail->event, VERDICT_MENDED, REASON_NONE);
        in_form = true;
    }
    if (!in_form) {
        if (asked)
            miss(apply, mail, asked, REASON_BAD_FORM);
        else
            reject(apply, mail, NULL, REASON_NO_OPEN_PROMPT);
        return;
    }
    struct kase *latest = NULL, *holder = NULL, *open = NULL;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        struct kase *kase = &phone->cases[i];
        if (kase->slot != reply.digits[0])
            continue;
        if (kase->step != STEP_CLOSED)
            holder = kase;
        if (is_there(kase, mail->at_ms))
            latest = kase;
    }
    if (latest && latest->step == STEP_CLOSED && latest->closed_by == OUTCOME_EXPIRED && !latest->withdrawn &&
        !case_is_struck(latest) && mail->at_ms < latest->closed_ms) {
        if (holder) {
            find_late(apply, mail, latest, reply.digits[0], false);
            reject(apply, mail, latest, REASON_TOO_LATE);
            return;
        }
        revive(apply, mail, latest);
        holder = latest;
    }
    if (holder && is_there(holder, mail->at_ms))
        open = holder;
    if (!open) {
        if (asked_count == 1)
            miss(apply, mail, asked, REASON_BAD_SLOT);
        else
            reject(apply, mail, NULL, REASON_BAD_SLOT);
    } else if (!step_is_prompt(open->step)) {
        reject(apply, mail, open, REASON_NO_OPEN_PROMPT);
    } else {
        answer(apply, mail, open, &reply);
    }
}

/* ---- repeats: a list of marks, with an index once it is long ---- */

#define MARKS_LINEAR 32

static uint32_t *index_place(struct apply *apply, uint64_t identity)
{
    uint32_t mask = apply->index_mask;
    for (uint32_t at = (uint32_t)identity & mask;; at = (at + 1) & mask) {
        uint32_t *place = &apply->mark_index[at];
        if (!*place || apply->phone.marks[*place - 1].identity == identity)
            return place;
    }
}

static struct mark *find_mark(struct apply *apply, uint64_t identity)
{
    struct phone *phone = &apply->phone;
    if (phone->mark_count <= MARKS_LINEAR) {
        for (uint32_t i = 0; i < phone->mark_count; i++)
            if (phone->marks[i].identity == identity)
                return &phone->marks[i];
        return NULL;
    }
    if (phone->mark_count * 2 > apply->index_mask) { /* made anew at twice the need, so that it is seldom */
        while (apply->index_mask < phone->mark_count * 2)
            apply->index_mask = apply->index_mask * 2 + 1;
        memset(apply->mark_index, 0, ((size_t)apply->index_mask + 1) * sizeof *apply->mark_index);
        apply->marks_indexed = 0;
    }
    while (apply->marks_indexed < phone->mark_count) {
        uint32_t *place = index_place(apply, phone->marks[apply->marks_indexed++].identity);
        *place = apply->marks_indexed;
    }
    uint32_t at = *index_place(apply, identity);
    return at ? &phone->marks[at - 1] : NULL;
}

void apply_message(struct apply *apply, const struct event *event)
{
    struct phone *phone = &apply->phone;
    struct mail mail; /* of its fields those that a message has: clearing the others costs a tenth of the rules */
    mail.event = event;
    mail.at_ms = event->at_ms;
    event_fields(event, mail.fields);
    struct operator_news *news = &apply->news[event->operator];
    if (event->at_ms > news->heard_ms)
        news->heard_ms = event->at_ms;
    apply_hear(apply, event, event->operator);
    if (event->flags & EVENT_OTHER_CODE) {
        reject(apply, &mail, NULL, REASON_OTHER_SHORT_CODE);
        return;
    }
    bool there = false;
    for (uint32_t i = 0; i < phone->case_count && !there; i++)
        there = is_there(&phone->cases[i], event->at_ms);
    if (!there) {
        reject(apply, &mail, NULL, REASON_NO_CASE);
        return;
    }
    uint64_t identity = event_identity_hash(event, apply->run->seed);
    uint64_t content = event_content_hash(event, apply->run->message_seed);
    const struct mark *known = find_mark(apply, identity);
    if (known && known->content == (uint32_t)content) {
        apply_verdict(apply, event, VERDICT_DUPLICATE, REASON_NONE);
        return;
    }
    if (known) {
        apply_find(apply, (struct found){.finding = FINDING_MESSAGE_CONFLICT, .operator = event->operator,
                                         .since_ms = event->at_ms, .id = mail.fields[MESSAGE_ID]});
        reject(apply, &mail, NULL, REASON_ID_CONFLICT);
        return;
    }
    CHECK(phone->mark_count < phone->mark_capacity);
    phone->marks[phone->mark_count++] = mark_of(identity, content, event->at_ms);
    apply->changed = true;
    const uint16_t *ranks = apply->run->ref->operator_ranks;
    if (event->at_ms > phone->latest_ms ||
        (event->at_ms == phone->latest_ms && ranks[event->operator] > ranks[phone->latest_operator])) {
        phone->latest_ms = event->at_ms;
        phone->latest_operator = event->operator;
    }
    if (apply->run->previous_ms != NEVER_MS && event->at_ms < apply->run->previous_ms) {
        if (!news->late_count++ || event->at_ms < news->late_first_ms)
            news->late_first_ms = event->at_ms;
        if (news->late_count == 1 || event->at_ms > news->late_last_ms)
            news->late_last_ms = event->at_ms;
    }
    read_reply(apply, &mail);
}
