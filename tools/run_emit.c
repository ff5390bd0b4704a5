/* run_emit.c - what became of a phone in this run, sent on: verdicts to the rejects, findings, history, the index of notices, rows of
 * SMS and requests, queues, and its record. */
#include "tools/run_phones.h"

static int emit_verdicts(struct phones *phones)
{
    struct apply *apply = &phones->worker->apply;
    for (uint32_t i = 0; i < apply->verdicts.count; i++) {
        const struct verdict *verdict = &apply->verdicts.items[i];
        uint32_t file = phones->run->inputs.pieces[verdict->event->piece].file;
        if (verdict->outcome == VERDICT_DUPLICATE)
            phones->worker->duplicates[file]++;
        else if (verdict->outcome == VERDICT_MENDED)
            phones->worker->mended[file]++;
        else if (run_add_reject(phones->run, phones->index, verdict->event, verdict->outcome, verdict->reason,
                                verdict->phone_known, phones->fault))
            return -1;
    }
    return 0;
}

static int emit_findings(struct phones *phones)
{
    static const struct span DETAILS[FINDING_COUNT] = {
        [FINDING_RESPONSE_MISSING] = {"no response yet", 15},
        [FINDING_RESPONSE_CONFLICT] = {"the first status counts", 23},
        [FINDING_RECEIPT_CONFLICT] = {"the first final receipt counts", 30},
        [FINDING_SMS_FAILED] = {"not delivered", 13},
        [FINDING_FAILED_BUT_ANSWERED] = {"answered though it failed", 25},
        [FINDING_MESSAGE_CONFLICT] = {"the message that came first counts", 34},
        [FINDING_NOTICE_ALIKE] = {"the same child under another id?", 32},
        [FINDING_LATE_REPLY] = {"too late", 8},
    };
    struct apply *apply = &phones->worker->apply;
    const struct ref *ref = phones->run->facts.ref;
    for (uint32_t i = 0; i < apply->found.count; i++) {
        const struct found *found = &apply->found.items[i];
        struct finding_row row = {.finding = found->finding, .slot = found->slot, .since_ms = found->since_ms,
                                  .phone = apply->phone.number, .has_phone = true};
        struct id_facts facts = {.phone = apply->phone.number, .agency = found->agency, .sms_number = found->sms_number};
        if (found->has_case)
            facts.case_number = apply->phone.cases[found->kase].number;
        struct span party = ref->operators[found->operator].code, id = found->id, detail = DETAILS[found->finding];
        char text[ID_SIZE];
        switch ((enum finding)found->finding) {
        case FINDING_RESPONSE_MISSING:
        case FINDING_RESPONSE_CONFLICT:
            party = span_of(AGENCY_WORDS[found->agency]);
            ids_request(&phones->worker->ids, &facts, text);
            id = (struct span){text, ID_SIZE};
            break;
        case FINDING_RECEIPT_CONFLICT:
        case FINDING_SMS_FAILED:
        case FINDING_FAILED_BUT_ANSWERED:
            ids_sms(&phones->worker->ids, &facts, text);
            id = (struct span){text, ID_SIZE};
            break;
        case FINDING_NOTICE_ALIKE:
            party = found->party;
            break;
        case FINDING_LATE_REPLY:
            if (found->revived)
                detail = SPAN("revived");
            break;
        case FINDING_MESSAGE_CONFLICT:
        case FINDING_COUNT_MISMATCH:
        case FINDING_MESSAGE_LATE:
        case FINDING_NOTICE_CONFLICT:
        case FINDING_OPERATOR_SILENT:
        case FINDING_RECEIPT_MISSING:
        case FINDING_COUNT:
            break;
        }
        if (run_add_finding(phones->run, phones->index, &row, party, id, detail, phones->fault))
            return -1;
    }
    return 0;
}

/* Notices that opened a case are entered into the index at the end. */
static int emit_index(struct phones *phones)
{
    struct run *run = phones->run;
    struct apply *apply = &phones->worker->apply;
    for (uint32_t i = 0; i < apply->history.count; i++) {
        const struct history *history = &apply->history.items[i];
        if (history->event != HISTORY_NOTICE)
            continue;
        struct index_row row = {
            .hash = event_identity_hash(history->source, run->facts.seed),
            .sub = run_notice_sub(run, history->source),
            .record = {event_content_hash(history->source, run->facts.seed), history->at_ms, apply->phone.number,
                       history->case_number},
        };
        if (spool_add(&run->index, phones->index, part_of(row.hash, run->part_bits), &row, sizeof row, NULL, 0,
                      phones->fault))
            return -1;
    }
    return 0;
}

/* In the order of cases, and within one of making. Infos stand before the next prompt as they were made. */
static int emit_rows(struct phones *phones)
{
    struct run_worker *worker = phones->worker;
    struct apply *apply = &worker->apply;
    uint16_t operator = apply_operator(apply);
    uint32_t at = 0;
    if (phones->run->options->rebuild)
        return 0;
    for (uint32_t c = 0; c < apply->phone.case_count; c++) {
        const struct kase *kase = &apply->phone.cases[c];
        for (; at < apply->made.count && apply->made.items[at].kase == c; at++) {
            const struct made *made = &apply->made.items[at];
            if (!made->number)
                continue;
            worker->sms[operator * SMS_KIND_COUNT + made->kind]++;
            if (rows_sms(&worker->rows, &apply->phone, made, &worker->output->outbound[operator], phones->fault))
                return -1;
        }
        for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
            const struct request *request = &kase->requests[agency];
            if (request->made && request->sent && request->made_run == phones->run->facts.run &&
                rows_request(&worker->rows, &apply->phone, kase, agency, &worker->output->requests[agency], phones->fault))
                return -1;
        }
    }
    return 0;
}

static int emit_queues(struct phones *phones)
{
    struct apply *apply = &phones->worker->apply;
    struct part_output *output = phones->worker->output;
    for (uint32_t i = 0; i < apply->awaited.count; i++) {
        const struct awaited *awaited = &apply->awaited.items[i];
        struct awaited_row row = {
            .at_ms = awaited->at_ms,
            .operator = awaited->operator,
            .entry = {apply->phone.number, awaited->case_number << 4 | awaited->slot,
                      awaited->sms_number << 1 | awaited->cancel},
        };
        if (buffer_add(&output->awaited, &row, sizeof row, phones->fault))
            return -1;
    }
    struct due_entry due = {apply->phone.due_ms, apply->phone.number};
    return apply->due_changed ? buffer_add(&output->due, &due, sizeof due, phones->fault) : 0;
}

int run_emit(struct phones *phones)
{
    return emit_verdicts(phones) || emit_findings(phones) || run_emit_history(phones->run, phones->worker, phones->fault) ||
                   emit_index(phones) || emit_rows(phones) || emit_queues(phones)
               ? -1
               : 0;
}

/* The SMS that went out, in the order of cases and numbers, as the record keeps them. */
int run_emit_record(struct phones *phones, bool was_in_open)
{
    struct run_worker *worker = phones->worker;
    struct apply *apply = &worker->apply;
    struct phone *phone = &apply->phone;
    uint16_t operator = apply_operator(apply);
    uint32_t count = 0;
    buffer_clear(&worker->text);
    struct sms *sent = (struct sms *)buffer_room(
        &worker->text, (apply->made.count + 1) * (sizeof *sent + sizeof(uint32_t)), phones->fault);
    if (!sent)
        return -1;
    uint32_t *of_case = (uint32_t *)(sent + apply->made.count);
    for (uint32_t i = 0; i < apply->made.count; i++) {
        const struct made *made = &apply->made.items[i];
        if (!made->number)
            continue;
        sent[count] = (struct sms){.at_ms = phones->run->facts.as_of_ms, .operator = operator, .kind = made->kind,
                                   .what = made->what};
        of_case[count++] = made->kase;
    }
    bool open = phone_is_open(phone);
    if ((open || was_in_open) && run_open_change(phones->run, worker, phone->hash, phone->number, phones->fault))
        return -1;
    struct segment_builder *builder = open ? &worker->open_builder : &worker->closed_builder;
    char *room = segment_room(builder, phone_encoded_max(phone, count), phones->fault);
    if (!room)
        return -1;
    size_t size = phone_encode(phone, sent, of_case, count, phones->run->facts.forget_before_ms, room);
    if (segment_add(builder, phone->hash, phone->number, size, phones->fault))
        return -1;
    if (!open && was_in_open && !phones->run->rewrite.whole) /* gone from the open ones */
        return !segment_room(&worker->open_builder, 0, phones->fault) ||
                       segment_add(&worker->open_builder, phone->hash, phone->number, 0, phones->fault)
                   ? -1
                   : 0;
    return 0;
}
