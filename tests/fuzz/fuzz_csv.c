/* fuzz_csv.c - csv_next, with and without what earlier records told, against a slow obvious parser of contract section 3.
 *
 * The input's first two bytes choose. First 16 or more: the second is how many bytes of the text are not there yet. Less: the
 * second says where the text is cut, and the `@` in it is blown up by that much more or less than the limit of a record. */
#include "engine/check.h"
#include "io/csv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS_MAX 16

/* What the slow parser says of the record that begins at `start`, the text being text[0..size) and no more.
 */
struct slow {
    enum { SLOW_RECORD, SLOW_BLANK, SLOW_BAD, SLOW_UNSETTLED } kind;
    size_t next;       /* record, blank */
    size_t record_end; /* record */
    uint32_t count;
    struct {
        size_t start, size; /* between the quotes */
        bool escaped;
    } fields[FIELDS_MAX];
};

/* Is there a byte, and which? -1: the end of the text. */
static int at(const char *text, size_t size, size_t i)
{
    return i < size ? (unsigned char)text[i] : -1;
}

/* Where the byte stands next, from i on; size: nowhere. */
static size_t find(const char *text, size_t size, size_t i, char byte)
{
    const char *found = i < size ? memchr(text + i, byte, size - i) : NULL;
    return found ? (size_t)(found - text) : size;
}

static struct slow slow_next(const char *text, size_t size, size_t start, bool final)
{
    struct slow slow = {.kind = SLOW_UNSETTLED};
    size_t i = start;
    int first = at(text, size, i), second = at(text, size, i + 1);
    if (first == '\n' || (first == '\r' && second == '\n')) {
        slow.kind = SLOW_BLANK;
        slow.next = i + (first == '\n' ? 1 : 2);
        return slow;
    }
    for (;;) {
        size_t field = i, field_end;
        bool escaped = false;
        if (at(text, size, i) == '"') {
            field = ++i;
            for (;; i += 2) {
                i = find(text, size, i, '"');
                if (i == size) {
                    slow.kind = final ? SLOW_BAD : SLOW_UNSETTLED; /* unclosed */
                    return slow;
                }
                if (i + 1 >= size && !final)
                    return slow;
                if (at(text, size, i + 1) != '"')
                    break;
                escaped = true;
            }
            field_end = i++;
            int after = at(text, size, i), then = at(text, size, i + 1);
            if (after == '\r' && then == -1 && !final)
                return slow;
            if (after != ',' && after != '\n' && after != -1 && !(after == '\r' && then == '\n')) {
                slow.kind = SLOW_BAD;
                return slow;
            }
        } else {
            i = find(text, find(text, size, i, ','), i, '\n');
            if (i >= size && !final)
                return slow;
            if (at(text, size, i) == '\n' && i > field && text[i - 1] == '\r')
                i--;
            field_end = i;
        }
        if (slow.count < FIELDS_MAX) {
            slow.fields[slow.count].start = field;
            slow.fields[slow.count].size = field_end - field;
            slow.fields[slow.count].escaped = escaped;
        }
        slow.count++;
        if (at(text, size, i) == ',') {
            i++;
            continue;
        }
        slow.record_end = i;
        slow.next = i >= size ? size : text[i] == '\r' ? i + 2 : i + 1;
        slow.kind = i - start > CSV_RECORD_MAX ? SLOW_BAD : SLOW_RECORD;
        return slow;
    }
}

static void same_fields(const char *text, const struct slow *slow, const struct csv_field *fields)
{
    for (uint32_t i = 0; i < slow->count && i < FIELDS_MAX; i++) {
        CHECK(fields[i].data == text + slow->fields[i].start);
        CHECK(fields[i].size == slow->fields[i].size);
        CHECK(fields[i].escaped == slow->fields[i].escaped);
        static char copy[CSV_LOOKAHEAD + 1];
        copy[fields[i].size] = '!';
        size_t size = csv_unescape(&fields[i], copy), slow_size = 0;
        CHECK(copy[fields[i].size] == '!');
        for (size_t k = 0; k < fields[i].size && fields[i].escaped; k++, slow_size++) {
            CHECK(copy[slow_size] == fields[i].data[k]);
            if (fields[i].data[k] == '"')
                k++;
        }
        if (!fields[i].escaped) {
            slow_size = fields[i].size;
            CHECK(memcmp(copy, fields[i].data, slow_size) == 0);
        }
        CHECK(size == slow_size);
    }
}

static bool same(const struct csv_field *a, const struct csv_field *b, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < FIELDS_MAX; i++)
        if (a[i].data != b[i].data || a[i].size != b[i].size || a[i].escaped != b[i].escaped)
            return false;
    return true;
}

/* One call, judged. Returns where to go on, or `size` to stop. */
static size_t judge(const char *text, size_t size, size_t position, bool final, struct csv_seen *seen)
{
    struct csv_field fields[FIELDS_MAX], again[FIELDS_MAX];
    uint32_t count = 0, count_again = 0;
    size_t next = 0, next_again = 0;
    enum csv_result result = csv_next(text, size, position, final, fields, FIELDS_MAX, &count, &next);
    CHECK(csv_next_seen(text, size, position, final, again, FIELDS_MAX, &count_again, &next_again, seen) == result);
    CHECK(next_again == next && seen->until <= size);
    CHECK(result != CSV_RECORD || (count == count_again && same(fields, again, count)));
    struct slow slow = slow_next(text, size, position, final);
    bool far = size - position >= CSV_LOOKAHEAD;
    const char *line = memchr(text + position, '\n', size - position);
    switch (result) {
    case CSV_RECORD:
        CHECK(slow.kind == SLOW_RECORD && count == slow.count && next == slow.next);
        same_fields(text, &slow, fields);
        return next;
    case CSV_BLANK:
        CHECK(slow.kind == SLOW_BLANK && next == slow.next);
        return next;
    case CSV_BAD:
        CHECK(slow.kind == SLOW_BAD || (slow.kind == SLOW_UNSETTLED && far));
        CHECK(next == (line != NULL ? (size_t)(line - text) + 1 : size) && (line != NULL || final));
        return next;
    case CSV_BAD_CUT:
        CHECK((slow.kind == SLOW_BAD || (slow.kind == SLOW_UNSETTLED && far)) && line == NULL && !final);
        return size;
    case CSV_MORE:
        CHECK(slow.kind == SLOW_UNSETTLED && !final && !far);
        return size;
    case CSV_END:
        abort();
    }
    abort();
}

static void whole(const char *text, size_t shown, bool final)
{
    char *own = malloc(shown); /* its end is the end of a block, so that a read behind it is seen */
    CHECK(own != NULL || shown == 0);
    if (shown > 0)
        memcpy(own, text, shown);
    size_t position = 0;
    struct csv_seen seen = {0};
    while (position < shown) {
        size_t next = judge(own, shown, position, final, &seen);
        CHECK(next > position && next <= shown);
        position = next;
    }
    struct csv_field field;
    uint32_t count;
    size_t next;
    CHECK(csv_next(own, shown, position, final, &field, 1, &count, &next) == CSV_END);
    uint64_t lines = 0;
    for (size_t i = 0; (i = find(text, shown, i, '\n')) < shown; i++)
        lines++;
    CHECK(csv_count_lines(own, shown) == lines);
    free(own);
}

static void quote_round_trip(const char *text, size_t size)
{
    char *out = malloc(2 * size + 2);
    size_t quoted = csv_quote((struct span){text, size}, out);
    struct csv_field field;
    uint32_t count = 0;
    size_t next;
    if (quoted > 0 && quoted <= CSV_RECORD_MAX) {
        CHECK(csv_next(out, quoted, 0, true, &field, 1, &count, &next) == CSV_RECORD && count == 1 &&
                next == quoted);
        char *back = malloc(field.size + 1u);
        size_t back_size = field.escaped ? csv_unescape(&field, back) : field.size;
        CHECK(back_size == size && memcmp(field.escaped ? back : field.data, text, size) == 0);
        free(back);
    }
    free(out);
}

static void around_the_limit(const char *text, size_t size, unsigned extra, unsigned how)
{
    const char *mark = memchr(text, '@', size);
    size_t head = (size_t)(mark - text);
    if (mark == NULL || head + 8 > CSV_RECORD_MAX)
        return;
    size_t tail = size - head - 1, fill = CSV_RECORD_MAX - head - 8 + extra;
    size_t all = head + fill + tail;
    char *blown = malloc(all);
    memcpy(blown, text, head);
    memset(blown + head, how & 0x80 ? ',' : 'x', fill);
    memcpy(blown + head + fill, mark + 1, tail);
    const size_t cuts[] = {all, all - 1, CSV_RECORD_MAX + 1, CSV_LOOKAHEAD - 1, CSV_LOOKAHEAD};
    size_t shown = cuts[(how >> 1) % (sizeof cuts / sizeof *cuts)];
    whole(blown, shown < all ? shown : all, how & 1);
    free(blown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 2048)
        return 0;
    const char *text = (const char *)data + 2;
    size -= 2;
    if (data[0] < 16) {
        if (size <= 32) /* the slow parser goes through it all for each line */
            around_the_limit(text, size, data[0], data[1]);
        return 0;
    }
    quote_round_trip(text, size);
    whole(text, size - data[1] % size, data[0] & 1);
    whole(text, size, true);
    return 0;
}
