/* test_event.c - the order of a phone's events and what is remembered of them (contract section 4): instant; kind; identity, then
 * content, field by field as bytes. */
#include "engine/event.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Fields parted by '|', as many as the kind has. */
struct sketch {
    enum kind kind;
    int64_t at_ms;
    const char *fields;
    unsigned operator; /* of a message: id; ranks are the other way round */
};

static struct event *draw(const struct sketch *sketch)
{
    size_t size = strlen(sketch->fields);
    struct event *event = calloc(1, sizeof *event + 2 * (size + 1) + size);
    event->kind = (uint8_t)sketch->kind;
    event->at_ms = sketch->at_ms;
    event->phone = 10000001;
    if (sketch->kind == KIND_MESSAGES) {
        event->operator = (uint16_t)sketch->operator;
        event->operator_rank = (uint16_t)(100 - sketch->operator);
    }
    char *out = (char *)(event + 1);
    for (const char *at = sketch->fields;; at++) {
        uint16_t length = (uint16_t)strcspn(at, "|");
        memcpy(out, &length, 2);
        memcpy(out + 2, at, length);
        out += 2 + length;
        at += length;
        if (!*at)
            break;
    }
    event->size = (uint16_t)(out - (char *)(event + 1));
    return event;
}

/* Each row comes before the next, and before all behind it. */
static const struct sketch IN_ORDER[] = {
    /* the instant, whatever else */
    {KIND_RECEIPTS, -5, "z|z|z|z|z", 0},
    {KIND_MESSAGES, 0, "z|z", 9},
    /* of one instant: notice, withdrawal, response, message, receipt */
    {KIND_NOTICES, 1, "A|1|2|M|1|5||", 0},
    {KIND_NOTICES, 1, "A|1|2|M|1|5|K|", 0},
    {KIND_NOTICES, 1, "A|1|2|M|1|6||", 0},
    {KIND_NOTICES, 1, "A|1|2|M|2|5||", 0},
    {KIND_NOTICES, 1, "A|1|3|F|1|5||", 0},
    {KIND_NOTICES, 1, "A|1|3|M|1|5||", 0},
    {KIND_NOTICES, 1, "A|2|2|M|1|5||", 0},
    {KIND_NOTICES, 1, "AA|1|2|M|1|5||", 0}, /* a beginning comes first */
    {KIND_NOTICES, 1, "B|1|2|M|1|5||", 0},
    {KIND_NOTICES, 1, "\xd0\x90|1|2|M|1|5||", 0}, /* bytes are unsigned */
    {KIND_WITHDRAWALS, 1, "A|death", 0},
    {KIND_WITHDRAWALS, 1, "A|mistake", 0},
    {KIND_WITHDRAWALS, 1, "B|death", 0},
    {KIND_RESPONSES, 1, "q1|queued|||5||", 0},
    {KIND_RESPONSES, 1, "q1|queued|||5||r", 0},
    {KIND_RESPONSES, 1, "q1|queued|||5|9|", 0},
    {KIND_RESPONSES, 1, "q1|queued|||6||", 0},
    {KIND_RESPONSES, 1, "q1|queued||p|5||", 0},
    {KIND_RESPONSES, 1, "q1|queued|r||5||", 0},
    {KIND_RESPONSES, 1, "q1|refused|||||", 0},
    {KIND_RESPONSES, 1, "q2|queued|||5||", 0},
    /* the operator's code before the id */
    {KIND_MESSAGES, 1, "m2|a", 3},
    {KIND_MESSAGES, 1, "m1|a", 2},
    {KIND_MESSAGES, 1, "m1|b", 2},
    {KIND_MESSAGES, 1, "m2|a", 2},
    {KIND_MESSAGES, 1, "m1|a", 1},
    {KIND_RECEIPTS, 1, "s1|accepted|||accepted", 0},
    {KIND_RECEIPTS, 1, "s1|accepted||r|accepted", 0},
    {KIND_RECEIPTS, 1, "s1|accepted|o||accepted", 0},
    {KIND_RECEIPTS, 1, "s1|failed|||failed", 0},
    {KIND_RECEIPTS, 1, "s2|accepted|||accepted", 0},
    {KIND_NOTICES, 2, "A|1|2|M|1|5||", 0},
};
enum { IN_ORDER_COUNT = sizeof IN_ORDER / sizeof *IN_ORDER };

Test(event, order)
{
    struct event *events[IN_ORDER_COUNT];
    for (int i = 0; i < IN_ORDER_COUNT; i++)
        events[i] = draw(&IN_ORDER[i]);
    for (int i = 0; i < IN_ORDER_COUNT; i++) {
        for (int j = 0; j < IN_ORDER_COUNT; j++) {
            int order = event_compare(events[i], events[j]);
            cr_expect(i < j ? order < 0 : i > j ? order > 0 : order == 0, "row %d before row %d: %d", i, j, order);
            cr_expect_eq(event_equal(events[i], events[j]), i == j, "%d, %d", i, j);
        }
    }
    for (int i = 0; i < IN_ORDER_COUNT; i++)
        free(events[i]);
}

/* What is alike though the rest differs: a notice's hospital is no content, a receipt's word as it was given is none either. */
Test(event, what_does_not_count)
{
    static const struct sketch ROWS[][2] = {
        {{KIND_NOTICES, 1, "A|1|2|M|1|5||H1", 0}, {KIND_NOTICES, 1, "A|1|2|M|1|5||H2", 0}},
        {{KIND_RECEIPTS, 1, "s1|failed|||failed", 0}, {KIND_RECEIPTS, 1, "s1|failed|||UNDELIV", 0}},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct event *a = draw(&ROWS[i][0]), *b = draw(&ROWS[i][1]);
        b->line = 7; /* nor does the place where it stood */
        b->piece = 3;
        cr_expect(event_equal(a, b), "row %zu", i);
        cr_expect_eq(event_content_hash(a, 5), event_content_hash(b, 5), "row %zu", i);
        free(a);
        free(b);
    }
}

/* Identity: notice_id; (msisdn, operator, message_id); (request_id, status); (sms_id, status). Content: the rest and the time. */
Test(event, hashes)
{
    static const struct {
        struct sketch a, b;
        bool same_identity, same_content;
    } ROWS[] = {
        {{KIND_NOTICES, 1, "A|1|2|M|1|5||", 0}, {KIND_NOTICES, 1, "A|1|2|M|1|5||", 0}, true, true},
        {{KIND_NOTICES, 1, "A|1|2|M|1|5||", 0}, {KIND_NOTICES, 1, "B|1|2|M|1|5||", 0}, false, true},
        {{KIND_NOTICES, 1, "A|1|2|M|1|5||", 0}, {KIND_NOTICES, 1, "A|2|2|M|1|5||", 0}, true, false},
        {{KIND_NOTICES, 1, "A|1|2|M|1|5||", 0}, {KIND_NOTICES, 1, "A|1|2|M|1|5|K|", 0}, true, false},
        {{KIND_NOTICES, 1, "A|1|2|M|1|5||", 0}, {KIND_NOTICES, 2, "A|1|2|M|1|5||", 0}, true, false},
        {{KIND_MESSAGES, 1, "m|x", 1}, {KIND_MESSAGES, 1, "m|x", 2}, false, true},
        {{KIND_MESSAGES, 1, "m|x", 1}, {KIND_MESSAGES, 1, "n|x", 1}, false, true},
        {{KIND_MESSAGES, 1, "m|x", 1}, {KIND_MESSAGES, 1, "m|y", 1}, true, false},
        {{KIND_MESSAGES, 1, "m|x", 1}, {KIND_MESSAGES, 2, "m|x", 1}, true, false},
        {{KIND_RESPONSES, 1, "q|queued|||5||", 0}, {KIND_RESPONSES, 1, "q|refused|||5||", 0}, false, true},
        {{KIND_RESPONSES, 1, "q|queued|||5||", 0}, {KIND_RESPONSES, 1, "q|queued|||6||", 0}, true, false},
        {{KIND_RESPONSES, 1, "q|queued|||5||", 0}, {KIND_RESPONSES, 1, "q|queued|r||5||", 0}, true, false},
        {{KIND_RESPONSES, 1, "q|queued|||5||", 0}, {KIND_RESPONSES, 1, "q|queued|||5||r", 0}, true, false},
        {{KIND_WITHDRAWALS, 1, "A|death", 0}, {KIND_WITHDRAWALS, 1, "A|mistake", 0}, true, false},
        {{KIND_WITHDRAWALS, 1, "A|death", 0}, {KIND_WITHDRAWALS, 1, "B|death", 0}, false, true},
        {{KIND_RECEIPTS, 1, "s|failed|||f", 0}, {KIND_RECEIPTS, 1, "s|delivered|||f", 0}, false, true},
        {{KIND_RECEIPTS, 1, "s|failed|||f", 0}, {KIND_RECEIPTS, 1, "s|failed|o||f", 0}, true, false},
        {{KIND_RECEIPTS, 1, "ab|c|||f", 0}, {KIND_RECEIPTS, 1, "a|bc|||f", 0}, false, true}, /* fields do not run together */
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct event *a = draw(&ROWS[i].a), *b = draw(&ROWS[i].b);
        cr_expect_eq(event_identity_hash(a, 5) == event_identity_hash(b, 5), ROWS[i].same_identity, "row %zu", i);
        cr_expect_eq(event_content_hash(a, 5) == event_content_hash(b, 5), ROWS[i].same_content, "row %zu", i);
        cr_expect_neq(event_identity_hash(a, 5), event_identity_hash(a, 6), "the seed counts");
        cr_expect_neq(event_content_hash(a, 5), event_content_hash(a, 6));
        b->phone++;
        cr_expect_neq(event_content_hash(a, 5), event_content_hash(b, 5), "the phone is content");
        free(a);
        free(b);
    }
    cr_expect_neq(event_message_seed(5, SPAN("1414")), event_message_seed(5, SPAN("1415")), "and so is the short code");
    cr_expect_neq(event_message_seed(5, SPAN("1414")), event_message_seed(6, SPAN("1414")));
}

Test(event, fields)
{
    static const struct sketch SKETCH = {KIND_NOTICES, 1, "A||2|M|1|5||H", 0};
    struct event *event = draw(&SKETCH);
    struct span fields[EVENT_FIELDS_MAX];
    cr_expect_eq(event_fields(event, fields), (unsigned)NOTICE_FIELDS);
    cr_expect(span_equal(fields[NOTICE_ID], SPAN("A")));
    cr_expect(span_equal(fields[NOTICE_IIN], SPAN("")));
    cr_expect(span_equal(fields[NOTICE_HOSPITAL], SPAN("H")));
    event->size = 0;
    cr_expect_eq(event_fields(event, fields), 0u);
    event->size = 1; /* events lie one behind another, each at a multiple of eight */
    cr_expect_eq(event_bytes(event), 40u);
    event->size = 8;
    cr_expect_eq(event_bytes(event), 40u);
    event->size = 9;
    cr_expect_eq(event_bytes(event), 48u);
    free(event);
}

static void packed_and_back(const struct event *event)
{
    static char packed[EVENT_SIZE_MAX + 16], room[EVENT_SIZE_MAX + 8];
    size_t size = event_pack(event, event_payload(event), packed);
    cr_assert_leq(size, event_packed_max(event));
    memset(room, 0x55, sizeof room);
    struct event *back = (struct event *)room;
    cr_assert_eq(event_unpack(packed, back), size);
    cr_expect(memcmp(back, event, sizeof *event + event->size) == 0);
    cr_expect_eq(room[sizeof *event + event->size], 0x55);
}

/* Whatever it holds, an event comes out of its packed form as it went in. */
Test(event, packed_and_back)
{
    static const char *const IDS[] = {"0123456789abcdef", "01234567-89ab-cdef-fedc-ba9876543210", "7", "GW-1", "100000000000007919"};
    static const int64_t TIMES[] = {0, 1, -1, 1795000000123, -2208988800000, 7258118399999, INT64_C(0x7fffffffffff), -INT64_C(0x800000000000)};
    static const uint32_t NUMBERS[] = {0, 127, 128, 65535, UINT32_MAX};
    for (unsigned i = 0; i < 5 * 8 * 5; i++) {
        char fields[200];
        snprintf(fields, sizeof fields, "%s|%s", IDS[i % 5], i % 3 ? "R 1 2 Әлия" : "");
        struct event *event = draw(&(struct sketch){KIND_MESSAGES, TIMES[i / 5 % 8], fields, i % 2 ? 3 : 99});
        event->piece = NUMBERS[i / 40];
        event->line = NUMBERS[(i + 2) % 5];
        event->flags = i % 2 ? EVENT_OTHER_CODE : 0;
        packed_and_back(event);
        free(event);
    }
    for (unsigned i = 0; i < sizeof IN_ORDER / sizeof *IN_ORDER; i++) {
        struct event *event = draw(&IN_ORDER[i]);
        event->sms_number = 7;
        if (event->kind == KIND_MESSAGES) /* what a message has no use for is not kept */
            event->sms_number = 0;
        packed_and_back(event);
        free(event);
    }
    struct event *part = draw(&(struct sketch){KIND_MESSAGES, 1795000000123, "m1|R 1|\x02\x01x7", 3});
    part->flags = EVENT_PART; /* it has a field more than a message */
    packed_and_back(part);
    free(part);
    struct event due = {.phone = 10000001, .kind = KIND_COUNT, .at_ms = INT64_MAX};
    packed_and_back(&due);
}
