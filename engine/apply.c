/* apply.c - a phone's life in one run: loading, the small events, and the making of effects. See apply.h. */
#include "engine/apply.h"

#include "engine/check.h"
#include "engine/values.h"

const char *const HISTORY_WORDS[] = {"notice", "withdrawal", "response", "message", "receipt",
                                     "reminder", "expiry", "revival", "superseded"};

void apply_begin(struct apply *apply, uint32_t phone, uint64_t hash)
{
    struct phone *p = &apply->phone;
    p->number = phone;
    p->hash = hash;
    p->known = false;
    p->latest_ms = NEVER_MS;
    p->latest_operator = 0;
    p->due_ms = INT64_MAX;
    p->case_count = p->sms_count = p->mark_count = 0;
    apply->verdicts.count = apply->made.count = apply->found.count = apply->history.count = 0;
    apply->awaited.count = apply->heard.count = apply->waiting.count = apply->bytes.count = 0;
    apply->marks_indexed = apply->index_mask = 0;
    apply->changed = apply->was_known = apply->was_open = apply->due_changed = false;
}

/* What is stored of old marks hangs on when segments were merged: nothing may hang on that. */
static void forget_marks(struct phone *phone, int64_t before_ms)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < phone->mark_count; i++)
        if (mark_ms(&phone->marks[i]) >= before_ms)
            phone->marks[kept++] = phone->marks[i];
    phone->mark_count = kept;
}

/* Operators are looked up by their ids, with no further look. */
static bool operators_are_known(const struct apply *apply)
{
    const struct phone *phone = &apply->phone;
    uint32_t count = apply->run->ref->operator_count;
    bool known = phone->latest_ms == NEVER_MS || phone->latest_operator < count;
    for (uint32_t i = 0; i < phone->sms_count && known; i++)
        known = phone->sms[i].operator < count;
    return known;
}

bool apply_load(struct apply *apply, struct span record)
{
    if (!phone_decode(&apply->phone, record) || !operators_are_known(apply))
        return false;
    forget_marks(&apply->phone, apply->run->forget_before_ms);
    apply->was_known = true;
    apply->was_open = phone_is_open(&apply->phone);
    phone_count(&apply->phone, -1, &apply->counts);
    return true;
}

enum apply_list apply_tight(const struct apply *apply, uint32_t *ret_need)
{
    /* one event can set free all that waits for it, two effects each; the end looks at every case */
    uint32_t some = 16 + 3 * apply->waiting.count + 6 * apply->phone.case_count;
    const struct {
        uint32_t count, capacity, room;
    } lists[LIST_COUNT] = {
        [LIST_CASES] = {apply->phone.case_count, apply->phone.case_capacity, 1},
        [LIST_SMS] = {apply->phone.sms_count, apply->phone.sms_capacity, 0},
        [LIST_MARKS] = {apply->phone.mark_count, apply->phone.mark_capacity, 1},
        [LIST_VERDICTS] = {apply->verdicts.count, apply->verdicts.capacity, some},
        [LIST_MADE] = {apply->made.count, apply->made.capacity, some},
        [LIST_FOUND] = {apply->found.count, apply->found.capacity, some},
        [LIST_HISTORY] = {apply->history.count, apply->history.capacity, some + apply->made.count},
        [LIST_AWAITED] = {apply->awaited.count, apply->awaited.capacity, some + apply->phone.sms_count + apply->made.count},
        [LIST_HEARD] = {apply->heard.count, apply->heard.capacity, some},
        [LIST_WAITING] = {apply->waiting.count, apply->waiting.capacity, 1},
        [LIST_BYTES] = {apply->bytes.count, apply->bytes.capacity, VALUE_NAME_MAX + 64},
    };
    for (enum apply_list i = 0; i < LIST_COUNT; i++) {
        if (lists[i].count + lists[i].room > lists[i].capacity) {
            *ret_need = lists[i].count + lists[i].room;
            return i;
        }
    }
    return LIST_COUNT;
}

uint16_t apply_operator(const struct apply *apply)
{
    const struct phone *phone = &apply->phone;
    return phone->latest_ms != NEVER_MS ? phone->latest_operator : ref_prefix_operator(apply->run->ref, phone->number);
}

/* ---- effects ---- */

static void wait_for_cause(struct apply *apply, const struct event *event)
{
    CHECK(apply->waiting.count < apply->waiting.capacity);
    apply->waiting.items[apply->waiting.count++] = event;
}

void apply_verdict(struct apply *apply, const struct event *event, enum verdict_outcome outcome, enum reason reason)
{
    CHECK(apply->verdicts.count < apply->verdicts.capacity);
    apply->verdicts.items[apply->verdicts.count++] = (struct verdict){event, (uint8_t)outcome, (uint8_t)reason, true};
}

void apply_note(struct apply *apply, const struct kase *kase, enum history_event event, enum history_result result,
                unsigned detail, const struct event *source)
{
    CHECK(apply->history.count < apply->history.capacity);
    apply->history.items[apply->history.count++] = (struct history){
        .case_number = kase->number,
        .event = (uint8_t)event,
        .result = (uint8_t)result,
        .detail = (uint8_t)detail,
        .step = kase->step,
        .at_ms = source ? source->at_ms : apply->run->as_of_ms,
        .source = source,
    };
}

struct made *apply_make(struct apply *apply, struct kase *kase, enum sms_kind kind, unsigned what)
{
    CHECK(apply->made.count < apply->made.capacity);
    struct made *made = &apply->made.items[apply->made.count++];
    *made = (struct made){
        .kase = (uint32_t)(kase - apply->phone.cases),
        .kind = (uint8_t)kind,
        .what = (uint8_t)what,
        .lang = kase->lang,
    };
    apply->changed = true;
    return made;
}

void apply_prompt(struct apply *apply, struct kase *kase, enum step step)
{
    kase->step = (uint8_t)step;
    kase->since_ms = kase->prompt_ms = apply->run->as_of_ms;
    kase->prompt_run = apply->run->run;
    kase->reminded_ms = NEVER_MS;
    kase->misses = 0;
    kase->last_sms = 0;
    apply_make(apply, kase, SMS_PROMPT, step);
}

static void close_case(struct apply *apply, struct kase *kase, enum outcome by)
{
    kase->step = STEP_CLOSED;
    kase->closed_by = (uint8_t)by;
    kase->closed_ms = kase->since_ms = apply->run->as_of_ms;
    apply->counts.closed++;
}

struct made *apply_flow(struct apply *apply, struct kase *kase, enum trigger trigger, enum outcome given_up)
{
    const struct flow_rule *rule = &FLOW[kase->step][trigger];
    CHECK(rule->allowed);
    enum outcome outcome = trigger == ON_GIVEN_UP ? given_up : (enum outcome)rule->outcome;
    struct made *info = NULL;
    apply->changed = true;
    if (outcome != OUTCOME_NONE) {
        enum phase phase = step_phase(kase->step);
        kase->outcomes[phase] = (uint8_t)outcome;
        apply->counts.outcomes[phase][outcome]++;
    }
    if (rule->request != FLOW_NO_REQUEST)
        kase->requests[rule->request] = (struct request){
            .made = 1, .made_run = apply->run->run, .created_ms = apply->run->as_of_ms, .responded_ms = NEVER_MS};
    if (rule->info != FLOW_NO_INFO)
        info = apply_make(apply, kase, SMS_INFO, rule->info);
    if (rule->next == STEP_CLOSED) {
        close_case(apply, kase, outcome);
    } else if (step_is_prompt(rule->next)) {
        apply_prompt(apply, kase, rule->next);
    } else {
        kase->step = rule->next;
        kase->since_ms = apply->run->as_of_ms;
    }
    return info;
}

void apply_find(struct apply *apply, struct found found)
{
    CHECK(apply->found.count < apply->found.capacity);
    if (found.has_case)
        found.slot = apply->phone.cases[found.kase].slot;
    apply->found.items[apply->found.count++] = found;
}

const struct sms *apply_failed_sms(const struct apply *apply, const struct kase *kase)
{
    if (!kase->last_sms)
        return NULL;
    const struct sms *sms = &apply->phone.sms[kase->sms_first + kase->last_sms - 1];
    return sms->final == RECEIPT_FAILED ? sms : NULL;
}

void apply_cancel_awaited(struct apply *apply, const struct kase *kase, uint32_t sms_number)
{
    const struct sms *sms = &apply->phone.sms[kase->sms_first + sms_number - 1];
    if (sms->at_ms <= apply->run->settled_ms[sms->operator])
        return;
    CHECK(apply->awaited.count < apply->awaited.capacity);
    apply->awaited.items[apply->awaited.count++] = (struct awaited){
        sms->at_ms, sms->operator, kase->slot, true, kase->number, sms_number};
}

void apply_hear(struct apply *apply, const struct event *event, unsigned party)
{
    if (!apply->run->totals_count)
        return;
    CHECK(apply->heard.count < apply->heard.capacity);
    apply->heard.items[apply->heard.count++] = (struct heard_identity){
        event_identity_hash(event, apply->run->seed), event->at_ms, (uint16_t)party, event->kind};
}

/* ---- notices and withdrawals ---- */

struct kase *apply_case_by_notice(struct apply *apply, struct span notice_id)
{
    for (uint32_t i = apply->phone.case_count; i-- > 0;)
        if (span_equal(apply->phone.cases[i].notice_id, notice_id))
            return &apply->phone.cases[i];
    return NULL;
}

static void withdraw(struct apply *apply, struct kase *kase, const struct event *event)
{
    if (kase->withdrawn) {
        apply_verdict(apply, event, VERDICT_DUPLICATE, REASON_NONE);
        return;
    }
    apply->changed = true;
    apply->counts.withdrawn++;
    kase->withdrawn = 1;
    kase->last_sms = 0;
    if (kase->step != STEP_CLOSED) {
        enum phase phase = step_phase(kase->step);
        kase->outcomes[phase] = OUTCOME_WITHDRAWN;
        apply->counts.outcomes[phase][OUTCOME_WITHDRAWN]++;
        close_case(apply, kase, OUTCOME_WITHDRAWN);
    }
    for (uint32_t i = 1; i <= kase->sms_count; i++)
        if (!apply->phone.sms[kase->sms_first + i - 1].final)
            apply_cancel_awaited(apply, kase, i);
    apply_note(apply, kase, HISTORY_WITHDRAWAL, RESULT_DONE, 0, event);
}

/* Takes out of the waiting list what `wanted` says, in order, and applies it. */
static void release(struct apply *apply, enum kind kind, const struct kase *kase, enum agency agency)
{
    uint32_t kept = 0, count = apply->waiting.count;
    uint32_t number = kase->number;
    for (uint32_t i = 0; i < count; i++) {
        const struct event *event = apply->waiting.items[i];
        struct span fields[EVENT_FIELDS_MAX];
        bool mine = event->kind == kind;
        if (mine && kind == KIND_WITHDRAWALS) {
            event_fields(event, fields);
            mine = span_equal(fields[WITHDRAWAL_ID], apply->phone.cases[number - 1].notice_id);
        } else if (mine) {
            mine = event->case_number == number && event->agency == agency;
        }
        if (!mine)
            apply->waiting.items[kept++] = event;
        else if (kind == KIND_WITHDRAWALS)
            withdraw(apply, &apply->phone.cases[number - 1], event);
        else
            apply_response(apply, event);
    }
    CHECK(apply->waiting.count == count);
    apply->waiting.count = kept;
}

void apply_release_responses(struct apply *apply, const struct kase *kase, enum agency agency)
{
    release(apply, KIND_RESPONSES, kase, agency);
}

static void apply_withdrawal(struct apply *apply, const struct event *event)
{
    struct span fields[EVENT_FIELDS_MAX];
    event_fields(event, fields);
    struct kase *kase = apply_case_by_notice(apply, fields[WITHDRAWAL_ID]);
    if (kase)
        withdraw(apply, kase, event);
    else
        wait_for_cause(apply, event); /* its notice comes later in the run, or never */
}

/* 0: none is free, or the phone has as many cases as an id can carry */
static uint8_t free_slot(const struct phone *phone)
{
    if (phone->case_count == CASE_NUMBER_MAX)
        return 0;
    unsigned held = 0;
    for (uint32_t i = 0; i < phone->case_count; i++)
        if (phone->cases[i].step != STEP_CLOSED)
            held |= 1u << phone->cases[i].slot;
    for (uint8_t slot = 1; slot <= SLOT_MAX; slot++)
        if (!(held & 1u << slot))
            return slot;
    return 0;
}

static bool is_twin(const struct kase *a, const struct kase *b)
{
    return span_equal(a->iin, b->iin) && a->birth_day == b->birth_day && a->sex == b->sex &&
           a->child_order == b->child_order;
}

static void apply_notice(struct apply *apply, const struct event *event)
{
    struct phone *phone = &apply->phone;
    uint8_t slot = free_slot(phone);
    if (!slot) {
        apply_verdict(apply, event, VERDICT_REJECT, REASON_NO_FREE_SLOT);
        return;
    }
    struct span fields[EVENT_FIELDS_MAX];
    event_fields(event, fields);
    uint64_t region = 0, child_order = 0;
    value_number(fields[NOTICE_REGION], UINT32_MAX, &region);
    value_number(fields[NOTICE_CHILD_ORDER], 20, &child_order);
    struct kase *kase = &phone->cases[phone->case_count++];
    *kase = (struct kase){
        .number = phone->case_count,
        .slot = slot,
        .sex = (uint8_t)fields[NOTICE_SEX].data[0],
        .child_order = (uint8_t)child_order,
        .closed_step = STEP_CLOSED,
        .expired_step = STEP_CLOSED,
        .expired_ms = NEVER_MS,
        .closed_ms = NEVER_MS,
        .region = (uint32_t)region,
        .registered_ms = event->at_ms,
        .begun_ms = apply->run->as_of_ms,
        .notice_id = fields[NOTICE_ID],
        .hospital = fields[NOTICE_HOSPITAL],
        .iin = fields[NOTICE_IIN],
        .account_on_file = fields[NOTICE_ACCOUNT],
        .sms_first = phone->sms_count,
    };
    value_date(fields[NOTICE_BIRTH_DATE], &kase->birth_day);
    phone->known = true;
    apply->counts.opened++;
    for (uint32_t i = 0; i + 1 < phone->case_count; i++) {
        if (is_twin(&phone->cases[i], kase)) {
            apply_find(apply, (struct found){.finding = FINDING_NOTICE_ALIKE, .has_case = true,
                                             .kase = phone->case_count - 1, .since_ms = event->at_ms,
                                             .id = kase->notice_id, .party = kase->hospital});
            break;
        }
    }
    if (event->flags & EVENT_BAD_ACCOUNT)
        apply_verdict(apply, event, VERDICT_WARNING, REASON_BAD_ACCOUNT);
    apply_prompt(apply, kase, STEP_LANGUAGE);
    apply_note(apply, kase, HISTORY_NOTICE, RESULT_DONE, 0, event);
    release(apply, KIND_WITHDRAWALS, kase, 0);
}

/* ---- responses and receipts ---- */

/* The agency's word as an outcome: what it grants, a refusal, or OUTCOME_NONE where it is none of its words. */
static enum outcome response_status(enum agency agency, struct span status)
{
    static const enum outcome GRANTS[AGENCY_COUNT] = {OUTCOME_REGISTERED, OUTCOME_QUEUED, OUTCOME_ASSIGNED};
    if (span_equal(status, span_of(OUTCOME_WORDS[GRANTS[agency]])))
        return GRANTS[agency];
    return span_equal(status, SPAN("refused")) ? OUTCOME_REFUSED : OUTCOME_NONE;
}

static void note_response(struct apply *apply, const struct event *event, struct kase *kase)
{
    struct request *request = &kase->requests[event->agency];
    struct span fields[EVENT_FIELDS_MAX];
    event_fields(event, fields);
    enum outcome status = response_status(event->agency, fields[RESPONSE_STATUS]);
    if (status == OUTCOME_NONE) {
        apply_verdict(apply, event, VERDICT_REJECT, REASON_BAD_STATUS);
        return;
    }
    apply_hear(apply, event, event->agency);
    if (request->status == status) {
        apply_verdict(apply, event, VERDICT_DUPLICATE, REASON_NONE);
        return;
    }
    if (request->status) {
        apply_find(apply, (struct found){.finding = FINDING_RESPONSE_CONFLICT, .has_case = true,
                                         .kase = kase->number - 1, .agency = event->agency,
                                         .since_ms = event->at_ms});
        apply_verdict(apply, event, VERDICT_REJECT, REASON_ALREADY_ANSWERED);
        return;
    }
    if (status == OUTCOME_QUEUED && value_blank(fields[RESPONSE_QUEUE_NUMBER])) {
        apply_verdict(apply, event, VERDICT_REJECT, REASON_BAD_RESPONSE);
        return;
    }
    apply->changed = true;
    request->status = (uint8_t)status;
    request->responded_ms = event->at_ms;
    if (!kase->withdrawn) {
        if (event->agency == AGENCY_REGISTRY && status != OUTCOME_REFUSED)
            kase->reference = fields[RESPONSE_REFERENCE];
        struct made *info = apply_flow(apply, kase, status == OUTCOME_REFUSED ? ON_REFUSED : ON_GRANTED, OUTCOME_NONE);
        info->place = fields[RESPONSE_PLACE];
        info->queue_number = fields[RESPONSE_QUEUE_NUMBER];
        info->amount = fields[RESPONSE_AMOUNT];
        info->agency_reason = fields[RESPONSE_REASON];
    }
    apply_note(apply, kase, HISTORY_RESPONSE, RESULT_DONE, 0, event);
}

void apply_response(struct apply *apply, const struct event *event)
{
    struct phone *phone = &apply->phone;
    struct kase *kase = event->case_number <= phone->case_count ? &phone->cases[event->case_number - 1] : NULL;
    if (kase && kase->requests[event->agency].made)
        note_response(apply, event, kase);
    else
        wait_for_cause(apply, event); /* its request comes later in the run, or never */
}

static void apply_receipt(struct apply *apply, const struct event *event)
{
    struct phone *phone = &apply->phone;
    struct kase *kase = event->case_number <= phone->case_count ? &phone->cases[event->case_number - 1] : NULL;
    if (!kase || event->sms_number > kase->sms_count) {
        apply_verdict(apply, event, VERDICT_REJECT, REASON_NO_SMS);
        apply->verdicts.items[apply->verdicts.count - 1].phone_known = false;
        return;
    }
    if (event->status >= RECEIPT_STATUS_COUNT) { /* checked here, as no_sms comes first */
        apply_verdict(apply, event, VERDICT_REJECT, REASON_BAD_STATUS);
        return;
    }
    struct sms *sms = &phone->sms[kase->sms_first + event->sms_number - 1];
    apply_hear(apply, event, sms->operator);
    if (sms->statuses & 1u << event->status) {
        apply_verdict(apply, event, VERDICT_DUPLICATE, REASON_NONE);
        return;
    }
    apply->changed = true;
    sms->statuses |= (uint8_t)(1u << event->status);
    struct operator_news *news = &apply->news[sms->operator];
    if (event->at_ms > news->receipted_ms)
        news->receipted_ms = event->at_ms;
    if (event->status != RECEIPT_ACCEPTED) {
        struct found found = {.finding = FINDING_RECEIPT_CONFLICT, .has_case = true, .kase = kase->number - 1,
                              .operator = sms->operator, .sms_number = event->sms_number, .since_ms = event->at_ms};
        if (sms->final) {
            apply_find(apply, found);
        } else {
            sms->final = event->status;
            if (!kase->withdrawn)
                apply_cancel_awaited(apply, kase, event->sms_number);
            found.finding = FINDING_SMS_FAILED;
            if (event->status == RECEIPT_FAILED)
                apply_find(apply, found);
        }
    }
    apply_note(apply, kase, HISTORY_RECEIPT, RESULT_DONE, event->status, event);
}

void apply_event(struct apply *apply, const struct event *event)
{
    static void (*const APPLY[KIND_COUNT])(struct apply *, const struct event *) = {
        [KIND_NOTICES] = apply_notice,   [KIND_WITHDRAWALS] = apply_withdrawal, [KIND_RESPONSES] = apply_response,
        [KIND_MESSAGES] = apply_message, [KIND_RECEIPTS] = apply_receipt,
    };
    CHECK(event->kind < KIND_TOTALS); /* totals are no event of a phone */
    APPLY[event->kind](apply, event);
}
