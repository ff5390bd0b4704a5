/* test_csv.c - contract section 3, record by record: a table of texts, the limits at their edges, and the
 * portable twin of the scan against the one of this machine. (Against a slow parser: fuzz/fuzz_csv.c.) */
#include "io/csv.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* The twin: the same source with the other scan, under other names. */
enum csv_result portable_csv_next(const char *buffer, size_t size, size_t position, bool final,
                                  struct csv_field *fields, uint32_t fields_max, uint32_t *ret_count,
                                  size_t *ret_next);
enum csv_result portable_csv_next_seen(const char *buffer, size_t size, size_t position, bool final,
                                       struct csv_field *fields, uint32_t fields_max, uint32_t *ret_count,
                                       size_t *ret_next, struct csv_seen *seen);
size_t portable_csv_unescape(const struct csv_field *field, char *out);
bool portable_csv_same(const struct csv_field *a, const struct csv_field *b);
uint64_t portable_csv_count_lines(const char *data, size_t size);
size_t portable_csv_quote(struct span text, char *out);
static size_t looked; /* bytes that the twin looked at */
#define CSV_PORTABLE
#define CSV_LOOKED(bytes) (looked += (size_t)(bytes))
#define csv_next portable_csv_next
#define csv_next_seen portable_csv_next_seen
#define csv_unescape portable_csv_unescape
#define csv_same portable_csv_same
#define csv_count_lines portable_csv_count_lines
#define csv_quote portable_csv_quote
#include "io/csv.c"
#undef csv_next
#undef csv_next_seen
#undef csv_unescape
#undef csv_same
#undef csv_count_lines
#undef csv_quote

/* All of a buffer as one line: <a|b> a record, _ a blank line, ! bad, !~ bad and cut, ... more is needed. */
static void render(const char *buffer, size_t size, bool final, char *out)
{
    size_t position = 0;
    for (;;) {
        struct csv_field fields[8];
        uint32_t count = 0;
        size_t next = position;
        enum csv_result result = csv_next(buffer, size, position, final, fields, 8, &count, &next);
        switch (result) {
        case CSV_RECORD:
            *out++ = '<';
            for (uint32_t i = 0; i < count && i < 8; i++) {
                if (i > 0)
                    *out++ = '|';
                out += csv_unescape(&fields[i], out);
            }
            *out++ = '>';
            break;
        case CSV_BLANK:
            *out++ = '_';
            break;
        case CSV_BAD:
            *out++ = '!';
            break;
        case CSV_BAD_CUT:
            strcpy(out, "!~");
            return;
        case CSV_MORE:
            strcpy(out, "...");
            return;
        case CSV_END:
            *out = '\0';
            return;
        }
        cr_assert(next > position && next <= size);
        position = next;
    }
}

struct row {
    const char *text, *final, *cut; /* what it is at the end of a file, and where more may follow */
};

static const struct row ROWS[] = {
    {"a,b\n", "<a|b>", "<a|b>"},
    {"a,b\r\nc,d\n", "<a|b><c|d>", "<a|b><c|d>"},
    {"a,b", "<a|b>", "..."},
    {"a,", "<a|>", "..."},
    {",", "<|>", "..."},
    {",\n", "<|>", "<|>"},
    {",\r\n", "<|>", "<|>"},
    {"\n\r\n\na\n", "___<a>", "___<a>"},
    {"\r", "<\r>", "..."},
    {"a\r", "<a\r>", "..."},
    {"a\rb\r\r\nc", "<a\rb\r><c>", "<a\rb\r>..."},
    {"\ra\n", "<\ra>", "<\ra>"},
    {"a\"b,c\"\n", "<a\"b|c\">", "<a\"b|c\">"},
    {"\"a,b\",c\n", "<a,b|c>", "<a,b|c>"},
    {"\"a\nb\",c\n", "<a\nb|c>", "<a\nb|c>"},
    {"\"a\"\"b\"\"\"\n", "<a\"b\">", "<a\"b\">"},
    {"\"\"\n\"\"\"\"\n", "<><\">", "<><\">"},
    {"\"a\"", "<a>", "..."},
    {"\"a\"\r\n", "<a>", "<a>"},
    {"\"a\"\r", "!", "..."},
    {"\"a\"\rb\nc\n", "!<c>", "!<c>"},
    {"\"a\"b\nc\n", "!<c>", "!<c>"},
    {"\"a\"b", "!", "!~"},
    {"\"a\" ,b\nc\n", "!<c>", "!<c>"},
    {"x,\"a\nb\nc\"d\ne\n", "!<b><c\"d><e>", "!<b><c\"d><e>"},
    {"\"a\nb\n", "!<b>", "..."},
    {"\"a", "!", "..."},
    {"\"", "!", "..."},
    {"\"a\"\"", "!", "..."},
    {"a,\"", "!", "..."},
    {" \"a\"\n", "< \"a\">", "< \"a\">"},
    {"1,2,3,4,5,6,7,8,9\n", "<1|2|3|4|5|6|7|8>", "<1|2|3|4|5|6|7|8>"},
    {"\"x\",\"y\",\"0123456789012345678901234567890123456789012345678901234567890,\n\",z,\"w\"\n",
     "<x|y|0123456789012345678901234567890123456789012345678901234567890,\n|z|w>",
     "<x|y|0123456789012345678901234567890123456789012345678901234567890,\n|z|w>"},
};

Test(csv, table)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char out[512];
        size_t size = strlen(ROWS[i].text);
        char *text = malloc(size); /* of its own, so that a sanitizer sees a step too far */
        memcpy(text, ROWS[i].text, size);
        render(text, size, true, out);
        cr_expect_str_eq(out, ROWS[i].final, "row %zu, final: %s", i, out);
        render(text, size, false, out);
        cr_expect_str_eq(out, ROWS[i].cut, "row %zu, cut: %s", i, out);
        free(text);
    }
}

Test(csv, counts_all_fields)
{
    char text[2 * 5000 + 1];
    for (size_t i = 0; i < 5000; i++)
        memcpy(text + 2 * i, "x,", 2);
    text[sizeof text - 2] = '\n';
    struct csv_field field;
    uint32_t count = 0;
    size_t next = 0;
    cr_assert_eq(csv_next(text, sizeof text - 1, 0, false, &field, 1, &count, &next), CSV_RECORD);
    cr_expect_eq(count, 5000);
    cr_expect_eq(next, sizeof text - 1);
    cr_expect_eq(field.size, 1);
}

/* A record of `size` bytes (bare, or one quoted field), the line end, and then `behind` bytes. */
static enum csv_result long_record(size_t size, bool with_quotes, const char *line_end, size_t behind,
                                   bool final)
{
    size_t all = size + strlen(line_end) + behind;
    char *text = malloc(all);
    memset(text, 'x', all);
    if (with_quotes)
        text[0] = text[size - 1] = '"';
    memcpy(text + size, line_end, strlen(line_end));
    struct csv_field fields[1];
    uint32_t count = 0;
    size_t next = 0;
    enum csv_result result = csv_next(text, all, 0, final, fields, 1, &count, &next);
    if (result == CSV_RECORD)
        cr_expect_eq(next, size + strlen(line_end));
    if (result == CSV_BAD)
        cr_expect_eq(next, *line_end ? size + strlen(line_end) : all);
    free(text);
    return result;
}

Test(csv, longest_record)
{
    for (int with_quotes = 0; with_quotes < 2; with_quotes++) {
        for (int final = 0; final < 2; final++) {
            for (size_t behind = 0; behind < 8; behind++) {
                cr_expect_eq(long_record(CSV_RECORD_MAX, with_quotes, "\n", behind, final), CSV_RECORD);
                cr_expect_eq(long_record(CSV_RECORD_MAX, with_quotes, "\r\n", behind, final), CSV_RECORD);
                cr_expect_eq(long_record(CSV_RECORD_MAX + 1, with_quotes, "\n", behind, final), CSV_BAD);
                cr_expect_eq(long_record(CSV_RECORD_MAX + 1, with_quotes, "\r\n", behind, final), CSV_BAD);
            }
        }
        cr_expect_eq(long_record(CSV_RECORD_MAX, with_quotes, "", 0, true), CSV_RECORD);
        cr_expect_eq(long_record(CSV_RECORD_MAX + 1, with_quotes, "", 0, true), CSV_BAD);
        cr_expect_eq(long_record(CSV_LOOKAHEAD - 1, with_quotes, "", 0, true), CSV_BAD);
        cr_expect_eq(long_record(CSV_LOOKAHEAD - 1, false, "", 0, false), CSV_MORE);
        cr_expect_eq(long_record(CSV_LOOKAHEAD, with_quotes, "", 0, false), CSV_BAD_CUT);
        cr_expect_eq(long_record(CSV_LOOKAHEAD + 9, with_quotes, "", 0, true), CSV_BAD);
    }
}

Test(csv, unclosed_goes_on_at_the_second_line)
{
    static char text[3 * CSV_LOOKAHEAD];
    memset(text, 'x', sizeof text);
    memcpy(text, "a,\"b\nc,d\n", 9);
    struct csv_field fields[8];
    uint32_t count = 0;
    size_t next = 0;
    cr_assert_eq(csv_next(text, sizeof text, 0, false, fields, 8, &count, &next), CSV_BAD);
    cr_expect_eq(next, 5);
    cr_assert_eq(csv_next(text, sizeof text, next, false, fields, 8, &count, &next), CSV_RECORD);
    cr_expect_eq(count, 2);
    cr_expect_eq(next, 9);
    cr_expect_eq(csv_next(text, sizeof text, next, false, fields, 8, &count, &next), CSV_BAD_CUT);
}

/* Reads a buffer to its end, with and without csv_seen: the same results. Returns how often the bytes were looked at. */
static size_t looked_times(const char *text, size_t size, bool final, unsigned *ret_bad, unsigned *ret_records)
{
    struct csv_seen seen = {0};
    size_t position = 0, all = 0;
    *ret_bad = *ret_records = 0;
    for (;;) {
        struct csv_field a[8], b[8];
        uint32_t count_a = 0, count_b = 0;
        size_t next_a = 0, next_b = 0;
        enum csv_result slow = csv_next(text, size, position, final, a, 8, &count_a, &next_a);
        looked = 0;
        enum csv_result result = portable_csv_next_seen(text, size, position, final, b, 8, &count_b, &next_b, &seen);
        all += looked;
        cr_assert_eq(result, slow, "at %zu: %d, not %d", position, result, slow);
        if (result == CSV_END || result == CSV_MORE || result == CSV_BAD_CUT)
            return all / size;
        cr_assert_eq(next_a, next_b);
        *ret_bad += result == CSV_BAD;
        *ret_records += result == CSV_RECORD;
        for (uint32_t i = 0; i < count_a && i < 8 && result == CSV_RECORD; i++)
            cr_assert(count_a == count_b && a[i].data == b[i].data && a[i].size == b[i].size);
        position = next_a;
    }
}

/* Lines that open a quote which nothing closes, until in a far place the whole is found broken, or to the very end. */
Test(csv, quotes_that_nothing_closes_cost_no_more)
{
    enum { SIZE = 2 * CSV_RECORD_MAX };
    static const char LINE[] = "x\",\",y\n"; /* begun outside or inside quotes it ends inside */
    static const struct {
        size_t every;    /* a line of another kind so often */
        const char *line;
        bool final;
    } FILES[] = {{SIZE, "", true},       {SIZE, "", false},        {60000, "x\"z\n", true}, {70000, "x\"\n", true},
                 {4000, "x\"\n", true}, {65536, "x\"\r\n", true}, {65500, "x\"\r", true},  {0, "", true}};
    char *text = malloc(SIZE);
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        size_t at = 0, since = 0;
        memset(text, 'x', SIZE);
        if (FILES[i].every == 0) /* few line ends, and they far from the end of what is looked at */
            for (size_t begin = 0; begin + 60000 < SIZE; begin += 60000, at = begin)
                for (at = begin; at < begin + 6000; at += sizeof LINE - 1)
                    memcpy(text + at, LINE, sizeof LINE - 1);
        while (FILES[i].every && at + 16 < SIZE) {
            const char *line = since < FILES[i].every ? LINE : FILES[i].line;
            since = since < FILES[i].every ? since + strlen(line) : 0;
            memcpy(text + at, line, strlen(line));
            at += strlen(line);
        }
        unsigned bad, records;
        size_t times = looked_times(text, SIZE, FILES[i].final, &bad, &records);
        cr_expect_gt(bad, 20u, "file %zu: %u", i, bad);
        cr_expect_leq(times, 6u, "file %zu: each byte %zu times", i, times);
    }
    free(text);
}

static uint32_t random_state = 1;

static uint32_t random_next(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 8;
}

Test(csv, portable_twin)
{
    static const char LETTERS[] = ",,\n\"\"\r\nx-\x8a\xac\x0b\x2d";
    for (unsigned round = 0; round < 20000; round++) {
        char text[400];
        size_t size = random_next() % sizeof text;
        unsigned rare = random_next() % 40 + 1; /* long fields, too */
        for (size_t i = 0; i < size; i++)
            text[i] = random_next() % rare ? (char)(random_next() % 256)
                                           : LETTERS[random_next() % (sizeof LETTERS - 1)];
        bool final = random_next() % 2;
        for (size_t position = 0; position <= size; position++) {
            struct csv_field a[64], b[64];
            uint32_t count_a = 0, count_b = 0;
            size_t next_a = 0, next_b = 0;
            enum csv_result result = csv_next(text, size, position, final, a, 64, &count_a, &next_a);
            cr_assert_eq(result, portable_csv_next(text, size, position, final, b, 64, &count_b, &next_b));
            if (result != CSV_RECORD)
                continue;
            cr_assert(count_a == count_b && next_a == next_b);
            for (uint32_t i = 0; i < count_a && i < 64; i++)
                cr_assert(a[i].data == b[i].data && a[i].size == b[i].size && a[i].escaped == b[i].escaped);
        }
    }
}

Test(csv, counts_lines)
{
    static char text[20000];
    for (unsigned round = 0; round < 200; round++) {
        size_t size = random_next() % sizeof text, start = random_next() % (size + 1);
        uint64_t lines = 0;
        for (size_t i = 0; i < size; i++) {
            text[i] = random_next() % (round + 1) ? 'x' : '\n'; /* round 0: all of them */
            lines += i >= start && text[i] == '\n';
        }
        cr_assert_eq(csv_count_lines(text + start, size - start), lines);
        cr_assert_eq(portable_csv_count_lines(text + start, size - start), lines);
    }
}

Test(csv, quotes_only_where_needed)
{
    static const char *const PAIRS[][2] = {
        {"", ""},           {"R 1 1", "R 1 1"},   {"a,b", "\"a,b\""}, {"a\"b", "\"a\"\"b\""},
        {"\"", "\"\"\"\""}, {"a\nb", "\"a\nb\""}, {"a\r", "\"a\r\""}, {" a ", " a "}};
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        char out[32];
        size_t size = csv_quote(span_of(PAIRS[i][0]), out);
        cr_expect(span_equal((struct span){out, size}, span_of(PAIRS[i][1])), "pair %zu", i);
    }
}
