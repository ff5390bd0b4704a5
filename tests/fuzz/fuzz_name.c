/* fuzz_name.c - UTF-8 against utf8proc's own decoder; names against NFC of the whole text and words cut
 * after; what is kept is taken as itself. */
#include "engine/check.h"
#include "engine/values.h"

#include <utf8proc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool slow_text(const uint8_t *data, size_t size)
{
    while (size > 0) {
        utf8proc_int32_t code_point;
        utf8proc_ssize_t read = utf8proc_iterate(data, (utf8proc_ssize_t)size, &code_point);
        if (read <= 0 || code_point == 0)
            return false;
        uint32_t decoded;
        CHECK(value_decode((const char *)data, &decoded) == read && decoded == (uint32_t)code_point);
        data += read;
        size -= (size_t)read;
    }
    return true;
}

static bool is_white(utf8proc_int32_t point)
{
    return point == ' ' || point == '\t' || point == '\r' || point == '\n' || point == 0xa0;
}

/* Writes the words with '|' behind each; returns their number, 0 where it is no name. */
static unsigned slow_name(const uint8_t *data, size_t size, char *out)
{
    char *source = malloc(size + 1);
    CHECK(source);
    memcpy(source, data, size);
    source[size] = '\0';
    utf8proc_uint8_t *text = utf8proc_NFC((const utf8proc_uint8_t *)source);
    free(source);
    CHECK(text);
    unsigned words = 0;
    bool good = true;
    const utf8proc_uint8_t *at = text;
    while (*at && good) {
        utf8proc_int32_t point, last = 0;
        utf8proc_ssize_t read = utf8proc_iterate(at, -1, &point);
        if (is_white(point)) {
            at += read;
            continue;
        }
        words++;
        unsigned letters = 0;
        good = words <= 4 && value_is_letter((uint32_t)point);
        for (; *at && good; at += read, last = point) {
            read = utf8proc_iterate(at, -1, &point);
            if (is_white(point))
                break;
            bool letter = value_is_letter((uint32_t)point);
            letters += letter;
            good = letter || point == '-' || point == '\'' || point == 0x2019;
            if (good) {
                memcpy(out, at, (size_t)read);
                out += read;
            }
        }
        *out++ = '|';
        good = good && letters <= 40 && value_is_letter((uint32_t)last);
    }
    *out = '\0';
    free(text);
    return good && words >= 2 ? words : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span given = {(const char *)data, size};
    bool valid = slow_text(data, size);
    CHECK(value_text(given) == valid);
    if (!valid || size > 4096)
        return 0;

    static char out[VALUE_NAME_MAX], again_out[VALUE_NAME_MAX], slow[3 * 4096 + 8], fast[VALUE_NAME_MAX + 8];
    struct value_name name, again;
    unsigned words = slow_name(data, size, slow);
    CHECK(value_name(given, out, &name) == (words > 0));
    if (words == 0)
        return 0;
    int fast_size =
        snprintf(fast, sizeof fast, "%.*s|%.*s|%.*s", (int)name.surname.size, name.surname.data,
                 (int)name.given.size, name.given.data, (int)name.patronymic.size, name.patronymic.data);
    CHECK((words > 2) == (name.patronymic.size > 0));
    if (words > 2)
        fast[fast_size++] = '|';
    /* of the words of a patronymic the twin keeps the bar where the name has a space */
    for (int i = 0, bars = 0; i < fast_size; i++) {
        bars += slow[i] == '|';
        CHECK(fast[i] == (bars == 3 && words == 4 && slow[i] == '|' ? ' ' : slow[i]));
    }
    CHECK(slow[fast_size] == '\0');

    char joined[VALUE_NAME_MAX + 8];
    int joined_size =
        snprintf(joined, sizeof joined, "%.*s %.*s %.*s", (int)name.surname.size, name.surname.data,
                 (int)name.given.size, name.given.data, (int)name.patronymic.size, name.patronymic.data);
    CHECK(value_name((struct span){joined, (size_t)joined_size}, again_out, &again));
    CHECK(span_equal(name.surname, again.surname) && span_equal(name.given, again.given) &&
          span_equal(name.patronymic, again.patronymic));
    return 0;
}
