/* capacity_search.c - from small campaigns to large ones: the forecast, and the largest that ends in time. */
#include "tools/capacity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SMALL_SHARE 10u
#define MIDDLE_SHARE 3u
#define FIRST_TRY 1000u
#define HICCUP 2.0       /* times the target: what breaks by more is no hiccup */
#define CLOSE_ENOUGH 20u /* a twentieth: 5 % */

/* Measured: what a campaign has at once in DIR, of a case: the store, a night's dumps and folder. */
#define SPACE_FIXED ((uint64_t)24 << 20)
#define SPACE_OF_CASE 2600u
#define SPACE_OF_CASE_MORE 400u /* dumps that are withheld, or copied */

uint64_t capacity_space(const struct capacity *capacity, uint32_t cases)
{
    uint64_t each = SPACE_OF_CASE + (capacity->scenario == SCENARIO_NIGHTLY ? 0 : SPACE_OF_CASE_MORE);
    return SPACE_FIXED + each * cases;
}

const struct capacity_foreseen CAPACITY_FORESEEN[FORESEEN_COUNT] = {
    [FORESEEN_SECONDS] = {"seconds of all runs", "seconds", "time", 1},
    [FORESEEN_MEMORY] = {"anonymous memory, MB", "anonymous_bytes", "memory", 1e6},
    [FORESEEN_STORE] = {"store, MB", "store_bytes", "store", 1e6},
    [FORESEEN_WRITTEN] = {"written, MB", "written_bytes", "written", 1e6},
};

void capacity_foresee_of(const struct capacity_campaign *campaign, double of[FORESEEN_COUNT])
{
    of[FORESEEN_SECONDS] = campaign->seconds;
    of[FORESEEN_MEMORY] = (double)campaign->anonymous;
    of[FORESEEN_STORE] = (double)campaign->store;
    of[FORESEEN_WRITTEN] = (double)campaign->written;
}

/* ---- the forecast: a straight line through both; of memory a power, as its growth slackens ---- */

static double on_line(double small, double middle, double from, double to, double at)
{
    double told = to > from ? middle + (middle - small) / (to - from) * (at - to) : middle;
    return told > 0 ? told : 0;
}

static double by_power(const struct capacity *capacity, double small, double middle, double from, double to, double at)
{
    double limit = (double)CAPACITY_MEMORY + (32 << 20) + (double)capacity->workers * (4 << 20);
    if (small <= 0 || middle <= small || to <= from)
        return middle;
    double told = middle * pow(at / to, log(middle / small) / log(to / from));
    return told < limit ? told : limit;
}

int capacity_foretell(struct capacity *capacity, struct fault *fault)
{
    struct capacity_forecast *forecast = &capacity->forecast;
    struct capacity_campaign small = {0}, middle = {0};
    uint32_t tenth = capacity->cases / SMALL_SHARE, third = capacity->cases / MIDDLE_SHARE;
    tenth = tenth ? tenth : 1;
    third = third > tenth ? third : tenth + 1;
    capacity->live.total = capacity_work(tenth, capacity->days) + capacity_work(third, capacity->days) +
                           capacity_work(capacity->cases, capacity->days);
    int failed =
        capacity_play(capacity, tenth, 0, false, &small, fault) || capacity_play(capacity, third, 0, false, &middle, fault);
    if (!failed) {
        double n = capacity->cases, a = tenth, b = third;
        *forecast = (struct capacity_forecast){.small = tenth, .middle = third, .made = true};
        double of_small[FORESEEN_COUNT], of_middle[FORESEEN_COUNT];
        capacity_foresee_of(&small, of_small);
        capacity_foresee_of(&middle, of_middle);
        for (unsigned i = 0; i < FORESEEN_COUNT; i++) {
            double x = of_small[i], y = of_middle[i];
            double told = i == FORESEEN_MEMORY ? by_power(capacity, x, y, a, b, n) : on_line(x, y, a, b, n);
            forecast->of[i] = (struct capacity_foretold){.small = x, .middle = y, .told = told};
        }
        capacity_tell_forecast(capacity);
    }
    capacity_free(&small);
    capacity_free(&middle);
    return failed ? -1 : 0;
}

/* ---- the largest that ends in time ---- */

static const struct capacity_night *slowest(const struct capacity_campaign *campaign)
{
    return &campaign->nights[campaign->slowest];
}

/* 1 it held, 0 it did not, -1. The campaign that held last is the capacity's own, with all that is told of it. */
static int try_cases(struct capacity *capacity, uint32_t cases, struct fault *fault)
{
    struct capacity_campaign campaign;
    struct capacity_target *found = &capacity->found;
    uint64_t space = capacity_space(capacity, cases);
    if (space > capacity->machine.free_bytes) {
        found->broke = cases;
        found->resource = "disk";
        return 0;
    }
    found->tries++;
    if (capacity_play(capacity, cases, capacity->target, false, &campaign, fault)) {
        capacity_free(&campaign);
        return -1;
    }
    if (campaign.cut) {
        found->broke = cases;
        found->broke_seconds = slowest(&campaign)->seconds;
        found->resource = capacity_bound(capacity, slowest(&campaign));
        capacity_free(&campaign);
        return 0;
    }
    found->held = cases;
    found->held_seconds = slowest(&campaign)->seconds;
    capacity_free(&capacity->campaign);
    capacity->campaign = campaign;
    return campaign.check.elsewhere ? -2 : 1; /* wrong answers, however fast, end the search */
}

int capacity_search(struct capacity *capacity, struct fault *fault)
{
    struct capacity_target *found = &capacity->found;
    uint32_t cases = FIRST_TRY;
    int held = 1;
    while (held == 1) {
        held = try_cases(capacity, cases, fault);
        if (held == 0 && found->broke_seconds < HICCUP * capacity->target) /* was it only a hiccup of the machine? */
            held = try_cases(capacity, cases, fault);
        if (held == 1 && cases > GEN_CASES_MAX / 2)
            break;
        cases = held == 1 ? cases * 2 : cases;
    }
    while (held >= 0 && found->held && found->broke > found->held + found->held / CLOSE_ENOUGH)
        held = try_cases(capacity, found->held + (found->broke - found->held) / 2, fault);
    capacity->cases = found->held ? found->held : FIRST_TRY;
    if (held == -1)
        return -1;
    if (!found->held)
        return fault_set(fault, FAULT_FAILED,
                         "%u cases already take longer than the target: %.1f s (%s); give a longer --target", FIRST_TRY,
                         found->broke_seconds, found->resource);
    return 0;
}
