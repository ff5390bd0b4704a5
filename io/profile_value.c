/* profile_value.c - times and words as a profile has them; see profile.h. */
#include "io/profile.h"

#include "engine/values.h"

#include <strings.h>
#include <time.h>

#define TIME_MAX 128 /* of its text, and a NUL */

static bool is_clock(const struct tm *tm)
{
    return tm->tm_mon >= 0 && tm->tm_mon <= 11 && tm->tm_mday >= 1 && tm->tm_hour >= 0 && tm->tm_hour <= 23 && tm->tm_min >= 0 &&
           tm->tm_min <= 59 && tm->tm_sec >= 0 && tm->tm_sec <= 59;
}

/* What the clock shows as seconds, as if it were UTC; false: there is no such day. */
static bool clock_seconds(const struct tm *tm, int64_t *ret_seconds)
{
    struct tm day = *tm;
    if (!is_clock(tm))
        return false;
    *ret_seconds = timegm(&day);
    return day.tm_mday == tm->tm_mday && day.tm_mon == tm->tm_mon && day.tm_year == tm->tm_year;
}

static bool time_of(const struct profile *profile, const char *format, const char *text, int64_t *ret_seconds)
{
    uint64_t seconds;
    if (strcmp(format, "%s") == 0) { /* libc's own would look at the machine's zone */
        if (!value_number(span_of(text), 7258118399u, &seconds))
            return false;
        *ret_seconds = (int64_t)seconds;
        return true;
    }
    struct tm tm = {.tm_mday = 1, .tm_gmtoff = INT32_MAX};
    const char *end = strptime(text, format, &tm);
    int64_t local;
    if (!end || *end || !clock_seconds(&tm, &local))
        return false;
    if (strstr(format, "%z")) {
        *ret_seconds = local - tm.tm_gmtoff;
        return tm.tm_gmtoff != INT32_MAX;
    }
    return zone_instant(profile->zone, local, ret_seconds);
}

bool profile_time(const struct profile *profile, struct span text, int64_t *ret_ms)
{
    char copy[TIME_MAX];
    int64_t seconds;
    if (text.size >= sizeof copy || memchr(text.data, 0, text.size))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    for (unsigned i = 0; i < profile->time_count; i++) {
        if (!time_of(profile, profile->times[i], copy, &seconds))
            continue;
        *ret_ms = seconds * SECOND_MS;
        return seconds >= -2208988800LL && seconds < 7258118400LL; /* the years of section 2 */
    }
    return false;
}

static bool has_conversion(const char *form, char letter)
{
    for (const char *at = form; (at = strchr(at, '%')) != NULL;) {
        at++;
        at += strspn(at, "_-0^#EO"); /* which strptime passes over, or takes as the plain one */
        if (*at == letter)
            return true;
        at += *at != 0;
    }
    return false;
}

/* Known by writing a time in that form and reading it back. */
const char *profile_time_fault(const char *form)
{
    static const struct tm SAMPLE = {.tm_year = 126, .tm_mon = 10, .tm_mday = 24, .tm_hour = 20, .tm_min = 34, .tm_sec = 56,
                                     .tm_wday = 2, .tm_yday = 327};
    static const char UNKNOWN[] = "is no form of strptime, as %d.%m.%Y %H:%M:%S";
    struct tm tm = {.tm_mday = 1};
    char text[TIME_MAX];
    if (strcmp(form, "%s") == 0)
        return NULL;
    if (has_conversion(form, 'Z'))
        return "has %Z, which strptime passes over: say zone, or %z";
    if (has_conversion(form, 's'))
        return "has %s, which stands alone";
    if (!strchr(form, '%') || strftime(text, sizeof text, form, &SAMPLE) == 0)
        return UNKNOWN;
    const char *end = strptime(text, form, &tm);
    if (!end || *end)
        return UNKNOWN;
    bool day_alone = tm.tm_hour == 0 && tm.tm_min == 0; /* its midnight is meant */
    bool clock = tm.tm_hour == SAMPLE.tm_hour && tm.tm_min == SAMPLE.tm_min;
    if (tm.tm_year != SAMPLE.tm_year || tm.tm_mon != SAMPLE.tm_mon || tm.tm_mday != SAMPLE.tm_mday || (!clock && !day_alone))
        return "does not tell year, month and day, or of a clock no hour and minute (of twelve hours, not without %p)";
    return NULL;
}

void profile_meanings(const struct profile *profile, profile_meaning *meaning, void *context)
{
    for (uint32_t i = 0; i < profile->word_count; i++)
        meaning(context, profile->words[i].line, profile->words[i].column, profile->words[i].meaning);
    for (unsigned c = 0; c < record_columns(profile->kind); c++) {
        const struct profile_source *source = &profile->sources[c];
        struct span column = span_of(record_column(profile->kind, c));
        if (source->from == PROFILE_CONSTANT)
            meaning(context, source->line, column, profile_word(profile, column, source->text));
    }
}

struct span profile_word(const struct profile *profile, struct span column, struct span word)
{
    for (uint32_t i = 0; i < profile->word_count; i++) {
        const struct profile_word *known = &profile->words[i];
        if (known->word.size == word.size && span_equal(known->column, column) &&
            strncasecmp(known->word.data, word.data, word.size) == 0)
            return known->meaning;
    }
    return word;
}
