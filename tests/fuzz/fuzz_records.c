/* fuzz_records.c - a whole small file, header and records, to events: a reason of its kind's own or a sound event, and the same
 * once more from another file that says the same: columns turned round, an unknown one among them, all fields in quotes. */
#include "engine/check.h"
#include "engine/values.h"
#include "io/records.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS_MAX 24
#define NOW_MS 1795000000000 /* 2026-11 */

static const struct ref_region REGIONS[] = {{.code = 111000000, .active = true}, {.code = 222000000, .active = false}};
static const struct ref_operator OPERATORS[] = {
    {SPAN("other"), true}, {SPAN("kcell"), true}, {SPAN("gone"), false}, {SPAN("beeline"), true}};
static const struct ref REF = {.regions = REGIONS,
                               .region_count = 2,
                               .operators = OPERATORS,
                               .operator_count = 4,
                               .operator_ranks = (const uint16_t[]){3, 2, 1, 0}};
static const struct record_rules RULES = {.ref = &REF, .as_of_ms = NOW_MS, .remember = 400 * DAY_MS, .short_code = "1414"};

#define R(word) (1ull << REASON_##word)
#define UNREAD (R(BAD_FIELDS) | R(TOO_LONG) | R(BAD_UTF8))
static const uint64_t ALLOWED[KIND_COUNT] = {
    [KIND_NOTICES] = UNREAD | R(BAD_ID) | R(BAD_TIME) | R(TOO_OLD) | R(FUTURE) | R(BAD_MSISDN) | R(BAD_IIN) |
                     R(BAD_BIRTH_DATE) | R(BAD_SEX) | R(BAD_CHILD_ORDER) | R(BAD_REGION),
    [KIND_WITHDRAWALS] = UNREAD | R(BAD_ID) | R(BAD_TIME) | R(FUTURE) | R(BAD_CAUSE),
    [KIND_MESSAGES] = UNREAD | R(BAD_ID) | R(BAD_TIME) | R(TOO_OLD) | R(FUTURE) | R(BAD_MSISDN) | R(BAD_OPERATOR),
    [KIND_RESPONSES] = UNREAD | R(BAD_ID) | R(BAD_TIME) | R(FUTURE) | R(NO_REQUEST),
    [KIND_RECEIPTS] = UNREAD | R(BAD_ID) | R(BAD_TIME) | R(FUTURE) | R(NO_SMS),
    [KIND_TOTALS] = UNREAD | R(BAD_PARTY) | R(BAD_KIND) | R(BAD_TIME) | R(BAD_COUNT),
};
static const unsigned FIELDS[KIND_COUNT] = {
    [KIND_NOTICES] = NOTICE_FIELDS,   [KIND_WITHDRAWALS] = WITHDRAWAL_FIELDS, [KIND_RESPONSES] = RESPONSE_FIELDS,
    [KIND_MESSAGES] = MESSAGE_FIELDS, [KIND_RECEIPTS] = RECEIPT_FIELDS,
};

struct side { /* one of the two files, its header read */
    struct record_reader *reader;
    struct record_layout layout;
    struct csv_field fields[FIELDS_MAX];
};
static struct side first, turned;

static void sound(const struct record_reader *reader, enum kind kind)
{
    const struct event *event = &reader->event;
    struct span fields[EVENT_FIELDS_MAX];
    if (kind == KIND_TOTALS) {
        CHECK(reader->totals.of_agency ? reader->totals.agency < AGENCY_COUNT : reader->totals.operator < REF.operator_count);
        return;
    }
    CHECK(event_fields(event, fields) == FIELDS[kind] && event->kind == kind && event_equal(event, event));
    CHECK(value_id(fields[0]) && event->phone < 1000000000 && event->at_ms <= NOW_MS + DAY_MS);
    const struct span *last = &fields[FIELDS[kind] - 1];
    CHECK(last->data + last->size == event_payload(event) + event->size);
    for (unsigned i = 0; i < FIELDS[kind]; i++)
        CHECK(fields[i].size <= 4096 && value_text(fields[i]));
    if (kind == KIND_NOTICES || kind == KIND_MESSAGES)
        CHECK(reader->phone_known && event->at_ms >= NOW_MS - 400 * DAY_MS);
    if (kind == KIND_NOTICES)
        CHECK(value_iin(fields[NOTICE_IIN]) && (fields[NOTICE_ACCOUNT].size == 0 || fields[NOTICE_ACCOUNT].size == 20));
    if (kind == KIND_MESSAGES)
        CHECK(event->operator < REF.operator_count && REF.operators[event->operator].active);
    if (kind == KIND_RESPONSES)
        CHECK(event->agency < AGENCY_COUNT && event->case_number > 0);
    if (kind == KIND_RECEIPTS)
        CHECK(event->sms_number > 0 && event->case_number > 0);
}

static void alike(const struct record_reader *a, const struct record_reader *b, enum kind kind, enum reason reason)
{
    CHECK(a->phone_known == b->phone_known && a->identity_size == b->identity_size);
    CHECK(memcmp(a->identity, b->identity, a->identity_size) == 0);
    if (reason)
        return;
    if (kind == KIND_TOTALS) {
        CHECK(memcmp(&a->totals, &b->totals, sizeof a->totals) == 0 && a->totals_count == b->totals_count);
        return;
    }
    CHECK(memcmp(&a->event, &b->event, sizeof a->event + a->event.size) == 0);
    CHECK(event_identity_hash(&a->event, 7) == event_identity_hash(&b->event, 7));
    CHECK(event_content_hash(&a->event, 7) == event_content_hash(&b->event, 7));
}

/* Writes a record turned round: fields in quotes, the last first, and one more behind the first of them. */
static size_t turn(const struct csv_field *fields, uint32_t count, const char *more, char *out)
{
    char *at = out;
    for (uint32_t i = count; i-- > 0;) {
        *at++ = '"';
        for (uint32_t k = 0; k < fields[i].size; k++) {
            *at++ = fields[i].data[k];
            if (fields[i].data[k] == '"' && !fields[i].escaped)
                *at++ = '"';
        }
        *at++ = '"';
        if (i + 1 == count)
            at += sprintf(at, ",%s", more);
        if (i > 0)
            *at++ = ',';
    }
    return (size_t)(at - out);
}

/* Reads a turned record into `turned.fields`. The text lives in `out` until the next. */
static uint32_t read_turned(const struct csv_field *fields, uint32_t count, const char *more, char *out)
{
    size_t size = turn(fields, count, more, out), next;
    uint32_t turned_count = 0;
    CHECK(csv_next(out, size, 0, true, turned.fields, FIELDS_MAX, &turned_count, &next) == CSV_RECORD && next == size);
    CHECK(turned_count == count + 1);
    return turned_count;
}

#define MORE "\"a,\"\" b\""

static bool names_more(const struct csv_field *fields, uint32_t count)
{
    static const struct csv_field MORE_FIELD = {&MORE[1], sizeof MORE - 3, true};
    for (uint32_t i = 0; i < count; i++)
        if (csv_same(&fields[i], &MORE_FIELD))
            return true;
    return false;
}

static bool headers(const struct csv_field *fields, uint32_t count, char *out)
{
    char wrong[256] = "", turned_wrong[256] = "";
    if (names_more(fields, count) || (count == 1 && fields[0].size == 0))
        return false;
    bool taken = record_layout_read(&first.layout, fields, count, wrong);
    CHECK(record_layout_read(&turned.layout, turned.fields, read_turned(fields, count, MORE, out), turned_wrong) == taken);
    if (!taken) {
        CHECK(wrong[0] && turned_wrong[0]);
        return false;
    }
    CHECK(first.layout.column_count == count && first.layout.kind < KIND_COUNT && turned.layout.kind == first.layout.kind);
    return true;
}

static void record(const struct csv_field *fields, uint32_t count, char *out)
{
    enum kind kind = first.layout.kind;
    enum reason reason = record_read(first.reader, &first.layout, fields, count);
    CHECK(reason == REASON_NONE || ALLOWED[kind] >> reason & 1);
    CHECK((reason == REASON_BAD_FIELDS) == (count != first.layout.column_count));
    if (!reason)
        sound(first.reader, kind);
    if (count > FIELDS_MAX - 1)
        return;
    uint32_t turned_count = read_turned(fields, count, "\"\377\"", out);
    CHECK(record_read(turned.reader, &turned.layout, turned.fields, turned_count) == reason);
    alike(first.reader, turned.reader, kind, reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ids ids;
    static char out[16384];
    if (size > 4096)
        return 0;
    static bool ready;
    if (!ready) {
        ready = true;
        struct fault fault = {0};
        CHECK(ids_open(&ids, (const uint8_t *)"0123456789abcdef", &fault) == 0);
        first.reader = calloc(1, sizeof *first.reader);
        turned.reader = calloc(1, sizeof *turned.reader);
        first.reader->rules = turned.reader->rules = &RULES;
        first.reader->ids = turned.reader->ids = &ids;
    }
    bool headed = false;
    size_t next;
    for (size_t at = 0; at < size; at = next) {
        uint32_t count = 0;
        enum csv_result result = csv_next((const char *)data, size, at, true, first.fields, FIELDS_MAX, &count, &next);
        if (result == CSV_RECORD && headed)
            record(first.fields, count, out);
        else if (result == CSV_RECORD && (count > FIELDS_MAX - 1 || !headers(first.fields, count, out)))
            return 0;
        headed |= result == CSV_RECORD;
    }
    return 0;
}
