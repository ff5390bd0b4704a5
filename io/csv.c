/* csv.c - see csv.h.  Bare fields: 64 bytes at a time become a mask of their commas and LFs, and the mask's
 * bits are the ends of fields (after simdcsv).  A field that begins with a quote leaves that path until it is
 * closed.
 *
 *   buffer   kcell,77011234567,"a ""b"", c",R 1 1\n
 *   mask          1           1        x   1     1    x: inside quotes, struck when the field is through
 *
 * A record is settled within CSV_LOOKAHEAD bytes, so the scan never looks further: `end` is there or at the
 * buffer's end. */
#include "io/csv.h"

#include "engine/lanes.h"

#if defined(__SSE2__) && !defined(CSV_PORTABLE)
#include <emmintrin.h>
#define CSV_SSE2 1
#endif

#define STEP 64

struct scan {
    const char *base, *end;
    uint64_t mask;
};

enum settled { SETTLED, BROKEN, OPEN };

enum skim_state { SKIM_FIELD, SKIM_BARE, SKIM_INSIDE, SKIM_QUOTE, SKIM_RETURN, SKIM_BROKEN };

#ifndef CSV_LOOKED /* a test counts by it */
#define CSV_LOOKED(bytes) ((void)0)
#endif

static enum settled record(const char *start, const char *end, bool at_end, struct csv_field *fields,
                           uint32_t fields_max, uint32_t *ret_count, const char **ret_record_end,
                           const char **ret_next);

/* The rest of a record, byte by byte, from *at in *state on; where it stops is left in both. */
static enum settled skim(const char **at, const char *end, bool at_end, enum skim_state *state, const char **ret_record_end);

enum csv_result csv_next(const char *buffer, size_t size, size_t position, bool final,
                         struct csv_field *fields, uint32_t fields_max, uint32_t *ret_count, size_t *ret_next)
{
    return csv_next_seen(buffer, size, position, final, fields, fields_max, ret_count, ret_next, NULL);
}

/* Is the record bad by what an earlier scan tells? False: it is to be read as any other. */
static bool known_bad(const char *buffer, const char *start, const char *end, bool at_end, struct csv_seen *seen)
{
    const char *until = buffer + seen->until, *record_end = NULL;
    const char *line_end = memchr(start, '\n', (size_t)(until - start)), *at = start;
    enum skim_state state = SKIM_FIELD;
    if (line_end == NULL)
        return false;
    CSV_LOOKED(line_end + 1 - start);
    enum settled settled = skim(&at, line_end + 1, false, &state, &record_end);
    if (settled != OPEN)
        return settled == BROKEN;
    state = (enum skim_state)seen->state; /* inside quotes at the line's end, as the earlier scan was */
    if (state == SKIM_BROKEN)
        return true;
    CSV_LOOKED(end - until);
    settled = skim(&until, end, at_end, &state, &record_end);
    if (settled == SETTLED)
        return record_end - start > CSV_RECORD_MAX;
    *seen = (struct csv_seen){(size_t)(until - buffer), (uint8_t)state};
    return settled == BROKEN || at_end || end - start == CSV_LOOKAHEAD;
}

/* Keeps what the bad record at `start` tells: every line end that it passed stood inside quotes. */
static void remember(struct csv_seen *seen, const char *buffer, const char *start, enum settled settled, const char *stop)
{
    if (settled == BROKEN) {
        *seen = (struct csv_seen){(size_t)(stop - buffer), SKIM_BROKEN};
        return;
    }
    const char *last = memrchr(start, '\n', (size_t)(stop - start));
    if (last != NULL)
        *seen = (struct csv_seen){(size_t)(last - buffer) + 1, SKIM_INSIDE};
}

enum csv_result csv_next_seen(const char *buffer, size_t size, size_t position, bool final,
                              struct csv_field *fields, uint32_t fields_max, uint32_t *ret_count,
                              size_t *ret_next, struct csv_seen *seen)
{
    if (position >= size)
        return CSV_END;
    const char *start = buffer + position;
    size_t left = size - position;
    if (start[0] == '\n' || (start[0] == '\r' && left > 1 && start[1] == '\n')) {
        *ret_next = position + (start[0] == '\n' ? 1 : 2);
        return CSV_BLANK;
    }
    bool whole = left >= CSV_LOOKAHEAD; /* what is not settled by then is too long */
    bool at_end = final && !whole;
    const char *end = start + (whole ? CSV_LOOKAHEAD : left);
    const char *record_end = NULL, *next = NULL;
    enum settled settled = BROKEN;
    if (seen != NULL && position < seen->until && known_bad(buffer, start, end, at_end, seen)) {
        seen = NULL; /* it is up to date */
    } else {
        settled = record(start, end, at_end, fields, fields_max, ret_count, &record_end, &next);
        CSV_LOOKED((settled == OPEN ? end : next) - start);
    }
    if (settled == SETTLED && record_end - start <= CSV_RECORD_MAX) {
        *ret_next = (size_t)(next - buffer);
        return CSV_RECORD;
    }
    if (settled == OPEN && !whole && !final)
        return CSV_MORE;
    const char *line_end = memchr(start, '\n', left);
    if (line_end == NULL && !final)
        return CSV_BAD_CUT;
    *ret_next = line_end != NULL ? (size_t)(line_end - buffer) + 1 : size;
    if (seen != NULL)
        remember(seen, buffer, start, settled, settled == SETTLED ? record_end : settled == BROKEN ? next : end);
    return CSV_BAD;
}

/* ---- bit masks of 64 bytes ---- */

#ifdef CSV_SSE2
static inline uint64_t separators(const char *data)
{
    const __m128i comma = _mm_set1_epi8(','), feed = _mm_set1_epi8('\n');
    uint64_t mask = 0;
    for (unsigned i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i));
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(bytes, comma), _mm_cmpeq_epi8(bytes, feed));
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << (16 * i);
    }
    return mask;
}
#else
static inline uint64_t load_word(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static inline uint64_t separators(const char *data)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t word = load_word(data + 8 * i);
        uint64_t hit = zero_bytes(word ^ ALL(',')) | zero_bytes(word ^ ALL('\n'));
        mask |= ((hit >> 7) * 0x0102040810204080 >> 56) << (8 * i); /* gathers the eight bits into a byte */
    }
    return mask;
}
#endif

static inline uint64_t separators_at(const char *data, const char *end)
{
    if (end - data >= STEP)
        return separators(data);
    char tail[STEP] = {0};
    memcpy(tail, data, (size_t)(end - data));
    return separators(tail);
}

/* ---- records ---- */

/* The quoted field whose opening quote is at `open`. SETTLED: *ret_after is behind its closing quote. */
static inline enum settled quoted(const char *open, const char *end, bool at_end, struct csv_field *ret_field,
                                  const char **ret_after)
{
    const char *at = open + 1;
    bool escaped = false;
    for (;;) {
        at = memchr(at, '"', (size_t)(end - at));
        if (at == NULL)
            return OPEN;
        if (at + 1 == end && !at_end)
            return OPEN; /* the next byte may be its twin */
        if (at + 1 == end || at[1] != '"')
            break;
        escaped = true;
        at += 2;
    }
    *ret_field = (struct csv_field){.data = open + 1, .size = (uint32_t)(at - open - 1), .escaped = escaped};
    *ret_after = at + 1;
    return SETTLED;
}

/* What stands at `after`, behind a closing quote, where it is no comma: it must end the line, or the file. */
static inline enum settled end_quoted(const char *after, const char *end, bool at_end, const char **ret_next)
{
    *ret_next = after;
    if (after == end)
        return SETTLED; /* at_end, as quoted() would not have settled */
    if (*after == '\r') {
        if (after + 1 == end)
            return at_end ? BROKEN : OPEN;
        after++;
    }
    if (*after != '\n')
        return BROKEN;
    *ret_next = after + 1;
    return SETTLED;
}

/* at_end: the file ends at `end`. OPEN: the bytes do not settle the record (at_end: it is unclosed). BROKEN: *ret_next is
 * the byte that has no place there. */
static enum settled record(const char *start, const char *end, bool at_end, struct csv_field *fields,
                           uint32_t fields_max, uint32_t *ret_count, const char **ret_record_end,
                           const char **ret_next)
{
    struct scan scan = {.base = start, .end = end, .mask = separators_at(start, end)};
    const char *at = start; /* where the field begins */
    uint32_t count = 0;
    for (;; count++) {
        struct csv_field spare, *field = count < fields_max ? &fields[count] : &spare;
        if (at < end && *at == '"') {
            const char *after;
            enum settled settled = quoted(at, end, at_end, field, &after);
            if (settled != SETTLED)
                return settled;
            if (after < end && *after == ',') {
                at = after + 1;
                if (at - scan.base < STEP) {
                    scan.mask &= ~(uint64_t)0 << (at - scan.base);
                } else {
                    scan.base = at;
                    scan.mask = separators_at(at, end);
                }
                continue;
            }
            settled = end_quoted(after, end, at_end, ret_next);
            if (settled != SETTLED)
                return settled;
            *ret_record_end = after;
            break;
        }
        while (scan.mask == 0 && end - scan.base > STEP) {
            scan.base += STEP;
            scan.mask = separators_at(scan.base, end);
        }
        if (scan.mask == 0) {
            if (!at_end)
                return OPEN;
            *field = (struct csv_field){.data = at, .size = (uint32_t)(end - at)};
            *ret_record_end = *ret_next = end;
            break;
        }
        const char *stop = scan.base + __builtin_ctzll(scan.mask);
        scan.mask &= scan.mask - 1;
        if (*stop == ',') {
            *field = (struct csv_field){.data = at, .size = (uint32_t)(stop - at)};
            at = stop + 1;
            continue;
        }
        *ret_next = stop + 1;
        if (stop > at && stop[-1] == '\r')
            stop--;
        *field = (struct csv_field){.data = at, .size = (uint32_t)(stop - at)};
        *ret_record_end = stop;
        break;
    }
    *ret_count = count + 1;
    return SETTLED;
}

static enum settled skim(const char **at, const char *end, bool at_end, enum skim_state *state, const char **ret_record_end)
{
    for (; *at < end; ++*at) {
        char byte = **at;
        bool closed = *state == SKIM_QUOTE || *state == SKIM_RETURN;
        if (*state == SKIM_INSIDE) {
            *state = byte == '"' ? SKIM_QUOTE : SKIM_INSIDE;
        } else if (byte == '\n') {
            bool with_return = *state == SKIM_RETURN || (*state == SKIM_BARE && (*at)[-1] == '\r');
            *ret_record_end = *at - with_return;
            return SETTLED;
        } else if (*state == SKIM_RETURN || (closed && byte != '"' && byte != ',' && byte != '\r')) {
            *state = SKIM_BROKEN;
            return BROKEN;
        } else if (byte == '"') { /* a twin, an opening one, or data */
            *state = *state == SKIM_BARE ? SKIM_BARE : SKIM_INSIDE;
        } else if (byte == ',') {
            *state = SKIM_FIELD;
        } else {
            *state = closed ? SKIM_RETURN : SKIM_BARE;
        }
    }
    *ret_record_end = end;
    if (!at_end || *state == SKIM_INSIDE)
        return OPEN;
    return *state == SKIM_RETURN ? BROKEN : SETTLED;
}

/* ---- the small ones ---- */

size_t csv_unescape(const struct csv_field *field, char *out)
{
    if (!field->escaped) { /* a bare field's quotes are data */
        if (field->size > 0)
            memcpy(out, field->data, field->size);
        return field->size;
    }
    const char *at = field->data, *end = at + field->size;
    char *to = out;
    while (at < end) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        size_t size = quote != NULL ? (size_t)(quote + 1 - at) : (size_t)(end - at);
        memcpy(to, at, size);
        to += size;
        at += size + (quote != NULL); /* past the twin */
    }
    return (size_t)(to - out);
}

bool csv_same(const struct csv_field *a, const struct csv_field *b)
{
    if (!a->escaped && !b->escaped)
        return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
    size_t i = 0, k = 0;
    for (; i < a->size && k < b->size; i++, k++) {
        if (a->data[i] != b->data[k])
            return false;
        i += a->escaped && a->data[i] == '"'; /* past the twin */
        k += b->escaped && b->data[k] == '"';
    }
    return i == a->size && k == b->size;
}

uint64_t csv_count_lines(const char *data, size_t size)
{
    uint64_t count = 0;
    size_t i = 0;
#ifdef CSV_SSE2
    const __m128i feed = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
    while (size - i >= 16) {
        __m128i sums = zero; /* of each byte; 255 rounds at most before one overflows */
        for (unsigned round = 0; round < 255 && size - i >= 16; round++, i += 16) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(data + i));
            sums = _mm_sub_epi8(sums, _mm_cmpeq_epi8(bytes, feed));
        }
        __m128i halves = _mm_sad_epu8(sums, zero);
        count += (uint64_t)_mm_cvtsi128_si32(halves) + (uint64_t)_mm_cvtsi128_si32(_mm_srli_si128(halves, 8));
    }
#endif
    for (; i < size; i++)
        count += data[i] == '\n';
    return count;
}

static bool must_be_quoted(const char *text, size_t size)
{
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, text + i, sizeof word);
        if (zero_bytes(word ^ ALL(',')) | zero_bytes(word ^ ALL('"')) | zero_bytes(word ^ ALL('\r')) | zero_bytes(word ^ ALL('\n')))
            return true;
    }
    for (; i < size; i++)
        if (text[i] == ',' || text[i] == '"' || text[i] == '\r' || text[i] == '\n')
            return true;
    return false;
}

size_t csv_quote(struct span text, char *out)
{
    if (!must_be_quoted(text.data, text.size)) {
        if (text.size > 0)
            memcpy(out, text.data, text.size);
        return text.size;
    }
    char *to = out;
    *to++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"')
            *to++ = '"';
        *to++ = text.data[i];
    }
    *to++ = '"';
    return (size_t)(to - out);
}
