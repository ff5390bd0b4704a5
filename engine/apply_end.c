/* apply_end.c - the end of a phone's run: what waited in vain, the clock, what is sent and what is superseded, findings
 * that came due, the next due time. See apply.h. */
#include "engine/apply.h"

#include "engine/check.h"
#include "engine/values.h"

/* Milliseconds that the open prompt has stood, outages left out. */
static int64_t prompt_age(const struct apply *apply, const struct kase *kase)
{
    const struct run_facts *run = apply->run;
    return run->as_of_ms - kase->prompt_ms -
           ref_outage_ms(run->ref, apply_operator(apply), kase->prompt_ms, run->as_of_ms);
}

/* Section 8, Clock. */
static void look_at_clock(struct apply *apply, struct kase *kase)
{
    const struct run_facts *run = apply->run;
    if (!step_is_prompt(kase->step) || kase->prompt_run == run->run || kase->corrected_run == run->run)
        return;
    int64_t age = prompt_age(apply, kase);
    if (age >= run->expire_after && kase->reminded_ms != NEVER_MS && run->as_of_ms - kase->reminded_ms >= DAY_MS) {
        enum step step = kase->step;
        apply_note(apply, kase, HISTORY_EXPIRY, RESULT_DONE, step, NULL);
        apply->counts.given_up[1]++;
        kase->closed_step = (uint8_t)step;
        apply_flow(apply, kase, ON_GIVEN_UP, OUTCOME_EXPIRED);
        if (kase->step != STEP_CLOSED) { /* the case goes on: late answers to this very prompt are too late */
            kase->expired_step = (uint8_t)step;
            kase->expired_ms = run->as_of_ms;
        }
    } else if (kase->reminded_ms == NEVER_MS && (age >= run->remind_after || apply_failed_sms(apply, kase))) {
        kase->reminded_ms = run->as_of_ms;
        int64_t ends = run->as_of_ms + run->expire_after - age;
        if (ends < run->as_of_ms + DAY_MS)
            ends = run->as_of_ms + DAY_MS;
        apply_make(apply, kase, SMS_REMINDER, kase->step)->ends_at_ms = ends;
        apply_note(apply, kase, HISTORY_REMINDER, RESULT_DONE, kase->step, NULL);
    }
}

static void reject_waiting(struct apply *apply)
{
    for (uint32_t i = 0; i < apply->waiting.count; i++) {
        const struct event *event = apply->waiting.items[i];
        apply_verdict(apply, event, VERDICT_REJECT,
                      event->kind == KIND_WITHDRAWALS ? REASON_NO_NOTICE : REASON_NO_REQUEST);
        apply->verdicts.items[apply->verdicts.count - 1].phone_known = false;
    }
    apply->waiting.count = 0;
}

static void note_superseded(struct apply *apply, const struct kase *kase, enum history_result what, unsigned detail)
{
    apply->counts.superseded++;
    apply_note(apply, kase, HISTORY_SUPERSEDED, what, detail, NULL);
}

/* By case, and within one as they were made. No case makes many, and few are open side by side: what moves moves past few. */
static void group_made(struct apply *apply)
{
    struct made *items = apply->made.items;
    for (uint32_t i = 1; i < apply->made.count; i++) {
        struct made made = items[i];
        uint32_t hole = i;
        for (; hole && items[hole - 1].kase > made.kase; hole--)
            items[hole] = items[hole - 1];
        items[hole] = made;
    }
}

/* Of the prompts, corrections and reminders of one run only the last is sent, and only if its prompt is still open; infos
 * always, save to the withdrawn. What is sent takes the next number of its case. */
static void settle_sms_of(struct apply *apply, struct kase *kase, struct made *made, uint32_t count)
{
    static const enum history_result RESULTS[SMS_KIND_COUNT] = {
        [SMS_PROMPT] = RESULT_PROMPT, [SMS_INFO] = RESULT_INFO, [SMS_CORRECTION] = RESULT_CORRECTION,
        [SMS_REMINDER] = RESULT_REMINDER};
    uint32_t last_ask = UINT32_MAX, sent = 0;
    for (uint32_t i = 0; i < count; i++)
        if (made[i].kind != SMS_INFO)
            last_ask = i;
    for (uint32_t i = 0; i < count; i++) {
        bool is_info = made[i].kind == SMS_INFO;
        if (kase->withdrawn || (!is_info && (i != last_ask || !step_is_prompt(kase->step)))) {
            note_superseded(apply, kase, RESULTS[made[i].kind], made[i].what);
            continue;
        }
        made[i].number = kase->sms_count + ++sent;
        CHECK(made[i].number <= SMS_NUMBER_MAX);
        if (!is_info)
            kase->last_sms = made[i].number;
        apply->counts.sms[made[i].kind][made[i].what]++;
        CHECK(apply->awaited.count < apply->awaited.capacity);
        apply->awaited.items[apply->awaited.count++] = (struct awaited){
            apply->run->as_of_ms, apply_operator(apply), kase->slot, false, kase->number, made[i].number};
    }
}

static void settle_sms(struct apply *apply)
{
    group_made(apply);
    for (uint32_t begin = 0, end; begin < apply->made.count; begin = end) {
        struct made *made = &apply->made.items[begin];
        for (end = begin + 1; end < apply->made.count && apply->made.items[end].kase == made->kase; end++)
            continue;
        settle_sms_of(apply, &apply->phone.cases[made->kase], made, end - begin);
    }
}

static void settle_requests(struct apply *apply)
{
    const struct run_facts *run = apply->run;
    for (uint32_t c = 0; c < apply->phone.case_count; c++) {
        struct kase *kase = &apply->phone.cases[c];
        for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
            struct request *request = &kase->requests[agency];
            if (!request->made)
                continue;
            if (request->made_run == run->run) {
                if (request->status || kase->withdrawn) {
                    note_superseded(apply, kase, RESULT_REQUEST, agency);
                } else {
                    request->sent = 1;
                    apply->counts.requests[agency]++;
                }
            }
            if (request->sent && !request->status && !kase->withdrawn && !request->reported &&
                run->as_of_ms - request->created_ms >= run->response_after) {
                request->reported = 1;
                apply->changed = true;
                apply_find(apply, (struct found){.finding = FINDING_RESPONSE_MISSING, .has_case = true, .kase = c,
                                                 .agency = (uint8_t)agency, .since_ms = request->created_ms});
            }
        }
    }
}

/* The earliest time at which something of the phone can come due; outages to come only postpone it. */
static int64_t next_due(const struct apply *apply)
{
    const struct run_facts *run = apply->run;
    int64_t due = INT64_MAX;
    for (uint32_t c = 0; c < apply->phone.case_count; c++) {
        const struct kase *kase = &apply->phone.cases[c];
        int64_t at = INT64_MAX;
        if (step_is_prompt(kase->step)) {
            int64_t age = prompt_age(apply, kase);
            at = run->as_of_ms - age + (kase->reminded_ms == NEVER_MS ? run->remind_after : run->expire_after);
            if (kase->reminded_ms != NEVER_MS && at < kase->reminded_ms + DAY_MS)
                at = kase->reminded_ms + DAY_MS;
        } else if (kase->step != STEP_CLOSED) {
            const struct request *request = &kase->requests[step_agency(kase->step)];
            if (!request->reported)
                at = request->created_ms + run->response_after;
        }
        if (at < due)
            due = at;
    }
    return due < run->as_of_ms ? run->as_of_ms : due; /* the next run may have the same as-of */
}

static int heard_order(const struct heard_identity *a, const struct heard_identity *b)
{
    int order = COMPARE(a->kind, b->kind);
    if (!order)
        order = COMPARE(a->party, b->party);
    return order ? order : COMPARE(a->identity, b->identity);
}

/* Heap sort: in place, no recursion, never quadratic. */
static void sort_heard(struct heard_identity *items, uint32_t count)
{
    for (uint32_t start = count / 2, end = count; end > 1;) {
        struct heard_identity item;
        if (start) {
            item = items[--start];
        } else {
            item = items[--end];
            items[end] = items[0];
        }
        uint32_t hole = start, child;
        while ((child = 2 * hole + 1) < end) {
            if (child + 1 < end && heard_order(&items[child], &items[child + 1]) < 0)
                child++;
            if (heard_order(&item, &items[child]) >= 0)
                break;
            items[hole] = items[child];
            hole = child;
        }
        items[hole] = item;
    }
}

/* ---- totals ---- */

static uint16_t row_party(const struct totals_row *row)
{
    return row->of_agency ? row->agency : row->operator;
}

int totals_order(const void *a, const void *b)
{
    const struct totals_row *x = a, *y = b;
    int order = COMPARE(x->kind, y->kind);
    if (!order)
        order = COMPARE(row_party(x), row_party(y));
    return order ? order : COMPARE(x->from_ms, y->from_ms);
}

void totals_reach(struct totals_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bool goes_on = i && rows[i - 1].kind == rows[i].kind && row_party(&rows[i - 1]) == row_party(&rows[i]);
        rows[i].reach_ms = goes_on && rows[i - 1].reach_ms > rows[i].to_ms ? rows[i - 1].reach_ms : rows[i].to_ms;
    }
}

/* Is the row of the record's kind and party or of one before, and begins it by the record's time? */
static bool row_begins_by(const struct totals_row *row, const struct heard_identity *heard)
{
    int order = COMPARE(row->kind, heard->kind);
    if (!order)
        order = COMPARE(row_party(row), heard->party);
    return order < 0 || (order == 0 && row->from_ms <= heard->at_ms);
}

/* For the rows that hold the record: from the last that begins by its time back to where none reaches it. */
static void count_heard(struct apply *apply, const struct heard_identity *heard)
{
    const struct totals_row *rows = apply->run->totals;
    uint32_t low = 0, high = apply->run->totals_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row_begins_by(&rows[middle], heard))
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t i = low; i-- > 0 && rows[i].kind == heard->kind && row_party(&rows[i]) == heard->party &&
                           rows[i].reach_ms > heard->at_ms;) {
        struct totals_count *count = &apply->totals_counts[rows[i].number];
        if (rows[i].to_ms <= heard->at_ms || count->identity == apply->identities)
            continue;
        count->identity = apply->identities;
        count->found++;
    }
}

/* Distinct identities of this phone for each row of totals. */
static void count_totals(struct apply *apply)
{
    const struct heard_identity *heard = apply->heard.items;
    if (!apply->run->totals_count)
        return;
    sort_heard(apply->heard.items, apply->heard.count);
    for (uint32_t i = 0; i < apply->heard.count; i++) {
        if (i == 0 || heard_order(&heard[i - 1], &heard[i]) != 0)
            apply->identities++;
        count_heard(apply, &heard[i]);
    }
}

/* From now on nothing is said of the withdrawn. */
static void drop_findings_of_withdrawn(struct apply *apply)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < apply->found.count; i++) {
        const struct found *found = &apply->found.items[i];
        if (!found->has_case || !apply->phone.cases[found->kase].withdrawn)
            apply->found.items[kept++] = *found;
    }
    apply->found.count = kept;
}

void apply_end(struct apply *apply)
{
    reject_waiting(apply);
    for (uint32_t i = 0; i < apply->phone.case_count; i++)
        look_at_clock(apply, &apply->phone.cases[i]);
    settle_sms(apply);
    settle_requests(apply);
    drop_findings_of_withdrawn(apply);
    count_totals(apply);
    if (apply->phone.known) {
        int64_t due = next_due(apply);
        /* a later one is found when the earlier one is popped */
        if (due < apply->phone.due_ms || apply->phone.due_ms <= apply->run->as_of_ms) {
            apply->changed |= due != apply->phone.due_ms;
            apply->due_changed = due != INT64_MAX;
            apply->phone.due_ms = due;
        }
    }
    phone_count(&apply->phone, 1, &apply->counts);
}
