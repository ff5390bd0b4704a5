/* command_case.c - besik case: all that a store knows of one phone. */
#include "tools/commands.h"

#include "engine/apply.h"
#include "engine/values.h"
#include "io/buffer.h"
#include "io/ids.h"
#include "store/history.h"
#include "store/segment.h"
#include "store/store.h"
#include "tools/options.h"
#include "tools/phone_load.h"

#include <stdio.h>
#include <stdlib.h>

struct told { /* one history row that was found */
    uint32_t run;
    struct history_row row; /* its spans are not kept */
    size_t identity_at, identity_size; /* in view->identities */
};

struct view {
    struct store *store;
    struct fault *fault;
    struct ids ids;
    struct segment_view segments[2];
    struct phone phone;
    struct buffer history; /* struct told */
    struct buffer identities;
    struct history_reader reader;
};

/* ---- finding ---- */

static int find_phone(struct view *view, MDB_txn *txn)
{
    static const struct {
        unsigned segmented;
        enum table table, filter;
    } PLACES[] = {{SEGMENTED_OPEN, TABLE_OPEN, TABLE_COUNT}, {SEGMENTED_CLOSED, TABLE_CLOSED, TABLE_CLOSED_FILTER}};
    const struct state *state = view->store->state;
    for (unsigned i = 0; i < 2; i++) {
        struct segment_view *segments = &view->segments[i]; /* open to the end: the phone's words stand in its record */
        struct span record;
        if (segment_view_open(segments, &view->store->db, txn, PLACES[i].table, PLACES[i].filter,
                              state->segments[PLACES[i].segmented], state->segment_counts[PLACES[i].segmented], view->fault))
            return -1;
        int there = segment_find(segments, view->phone.hash, view->phone.number, &record, view->fault);
        if (there < 0 || (there && phone_load(&view->phone, record, view->fault)))
            return -1;
        if (there)
            return 0;
    }
    return 0;
}

static int take_history(struct view *view, uint32_t run, struct span value)
{
    struct told told = {.run = run};
    int there = history_read(&view->reader, value) ? 1 : -1;
    while (there > 0 && (there = history_next(&view->reader, &told.row)) > 0) {
        if (told.row.phone != view->phone.number)
            continue;
        char *room = buffer_room(&view->identities, HISTORY_IDENTITY_MAX, view->fault);
        if (!room)
            return -1;
        told.identity_at = view->identities.size;
        view->identities.size += told.identity_size = history_identity(&told.row, room);
        if (buffer_add(&view->history, &told, sizeof told, view->fault))
            return -1;
    }
    return there < 0 ? fault_set(view->fault, FAULT_FAILED, "the history of run %u is damaged", run) : 0;
}

static int find_history(struct view *view, MDB_txn *txn)
{
    MDB_cursor *cursor;
    int error = db_calls.cursor_open(txn, view->store->db.tables[TABLE_HISTORY], &cursor), failed = 0;
    if (error)
        return db_fault(view->fault, error, "read");
    for (uint32_t run = 1; run <= view->store->state->run && !failed; run++) {
        uint8_t wanted[12];
        db_put_u32(wanted, run);
        db_put_u64(wanted + 4, view->phone.hash);
        MDB_val key = {sizeof wanted, wanted}, value;
        error = db_cursor_get(cursor, TABLE_HISTORY, &key, &value, MDB_SET_RANGE);
        bool own = !error && memcmp(key.mv_data, wanted, sizeof wanted) == 0; /* begins with this phone */
        if (!own)
            error = db_cursor_get(cursor, TABLE_HISTORY, &key, &value, error ? MDB_LAST : MDB_PREV);
        if (error == MDB_NOTFOUND || (!error && db_get_u32(key.mv_data) != run))
            continue;
        struct span payload;
        while (!error && !failed) {
            failed = db_check(TABLE_HISTORY, &key, &value, &payload, view->fault) || take_history(view, run, payload);
            error = own && !failed ? db_cursor_get(cursor, TABLE_HISTORY, &key, &value, MDB_NEXT) : MDB_NOTFOUND;
            if (!error && (key.mv_size <= sizeof wanted || memcmp(key.mv_data, wanted, sizeof wanted) != 0))
                error = MDB_NOTFOUND;
        }
        if (!failed && error != MDB_NOTFOUND)
            failed = db_fault(view->fault, error, "read");
    }
    mdb_cursor_close(cursor);
    return failed ? -1 : 0;
}

/* ---- telling: a piece that finds no memory sets the fault, which is asked at the end ---- */

static void put_time(struct buffer *out, const char *key, int64_t ms, struct fault *fault)
{
    buffer_add_text(out, key, fault);
    if (ms == NEVER_MS) {
        buffer_add_text(out, "null", fault);
        return;
    }
    buffer_add(out, "\"", 1, fault);
    buffer_time(out, ms, fault);
    buffer_add(out, "\"", 1, fault);
}

static void put_text(struct buffer *out, const char *key, struct span text, struct fault *fault)
{
    buffer_add_text(out, key, fault);
    buffer_json_or_null(out, text, fault);
}

static void put_answers(struct view *view, const struct kase *kase, struct buffer *out)
{
    const struct ref *ref = ref_of(view->store->ref);
    struct fault *fault = view->fault;
    char name[VALUE_NAME_MAX + 4], account[32] = "";
    int size = snprintf(name, sizeof name, "%.*s %.*s%s%.*s", (int)kase->surname.size, kase->surname.data,
                        (int)kase->given.size, kase->given.data, kase->patronymic.size ? " " : "",
                        (int)kase->patronymic.size, kase->patronymic.data);
    if (kase->account.size == 20)
        snprintf(account, sizeof account, "…%.4s", kase->account.data + 16);
    const struct {
        const char *key;
        struct span value;
    } answers[] = {
        {"{\"language\":", kase->lang ? span_of(LANG_WORDS[kase->lang]) : (struct span){NULL, 0}},
        {",\"name\":", kase->surname.size ? (struct span){name, (size_t)size} : (struct span){NULL, 0}},
        {",\"education\":", ref_code(&ref->options[STEP_EDUCATION], kase->education)},
        {",\"income\":", ref_code(&ref->options[STEP_INCOME], kase->income)},
        {",\"office\":", ref_code(ref_choices(ref, STEP_OFFICE, kase->region), kase->office)},
        {",\"privilege\":", ref_code(&ref->options[STEP_PRIVILEGE], kase->privilege)},
        {",\"locality\":", ref_code(ref_choices(ref, STEP_LOCALITY, kase->region), kase->locality)},
        {",\"account\":", span_of(account)},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        put_text(out, answers[i].key, answers[i].value, fault);
    buffer_add_text(out, "}", fault);
}

static void put_requests(struct view *view, const struct kase *kase, struct buffer *out)
{
    struct fault *fault = view->fault;
    bool first = true;
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
        const struct request *request = &kase->requests[agency];
        if (!request->made)
            continue;
        char id[ID_SIZE];
        struct id_facts facts = {.phone = view->phone.number, .case_number = kase->number, .agency = (uint8_t)agency};
        ids_request(&view->ids, &facts, id);
        buffer_format(out, fault, "%s{\"request_id\":\"%.*s\",\"agency\":\"%s\"", first ? "" : ",", ID_SIZE, id, AGENCY_WORDS[agency]);
        put_time(out, ",\"created_at\":", request->created_ms, fault);
        put_text(out, ",\"status\":", span_of(OUTCOME_WORDS[request->status]), fault);
        put_time(out, ",\"responded_at\":", request->responded_ms, fault);
        buffer_add_text(out, "}", fault);
        first = false;
    }
}

static const char *sms_status(const struct sms *sms)
{
    return sms->final                                  ? RECEIPT_WORDS[sms->final]
           : sms->statuses & 1u << RECEIPT_ACCEPTED ? RECEIPT_WORDS[RECEIPT_ACCEPTED]
                                                       : "";
}

static void put_sms(struct view *view, const struct kase *kase, struct buffer *out)
{
    struct fault *fault = view->fault;
    const struct ref *ref = ref_of(view->store->ref);
    for (uint32_t i = 0; i < kase->sms_count; i++) {
        const struct sms *sms = &view->phone.sms[kase->sms_first + i];
        char id[ID_SIZE];
        struct id_facts facts = {.phone = view->phone.number, .case_number = kase->number, .sms_number = i + 1};
        ids_sms(&view->ids, &facts, id);
        struct span operator = sms->operator< ref->operator_count ? ref->operators[sms->operator].code : SPAN("");
        buffer_format(out, fault, "%s{\"sms_id\":\"%.*s\",\"kind\":\"%s\",\"step\":\"%s\"", i ? "," : "", ID_SIZE, id,
                      SMS_KIND_WORDS[sms->kind], sms->kind == SMS_INFO ? INFO_WORDS[sms->what] : STEP_WORDS[sms->what]);
        put_time(out, ",\"at\":", sms->at_ms, fault);
        buffer_add_text(out, ",\"operator\":", fault);
        buffer_json(out, operator, fault);
        put_text(out, ",\"status\":", span_of(sms_status(sms)), fault);
        buffer_add_text(out, "}", fault);
    }
}

static void result_text(const struct history_row *row, char out[64])
{
    const char *what = "";
    switch ((enum history_result)row->result) {
    case RESULT_DONE:
        what = row->event == HISTORY_RECEIPT ? RECEIPT_WORDS[row->detail % RECEIPT_STATUS_COUNT] : "taken";
        snprintf(out, 64, "%s", row->event == HISTORY_NOTICE ? "opened" : row->event == HISTORY_REMINDER ? "sent" : what);
        return;
    case RESULT_MISS:
    case RESULT_REJECT:
        snprintf(out, 64, "%s %s", row->result == RESULT_MISS ? "miss" : "reject", REASON_WORDS[row->detail % REASON_COUNT]);
        return;
    case RESULT_PROMPT:
    case RESULT_CORRECTION:
    case RESULT_REMINDER:
        what = row->result == RESULT_PROMPT ? "prompt" : row->result == RESULT_CORRECTION ? "correction" : "reminder";
        snprintf(out, 64, "%s %s", what, STEP_WORDS[row->detail % STEP_COUNT]);
        return;
    case RESULT_INFO:
        snprintf(out, 64, "info %s", INFO_WORDS[row->detail % INFO_COUNT]);
        return;
    case RESULT_REQUEST:
        snprintf(out, 64, "request %s", AGENCY_WORDS[row->detail % AGENCY_COUNT]);
        return;
    case RESULT_COUNT:
        break;
    }
    out[0] = 0;
}

static void put_history(struct view *view, const struct kase *kase, struct buffer *out)
{
    struct fault *fault = view->fault;
    const struct told *told = (const struct told *)view->history.data;
    bool first = true;
    for (size_t i = 0; i < view->history.size / sizeof *told; i++) {
        if (told[i].row.case_number != kase->number)
            continue;
        char result[64];
        result_text(&told[i].row, result);
        buffer_format(out, fault, "%s{\"run\":%u", first ? "" : ",", told[i].run);
        put_time(out, ",\"at\":", told[i].row.at_ms, fault);
        buffer_format(out, fault, ",\"event\":\"%s\"", HISTORY_WORDS[told[i].row.event % HISTORY_EVENT_COUNT]);
        put_text(out, ",\"identity\":", (struct span){view->identities.data + told[i].identity_at, told[i].identity_size}, fault);
        buffer_format(out, fault, ",\"result\":\"%s\",\"step\":\"%s\"}", result, STEP_WORDS[told[i].row.step % STEP_COUNT]);
        first = false;
    }
}

static void put_case(struct view *view, const struct kase *kase, struct buffer *out)
{
    struct fault *fault = view->fault;
    bool prompt = step_is_prompt(kase->step);
    buffer_format(out, fault, "{\"case\":%u,\"slot\":%u,\"notice_id\":", kase->number, kase->slot);
    buffer_json(out, kase->notice_id, fault);
    put_time(out, ",\"registered_at\":", kase->registered_ms, fault);
    put_time(out, ",\"opened_at\":", kase->begun_ms, fault);
    buffer_format(out, fault, ",\"step\":\"%s\"", STEP_WORDS[kase->step]);
    put_time(out, ",\"since\":", kase->since_ms, fault);
    put_text(out, ",\"lang\":", kase->lang ? span_of(LANG_WORDS[kase->lang]) : SPAN(""), fault);
    buffer_format(out, fault, ",\"misses\":%u", prompt ? kase->misses : 0);
    put_time(out, ",\"reminded\":", prompt ? kase->reminded_ms : NEVER_MS, fault);
    buffer_add_text(out, ",\"answers\":", fault);
    put_answers(view, kase, out);
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        buffer_format(out, fault, "%s\"%s\":", phase ? "," : ",\"outcomes\":{", PHASE_WORDS[phase]);
        buffer_json_or_null(out, span_of(OUTCOME_WORDS[kase->outcomes[phase]]), fault);
    }
    buffer_add_text(out, "},\"requests\":[", fault);
    put_requests(view, kase, out);
    buffer_add_text(out, "],\"sms\":[", fault);
    put_sms(view, kase, out);
    buffer_add_text(out, "],\"history\":[", fault);
    put_history(view, kase, out);
    buffer_add_text(out, "]}", fault);
}

static int put_json(struct view *view, struct buffer *out)
{
    struct fault *fault = view->fault;
    buffer_add_text(out, "{\"msisdn\":\"", fault);
    buffer_phone(out, view->phone.number, fault);
    buffer_add_text(out, "\",\"cases\":[", fault);
    for (uint32_t i = 0; i < view->phone.case_count; i++) {
        buffer_add_text(out, i ? "," : "", fault);
        put_case(view, &view->phone.cases[i], out);
    }
    buffer_add_text(out, "]}\n", fault);
    return fault->code ? -1 : 0;
}

static int put_lines(struct view *view, struct buffer *out)
{
    struct fault *fault = view->fault;
    if (!view->phone.case_count)
        buffer_add_text(out, "no case on this phone\n", fault);
    for (uint32_t i = 0; i < view->phone.case_count; i++) {
        const struct kase *kase = &view->phone.cases[i];
        buffer_format(out, fault, "case %u  slot %u  at %s since ", kase->number, kase->slot, STEP_WORDS[kase->step]);
        buffer_time(out, kase->since_ms, fault);
        buffer_add_text(out, "\n", fault);
        for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
            if (kase->outcomes[phase])
                buffer_format(out, fault, "  %-13s %s\n", PHASE_WORDS[phase], OUTCOME_WORDS[kase->outcomes[phase]]);
        if (case_is_struck(kase))
            buffer_add_text(out, "  name, account and history were struck by besik purge\n", fault);
        const struct told *told = (const struct told *)view->history.data;
        for (size_t h = 0; h < view->history.size / sizeof *told; h++) {
            char result[64];
            if (told[h].row.case_number != kase->number)
                continue;
            result_text(&told[h].row, result);
            buffer_format(out, fault, "  run %-4u ", told[h].run);
            buffer_time(out, told[h].row.at_ms, fault);
            buffer_format(out, fault, "  %-10s %-24s -> %s\n", HISTORY_WORDS[told[h].row.event % HISTORY_EVENT_COUNT], result,
                          STEP_WORDS[told[h].row.step % STEP_COUNT]);
        }
    }
    return fault->code ? -1 : 0;
}

/* The number from the command line, or from standard input, so that it stands in no list of processes. */
static int read_phone(const char *given, uint32_t *ret_phone, struct fault *fault)
{
    char line[64] = "";
    if (strcmp(given, "-") == 0) {
        if (!fgets(line, sizeof line, stdin))
            return fault_set(fault, FAULT_USAGE, "standard input holds no phone number");
        line[strcspn(line, "\r\n")] = 0;
        given = line;
    }
    return value_phone(span_of(given), ret_phone) ? 0 : fault_set(fault, FAULT_USAGE, "not a Kazakh mobile number");
}

int command_case(int argc, char **argv, struct fault *fault)
{
    bool json = false;
    const struct option options[] = {{"json", NULL, "one JSON object", NULL, &json}, {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "case",
        .arguments = "STORE MSISDN|- [--json]",
        .summary = "Tells a phone's cases, where they stand, and what befell them. '-' reads the number from standard input,\n"
                   "so that it does not show in lists of processes.",
        .options = options,
        .notes = "Example: echo 77010000001 | besik case /var/lib/besik/store - --json | jq .cases[0].step",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    struct store store;
    struct view view = {.store = &store, .fault = fault, .phone.due_ms = INT64_MAX};
    if (count != 2)
        return fault_set(fault, FAULT_USAGE, "give STORE and MSISDN (see besik case --help)");
    if (read_phone(argv[1], &view.phone.number, fault) || store_open(&store, argv[0], STORE_READ, fault))
        return -1;
    view.phone.hash = value_phone_hash(view.phone.number);
    MDB_txn *txn = store.snapshot;
    struct buffer out = {0};
    int failed = ids_open(&view.ids, store.key, fault) || find_phone(&view, txn) || (view.phone.case_count && find_history(&view, txn)) ||
                 (json ? put_json(&view, &out) : put_lines(&view, &out));
    if (!failed)
        fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
    buffer_free(&view.history);
    buffer_free(&view.identities);
    phone_unload(&view.phone);
    segment_view_close(&view.segments[0]);
    segment_view_close(&view.segments[1]);
    ids_close(&view.ids);
    store_close(&store);
    return failed ? -1 : 0;
}
