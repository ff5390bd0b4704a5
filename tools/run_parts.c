/* run_parts.c - SMS that came in parts become one (contract section 13): of a part of the phones, before its events are sorted.
 *
 * Parts of one (msisdn, operator, reference, count) are taken in the order of their time. References come again: a number that is there
 * already with another text begins the next SMS, and so does a part more than a day behind the first. Parts that come more than a minute
 * behind an SMS that lacks some, are whole SMS among themselves and contradict it, leave it alone: it is not made whole with theirs. The
 * same text under its number, of the SMS that is open or of the one before it, was delivered twice: a duplicate. The joined message has
 * the first part's identity and place in its file, and the latest part's time; the other parts are no records of their own. Parts of an
 * SMS that stays incomplete are rejected, bad_fields: they can be given again with the rest. */
#include "tools/run.h"

#include "engine/check.h"
#include "engine/values.h"
#include "io/profile_text.h"

#define PARTS_MAX 255
#define TEXT_MAX 4096
#define BURST_MS 60000 /* parts of an SMS that nothing held up are less apart */

struct part {
    const struct event *event;
    struct span fields[EVENT_FIELDS_MAX];
};

struct joining {
    struct run *run;
    struct run_worker *worker;
    uint32_t index;
    struct fault *fault;
    struct buffer *order; /* struct sort_entry: what is no part, and what was joined */
    struct part set[PARTS_MAX];  /* the SMS that is being put together, by number */
    struct part last[PARTS_MAX]; /* the one before it that was whole */
    unsigned there, last_count;
    int64_t since_ms, last_since_ms; /* of their first parts */
};

static void part_of_event(struct part *part, const struct event *event)
{
    part->event = event;
    event_fields(event, part->fields);
}

static uint8_t part_count(const struct part *part)
{
    return (uint8_t)part->fields[MESSAGE_PART].data[0];
}

static uint8_t part_number(const struct part *part)
{
    return (uint8_t)part->fields[MESSAGE_PART].data[1];
}

static int key_order(const struct part *a, const struct part *b)
{
    if (a->event->phone != b->event->phone)
        return a->event->phone < b->event->phone ? -1 : 1;
    if (a->event->operator_rank != b->event->operator_rank)
        return a->event->operator_rank < b->event->operator_rank ? -1 : 1;
    if (part_count(a) != part_count(b))
        return part_count(a) < part_count(b) ? -1 : 1;
    struct span x = a->fields[MESSAGE_PART], y = b->fields[MESSAGE_PART];
    return span_compare((struct span){x.data + 2, x.size - 2}, (struct span){y.data + 2, y.size - 2});
}

/* Of two parts of one key, save their places in the files. */
static int content_order(const struct part *a, const struct part *b)
{
    if (a->event->at_ms != b->event->at_ms)
        return a->event->at_ms < b->event->at_ms ? -1 : 1;
    if (part_number(a) != part_number(b))
        return part_number(a) < part_number(b) ? -1 : 1;
    int order = span_compare(a->fields[MESSAGE_ID], b->fields[MESSAGE_ID]);
    return order ? order : span_compare(a->fields[MESSAGE_TEXT], b->fields[MESSAGE_TEXT]);
}

static int part_order(const void *a, const void *b, const void *context)
{
    const struct run *run = context;
    struct part x, y;
    part_of_event(&x, a);
    part_of_event(&y, b);
    int order = key_order(&x, &y);
    if (!order)
        order = content_order(&x, &y);
    return order ? order : input_order(&run->inputs, x.event->piece, x.event->line, y.event->piece, y.event->line);
}

static int reject_part(struct joining *joining, const struct event *event, enum reason reason)
{
    struct run *run = joining->run;
    struct reject reject = {.piece = event->piece, .line = event->line, .kind = KIND_MESSAGES, .outcome = VERDICT_REJECT,
                            .is_part = true, .reason = (uint8_t)reason};
    return spool_add(&run->rejects, joining->index, run->inputs.pieces[event->piece].reject_part, &reject, sizeof reject, NULL, 0,
                     joining->fault);
}

static int reject_set(struct joining *joining, enum reason reason)
{
    for (unsigned i = 0; i < PARTS_MAX && joining->there; i++) {
        if (!joining->set[i].event)
            continue;
        if (reject_part(joining, joining->set[i].event, reason))
            return -1;
        joining->set[i].event = NULL;
        joining->there--;
    }
    return 0;
}

static char *put_field(char *at, struct span field)
{
    uint16_t size = (uint16_t)field.size;
    memcpy(at, &size, sizeof size);
    if (size)
        memcpy(at + sizeof size, field.data, size);
    return at + sizeof size + size;
}

/* All parts are there: one message. `joined` has room for all that can come of the parts. */
static int join_set(struct joining *joining)
{
    struct buffer *joined = &joining->worker->joined;
    char text[2 * TEXT_MAX];
    size_t size = 0;
    unsigned count = joining->there;
    int64_t at_ms = INT64_MIN;
    for (unsigned i = 0; i < count; i++) {
        size = profile_add_part(text, size, joining->set[i].fields[MESSAGE_TEXT]);
        if (size > TEXT_MAX)
            return reject_set(joining, REASON_TOO_LONG);
        if (joining->set[i].event->at_ms > at_ms)
            at_ms = joining->set[i].event->at_ms;
    }
    if (!value_text((struct span){text, size})) /* half a character that found no other half */
        return reject_set(joining, REASON_BAD_UTF8);
    struct event *event = (struct event *)(joined->data + joined->size);
    *event = *joining->set[0].event;
    event->at_ms = at_ms;
    event->flags &= (uint8_t)~EVENT_PART;
    char *end = put_field(put_field((char *)(event + 1), joining->set[0].fields[MESSAGE_ID]), (struct span){text, size});
    event->size = (uint16_t)(end - (char *)(event + 1));
    memset(end, 0, event_bytes(event) - sizeof *event - event->size);
    joined->size += event_bytes(event);
    CHECK(joined->size <= joined->capacity);
    for (unsigned i = 0; i < count; i++) {
        if (i)
            joining->worker->joined_parts[joining->run->inputs.pieces[joining->set[i].event->piece].file]++;
        joining->set[i].event = NULL;
    }
    joining->there = 0;
    struct sort_entry entry = {value_phone_hash(event->phone), event};
    return buffer_add(joining->order, &entry, sizeof entry, joining->fault);
}

static bool same_text(const struct part *a, const struct part *b)
{
    return a->event && span_equal(a->fields[MESSAGE_TEXT], b->fields[MESSAGE_TEXT]);
}

/* Was it delivered twice, of the SMS before, which was whole? */
static bool is_of_last(const struct joining *joining, const struct part *part)
{
    return joining->last_count && part->event->at_ms - joining->last_since_ms <= DAY_MS &&
           same_text(&joining->last[part_number(part) - 1], part);
}

static int take_part(struct joining *joining, const struct part *part)
{
    unsigned place = part_number(part) - 1u;
    int64_t at_ms = part->event->at_ms;
    if (joining->there && at_ms - joining->since_ms > DAY_MS && reject_set(joining, REASON_BAD_FIELDS))
        return -1;
    if (same_text(&joining->set[place], part) || is_of_last(joining, part)) {
        joining->worker->duplicates[joining->run->inputs.pieces[part->event->piece].file]++;
        return 0;
    }
    if (joining->set[place].event && reject_set(joining, REASON_BAD_FIELDS))
        return -1;
    if (!joining->there)
        joining->since_ms = at_ms;
    joining->set[place] = *part;
    joining->there++;
    if (joining->there < part_count(part))
        return 0;
    joining->last_count = joining->there;
    joining->last_since_ms = joining->since_ms;
    memcpy(joining->last, joining->set, joining->there * sizeof *joining->set);
    return join_set(joining);
}

/* Are the parts from parts[at] on, as far as each comes soon after the one before, whole SMS among themselves, and other ones than the one
 * that lacks a part? Then each number is there as often as any. *ret_end: behind them. */
static bool are_others(const struct joining *joining, const struct sort_entry *parts, size_t at, size_t count, size_t *ret_end)
{
    unsigned times[PARTS_MAX] = {0};
    struct span texts[PARTS_MAX];
    bool others = false;
    struct part first, part, before;
    part_of_event(&first, parts[at].item);
    for (before = first; at < count; before = part, at++) {
        part_of_event(&part, parts[at].item);
        unsigned place = part_number(&part) - 1u;
        struct span text = part.fields[MESSAGE_TEXT];
        if (key_order(&first, &part) != 0 || part.event->at_ms - before.event->at_ms > BURST_MS)
            break;
        if (is_of_last(joining, &part) || (times[place] && span_equal(texts[place], text)))
            continue;
        times[place]++;
        texts[place] = text;
        others |= joining->set[place].event && !same_text(&joining->set[place], &part);
    }
    *ret_end = at;
    for (unsigned i = 0; i < part_count(&first); i++)
        others = others && times[i] && times[i] == times[0];
    return others;
}

/* An SMS that lacks a part is left; of its parts those that were delivered again, among parts[at..end), are duplicates. */
static int leave_set(struct joining *joining, const struct sort_entry *parts, size_t at, size_t end)
{
    for (; at < end; at++) {
        struct part again, *part;
        part_of_event(&again, parts[at].item);
        part = &joining->set[part_number(&again) - 1];
        if (!same_text(part, &again))
            continue;
        joining->worker->duplicates[joining->run->inputs.pieces[part->event->piece].file]++;
        part->event = NULL;
        joining->there--;
    }
    return reject_set(joining, REASON_BAD_FIELDS);
}

static int join(struct joining *joining, const struct sort_entry *parts, size_t count)
{
    struct part before = {0};
    for (size_t i = 0; i < count; i++) {
        struct part part;
        part_of_event(&part, parts[i].item);
        bool same_key = i && key_order(&before, &part) == 0;
        if (i && !same_key && reject_set(joining, REASON_BAD_FIELDS))
            return -1;
        size_t end;
        if (joining->there && part.event->at_ms - before.event->at_ms > BURST_MS && are_others(joining, parts, i, count, &end) &&
            leave_set(joining, parts, i, end))
            return -1;
        if (!same_key)
            joining->last_count = 0;
        before = part;
        if (take_part(joining, &part))
            return -1;
    }
    return reject_set(joining, REASON_BAD_FIELDS);
}

static bool is_part(const struct event *event)
{
    return event->kind == KIND_MESSAGES && (event->flags & EVENT_PART);
}

int run_join_parts(struct run *run, uint32_t index, struct fault *fault)
{
    struct run_worker *worker = &run->workers[index];
    struct sort_entry *entries = (struct sort_entry *)worker->order.data;
    size_t count = worker->order.size / sizeof *entries, kept = 0, bytes = 0;
    struct buffer parts = {0};
    struct joining *joining = NULL;
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        const struct event *event = entries[i].item;
        if (!is_part(event)) {
            entries[kept++] = entries[i];
            continue;
        }
        bytes += event_bytes(event);
        failed = buffer_add(&parts, &entries[i], sizeof entries[i], fault);
    }
    worker->order.size = kept * sizeof *entries;
    if (failed || !parts.size) {
        buffer_free(&parts);
        return failed;
    }
    buffer_clear(&worker->joined);
    if (buffer_room(&worker->joined, bytes, fault) && (joining = sys.alloc(sizeof *joining)) == NULL)
        fault_memory(fault);
    if (joining) {
        *joining = (struct joining){.run = run, .worker = worker, .index = index, .fault = fault, .order = &worker->order};
        count = parts.size / sizeof *entries;
        sort_entries((struct sort_entry *)parts.data, (struct sort_entry *)worker->spare.data, count, part_order, run);
        failed = join(joining, (struct sort_entry *)parts.data, count);
    }
    sys.free(joining);
    buffer_free(&parts);
    return failed || fault->code ? -1 : 0;
}
