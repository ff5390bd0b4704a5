/* merge.c - see merge.h. */
#include "store/merge.h"

#include "engine/check.h"
#include "engine/phone.h"

#include <string.h>

#define FEWEST 3        /* segments in a merge */
#define CROWD (STORE_SEGMENTS_MAX / 8 * 5) /* from here on the cheapest neighbours are merged, whatever their sizes */

static bool is_free(const struct state *state, unsigned segmented, uint32_t place)
{
    for (uint32_t i = 0; i < state->merge_counts[segmented]; i++) {
        const struct merge *merge = &state->merges[segmented][i];
        uint32_t first = merge_place(state, segmented, merge);
        if (place >= first && place < first + merge->inputs)
            return false;
    }
    return true;
}

static bool find_alike(const struct state *state, unsigned segmented, uint32_t eligible, uint32_t *ret_first, uint32_t *ret_count)
{
    for (uint32_t first = 0; first < eligible; first++) {
        uint64_t all = 0, largest = 0;
        for (uint32_t i = first; i < eligible && is_free(state, segmented, i); i++) {
            uint64_t bytes = state->segments[segmented][i].bytes;
            all += bytes;
            largest = bytes > largest ? bytes : largest;
            if (i + 1 - first < FEWEST || largest * 5 > all * 2)
                continue;
            *ret_first = first;
            *ret_count = i + 1 - first;
            return true;
        }
    }
    return false;
}

static bool find_cheapest(const struct state *state, unsigned segmented, uint32_t eligible, uint32_t *ret_first,
                          uint32_t *ret_count)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t first = 0; first + FEWEST <= eligible; first++) {
        uint64_t all = 0;
        bool idle = true;
        for (uint32_t i = first; i < first + FEWEST; i++) {
            all += state->segments[segmented][i].bytes;
            idle = idle && is_free(state, segmented, i);
        }
        if (!idle || all >= least)
            continue;
        least = all;
        *ret_first = first;
        *ret_count = FEWEST;
    }
    return least < UINT64_MAX;
}

static bool find_forgettable(const struct state *state, unsigned segmented, uint32_t eligible, int64_t forget_before_ms,
                             uint32_t *ret_first, uint32_t *ret_count)
{
    for (uint32_t i = 0; i < eligible; i++) {
        const struct segment *segment = &state->segments[segmented][i];
        if (segment->marks_ms == NEVER_MS || segment->marks_ms >= forget_before_ms || !is_free(state, segmented, i))
            continue;
        *ret_first = i;
        *ret_count = 1;
        return true;
    }
    return false;
}

void merge_begin(struct state *state, unsigned segmented, uint32_t eligible, int64_t forget_before_ms)
{
    uint32_t *count = &state->merge_counts[segmented], first, inputs;
    while (*count < STORE_MERGES_MAX &&
           (find_alike(state, segmented, eligible, &first, &inputs) ||
            (state->segment_counts[segmented] >= CROWD && find_cheapest(state, segmented, eligible, &first, &inputs)) ||
            find_forgettable(state, segmented, eligible, forget_before_ms, &first, &inputs)))
        state->merges[segmented][(*count)++] = (struct merge){
            .first = state->segments[segmented][first].number,
            .inputs = inputs,
            .output = {.number = state->next_segment++, .marks_ms = NEVER_MS},
        };
}

uint32_t merge_place(const struct state *state, unsigned segmented, const struct merge *merge)
{
    uint32_t place = 0, count = state->segment_counts[segmented];
    while (place < count && state->segments[segmented][place].number != merge->first)
        place++;
    CHECK(place + merge->inputs <= count);
    return place;
}

void merge_finish(struct state *state, unsigned segmented, uint32_t which)
{
    struct merge *merges = state->merges[segmented];
    struct segment *segments = state->segments[segmented];
    const struct merge merge = merges[which];
    uint32_t place = merge_place(state, segmented, &merge), made = merge.output.entries > 0;
    memmove(segments + place + made, segments + place + merge.inputs,
            (state->segment_counts[segmented] - place - merge.inputs) * sizeof *segments);
    if (made)
        segments[place] = merge.output;
    state->segment_counts[segmented] -= merge.inputs - made;
    memmove(merges + which, merges + which + 1, (--state->merge_counts[segmented] - which) * sizeof *merges);
}
