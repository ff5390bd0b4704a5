/* test_segments.c - how many SMS parts a text takes (contract section 9): the shared vectors and edges of our
 * own. */
#include "engine/segments.h"

#include "engine/values.h"
#include "tests/unit/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(segments, vectors)
{
    static char cells[COLUMNS_MAX][CELL_MAX];
    FILE *file = fopen(TESTS_DIR "/vectors/segments.csv", "r");
    cr_assert_not_null(file);
    int rows = 0;
    cr_assert_geq(vector_read(file, cells), 3); /* the header: name, text, segments, alphabet */
    while (vector_read(file, cells) >= 3) {
        cr_expect_eq(segments_count(span_of(cells[1])), (unsigned)atoi(cells[2]), "%s", cells[0]);
        rows++;
    }
    fclose(file);
    cr_assert_gt(rows, 10);
}

#define ZH_13 "жжжжжжжжжжжжж"
#define ZH_65 ZH_13 ZH_13 ZH_13 ZH_13 ZH_13

Test(segments, edges)
{
    /* a text is `first`, `count` times, then `last` */
    static const struct {
        const char *first;
        unsigned count;
        const char *last;
        unsigned parts;
    } ROWS[] = {
        {"", 0, "", 1},
        {"a", 160, "", 1},
        {"a", 161, "", 2},
        {"a", 306, "", 2},
        {"a", 307, "", 3},
        {"a", 4096, "", 27},
        {"[", 80, "", 1}, /* two septets each */
        {"[", 80, "a", 2},
        {"[", 152, "", 2}, /* 153 is odd: a septet of each part stays empty */
        {"[", 153, "", 3},
        {"a", 152, "[aaaaaaa", 2},
        {"a", 152, "[aaaaaa", 1}, /* 160: one part needs no cut */
        {"€", 80, "", 1},
        {"€", 81, "", 2},
        {"\f", 80, "", 1},
        {"@", 160, "", 1},
        {"Ω", 160, "", 1},
        {"Ω", 161, "", 2},
        {"ö", 160, "", 1},
        {"\n", 160, "", 1},
        {"\r", 160, "", 1},
        {"a", 70, "\t", 2}, /* none of the alphabet: UCS-2 */
        {"a", 69, "\t", 1},
        {"a", 69, "`", 1},
        {"a", 70, "`", 2},
        {"a", 70, "\x1b", 2}, /* the escape itself is no character */
        {"a", 70, "ç", 2},
        {"a", 70, "Ç", 1},
        {"a", 70, "\xe2\x84\xa6", 2}, /* the Ohm sign is not Ω */
        {"a", 70, "\xc2\xa0", 2},
        {"[", 70, "ж", 2}, /* in UCS-2 one unit each */
        {"[", 69, "ж", 1},
        {"қ", 70, "", 1},
        {"қ", 71, "", 2},
        {"қ", 134, "", 2},
        {"қ", 135, "", 3},
        {"қ", 2048, "", 31},
        {"\xef\xbf\xbf", 70, "", 1}, /* U+FFFF: one unit; U+10000: two */
        {"\xf0\x90\x80\x80", 35, "", 1},
        {"\xf0\x90\x80\x80", 36, "", 2},
        {"\xf0\x90\x80\x80", 66, "", 2}, /* 33 pairs a part, a unit stays empty */
        {"\xf0\x90\x80\x80", 67, "", 3},
        {"ж", 66, "\xf0\x90\x80\x80жжж", 2},
        {"ж", 66, "\xf0\x90\x80\x80жж", 1},
        {"ж", 66, "\xf0\x90\x80\x80" ZH_65, 2}, /* a unit stays empty, then 67 */
        {"ж", 66, "\xf0\x90\x80\x80" ZH_65 "ж", 3},
        {"ж", 66, "\xef\xbf\xbf" ZH_65 "\xf0\x90\x80\x80", 2}, /* 67 and 67 */
        {"ж", 67, "\xef\xbf\xbf" ZH_65 "\xf0\x90\x80\x80", 3},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[8192];
        size_t size = 0, first_size = strlen(ROWS[i].first), last_size = strlen(ROWS[i].last);
        for (unsigned k = 0; k < ROWS[i].count; k++, size += first_size)
            memcpy(text + size, ROWS[i].first, first_size);
        memcpy(text + size, ROWS[i].last, last_size);
        cr_expect_eq(segments_count((struct span){text, size + last_size}), ROWS[i].parts,
                     "row %zu: %u, not %u", i, segments_count((struct span){text, size + last_size}),
                     ROWS[i].parts);
    }
}

/* The alphabet of GSM 03.38, whole: 127 characters without the escape, and ten by it. */
Test(segments, alphabet)
{
    static const char ONE[] = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
                              "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    static const char TWO[] = "\f^{}\\[~]|€";
    unsigned ones = 0, twos = 0;
    static bool one[0x10000], two[0x10000];
    for (size_t at = 0; at < sizeof ONE - 1; ones++) {
        uint32_t code_point;
        at += value_decode(ONE + at, &code_point);
        one[code_point] = true;
    }
    for (size_t at = 0; at < sizeof TWO - 1; twos++) {
        uint32_t code_point;
        at += value_decode(TWO + at, &code_point);
        two[code_point] = true;
    }
    cr_assert_eq(ones, 127);
    cr_assert_eq(twos, 10);
    for (uint32_t code_point = 1; code_point < 0x10000; code_point++) {
        if (code_point >= 0xd800 && code_point < 0xe000)
            continue;
        /* 71 in front: one part where the character is in the alphabet, two where UCS-2 is needed */
        char text[256];
        memset(text, 'a', 71);
        size_t size = 71;
        if (code_point < 0x80) {
            text[size++] = (char)code_point;
        } else if (code_point < 0x800) {
            text[size++] = (char)(0xc0 | code_point >> 6);
            text[size++] = (char)(0x80 | (code_point & 0x3f));
        } else {
            text[size++] = (char)(0xe0 | code_point >> 12);
            text[size++] = (char)(0x80 | (code_point >> 6 & 0x3f));
            text[size++] = (char)(0x80 | (code_point & 0x3f));
        }
        bool known = one[code_point] || two[code_point];
        cr_assert_eq(segments_count((struct span){text, size}), known ? 1 : 2, "U+%04X", code_point);
        /* 88 more: 160 with one septet, 161 with two */
        memset(text + size, 'a', 88);
        if (known)
            cr_assert_eq(segments_count((struct span){text, size + 88}), one[code_point] ? 1 : 2, "U+%04X",
                         code_point);
    }
}
