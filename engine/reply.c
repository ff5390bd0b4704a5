/* reply.c - see reply.h. */
#include "engine/reply.h"

#include "engine/check.h"
#include "engine/values.h"

#include <assert.h>
#include <utf8proc.h>

/* The size without the white space at its end: space, tab, CR, LF, U+00A0 (C2 A0). */
static size_t trimmed_size(struct span text)
{
    size_t size = text.size;
    while (size > 0) {
        char last = text.data[size - 1];
        if (last == ' ' || last == '\t' || last == '\r' || last == '\n')
            size--;
        else if (last == '\xa0' && size >= 2 && text.data[size - 2] == '\xc2')
            size -= 2;
        else
            break;
    }
    return size;
}

/* Takes one code point apart as NFC does; returns the number of parts. */
static unsigned take_apart(uint32_t code_point, utf8proc_int32_t parts[8])
{
    int boundary = 0;
    utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    utf8proc_ssize_t count =
        utf8proc_decompose_char((utf8proc_int32_t)code_point, parts, 8, options, &boundary);
    CHECK(count >= 1 && count <= 8); /* a code point of valid UTF-8 has one to four parts */
    return (unsigned)count;
}

/* What stands behind a letter ezh makes it U+01EF: of the marks that go above, a caron is the first. */
static bool begins_with_caron(const char *at, const char *end)
{
    enum { CARON = 0x30c, ABOVE = 230 };
    while (at < end) {
        uint32_t code_point;
        at += value_decode(at, &code_point);
        utf8proc_int32_t parts[8];
        unsigned count = take_apart(code_point, parts);
        for (unsigned i = 0; i < count; i++) {
            int place = utf8proc_get_property(parts[i])->combining_class;
            if (place == 0 || place == ABOVE)
                return parts[i] == CARON;
        }
    }
    return false;
}

/* The text's first code point after NFC is a letter. It is one where the first of its parts is: marks make no
 * letter of what is none, nor the other way, save that ezh with a caron is one and ezh is not
 * (tests/unit/test_reply.c goes through all). So nothing need be composed or sorted, however many marks
 * follow. */
static bool begins_with_letter(const char *at, const char *end)
{
    enum { EZH = 0x292 };
    uint32_t code_point;
    unsigned size = value_decode(at, &code_point);
    if (value_is_letter(code_point))
        return true;
    if (code_point == EZH)
        return begins_with_caron(at + size, end);
    utf8proc_int32_t parts[8];
    take_apart(code_point, parts);
    return value_is_letter((uint32_t)parts[0]);
}

bool reply_parse(struct span text, struct reply *ret_reply)
{
    size_t size = trimmed_size(text);
    if (size < 3 || text.data[0] != 'R')
        return false;
    size_t at = 1;
    unsigned count = 0;
    uint64_t digits = 0; /* the first lowest: in a register until all is known to be in form */
    /* a digit stands alone: what follows it is a space or the end */
    for (; count < REPLY_DIGITS_MAX && at + 1 < size && text.data[at] == ' ' && text.data[at + 1] >= '0' && text.data[at + 1] <= '9';
         at += 2)
        digits |= (uint64_t)(text.data[at + 1] - '0') << 8 * count++;
    if (count == 0)
        return false;
    struct span rest = {NULL, 0};
    if (at < size) {
        if (text.data[at] != ' ' || !begins_with_letter(text.data + at + 1, text.data + size))
            return false;
        rest = (struct span){text.data + at + 1, size - at - 1};
    }
    ret_reply->digit_count = (uint8_t)count;
    static_assert(sizeof digits == sizeof ret_reply->digits, "a digit a byte");
    memcpy(ret_reply->digits, &digits, sizeof digits);
    ret_reply->text = rest;
    return true;
}

static size_t skip_spaces(const char *text, size_t at, size_t size)
{
    while (at < size && text[at] == ' ')
        at++;
    return at;
}

static unsigned bit(enum reply_fault fault)
{
    return 1u << fault;
}

/* Behind R, r, and the Cyrillic letters that look like them (U+0420, U+0440); 0: none of them. */
static size_t behind_r(const char *text, size_t at, size_t size, unsigned *faults)
{
    if (at < size && (text[at] == 'R' || text[at] == 'r')) {
        *faults |= text[at] == 'r' ? bit(REPLY_CASE) : 0;
        return at + 1;
    }
    if (at + 1 < size && (memcmp(text + at, "\xd0\xa0", 2) == 0 || memcmp(text + at, "\xd1\x80", 2) == 0)) {
        *faults |= bit(REPLY_ALPHABET);
        return at + 2;
    }
    return 0;
}

/* Spaces before a digit or the text: one is right. */
static size_t take_gap(const char *text, size_t at, size_t size, unsigned *faults)
{
    size_t behind = skip_spaces(text, at, size);
    if (behind < size && behind - at != 1)
        *faults |= bit(behind == at ? REPLY_NO_SPACE : REPLY_SPACES);
    return behind;
}

/* Reads a text leniently; each liberty that was taken is a bit of *faults. */
static bool read_freely(struct span text, struct reply *reply, unsigned *faults)
{
    size_t size = trimmed_size(text), begin = skip_spaces(text.data, 0, size);
    *faults = begin ? bit(REPLY_SPACES) : 0;
    size_t at = behind_r(text.data, begin, size, faults);
    if (at == 0)
        return false;
    *reply = (struct reply){0};
    for (;;) {
        at = take_gap(text.data, at, size, faults);
        if (at == size || text.data[at] < '0' || text.data[at] > '9')
            break;
        if (reply->digit_count == REPLY_DIGITS_MAX)
            return false;
        reply->digits[reply->digit_count++] = (uint8_t)(text.data[at++] - '0');
    }
    if (reply->digit_count == 0)
        return false;
    if (at < size) {
        if (!begins_with_letter(text.data + at, text.data + size))
            return false;
        reply->text = (struct span){text.data + at, size - at};
    }
    return true;
}

bool reply_mend(struct span text, struct reply *ret_reply)
{
    struct reply reply;
    unsigned faults;
    if (!read_freely(text, &reply, &faults))
        return false;
    *ret_reply = reply;
    return true;
}

enum reply_fault reply_fault(struct span text)
{
    struct reply reply;
    unsigned faults;
    if (!read_freely(text, &reply, &faults))
        return REPLY_OTHER;
    for (enum reply_fault fault = REPLY_ALPHABET; fault < REPLY_FAULT_COUNT; fault++)
        if (faults == bit(fault))
            return fault;
    return REPLY_OTHER;
}
