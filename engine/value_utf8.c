/* value_utf8.c - is a text valid UTF-8, its code points, and what a letter is; see values.h. */
#include "engine/lanes.h"
#include "engine/values.h"

#include <assert.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the masks below read eight bytes as a little-endian word");

#define PAIRS(bytes) (0x0001000100010001u * (bytes)) /* two bytes in all four */

/* How many of the eight bytes, from the first, are ASCII without NUL. */
static inline unsigned ascii_run(uint64_t word)
{
    uint64_t other = (word & ALL(0x80)) | ((word - ALL(0x01)) & ~word & ALL(0x80)); /* exact up to the first */
    return other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
}

/* How many belong to code points of two bytes, as Cyrillic's are: leads 110xxxxx save the overlong C0 and C1, and 10xxxxxx. */
static inline unsigned pairs_run(uint64_t word)
{
    uint64_t shape = (word & PAIRS(0xc0e0u)) ^ PAIRS(0x80c0u);
    uint64_t overlong = ~((word & PAIRS(0x001eu)) + PAIRS(0x007eu)) & PAIRS(0x0080u);
    uint64_t other = shape | overlong;
    return other ? (unsigned)__builtin_ctzll(other) / 16 * 2 : 8;
}

static inline bool is_tail(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Length of the code point at `at`, 0 where it is none (Unicode 14, table 3-7) or is NUL. */
static inline size_t sequence_size(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    if (lead < 0x80)
        return lead != 0;
    if (lead < 0xe0) /* a good one of two bytes is pairs_run's */
        return 0;
    if (lead < 0xf0) {
        /* E0: no overlong; ED: no surrogates */
        unsigned char low = lead == 0xe0 ? 0xa0 : 0x80, high = lead == 0xed ? 0x9f : 0xbf;
        return left >= 3 && at[1] >= low && at[1] <= high && is_tail(at[2]) ? 3 : 0;
    }
    /* F0: no overlong; F4: nothing above U+10FFFF */
    unsigned char low = lead == 0xf0 ? 0x90 : 0x80, high = lead == 0xf4 ? 0x8f : 0xbf;
    return lead <= 0xf4 && left >= 4 && at[1] >= low && at[1] <= high && is_tail(at[2]) && is_tail(at[3]) ? 4
                                                                                                          : 0;
}

bool value_text(struct span text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t left = text.size;
    while (left > 0) {
        uint64_t word = ALL('a');
        if (left >= 8)
            memcpy(&word, at, 8);
        else
            memcpy(&word, at, left);
        size_t size = word & 0x80 ? pairs_run(word) : ascii_run(word);
        if (size == 0)
            size = sequence_size(at, left);
        if (size == 0)
            return false;
        if (size >= left) /* what stands behind the text is ours */
            return true;
        at += size;
        left -= size;
    }
    return true;
}

unsigned value_decode(const char *text, uint32_t *ret_code_point)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80) {
        *ret_code_point = at[0];
        return 1;
    }
    if (at[0] < 0xe0) {
        *ret_code_point = (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
        return 2;
    }
    if (at[0] < 0xf0) {
        *ret_code_point = (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
        return 3;
    }
    *ret_code_point = (at[0] & 0x07u) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 | (at[3] & 0x3fu);
    return 4;
}

bool value_blank(struct span text)
{
    uint32_t code_point;
    for (size_t at = 0; at < text.size;) {
        at += value_decode(text.data + at, &code_point);
        if (code_point > ' ' && (code_point < 0x7f || code_point > 0xa0))
            return false;
    }
    return true;
}

bool value_is_letter(uint32_t code_point)
{
    if (code_point < 0x80)
        return (code_point | 0x20) - 'a' < 26;
    if (code_point >= 0x400 && code_point <= 0x52f)
        return code_point < 0x482 || code_point > 0x489;
    if (code_point >= 0xc0 && code_point <= 0x24f)
        return code_point != 0xd7 && code_point != 0xf7; /* × ÷ */
    return code_point >= 0x1e00 && code_point <= 0x1eff;
}
