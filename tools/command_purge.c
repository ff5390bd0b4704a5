/* command_purge.c - besik purge: what is personal of cases that closed long ago is struck for good. */
#include "tools/commands.h"

#include "engine/phone.h"
#include "engine/values.h"
#include "tools/open_store.h"
#include "tools/options.h"
#include "tools/purge.h"

#include <stdio.h>

/* Never what a record could still be about: as-of of the last run less `remember`. */
static int check_time(const struct store *store, int64_t closed_before_ms, struct fault *fault)
{
    char given[VALUE_TIME_MAX + 1], limit[VALUE_TIME_MAX + 1];
    int64_t limit_ms = store->state->as_of_ms - store->settings.remember;
    if (!store->state->run || closed_before_ms <= limit_ms)
        return 0;
    given[value_time_write(closed_before_ms, given)] = 0;
    limit[value_time_write(limit_ms, limit)] = 0;
    return fault_set(fault, FAULT_USAGE,
                     "--closed-before %s: must not lie after %s, which is the last run's as-of less `remember`", given, limit);
}

static void tell(const struct purged *purged, int64_t closed_before_ms, bool json)
{
    char time[VALUE_TIME_MAX + 1];
    time[value_time_write(closed_before_ms, time)] = 0;
    printf(json ? "{\"closed_before\":\"%s\",\"cases\":%llu,\"history\":%llu,\"cleared_bytes\":%llu}\n"
                : "closed before %s: %llu cases struck, %llu entries of history; %llu bytes of free space cleared\n",
           time, (unsigned long long)purged->cases, (unsigned long long)purged->entries,
           (unsigned long long)purged->cleared);
}

int command_purge(int argc, char **argv, struct fault *fault)
{
    const char *time = NULL;
    bool json = false;
    const struct option options[] = {
        {"closed-before", "TIME", "cases that closed before this; at the latest the last run's as-of less `remember`", &time, NULL},
        {"json", NULL, "tell it as one JSON object", NULL, &json},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct command command = {
        .name = "purge",
        .arguments = "STORE --closed-before TIME [--json]",
        .summary = "Strikes names, IINs, accounts and histories of cases that closed before TIME, for good: nothing of them is\n"
                   "left in the store's file, and its space is used again. Ids, times and outcomes stay, and so does all that\n"
                   "tells a repeat: later runs put out the same. Where it was cut, give it again.",
        .options = options,
        .notes = "A copy or backup of the store holds what it held. Readers go on; one that began before makes it end with exit 4.\n"
                 "Example: besik purge /var/lib/besik/store --closed-before 2025-10-01T00:00:00+05:00",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    int64_t closed_before_ms;
    if (count != 1 || !time)
        return fault_set(fault, FAULT_USAGE, "give STORE and --closed-before TIME (see besik purge --help)");
    if (!value_time(span_of(time), &closed_before_ms))
        return fault_set(fault, FAULT_USAGE, "--closed-before %s: not RFC 3339 with an offset, as 2026-11-24T22:00:00+05:00", time);
    struct store store;
    struct purged purged;
    if (open_store(&store, NULL, argv[0], STORE_WRITE, fault))
        return -1;
    int failed = check_time(&store, closed_before_ms, fault) || purge_go(&store, closed_before_ms, &purged, fault);
    if (!failed)
        tell(&purged, closed_before_ms, json);
    store_close(&store);
    return failed ? -1 : 0;
}
