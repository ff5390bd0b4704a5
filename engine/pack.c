/* pack.c - see pack.h. */
#include "engine/pack.h"

#include "engine/lanes.h"

/* 0 … 15, 16 and more for what is no digit */
static const uint8_t NIBBLES[256] = {
#define NO 0x10
#define NO_16 NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO
    NO_16, NO_16, NO_16, 0,     1,     2,     3,     4,     5,     6,     7,     8,     9,     NO,    NO, NO,
    NO,    NO,    NO,    NO_16, NO_16, NO,    10,    11,    12,    13,    14,    15,    NO,    NO,    NO, NO,
    NO,    NO,    NO,    NO,    NO,    NO_16, NO_16, NO_16, NO_16, NO_16, NO_16, NO_16, NO_16, NO_16,
#undef NO_16
#undef NO
};

/* ---- eight digits at once, as lanes of one word, the first in the lowest ---- */

/* The high bit of each lane that is `least` or more; all lanes are under 0x80. */
static inline uint64_t at_least(uint64_t word, unsigned least)
{
    return (word + ALL(0x80 - least)) & ALL(0x80);
}

static inline bool pack_8(uint64_t word, char *out)
{
    uint64_t digit = at_least(word & ALL(0x7f), '0') & ~at_least(word & ALL(0x7f), '9' + 1);
    uint64_t letter = at_least(word & ALL(0x7f), 'a') & ~at_least(word & ALL(0x7f), 'f' + 1);
    uint64_t nibbles = (word & ALL(0x0f)) + (letter >> 7) * 9;
    uint64_t bytes = (nibbles << 4 | nibbles >> 8) & 0x00ff00ff00ff00ff;
    bytes = (bytes | bytes >> 8) & 0x0000ffff0000ffff;
    uint32_t packed = (uint32_t)(bytes | bytes >> 16);
    memcpy(out, &packed, sizeof packed);
    return ((digit | letter) & ~word) == ALL(0x80);
}

static inline uint64_t unpack_8(const char *bytes)
{
    uint32_t packed;
    memcpy(&packed, bytes, sizeof packed);
    uint64_t word = packed;
    word = (word | word << 16) & 0x0000ffff0000ffff;
    word = (word | word << 8) & 0x00ff00ff00ff00ff;
    uint64_t nibbles = (word >> 4 & 0x000f000f000f000f) | (word & 0x000f000f000f000f) << 8;
    uint64_t letters = (nibbles + ALL(6)) >> 4 & ALL(1);
    return nibbles + ALL('0') + letters * ('a' - 10 - '0');
}

static inline uint64_t load_8(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word;
}

/* Two groups of four that stand apart. */
static inline uint64_t load_4_4(const char *first, const char *second)
{
    uint32_t low, high;
    memcpy(&low, first, sizeof low);
    memcpy(&high, second, sizeof high);
    return low | (uint64_t)high << 32;
}

/* ---- ids ---- */

/* Two digits a byte, the first high; false where one is no digit, and then `out` holds rubbish. */
static inline bool pack_hex(const char *text, size_t size, char *out)
{
    unsigned bad = 0;
    size_t i = 0;
    for (; i + 8 <= size; i += 8, out += 4)
        if (!pack_8(load_8(text + i), out))
            return false;
    for (; i + 1 < size; i += 2) {
        unsigned high = NIBBLES[(uint8_t)text[i]], low = NIBBLES[(uint8_t)text[i + 1]];
        bad |= high | low;
        *out++ = (char)(high << 4 | (low & 15));
    }
    if (i < size) {
        bad |= NIBBLES[(uint8_t)text[i]];
        *out = (char)(NIBBLES[(uint8_t)text[i]] << 4);
    }
    return !(bad & 0x10);
}

static inline void unpack_hex(const char *bytes, size_t size, char *out)
{
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word = unpack_8(bytes + i / 2);
        memcpy(out + i, &word, sizeof word);
    }
    for (; i < size; i++) {
        unsigned digit = i & 1 ? bytes[i / 2] & 15u : (uint8_t)bytes[i / 2] >> 4;
        out[i] = (char)(digit + (digit < 10 ? '0' : 'a' - 10));
    }
}

/*  01234567-9012-4567-9012-45678901 2345: 8, 4 and 4, 4 and the first four of 12, 8 */
static bool pack_uuid(const char *text, char *out)
{
    return text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' && pack_8(load_8(text), out) &&
           pack_8(load_4_4(text + 9, text + 14), out + 4) && pack_8(load_4_4(text + 19, text + 24), out + 8) &&
           pack_8(load_8(text + 28), out + 12);
}

static void unpack_uuid(const char *bytes, char *out)
{
    uint64_t words[4];
    for (unsigned i = 0; i < 4; i++)
        words[i] = unpack_8(bytes + 4 * i);
    memcpy(out, &words[0], 8);
    memcpy(out + 9, &words[1], 4);
    memcpy(out + 14, (const char *)&words[1] + 4, 4);
    memcpy(out + 19, &words[2], 4);
    memcpy(out + 24, (const char *)&words[2] + 4, 4);
    memcpy(out + 28, &words[3], 8);
    out[8] = out[13] = out[18] = out[23] = '-';
}

enum pack_form pack_id(const char *text, size_t size, char *out)
{
    if (size == PACK_UUID_SIZE && pack_uuid(text, out))
        return PACK_UUID;
    return size <= PACK_ID_MAX && pack_hex(text, size, out) ? PACK_HEX : PACK_RAW;
}

void unpack_id(enum pack_form form, const char *bytes, size_t size, char *out)
{
    if (form == PACK_HEX)
        unpack_hex(bytes, size, out);
    else
        unpack_uuid(bytes, out);
}
