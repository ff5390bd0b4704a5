/* profile.h - dumps.ini: what dumps in other forms than section 3's say (contract section 13).
 * Room: io.  Read once by one thread, before others start and before a run locks itself down: zones and converters of encodings come
 * from files. After that profiles are only looked at; a converter is one reader's at a time. */
#ifndef IO_PROFILE_H
#define IO_PROFILE_H

#include "engine/fault.h"
#include "engine/span.h"
#include "io/profile_line.h"
#include "io/records.h"
#include "io/zone.h"

#include <iconv.h>
#include <pthread.h>

#define PROFILES_SIZE_MAX ((size_t)1 << 20)
#define PROFILE_TIMES_MAX 4

enum profile_text { PROFILE_PLAIN, PROFILE_HEX_UCS2, PROFILE_URL, PROFILE_PYTHON };

/* What is had of a record: the columns of its kind, and behind them */
enum { PROFILE_REFERENCE = RECORD_COLUMNS_MAX, PROFILE_PARTS, PROFILE_PART, PROFILE_UDH, PROFILE_CODING, PROFILE_TAKEN, PROFILE_SOURCES };

struct profile_source {
    enum { PROFILE_NOWHERE, PROFILE_COLUMN, PROFILE_CONSTANT, PROFILE_HASH /* an id made of the whole record */ } from;
    struct span text; /* the column's name, or the constant */
    uint32_t number;  /* of the column where there is no header, or of the line's field: from 0 */
    uint32_t line;    /* in dumps.ini */
};

struct profile_word { /* what a word of theirs means in a column of ours */
    struct span column, word, meaning;
    uint32_t line; /* in dumps.ini */
};

struct profile {
    const char *name;
    uint32_t line; /* of its section in dumps.ini */
    enum kind kind;
    bool has_kind, headless;
    char delimiter;
    const char *encoding; /* NULL: UTF-8 */
    const char *match;    /* NULL: any name */
    const char *times[PROFILE_TIMES_MAX];
    unsigned time_count;
    const char *zone_name;
    struct zone *zone;
    enum profile_text text_form;
    struct profile_source sources[PROFILE_SOURCES];
    const struct profile_word *words;
    uint32_t word_count;
    struct profile_line *form; /* NULL: CSV */
    const char *take;          /* a line without it is no record, or one where it is not what PROFILE_TAKEN gives; NULL: each is one */
    iconv_t *converters;       /* idle ones */
    unsigned converter_count;
    pthread_mutex_t *lock; /* of converters: the set's */
};

struct profiles;

/* Reads dumps.ini, from a copy of `text`. Each error is added to the fault as "NAME:LINE: reason" (FAULT_INPUT), up to 20. */
int profiles_open(struct profiles **ret_profiles, const char *name, struct span text, struct fault *fault);
/* Opens so many converters of each profile that as many files can be read at a time. */
int profiles_prepare(struct profiles *profiles, unsigned count, struct fault *fault);
void profiles_close(struct profiles *profiles); /* NULL is taken */

const struct profile *profiles_at(const struct profiles *profiles, uint32_t index); /* NULL: no more */

bool profiles_join(const struct profiles *profiles); /* does any tell of SMS in parts? */

/* A converter to UTF-8 of the profile's own; false: none is left, which is a bug. */
bool profile_take_converter(const struct profile *profile, iconv_t *ret_converter);
void profile_give_converter(const struct profile *profile, iconv_t converter);

/* A time as the profile's formats and zone have it; false: none of them fits, or it does not exist. */
bool profile_time(const struct profile *profile, struct span text, int64_t *ret_ms);
/* What a word stands for in a column; the word itself where the profile does not say. It stands as long as the profiles and `word`. */
struct span profile_word(const struct profile *profile, struct span column, struct span word);

/* What is wrong with a form of strptime, or NULL. A day alone will do: its midnight is meant. */
const char *profile_time_fault(const char *form);
/* Calls for each value that the profile itself gives to a column, by a constant or as what a word means, with its line in dumps.ini. */
typedef void profile_meaning(void *context, uint32_t line, struct span column, struct span value);
void profile_meanings(const struct profile *profile, profile_meaning *meaning, void *context);

#endif
