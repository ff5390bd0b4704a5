/* fuzz_reply.c - replies against NFC of the whole text; SMS parts against packing unit by unit. */
#include "engine/check.h"
#include "engine/reply.h"
#include "engine/segments.h"
#include "engine/values.h"

#include <utf8proc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends_with(const char *text, size_t size, const char *end)
{
    return size >= strlen(end) && memcmp(text + size - strlen(end), end, strlen(end)) == 0;
}

/* `text` ends with NUL and has none inside */
static bool slow_reply(char *text, char digits[9], const char **ret_text)
{
    static const char *const WHITE[] = {" ", "\t", "\r", "\n", "\xc2\xa0"};
    size_t size = strlen(text);
    for (bool again = true; again;) {
        again = false;
        for (unsigned i = 0; i < 5; i++) {
            if (ends_with(text, size, WHITE[i])) {
                size -= strlen(WHITE[i]);
                again = true;
            }
        }
    }
    text[size] = '\0';
    if (*text++ != 'R')
        return false;
    unsigned count = 0;
    while (count < 8 && text[0] == ' ' && text[1] >= '0' && text[1] <= '9') {
        digits[count++] = text[1];
        text += 2;
    }
    digits[count] = '\0';
    *ret_text = "";
    if (count == 0 || *text == '\0')
        return count > 0;
    if (*text++ != ' ')
        return false;
    utf8proc_uint8_t *composed = utf8proc_NFC((const utf8proc_uint8_t *)text);
    CHECK(composed);
    utf8proc_int32_t first;
    CHECK(utf8proc_iterate(composed, -1, &first) > 0);
    free(composed);
    *ret_text = text;
    return value_is_letter((uint32_t)first);
}

static unsigned slow_width(uint32_t code_point, bool gsm)
{
    static const char ONE[] = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
                              "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    static const char TWO[] = "\f^{}\\[~]|€";
    utf8proc_uint8_t bytes[5] = "";
    utf8proc_encode_char((utf8proc_int32_t)code_point, bytes);
    if (!gsm)
        return code_point > 0xffff ? 2 : 1;
    return strstr(ONE, (char *)bytes) ? 1 : strstr(TWO, (char *)bytes) ? 2 : 0;
}

static unsigned slow_parts(struct span text, bool gsm, unsigned one, unsigned more)
{
    unsigned total = 0, parts = 1, used = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t code_point;
        at += value_decode(text.data + at, &code_point);
        unsigned width = slow_width(code_point, gsm);
        if (width == 0)
            return 0;
        total += width;
        if (used + width > more) {
            parts++;
            used = 0;
        }
        used += width;
    }
    return total <= one ? 1 : parts;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span given = {(const char *)data, size};
    if (!value_text(given))
        return 0;

    unsigned parts = slow_parts(given, true, 160, 153);
    CHECK(segments_count(given) == (parts ? parts : slow_parts(given, false, 70, 67)));

    char *copy = malloc(size + 1), digits[9];
    CHECK(copy);
    memcpy(copy, data, size);
    copy[size] = '\0';
    const char *text;
    struct reply reply;
    bool in_form = reply_parse(given, &reply);
    CHECK(in_form == slow_reply(copy, digits, &text));
    if (in_form) {
        CHECK(reply.digit_count == strlen(digits));
        for (unsigned i = 0; i < reply.digit_count; i++)
            CHECK(reply.digits[i] == digits[i] - '0');
        CHECK(span_equal(reply.text, span_of(text)));
    }
    free(copy);
    return 0;
}
