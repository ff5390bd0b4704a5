/* test_findings.c - rows of reconciliation.csv (contract section 10): packed, their order, what is alike, how they are written. */
#include "tools/findings.h"

#include "engine/values.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define NOBODY UINT32_MAX
#define AT 1795403730000 /* 2026-11-23T08:15:30+05:00 */

struct sketch {
    enum finding finding;
    const char *party;
    uint32_t phone; /* or NOBODY */
    const char *id;
    unsigned slot;
    int64_t since_ms;
    const char *detail;
};

static struct finding_row *draw(const struct sketch *sketch, size_t *ret_size)
{
    struct finding_row row = {.finding = (uint8_t)sketch->finding, .slot = (uint8_t)sketch->slot, .since_ms = sketch->since_ms,
                              .phone = sketch->phone == NOBODY ? 0 : sketch->phone, .has_phone = sketch->phone != NOBODY};
    char *bytes = malloc(FINDING_SIZE_MAX);
    memset(bytes, 0x5a, FINDING_SIZE_MAX);
    *ret_size = finding_pack(&row, span_of(sketch->party), span_of(sketch->id), span_of(sketch->detail), bytes);
    return (struct finding_row *)realloc(bytes, *ret_size);
}

/* Each row comes before the next, and before all behind it. Hashes of phones: 000000000 0089…, 011234567 049b…, 999999999 335d…,
 * 051234567 76fa…. */
static const struct sketch IN_ORDER[] = {
    {FINDING_RECEIPT_MISSING, "", NOBODY, "", 0, 0, ""},
    {FINDING_RECEIPT_MISSING, "", NOBODY, "", 0, AT, ""},
    {FINDING_RECEIPT_MISSING, "", NOBODY, "x", 0, AT, ""},
    {FINDING_RECEIPT_MISSING, "", 0, "", 0, 0, ""},
    {FINDING_RECEIPT_MISSING, "beeline", NOBODY, "", 0, 0, ""},
    {FINDING_RECEIPT_MISSING, "kcell", NOBODY, "z", 9, AT, "z"},
    {FINDING_RECEIPT_MISSING, "kcell", 0, "b", 1, AT, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "a", 1, AT, "a"},
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "a", 1, AT, "b"}, /* but for detail the one before it */
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "a", 1, AT + 1, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "a", 1, AT + 500, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "a", 1, AT + 1000, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "a", 2, AT, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "a", 9, 0, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "aa", 1, AT, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 11234567, "b", 1, AT, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 999999999, "a", 1, AT, ""},
    {FINDING_RECEIPT_MISSING, "kcell", 51234567, "a", 1, AT, ""},
    {FINDING_RECEIPT_MISSING, "kcella", 0, "", 0, 0, ""},
    {FINDING_SMS_FAILED, "", NOBODY, "", 0, 0, ""},
};
enum { IN_ORDER_COUNT = sizeof IN_ORDER / sizeof *IN_ORDER };

Test(findings, order)
{
    cr_assert_lt(FINDING_RECEIPT_MISSING, FINDING_SMS_FAILED);
    struct finding_row *rows[IN_ORDER_COUNT];
    size_t size;
    for (int i = 0; i < IN_ORDER_COUNT; i++)
        rows[i] = draw(&IN_ORDER[i], &size);
    for (int i = 0; i < IN_ORDER_COUNT; i++) {
        for (int j = 0; j < IN_ORDER_COUNT; j++) {
            int order = finding_order(rows[i], rows[j], NULL);
            cr_expect(i < j ? order < 0 : i > j ? order > 0 : order == 0, "row %d before row %d: %d", i, j, order);
            bool alike = i == j || (IN_ORDER[i].detail[0] && IN_ORDER[j].detail[0] && i > 5 && j > 5);
            cr_expect_eq(finding_alike(rows[i], rows[j]), alike, "%d, %d", i, j);
        }
    }
    for (int i = 0; i < IN_ORDER_COUNT; i++)
        free(rows[i]);
}

/* Of one hash the lesser number first; hashes are unsigned. */
Test(findings, order_of_phones)
{
    static const struct {
        uint64_t hash;
        uint32_t phone;
    } ROWS[] = {{0, 7}, {1, 3}, {1, 4}, {1, 999999999}, {2, 0}, {1ull << 63, 0}, {UINT64_MAX, 0}};
    struct sketch sketch = {FINDING_LATE_REPLY, "kcell", 0, "", 1, AT, ""};
    size_t count = sizeof ROWS / sizeof *ROWS, size;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            struct finding_row *a = draw(&sketch, &size), *b = draw(&sketch, &size);
            a->hash = ROWS[i].hash, a->phone = ROWS[i].phone;
            b->hash = ROWS[j].hash, b->phone = ROWS[j].phone;
            int order = finding_order(a, b, NULL);
            cr_expect(i < j ? order < 0 : i > j ? order > 0 : order == 0, "row %zu before row %zu: %d", i, j, order);
            cr_expect_eq(finding_alike(a, b), i == j, "%zu, %zu", i, j);
            free(a);
            free(b);
        }
    }
}

/* Rows lie one behind another, each at a multiple of eight; what fills up is 0, as rows are compared and kept as bytes. */
Test(findings, packed)
{
    char text[32] = "";
    for (size_t length = 0; length < 24; length++) {
        struct sketch sketch = {FINDING_LATE_REPLY, "kcell", 11234567, "ab", 1, AT, text};
        size_t size;
        struct finding_row *row = draw(&sketch, &size);
        size_t used = sizeof *row + 5 + 2 + length;
        cr_expect_eq(size, (used + 7) / 8 * 8, "%zu", length);
        cr_expect_eq(finding_bytes(row), size, "%zu", length);
        cr_expect_eq(row->hash, value_phone_hash(11234567));
        cr_expect_eq(memcmp((char *)(row + 1), "kcellab", 7), 0);
        for (size_t at = used; at < size; at++)
            cr_expect_eq(((char *)row)[at], 0);
        free(row);
        text[length] = 'd';
    }
}

Test(findings, written)
{
    static const struct {
        struct sketch row;
        const char *csv, *json;
    } ROWS[] = {
        {{FINDING_LATE_REPLY, "kcell", 11234567, "m,1", 3, AT, "say \"so\""},
         "late_reply,kcell,\"m,1\",77011234567,3,2026-11-23T08:15:30+05:00,\"say \"\"so\"\"\"\n",
         "{\"finding\":\"late_reply\",\"party\":\"kcell\",\"id\":\"m,1\",\"msisdn\":\"77011234567\",\"slot\":3,"
         "\"since\":\"2026-11-23T08:15:30+05:00\",\"detail\":\"say \\\"so\\\"\"}\n"},
        {{FINDING_OPERATOR_SILENT, "tele2", NOBODY, "", 0, AT + 250, ""},
         "operator_silent,tele2,,,,2026-11-23T08:15:30.250+05:00,\n",
         "{\"finding\":\"operator_silent\",\"party\":\"tele2\",\"id\":null,\"msisdn\":null,\"slot\":null,"
         "\"since\":\"2026-11-23T08:15:30.250+05:00\",\"detail\":null}\n"},
        {{FINDING_NOTICE_ALIKE, "", 0, "N1", 9, 0, "d"},
         "notice_alike,,N1,77000000000,9,1970-01-01T05:00:00+05:00,d\n",
         "{\"finding\":\"notice_alike\",\"party\":null,\"id\":\"N1\",\"msisdn\":\"77000000000\",\"slot\":9,"
         "\"since\":\"1970-01-01T05:00:00+05:00\",\"detail\":\"d\"}\n"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        static struct fault fault;
        struct buffer csv = {0}, json = {0};
        size_t size;
        struct finding_row *row = draw(&ROWS[i].row, &size);
        cr_expect_eq(finding_write(row, &csv, &fault), 0);
        cr_expect_eq(finding_write_json(row, &json, &fault), 0);
        cr_expect(span_equal((struct span){csv.data, csv.size}, span_of(ROWS[i].csv)), "%.*s", (int)csv.size, csv.data);
        cr_expect(span_equal((struct span){json.data, json.size}, span_of(ROWS[i].json)), "%.*s", (int)json.size, json.data);
        /* what cannot be written is told */
        fault = (struct fault){.code = FAULT_FAILED};
        cr_expect_eq(finding_write(row, &csv, &fault), -1);
        cr_expect_eq(finding_write_json(row, &json, &fault), -1);
        fault = (struct fault){0};
        buffer_free(&csv);
        buffer_free(&json);
        free(row);
    }
}
