/* values.h - the values of contract section 2: what is accepted, and in which form it is kept.
 * Room: engine (pure: no allocation, no clock).  Errors: bool false is the reason of section 2; nothing is written then.
 * Time is whole milliseconds since 1970-01-01 UTC; a day is whole days since 1970-01-01.  Thread: any.
 * Source: RFC 3339 (times), ISO 13616 (IBAN) with ISO 7064's MOD 97-10, RFC 3629 (UTF-8), Unicode's NFC by utf8proc. */
#ifndef ENGINE_VALUES_H
#define ENGINE_VALUES_H

#include "engine/span.h"

#include <stdbool.h>
#include <stdint.h>

#define SECOND_MS 1000LL
#define HOUR_MS 3600000LL
#define DAY_MS 86400000LL

/* phone: the 9 digits after the leading 77 as a number, 0 … VALUE_PHONE_MAX */
#define VALUE_PHONE_MAX 999999999u
bool value_phone(struct span text, uint32_t *ret_phone);
void value_phone_write(uint32_t phone, char out[11]); /* 11 digits, no NUL */
uint64_t value_phone_hash(uint32_t phone);            /* section 9: XXH3-64, seed 0, of the 11 digits */

bool value_time(struct span text, int64_t *ret_ms);
/* Writes "2026-11-23T08:15:30+05:00" (".mmm" only where not zero); returns the length, no NUL. */
#define VALUE_TIME_MAX 29
size_t value_time_write(int64_t ms, char out[VALUE_TIME_MAX]);
int32_t value_day_of(int64_t ms);                            /* the day in +05:00 */
bool value_date(struct span text, int32_t *ret_day);         /* real YYYY-MM-DD, years 0001–9999 */
void value_date_write(int32_t day, char out[10]);            /* YYYY-MM-DD, no NUL */

bool value_iin(struct span text);
bool value_account(struct span text, char ret_account[20]);  /* spaces struck out, upper case, checked */
bool value_id(struct span text);                             /* 1–64 printable ASCII, no space */
bool value_operator(struct span text);                       /* [a-z0-9][a-z0-9_-]{0,31}; not whether it is known */
bool value_text(struct span text);                           /* valid UTF-8 (no surrogates, no overlong), no NUL */
bool value_blank(struct span text);                          /* white space and controls alone, which an SMS shows as nothing; of value_text */
bool value_number(struct span text, uint64_t max, uint64_t *ret_number); /* ASCII digits only, 1 or more, ≤ max */
bool value_duration(struct span text, int64_t *ret_ms);      /* whole number and s m h d */
bool value_size(struct span text, uint64_t *ret_bytes);      /* bytes, or k M G (1024) behind */

/* A child's name (section 7): 2 to 4 words in NFC. `text` holds surname, given and patronymic one after another;
 * out must have VALUE_NAME_MAX bytes. Parts point into out. A patronymic of two words has one space in it. */
#define VALUE_NAME_MAX 12544
struct value_name {
    struct span surname, given, patronymic;
};
bool value_name(struct span text, char out[VALUE_NAME_MAX], struct value_name *ret_name);

bool value_is_letter(uint32_t code_point); /* section 2's letter */

/* Decodes one code point of text already known to be valid UTF-8 (value_text), not empty; returns its length in bytes. */
unsigned value_decode(const char *text, uint32_t *ret_code_point);

#endif
