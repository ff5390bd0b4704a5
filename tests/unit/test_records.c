/* test_records.c - every check of contract section 4 that needs no state, kind by kind: each alone, and any two together, where
 * the first counts; what reaches the event; and what rejects.csv is told. */
#include "engine/values.h"
#include "io/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct ref_region REGIONS[] = {{.code = 111000000, .active = true}, {.code = 222000000, .active = false}};
static const struct ref_operator OPERATORS[] = {{SPAN("other"), true}, {SPAN("kcell"), true}, {SPAN("gone"), false}, {SPAN("beeline"), true}};
static const struct ref REF = {.regions = REGIONS, .region_count = 2, .operators = OPERATORS, .operator_count = 4,
                               .operator_ranks = (const uint16_t[]){3, 2, 1, 0}};
static const uint8_t KEY[16] = "0123456789abcdef", OTHER_KEY[16] = "another key here";
#define AS_OF "2026-11-24T22:00:00+05:00"

static struct ids ids;
static struct record_rules rules = {.ref = &REF, .remember = 400 * DAY_MS, .short_code = "1414"};
static struct record_reader *reader;
static char sms_id[ID_SIZE + 1], request_id[ID_SIZE + 1], foreign_sms_id[ID_SIZE + 1], foreign_request_id[ID_SIZE + 1], long_text[4098];

static void set_up(void)
{
    struct fault fault = {0};
    struct ids foreign;
    struct id_facts facts = {.phone = 10000001, .case_number = 2, .sms_number = 3, .agency = AGENCY_BENEFIT};
    cr_assert(value_time(SPAN(AS_OF), &rules.as_of_ms));
    cr_assert_eq(ids_open(&ids, KEY, &fault), 0);
    cr_assert_eq(ids_open(&foreign, OTHER_KEY, &fault), 0);
    ids_sms(&ids, &facts, sms_id);
    ids_request(&ids, &facts, request_id);
    ids_sms(&foreign, &facts, foreign_sms_id);
    ids_request(&foreign, &facts, foreign_request_id);
    ids_close(&foreign);
    reader = calloc(1, sizeof *reader);
    reader->rules = &rules;
    reader->ids = &ids;
    memset(long_text, 'x', 4097);
}

static void tear_down(void)
{
    ids_close(&ids);
    free(reader);
}

TestSuite(records, .init = set_up, .fini = tear_down);

/* ---- a record in words: COLUMN=VALUE; of a good one only what is otherwise is said ---- */

struct column {
    const char *name, *good;
};
static const struct kind_row {
    enum kind kind;
    struct column columns[RECORD_COLUMNS_MAX + 1];
} GOOD[KIND_COUNT] = {
    {KIND_NOTICES,
     {{"notice_id", "N1"}, {"registered_at", "2026-11-24T10:00:00+05:00"}, {"msisdn", "77010000001"}, {"mother_iin", "920101450013"},
      {"birth_date", "2026-11-23"}, {"sex", "F"}, {"child_order", "2"}, {"region", "111000000"}, {"account", "KZ86125KZT5004100100"},
      {"hospital", "Роддом"}}},
    {KIND_WITHDRAWALS, {{"notice_id", "N1"}, {"withdrawn_at", "2026-11-24T10:00:00+05:00"}, {"cause", "death"}}},
    {KIND_RESPONSES,
     {{"request_id", request_id}, {"status", "assigned"}, {"responded_at", "2026-11-24T10:00:00+05:00"}, {"reference", "A1"},
      {"place", "ЦОН"}, {"queue_number", "5"}, {"amount", "10.5"}, {"reason", ""}}},
    {KIND_MESSAGES,
     {{"operator", "kcell"}, {"message_id", "m1"}, {"received_at", "2026-11-24T10:00:00+05:00"}, {"msisdn", "77010000001"},
      {"short_code", "1414"}, {"text", "R 1 1"}}},
    {KIND_RECEIPTS, {{"sms_id", sms_id}, {"status", "delivered"}, {"at", "2026-11-24T10:00:00+05:00"}, {"operator", "kcell"}, {"operator_ref", "r"}}},
    {KIND_TOTALS,
     {{"party", "kcell"}, {"kind", "messages"}, {"from", "2026-11-23T22:00:00+05:00"}, {"to", "2026-11-24T22:00:00+05:00"}, {"count", "7"}}},
};

struct draft {
    const struct kind_row *kind;
    const char *values[RECORD_COLUMNS_MAX];
    size_t sizes[RECORD_COLUMNS_MAX];
    unsigned count;
    int extra; /* fields more than the header has, or less */
};

static struct draft good(enum kind kind)
{
    struct draft draft = {.kind = &GOOD[kind]};
    for (; draft.count < RECORD_COLUMNS_MAX && GOOD[kind].columns[draft.count].name; draft.count++) {
        draft.values[draft.count] = GOOD[kind].columns[draft.count].good;
        draft.sizes[draft.count] = strlen(draft.values[draft.count]);
    }
    return draft;
}

static unsigned column_of(const struct draft *draft, const char *name, size_t size)
{
    for (unsigned i = 0; i < draft->count; i++)
        if (strlen(draft->kind->columns[i].name) == size && memcmp(draft->kind->columns[i].name, name, size) == 0)
            return i;
    cr_assert_fail("%s has no column %.*s", KIND_WORDS[draft->kind->kind], (int)size, name);
    return 0;
}

/* "COLUMN=VALUE" or "fields=+1". VALUE: <long> 4,097 bytes, <full> 4,096, <nul> a NUL within, <sms> <request> ids of ours,
 * <foreign-sms> <foreign-request> another store's, <as-of±SPAN> a time. */
static void put(struct draft *draft, const char *text, char room[64])
{
    const char *value = strchr(text, '=') + 1;
    if (strncmp(text, "fields=", 7) == 0) {
        draft->extra = atoi(value);
        return;
    }
    unsigned i = column_of(draft, text, (size_t)(value - 1 - text));
    size_t size = strlen(value);
    if (strcmp(value, "<long>") == 0)
        value = long_text, size = 4097;
    else if (strcmp(value, "<full>") == 0)
        value = long_text, size = 4096;
    else if (strcmp(value, "<nul>") == 0)
        value = "a\0b", size = 3;
    else if (strcmp(value, "<sms>") == 0)
        value = sms_id, size = ID_SIZE;
    else if (strcmp(value, "<request>") == 0)
        value = request_id, size = ID_SIZE;
    else if (strcmp(value, "<foreign-sms>") == 0)
        value = foreign_sms_id, size = ID_SIZE;
    else if (strcmp(value, "<foreign-request>") == 0)
        value = foreign_request_id, size = ID_SIZE;
    else if (strncmp(value, "<as-of", 6) == 0) {
        char number[32];
        int64_t span = 0, ms = 0;
        snprintf(number, sizeof number, "%.*s", (int)strcspn(value + 7, "+>"), value + 7);
        cr_assert(value_duration(span_of(number), &span), "%s", number);
        const char *more = strchr(value + 7, '+');
        if (more)
            ms = atoi(more + 1);
        int64_t at = rules.as_of_ms + (value[6] == '-' ? -span - ms : span + ms);
        size = value_time_write(at, room);
        value = room;
    }
    draft->values[i] = value;
    draft->sizes[i] = size;
}

/* Reads fields from anywhere as a record has them, one behind another in one buffer. */
static enum reason read_fields(const struct record_layout *layout, const struct csv_field *from, uint32_t count)
{
    static char line[1 << 18];
    struct csv_field fields[RECORD_COLUMNS_MAX + 4];
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_lt(at + from[i].size, sizeof line);
        fields[i] = (struct csv_field){memcpy(line + at, from[i].data, from[i].size), from[i].size, from[i].escaped};
        at += from[i].size;
        line[at++] = ',';
    }
    return record_read(reader, layout, fields, count);
}

static enum reason read_draft(const struct draft *draft)
{
    struct csv_field header[RECORD_COLUMNS_MAX], fields[RECORD_COLUMNS_MAX + 4];
    struct record_layout layout;
    char wrong[256];
    for (unsigned i = 0; i < draft->count; i++) {
        header[i] = (struct csv_field){draft->kind->columns[i].name, (uint32_t)strlen(draft->kind->columns[i].name), false};
        fields[i] = (struct csv_field){draft->values[i], (uint32_t)draft->sizes[i], false};
    }
    for (unsigned i = draft->count; i < COUNT(fields); i++)
        fields[i] = (struct csv_field){"", 0, false};
    cr_assert(record_layout_read(&layout, header, draft->count, wrong), "%s", wrong);
    cr_assert_eq(layout.kind, draft->kind->kind);
    return read_fields(&layout, fields, (uint32_t)((int)draft->count + draft->extra));
}

/* ---- the checks in section 4's order, with what brings each about ---- */

struct check {
    enum reason reason;
    const char *faults[3]; /* one of the columns' */
};
static const struct check CHECKS[KIND_COUNT][16] = {
    [KIND_NOTICES] = {{REASON_BAD_FIELDS, {"fields=-1", "fields=+1"}},
                      {REASON_TOO_LONG, {"hospital=<long>", "sex=<long>", "notice_id=<long>"}},
                      {REASON_BAD_UTF8, {"notice_id=\xff", "hospital=\xd0", "account=<nul>"}},
                      {REASON_BAD_ID, {"notice_id=N 1", "notice_id=", "notice_id=№1"}},
                      {REASON_BAD_TIME, {"registered_at=2026-11-24 10:00:00+05:00", "registered_at="}},
                      {REASON_TOO_OLD, {"registered_at=<as-of-400d+1>"}},
                      {REASON_FUTURE, {"registered_at=<as-of+24h+1>"}},
                      {REASON_BAD_MSISDN, {"msisdn=77110000001", "msisdn=", "msisdn=7701000000"}},
                      {REASON_BAD_IIN, {"mother_iin=920101450014", "mother_iin="}},
                      {REASON_BAD_BIRTH_DATE, {"birth_date=2026-02-30", "birth_date=2026-11-25", "birth_date="}},
                      {REASON_BAD_SEX, {"sex=f", "sex=", "sex=MF"}},
                      {REASON_BAD_CHILD_ORDER, {"child_order=0", "child_order=21", "child_order="}},
                      {REASON_BAD_REGION, {"region=222000000", "region=333000000", "region="}}},
    [KIND_WITHDRAWALS] = {{REASON_BAD_FIELDS, {"fields=-1", "fields=+1"}},
                          {REASON_TOO_LONG, {"cause=<long>", "notice_id=<long>"}},
                          {REASON_BAD_UTF8, {"notice_id=\xff", "cause=<nul>"}},
                          {REASON_BAD_ID, {"notice_id=", "notice_id=a b"}},
                          {REASON_BAD_TIME, {"withdrawn_at=now"}},
                          {REASON_FUTURE, {"withdrawn_at=<as-of+24h+1>"}},
                          {REASON_BAD_CAUSE, {"cause=Death", "cause=", "cause=moved"}}},
    [KIND_RESPONSES] = {{REASON_BAD_FIELDS, {"fields=-1", "fields=+1"}},
                        {REASON_TOO_LONG, {"place=<long>", "request_id=<long>"}},
                        {REASON_BAD_UTF8, {"request_id=\xff", "reason=<nul>"}},
                        {REASON_BAD_ID, {"request_id=", "request_id=a b"}},
                        {REASON_BAD_TIME, {"responded_at=now"}},
                        {REASON_FUTURE, {"responded_at=<as-of+24h+1>"}},
                        {REASON_NO_REQUEST, {"request_id=<sms>", "request_id=<foreign-request>", "request_id=17"}}},
    [KIND_MESSAGES] = {{REASON_BAD_FIELDS, {"fields=-1", "fields=+1"}},
                       {REASON_TOO_LONG, {"text=<long>", "operator=<long>"}},
                       {REASON_BAD_UTF8, {"operator=\xff", "text=\xed\xa0\x80", "text=<nul>"}},
                       {REASON_BAD_ID, {"message_id=", "message_id=a b", "message_id=ä"}},
                       {REASON_BAD_TIME, {"received_at=now"}},
                       {REASON_TOO_OLD, {"received_at=<as-of-400d+1>"}},
                       {REASON_FUTURE, {"received_at=<as-of+24h+1>"}},
                       {REASON_BAD_MSISDN, {"msisdn=74951234567", "msisdn="}},
                       {REASON_BAD_OPERATOR, {"operator=other", "operator=gone", "operator=Kcell"}}},
    [KIND_RECEIPTS] = {{REASON_BAD_FIELDS, {"fields=-1", "fields=+1"}},
                       {REASON_TOO_LONG, {"operator_ref=<long>", "sms_id=<long>"}},
                       {REASON_BAD_UTF8, {"sms_id=\xff", "operator=<nul>"}},
                       {REASON_BAD_ID, {"sms_id=", "sms_id=a b"}},
                       {REASON_BAD_TIME, {"at=now"}},
                       {REASON_FUTURE, {"at=<as-of+24h+1>"}},
                       {REASON_NO_SMS, {"sms_id=<request>", "sms_id=<foreign-sms>", "sms_id=17"}}},
    [KIND_TOTALS] = {{REASON_BAD_FIELDS, {"fields=-1", "fields=+1"}},
                     {REASON_TOO_LONG, {"count=<long>", "party=<long>"}},
                     {REASON_BAD_UTF8, {"party=\xff", "count=<nul>"}},
                     {REASON_BAD_PARTY, {"party=other", "party=", "party=gone"}},
                     {REASON_BAD_KIND, {"kind=responses", "kind=notices", "kind="}},
                     {REASON_BAD_TIME, {"from=now", "to=", "to=2026-11-24"}},
                     {REASON_BAD_COUNT, {"count=-1", "count=", "count=7.0"}}},
};

static bool same_column(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");
    return size == strcspn(b, "=") && memcmp(a, b, size) == 0;
}

Test(records, good_ones_pass)
{
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        struct draft draft = good(kind);
        cr_expect_eq(read_draft(&draft), REASON_NONE, "%s", KIND_WORDS[kind]);
    }
}

Test(records, each_check_alone)
{
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        for (const struct check *check = CHECKS[kind]; check->reason; check++) {
            for (unsigned i = 0; i < 3 && check->faults[i]; i++) {
                struct draft draft = good(kind);
                char room[64];
                put(&draft, check->faults[i], room);
                enum reason got = read_draft(&draft);
                cr_expect_eq(got, check->reason, "%s: %s: %s", KIND_WORDS[kind], check->faults[i], REASON_WORDS[got]);
            }
        }
    }
}

Test(records, the_first_fault_counts)
{
    unsigned pairs = 0;
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        for (const struct check *first = CHECKS[kind]; first->reason; first++) {
            for (const struct check *second = first + 1; second->reason; second++) {
                for (unsigned i = 0; i < 9; i++) {
                    const char *a = first->faults[i / 3], *b = second->faults[i % 3];
                    if (!a || !b || same_column(a, b))
                        continue;
                    struct draft draft = good(kind);
                    char room_a[64], room_b[64];
                    put(&draft, a, room_a);
                    put(&draft, b, room_b);
                    enum reason got = read_draft(&draft);
                    cr_expect_eq(got, first->reason, "%s: %s and %s: %s", KIND_WORDS[kind], a, b, REASON_WORDS[got]);
                    pairs++;
                }
            }
        }
    }
    cr_log_info("%u pairs\n", pairs);
    cr_expect_gt(pairs, 400u);
}

/* ---- edges ---- */

Test(records, edges)
{
    static const struct {
        enum kind kind;
        const char *put[2];
        enum reason reason;
    } ROWS[] = {
        {KIND_NOTICES, {"registered_at=<as-of-400d>"}, REASON_BAD_BIRTH_DATE}, /* not too old: the day of birth is checked */
        {KIND_NOTICES, {"registered_at=<as-of-400d>", "birth_date=2025-10-20"}, REASON_NONE},
        {KIND_NOTICES, {"registered_at=<as-of+24h>"}, REASON_NONE},
        {KIND_MESSAGES, {"received_at=<as-of-400d>"}, REASON_NONE},
        {KIND_MESSAGES, {"received_at=<as-of+24h>"}, REASON_NONE},
        {KIND_WITHDRAWALS, {"withdrawn_at=1900-01-01T00:00:00Z"}, REASON_NONE},
        {KIND_RESPONSES, {"responded_at=1900-01-01T00:00:00Z"}, REASON_NONE},
        {KIND_RECEIPTS, {"at=1900-01-01T00:00:00Z"}, REASON_NONE},
        {KIND_RECEIPTS, {"at=<as-of+24h>"}, REASON_NONE},
        {KIND_NOTICES, {"birth_date=2026-11-24"}, REASON_NONE},
        {KIND_NOTICES, {"registered_at=2026-11-23T19:00:00Z", "birth_date=2026-11-24"}, REASON_NONE}, /* the day in +05:00 */
        {KIND_NOTICES, {"registered_at=2026-11-23T18:59:59.999Z", "birth_date=2026-11-24"}, REASON_BAD_BIRTH_DATE},
        {KIND_NOTICES, {"birth_date=1926-11-24"}, REASON_NONE},
        {KIND_NOTICES, {"child_order=1"}, REASON_NONE},
        {KIND_NOTICES, {"child_order=20"}, REASON_NONE},
        {KIND_NOTICES, {"child_order=2.0"}, REASON_BAD_CHILD_ORDER},
        {KIND_NOTICES, {"child_order=+2"}, REASON_BAD_CHILD_ORDER},
        {KIND_NOTICES, {"child_order= 2"}, REASON_BAD_CHILD_ORDER},
        {KIND_NOTICES, {"child_order=200"}, REASON_BAD_CHILD_ORDER},
        {KIND_NOTICES, {"sex=M"}, REASON_NONE},
        {KIND_NOTICES, {"sex= M"}, REASON_BAD_SEX},
        {KIND_NOTICES, {"region=11100000"}, REASON_BAD_REGION},
        {KIND_NOTICES, {"region=1110000000"}, REASON_BAD_REGION},
        {KIND_NOTICES, {"region= 11100000"}, REASON_BAD_REGION},
        {KIND_NOTICES, {"region=11100000x"}, REASON_BAD_REGION},
        {KIND_NOTICES, {"msisdn=+7 (701) 000-00-01"}, REASON_NONE},
        {KIND_NOTICES, {"msisdn=87010000001"}, REASON_NONE},
        {KIND_NOTICES, {"account="}, REASON_NONE},
        {KIND_NOTICES, {"account=   "}, REASON_NONE},
        {KIND_NOTICES, {"account=nonsense"}, REASON_NONE},
        {KIND_NOTICES, {"hospital="}, REASON_NONE},
        {KIND_NOTICES, {"hospital=<full>"}, REASON_NONE},
        {KIND_MESSAGES, {"text="}, REASON_NONE},
        {KIND_MESSAGES, {"text=<full>"}, REASON_NONE},
        {KIND_MESSAGES, {"short_code="}, REASON_NONE},
        {KIND_MESSAGES, {"short_code=1415"}, REASON_NONE},
        {KIND_MESSAGES, {"operator="}, REASON_BAD_OPERATOR},
        {KIND_MESSAGES, {"operator=kcell "}, REASON_BAD_OPERATOR},
        {KIND_MESSAGES, {"operator=nobody"}, REASON_BAD_OPERATOR},
        {KIND_MESSAGES, {"message_id=x123456789012345678901234567890123456789012345678901234567890123"}, REASON_NONE},
        {KIND_MESSAGES, {"message_id=x1234567890123456789012345678901234567890123456789012345678901234"}, REASON_BAD_ID},
        {KIND_MESSAGES, {"message_id=\"a,b\""}, REASON_NONE},
        {KIND_WITHDRAWALS, {"cause=mistake"}, REASON_NONE},
        {KIND_WITHDRAWALS, {"cause=other"}, REASON_NONE},
        {KIND_RESPONSES, {"status="}, REASON_NONE}, /* bad_status is the phone's to say, behind no_request */
        {KIND_RESPONSES, {"status=what"}, REASON_NONE},
        {KIND_RECEIPTS, {"status=lost"}, REASON_NONE}, /* likewise, behind no_sms */
        {KIND_RECEIPTS, {"operator=nobody"}, REASON_NONE},
        {KIND_TOTALS, {"party=registry", "kind=responses"}, REASON_NONE},
        {KIND_TOTALS, {"party=registry", "kind=messages"}, REASON_BAD_KIND},
        {KIND_TOTALS, {"party=benefit", "kind=receipts"}, REASON_BAD_KIND},
        {KIND_TOTALS, {"party=beeline", "kind=receipts"}, REASON_NONE},
        {KIND_TOTALS, {"kind=Messages"}, REASON_BAD_KIND},
        {KIND_TOTALS, {"party=Registry"}, REASON_BAD_PARTY},
        {KIND_TOTALS, {"count=0"}, REASON_NONE},
        {KIND_TOTALS, {"count= 7"}, REASON_BAD_COUNT},
        {KIND_TOTALS, {"from=2199-01-01T00:00:00Z"}, REASON_NONE},
    };
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct draft draft = good(ROWS[i].kind);
        char rooms[2][64];
        for (unsigned p = 0; p < 2 && ROWS[i].put[p]; p++)
            put(&draft, ROWS[i].put[p], rooms[p]);
        enum reason got = read_draft(&draft);
        cr_expect_eq(got, ROWS[i].reason, "%s: %s %s: %s", KIND_WORDS[ROWS[i].kind], ROWS[i].put[0], ROWS[i].put[1] ? ROWS[i].put[1] : "",
                     REASON_WORDS[got]);
    }
}

/* ---- what becomes of a good record ---- */

static void expect_fields(const char *what, const char *const *wanted, unsigned count)
{
    struct span fields[EVENT_FIELDS_MAX];
    unsigned got = event_fields(&reader->event, fields);
    cr_assert_eq(got, count, "%s: %u fields", what, got);
    for (unsigned i = 0; i < count; i++)
        cr_expect(span_equal(fields[i], span_of(wanted[i])), "%s: field %u is %.*s, not %s", what, i, (int)fields[i].size, fields[i].data,
                  wanted[i]);
}

Test(records, events)
{
    struct draft draft = good(KIND_NOTICES);
    char room[64];
    put(&draft, "msisdn=+7 701 000 00 02", room);
    put(&draft, "account=kz86 125k zt50 0410 0100", room);
    cr_assert_eq(read_draft(&draft), REASON_NONE);
    cr_expect(reader->event.phone == 10000002 && reader->event.kind == KIND_NOTICES && reader->event.flags == 0);
    cr_expect_eq(reader->event.at_ms, rules.as_of_ms - 12 * HOUR_MS);
    expect_fields("notice", (const char *const[]){"N1", "920101450013", "2026-11-23", "F", "2", "111000000", "KZ86125KZT5004100100", "Роддом"}, 8);
    put(&draft, "account=KZ00", room);
    cr_assert_eq(read_draft(&draft), REASON_NONE);
    cr_expect_eq(reader->event.flags, EVENT_BAD_ACCOUNT);
    expect_fields("notice", (const char *const[]){"N1", "920101450013", "2026-11-23", "F", "2", "111000000", "", "Роддом"}, 8);
    put(&draft, "account=  ", room);
    cr_assert_eq(read_draft(&draft), REASON_NONE);
    cr_expect_eq(reader->event.flags, 0, "spaces alone are no account");

    draft = good(KIND_WITHDRAWALS);
    cr_assert_eq(read_draft(&draft), REASON_NONE);
    expect_fields("withdrawal", (const char *const[]){"N1", "death"}, 2);

    draft = good(KIND_MESSAGES);
    put(&draft, "text=R 1 1 \t\n", room);
    cr_assert_eq(read_draft(&draft), REASON_NONE);
    cr_expect(reader->event.phone == 10000001 && reader->event.operator == 1 && reader->event.flags == 0);
    expect_fields("message", (const char *const[]){"m1", "R 1 1 \t\n"}, 2);
    static const char *const OTHER_CODES[] = {"short_code=1415", "short_code=", "short_code=14140", "short_code= 1414"};
    for (size_t i = 0; i < COUNT(OTHER_CODES); i++) {
        put(&draft, OTHER_CODES[i], room);
        cr_assert_eq(read_draft(&draft), REASON_NONE);
        cr_expect_eq(reader->event.flags, EVENT_OTHER_CODE, "%s", OTHER_CODES[i]);
    }

    draft = good(KIND_RESPONSES);
    put(&draft, "status=whatever", room);
    cr_assert_eq(read_draft(&draft), REASON_NONE);
    cr_expect(reader->event.phone == 10000001 && reader->event.case_number == 2 && reader->event.agency == AGENCY_BENEFIT);
    expect_fields("response", (const char *const[]){request_id, "whatever", "A1", "ЦОН", "5", "10.5", ""}, 7);

    draft = good(KIND_TOTALS);
    cr_assert_eq(read_draft(&draft), REASON_NONE);
    cr_expect(!reader->totals.of_agency && reader->totals.operator == 1 && reader->totals.kind == KIND_MESSAGES && reader->totals_count == 7);
    cr_expect(reader->totals.to_ms == rules.as_of_ms && reader->totals.from_ms == rules.as_of_ms - DAY_MS);
    put(&draft, "party=akimat", room);
    put(&draft, "kind=responses", room);
    cr_assert_eq(read_draft(&draft), REASON_NONE);
    cr_expect(reader->totals.of_agency && reader->totals.agency == AGENCY_AKIMAT && reader->totals.kind == KIND_RESPONSES);
}

Test(records, receipt_words)
{
    static const char *const WORDS[][2] = {
        {"accepted", "accepted"}, {"ACCEPTED", "accepted"}, {"ACCEPTD", "accepted"},  {"acceptd", "accepted"}, {"ENROUTE", "accepted"},
        {"Enroute", "accepted"},  {"UNKNOWN", "accepted"},  {"unknown", "accepted"},  {"delivered", "delivered"}, {"DELIVRD", "delivered"},
        {"Delivered", "delivered"}, {"failed", "failed"},   {"UNDELIV", "failed"},    {"expired", "failed"},   {"DELETED", "failed"},
        {"RejectD", "failed"},    {"FAILED", "failed"},     {"", "?"},                {"delivere", "?"},       {"delivered ", "?"},
        {"DELIVERD", "?"},        {"undelivered", "?"},     {"rejected", "?"},        {"0", "?"},              {"enrout", "?"},
    };
    for (size_t i = 0; i < COUNT(WORDS); i++) {
        struct draft draft = good(KIND_RECEIPTS);
        draft.values[1] = WORDS[i][0];
        draft.sizes[1] = strlen(WORDS[i][0]);
        cr_assert_eq(read_draft(&draft), REASON_NONE);
        cr_expect(reader->event.phone == 10000001 && reader->event.case_number == 2 && reader->event.sms_number == 3);
        cr_expect_str_eq(reader->event.status < RECEIPT_STATUS_COUNT ? RECEIPT_WORDS[reader->event.status] : "?", WORDS[i][1], "%s", WORDS[i][0]);
        struct span fields[EVENT_FIELDS_MAX];
        cr_assert_eq(event_fields(&reader->event, fields), (unsigned)RECEIPT_FIELDS);
        bool known = WORDS[i][1][0] != '?';
        cr_expect(span_equal(fields[RECEIPT_STATUS], span_of(WORDS[i][known])), "the identity has the accepted form: %s", WORDS[i][0]);
        cr_expect(span_equal(fields[RECEIPT_STATUS_GIVEN], span_of(WORDS[i][0])), "rejects.csv has it as given");
    }
}

/* Section 9: what rejects.csv shows of a rejected record. */
Test(records, identity_and_phone)
{
    static const struct {
        enum kind kind;
        const char *put, *identity; /* <…> as in put() */
        int phone;                  /* 1 shown, 0 not */
    } ROWS[] = {
        {KIND_NOTICES, "notice_id=a b", "", 0},
        {KIND_NOTICES, "registered_at=x", "N1", 1},
        {KIND_NOTICES, "registered_at=<as-of-400d+1>", "N1", 1},
        {KIND_NOTICES, "msisdn=1", "N1", 0},
        {KIND_NOTICES, "region=1", "N1", 1},
        {KIND_NOTICES, "sex=x", "N1", 1},
        {KIND_WITHDRAWALS, "notice_id=a b", "", 0},
        {KIND_WITHDRAWALS, "cause=x", "N1", 0},
        {KIND_WITHDRAWALS, "withdrawn_at=x", "N1", 0},
        {KIND_MESSAGES, "message_id=", "", 0},
        {KIND_MESSAGES, "received_at=x", "kcell:m1", 1},
        {KIND_MESSAGES, "received_at=<as-of+24h+1>", "kcell:m1", 1},
        {KIND_MESSAGES, "msisdn=1", "kcell:m1", 0},
        {KIND_MESSAGES, "operator=nobody", "nobody:m1", 1},
        {KIND_RESPONSES, "request_id=a b", "", 0},
        {KIND_RESPONSES, "request_id=17", "17:assigned", 0},
        {KIND_RESPONSES, "responded_at=x", "<request>:assigned", 0},
        {KIND_RECEIPTS, "sms_id=17", "17:delivered", 0},
        {KIND_RECEIPTS, "at=x", "<sms>:delivered", 0},
        {KIND_TOTALS, "party=x", "", 0},
        {KIND_TOTALS, "count=x", "", 0},
        {KIND_NOTICES, "fields=+1", "", 0},
        {KIND_NOTICES, "hospital=<long>", "", 0},
        {KIND_NOTICES, "hospital=\xff", "", 0},
    };
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct draft draft = good(ROWS[i].kind);
        char room[64], identity[200];
        cr_assert_eq(read_draft(&draft), REASON_NONE); /* something to forget */
        put(&draft, ROWS[i].put, room);
        cr_expect_neq(read_draft(&draft), REASON_NONE);
        const char *rest = strchr(ROWS[i].identity, '>');
        snprintf(identity, sizeof identity, "%s%s",
                 !rest ? "" : ROWS[i].identity[1] == 's' ? sms_id : request_id, rest ? rest + 1 : ROWS[i].identity);
        cr_expect(span_equal((struct span){reader->identity, reader->identity_size}, span_of(identity)), "%s: %s: identity %.*s, not %s",
                  KIND_WORDS[ROWS[i].kind], ROWS[i].put, (int)reader->identity_size, reader->identity, identity);
        cr_expect_eq(reader->phone_known, ROWS[i].phone == 1, "%s: %s", KIND_WORDS[ROWS[i].kind], ROWS[i].put);
    }
}

/* ---- headers ---- */

static bool layout_of(const char *header, struct record_layout *layout, char wrong[256])
{
    struct csv_field fields[32];
    uint32_t count = 0;
    static char copy[1000];
    strcpy(copy, header);
    for (char *at = copy, *end; at; at = end) {
        end = strchr(at, ',');
        if (end)
            *end++ = 0;
        fields[count++] = (struct csv_field){at, (uint32_t)strlen(at), false};
    }
    return record_layout_read(layout, fields, count, wrong);
}

Test(records, headers)
{
    static const struct {
        const char *header, *kind; /* NULL: none */
    } ROWS[] = {
        {"notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region", "notices"},
        {"region,child_order,sex,birth_date,mother_iin,msisdn,registered_at,notice_id,hospital,account,more", "notices"},
        {"notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order", NULL},
        {"notice_id,withdrawn_at,cause", "withdrawals"},
        {"operator,message_id,received_at,msisdn,short_code,text", "messages"},
        {"operator,message_id,received_at,msisdn,short_code,Text", NULL},
        {"operator,message_id,received_at,msisdn,short_code, text", NULL},
        {"request_id,status,responded_at", "responses"},
        {"sms_id,status,at", "receipts"},
        {"sms_id,status,at,operator", "receipts"},
        {"party,kind,from,to,count", "totals"},
        {"sms_id,status,at,request_id,responded_at", NULL}, /* two kinds */
        {"sms_id,status,at,at", NULL},
        {"sms_id,status,at,x,x", NULL}, /* twice is an error, known or not */
        {"sms_id,status,at,,", NULL},
        {"sms_id,status,at,", "receipts"},
        {"sms_id;status;at", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct record_layout layout = {0};
        char wrong[256] = "";
        bool fits = layout_of(ROWS[i].header, &layout, wrong);
        cr_expect_eq(fits, ROWS[i].kind != NULL, "%s", ROWS[i].header);
        if (fits && ROWS[i].kind)
            cr_expect_str_eq(KIND_WORDS[layout.kind], ROWS[i].kind);
        else
            cr_expect(wrong[0] && strlen(wrong) < 256, "%s: says nothing", ROWS[i].header);
    }
}

/* Only columns that besik reads are checked; they may stand anywhere, and an optional one may be missing. */
Test(records, unknown_and_missing_columns)
{
    struct record_layout layout;
    char wrong[256];
    static const char *const TEXT[] = {"x", "R 1 1", "77010000001", "\xff", "1414", "m1", "2026-11-24T10:00:00+05:00", "kcell"};
    struct csv_field fields[8];
    for (unsigned i = 0; i < 8; i++)
        fields[i] = (struct csv_field){TEXT[i], (uint32_t)strlen(TEXT[i]), false};
    fields[0] = (struct csv_field){long_text, 4097, false};
    cr_assert(layout_of("note,text,msisdn,other,short_code,message_id,received_at,operator", &layout, wrong), "%s", wrong);
    cr_expect_eq(read_fields(&layout, fields, 8), REASON_NONE);
    cr_expect(reader->event.operator == 1 && reader->event.operator_rank == 2);
    expect_fields("message", (const char *const[]){"m1", "R 1 1"}, 2);
    cr_expect_eq(read_fields(&layout, fields, 7), REASON_BAD_FIELDS);

    cr_assert(layout_of("status,sms_id,at", &layout, wrong));
    struct csv_field receipt[] = {{"failed", 6, false}, {sms_id, ID_SIZE, false}, {"2026-11-24T10:00:00+05:00", 25, false}};
    cr_expect_eq(read_fields(&layout, receipt, 3), REASON_NONE);
    expect_fields("receipt", (const char *const[]){sms_id, "failed", "", "", "failed"}, 5);
}

/* Quotes are folded before anything is measured or compared. */
Test(records, quoted_fields)
{
    struct record_layout layout;
    char wrong[256];
    static char quotes[2 * 4097];
    memset(quotes, '"', sizeof quotes);
    cr_assert(layout_of("operator,message_id,received_at,msisdn,short_code,text", &layout, wrong));
    struct csv_field fields[] = {{"kcell", 5, false}, {"a\"\"b", 4, true}, {"2026-11-24T10:00:00+05:00", 25, false},
                                 {"77010000001", 11, false}, {"1414", 4, false}, {quotes, 2 * 4096, true}};
    cr_expect_eq(read_fields(&layout, fields, 6), REASON_NONE, "4,096 quotes");
    struct span got[EVENT_FIELDS_MAX];
    event_fields(&reader->event, got);
    cr_expect(span_equal(got[MESSAGE_ID], SPAN("a\"b")));
    cr_expect_eq(got[MESSAGE_TEXT].size, 4096u);
    fields[5].size = 2 * 4097;
    cr_expect_eq(read_fields(&layout, fields, 6), REASON_TOO_LONG, "4,097 quotes");
}
