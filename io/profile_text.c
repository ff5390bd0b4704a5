/* profile_text.c - see profile_text.h. */
#include "io/profile_text.h"

#include "engine/values.h"

#define UNREADABLE '\xff' /* nowhere in UTF-8 */

struct writer {
    char *out;
    size_t size;
};

static void put_byte(struct writer *writer, char byte)
{
    writer->out[writer->size++] = byte;
}

static void put_point(struct writer *writer, uint32_t point)
{
    if (point < 0x80) {
        put_byte(writer, (char)point);
    } else if (point < 0x800) {
        put_byte(writer, (char)(0xc0 | point >> 6));
        put_byte(writer, (char)(0x80 | (point & 0x3f)));
    } else if (point < 0x10000) {
        put_byte(writer, (char)(0xe0 | point >> 12));
        put_byte(writer, (char)(0x80 | (point >> 6 & 0x3f)));
        put_byte(writer, (char)(0x80 | (point & 0x3f)));
    } else if (point < 0x110000) {
        put_byte(writer, (char)(0xf0 | point >> 18));
        put_byte(writer, (char)(0x80 | (point >> 12 & 0x3f)));
        put_byte(writer, (char)(0x80 | (point >> 6 & 0x3f)));
        put_byte(writer, (char)(0x80 | (point & 0x3f)));
    } else {
        put_byte(writer, UNREADABLE);
    }
}

static bool is_high(uint32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(uint32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

static uint32_t pair_of(uint32_t high, uint32_t low)
{
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* UTF-16, big end first, to UTF-8. A half pair becomes what it would be in UTF-8, which value_text refuses. */
static void put_ucs2(struct writer *writer, const uint8_t *bytes, size_t size)
{
    if (size % 2)
        put_byte(writer, UNREADABLE);
    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t unit = (uint32_t)bytes[i] << 8 | bytes[i + 1];
        if (is_high(unit) && i + 3 < size) {
            uint32_t low = (uint32_t)bytes[i + 2] << 8 | bytes[i + 3];
            if (is_low(low)) {
                unit = pair_of(unit, low);
                i += 2;
            }
        }
        put_point(writer, unit);
    }
}

static int digit_of(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* `count` hexadecimal digits as a number, or -1 */
static int64_t hex_number(const char *at, const char *end, unsigned count)
{
    int64_t number = 0;
    if (end - at < (ptrdiff_t)count)
        return -1;
    for (unsigned i = 0; i < count; i++) {
        int digit = digit_of(at[i]);
        if (digit < 0)
            return -1;
        number = number << 4 | digit;
    }
    return number;
}

/* Returns how many bytes the digits are, or SIZE_MAX. */
static size_t hex_bytes(struct span text, uint8_t *out)
{
    const char *end = text.data + text.size;
    if (text.size % 2)
        return SIZE_MAX;
    for (size_t i = 0; i < text.size / 2; i++) {
        int64_t byte = hex_number(text.data + 2 * i, end, 2);
        if (byte < 0)
            return SIZE_MAX;
        out[i] = (uint8_t)byte;
    }
    return text.size / 2;
}

static size_t url_bytes(struct span text, uint8_t *out)
{
    const char *end = text.data + text.size;
    size_t size = 0;
    for (const char *at = text.data; at < end; at++) {
        int64_t byte = *at == '+' ? ' ' : (uint8_t)*at;
        if (*at == '%') {
            byte = hex_number(at + 1, end, 2);
            if (byte < 0)
                return SIZE_MAX;
            at += 2;
        }
        out[size++] = (uint8_t)byte;
    }
    return size;
}

/* What Python's repr wrote behind a backslash at `at`: \n \t \r \\ \' \" \xHH \uHHHH \UHHHHHHHH. *ret_point: the number, or what is no
 * UTF-8. Returns the place behind. */
static const char *python_escape(const char *at, const char *end, int64_t *ret_point)
{
    static const char LETTERS[] = "nrt\\'\"", MEANT[] = "\n\r\t\\'\"";
    static const struct {
        char letter;
        unsigned digits;
    } NUMBERS[] = {{'x', 2}, {'u', 4}, {'U', 8}};
    *ret_point = -1;
    if (at == end)
        return at;
    const char *letter = memchr(LETTERS, *at, sizeof LETTERS - 1);
    if (letter)
        *ret_point = (unsigned char)MEANT[letter - LETTERS];
    for (unsigned i = 0; i < 3; i++) {
        if (*at != NUMBERS[i].letter)
            continue;
        *ret_point = hex_number(at + 1, end, NUMBERS[i].digits);
        return *ret_point < 0 ? end : at + 1 + NUMBERS[i].digits;
    }
    return at + 1;
}

/* Does what Python called bytes hold UCS-2? No SMS in GSM 03.38 or ASCII has such bytes, and Cyrillic and spaces in UCS-2 do. */
static bool seems_ucs2(const char *bytes, size_t size)
{
    if (size % 2)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)bytes[i] < 9)
            return true;
    return false;
}

static size_t python_text(struct span text, char *out)
{
    struct writer writer = {.out = out};
    bool bytes = text.size && (text.data[0] == 'b' || text.data[0] == 'B');
    const char *at = text.data + bytes, *end = text.data + text.size;
    if (end - at < 2 || (*at != '\'' && *at != '"') || end[-1] != *at) {
        put_byte(&writer, UNREADABLE);
        return writer.size;
    }
    at++;
    end--;
    char *raw = out + 2 * text.size; /* bytes, behind what they become: 1.5 bytes each at most */
    size_t raw_size = 0;
    while (at < end) {
        int64_t point = (uint8_t)*at;
        bool escaped = *at++ == '\\';
        if (escaped)
            at = python_escape(at, end, &point);
        if (bytes && point >= 0)
            raw[raw_size++] = (char)point;
        else if (escaped && point >= 0)
            put_point(&writer, (uint32_t)point);
        else
            put_byte(&writer, point < 0 ? UNREADABLE : (char)point);
    }
    if (bytes && seems_ucs2(raw, raw_size)) {
        put_ucs2(&writer, (const uint8_t *)raw, raw_size);
    } else if (bytes) {
        memmove(out + writer.size, raw, raw_size);
        writer.size += raw_size;
    }
    return writer.size;
}

size_t profile_text(enum profile_text form, bool ucs2, struct span text, char *out)
{
    struct writer writer = {.out = out};
    if (form == PROFILE_PYTHON)
        return python_text(text, out);
    if (form == PROFILE_PLAIN || (form == PROFILE_HEX_UCS2 && !ucs2)) {
        if (text.size)
            memcpy(out, text.data, text.size);
        return text.size;
    }
    uint8_t *bytes = (uint8_t *)out + 2 * text.size;
    size_t size = form == PROFILE_URL ? url_bytes(text, bytes) : hex_bytes(text, bytes);
    if (size == SIZE_MAX) {
        put_byte(&writer, UNREADABLE);
    } else if (ucs2) {
        put_ucs2(&writer, bytes, size);
    } else {
        memmove(out, bytes, size);
        writer.size = size;
    }
    return writer.size;
}

/* Does half a pair stand here, as put_point wrote it? Else 0. */
static uint32_t half_at(const char *at)
{
    const uint8_t *bytes = (const uint8_t *)at;
    if (bytes[0] != 0xed || bytes[1] < 0xa0 || bytes[1] > 0xbf || bytes[2] < 0x80 || bytes[2] > 0xbf)
        return 0;
    return 0xd000 | (bytes[1] & 0x3fu) << 6 | (bytes[2] & 0x3fu);
}

struct span profile_without_halves(struct span part)
{
    if (part.size >= 3 && is_low(half_at(part.data)))
        part = (struct span){part.data + 3, part.size - 3};
    if (part.size >= 3 && is_high(half_at(part.data + part.size - 3)))
        part.size -= 3;
    return part;
}

bool profile_part_is_text(struct span part)
{
    return value_text(profile_without_halves(part));
}

size_t profile_add_part(char *text, size_t size, struct span part)
{
    struct writer writer = {text, size};
    uint32_t high = size >= 3 ? half_at(text + size - 3) : 0, low = part.size >= 3 ? half_at(part.data) : 0;
    if (is_high(high) && is_low(low)) {
        writer.size -= 3;
        put_point(&writer, pair_of(high, low));
        part = (struct span){part.data + 3, part.size - 3};
    }
    if (part.size)
        memcpy(text + writer.size, part.data, part.size);
    return writer.size + part.size;
}

bool profile_udh(struct span text, bool url, struct profile_part *ret_part)
{
    uint8_t bytes[1024];
    *ret_part = (struct profile_part){0};
    if (text.size > sizeof bytes)
        return false;
    size_t size = url ? url_bytes(text, bytes) : hex_bytes(text, bytes);
    if (size == SIZE_MAX || (size && (size_t)bytes[0] + 1 > size))
        return false;
    size_t end = size ? (size_t)bytes[0] + 1 : 0;
    for (size_t at = 1; at + 2 <= end; at += 2 + (size_t)bytes[at + 1]) {
        const uint8_t *data = bytes + at + 2;
        if (at + 2 + bytes[at + 1] > end)
            return false;
        if (bytes[at] == 0 && bytes[at + 1] == 3) /* 3GPP TS 23.040: a reference of 8 bits, and one of 16 */
            *ret_part = (struct profile_part){data[0], data[1], data[2]};
        else if (bytes[at] == 8 && bytes[at + 1] == 4)
            *ret_part = (struct profile_part){(uint32_t)data[0] << 8 | data[1], data[2], data[3]};
    }
    return true;
}
