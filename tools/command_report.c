/* command_report.c - besik report: what is open now, as of the last run (contract section 10): requests without a response,
 * SMS without a final receipt, prompts whose last SMS failed, operators that are silent. A reader: no run waits for it. */
#include "tools/commands.h"

#include "engine/event.h"
#include "engine/flow.h"
#include "engine/values.h"
#include "io/sort.h"
#include "tools/findings.h"
#include "tools/options.h"
#include "tools/reader.h"

#include <stdlib.h>

struct report {
    struct reader reader;
    struct fault *fault;
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
    const struct state *state = report->reader.store.state;
    return operator < state->operator_count && finding_awaits_receipts(&state->operators[operator], state->as_of_ms);
}

struct receipt { /* that says that an SMS failed */
    const char *id;
    uint32_t case_number;
    int64_t at_ms; /* when */
};

static int take_receipt(uint32_t run, const struct history_row *row, void *context)
{
    (void)run;
    struct receipt *receipt = context;
    if (reader_is_failure(row, receipt->case_number, receipt->id))
        receipt->at_ms = row->at_ms;
    return 0;
}

/* The time of the receipt, which history alone knows; where that was struck, when the SMS was sent. */
static int find_failed(struct report *report, const struct kase *kase, const struct sms *sms, const char *id, int64_t *ret_at_ms)
{
    struct reader *reader = &report->reader;
    struct receipt receipt = {id, kase->number, NEVER_MS};
    for (uint32_t run = reader->store.state->run; run && receipt.at_ms == NEVER_MS; run--) { /* it came behind the run that sent it */
        struct run_row row;
        int there = store_get_run(&reader->store, run, &row, report->fault);
        if (there < 0 || history_of_phone(&reader->store.db, reader->store.snapshot, run, reader->phone.number, reader->phone.hash,
                                          &reader->history, take_receipt, &receipt, report->fault))
            return -1;
        if (!there && row.as_of_ms <= sms->at_ms)
            break;
    }
    *ret_at_ms = receipt.at_ms == NEVER_MS ? sms->at_ms : receipt.at_ms;
    return 0;
}

static int look_at_sms(struct report *report, const struct kase *kase)
{
    const struct settings *settings = &report->reader.store.settings;
    int64_t as_of = report->reader.store.state->as_of_ms;
    for (uint32_t i = 1; i <= kase->sms_count; i++) {
        const struct sms *sms = &report->reader.phone.sms[kase->sms_first + i - 1];
        bool missing = !sms->final && as_of - sms->at_ms >= settings->receipt_after && is_active(report, sms->operator);
        bool failed = sms->final == RECEIPT_FAILED && kase->last_sms == i && step_is_prompt(kase->step);
        if (!missing && !failed)
            continue;
        char id[ID_SIZE];
        struct id_facts facts = {.phone = report->reader.phone.number, .case_number = kase->number, .sms_number = i};
        ids_sms(&report->reader.ids, &facts, id);
        int64_t since_ms = sms->at_ms;
        if (failed && find_failed(report, kase, sms, id, &since_ms))
            return -1;
        struct finding_row row = {.finding = missing ? FINDING_RECEIPT_MISSING : FINDING_SMS_FAILED, .slot = kase->slot,
                                  .since_ms = since_ms, .phone = report->reader.phone.number, .has_phone = true};
        if (add(report, row, reader_operator(&report->reader, sms->operator), (struct span){id, ID_SIZE},
                missing ? SPAN("no final receipt yet") : SPAN("the open prompt's last SMS was not delivered")))
            return -1;
    }
    return 0;
}

static int look_at_case(struct report *report, const struct kase *kase)
{
    int64_t as_of = report->reader.store.state->as_of_ms;
    if (kase->withdrawn)
        return 0;
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
        const struct request *request = &kase->requests[agency];
        if (!request->made || !request->sent || request->status ||
            as_of - request->created_ms < report->reader.store.settings.response_after)
            continue;
        char id[ID_SIZE];
        struct id_facts facts = {.phone = report->reader.phone.number, .case_number = kase->number, .agency = (uint8_t)agency};
        ids_request(&report->reader.ids, &facts, id);
        struct finding_row row = {.finding = FINDING_RESPONSE_MISSING, .slot = kase->slot, .since_ms = request->created_ms,
                                  .phone = report->reader.phone.number, .has_phone = true};
        if (add(report, row, span_of(AGENCY_WORDS[agency]), (struct span){id, ID_SIZE}, SPAN("no response yet")))
            return -1;
    }
    return look_at_sms(report, kase);
}

static int look_at_phone(struct reader *reader, void *context)
{
    for (uint32_t i = 0; i < reader->phone.case_count; i++)
        if (look_at_case(context, &reader->phone.cases[i]))
            return -1;
    return 0;
}

static int look_at_operators(struct report *report)
{
    const struct state *state = report->reader.store.state;
    for (uint32_t i = 0; i < state->operator_count; i++) {
        const struct operator_state *operator = &state->operators[i];
        if (!finding_is_silent(operator, (uint16_t)i, report->reader.ref, report->reader.store.settings.silent_after, state->as_of_ms))
            continue;
        struct finding_row row = {.finding = FINDING_OPERATOR_SILENT, .since_ms = operator->heard_ms};
        if (add(report, row, report->reader.ref->operators[i].code, (struct span){NULL, 0}, SPAN("no messages since")))
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
        .notes = "Example: besik report /var/lib/besik/store | tail -n +2 | cut -d, -f1,2 | sort | uniq -c",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 1)
        return fault_set(fault, FAULT_USAGE, "give one STORE (see besik report --help)");
    struct report report = {.fault = fault};
    int failed = reader_open(&report.reader, argv[0], fault) ||
                 (report.reader.store.state->run && (reader_each(&report.reader, false, look_at_phone, &report) || look_at_operators(&report))) ||
                 tell(&report, json);
    buffer_free(&report.rows);
    buffer_free(&report.order);
    buffer_free(&report.spare);
    reader_close(&report.reader);
    return failed ? -1 : 0;
}
