/* run_notices.c - notices are told apart first, over all phones: of those with one id the first counts, the others are
 * repeats or conflicts of it. Then they, and the withdrawals that name them, go on to their phones. At the end of the run the
 * notices that opened a case are entered into the index. */
#include "tools/run.h"

#include "engine/check.h"
#include "engine/values.h"

#include <stdatomic.h>

#define SUB_SEED 0x6e6f7469u

struct pass {
    struct run *run;
    atomic_uint next;
};

uint32_t run_notice_sub_of(const struct event *event, uint64_t seed)
{
    return (uint32_t)event_identity_hash(event, seed ^ SUB_SEED);
}

uint32_t run_notice_sub(const struct run *run, const struct event *event)
{
    return run_notice_sub_of(event, run->facts.seed);
}

/* (id, notices before withdrawals, registered_at, phone, content, place) */
static int notice_order(const void *a, const void *b, const void *context)
{
    const struct event *x = a, *y = b;
    const struct run *run = context;
    UNINITIALIZED struct span field_x[EVENT_FIELDS_MAX], field_y[EVENT_FIELDS_MAX];
    event_fields(x, field_x);
    event_fields(y, field_y);
    int order = span_compare(field_x[NOTICE_ID], field_y[NOTICE_ID]);
    if (!order)
        order = COMPARE(x->kind, y->kind);
    if (!order)
        order = COMPARE(x->at_ms, y->at_ms);
    if (!order)
        order = COMPARE(x->phone, y->phone);
    if (!order)
        order = event_compare(x, y);
    return order ? order : input_order(&run->inputs, x->piece, x->line, y->piece, y->line);
}

int run_load_part(struct run *run, struct run_worker *worker, struct spool *spool, uint32_t part, struct fault *fault)
{
    uint64_t size = spool_size(spool, part);
    struct buffer *packed = &worker->packed, *loaded = &worker->loaded, *order = &worker->order;
    buffer_clear(loaded);
    buffer_clear(order);
    if (!buffer_room(packed, size + 1, fault) || spool_load(spool, part, packed->data, fault))
        return -1;
    for (size_t at = 0; at < size;) {
        struct event *event = (struct event *)buffer_room(loaded, EVENT_SIZE_MAX + 8, fault);
        if (!event)
            return -1;
        at += event_unpack(packed->data + at, event);
        if (event->kind != EVENT_DUE && !run->inputs.pieces[event->piece].valid)
            continue; /* read on a wrong supposition */
        struct sort_entry entry = {spool == &run->notices ? event_identity_hash(event, run->facts.seed)
                                                          : value_phone_hash(event->phone),
                                   (const void *)(uintptr_t)loaded->size}; /* where it lies: the buffer may move yet */
        if (buffer_add(order, &entry, sizeof entry, fault))
            return -1;
        loaded->size += event_bytes(event);
    }
    struct sort_entry *entries = (struct sort_entry *)order->data;
    for (size_t i = 0; i < order->size / sizeof *entries; i++)
        entries[i].item = loaded->data + (uintptr_t)entries[i].item;
    return buffer_room(&worker->spare, order->size + 1, fault) ? 0 : -1;
}

struct span run_identity_tail(const struct event *event, char *room)
{
    struct span fields[EVENT_FIELDS_MAX];
    event_fields(event, fields);
    if (event->kind != KIND_RESPONSES && event->kind != KIND_RECEIPTS)
        return fields[0];
    struct span status = fields[event->kind == KIND_RESPONSES ? (unsigned)RESPONSE_STATUS : RECEIPT_STATUS_GIVEN];
    char *out = mempcpy(room, fields[0].data, fields[0].size);
    *out++ = ':';
    if (status.size)
        out = mempcpy(out, status.data, status.size);
    return (struct span){room, (size_t)(out - room)};
}

static size_t identity(const struct run *run, const struct event *event, char out[HISTORY_IDENTITY_MAX])
{
    struct history_row row = {0};
    UNINITIALIZED char room[HISTORY_IDENTITY_MAX];
    row.tail = run_identity_tail(event, room);
    if (event->kind == KIND_MESSAGES)
        row.head = run->facts.ref->operators[event->operator].code;
    return history_identity(&row, out);
}

int run_add_reject(struct run *run, uint32_t worker, const struct event *event, enum verdict_outcome outcome, enum reason reason,
                   bool phone_known, struct fault *fault)
{
    UNINITIALIZED char text[HISTORY_IDENTITY_MAX];
    struct reject reject = {
        .piece = event->piece,
        .line = event->line,
        .phone = event->phone,
        .identity_size = (uint16_t)identity(run, event, text),
        .kind = event->kind,
        .outcome = (uint8_t)outcome,
        .reason = (uint8_t)reason,
        .phone_known = phone_known,
    };
    return spool_add(&run->rejects, worker, run->inputs.pieces[event->piece].reject_part, &reject, sizeof reject, text,
                     reject.identity_size, fault);
}

int run_add_finding(struct run *run, uint32_t worker, struct finding_row *row, struct span party, struct span id,
                    struct span detail, struct fault *fault)
{
    UNINITIALIZED char bytes[FINDING_SIZE_MAX];
    size_t size = finding_pack(row, party, id, detail, bytes);
    return spool_add(&run->findings, worker, row->finding, bytes, size, NULL, 0, fault);
}

int run_add_event(struct run *run, uint32_t worker, const struct event *event, struct fault *fault)
{
    char *packed = run->workers[worker].event;
    size_t size = event_pack(event, event_payload(event), packed);
    return spool_add(&run->events, worker, part_of(value_phone_hash(event->phone), run->part_bits), packed, size, NULL, 0, fault);
}

static int pass_on(struct run *run, uint32_t worker, const struct event *event, uint32_t phone, struct fault *fault)
{
    ((struct event *)event)->phone = phone; /* it lies in this worker's own buffer */
    return run_add_event(run, worker, event, fault);
}

static int conflict(struct run *run, uint32_t worker, const struct event *event, struct fault *fault)
{
    struct span fields[EVENT_FIELDS_MAX];
    event_fields(event, fields);
    struct finding_row row = {.finding = FINDING_NOTICE_CONFLICT, .since_ms = event->at_ms, .phone = event->phone,
                              .has_phone = true};
    return run_add_finding(run, worker, &row, fields[NOTICE_HOSPITAL], fields[NOTICE_ID],
                           SPAN("the notice that came first counts"), fault) ||
                   run_add_reject(run, worker, event, VERDICT_REJECT, REASON_ID_CONFLICT, true, fault)
               ? -1
               : 0;
}

/* All records of this run that name one notice id. What fails stands in `fault`. */
static void tell_apart(struct run *run, uint32_t index, const struct sort_entry *group, size_t count, struct fault *fault)
{
    struct run_worker *worker = &run->workers[index];
    const struct event *first = group[0].item;
    struct span found;
    struct notice_record known = {0};
    int there = segment_find(&worker->notices, group[0].key, run_notice_sub(run, first), &found, fault);
    if (there < 0)
        return;
    if (there && !segment_notice(found, &known)) {
        db_damaged(fault, TABLE_NOTICES);
        return;
    }
    bool told = there;
    for (size_t i = 0; i < count; i++) {
        const struct event *event = group[i].item;
        int failed = 0;
        if (event->kind == KIND_WITHDRAWALS) {
            failed = told ? pass_on(run, index, event, known.phone, fault)
                          : run_add_reject(run, index, event, VERDICT_REJECT, REASON_NO_NOTICE, false, fault);
        } else if (!told) {
            told = true;
            known.content = event_content_hash(event, run->facts.seed);
            known.phone = event->phone;
            failed = pass_on(run, index, event, event->phone, fault);
        } else if (known.content == event_content_hash(event, run->facts.seed)) {
            worker->duplicates[run->inputs.pieces[event->piece].file]++;
        } else {
            failed = conflict(run, index, event, fault);
        }
        if (failed)
            return;
    }
}

static void tell_notices_apart(struct crew_worker *crew_worker, void *context)
{
    struct pass *pass = context;
    struct run *run = pass->run;
    struct fault *fault = &crew_worker->fault;
    struct run_worker *worker = &run->workers[crew_worker->index];
    if (store_read_begin(run->store, &worker->txn, fault) ||
        segment_view_live(&worker->notices, &run->store->db, worker->txn, run->store->state, SEGMENTED_NOTICES, fault))
        return;
    uint32_t part;
    while ((part = atomic_fetch_add(&pass->next, 1)) < run_parts(run) && !crew_failed(crew_worker->crew)) {
        if (run_load_part(run, worker, &run->notices, part, fault))
            break;
        struct sort_entry *entries = (struct sort_entry *)worker->order.data;
        size_t count = worker->order.size / sizeof *entries;
        sort_entries(entries, (struct sort_entry *)worker->spare.data, count, notice_order, run);
        for (size_t begin = 0, end; begin < count && fault->code == FAULT_NONE; begin = end) {
            struct span id[EVENT_FIELDS_MAX], other[EVENT_FIELDS_MAX];
            event_fields(entries[begin].item, id);
            for (end = begin + 1; end < count && entries[end].key == entries[begin].key; end++) {
                event_fields(entries[end].item, other);
                if (!span_equal(id[NOTICE_ID], other[NOTICE_ID]))
                    break;
            }
            tell_apart(run, crew_worker->index, entries + begin, end - begin, fault);
        }
        if (fault->code != FAULT_NONE)
            break;
    }
    segment_view_close(&worker->notices);
    store_read_end(worker->txn);
    worker->txn = NULL;
}

int run_tell_notices_apart(struct run *run)
{
    struct pass pass = {.run = run};
    return crew_run(&run->crew, tell_notices_apart, &pass, run->fault);
}

/* ---- the index ---- */

static int index_order(const void *a, const void *b, const void *context)
{
    const struct index_row *x = a, *y = b;
    (void)context;
    return COMPARE(x->sub, y->sub);
}

/* Sorted by id, part after part, straight to the store: a few bytes a notice, so one thread is enough. */
int run_index_notices(struct run *run)
{
    struct run_worker *worker = &run->workers[0];
    struct blobs blobs = {0};
    struct segment *segment = NULL;
    int failed = 0;
    if (!run->writing)
        return 0;
    for (uint32_t part = 0; part < run_parts(run) && !failed; part++) {
        uint64_t size = spool_size(&run->index, part);
        if (!size)
            continue;
        if (!segment) {
            uint32_t *count = &run->state->segment_counts[SEGMENTED_NOTICES];
            CHECK(*count < STORE_SEGMENTS_MAX);
            segment = &run->state->segments[SEGMENTED_NOTICES][(*count)++];
            *segment = (struct segment){.number = run->segment_numbers[SEGMENTED_NOTICES], .marks_ms = NEVER_MS};
        }
        buffer_clear(&worker->loaded);
        buffer_clear(&worker->order);
        failed = !buffer_room(&worker->loaded, size, run->fault) ||
                 spool_load(&run->index, part, worker->loaded.data, run->fault);
        for (size_t at = 0; at < size && !failed; at += sizeof(struct index_row)) {
            const struct index_row *row = (const struct index_row *)(worker->loaded.data + at);
            struct sort_entry entry = {row->hash, row};
            failed = buffer_add(&worker->order, &entry, sizeof entry, run->fault);
        }
        failed = failed || !buffer_room(&worker->spare, worker->order.size, run->fault);
        if (failed)
            break;
        struct sort_entry *entries = (struct sort_entry *)worker->order.data;
        size_t count = worker->order.size / sizeof *entries;
        sort_entries(entries, (struct sort_entry *)worker->spare.data, count, index_order, NULL);
        segment_begin(&worker->index_builder, segment->number, &blobs);
        for (size_t i = 0; i < count && !failed; i++) {
            const struct index_row *row = entries[i].item;
            char *room = segment_room(&worker->index_builder, sizeof row->record, run->fault);
            failed = !room;
            if (!failed) {
                memcpy(room, &row->record, sizeof row->record);
                failed = segment_add(&worker->index_builder, row->hash, row->sub, sizeof row->record, run->fault);
            }
        }
        failed = failed || segment_end(&worker->index_builder, run->fault) || blobs_write(&blobs, &run->writer, run->fault);
        segment->entries += worker->index_builder.entries_total;
        segment->bytes += worker->index_builder.bytes_total;
        blobs_clear(&blobs);
    }
    blobs_free(&blobs);
    return failed ? -1 : 0;
}
