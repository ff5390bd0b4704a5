/* test_merge.c - merging as a game of sizes: thousands of nights that each add a segment and move the merges
 * on by their share. The order of ages is kept, nothing is lost, no night finds the table crowded, and a
 * record is seldom rewritten. */
#include "store/merge.h"

#include "engine/phone.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define NIGHTS 3000
#define TABLE SEGMENTED_CLOSED
#define KIB ((uint64_t)1 << 10)

static struct state *state;
static uint64_t seed;

/* by a segment's number: the nights whose records it holds, and how often the most moved of them was
 * rewritten */
static struct {
    uint32_t first_night, last_night, rewrites;
} made_of[4 * NIGHTS];

static uint64_t dice(uint64_t sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % sides;
}

static void begin(void)
{
    state = calloc(1, sizeof *state);
    memset(made_of, 0, sizeof made_of);
    seed = 1;
}

static void end(void)
{
    free(state);
}

TestSuite(merge, .init = begin, .fini = end, .timeout = 60);

static void add_segment(uint32_t night, uint64_t bytes)
{
    uint32_t number = state->next_segment++;
    cr_assert_lt(state->segment_counts[TABLE], STORE_SEGMENTS_MAX, "night %u finds no place", night);
    state->segments[TABLE][state->segment_counts[TABLE]++] =
        (struct segment){.number = number, .entries = bytes, .bytes = bytes, .marks_ms = NEVER_MS};
    made_of[number].first_night = made_of[number].last_night = night;
}

static uint64_t bytes_of(uint32_t first, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = first; i < first + count; i++)
        bytes += state->segments[TABLE][i].bytes;
    return bytes;
}

static void finish(uint32_t which)
{
    const struct merge *merge = &state->merges[TABLE][which];
    uint32_t place = merge_place(state, TABLE, merge), out = merge->output.number;
    for (uint32_t i = place; i < place + merge->inputs; i++) {
        uint32_t in = state->segments[TABLE][i].number;
        if (i == place)
            made_of[out].first_night = made_of[in].first_night;
        made_of[out].last_night = made_of[in].last_night;
        if (made_of[in].rewrites >= made_of[out].rewrites)
            made_of[out].rewrites = made_of[in].rewrites + 1;
    }
    merge_finish(state, TABLE, which);
}

/* As tools/run_merge.c does; the bytes moved. */
static uint64_t move_on(uint32_t eligible, uint64_t share)
{
    uint64_t moved = 0;
    merge_begin(state, TABLE, eligible, NEVER_MS);
    for (uint32_t i = 0; i < state->merge_counts[TABLE];) {
        struct merge *merge = &state->merges[TABLE][i];
        uint64_t left = bytes_of(merge_place(state, TABLE, merge), merge->inputs) - merge->output.bytes;
        uint64_t step = left < share ? left : share;
        moved += step;
        merge->output.bytes += step;
        merge->output.entries += step;
        if (step == left)
            finish(i);
        else
            i++;
    }
    return moved;
}

static void check_order(uint32_t night)
{
    uint32_t next = 1;
    for (uint32_t i = 0; i < state->segment_counts[TABLE]; i++) {
        uint32_t number = state->segments[TABLE][i].number;
        cr_assert_eq(made_of[number].first_night, next, "night %u: place %u begins with night %u", night, i,
                     made_of[number].first_night);
        next = made_of[number].last_night + 1;
    }
    cr_assert_eq(next, night + 1);
}

/* Many nights of `size(night)` bytes. Where nights are alike none moves more than `times` its own bytes. */
static void live(uint64_t (*size)(uint32_t night), uint64_t times)
{
    uint64_t all = 0, most_rewrites = 0;
    uint32_t most_segments = 0;
    for (uint32_t night = 1; night <= NIGHTS; night++) {
        uint64_t bytes = size(night);
        all += bytes;
        uint32_t eligible = state->segment_counts[TABLE];
        add_segment(night, bytes);
        cr_assert(!merge_is_pressing(state, TABLE), "night %u must merge all at once", night);
        uint64_t moved = move_on(eligible, 2 * bytes + 64 * KIB);
        cr_assert_leq(moved, times * bytes + 512 * KIB, "night %u moves %lu of its %lu bytes", night, moved,
                      bytes);
        cr_assert_eq(bytes_of(0, state->segment_counts[TABLE]), all);
        check_order(night);
        if (state->segment_counts[TABLE] > most_segments)
            most_segments = state->segment_counts[TABLE];
    }
    for (uint32_t number = 0; number < state->next_segment; number++)
        if (made_of[number].rewrites > most_rewrites)
            most_rewrites = made_of[number].rewrites;
    cr_log_info("at most %u segments, a record rewritten %lu times", most_segments, most_rewrites);
    cr_assert_leq(most_segments, STORE_SEGMENTS_MAX * 3 / 4);
    cr_assert_leq(most_rewrites, 16);
}

static uint64_t alike(uint32_t night)
{
    (void)night;
    return 1300 * KIB;
}

static uint64_t small(uint32_t night)
{
    (void)night;
    return 1;
}

static uint64_t uneven(uint32_t night)
{
    return (1 + dice(2000)) * (night % 30 ? 1 : 20) * KIB;
}

static uint64_t growing(uint32_t night)
{
    return night * 10 * KIB;
}

static uint64_t dwindling(uint32_t night)
{
    return (NIGHTS + 1 - night) * 10 * KIB;
}

static uint64_t large_then_small(uint32_t night)
{
    return night <= 200 ? 1 + dice(200 << 20) : 1 + dice(2 * KIB);
}

Test(merge, large_then_small_nights)
{
    live(large_then_small, 2 * STORE_MERGES_MAX);
}

Test(merge, nights_alike)
{
    live(alike, 2 * STORE_MERGES_MAX);
}

Test(merge, small_nights)
{
    live(small, 2 * STORE_MERGES_MAX);
}

Test(merge, uneven_nights)
{
    live(uneven, 2 * STORE_MERGES_MAX);
}

Test(merge, growing_nights)
{
    live(growing, 2 * STORE_MERGES_MAX);
}

Test(merge, dwindling_nights)
{
    live(dwindling, 2 * STORE_MERGES_MAX);
}

Test(merge, old_marks_are_left_behind_alone)
{
    add_segment(1, 100);
    add_segment(2, 1);
    state->segments[TABLE][0].marks_ms = 1000;
    merge_begin(state, TABLE, 2, 1000);
    cr_assert_eq(state->merge_counts[TABLE], 0, "a mark as old as the limit still counts");
    merge_begin(state, TABLE, 2, 1001);
    cr_assert_eq(state->merge_counts[TABLE], 1);
    cr_assert_eq(state->merges[TABLE][0].inputs, 1);
    cr_assert_eq(state->merges[TABLE][0].first, 0);
    merge_begin(state, TABLE, 2, 1001);
    cr_assert_eq(state->merge_counts[TABLE], 1, "it is under way already");
    merge_finish(state, TABLE, 0); /* nothing came out of it */
    cr_assert_eq(state->segment_counts[TABLE], 1);
    cr_assert_eq(state->segments[TABLE][0].number, 1);
}

/* A crowd of sizes that are never alike: the cheapest neighbours are merged all the same. */
Test(merge, crowd)
{
    for (uint32_t i = 0; i < STORE_SEGMENTS_MAX / 8 * 5; i++)
        add_segment(i + 1, (uint64_t)1 << (50 - i));
    merge_begin(state, TABLE, state->segment_counts[TABLE] - 1, NEVER_MS);
    cr_assert_gt(state->merge_counts[TABLE], 0);
    cr_assert_eq(state->merges[TABLE][0].first, state->segment_counts[TABLE] - 4,
                 "the last three that are eligible");
}
