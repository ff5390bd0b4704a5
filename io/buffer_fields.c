/* buffer_fields.c - see buffer_fields.h. */
#include "io/buffer_fields.h"

#include "engine/lanes.h"
#include "engine/values.h"
#include "io/csv.h"

#include <stdbool.h>

int buffer_csv(struct buffer *buffer, struct span field, char behind, struct fault *fault)
{
    char *room = buffer_room(buffer, 2 * field.size + 3, fault);
    if (!room)
        return -1;
    size_t size = csv_quote(field, room);
    room[size] = behind;
    buffer->size += size + 1;
    return 0;
}

/* Does one of the eight bytes want an escape: a control, `"` or `\`? (The lanes' borrows only ever tell too much.) */
static inline bool has_special(uint64_t word)
{
    uint64_t quote = word ^ ALL('"'), backslash = word ^ ALL('\\');
    return (((word - ALL(0x20)) & ~word) | ((quote - ALL(1)) & ~quote) | ((backslash - ALL(1)) & ~backslash)) & ALL(0x80);
}

static char *escape(char *out, unsigned char c)
{
    static const char HEX[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        *out++ = '\\';
        *out++ = (char)c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
        *out++ = '\\';
        *out++ = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
    } else if (c < 0x20) {
        memcpy(out, "\\u00", 4);
        out[4] = HEX[c >> 4];
        out[5] = HEX[c & 15];
        out += 6;
    } else {
        *out++ = (char)c;
    }
    return out;
}

char *json_put(char *out, struct span text)
{
    *out++ = '"';
    for (size_t i = 0; i < text.size;) {
        uint64_t word;
        if (text.size - i >= sizeof word) {
            memcpy(&word, text.data + i, sizeof word);
            if (!has_special(word)) {
                memcpy(out, &word, sizeof word);
                out += sizeof word;
                i += sizeof word;
                continue;
            }
        }
        out = escape(out, (unsigned char)text.data[i++]);
    }
    *out++ = '"';
    return out;
}

int buffer_json(struct buffer *buffer, struct span text, struct fault *fault)
{
    char *begin = buffer_room(buffer, JSON_MAX(text.size), fault);
    if (!begin)
        return -1;
    buffer->size += (size_t)(json_put(begin, text) - begin);
    return 0;
}

/* Of a name that is no text each byte that is no ASCII becomes U+FFFD. */
size_t name_text(struct span name, char *out)
{
    char *begin = out;
    if (value_text(name)) {
        memcpy(out, name.data, name.size);
        return name.size;
    }
    for (size_t i = 0; i < name.size; i++) {
        if ((unsigned char)name.data[i] >= 0x80)
            out = mempcpy(out, "\xef\xbf\xbd", 3);
        else
            *out++ = name.data[i];
    }
    return (size_t)(out - begin);
}

int buffer_json_name(struct buffer *buffer, struct span name, struct fault *fault)
{
    size_t most = JSON_MAX(3 * name.size);
    char *begin = buffer_room(buffer, most + 3 * name.size, fault);
    if (!begin)
        return -1;
    char *text = begin + most; /* behind what is made of it */
    buffer->size += (size_t)(json_put(begin, (struct span){text, name_text(name, text)}) - begin);
    return 0;
}

int buffer_json_or_null(struct buffer *buffer, struct span text, struct fault *fault)
{
    return text.size ? buffer_json(buffer, text, fault) : buffer_add(buffer, "null", 4, fault);
}

int buffer_time(struct buffer *buffer, int64_t ms, struct fault *fault)
{
    char *room = buffer_room(buffer, VALUE_TIME_MAX, fault);
    if (!room)
        return -1;
    buffer->size += value_time_write(ms, room);
    return 0;
}

int buffer_phone(struct buffer *buffer, uint32_t phone, struct fault *fault)
{
    char *room = buffer_room(buffer, 11, fault);
    if (!room)
        return -1;
    value_phone_write(phone, room);
    buffer->size += 11;
    return 0;
}
