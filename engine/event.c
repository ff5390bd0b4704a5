/* event.c - see event.h. */
#include "engine/event.h"

#include "engine/check.h"
#include "engine/pack.h"

#include <xxhash.h>

const char *const RECEIPT_WORDS[] = {"accepted", "delivered", "failed"};

/* how many leading fields are identity, and how many are identity and content together */
static const uint8_t IDENTITY_FIELDS[KIND_COUNT] = {
    [KIND_NOTICES] = 1, [KIND_WITHDRAWALS] = 1, [KIND_RESPONSES] = 2, [KIND_MESSAGES] = 1, [KIND_RECEIPTS] = 2,
};
static const uint8_t ORDER_FIELDS[KIND_COUNT] = {
    [KIND_NOTICES] = NOTICE_ACCOUNT + 1,     [KIND_WITHDRAWALS] = WITHDRAWAL_FIELDS,
    [KIND_RESPONSES] = RESPONSE_FIELDS,      [KIND_MESSAGES] = MESSAGE_FIELDS,
    [KIND_RECEIPTS] = RECEIPT_OPERATOR_REF + 1,
};

static const char *next_field(const char *at, struct span *ret_field)
{
    uint16_t size;
    memcpy(&size, at, sizeof size);
    *ret_field = (struct span){at + sizeof size, size};
    return at + sizeof size + size;
}

unsigned event_fields(const struct event *event, struct span fields[EVENT_FIELDS_MAX])
{
    const char *at = event_payload(event), *end = at + event->size;
    unsigned count = 0;
    while (at < end) {
        CHECK(count < EVENT_FIELDS_MAX);
        at = next_field(at, &fields[count++]);
    }
    return count;
}

/* ---- packed ---- */

#define PLAIN 0     /* else a message's flags follow, shifted by one, with 1 below */
#define TIME_SIZE 6 /* of the signed number of milliseconds: 4,461 years either way */

static char *pack_field(char *out, struct span field, enum pack_form form, const char *packed)
{
    out = pack_number(out, field.size << 2 | form);
    return mempcpy(out, form == PACK_RAW ? field.data : packed, pack_id_bytes(form, field.size));
}

size_t event_pack(const struct event *event, const char *payload, char *out)
{
    char *begin = out, packed[PACK_ID_MAX / 2];
    struct span id, text;
    if (event->kind != KIND_MESSAGES || event->flags & EVENT_PART) { /* a part has a field more, and is rare */
        *out++ = PLAIN;
        out = mempcpy(out, event, sizeof *event);
        return (size_t)((char *)mempcpy(out, payload, event->size) - begin);
    }
    const char *behind = next_field(next_field(payload, &id), &text);
    CHECK(behind == payload + event->size);
    *out++ = (char)(event->flags << 1 | 1);
    out = mempcpy(out, &event->phone, sizeof event->phone);
    out = mempcpy(out, &event->at_ms, TIME_SIZE);
    out = pack_number(out, event->piece);
    out = pack_number(out, event->line);
    out = pack_number(out, event->operator);
    out = pack_number(out, event->operator_rank);
    out = pack_field(out, id, pack_id(id.data, id.size, packed), packed);
    return (size_t)(pack_field(out, text, PACK_RAW, NULL) - begin);
}

static uint32_t take_number(const char **at)
{
    uint64_t number = 0;
    CHECK(unpack_number(at, *at + PACK_NUMBER_MAX, &number));
    return (uint32_t)number;
}

static char *take_field(const char **at, char *out)
{
    uint32_t number = take_number(at);
    enum pack_form form = number & 3;
    uint16_t size = (uint16_t)(number >> 2);
    out = mempcpy(out, &size, sizeof size);
    if (form == PACK_RAW)
        memcpy(out, *at, size);
    else
        unpack_id(form, *at, size, out);
    *at += pack_id_bytes(form, size);
    return out + size;
}

size_t event_unpack(const char *at, struct event *out)
{
    const char *begin = at;
    uint8_t tag = (uint8_t)*at++;
    if (tag == PLAIN) {
        memcpy(out, at, sizeof *out);
        memcpy(out + 1, at + sizeof *out, out->size);
        return 1 + sizeof *out + out->size;
    }
    *out = (struct event){.kind = KIND_MESSAGES, .flags = tag >> 1};
    memcpy(&out->phone, at, sizeof out->phone);
    at += sizeof out->phone;
    uint64_t time = 0;
    memcpy(&time, at, TIME_SIZE);
    out->at_ms = (int64_t)(time << 16) >> 16; /* its sign */
    at += TIME_SIZE;
    out->piece = take_number(&at);
    out->line = take_number(&at);
    out->operator = (uint16_t)take_number(&at);
    out->operator_rank = (uint16_t)take_number(&at);
    char *payload = (char *)(out + 1), *end = take_field(&at, take_field(&at, payload));
    out->size = (uint16_t)(end - payload);
    return (size_t)(at - begin);
}

int event_compare(const struct event *a, const struct event *b)
{
    int order = COMPARE(a->at_ms, b->at_ms);
    if (!order)
        order = COMPARE(a->kind, b->kind);
    if (!order && a->kind == KIND_MESSAGES)
        order = COMPARE(a->operator_rank, b->operator_rank);
    const char *at_a = event_payload(a), *at_b = event_payload(b);
    for (unsigned i = 0; !order && i < ORDER_FIELDS[a->kind]; i++) {
        struct span field_a, field_b;
        at_a = next_field(at_a, &field_a);
        at_b = next_field(at_b, &field_b);
        order = span_compare(field_a, field_b);
    }
    return order;
}

/* The bytes of fields [from, to) with their sizes: unambiguous, and in one piece. */
static struct span fields_between(const struct event *event, unsigned from, unsigned to)
{
    const char *at = event_payload(event);
    const char *begin = at;
    for (unsigned i = 0; i < to; i++) {
        struct span field;
        if (i == from)
            begin = at;
        at = next_field(at, &field);
    }
    return (struct span){begin, (size_t)(at - begin)};
}

uint64_t event_identity_hash(const struct event *event, uint64_t seed)
{
    struct span part = fields_between(event, 0, IDENTITY_FIELDS[event->kind]);
    if (event->kind == KIND_MESSAGES)
        seed += (event->operator + 1) * 0x9E3779B97F4A7C15u;
    return XXH3_64bits_withSeed(part.data, part.size, seed);
}

uint64_t event_message_seed(uint64_t seed, struct span short_code)
{
    return XXH3_64bits_withSeed(short_code.data, short_code.size, seed);
}

uint64_t event_content_hash(const struct event *event, uint64_t seed)
{
    struct span part = fields_between(event, IDENTITY_FIELDS[event->kind], ORDER_FIELDS[event->kind]);
    /* the header's part of the content, spread over the seed by XXH3's primes: a call of it less for each message */
    uint64_t facts = ((uint64_t)event->at_ms * 0x9E3779B185EBCA87u + event->phone) * 0x9FB21C651E98DF25u;
    return XXH3_64bits_withSeed(part.data, part.size, seed + (facts ^ facts >> 32));
}
