/* profile_value.c - times and words as a profile has them; see profile.h. */
#include "io/profile.h"

#include "engine/values.h"

#include <strings.h>
#include <time.h>

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
    char copy[128];
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
