/* test_history.c - what is packed of a phone's history comes out again, by every form of identity; damaged
 * bytes never read as more than they are. */
#include "store/history.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fault fault;
static struct history_packer packer;
static struct history_reader reader;

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % below;
}

/* head, tail and how many bytes the identity takes, its head known and the tail before it unlike */
static const struct {
    const char *head, *tail;
    size_t size;
} IDENTITIES[] = {
    {"kcell", "0123456789abcdef", 1 + 1 + 8},
    {"tele2", "100000000000007919", 1 + 1 + 9},
    {"beeline", "01234567-89ab-cdef-0123-456789abcdef", 1 + 2 + 16},
    {"kcell", "7", 1 + 1 + 1},
    {"kcell", "abc", 1 + 1 + 2},
    {"kcell", "01234567-89AB-cdef-0123-456789abcdef", 1 + 2 + 36}, /* a capital: as it stands */
    {"kcell", "01234567+89ab-cdef-0123-456789abcdef", 1 + 2 + 36},
    {"kcell", "MSG-0001", 1 + 1 + 8},
    {"", "s0000000000000000000000000a:delivered", 1 + 2 + 37},
    {"", "N1", 1 + 1 + 2},
};
#define COUNT (sizeof IDENTITIES / sizeof *IDENTITIES)

static struct history_row row_of(unsigned i, int64_t at_ms)
{
    return (struct history_row){.phone = 701000000 + i / 3,
                                .case_number = 1 + i % 3 * 1000,
                                .at_ms = at_ms,
                                .event = (uint8_t)(i % 9),
                                .result = (uint8_t)(i % 8),
                                .detail = (uint8_t)(i % 5),
                                .step = (uint8_t)(i % 12),
                                .head = span_of(IDENTITIES[i % COUNT].head),
                                .tail = span_of(IDENTITIES[i % COUNT].tail)};
}

static void pack_phone(const struct history_row *row)
{
    cr_assert_eq(history_begin_phone(&packer, row->phone, &fault), 0);
    cr_assert_eq(history_add(&packer, row, &fault), 0);
    cr_assert_eq(history_end_phone(&packer, &fault), 0);
}

static void expect_row(const struct history_row *row)
{
    struct history_row got;
    char text[HISTORY_IDENTITY_MAX], wanted[HISTORY_IDENTITY_MAX];
    cr_assert_eq(history_next(&reader, &got), 1);
    cr_expect(got.phone == row->phone && got.case_number == row->case_number && got.at_ms == row->at_ms);
    cr_expect(got.file == row->file && got.line == row->line);
    cr_expect(got.event == row->event && got.result == row->result && got.detail == row->detail &&
              got.step == row->step);
    size_t size = history_identity(&got, text), wanted_size = history_identity(row, wanted);
    cr_expect(size == wanted_size && memcmp(text, wanted, size) == 0, "%.*s for %.*s", (int)size, text,
              (int)wanted_size, wanted);
}

Test(history, identities)
{
    for (unsigned i = 0; i < COUNT; i++) {
        struct buffer value = {0};
        struct history_row first = row_of(i, 1000), row = first;
        first.tail = SPAN("~");
        cr_assert_eq(history_begin(&packer, &value, 0, &fault), 0);
        pack_phone(&first); /* names the head */
        size_t before = value.size;
        row.case_number = 1;
        row.detail = 0;
        row.at_ms = 0;
        pack_phone(&row);
        cr_expect_eq(value.size - before, 4 + 2 + 1 + IDENTITIES[i].size + 1, "%s: %zu", IDENTITIES[i].tail,
                     value.size - before - 8);
        cr_assert(history_read(&reader, (struct span){value.data, value.size}));
        expect_row(&first);
        expect_row(&row);
        cr_expect_eq(history_next(&reader, &row), 0);
        buffer_free(&value);
    }
}

/* Times of any size; more heads than are kept; tails that share with the one before; several rows a phone. */
Test(history, many)
{
    enum { ROWS = 5000 };
    static struct history_row rows[ROWS];
    static char tails[ROWS][80], heads[ROWS][12];
    struct buffer value = {0};
    uint32_t state = 3;
    for (unsigned i = 0; i < ROWS; i++) {
        int64_t at = (int64_t)draw(&state, 1 << 24) * (1 + draw(&state, 100000));
        rows[i] = row_of(i, draw(&state, 2) ? -at : at);
        if (draw(&state, 3) == 0) { /* a place */
            rows[i].file = draw(&state, 2) ? draw(&state, 200) : UINT32_MAX;
            rows[i].line = draw(&state, 2) ? 1 + draw(&state, 1 << 20) : (uint64_t)1 << 40;
        }
        if (draw(&state, 50) == 0)
            rows[i].at_ms = draw(&state, 2) ? INT64_MAX / 4 : INT64_MIN / 4;
        switch (draw(&state, 4)) {
        case 0:
            rows[i].head = rows[i].tail = SPAN("");
            break;
        case 1:
            snprintf(tails[i], sizeof tails[i], "GW-2026-%u%s", draw(&state, 10000),
                     draw(&state, 9) ? "" : "………………………………………………………");
            rows[i].tail = span_of(tails[i]);
            break;
        case 2:
            snprintf(heads[i], sizeof heads[i], "op%u", draw(&state, 20));
            rows[i].head = span_of(heads[i]);
            break;
        default:
            break;
        }
        if (rows[i].head.size && !rows[i].tail.size)
            rows[i].tail = SPAN("x");
    }
    cr_assert_eq(history_begin(&packer, &value, 1764000000000, &fault), 0);
    for (unsigned i = 0; i < ROWS; i++) {
        if (!i || rows[i].phone != rows[i - 1].phone)
            cr_assert_eq(history_begin_phone(&packer, rows[i].phone, &fault), 0);
        cr_assert_eq(history_add(&packer, &rows[i], &fault), 0);
        if (i + 1 == ROWS || rows[i].phone != rows[i + 1].phone)
            cr_assert_eq(history_end_phone(&packer, &fault), 0);
    }
    cr_assert(history_read(&reader, (struct span){value.data, value.size}));
    for (unsigned i = 0; i < ROWS; i++)
        expect_row(&rows[i]);
    cr_expect_eq(history_next(&reader, &rows[0]), 0);
    buffer_free(&value);
}

/* Reads all rows there are: 0 or -1. The value has a block of its own, so that a sanitizer sees what is read
 * beyond. */
static int read_all(const char *bytes, size_t size)
{
    char *copy = malloc(size + 1);
    struct history_row row;
    char text[HISTORY_IDENTITY_MAX];
    memcpy(copy, bytes, size);
    int there = history_read(&reader, (struct span){copy, size}) ? 1 : -1;
    while (there > 0 && (there = history_next(&reader, &row)) > 0)
        cr_assert_leq(history_identity(&row, text), sizeof text);
    free(copy);
    return there;
}

Test(history, damaged)
{
    struct buffer value = {0};
    uint32_t state = 9;
    cr_assert_eq(history_begin(&packer, &value, 0, &fault), 0);
    size_t whole[64], count = 0;
    for (unsigned i = 0; i < 30; i++) {
        struct history_row row = row_of(i, i * 1001);
        whole[count++] = value.size;
        row.phone += i;
        pack_phone(&row);
    }
    cr_expect_eq(read_all(value.data, value.size), 0);
    for (size_t size = 0, next = 0; size < value.size; size++) { /* cut anywhere: good only between phones */
        bool between = next < count && whole[next] == size;
        next += between;
        cr_expect_eq(read_all(value.data, size), between ? 0 : -1, "%zu", size);
    }
    for (unsigned i = 0; i < 200000; i++) { /* whatever the bytes are, no more than they are is read */
        char bytes[200];
        size_t size = draw(&state, sizeof bytes), from = draw(&state, (uint32_t)(value.size - sizeof bytes));
        memcpy(bytes, value.data + from, sizeof bytes);
        for (unsigned k = draw(&state, 6); k; k--)
            bytes[draw(&state, sizeof bytes)] = (char)draw(&state, 256);
        read_all(bytes, size);
    }
    buffer_free(&value);
}
