/* run_phones.c - the heart of a run: part after part, the sorted events of each phone meet what the store keeps of it.
 *
 *   a part's events, sorted by (phone hash, phone, time, kind, identity)  ─┐
 *   the open cases in the same order, from the store's segments           ─┴─>  engine/apply  ->  struct part_output
 *
 * Workers take parts in order; two threads write what they made, also in order (run_write.c). No part waits for another, and
 * a worker that is ahead waits for the writers, so memory is bounded. */
#include "tools/run.h"

#include "tools/phone_load.h"

#include "engine/check.h"
#include "engine/values.h"

struct phones {
    struct run *run;
    uint32_t index;
    struct run_worker *worker;
    struct fault *fault;
};

/* ---- room for the engine ---- */

static int widen(void *list, uint32_t *capacity, uint32_t need, size_t item_size, struct fault *fault)
{
    uint64_t wanted = *capacity ? *capacity : 64;
    while (wanted < need)
        wanted *= 2;
    wanted = wanted > UINT32_MAX ? UINT32_MAX : wanted;
    void **items = list;
    void *grown = sys.realloc(*items, wanted * item_size);
    if (!grown)
        return fault_memory(fault);
    *items = grown;
    *capacity = (uint32_t)wanted;
    return 0;
}

static int widen_marks(struct apply *apply, uint32_t need, struct fault *fault)
{
    struct phone *phone = &apply->phone;
    if (widen(&phone->marks, &phone->mark_capacity, need, sizeof *phone->marks, fault))
        return -1;
    size_t size = (size_t)phone->mark_capacity * 4 * sizeof *apply->mark_index;
    uint32_t *index = sys.realloc(apply->mark_index, size);
    if (!index)
        return fault_memory(fault);
    apply->mark_index = index;
    return 0;
}

static int widen_list(struct apply *apply, enum apply_list list, uint32_t need, struct fault *fault)
{
    struct phone *phone = &apply->phone;
#define WIDEN(of) widen(&(of).items, &(of).capacity, need, sizeof *(of).items, fault)
    switch (list) {
    case LIST_CASES:
        return widen(&phone->cases, &phone->case_capacity, need, sizeof *phone->cases, fault);
    case LIST_SMS:
        return widen(&phone->sms, &phone->sms_capacity, need, sizeof *phone->sms, fault);
    case LIST_MARKS:
        return widen_marks(apply, need, fault);
    case LIST_VERDICTS:
        return WIDEN(apply->verdicts);
    case LIST_MADE:
        return WIDEN(apply->made);
    case LIST_FOUND:
        return WIDEN(apply->found);
    case LIST_HISTORY:
        return WIDEN(apply->history);
    case LIST_AWAITED:
        return WIDEN(apply->awaited);
    case LIST_HEARD:
        return WIDEN(apply->heard);
    case LIST_WAITING:
        return WIDEN(apply->waiting);
    case LIST_BYTES: /* next_bytes */
    case LIST_COUNT:
        break;
    }
#undef WIDEN
    return 0;
}

/* Names point into `bytes`, so it must not move: a full block is set aside until the phone is done. */
static int next_bytes(struct run_worker *worker, uint32_t need, struct fault *fault)
{
    struct apply *apply = &worker->apply;
    if (apply->bytes.count && buffer_add(&worker->retired, &apply->bytes.items, sizeof apply->bytes.items, fault))
        return -1;
    if (apply->bytes.count)
        apply->bytes.items = NULL;
    apply->bytes.count = apply->bytes.capacity = 0;
    return widen(&apply->bytes.items, &apply->bytes.capacity, need, 1, fault);
}

static void free_retired(struct run_worker *worker)
{
    char **blocks = (char **)worker->retired.data;
    for (size_t i = 0; i < worker->retired.size / sizeof *blocks; i++)
        sys.free(blocks[i]);
    buffer_clear(&worker->retired);
}

static int loosen(struct run_worker *worker, struct fault *fault)
{
    uint32_t need;
    for (enum apply_list list; (list = apply_tight(&worker->apply, &need)) != LIST_COUNT;)
        if (list == LIST_BYTES ? next_bytes(worker, 4 * (VALUE_NAME_MAX + 64), fault)
                               : widen_list(&worker->apply, list, need, fault))
            return -1;
    return 0;
}

/* ---- order ---- */

static int event_order(const void *a, const void *b, const void *context)
{
    const struct event *x = a, *y = b;
    const struct run *run = context;
    if (x->phone != y->phone)
        return COMPARE(x->phone, y->phone);
    if (x->kind == EVENT_DUE || y->kind == EVENT_DUE)
        return (x->kind == EVENT_DUE) - (y->kind == EVENT_DUE);
    int order = event_compare(x, y);
    return order ? order : input_order(&run->inputs, x->piece, x->line, y->piece, y->line);
}

/* ---- what a phone's apply made, on its way ---- */

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

/* The SMS that went out, in the order of cases and numbers, as the record keeps them. */
static int write_record(struct phones *phones, bool was_in_open)
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

/* ---- one phone ---- */

static int load_record(struct phones *phones, struct span record)
{
    struct apply *apply = &phones->worker->apply;
    uint32_t cases, sms, marks;
    if (!phone_measure(record, &cases, &sms, &marks))
        return phone_damaged(phones->fault);
    if ((cases > apply->phone.case_capacity && widen_list(apply, LIST_CASES, cases, phones->fault)) ||
        (sms > apply->phone.sms_capacity && widen_list(apply, LIST_SMS, sms, phones->fault)) ||
        (marks > apply->phone.mark_capacity && widen_list(apply, LIST_MARKS, marks, phones->fault)))
        return -1;
    if (!apply_load(apply, record))
        return phone_damaged(phones->fault);
    return 0;
}

/* `record`: what the open table holds of the phone, empty where nothing. */
static int do_phone(struct phones *phones, uint64_t hash, uint32_t number, const struct sort_entry *events, size_t count,
                    struct span record)
{
    struct run_worker *worker = phones->worker;
    struct apply *apply = &worker->apply;
    bool was_in_open = record.size > 0;
    bool only_due = count == 0 || ((const struct event *)events[0].item)->kind == EVENT_DUE;
    if (!was_in_open) {
        if (only_due)
            return 0; /* its case has closed since: nothing is due any more */
        int there = segment_find(&worker->closed, hash, number, &record, phones->fault);
        if (there < 0)
            return -1;
        if (!there)
            record = (struct span){NULL, 0};
    }
    apply_begin(apply, number, hash);
    free_retired(worker);
    if (record.size && load_record(phones, record))
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct event *event = events[i].item;
        if (event->kind == EVENT_DUE)
            break;
        if (loosen(worker, phones->fault))
            return -1;
        apply_event(apply, event);
    }
    if (loosen(worker, phones->fault))
        return -1;
    apply_end(apply);
    if (emit_verdicts(phones) || emit_findings(phones) || run_emit_history(phones->run, worker, phones->fault) || emit_index(phones) ||
        emit_rows(phones) || emit_queues(phones))
        return -1;
    if (!apply->changed || !apply->phone.case_count)
        return was_in_open && phones->run->rewrite.whole
                   ? run_open_keep(phones->run, worker, &(struct segment_entry){hash, number, record}, phones->fault)
                   : 0;
    return write_record(phones, was_in_open);
}

/* ---- one part ---- */

static int do_part(struct phones *phones, uint32_t part)
{
    struct run *run = phones->run;
    struct run_worker *worker = phones->worker;
    if (run_load_part(run, worker, &run->events, part, phones->fault) ||
        (profiles_join(run->profiles) && run_join_parts(run, phones->index, phones->fault)))
        return -1;
    struct sort_entry *events = (struct sort_entry *)worker->order.data;
    size_t count = worker->order.size / sizeof *events;
    sort_entries(events, (struct sort_entry *)worker->spare.data, count, event_order, run);
    if (run_open_begin(run, worker, part, phones->fault))
        return -1;
    for (size_t begin = 0;;) {
        struct segment_entry entry = {0};
        bool there = run->rewrite.whole && segment_peek(&worker->open, &entry) && part_of(entry.hash, run->part_bits) == part;
        const struct event *first = begin < count ? events[begin].item : NULL;
        if (!there && !first)
            break;
        uint64_t hash = first ? events[begin].key : 0;
        bool entry_first = there && (!first || entry.hash < hash || (entry.hash == hash && entry.sub < first->phone));
        int failed;
        if (entry_first) {
            failed = !entry.record.size  ? 0
                     : run->look_at_all ? do_phone(phones, entry.hash, entry.sub, NULL, 0, entry.record)
                                        : run_open_keep(run, worker, &entry, phones->fault);
            failed = failed || segment_next(&worker->open, phones->fault);
        } else {
            size_t end = begin + 1;
            while (end < count && events[end].key == hash &&
                   ((const struct event *)events[end].item)->phone == first->phone)
                end++;
            struct span record = {NULL, 0};
            bool same = there && entry.hash == hash && entry.sub == first->phone;
            if (same)
                record = entry.record;
            else if (!run->rewrite.whole &&
                     segment_find(&worker->open, hash, first->phone, &record, phones->fault) < 0)
                return -1;
            failed = do_phone(phones, hash, first->phone, events + begin, end - begin, record) ||
                     (same && segment_next(&worker->open, phones->fault));
            begin = end;
        }
        if (failed)
            return -1;
    }
    return run_flush_history(phones->run, worker, phones->fault) ? -1 : 0;
}

static int make_part(struct phones *phones, uint32_t part)
{
    struct run *run = phones->run;
    struct run_worker *worker = phones->worker;
    struct part_output *output = worker->output;
    segment_begin(&worker->open_builder, run->segment_numbers[SEGMENTED_OPEN], &output->blobs);
    segment_begin(&worker->closed_builder, run->segment_numbers[SEGMENTED_CLOSED], &output->blobs);
    if ((run->rewrite.copying ? run_open_copy(run, worker, part, phones->fault) : do_part(phones, part)) ||
        segment_end(&worker->open_builder, phones->fault) || segment_end(&worker->closed_builder, phones->fault))
        return -1;
    output->open_entries = worker->open_builder.entries_total;
    output->open_bytes = worker->open_builder.bytes_total;
    output->closed_entries = worker->closed_builder.entries_total;
    output->closed_bytes = worker->closed_builder.bytes_total;
    return 0;
}

/* The next part, once the writer is near enough; false at the end, or where something failed. */
static bool take_part(struct phones *phones, uint32_t *ret_part)
{
    struct run *run = phones->run;
    pthread_mutex_lock(&run->window.lock);
    bool more = run->window.next < run_parts(run) && !crew_failed(&run->crew);
    if (more) {
        *ret_part = run->window.next++;
        while (*ret_part >= run->window.stored + run->window.size || *ret_part >= run->window.filed + run->window.size) {
            if (crew_failed(&run->crew))
                break;
            pthread_cond_wait(&run->window.news, &run->window.lock);
        }
        more = !crew_failed(&run->crew);
    }
    pthread_mutex_unlock(&run->window.lock);
    return more;
}

static int open_views(struct phones *phones)
{
    struct run *run = phones->run;
    struct run_worker *worker = phones->worker;
    const struct state *state = run->store->state;
    return store_read_begin(run->store, &worker->txn, phones->fault) ||
                   segment_view_live(&worker->open, &run->store->db, worker->txn, state, SEGMENTED_OPEN, phones->fault) ||
                   (run->rewrite.whole &&
                    segment_view_live(&worker->copied, &run->store->db, worker->txn, state, SEGMENTED_OPEN, phones->fault)) ||
                   segment_view_live(&worker->closed, &run->store->db, worker->txn, state, SEGMENTED_CLOSED, phones->fault)
               ? -1
               : 0;
}

static void apply_phones(struct crew_worker *crew_worker, void *context)
{
    struct run *run = context;
    struct phones phones = {run, crew_worker->index, &run->workers[crew_worker->index], &crew_worker->fault};
    uint32_t part;
    if (open_views(&phones) == 0) {
        while (take_part(&phones, &part)) {
            struct part_output *output = &run->window.parts[part % run->window.size];
            phones.worker->output = output;
            int failed = make_part(&phones, part);
            if (failed)
                atomic_store(&run->crew.failed, true);
            pthread_mutex_lock(&run->window.lock);
            output->part = part;
            output->ready = !failed;
            pthread_cond_broadcast(&run->window.news);
            pthread_mutex_unlock(&run->window.lock);
            if (failed)
                break;
        }
    } else {
        pthread_mutex_lock(&run->window.lock);
        atomic_store(&run->crew.failed, true);
        pthread_cond_broadcast(&run->window.news);
        pthread_mutex_unlock(&run->window.lock);
    }
    segment_view_close(&phones.worker->open);
    segment_view_close(&phones.worker->copied);
    segment_view_close(&phones.worker->closed);
    store_read_end(phones.worker->txn);
    phones.worker->txn = NULL;
}

/* Waits for a part to be ready; NULL where something failed. */
static struct part_output *await_part(struct run *run, uint32_t part)
{
    struct part_output *output = &run->window.parts[part % run->window.size];
    pthread_mutex_lock(&run->window.lock);
    while (!(output->ready && output->part == part) && !crew_failed(&run->crew))
        pthread_cond_wait(&run->window.news, &run->window.lock);
    bool ready = output->ready && output->part == part;
    pthread_mutex_unlock(&run->window.lock);
    return ready ? output : NULL;
}

static void part_written(struct run *run, uint32_t *parts, bool failed)
{
    pthread_mutex_lock(&run->window.lock);
    ++*parts;
    if (failed)
        atomic_store(&run->crew.failed, true);
    pthread_cond_broadcast(&run->window.news);
    pthread_mutex_unlock(&run->window.lock);
}

static void file_parts(struct crew_worker *filer, void *context)
{
    struct run *run = context;
    for (uint32_t part = 0; part < run_parts(run) && filer->fault.code == FAULT_NONE; part++) {
        struct part_output *output = await_part(run, part);
        if (!output)
            break;
        part_written(run, &run->window.filed, run_file_part(run, output, filer) != 0);
    }
    if (!crew_failed(&run->crew) && !filer->fault.code)
        run_finish_parts(run, filer);
}

/* One pass over the parts: the workers make them, this thread stores them. */
static int make_parts(struct run *run)
{
    crew_start(&run->crew, apply_phones, run);
    int failed = 0;
    for (uint32_t part = 0; part < run_parts(run) && !failed; part++) {
        struct part_output *output = await_part(run, part);
        failed = !output || run_store_part(run, output);
        part_written(run, &run->window.stored, failed);
        progress_tick(&run->progress, part + 1, run_parts(run), atomic_load(&run->ingest.records_done));
    }
    return crew_join(&run->crew, run->fault) || failed ? -1 : 0;
}

/* The parts that were left as they are, into the new table; when the files have theirs, as the window is used again. */
static int copy_parts(struct run *run)
{
    pthread_mutex_lock(&run->window.lock);
    while (run->window.filed < run_parts(run) && !crew_failed(&run->crew))
        pthread_cond_wait(&run->window.news, &run->window.lock);
    pthread_mutex_unlock(&run->window.lock);
    if (crew_failed(&run->crew))
        return -1;
    for (uint32_t i = 0; i < run->window.size; i++)
        run->window.parts[i].ready = false;
    run->window.next = run->window.stored = 0;
    return make_parts(run);
}

int run_apply_phones(struct run *run)
{
    crew_start(&run->filer, file_parts, run);
    run->filing = true;
    return make_parts(run) || (run_open_lacks(run) && copy_parts(run)) ? -1 : 0;
}
