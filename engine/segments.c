/* segments.c - see segments.h. */
#include "engine/segments.h"

#include "engine/lanes.h"
#include "engine/values.h"

#include <stdint.h>

enum { GSM_ONE = 160, GSM_MORE = 153, UCS2_ONE = 70, UCS2_MORE = 67 };

/* Septets of an ASCII character in GSM 03.38: 1 in the alphabet, 2 by the escape, 0 not there. */
static const uint8_t GSM_ASCII[128] = {
    ['\n'] = 1, ['\f'] = 2, ['\r'] = 1,        [' ' ... 'Z'] = 1, ['['] = 2, ['\\'] = 2, [']'] = 2,
    ['^'] = 2,  ['_'] = 1,  ['a' ... 'z'] = 1, ['{'] = 2,         ['|'] = 2, ['}'] = 2,  ['~'] = 2,
};

static unsigned gsm_width(uint32_t code_point)
{
    if (code_point < 0x80)
        return GSM_ASCII[code_point];
    switch (code_point) {
    case 0xa1:  /* ¡ */
    case 0xa3:  /* £ */
    case 0xa4:  /* ¤ */
    case 0xa5:  /* ¥ */
    case 0xa7:  /* § */
    case 0xbf:  /* ¿ */
    case 0xc4:  /* Ä */
    case 0xc5:  /* Å */
    case 0xc6:  /* Æ */
    case 0xc7:  /* Ç */
    case 0xc9:  /* É */
    case 0xd1:  /* Ñ */
    case 0xd6:  /* Ö */
    case 0xd8:  /* Ø */
    case 0xdc:  /* Ü */
    case 0xdf:  /* ß */
    case 0xe0:  /* à */
    case 0xe4:  /* ä */
    case 0xe5:  /* å */
    case 0xe6:  /* æ */
    case 0xe8:  /* è */
    case 0xe9:  /* é */
    case 0xec:  /* ì */
    case 0xf1:  /* ñ */
    case 0xf2:  /* ò */
    case 0xf6:  /* ö */
    case 0xf8:  /* ø */
    case 0xf9:  /* ù */
    case 0xfc:  /* ü */
    case 0x393: /* Γ */
    case 0x394: /* Δ */
    case 0x398: /* Θ */
    case 0x39b: /* Λ */
    case 0x39e: /* Ξ */
    case 0x3a0: /* Π */
    case 0x3a3: /* Σ */
    case 0x3a6: /* Φ */
    case 0x3a8: /* Ψ */
    case 0x3a9: /* Ω */
        return 1;
    case 0x20ac: /* € */
        return 2;
    default:
        return 0;
    }
}

static unsigned ucs2_width(uint32_t code_point)
{
    return code_point > 0xffff ? 2 : 1;
}

static unsigned parts_of(size_t units, unsigned one, unsigned more)
{
    return units <= one ? 1 : (unsigned)((units + more - 1) / more);
}

/* Fills part after part; what takes two units goes to the next where one is left. */
static unsigned parts_packed(struct span text, unsigned more, unsigned (*width_of)(uint32_t))
{
    unsigned parts = 1, room = more;
    for (size_t at = 0; at < text.size;) {
        uint32_t code_point;
        at += value_decode(text.data + at, &code_point);
        unsigned width = width_of(code_point);
        if (width > room) {
            parts++;
            room = more;
        }
        room -= width;
    }
    return parts;
}

static unsigned ucs2_count(struct span text)
{
    /* Counting bytes is enough: every byte that is no tail (10xxxxxx) begins a code point, and one from F0
     * begins a code point of two units. Eight bytes at a time; the product's top byte is the sum of the eight
     * lanes. */
    size_t tails = 0, pairs = 0, at = 0;
    for (; at + 8 <= text.size; at += 8) {
        uint64_t word;
        memcpy(&word, text.data + at, sizeof word);
        tails += ((word >> 7 & ~word >> 6) & ALL(1)) * ALL(1) >> 56;
        pairs += ((word >> 7 & word >> 6 & word >> 5 & word >> 4) & ALL(1)) * ALL(1) >> 56;
    }
    for (; at < text.size; at++) {
        unsigned char byte = (unsigned char)text.data[at];
        tails += (byte & 0xc0) == 0x80;
        pairs += byte >= 0xf0;
    }
    size_t units = text.size - tails + pairs;
    if (pairs == 0 || units <= UCS2_ONE)
        return parts_of(units, UCS2_ONE, UCS2_MORE);
    return parts_packed(text, UCS2_MORE, ucs2_width);
}

unsigned segments_count(struct span text)
{
    size_t septets = 0, escapes = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t code_point = (unsigned char)text.data[at];
        at += code_point < 0x80 ? 1 : value_decode(text.data + at, &code_point);
        unsigned width = gsm_width(code_point);
        if (width == 0) /* Cyrillic ends here at its first letter */
            return ucs2_count(text);
        septets += width;
        escapes += width == 2;
    }
    if (escapes == 0 || septets <= GSM_ONE)
        return parts_of(septets, GSM_ONE, GSM_MORE);
    return parts_packed(text, GSM_MORE, gsm_width);
}
