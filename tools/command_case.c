/* command_case.c - besik case: all that a store knows of one phone. */
#include "tools/commands.h"

#include "engine/apply.h"
#include "engine/values.h"
#include "io/buffer_fields.h"
#include "tools/options.h"
#include "tools/reader.h"

#include <stdio.h>
#include <stdlib.h>

struct told { /* one history row that was found */
    uint32_t run;
    struct history_row row; /* its spans are not kept */
    size_t identity_at, identity_size; /* in view->identities */
};

struct view {
    struct reader reader;
    struct fault *fault;
    struct buffer history, identities; /* struct told */
};

/* ---- finding ---- */

static int take_row(uint32_t run, const struct history_row *row, void *context)
{
    struct view *view = context;
    char *room = buffer_room(&view->identities, HISTORY_IDENTITY_MAX, view->fault);
    if (!room)
        return -1;
    struct told told = {run, *row, view->identities.size, history_identity(row, room)};
    view->identities.size += told.identity_size;
    return buffer_add(&view->history, &told, sizeof told, view->fault);
}

static int find_history(struct view *view)
{
    struct reader *reader = &view->reader;
    for (uint32_t run = 1; run <= reader->store.state->run; run++)
        if (history_of_phone(&reader->store.db, reader->store.snapshot, run, reader->phone.number, reader->phone.hash, &reader->history,
                             take_row, view, view->fault))
            return -1;
    return 0;
}

/* ---- telling: a piece that finds no memory sets the fault, which is asked at the end ---- */

static void put_answers(struct view *view, const struct kase *kase, struct buffer *out)
{
    const struct ref *ref = view->reader.ref;
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
        reader_put_text(out, answers[i].key, answers[i].value, fault);
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
        struct id_facts facts = {.phone = view->reader.phone.number, .case_number = kase->number, .agency = (uint8_t)agency};
        ids_request(&view->reader.ids, &facts, id);
        buffer_format(out, fault, "%s{\"request_id\":\"%.*s\",\"agency\":\"%s\"", first ? "" : ",", ID_SIZE, id, AGENCY_WORDS[agency]);
        reader_put_time(out, ",\"created_at\":", request->created_ms, fault);
        reader_put_text(out, ",\"status\":", span_of(OUTCOME_WORDS[request->status]), fault);
        reader_put_time(out, ",\"responded_at\":", request->responded_ms, fault);
        buffer_add_text(out, "}", fault);
        first = false;
    }
}

static void put_sms(struct view *view, const struct kase *kase, struct buffer *out)
{
    struct fault *fault = view->fault;
    for (uint32_t i = 0; i < kase->sms_count; i++) {
        const struct sms *sms = &view->reader.phone.sms[kase->sms_first + i];
        char id[ID_SIZE];
        struct id_facts facts = {.phone = view->reader.phone.number, .case_number = kase->number, .sms_number = i + 1};
        ids_sms(&view->reader.ids, &facts, id);
        buffer_format(out, fault, "%s{\"sms_id\":\"%.*s\",\"kind\":\"%s\",\"step\":\"%s\"", i ? "," : "", ID_SIZE, id,
                      SMS_KIND_WORDS[sms->kind], reader_sms_step(sms));
        reader_put_time(out, ",\"at\":", sms->at_ms, fault);
        buffer_add_text(out, ",\"operator\":", fault);
        buffer_json(out, reader_operator(&view->reader, sms->operator), fault);
        reader_put_text(out, ",\"status\":", span_of(reader_sms_status(sms)), fault);
        buffer_add_text(out, "}", fault);
    }
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
        reader_result(&told[i].row, result);
        buffer_format(out, fault, "%s{\"run\":%u", first ? "" : ",", told[i].run);
        reader_put_time(out, ",\"at\":", told[i].row.at_ms, fault);
        buffer_format(out, fault, ",\"event\":\"%s\"", HISTORY_WORDS[told[i].row.event % HISTORY_EVENT_COUNT]);
        reader_put_text(out, ",\"identity\":", (struct span){view->identities.data + told[i].identity_at, told[i].identity_size}, fault);
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
    reader_put_time(out, ",\"registered_at\":", kase->registered_ms, fault);
    reader_put_time(out, ",\"opened_at\":", kase->begun_ms, fault);
    buffer_format(out, fault, ",\"step\":\"%s\"", STEP_WORDS[kase->step]);
    reader_put_time(out, ",\"since\":", kase->since_ms, fault);
    reader_put_text(out, ",\"lang\":", kase->lang ? span_of(LANG_WORDS[kase->lang]) : SPAN(""), fault);
    buffer_format(out, fault, ",\"misses\":%u", prompt ? kase->misses : 0);
    reader_put_time(out, ",\"reminded\":", prompt ? kase->reminded_ms : NEVER_MS, fault);
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
    buffer_phone(out, view->reader.phone.number, fault);
    buffer_add_text(out, "\",\"cases\":[", fault);
    for (uint32_t i = 0; i < view->reader.phone.case_count; i++) {
        buffer_add_text(out, i ? "," : "", fault);
        put_case(view, &view->reader.phone.cases[i], out);
    }
    buffer_add_text(out, "]}\n", fault);
    return fault->code ? -1 : 0;
}

static int put_lines(struct view *view, struct buffer *out)
{
    struct fault *fault = view->fault;
    if (!view->reader.phone.case_count)
        buffer_add_text(out, "no case on this phone\n", fault);
    for (uint32_t i = 0; i < view->reader.phone.case_count; i++) {
        const struct kase *kase = &view->reader.phone.cases[i];
        buffer_format(out, fault, "case %u  slot %u  at %s since ", kase->number, kase->slot, STEP_WORDS[kase->step]);
        buffer_time(out, kase->since_ms, fault);
        buffer_add_text(out, "\n", fault);
        for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
            if (kase->outcomes[phase])
                buffer_format(out, fault, "  %-13s %s\n", PHASE_WORDS[phase], OUTCOME_WORDS[kase->outcomes[phase]]);
        if (case_is_struck(kase))
            buffer_add_text(out, "  name, account and history were struck (besik purge or forget)\n", fault);
        const struct told *told = (const struct told *)view->history.data;
        for (size_t h = 0; h < view->history.size / sizeof *told; h++) {
            char result[64];
            if (told[h].row.case_number != kase->number)
                continue;
            reader_result(&told[h].row, result);
            buffer_format(out, fault, "  run %-4u ", told[h].run);
            buffer_time(out, told[h].row.at_ms, fault);
            buffer_format(out, fault, "  %-10s %-24s -> %s\n", HISTORY_WORDS[told[h].row.event % HISTORY_EVENT_COUNT], result,
                          STEP_WORDS[told[h].row.step % STEP_COUNT]);
        }
    }
    return fault->code ? -1 : 0;
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
    struct view view = {.fault = fault};
    struct buffer out = {0};
    uint32_t phone;
    if (count != 2)
        return fault_set(fault, FAULT_USAGE, "give STORE and MSISDN (see besik case --help)");
    if (reader_msisdn(argv[1], &phone, fault))
        return -1;
    int failed = reader_open(&view.reader, argv[0], fault) || reader_find(&view.reader, phone) < 0 ||
                 (view.reader.phone.case_count && find_history(&view)) || (json ? put_json(&view, &out) : put_lines(&view, &out));
    if (!failed)
        fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
    buffer_free(&view.history);
    buffer_free(&view.identities);
    reader_close(&view.reader);
    return failed ? -1 : 0;
}
