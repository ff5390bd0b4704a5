/* value_time.c - times and dates; see values.h.
 * Days are counted by the civil calendar's 400-year cycle, with the year beginning in March, so that the leap
 * day is a year's last (the well-known algorithm of H. Hinnant). No table, no loop, no time zone data. */
#include "engine/check.h"
#include "engine/values.h"

#define ZONE_MS (5 * HOUR_MS) /* the one zone of the country since 2024-03-01, and of all output */

static inline unsigned digits_2(const char *text, unsigned *bad)
{
    unsigned tens = (unsigned)(unsigned char)text[0] - '0', ones = (unsigned)(unsigned char)text[1] - '0';
    *bad |= (tens > 9) | (ones > 9);
    return tens * 10 + ones;
}

static inline void write_2(unsigned number, char *out)
{
    out[0] = (char)('0' + number / 10);
    out[1] = (char)('0' + number % 10);
}

static inline unsigned month_days(unsigned year, unsigned month)
{
    static const uint8_t DAYS[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : DAYS[month];
}

/* years 0 … 9999 */
static inline int32_t day_number(unsigned year, unsigned month, unsigned day)
{
    year += month <= 2 ? 399 : 400; /* 400 keeps it positive */
    unsigned era = year / 400, of_era = year % 400;
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int32_t)(era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468 - 146097;
}

static inline void day_split(int32_t number, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    unsigned shifted = (unsigned)(number + 719468 + 146097);
    unsigned era = shifted / 146097, of_era = shifted % 146097;
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = era * 400 + year - (*ret_month <= 2 ? 399 : 400);
}

/* The 10 bytes at `text` are YYYY-MM-DD and a real date of the years asked for. */
static inline bool date_take(const char *text, unsigned year_min, unsigned year_max, int32_t *ret_day)
{
    unsigned bad = (text[4] != '-') | (text[7] != '-');
    unsigned year = digits_2(text, &bad) * 100;
    year += digits_2(text + 2, &bad);
    unsigned month = digits_2(text + 5, &bad), day = digits_2(text + 8, &bad);
    if (bad || year < year_min || year > year_max || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month))
        return false;
    *ret_day = day_number(year, month, day);
    return true;
}

bool value_date(struct span text, int32_t *ret_day)
{
    return text.size == 10 && date_take(text.data, 1, 9999, ret_day);
}

void value_date_write(int32_t day, char out[10])
{
    CHECK(day >= day_number(0, 1, 1) && day <= day_number(9999, 12, 31)); /* else four digits do not do */
    unsigned year, month, of_month;
    day_split(day, &year, &month, &of_month);
    write_2(year / 100, out);
    write_2(year % 100, out + 2);
    out[4] = '-';
    write_2(month, out + 5);
    out[7] = '-';
    write_2(of_month, out + 8);
}

bool value_time(struct span text, int64_t *ret_ms)
{
    /* YYYY-MM-DDTHH:MM:SS, up to 10 of fraction, Z or ±HH:MM */
    if (text.size < 20 || text.size > 35)
        return false;
    const char *at = text.data, *end = text.data + text.size;
    int32_t day;
    if (!date_take(at, 1900, 2199, &day))
        return false;
    unsigned bad = ((at[10] | 0x20) != 't') | (at[13] != ':') | (at[16] != ':');
    unsigned hour = digits_2(at + 11, &bad), minute = digits_2(at + 14, &bad),
             second = digits_2(at + 17, &bad);
    if (bad || hour > 23 || minute > 59 || second > 59)
        return false;
    at += 19;

    unsigned ms = 0;
    if (*at == '.') {
        unsigned count = 0, digit;
        for (at++; at < end && (digit = (unsigned)(unsigned char)*at - '0') <= 9; at++, count++)
            if (count < 3)
                ms = ms * 10 + digit;
        if (count < 1 || count > 9 || at == end)
            return false;
        if (count < 3)
            ms *= count == 1 ? 100 : 10;
    }

    int64_t offset = 0;
    if ((*at | 0x20) == 'z') {
        if (end - at != 1)
            return false;
    } else {
        if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':')
            return false;
        unsigned offset_hour = digits_2(at + 1, &bad), offset_minute = digits_2(at + 4, &bad);
        if (bad || offset_hour > 23 || offset_minute > 59)
            return false;
        offset = (offset_hour * 60 + offset_minute) * 60 * SECOND_MS;
        if (*at == '-')
            offset = -offset;
    }
    *ret_ms = day * DAY_MS + (hour * 3600 + minute * 60 + second) * SECOND_MS + ms - offset;
    return true;
}

int32_t value_day_of(int64_t ms)
{
    ms += ZONE_MS;
    return (int32_t)(ms / DAY_MS - (ms % DAY_MS < 0)); /* down, before 1970 too */
}

size_t value_time_write(int64_t ms, char out[VALUE_TIME_MAX])
{
    int32_t day = value_day_of(ms);
    unsigned of_day = (unsigned)(ms + ZONE_MS - day * DAY_MS);
    unsigned seconds = of_day / 1000, fraction = of_day % 1000;
    value_date_write(day, out);
    out[10] = 'T';
    write_2(seconds / 3600, out + 11);
    out[13] = ':';
    write_2(seconds / 60 % 60, out + 14);
    out[16] = ':';
    write_2(seconds % 60, out + 17);
    size_t size = 19;
    if (fraction) {
        out[19] = '.';
        out[20] = (char)('0' + fraction / 100);
        write_2(fraction % 100, out + 21);
        size = 23;
    }
    memcpy(out + size, "+05:00", 6);
    return size + 6;
}
