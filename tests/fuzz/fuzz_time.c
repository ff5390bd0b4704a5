/* fuzz_time.c - times and dates: against sscanf and timegm, and what is written reads back as the same. */
#include "engine/check.h"
#include "engine/values.h"

#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_digits(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

static bool shaped(const char *text, const char *shape) /* 0 a digit, else the byte itself */
{
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == '0' ? !is_digits(text + i, 1) : text[i] != shape[i])
            return false;
    return true;
}

static bool slow_date(const char *text, struct tm *ret_tm)
{
    if (!shaped(text, "0000-00-00"))
        return false;
    *ret_tm =
        (struct tm){.tm_year = atoi(text) - 1900, .tm_mon = atoi(text + 5) - 1, .tm_mday = atoi(text + 8)};
    struct tm normal = *ret_tm;
    timegm(&normal); /* turns 30 February into 1 March: then it was not real */
    return normal.tm_mday == ret_tm->tm_mday && normal.tm_mon == ret_tm->tm_mon &&
           normal.tm_year == ret_tm->tm_year;
}

/* `text` ends with NUL */
static bool slow_time(char *text, int64_t *ret_ms)
{
    struct tm tm;
    size_t size = strlen(text);
    if (size < 20 || !slow_date(text, &tm) || tm.tm_year < 0 || tm.tm_year > 299)
        return false;
    text[10] = text[10] == 't' ? 'T' : text[10];
    if (!shaped(text + 10, "T00:00:00"))
        return false;
    tm.tm_hour = atoi(text + 11);
    tm.tm_min = atoi(text + 14);
    tm.tm_sec = atoi(text + 17);
    if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
        return false;
    const char *rest = text + 19;
    int ms = 0;
    if (*rest == '.') {
        size_t count = strspn(rest + 1, "0123456789");
        if (count < 1 || count > 9)
            return false;
        char digits[4] = "000";
        memcpy(digits, rest + 1, count < 3 ? count : 3);
        ms = atoi(digits);
        rest += 1 + count;
    }
    int64_t offset_minutes = 0;
    if (strcmp(rest, "Z") != 0 && strcmp(rest, "z") != 0) {
        if (strlen(rest) != 6 || (*rest != '+' && *rest != '-') || !shaped(rest + 1, "00:00"))
            return false;
        int hours = atoi(rest + 1), minutes = atoi(rest + 4);
        if (hours > 23 || minutes > 59)
            return false;
        offset_minutes = (hours * 60 + minutes) * (*rest == '-' ? -1 : 1);
    }
    *ret_ms = (timegm(&tm) - offset_minutes * 60) * 1000 + ms;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span given = {(const char *)data, size};
    char text[64] = "";
    bool fits = size < sizeof text && !memchr(data, 0, size); /* else none: the twin works on C strings */
    memcpy(text, data, fits ? size : 0);

    int64_t ms = 0, slow_ms = 0;
    bool taken = value_time(given, &ms);
    CHECK(taken == (fits && slow_time(text, &slow_ms)));
    if (taken) {
        CHECK(ms == slow_ms);
        char out[VALUE_TIME_MAX];
        size_t out_size = value_time_write(ms, out);
        CHECK(out_size == (ms % 1000 ? 29 : 25));
        char day[10];
        value_date_write(value_day_of(ms), day);
        CHECK(memcmp(day, out, 10) == 0);
        int64_t again;
        bool year_in_range = memcmp(out, "1900", 4) >= 0 && memcmp(out, "2199", 4) <= 0;
        CHECK(value_time((struct span){out, out_size}, &again) == year_in_range);
        CHECK(!year_in_range || again == ms);
    }

    int32_t day = 0;
    struct tm tm;
    memcpy(text, data, fits ? size : 0);
    bool real = fits && size == 10 && slow_date(text, &tm) && tm.tm_year > -1900;
    CHECK(value_date(given, &day) == real);
    if (real) {
        CHECK(day * 86400LL == timegm(&tm));
        char out[10];
        value_date_write(day, out);
        CHECK(memcmp(out, data, 10) == 0);
    }
    return 0;
}
