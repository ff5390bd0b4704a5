/* gen_rows.h - fields of made-up records, written straight into a file's block, and the records that all makers share.
 * Room: tools.  Writers return the place behind what they wrote; room is the caller's care (GEN_ROW_MAX).
 * Thread: any; a set of files belongs to one. No NUL behind what is written. Errors: only what takes a set of files can fail. */
#ifndef TOOLS_GEN_ROWS_H
#define TOOLS_GEN_ROWS_H

#include "tools/gen_file.h"
#include "tools/gen_plan.h"

#include <string.h>

static inline char *put_bytes(char *out, const void *data, size_t size)
{
    memcpy(out, data, size);
    return out + size;
}
#define PUT(out, literal) put_bytes(out, literal, sizeof(literal) - 1)

static inline char *put_span(char *out, struct span text)
{
    return put_bytes(out, text.data, text.size);
}

static inline char *put_two(char *out, unsigned n)
{
    out[0] = (char)('0' + n / 10);
    out[1] = (char)('0' + n % 10);
    return out + 2;
}

static inline char *put_digits(char *out, uint64_t n, unsigned width) /* leading zeros */
{
    for (unsigned i = width; i-- > 0; n /= 10)
        out[i] = (char)('0' + n % 10);
    return out + width;
}

static inline char *put_number(char *out, uint64_t n)
{
    unsigned width = 1;
    for (uint64_t rest = n / 10; rest; rest /= 10)
        width++;
    return put_digits(out, n, width);
}

static inline char *put_hex(char *out, uint64_t n, unsigned width)
{
    for (unsigned i = width; i-- > 0; n >>= 4)
        out[i] = "0123456789abcdef"[n & 15];
    return out + width;
}

/* "1 5" of 15: a number as it must be typed, each digit behind a space */
static inline char *put_typed(char *out, unsigned n)
{
    char digits[8];
    size_t size = (size_t)(put_number(digits, n) - digits);
    for (size_t i = 0; i < size; i++) {
        *out++ = ' ';
        *out++ = digits[i];
    }
    return out;
}

enum time_style { TIME_PLAIN, TIME_MS, TIME_UTC };

static inline char *put_time(char *out, const struct gen *gen, int64_t ms, enum time_style style)
{
    int64_t local = ms + (style == TIME_UTC ? 0 : 5 * HOUR_MS);
    uint32_t day = (uint32_t)(local / DAY_MS), in_day = (uint32_t)(local % DAY_MS), second = in_day / 1000;
    uint32_t place = day - (uint32_t)((GEN_BEGIN_MS + 5 * HOUR_MS) / DAY_MS) + GEN_DATES_BEFORE;
    if (place < GEN_DATES)
        memcpy(out, gen->dates[place], 10);
    else
        value_date_write((int32_t)day, out);
    out[10] = 'T';
    put_two(out + 11, second / 3600);
    out[13] = ':';
    put_two(out + 14, second / 60 % 60);
    out[16] = ':';
    out = put_two(out + 17, second % 60);
    if (style == TIME_MS) {
        *out++ = '.';
        out = put_digits(out, in_day % 1000, 3);
    }
    return style == TIME_UTC ? PUT(out, "Z") : PUT(out, "+05:00");
}

char *put_phone(char *out, uint32_t phone, uint64_t hash); /* in one of the forms that dumps have */
char *put_notice_id(char *out, uint32_t number);
bool read_notice_id(struct span id, uint32_t *ret_number);
char *put_message_id(char *out, unsigned style, uint64_t hash);
char *put_iin(char *out, uint64_t hash, bool good);
char *put_account(char *out, uint64_t hash, bool good);
char *put_name(char *out, const struct gen *gen, const struct gen_plan *plan); /* surname, given name, maybe patronymic */

/* One message into a file of its kind. `text` is as the citizen wrote it. */
struct gen_message {
    uint16_t operator;
    uint32_t phone;
    int64_t received_ms;
    uint64_t hash; /* of its id and form */
    struct span text;
    const char *short_code; /* NULL: ours */
};
char *put_message(char *out, const struct gen *gen, unsigned style, const struct gen_message *message);

/* One record more that cannot be used, of a reason drawn by the hash. `id`: of a request or SMS that besik knows, or empty. */
int gen_spoil(struct gen_files *files, enum kind kind, uint16_t party, uint32_t day, uint64_t hash, struct span id);

/* Of a kind that is rare: one a day, each reason in its turn. */
int gen_spoil_in_turn(struct gen_files *files, enum kind kind, uint32_t day);

/* A message that errs, as citizens do; the prompt of `step` is open. `in_form`: it names its slot. */
char *put_error(char *out, const struct gen_plan *plan, enum step step, bool in_form, uint64_t hash);

/* A message whose text is written already goes to its file, with what befalls dumps: once more in the same file, once more in the
 * next day's, one that is spoiled behind it. */
int gen_send(struct gen_files *files, uint32_t day, const struct gen_message *message);

#endif
