/* zone.c - see zone.h. */
#include "io/zone.h"

#include "engine/sys/sys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY 86400
#define STEP (7 * DAY) /* no zone changes and changes back within a week */
#define FROM (-2208988800LL)  /* 1900-01-01: the years of contract section 2 */
#define UNTIL 7258118400LL    /* 2200-01-01 */
#define CHANGES_MAX 1024

struct change {
    int64_t from; /* the instant from which `offset` holds */
    int32_t offset;
};

struct zone {
    uint32_t count;
    struct change changes[CHANGES_MAX];
};

static bool two_digits(const char *at, int *ret)
{
    if (!isdigit((unsigned char)at[0]) || !isdigit((unsigned char)at[1]))
        return false;
    *ret = (at[0] - '0') * 10 + (at[1] - '0');
    return true;
}

/* +05:00, -0330, Z, UTC */
static bool is_offset(const char *name, int32_t *ret_offset)
{
    int hours, minutes;
    *ret_offset = 0;
    if (strcmp(name, "Z") == 0 || strcmp(name, "UTC") == 0)
        return true;
    if ((name[0] != '+' && name[0] != '-') || !two_digits(name + 1, &hours))
        return false;
    const char *behind = name + 3 + (name[3] == ':');
    if (!two_digits(behind, &minutes) || behind[2] || hours > 23 || minutes > 59)
        return false;
    *ret_offset = (hours * 60 + minutes) * 60 * (name[0] == '-' ? -1 : 1);
    return true;
}

/* A plain name below the folder of zones, and a file there: 0. (libc would take any other for UTC.) */
static int find_file(const char *name, struct fault *fault)
{
    char path[512];
    const char *dir = getenv("TZDIR");
    struct stat stat;
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("/_+-", *at))
            return 1;
    if (name[0] == '/' || strlen(name) > 64)
        return 1;
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "/usr/share/zoneinfo", name);
    if (sys.stat(AT_FDCWD, path, &stat, 0) == 0)
        return S_ISREG(stat.st_mode) ? 0 : 1;
    return fault_of_path(errno) ? 1 : fault_errno(fault, errno, "%s: look", path);
}

static int32_t offset_at(int64_t instant)
{
    time_t time = (time_t)instant;
    struct tm tm;
    return localtime_r(&time, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

static void find_changes(struct zone *zone)
{
    int32_t offset = offset_at(FROM);
    zone->count = 1;
    zone->changes[0] = (struct change){INT64_MIN, offset};
    for (int64_t at = FROM; at < UNTIL && zone->count < CHANGES_MAX; at += STEP) {
        int32_t later = offset_at(at + STEP);
        if (later == offset)
            continue;
        int64_t low = at, high = at + STEP; /* it has changed by `high`, and not yet at `low` */
        while (high - low > 1) {
            int64_t middle = low + (high - low) / 2;
            if (offset_at(middle) == offset)
                low = middle;
            else
                high = middle;
        }
        zone->changes[zone->count++] = (struct change){high, offset_at(high)};
        offset = later;
    }
}

int zone_open(struct zone **ret_zone, const char *name, struct fault *fault)
{
    int32_t offset;
    bool fixed = is_offset(name, &offset);
    int missing = fixed ? 0 : find_file(name, fault);
    if (missing)
        return missing;
    struct zone *zone = sys.alloc(sizeof *zone);
    if (!zone)
        return fault_memory(fault);
    *ret_zone = zone;
    if (fixed) {
        zone->count = 1;
        zone->changes[0] = (struct change){INT64_MIN, offset};
        return 0;
    }
    const char *before = getenv("TZ");
    char kept[256], wanted[80];
    snprintf(kept, sizeof kept, "%s", before ? before : "");
    snprintf(wanted, sizeof wanted, ":%s", name);
    setenv("TZ", wanted, 1);
    tzset();
    find_changes(zone);
    if (before)
        setenv("TZ", kept, 1);
    else
        unsetenv("TZ");
    tzset();
    return 0;
}

void zone_close(struct zone *zone)
{
    sys.free(zone);
}

bool zone_instant(const struct zone *zone, int64_t local, int64_t *ret_seconds)
{
    uint32_t low = 0, high = zone->count; /* the last change that lies a day or more before */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->changes[middle].from <= local - DAY)
            low = middle;
        else
            high = middle;
    }
    for (uint32_t i = low; i < zone->count; i++) {
        int64_t instant = local - zone->changes[i].offset;
        bool begun = zone->changes[i].from <= instant;
        if (begun && (i + 1 == zone->count || instant < zone->changes[i + 1].from)) {
            *ret_seconds = instant;
            return true;
        }
    }
    return false;
}
