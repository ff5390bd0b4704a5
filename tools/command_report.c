/* command_report.c - besik report: what is open now, as of the last run (contract section 10): requests without a response,
 * SMS without a final receipt, prompts whose last SMS failed, operators that are silent. A reader: no run waits for it. */
#include "tools/commands.h"

#include "engine/event.h"
#include "engine/flow.h"
#include "engine/phone.h"
#include "engine/values.h"
#include "io/ids.h"
#include "io/sort.h"
#include "store/segment.h"
#include "store/store.h"
#include "tools/findings.h"
#include "tools/options.h"
#include "tools/phone_load.h"

#include <stdlib.h>

#define ACTIVE_WITHIN (7 * DAY_MS)

struct report {
    struct store *store;
    const struct ref *ref;
    struct fault *fault;
    struct ids ids;
    struct phone phone; /* its lists grow as needed */
    struct buffer rows; /* packed findings */
    struct buffer order, spare;
};

static int add(struct report *report, struct finding_row row, struct span party, struct span id, struct span detail)
{
    char bytes[FINDING_SIZE_MAX];
    size_t size = finding_pack(&row, party, id, detail, bytes);
    return buffer_add(&report->rows, bytes, size, report->fault);
}

static bool is_active(const struct report *report, uint16_t operator)
{
    const struct state *state = report->store->state;
    return operator< state->operator_count && state->operators[operator].receipted_ms != NEVER_MS &&
           state->operators[operator].receipted_ms >= state->as_of_ms - ACTIVE_WITHIN;
}

static int look_at_sms(struct report *report, const struct kase *kase)
{
    const struct settings *settings = &report->store->settings;
    int64_t as_of = report->store->state->as_of_ms;
    for (uint32_t i = 1; i <= kase->sms_count; i++) {
        const struct sms *sms = &report->phone.sms[kase->sms_first + i - 1];
        bool missing = !sms->final && as_of - sms->at_ms >= settings->receipt_after && is_active(report, sms->operator);
        bool failed = sms->final == RECEIPT_FAILED && kase->last_sms == i && step_is_prompt(kase->step);
        if (!missing && !failed)
            continue;
        char id[ID_SIZE];
        struct id_facts facts = {.phone = report->phone.number, .case_number = kase->number, .sms_number = i};
        ids_sms(&report->ids, &facts, id);
        struct finding_row row = {.finding = missing ? FINDING_RECEIPT_MISSING : FINDING_SMS_FAILED, .slot = kase->slot,
                                  .since_ms = sms->at_ms, .phone = report->phone.number, .has_phone = true};
        if (add(report, row, report->ref->operators[sms->operator].code, (struct span){id, ID_SIZE},
                missing ? SPAN("no final receipt yet") : SPAN("the open prompt's last SMS was not delivered")))
            return -1;
    }
    return 0;
}

static int look_at_case(struct report *report, const struct kase *kase)
{
    int64_t as_of = report->store->state->as_of_ms;
    if (kase->withdrawn)
        return 0;
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
        const struct request *request = &kase->requests[agency];
        if (!request->made || !request->sent || request->status ||
            as_of - request->created_ms < report->store->settings.response_after)
            continue;
        char id[ID_SIZE];
        struct id_facts facts = {.phone = report->phone.number, .case_number = kase->number, .agency = (uint8_t)agency};
        ids_request(&report->ids, &facts, id);
        struct finding_row row = {.finding = FINDING_RESPONSE_MISSING, .slot = kase->slot, .since_ms = request->created_ms,
                                  .phone = report->phone.number, .has_phone = true};
        if (add(report, row, span_of(AGENCY_WORDS[agency]), (struct span){id, ID_SIZE}, SPAN("no response yet")))
            return -1;
    }
    return look_at_sms(report, kase);
}

/* Every phone of a table; of the closed ones those only that are not open again. */
static int look_at_phones(struct report *report, MDB_txn *txn, unsigned segmented)
{
    const struct state *state = report->store->state;
    struct segment_view view = {0}, open = {0};
    enum table table = segmented == SEGMENTED_OPEN ? TABLE_OPEN : TABLE_CLOSED;
    int failed = segment_view_open(&view, &report->store->db, txn, table, TABLE_COUNT, state->segments[segmented],
                                   state->segment_counts[segmented], report->fault) ||
                 segment_view_open(&open, &report->store->db, txn, TABLE_OPEN, TABLE_COUNT, state->segments[SEGMENTED_OPEN],
                                   state->segment_counts[SEGMENTED_OPEN], report->fault) ||
                 segment_scan(&view, 0, report->fault);
    struct segment_entry entry;
    while (!failed && segment_peek(&view, &entry, report->fault) > 0) {
        struct span other;
        int again = segmented == SEGMENTED_CLOSED ? segment_find(&open, entry.hash, entry.sub, &other, report->fault) : 0;
        failed = again < 0;
        if (!again && entry.record.size) {
            report->phone.hash = entry.hash;
            report->phone.number = entry.sub;
            failed = phone_load(&report->phone, entry.record, report->fault);
            for (uint32_t i = 0; i < report->phone.case_count && !failed; i++)
                failed = look_at_case(report, &report->phone.cases[i]);
        }
        failed = failed || segment_next(&view, report->fault);
    }
    segment_view_close(&view);
    segment_view_close(&open);
    return failed ? -1 : 0;
}

static int look_at_operators(struct report *report)
{
    const struct state *state = report->store->state;
    for (uint32_t i = 0; i < state->operator_count; i++) {
        int64_t heard = state->operators[i].heard_ms;
        if (heard == NEVER_MS || state->as_of_ms - heard < report->store->settings.silent_after ||
            ref_outage_on(report->ref, (uint16_t)i, state->as_of_ms))
            continue;
        struct finding_row row = {.finding = FINDING_OPERATOR_SILENT, .since_ms = heard};
        if (add(report, row, report->ref->operators[i].code, (struct span){NULL, 0}, SPAN("no messages since")))
            return -1;
    }
    return 0;
}

static int tell(struct report *report, bool json)
{
    for (size_t at = 0; at < report->rows.size;) {
        struct sort_entry entry = {0, report->rows.data + at};
        at += finding_bytes(entry.item);
        if (buffer_add(&report->order, &entry, sizeof entry, report->fault))
            return -1;
    }
    if (!buffer_room(&report->spare, report->order.size, report->fault))
        return -1;
    struct sort_entry *entries = (struct sort_entry *)report->order.data;
    size_t count = report->order.size / sizeof *entries;
    if (count)
        sort_entries(entries, (struct sort_entry *)report->spare.data, count, finding_order, NULL);
    struct buffer out = {0};
    int failed = json ? 0 : buffer_add_text(&out, FINDING_HEADER, report->fault);
    for (size_t i = 0; i < count && !failed; i++) {
        failed = json ? finding_write_json(entries[i].item, &out, report->fault)
                      : finding_write(entries[i].item, &out, report->fault);
        if (out.size > (1 << 20) || i + 1 == count) {
            fwrite(out.data, 1, out.size, stdout);
            buffer_clear(&out);
        }
    }
    if (!failed && out.size)
        fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
    return failed;
}

int command_report(int argc, char **argv, struct fault *fault)
{
    bool json = false;
    const struct option options[] = {{"json", NULL, "one JSON object a line", NULL, &json}, {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "report",
        .arguments = "STORE [--json]",
        .summary = "Tells what is open as of the last run, in the columns of reconciliation.csv: requests without a response,\n"
                   "SMS without a final receipt, open prompts whose last SMS failed, silent operators.",
        .options = options,
        .notes = "Example: besik report /var/lib/besik/store | cut -d, -f1,2 | sort | uniq -c",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 1)
        return fault_set(fault, FAULT_USAGE, "give one STORE (see besik report --help)");
    struct store store;
    if (store_open(&store, argv[0], STORE_READ, fault))
        return -1;
    struct report report = {.store = &store, .ref = ref_of(store.ref), .fault = fault};
    MDB_txn *txn = store.snapshot;
    int failed = ids_open(&report.ids, store.key, fault) ||
                 (store.state->run && (look_at_phones(&report, txn, SEGMENTED_OPEN) ||
                                       look_at_phones(&report, txn, SEGMENTED_CLOSED) || look_at_operators(&report))) ||
                 tell(&report, json);
    phone_unload(&report.phone);
    buffer_free(&report.rows);
    buffer_free(&report.order);
    buffer_free(&report.spare);
    ids_close(&report.ids);
    store_close(&store);
    return failed ? -1 : 0;
}
