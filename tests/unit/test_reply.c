/* test_reply.c - is an SMS a reply in form (contract section 7): the shared vectors, edges of our own, and
 * every code point as the text's first. */
#include "engine/reply.h"

#include "engine/values.h"
#include "tests/unit/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <utf8proc.h>

/* `digits` NULL: not in form */
static void check_reply(const char *given, const char *digits, const char *text)
{
    size_t size = strlen(given);
    char *copy = malloc(size ? size : 1); /* of just its size, for the sanitizer */
    cr_assert_not_null(copy);
    memcpy(copy, given, size);
    struct reply reply;
    bool in_form = reply_parse((struct span){copy, size}, &reply);
    cr_expect_eq(in_form, digits != NULL, "'%s'", given);
    if (in_form && digits) {
        char got[REPLY_DIGITS_MAX + 1] = "";
        for (unsigned i = 0; i < reply.digit_count; i++)
            got[i] = (char)('0' + reply.digits[i]);
        cr_expect_str_eq(got, digits, "'%s'", given);
        if (text)
            cr_expect(span_equal(reply.text, span_of(text)), "'%s': text '%.*s'", given, (int)reply.text.size,
                      reply.text.data);
    }
    free(copy);
}

Test(reply, vectors)
{
    static char cells[COLUMNS_MAX][CELL_MAX];
    FILE *file = fopen(TESTS_DIR "/vectors/reply.csv", "r");
    cr_assert_not_null(file);
    int rows = 0;
    cr_assert_geq(vector_read(file, cells), 2); /* the header */
    while (vector_read(file, cells) >= 2) {
        check_reply(cells[0], cells[1][0] ? cells[1] : NULL, NULL);
        rows++;
    }
    fclose(file);
    cr_assert_gt(rows, 10);
}

Test(reply, edges)
{
    static const struct {
        const char *given, *digits, *text;
    } ROWS[] = {
        {"R 0", "0", ""},
        {"R 1 2 3 4 5 6 7 8", "12345678", ""},
        {"R 1 2 3 4 5 6 7 8 9", NULL, NULL},
        {"R 1 2 3 4 5 6 7 8 Айша", "12345678", "Айша"},
        {"R 1 2 Ахметова Айша", "12", "Ахметова Айша"},
        {"R 1 2 Ахметова  Айша \r\n\t", "12", "Ахметова  Айша"},
        {"R 1 1 8 2 KZ86 125K ZT50 0410 0100", "1182", "KZ86 125K ZT50 0410 0100"},
        {"R 1 1\xc2\xa0 \xc2\xa0", "11", ""}, /* white space at the end, of all kinds */
        {"R 1 1\n\n", "11", ""},
        {"R 1 1 \t \r\n", "11", ""},
        {"R 1 1\v", NULL, NULL}, /* what is no white space */
        {"R 1 1\xe2\x80\x83", NULL, NULL},
        {"R 1 2 Айша\xe2\x80\x83", "12", "Айша\xe2\x80\x83"},
        {"R 1 1\xa0", NULL, NULL},    /* half of U+00A0 */
        {"R 1 2 А\nБ", "12", "А\nБ"}, /* a line end inside */
        {"R 1 2\nАйша", NULL, NULL},
        {"R 1 2  Айша", NULL, NULL}, /* one space before the text */
        {"R 1 2\xc2\xa0"
         "Айша",
         NULL, NULL},
        {"R 1 2Айша", NULL, NULL},
        {"R 1 2 3Айша", NULL, NULL},
        {"R 1 23", NULL, NULL},
        {"R 1 2 23", NULL, NULL},
        {"R 1 2 3.", NULL, NULL},
        {"R 1 2 -Айша", NULL, NULL}, /* the text begins with a letter */
        {"R 1 2 ’Айша", NULL, NULL},
        {"R 1 2 ×", NULL, NULL},
        {"R 1 2 ҂", NULL, NULL},
        {"R 1 2 Ω", NULL, NULL},
        {"R 1 2 é", "12", "é"},
        {"R 1 2 и\xcc\x86", "12", "и\xcc\x86"}, /* й in two; the text is as it came */
        {"R 1 2 и\xcc\x81", "12", "и\xcc\x81"}, /* a mark that does not join leaves the letter */
        {"R 1 2 \xcc\x86"
         "и",
         NULL, NULL},
        {"R 1 2 \xe2\x84\xaa", "12", "\xe2\x84\xaa"}, /* the Kelvin sign is K */
        {"R 1 2 \xe2\x84\xab", "12", "\xe2\x84\xab"}, /* the Ångström sign is Å */
        {"R 1 2 \xe2\x84\xa6", NULL, NULL},           /* the Ohm sign is Greek */
        {"R 1 2 <\xcc\xb8", NULL, NULL},
        {"R 1 2 \xef\xac\x81", NULL, NULL}, /* a ligature stays one in NFC */
        {"R 1 2 \xca\x92", NULL, NULL},     /* ezh is beyond 024F, with a caron it is U+01EF */
        {"R 1 2 \xca\x92\xcc\x8c", "12", "\xca\x92\xcc\x8c"},
        {"R 1 2 \xca\x92\xcc\xa3\xcc\x8c", "12", "\xca\x92\xcc\xa3\xcc\x8c"},
        {"R 1 2 \xca\x92\xcc\x81\xcc\x8c", NULL, NULL}, /* the acute is nearer */
        {"R 1 2 \xca\x92\xcd\xa0\xcc\x8c", "12", "\xca\x92\xcd\xa0\xcc\x8c"},
        {"R 1 2 \xca\x92"
         "а\xcc\x8c",
         NULL, NULL},
        {"R", NULL, NULL},
        {"R ", NULL, NULL},
        {"R А", NULL, NULL}, /* a digit first */
        {"R -1", NULL, NULL},
        {"R 1-2", NULL, NULL},
        {"RR 1", NULL, NULL},
        {"R 1 1\x01", NULL, NULL},
        {" ", NULL, NULL},
        {"\xc2\xa0", NULL, NULL},
        {"\nR 1 1", NULL, NULL},
        {"\xa0", NULL, NULL}, /* half of U+00A0 alone: nothing before it is read */
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        check_reply(ROWS[i].given, ROWS[i].digits, ROWS[i].text);
}

/* Setting reply_form lenient (section 5): a small r, a Cyrillic one, spaces that lack or are too many; all else stays. */
Test(reply, mended)
{
    static const struct {
        const char *given, *digits, *text;
    } ROWS[] = {
        {"r 1 1", "11", ""},
        {"Р 1 1", "11", ""}, /* U+0420 */
        {"р 1 1", "11", ""}, /* U+0440 */
        {" R 1 1", "11", ""},
        {"   r 1 1  ", "11", ""},
        {"R1 1", "11", ""},
        {"R 11", "11", ""},
        {"R  1   1", "11", ""},
        {"R12345678", "12345678", ""},
        {"R123456789", NULL, NULL}, /* one to eight digits */
        {"R 1 2 3 4 5 6 7 8 9", NULL, NULL},
        {"r 1 2Айша", "12", "Айша"},
        {"R 1 2   Айша  Ким ", "12", "Айша  Ким"},
        {"R1182 KZ86125KZT5004100100", "1182", "KZ86125KZT5004100100"},
        {"R 1 2 -Айша", NULL, NULL}, /* the text begins with a letter */
        {"R12.", NULL, NULL},
        {"R 1-2", NULL, NULL},
        {"R,1,1", NULL, NULL},
        {"R\t1 1", NULL, NULL}, /* spaces only */
        {"RR 1", NULL, NULL},
        {"Я 1 1", NULL, NULL},
        {"С 1 1", NULL, NULL},
        {"П 1 1", NULL, NULL}, /* U+041F and U+0421 are its neighbours, U+043F and U+0441 those of the small one */
        {"п 1 1", NULL, NULL},
        {"с 1 1", NULL, NULL},
        {"Q 1 1", NULL, NULL},
        {"S 1 1", NULL, NULL},
        {"q 1 1", NULL, NULL},
        {"s 1 1", NULL, NULL},
        {"R/1", NULL, NULL}, /* what lies about the digits */
        {"R:1", NULL, NULL},
        {"R 1 0", "10", ""},
        {"R09", "09", ""},
        {"1 1", NULL, NULL},
        {"R", NULL, NULL},
        {"r Айша", NULL, NULL},
        {"x", NULL, NULL},
        {"", NULL, NULL},
        {"  \n", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct reply reply;
        bool mended = reply_mend(span_of(ROWS[i].given), &reply);
        cr_expect_eq(mended, ROWS[i].digits != NULL, "'%s'", ROWS[i].given);
        if (!mended || !ROWS[i].digits)
            continue;
        char got[REPLY_DIGITS_MAX + 1] = "";
        for (unsigned k = 0; k < reply.digit_count; k++)
            got[k] = (char)('0' + reply.digits[k]);
        cr_expect_str_eq(got, ROWS[i].digits, "'%s'", ROWS[i].given);
        cr_expect(span_equal(reply.text, span_of(ROWS[i].text)), "'%s': text '%.*s'", ROWS[i].given, (int)reply.text.size,
                  reply.text.data);
    }
}

/* What a correction names: the one thing that was wrong. */
Test(reply, what_is_wrong)
{
    static const struct {
        const char *given;
        enum reply_fault fault;
    } ROWS[] = {
        {"Р 1 1", REPLY_ALPHABET}, {"р 1 1", REPLY_ALPHABET}, {"r 1 1", REPLY_CASE},   {"R1 1", REPLY_NO_SPACE},  {"R 11", REPLY_NO_SPACE},
        {"R 1 2Айша", REPLY_NO_SPACE}, {"R  1 1", REPLY_SPACES}, {" R 1 1", REPLY_SPACES}, {"R 1 2  Айша", REPLY_SPACES},
        {" R  1 1 ", REPLY_SPACES},
        {"r11", REPLY_OTHER}, {"Р11", REPLY_OTHER}, {" r 1 1", REPLY_OTHER}, {"R  11", REPLY_OTHER}, {"hello", REPLY_OTHER}, /* more than one */
        {"Р", REPLY_OTHER}, {"R-1-2", REPLY_OTHER}, {"", REPLY_OTHER}, {"R 1 1", REPLY_OTHER}, {"R 1 2 Айша  ", REPLY_OTHER},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        cr_expect_eq(reply_fault(span_of(ROWS[i].given)), ROWS[i].fault, "'%s'", ROWS[i].given);
}

/* Neither what stands before the text is looked at nor what stands behind it. */
Test(reply, alone_in_its_bytes)
{
    struct reply reply;
    const char *text = "R 1 2 3";
    for (size_t size = 3; size <= 7; size++) { /* the spaces at its end are no part of it */
        unsigned digits = (unsigned)(size - 1) / 2;
        cr_expect(reply_parse((struct span){text, size}, &reply) && reply.digit_count == digits, "%zu", size);
        cr_expect(reply_mend((struct span){text, size}, &reply) && reply.digit_count == digits, "%zu", size);
    }
    text = "R  5";
    for (size_t size = 0; size <= 3; size++) {
        cr_expect_not(reply_parse((struct span){text, size}, &reply), "%zu", size);
        cr_expect_not(reply_mend((struct span){text, size}, &reply), "%zu", size);
    }
    text = "5S 1 1\xd0\xa0\x31";
    cr_expect_not(reply_mend((struct span){text + 1, 5}, &reply));
    cr_expect_not(reply_mend((struct span){text + 6, 1}, &reply), "half an R");
    cr_expect_not(reply_mend((struct span){text + 6, 2}, &reply), "an R alone");
    cr_expect(reply_mend((struct span){text + 6, 3}, &reply));
    text = "\xc2\xa0";
    cr_expect_not(reply_mend((struct span){text + 1, 1}, &reply), "half of U+00A0, and its other half before it");
}

/* What the contract says, word for word: the text's NFC form, and its first code point. */
static bool begins_with_letter_slow(const char *text, size_t size)
{
    utf8proc_int32_t points[64];
    utf8proc_option_t nfc = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    utf8proc_ssize_t count =
        utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, points, 64, nfc);
    cr_assert(count > 0 && count <= 64);
    cr_assert_gt(utf8proc_normalize_utf32(points, count, nfc), 0);
    return value_is_letter((uint32_t)points[0]);
}

static void check_first(utf8proc_int32_t first, utf8proc_int32_t second, utf8proc_int32_t third)
{
    char text[32] = "R 1 2 ";
    size_t size = 6;
    size += (size_t)utf8proc_encode_char(first, (utf8proc_uint8_t *)text + size);
    if (second)
        size += (size_t)utf8proc_encode_char(second, (utf8proc_uint8_t *)text + size);
    if (third)
        size += (size_t)utf8proc_encode_char(third, (utf8proc_uint8_t *)text + size);
    text[size++] = '.';
    struct reply reply;
    if (reply_parse((struct span){text, size}, &reply) != begins_with_letter_slow(text + 6, size - 6))
        cr_assert_fail("U+%04X U+%04X U+%04X", (unsigned)first, (unsigned)second, (unsigned)third);
}

Test(reply, every_first_code_point)
{
    /* all that can stand behind the first part of a letter in NFC */
    utf8proc_int32_t marks[256];
    size_t mark_count = 0;
    for (utf8proc_int32_t code_point = 0xc0; code_point < 0x2000; code_point++) {
        utf8proc_int32_t parts[8];
        int boundary = 0;
        utf8proc_ssize_t count =
            utf8proc_decompose_char(code_point, parts, 8, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &boundary);
        for (utf8proc_ssize_t i = 1; value_is_letter((uint32_t)code_point) && i < count; i++) {
            size_t k = 0;
            while (k < mark_count && marks[k] != parts[i])
                k++;
            marks[k] = parts[i];
            mark_count += k == mark_count;
            cr_assert_lt(mark_count, 256);
        }
    }
    cr_assert_gt(mark_count, 10);

    for (utf8proc_int32_t first = 1; first < 0x110000; first++) {
        if (first >= 0xd800 && first < 0xe000)
            continue;
        /* digits and white space are the form's own */
        if ((first >= '0' && first <= '9') || first == ' ')
            continue;
        check_first(first, 0, 0);
        if (first > 0x3000)
            continue;
        for (size_t i = 0; i < mark_count; i++)
            check_first(first, marks[i], 0);
        if (first < 0x600)
            for (size_t i = 0; i < mark_count; i++)
                check_first(first, marks[i], marks[(i * 7 + (size_t)first) % mark_count]);
    }
}

Test(reply, nothing_written_when_refused)
{
    struct reply reply, before;
    memset(&reply, 0x5a, sizeof reply);
    before = reply;
    cr_expect_not(reply_parse(SPAN("R 1 2 3 4 5 6 7 8 9"), &reply));
    cr_expect_not(reply_parse(SPAN("R 1 2 !"), &reply));
    cr_expect_eq(memcmp(&reply, &before, sizeof reply), 0);
}
