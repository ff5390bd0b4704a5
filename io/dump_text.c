/* dump_text.c - the bytes of a dump to text in UTF-8; see dump_state.h. */
#include "io/dump_state.h"

#include <errno.h>
#include <strings.h>

bool dump_fill_raw(struct dump *dump, struct fault *fault)
{
    if (dump->raw_at < dump->raw_size || dump->raw_final || dump->trying)
        return true;
    ssize_t got = source_read(dump->source, dump->raw, RAW_SIZE, fault);
    if (got < 0)
        return false;
    dump->raw_at = 0;
    dump->raw_size = (size_t)got;
    dump->raw_final = (size_t)got < RAW_SIZE;
    return true;
}

/* Brings more behind half a character. */
static int fill_raw_behind(struct dump *dump, struct fault *fault)
{
    size_t kept = dump->raw_size - dump->raw_at;
    memmove(dump->raw, dump->raw + dump->raw_at, kept);
    ssize_t got = source_read(dump->source, dump->raw + kept, RAW_SIZE - kept, fault);
    if (got < 0)
        return -1;
    dump->raw_at = 0;
    dump->raw_size = kept + (size_t)got;
    dump->raw_final = (size_t)got < RAW_SIZE - kept;
    return 0;
}

/* How many bytes a unit of an encoding has: so many are passed over where they make no character. */
static size_t unit_of(const char *encoding)
{
    if (strncasecmp(encoding, "UTF-16", 6) == 0 || strncasecmp(encoding, "UCS-2", 5) == 0)
        return 2;
    return strncasecmp(encoding, "UTF-32", 6) == 0 || strncasecmp(encoding, "UCS-4", 5) == 0 ? 4 : 1;
}

/* Converts what there is room for. What is no character becomes a byte that is no UTF-8, so that its record is bad_utf8. False: the rest of
 * the raw bytes is half a character, and more are needed. */
static bool convert(struct dump *dump, bool final)
{
    size_t unit = unit_of(dump->profile->encoding);
    while (dump->raw_at < dump->raw_size && dump->text_size + 16 < TEXT_SIZE) {
        char *in = dump->raw + dump->raw_at, *out = dump->text + dump->text_size;
        size_t in_left = dump->raw_size - dump->raw_at, out_left = TEXT_SIZE - 1 - dump->text_size;
        size_t done = iconv(dump->converter, &in, &in_left, &out, &out_left);
        int error = done == (size_t)-1 ? errno : 0;
        dump->raw_at = (size_t)(in - dump->raw);
        dump->text_size = (size_t)(out - dump->text);
        if (error == EINVAL && !final)
            return false;
        if (error == EILSEQ || error == EINVAL) {
            dump->text[dump->text_size++] = '\xff';
            dump->raw_at += unit < in_left ? unit : in_left;
        }
    }
    return true;
}

static void copy(struct dump *dump)
{
    size_t size = dump->raw_size - dump->raw_at, room = TEXT_SIZE - dump->text_size;
    size = size < room ? size : room;
    if (size)
        memcpy(dump->text + dump->text_size, dump->raw + dump->raw_at, size);
    dump->raw_at += size;
    dump->text_size += size;
}

void dump_swap(const struct dump *dump, char *text, size_t size)
{
    char delimiter = dump->profile && !dump->profile->form ? dump->profile->delimiter : ',';
    for (size_t i = 0; delimiter != ',' && i < size; i++)
        text[i] = text[i] == ',' ? delimiter : text[i] == delimiter ? ',' : text[i];
}

/* A BOM is no text. */
static void strip_mark(struct dump *dump)
{
    if (!dump->fresh || (dump->text_size < 3 && !dump->text_final))
        return;
    dump->fresh = false;
    if (dump->text_size >= 3 && memcmp(dump->text, "\xef\xbb\xbf", 3) == 0)
        dump->text_at = 3;
}

int dump_fill(struct dump *dump, struct fault *fault)
{
    size_t left = dump->text_size - dump->text_at;
    memmove(dump->text, dump->text + dump->text_at, left);
    dump->text_at = 0;
    dump->text_size = left;
    dump->seen = (struct csv_seen){0};
    while (!dump->text_final && dump->text_size + 64 < TEXT_SIZE) {
        size_t before = dump->text_size;
        if (!dump_fill_raw(dump, fault))
            return -1;
        bool last = dump->raw_final;
        if (dump->has_converter && !convert(dump, last)) { /* half a character: bring the rest behind it */
            if (dump->trying) /* of a head nothing more comes */
                dump->raw_at = dump->raw_size;
            else if (fill_raw_behind(dump, fault))
                return -1;
        } else if (!dump->has_converter) {
            copy(dump);
        }
        dump_swap(dump, dump->text + before, dump->text_size - before);
        bool empty = dump->raw_at == dump->raw_size;
        dump->text_final = empty && dump->raw_final;
        if (empty && dump->trying)
            break;
    }
    strip_mark(dump);
    return 0;
}
