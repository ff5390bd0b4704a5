/* capacity_tell.c - the figures, for people and for programs. */
#include "tools/capacity.h"

#include "io/buffer_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MB 1e6

/* "1,234,567" */
const char *capacity_grouped(uint64_t number, char out[32])
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, number), at = 0;
    for (int i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

/* "0.42 s", "4.2 s", "420 s" */
static const char *in_seconds(double seconds, char out[32])
{
    snprintf(out, 32, seconds < 1 ? "%.2f s" : seconds < 100 ? "%.1f s" : "%.0f s", seconds);
    return out;
}

static double per(double what, double seconds)
{
    return seconds > 0 ? what / seconds : 0;
}

static double amplification(const struct capacity_night *night)
{
    return per((double)night->written, (double)night->plain_bytes);
}

void capacity_tell_begin(const struct capacity *capacity, uint64_t space)
{
    const struct capacity_machine *machine = &capacity->machine;
    char cases[32];
    if (capacity->json)
        return;
    printf("%s, %u core%s, %.1f GB memory; %s; %s; besik " BESIK_VERSION "\n", machine->cpu, machine->cores,
           machine->cores == 1 ? "" : "s", (double)machine->memory / 1e9, machine->disk, machine->kernel);
    if (capacity->target > 0) {
        printf("target: the slowest of %u nights within %.0f s; scenario %s, seed %" PRIu64
               ", %u worker%s; %.1f GB free in %s\n\n",
               capacity->days, capacity->target, SCENARIO_WORDS[capacity->scenario], capacity->seed, capacity->workers,
               capacity->workers == 1 ? "" : "s", (double)machine->free_bytes / 1e9, capacity->dir);
        return;
    }
    printf("%s cases in %u nights, scenario %s, seed %" PRIu64
           ", %u worker%s; takes about %.0f MB in %s, where %.1f GB are free\n\n",
           capacity_grouped(capacity->cases, cases), capacity->days, SCENARIO_WORDS[capacity->scenario], capacity->seed,
           capacity->workers, capacity->workers == 1 ? "" : "s", (double)space / MB, capacity->dir,
           (double)machine->free_bytes / 1e9);
    fflush(stdout);
}

void capacity_tell_forecast(struct capacity *capacity)
{
    const struct capacity_forecast *forecast = &capacity->forecast;
    char took[32], cases[32];
    if (capacity->json)
        return;
    capacity_live_end(capacity);
    printf("forecast, from %u and %u: %s cases take %s of runs, %.0f MB memory, a store of %.0f MB, %.0f MB written\n\n",
           forecast->small, forecast->middle, capacity_grouped(capacity->cases, cases),
           in_seconds(forecast->of[FORESEEN_SECONDS].told, took), forecast->of[FORESEEN_MEMORY].told / MB,
           forecast->of[FORESEEN_STORE].told / MB, forecast->of[FORESEEN_WRITTEN].told / MB);
    fflush(stdout);
}

static void tell_header(void)
{
    puts("night   records  seconds  records/s  cases/ms  MB/s  CPU %  memory MB  written MB  x dumps  store MB   read  apply "
         "commit publish  longest  bound by");
}

void capacity_tell_night(struct capacity *capacity, const struct capacity_night *night)
{
    if (capacity->json)
        return;
    capacity_live_end(capacity);
    if (night->night == 1)
        tell_header();
    printf("%5u %9" PRIu64 " %8.2f %10.0f %9.1f %5.0f %6.0f %10.0f %11.1f %8.1f %9.1f %6.2f %6.2f %6.2f %7.2f  %-7s  %s\n",
           night->night, night->records, night->seconds, per((double)night->records, night->seconds),
           per((double)night->cases, night->seconds * 1000), per((double)night->plain_bytes / MB, night->seconds),
           capacity_cpu_share(capacity, night) * 100, (double)night->anonymous / MB, (double)night->written / MB,
           amplification(night), (double)night->store / MB, night->stages[CAPACITY_READ], night->stages[CAPACITY_APPLY],
           night->stages[CAPACITY_COMMIT], night->stages[CAPACITY_PUBLISH], CAPACITY_STAGE_WORDS[capacity_longest(night)],
           capacity_bound(capacity, night));
    fflush(stdout);
}

static void tell_places(const struct capacity_check *check)
{
    printf("\nwhere cases stand after the last night%*s  planned      found\n", 14, "");
    for (uint32_t i = 0; i < check->count; i++)
        printf("  %-48s %10" PRIu64 " %10" PRIu64 "%s\n", check->places[i].name, check->places[i].planned,
               check->places[i].found, check->places[i].planned == check->places[i].found ? "" : "  <<<");
    for (uint32_t i = 0; i < check->sample_count; i++)
        printf("  %s\n", check->samples[i]);
}

static void tell_forecast(const struct capacity_forecast *forecast)
{
    printf("\nforecast from %u and %u cases       forecast       truth  off by\n", forecast->small, forecast->middle);
    for (unsigned i = 0; i < FORESEEN_COUNT; i++) {
        const struct capacity_foreseen *what = &CAPACITY_FORESEEN[i];
        const struct capacity_foretold *of = &forecast->of[i];
        printf("  %-32s %12.2f %11.2f %+6.0f %%\n", what->name, of->told / what->unit, of->truth / what->unit,
               of->truth > 0 ? (of->told / of->truth - 1) * 100 : 0);
    }
}

void capacity_sentence(const struct capacity *capacity, char *out, size_t size)
{
    const struct capacity_campaign *campaign = &capacity->campaign;
    const struct capacity_night *night = &campaign->nights[campaign->slowest];
    char cases[32], records[32], births[32], took[32];
    static const char *const BOUNDS[][2] = {{"cpu", "the processors bound it"},
                                            {"read", "reading the dumps bounds it"},
                                            {"commit", "writing the store bounds it"},
                                            {"disk", "disk writes bound it"},
                                            {"memory", "memory bounds it"}};
    const char *bound = "";
    uint32_t at = campaign->slowest;
    if (capacity->scenario == SCENARIO_REPLAY)
        at = capacity_outage_until(capacity) - 1;
    else if (capacity->scenario == SCENARIO_STORM)
        at = capacity_storm_night(capacity) - 1;
    if (at < campaign->count)
        night = &campaign->nights[at];
    const char *word = capacity->target > 0 ? capacity->found.resource : capacity_bound(capacity, night);
    for (unsigned i = 0; i < sizeof BOUNDS / sizeof *BOUNDS; i++)
        if (word && strcmp(BOUNDS[i][0], word) == 0)
            bound = BOUNDS[i][1];
    capacity_grouped(capacity->cases, cases);
    capacity_grouped(night->records, records);
    capacity_grouped(capacity->cases / capacity->days, births);
    in_seconds(night->seconds, took);
    if (capacity->target > 0)
        snprintf(
            out, size,
            "%s cases in %u nights are the most of which this machine brings each night to its end within %.0f s (the slowest "
            "took %s); %s.",
            cases, capacity->days, capacity->target, in_seconds(capacity->found.held_seconds, took),
            *bound ? bound : "nothing ran out");
    else if (capacity->scenario == SCENARIO_REPLAY)
        snprintf(out, size,
                 "A %u-day outage of %s, among %s births a day, is caught up in %s on this machine (%s records in one "
                 "night); %s.",
                 capacity->outage, capacity->operator_code, births, took, records, bound);
    else if (capacity->scenario == SCENARIO_STORM)
        snprintf(out, size,
                 "%s's dump given %u times over, among %s births a day, is a night of %s on this machine (%s records); %s.",
                 capacity->operator_code, CAPACITY_STORM_TIMES, births, took, records, bound);
    else
        snprintf(out, size, "With %s births a day this machine's longest night takes %s for %s records (%s a second); %s.",
                 births, took, records, capacity_grouped((uint64_t)per((double)night->records, night->seconds), cases), bound);
}

static int judge(const struct capacity *capacity, struct fault *fault)
{
    const struct capacity_check *check = &capacity->campaign.check;
    char elsewhere[32], cases[32];
    if (!check->elsewhere)
        return 0;
    return fault_set(
        fault, FAULT_FAILED,
        "%s of %s cases do not stand where they were meant to: this besik does not keep the rules (--keep leaves the store)",
        capacity_grouped(check->elsewhere, elsewhere), capacity_grouped(check->cases, cases));
}

int capacity_tell_end(struct capacity *capacity, struct fault *fault)
{
    char sentence[512], cases[32];
    const struct capacity_campaign *campaign = &capacity->campaign;
    if (capacity->json) {
        struct buffer out = {0};
        int failed = capacity_put_json(capacity, &out, fault);
        if (!failed)
            fwrite(out.data, 1, out.size, stdout);
        buffer_free(&out);
        return failed ? -1 : judge(capacity, fault);
    }
    for (uint32_t i = 0; capacity->target > 0 && i < campaign->count; i++)
        capacity_tell_night(capacity, &campaign->nights[i]);
    tell_places(&campaign->check);
    if (capacity->forecast.made)
        tell_forecast(&capacity->forecast);
    if (campaign->workers_count) {
        printf("\nthe last night by workers (a dry run: without the commit):");
        for (uint32_t i = 0; i < campaign->workers_count; i++)
            printf("%s %u in %.2f s", i ? "," : "", campaign->workers[i], campaign->workers_seconds[i]);
        putchar('\n');
    }
    if (capacity_others(capacity) >= CAPACITY_OTHERS)
        printf("\nOther processes kept %.0f %% of the processors busy meanwhile: alone on the machine it would be faster.\n",
               capacity_others(capacity) * 100);
    capacity_sentence(capacity, sentence, sizeof sentence);
    if (campaign->check.elsewhere)
        return judge(capacity, fault);
    printf("\nAll %s cases stand where they were meant to. %s\n", capacity_grouped(campaign->check.cases, cases), sentence);
    return 0;
}

double capacity_others(const struct capacity *capacity)
{
    const struct capacity_campaign *campaign = &capacity->campaign;
    double sum = 0;
    for (uint32_t i = 0; i < campaign->count; i++)
        sum += campaign->nights[i].others * campaign->nights[i].seconds;
    return per(sum, campaign->seconds);
}

/* ---- JSON ---- */

static void put_night(struct buffer *out, const struct capacity *capacity, const struct capacity_night *night,
                      struct fault *fault)
{
    buffer_format(out, fault,
                  "{\"night\":%u,\"records\":%" PRIu64 ",\"cases\":%" PRIu64 ",\"sms\":%" PRIu64 ",\"bytes\":%" PRIu64
                  ",\"plain_bytes\":%" PRIu64 ",\"seconds\":%.3f,\"records_per_s\":%.0f,\"cases_per_ms\":%.3f,\"mb_per_s\":%."
                  "2f,\"cpu_seconds\":%.3f,\"cpu_share\":%.3f,\"others_share\":%.3f,"
                  "\"anonymous_bytes\":%" PRIu64 ",\"written_bytes\":%" PRIu64 ",\"published_bytes\":%" PRIu64
                  ",\"write_amplification\":%.3f,\"store_bytes\":%" PRIu64 ",\"stages\":{",
                  night->night, night->records, night->cases, night->sms, night->bytes, night->plain_bytes, night->seconds,
                  per((double)night->records, night->seconds), per((double)night->cases, night->seconds * 1000),
                  per((double)night->plain_bytes / MB, night->seconds), night->cpu_seconds, capacity_cpu_share(capacity, night),
                  night->others, night->anonymous, night->written, night->published, amplification(night), night->store);
    for (unsigned i = 0; i < CAPACITY_STAGES; i++)
        buffer_format(out, fault, "%s\"%s\":{\"seconds\":%.3f,\"records_per_s\":%.0f}", i ? "," : "", CAPACITY_STAGE_WORDS[i],
                      night->stages[i], per((double)night->records, night->stages[i]));
    buffer_format(
        out, fault,
        "},\"longest_stage\":\"%s\",\"bound_by\":\"%s\",\"sync_median_s\":%.6f,\"sync_worst_s\":%.6f,\"gen_seconds\":%.3f}",
        CAPACITY_STAGE_WORDS[capacity_longest(night)], capacity_bound(capacity, night), night->sync_median, night->sync_worst,
        night->made_seconds);
}

static void put_forecast(struct buffer *out, const struct capacity_forecast *forecast, struct fault *fault)
{
    if (!forecast->made) {
        buffer_add_text(out, ",\"forecast\":null", fault);
        return;
    }
    buffer_format(out, fault, ",\"forecast\":{\"from_cases\":[%u,%u]", forecast->small, forecast->middle);
    for (unsigned i = 0; i < FORESEEN_COUNT; i++) {
        const struct capacity_foretold *of = &forecast->of[i];
        buffer_format(out, fault, ",\"%s\":{\"from\":[%.3f,%.3f],\"forecast\":%.3f,\"truth\":%.3f}", CAPACITY_FORESEEN[i].key,
                      of->small, of->middle, of->told, of->truth);
    }
    buffer_add_text(out, "}", fault);
}

static void put_target(struct buffer *out, const struct capacity *capacity, struct fault *fault)
{
    const struct capacity_target *found = &capacity->found;
    if (capacity->target <= 0) {
        buffer_add_text(out, ",\"target\":null", fault);
        return;
    }
    buffer_format(out, fault,
                  ",\"target\":{\"seconds\":%.3f,\"held_cases\":%u,\"held_seconds\":%.3f,\"broke_cases\":%u,\"broke_seconds\":%"
                  ".3f,\"resource\":",
                  capacity->target, found->held, found->held_seconds, found->broke, found->broke_seconds);
    buffer_json_or_null(out, span_of(found->resource ? found->resource : ""), fault);
    buffer_format(out, fault, ",\"campaigns\":%u}", found->tries);
}

int capacity_put_json(const struct capacity *capacity, struct buffer *out, struct fault *fault)
{
    const struct capacity_machine *machine = &capacity->machine;
    const struct capacity_campaign *campaign = &capacity->campaign;
    char sentence[512];
    capacity_sentence(capacity, sentence, sizeof sentence);
    buffer_add_text(out, "{\"besik\":\"" BESIK_VERSION "\",\"machine\":{\"cpu\":", fault);
    buffer_json(out, span_of(machine->cpu), fault);
    buffer_format(out, fault, ",\"cores\":%u,\"memory_bytes\":%" PRIu64 ",\"disk\":", machine->cores, machine->memory);
    buffer_json(out, span_of(machine->disk), fault);
    buffer_add_text(out, ",\"kernel\":", fault);
    buffer_json(out, span_of(machine->kernel), fault);
    buffer_format(out, fault, "},\"scenario\":\"%s\",\"cases\":%u,\"days\":%u,\"seed\":%" PRIu64 ",\"workers\":%u,\"nights\":[",
                  SCENARIO_WORDS[capacity->scenario], capacity->cases, capacity->days, capacity->seed, capacity->workers);
    for (uint32_t i = 0; i < campaign->count; i++) {
        buffer_add_text(out, i ? ",\n" : "\n", fault);
        put_night(out, capacity, &campaign->nights[i], fault);
    }
    buffer_format(out, fault, "],\n\"plan\":{\"cases\":%" PRIu64 ",\"elsewhere\":%" PRIu64 ",\"places\":[",
                  campaign->check.cases, campaign->check.elsewhere);
    for (uint32_t i = 0; i < campaign->check.count; i++)
        buffer_format(out, fault, "%s{\"place\":\"%s\",\"planned\":%" PRIu64 ",\"found\":%" PRIu64 "}", i ? "," : "",
                      campaign->check.places[i].name, campaign->check.places[i].planned, campaign->check.places[i].found);
    buffer_add_text(out, "]}", fault);
    put_forecast(out, &capacity->forecast, fault);
    buffer_add_text(out, ",\"by_workers\":[", fault);
    for (uint32_t i = 0; i < campaign->workers_count; i++)
        buffer_format(out, fault, "%s{\"workers\":%u,\"seconds\":%.3f}", i ? "," : "", campaign->workers[i],
                      campaign->workers_seconds[i]);
    buffer_add_text(out, "]", fault);
    put_target(out, capacity, fault);
    buffer_add_text(out, ",\"sentence\":", fault);
    buffer_json(out, span_of(sentence), fault);
    buffer_add_text(out, "}\n", fault);
    return fault->code == FAULT_NONE ? 0 : -1;
}
