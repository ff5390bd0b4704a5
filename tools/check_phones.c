/* check_phones.c - see check.h: what the newest record of each phone promises, and what notices, queues, history and totals
 * promise of it. Two tables that tell of the same things are compared by the sums of what each tells. */
#include "tools/check.h"

#include "engine/apply.h"
#include "engine/event.h"
#include "engine/flow.h"
#include "engine/values.h"
#include "store/queues.h"
#include "tools/run.h"

#include <stdlib.h>
#include <xxhash.h>


static uint64_t mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t all[] = {a, b, c, d};
    return XXH3_64bits(all, sizeof all);
}

/* ---- the queues ---- */

static int look_at_due(struct check *check, const uint8_t *key, struct span payload)
{
    if (!queue_due_is_sound(key, payload)) {
        check_say(check, TABLE_DUE, "a value is cut, out of order, or not what its key tells");
        return 0;
    }
    if (!store_due_is_live(check->store->state, key)) {
        check->leftovers++;
        return 0;
    }
    return buffer_add(&check->due, payload.data, payload.size, check->fault);
}

static int due_order(const void *a, const void *b)
{
    struct due_entry x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    int order = COMPARE(x.phone, y.phone);
    return order ? order : COMPARE(x.due_ms, y.due_ms);
}

static bool is_queued(const struct check *check, uint32_t phone, int64_t due_ms)
{
    struct due_entry wanted = {due_ms, phone};
    return check->due.size &&
           bsearch(&wanted, check->due.data, check->due.size / sizeof wanted, sizeof wanted, due_order);
}

static int look_at_awaited(struct check *check, const uint8_t *key, struct span payload)
{
    const struct state *state = check->store->state;
    const struct awaited_key told = queue_awaited_key(key);
    if (!queue_awaited_is_sound(payload) || told.operator >= check->ref->operator_count) {
        check_say(check, TABLE_AWAITED, "a value is cut, of no SMS or of no operator");
        return 0;
    }
    if (told.run > state->run || told.at_ms <= state->operators[told.operator].settled_ms) {
        check->leftovers++;
        return 0;
    }
    for (size_t i = 0; i < payload.size; i += sizeof(struct awaited_entry)) {
        struct awaited_entry entry;
        memcpy(&entry, payload.data + i, sizeof entry);
        uint64_t sum = mix(told.operator, (uint64_t)told.at_ms, entry.phone, (uint64_t)entry.case_slot << 32 | entry.sms >> 1);
        check->awaited_of_queue += entry.sms & 1 ? -sum : sum;
    }
    return 0;
}

/* ---- a phone ---- */

static uint64_t notice_sum(const struct check *check, struct span id, uint32_t phone, uint32_t case_number)
{
    struct {
        struct event event;
        char payload[2 + 256];
    } notice = {.event = {.kind = KIND_NOTICES}};
    if (id.size > 256)
        return 0;
    uint16_t size = (uint16_t)id.size;
    memcpy(notice.payload, &size, sizeof size);
    memcpy(notice.payload + sizeof size, id.data, size);
    notice.event.size = (uint16_t)(sizeof size + size);
    return mix(event_identity_hash(&notice.event, check->store->seed), run_notice_sub_of(&notice.event, check->store->seed), phone,
               case_number);
}

static void look_at_sms(struct check *check, enum table table, const struct phone *phone, const struct kase *kase)
{
    const struct state *state = check->store->state;
    for (uint32_t i = 1; i <= kase->sms_count; i++) {
        const struct sms *sms = &phone->sms[kase->sms_first + i - 1];
        if (sms->operator >= check->ref->operator_count || sms->at_ms > state->as_of_ms || sms->final > RECEIPT_FAILED) {
            check_say(check, table, "an SMS is of no operator, or later than the last run");
            continue;
        }
        if (!sms->final && !kase->withdrawn && sms->at_ms > state->operators[sms->operator].settled_ms)
            check->awaited_of_cases += mix(sms->operator, (uint64_t)sms->at_ms, phone->number,
                                           (uint64_t)(kase->number << 4 | kase->slot) << 32 | i);
    }
}

static void look_at_case(struct check *check, enum table table, const struct phone *phone, const struct kase *kase)
{
    const struct state *state = check->store->state;
    bool closed = kase->step == STEP_CLOSED;
    check->cases++;
    check->notices_of_cases += notice_sum(check, kase->notice_id, phone->number, kase->number);
    if (closed != (kase->closed_ms != NEVER_MS) && closed)
        check_say(check, table, "a case is closed, and no run closed it");
    if (kase->withdrawn && !closed)
        check_say(check, table, "a case was withdrawn, and stands open");
    if (kase->begun_ms > state->as_of_ms || kase->since_ms > state->as_of_ms || kase->prompt_run > state->run)
        check_say(check, table, "a case is ahead of the last run");
    if (step_is_prompt(kase->step) && (!kase->last_sms || kase->prompt_run == 0))
        check_say(check, table, "a case has an open prompt that was not sent");
    if (!closed && !step_is_prompt(kase->step)) {
        const struct request *request = &kase->requests[step_agency(kase->step)];
        if (!request->made || request->status)
            check_say(check, table, "a case waits for an agency that has nothing to answer");
    }
    for (unsigned agency = 0; agency < AGENCY_COUNT; agency++)
        if (kase->requests[agency].made && kase->requests[agency].made_run > state->run)
            check_say(check, table, "a request is ahead of the last run");
    look_at_sms(check, table, phone, kase);
}

static int look_at_phone(struct check *check, enum table table, const struct segment_entry *entry)
{
    struct phone *phone = &check->phone;
    phone->hash = entry->hash;
    phone->number = entry->sub;
    if (phone_load(phone, entry->record, check->fault))
        return -1;
    unsigned slots = 0;
    check->phones++;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        const struct kase *kase = &phone->cases[i];
        if (kase->step != STEP_CLOSED && slots & 1u << kase->slot)
            check_say(check, table, "two open cases hold one slot");
        slots |= kase->step != STEP_CLOSED ? 1u << kase->slot : 0;
        look_at_case(check, table, phone, kase);
    }
    phone_count(phone, 1, &check->totals);
    if (phone->latest_ms != NEVER_MS && phone->latest_operator >= check->ref->operator_count)
        check_say(check, table, "a phone is of no operator");
    if (phone_is_open(phone) != (table == TABLE_OPEN))
        check_say(check, table, "a phone stands in the wrong table");
    if (table == TABLE_OPEN && phone->due_ms != INT64_MAX && !is_queued(check, phone->number, phone->due_ms))
        check_say(check, TABLE_DUE, "an open case's due time is not queued");
    return 0;
}

/* ---- all phones ---- */

static int open_view(struct check *check, struct segment_view *view, unsigned segmented, enum table table, enum table filter)
{
    const struct state *state = check->store->state;
    return segment_view_open(view, &check->store->db, check->txn, table, filter, state->segments[segmented],
                             state->segment_counts[segmented], check->fault);
}

/* A record of closed counts where open has none. */
static int look_at_table(struct check *check, unsigned segmented, enum table table)
{
    struct segment_view view = {0}, open = {0};
    struct segment_entry entry;
    struct span newer;
    int failed = open_view(check, &view, segmented, table, TABLE_COUNT) ||
                 open_view(check, &open, SEGMENTED_OPEN, TABLE_OPEN, TABLE_COUNT) || segment_scan(&view, 0, check->fault);
    while (!failed && segment_peek(&view, &entry)) {
        int hidden = table == TABLE_CLOSED ? segment_find(&open, entry.hash, entry.sub, &newer, check->fault) : 0;
        failed = hidden < 0 || (!hidden && entry.record.size && look_at_phone(check, table, &entry)) ||
                 segment_next(&view, check->fault);
    }
    segment_view_close(&view);
    segment_view_close(&open);
    return failed ? -1 : 0;
}

static int look_at_notices(struct check *check)
{
    struct segment_view view = {0};
    struct segment_entry entry;
    int failed = open_view(check, &view, SEGMENTED_NOTICES, TABLE_NOTICES, TABLE_COUNT) || segment_scan(&view, 0, check->fault);
    while (!failed && segment_peek(&view, &entry)) {
        struct notice_record record;
        if (segment_notice(entry.record, &record)) /* else it was told already */
            check->notices_of_index += mix(entry.hash, entry.sub, record.phone, record.case_number);
        failed = segment_next(&view, check->fault);
    }
    segment_view_close(&view);
    return failed ? -1 : 0;
}

/* ---- history ---- */

/* 1 and the phone's record in check->phone, 0 there is none, -1 */
static int find_phone(struct check *check, uint32_t number)
{
    return phone_find(&check->phone, &check->open, &check->closed, number, NULL, check->fault);
}

/* 1 where they are as they should be, 0, -1 */
static int rows_are_good(struct check *check, uint64_t first_hash, struct span value)
{
    struct history_reader *reader = &check->reader;
    struct history_row row;
    uint64_t last = first_hash; /* of the first its key tells; a purge may have struck it */
    bool first = true;
    uint32_t phone = 0;
    int there = history_read(reader, value) ? 1 : -1;
    while (there > 0 && (there = history_next(reader, &row)) > 0) {
        if (first || row.phone != phone) {
            uint64_t hash = value_phone_hash(row.phone);
            int known = hash >= last ? find_phone(check, row.phone) : 0;
            if (known <= 0)
                return known;
            last = hash;
            phone = row.phone;
            first = false;
        }
        if (row.case_number > check->phone.case_count)
            return 0;
    }
    return there == 0;
}

static int look_at_history(struct check *check, const uint8_t *key, struct span payload)
{
    uint32_t run = db_get_u32(key);
    if (run > check->store->state->run) {
        check->leftovers++;
        return 0;
    }
    if (run != check->history_run) { /* hashes begin anew */
        check->history_run = run;
        segment_rewind(&check->open);
        segment_rewind(&check->closed);
    }
    int good = rows_are_good(check, db_get_u64(key + 4), payload);
    if (good == 0)
        check_say(check, TABLE_HISTORY, "a value is not rows of phones that are known");
    return good < 0 ? -1 : 0;
}

/* ---- the whole ---- */

static void compare_sums(struct check *check)
{
    const struct counts *totals = &check->store->state->totals;
    if (check->notices_of_cases != check->notices_of_index)
        check_say(check, TABLE_NOTICES, "the index does not name each case's notice, and nothing else");
    if (check->awaited_of_cases != check->awaited_of_queue)
        check_say(check, TABLE_AWAITED, "it does not name each SMS that waits for its receipt, and nothing else");
    if (memcmp(check->totals.open, totals->open, sizeof totals->open) != 0 ||
        memcmp(check->totals.overdue, totals->overdue, sizeof totals->overdue) != 0 || check->totals.cases_open != totals->cases_open ||
        check->totals.cases_closed != totals->cases_closed)
        check_say(check, TABLE_META, "the counts of cases by step are not those of the cases");
}

int check_phones(struct check *check)
{
    if (check_walk(check, TABLE_DUE, 16, look_at_due) || check_walk(check, TABLE_AWAITED, 18, look_at_awaited))
        return -1;
    if (check->due.size)
        qsort(check->due.data, check->due.size / sizeof(struct due_entry), sizeof(struct due_entry), due_order);
    if (look_at_table(check, SEGMENTED_OPEN, TABLE_OPEN) || look_at_table(check, SEGMENTED_CLOSED, TABLE_CLOSED) ||
        look_at_notices(check) || open_view(check, &check->open, SEGMENTED_OPEN, TABLE_OPEN, TABLE_COUNT) ||
        open_view(check, &check->closed, SEGMENTED_CLOSED, TABLE_CLOSED, TABLE_CLOSED_FILTER) ||
        check_walk(check, TABLE_HISTORY, 12, look_at_history))
        return -1;
    compare_sums(check);
    return 0;
}
