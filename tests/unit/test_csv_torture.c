/* test_csv_torture.c - what real exporters write and public suites try a CSV reader with, in words of our own: the fields that must
 * come out, whole and at every cut of the text. */
#include "io/csv.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
    const char *about, *text, *fields; /* <a|b> a record, _ a line of no bytes, ! a bad one */
};

static const struct row ROWS[] = {
    /* the classic ones: a field of each sort between plain ones */
    {"comma in quotes", "first,street,zip\nAida,\"Abai 1, flat 2\",050000\n", "<first|street|zip><Aida|Abai 1, flat 2|050000>"},
    {"empty fields", "a,b,c\n1,\"\",\"\"\n,,\n2,3,4\n", "<a|b|c><1||><||><2|3|4>"},
    {"empty fields, CRLF", "a,b,c\r\n1,\"\",\r\n\"\",\"\",\"\"\r\n", "<a|b|c><1||><||>"},
    {"escaped quotes", "a,b\n1,\"ha \"\"ha\"\" ha\"\n\"\"\"\",\"\"\"\"\"\"\n", "<a|b><1|ha \"ha\" ha><\"|\"\">"},
    {"quotes at both ends", "\"\"\"x\"\"\",\"y\"\"\"\n", "<\"x\"|y\">"},
    {"JSON in a field", "key,val\n1,\"{\"\"type\"\": \"\"Point\"\", \"\"at\"\": [43.2, 76.9]}\"\n", "<key|val><1|{\"type\": \"Point\", \"at\": [43.2, 76.9]}>"},
    {"JSON without quoting", "{\"a\": 1}\n", "<{\"a\": 1}>"},
    {"line ends in quotes", "a,b,c\n1,2,3\n\"once\nupon\n\na time\",5,6\n", "<a|b|c><1|2|3><once\nupon\n\na time|5|6>"},
    {"CRLF in quotes", "a,b\r\n\"once\r\nupon\",2\r\n", "<a|b><once\r\nupon|2>"},
    {"line ends and quotes", "a,b\n1,\"ha\n\"\"ha\"\"\n,ha\"\n3,4\n", "<a|b><1|ha\n\"ha\"\n,ha><3|4>"},
    {"a quote beside a line end", "\"\n\"\"\n\",x\n", "<\n\"\n|x>"},
    {"one record", "a,b,c\n1,2,3", "<a|b|c><1|2|3>"},
    {"one field", "a\n", "<a>"},
    {"one field, quoted, no line end", "\"a\"", "<a>"},
    {"only commas", ",\n,,\n", "<|><||>"},
    {"UTF-8", "a,b\n1,Ә\n2,\"ʤ,қ\"\n3,😀\n", "<a|b><1|Ә><2|ʤ,қ><3|😀>"},
    {"CRLF and LF by turns", "a\r\nb\nc\r\n", "<a><b><c>"},
    /* white space is data */
    {"spaces about fields", "a , b,\" c \"\n", "<a | b| c >"},
    {"a space before the quote: then it is data", "a, \"b\"\n", "<a| \"b\">"},
    {"a space before the quote, a comma in it", "a, \"b, c\"\n", "<a| \"b| c\">"},
    {"a space behind the quote", "a,\"b\" ,c\nd\n", "!<d>"},
    {"a line of spaces", "a\n  \nb\n", "<a><  ><b>"},
    {"tabs and semicolons", "a;b\tc\n", "<a;b\tc>"},
    {"white space that is none here", "a\xc2\xa0,\xe2\x80\xa8\xe2\x80\xa9,\x0b\x0c\n", "<a\xc2\xa0|\xe2\x80\xa8\xe2\x80\xa9|\x0b\x0c>"},
    /* lines of no bytes, and of nearly none */
    {"empty lines", "\n\na\n\r\n\nb\n\n", "__<a>__<b>_"},
    {"an empty field in quotes alone is a record", "a\n\"\"\nb\n", "<a><><b>"},
    {"a lone CR", "a\rb,c\r\n\rd\n", "<a\rb|c><\rd>"},
    {"CR CR LF", "a\r\r\nb\n", "<a\r><b>"},
    {"CR at the end", "a\r", "<a\r>"},
    {"CR behind a quote at the end", "\"a\"\r", "!"},
    {"CR behind a quote", "\"a\"\rb\nc\n", "!<c>"},
    /* quotes where none belong */
    {"inches", "size,5\" x 3\"\n", "<size|5\" x 3\">"},
    {"quotes in a bare field stay as they are", "a\"\"b,c\"\n", "<a\"\"b|c\">"},
    {"text behind a quote", "\"a\"b,c\nd\n", "!<d>"},
    {"three quotes", "\"\"\"\na\n", "!<a>"},
    {"four quotes", "\"\"\"\"\n", "<\">"},
    {"backslash is no escape", "\"a\\\"b\",c\nd\n", "!<d>"},
    {"a backslash before the closing quote", "\"a\\\",b\n", "<a\\|b>"},
    {"a quote that nothing closes", "a\n\"b,c\nd,e\n", "<a>!<d|e>"},
    {"a quote that a later line closes", "\"a\nb\"\nc\n", "<a\nb><c>"},
    {"every line opens one", "\"a\n\"b\n\"c\n", "!!!"},
    {"two open, so the second closes the first", "\"a\n\"\nb\n", "<a\n><b>"},
    {"apostrophes are data", "'a,b'\n", "<'a|b'>"},
    /* other bytes */
    {"what a sheet takes for a formula", "=1+1,@x,-2,+3\n", "<=1+1|@x|-2|+3>"},
    {"a comment is none", "# a,b\n", "<# a|b>"},
    {"bytes that are no UTF-8", "\xff\xfe,\xd0\n", "<\xff\xfe|\xd0>"},
    {"another encoding's letters", "\xc0\xe9\xe4\xe0,1\n", "<\xc0\xe9\xe4\xe0|1>"},
    {"a mark of order inside", "a,\xef\xbb\xbf\"b\"\n", "<a|\xef\xbb\xbf\"b\">"},
    {"uneven records", "a\nb,c\n,,,\n", "<a><b|c><|||>"},
};

/* Reads the text as it comes: `cut` bytes at first, then all of it. */
static void render(const char *text, size_t size, size_t cut, char *out)
{
    size_t position = 0, shown = cut;
    for (;;) {
        struct csv_field fields[8];
        uint32_t count = 0;
        size_t next = position;
        switch (csv_next(text, shown, position, shown == size, fields, 8, &count, &next)) {
        case CSV_RECORD:
            for (uint32_t i = 0; i < count; i++) {
                *out++ = i ? '|' : '<';
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
        case CSV_MORE:
        case CSV_BAD_CUT:
            cr_assert_lt(shown, size);
            shown = size;
            continue;
        case CSV_END:
            if (shown < size) {
                shown = size;
                continue;
            }
            *out = 0;
            return;
        }
        position = next;
    }
}

Test(csv_torture, comes_out_right_at_every_cut)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        size_t size = strlen(ROWS[i].text);
        char *text = malloc(size), out[1024]; /* its end is the end of a block */
        memcpy(text, ROWS[i].text, size);
        for (size_t cut = 0; cut <= size; cut++) {
            render(text, size, cut, out);
            cr_expect_str_eq(out, ROWS[i].fields, "%s, cut at %zu: %s, not %s", ROWS[i].about, cut, out, ROWS[i].fields);
        }
        free(text);
    }
}

/* What is quoted for our own output reads back as it was. */
Test(csv_torture, what_we_write_reads_back)
{
    static const char *const TEXTS[] = {"", "a", ",", "\"", "\"\"", "a\"b", "\n", "\r", "\r\n", "a,\"b\"\r\nc", " a ", "Ә,қ", "=1", "{\"a\": [1, 2]}"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        char out[64], back[64];
        struct csv_field fields[2];
        uint32_t count;
        size_t next, size = csv_quote(span_of(TEXTS[i]), out);
        out[size++] = ',';
        cr_assert_eq(csv_next(out, size, 0, true, fields, 2, &count, &next), CSV_RECORD);
        cr_expect(count == 2 && next == size);
        back[csv_unescape(&fields[0], back)] = 0;
        cr_expect_str_eq(back, TEXTS[i]);
    }
}

/* Names of columns are compared as what they stand for. */
Test(csv_torture, same_fields)
{
    static const struct {
        const char *text;
        bool same;
    } PAIRS[] = {{"a,a", true},      {"a,\"a\"", true},       {"a,b", false},          {"a,aa", false},        {"a\"b,\"a\"\"b\"", true}, {"a\"\"b,\"a\"\"b\"", false},
                 {"\"\"\"\",\"\"\"\"", true}, {"\"\"\"\",\"\"\"\"\"\"", false}, {",\"\"", true}, {",\"\"\"\"", false}, {"\"a\"\"\",\"a\"\"b\"", false}};
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        struct csv_field fields[2];
        uint32_t count;
        size_t next;
        cr_assert_eq(csv_next(PAIRS[i].text, strlen(PAIRS[i].text), 0, true, fields, 2, &count, &next), CSV_RECORD);
        cr_assert_eq(count, 2u);
        cr_expect_eq(csv_same(&fields[0], &fields[1]), PAIRS[i].same, "%s", PAIRS[i].text);
        cr_expect_eq(csv_same(&fields[1], &fields[0]), PAIRS[i].same, "%s", PAIRS[i].text);
    }
}
