/* test_zone.c - local time to instants: what comes twice, what does not exist, and libc's word for all between. */
#include "io/zone.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static struct zone *open_zone(const char *name)
{
    struct fault fault = {0};
    struct zone *zone = NULL;
    cr_assert_eq(zone_open(&zone, name, &fault), 0, "%s", name);
    return zone;
}

/* "2024-02-29 23:30:00" as a clock shows it to UTC in the same form; "" where it does not exist */
static void expect_instant(struct zone *zone, const char *shown, const char *utc)
{
    struct tm tm = {0};
    char got[32] = "";
    int64_t seconds;
    strptime(shown, "%Y-%m-%d %H:%M:%S", &tm);
    if (zone_instant(zone, timegm(&tm), &seconds)) {
        time_t time = (time_t)seconds;
        strftime(got, sizeof got, "%Y-%m-%d %H:%M:%S", gmtime(&time));
    }
    cr_expect_str_eq(got, utc, "%s: %s, not %s", shown, got, utc);
}

Test(zone, changes)
{
    struct zone *almaty = open_zone("Asia/Almaty");
    expect_instant(almaty, "2024-02-29 22:59:59", "2024-02-29 16:59:59");
    expect_instant(almaty, "2024-02-29 23:00:00", "2024-02-29 17:00:00"); /* twice: the earlier */
    expect_instant(almaty, "2024-02-29 23:59:59", "2024-02-29 17:59:59");
    expect_instant(almaty, "2024-03-01 00:00:00", "2024-02-29 19:00:00");
    expect_instant(almaty, "2026-11-23 08:15:30", "2026-11-23 03:15:30");
    zone_close(almaty);
    struct zone *berlin = open_zone("Europe/Berlin");
    expect_instant(berlin, "2026-03-29 01:59:59", "2026-03-29 00:59:59");
    expect_instant(berlin, "2026-03-29 02:00:00", "");
    expect_instant(berlin, "2026-03-29 02:59:59", "");
    expect_instant(berlin, "2026-03-29 03:00:00", "2026-03-29 01:00:00");
    expect_instant(berlin, "2026-10-25 02:30:00", "2026-10-25 00:30:00");
    expect_instant(berlin, "2150-07-01 12:00:00", "2150-07-01 10:00:00"); /* by the rule that goes on */
    zone_close(berlin);
}

Test(zone, offsets)
{
    static const struct {
        const char *name, *noon;
    } ROWS[] = {{"+05:00", "2026-01-01 07:00:00"}, {"+0500", "2026-01-01 07:00:00"}, {"-03:30", "2026-01-01 15:30:00"},
                {"Z", "2026-01-01 12:00:00"}, {"UTC", "2026-01-01 12:00:00"}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct zone *zone = open_zone(ROWS[i].name);
        expect_instant(zone, "2026-01-01 12:00:00", ROWS[i].noon);
        zone_close(zone);
    }
}

static int failing_stat(int dir_fd, const char *path, struct stat *ret, int flags)
{
    (void)dir_fd, (void)path, (void)ret, (void)flags;
    errno = EIO;
    return -1;
}

Test(zone, what_is_none)
{
    static const char *const NAMES[] = {"", "Asia", "Asia/Nowhere", "../zoneinfo/Asia/Almaty", "/etc/passwd", "+5", "+05:0", "+24:00", "+05:60",
                                        "+05:00x", "-", "EST5EDT,M3.2.0", "Asia/Almaty "};
    struct fault fault = {0};
    struct zone *zone;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        cr_expect_eq(zone_open(&zone, NAMES[i], &fault), 1, "'%s'", NAMES[i]);
    cr_expect_eq(fault.code, FAULT_NONE);
    sys.stat = failing_stat;
    cr_expect_eq(zone_open(&zone, "Asia/Almaty", &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED);
}

/* An instant's local time gives it back, or an earlier one with the same local time. TZ is left as it was. */
Test(zone, agrees_with_libc)
{
    static const char *const NAMES[] = {"Asia/Almaty", "Asia/Oral", "Europe/Moscow", "America/New_York", "Australia/Lord_Howe",
                                        "Africa/Casablanca", "Asia/Kathmandu"};
    setenv("TZ", "Asia/Tokyo", 1);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct zone *zone = open_zone(NAMES[i]);
        cr_assert_str_eq(getenv("TZ"), "Asia/Tokyo");
        setenv("TZ", NAMES[i], 1);
        tzset();
        unsigned earlier = 0;
        for (int64_t at = 1577836800; at < 1893456000; at += 1753) { /* 2020 to 2030 */
            time_t time = (time_t)at;
            int64_t back, local = at + localtime(&time)->tm_gmtoff;
            cr_assert(zone_instant(zone, local, &back), "%s: %lld", NAMES[i], (long long)at);
            time = (time_t)back;
            cr_assert(back <= at && back + localtime(&time)->tm_gmtoff == local, "%s: %lld", NAMES[i], (long long)at);
            earlier += back < at;
        }
        cr_expect_lt(earlier, 200);
        setenv("TZ", "Asia/Tokyo", 1);
        zone_close(zone);
    }
}
