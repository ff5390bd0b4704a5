/* value_name.c - a child's name (contract section 7); see values.h.  The text is valid UTF-8 (value_text).
 *
 * NFC works cluster by cluster here: a code point and the combining marks behind it. That is enough, because
 * no letter of section 2 ever joins with anything but marks. Nearly every name is of code points that NFC
 * leaves alone, followed by no mark; those are taken as they stand, and utf8proc sees only the others. */
#include "engine/values.h"

#include "engine/check.h"

#include <utf8proc.h>

#define WORDS_MAX 4
#define LETTERS_MAX 40
/* A letter takes up two or three marks; what is left of more is no letter, so a longer run is no name. (It
 * also keeps utf8proc's sorting of marks, which is quadratic, away from a run of thousands.) */
#define MARKS_MAX 16
#define CLUSTER_MAX (4 * (1 + MARKS_MAX)) /* in bytes, and in code points when taken apart */
#define QUOTE 0x2019                      /* ’ */

struct name_parse {
    char *out;
    size_t size;
    size_t begins[WORDS_MAX], ends[WORDS_MAX];
    unsigned words, letters;
    bool in_word, on_letter; /* between words; the last character was a letter */
};

/* Takes one code point of the NFC form, with its bytes. False: this is no name. */
static inline bool name_feed(struct name_parse *parse, uint32_t code_point, const char *bytes, unsigned size)
{
    bool letter = code_point - 0x400 < 0x82 || value_is_letter(code_point); /* the most of them first */
    if (!letter && code_point != '-' && code_point != '\'' && code_point != QUOTE) {
        bool white = code_point == ' ' || code_point == '\t' || code_point == '\r' || code_point == '\n' ||
                     code_point == 0xa0;
        if (!white || (parse->in_word && !parse->on_letter))
            return false;
        parse->in_word = false;
        return true;
    }
    if (!parse->in_word) {
        if (!letter || parse->words == WORDS_MAX)
            return false;
        if (parse->words == 3 && parse->size < VALUE_NAME_MAX)
            parse->out[parse->size++] = ' '; /* the third and fourth are one patronymic */
        parse->begins[parse->words++] = parse->size;
        parse->in_word = true;
        parse->letters = 0;
    }
    parse->letters += letter;
    if (parse->letters > LETTERS_MAX || parse->size + size > VALUE_NAME_MAX)
        return false;
    for (unsigned i = 0; i < size; i++)
        parse->out[parse->size + i] = bytes[i];
    parse->size += size;
    parse->ends[parse->words - 1] = parse->size;
    parse->on_letter = letter;
    return true;
}

/* NFC leaves the code point that begins so alone and never joins it to the one before: U+0000–02FF and U+0400–053F. (There
 * are marks in U+0483–0487, but they join nothing: wherever they stand, it is no name.) Others may be so too; they only take
 * the long way. */
static bool is_inert(char first)
{
    unsigned char lead = (unsigned char)first;
    return lead < 0xcc || (lead >= 0xd0 && lead <= 0xd4);
}

/* Feeds the NFC form of the cluster at `at`; returns its length in bytes, 0 where this is no name. */
static size_t name_feed_cluster(struct name_parse *parse, const char *at, size_t left)
{
    uint32_t code_point;
    size_t size = value_decode(at, &code_point);
    for (unsigned marks = 0; size < left; marks++) {
        unsigned mark_size = value_decode(at + size, &code_point);
        if (utf8proc_get_property((utf8proc_int32_t)code_point)->combining_class == 0)
            break;
        if (marks == MARKS_MAX)
            return 0;
        size += mark_size;
    }

    UNINITIALIZED utf8proc_int32_t points[CLUSTER_MAX];
    utf8proc_option_t nfc = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    utf8proc_ssize_t count =
        utf8proc_decompose((const utf8proc_uint8_t *)at, (utf8proc_ssize_t)size, points, CLUSTER_MAX, nfc);
    CHECK(count >= 0 && count <= CLUSTER_MAX);
    count = utf8proc_normalize_utf32(points, count, nfc);
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        utf8proc_uint8_t bytes[4];
        unsigned bytes_size = (unsigned)utf8proc_encode_char(points[i], bytes);
        if (!name_feed(parse, (uint32_t)points[i], (const char *)bytes, bytes_size))
            return 0;
    }
    return size;
}

/* Nearly all that a name is of: letters of U+0400–047F that go on with a word and join nothing. Returns how many bytes they are. */
static inline size_t name_feed_plain(struct name_parse *parse, const char *at, const char *end)
{
    size_t size = 0, left = (size_t)(end - at);
    while (left - size >= 2 && ((unsigned char)at[size] & 0xfe) == 0xd0 && (left - size == 2 || is_inert(at[size + 2])) &&
           parse->letters < LETTERS_MAX && parse->size + 2 <= VALUE_NAME_MAX) {
        memcpy(parse->out + parse->size, at + size, 2);
        parse->size += 2;
        parse->letters++;
        size += 2;
    }
    if (size) {
        parse->ends[parse->words - 1] = parse->size;
        parse->on_letter = true;
    }
    return size;
}

bool value_name(struct span text, char out[VALUE_NAME_MAX], struct value_name *ret_name)
{
    struct name_parse parse = {.out = out};
    const char *end = text.data + text.size;
    size_t size;
    for (const char *at = text.data; at < end; at += size) {
        uint32_t code_point;
        size = parse.in_word ? name_feed_plain(&parse, at, end) : 0;
        if (size)
            continue;
        size = value_decode(at, &code_point);
        if (is_inert(at[0]) && (at + size == end || is_inert(at[size]))) {
            if (!name_feed(&parse, code_point, at, (unsigned)size))
                return false;
        } else {
            size = name_feed_cluster(&parse, at, (size_t)(end - at));
            if (size == 0)
                return false;
        }
    }
    if (parse.words < 2 || !parse.on_letter)
        return false;

    ret_name->surname = (struct span){out, parse.ends[0]};
    ret_name->given = (struct span){out + parse.begins[1], parse.ends[1] - parse.begins[1]};
    ret_name->patronymic = parse.words == 2
                               ? (struct span){out + parse.size, 0}
                               : (struct span){out + parse.begins[2], parse.size - parse.begins[2]};
    return true;
}
