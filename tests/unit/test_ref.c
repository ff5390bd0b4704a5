/* test_ref.c - look-ups in the reference data, in a small country of our own. */
#include "engine/ref.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct ref_entry DENSE[] = {{.number = 1, .active = true, .code = SPAN("a")},
                                         {.number = 2, .active = false, .code = SPAN("b")},
                                         {.number = 3, .active = true, .code = SPAN("c")}};
static const struct ref_entry GAPS[] = {{.number = 2, .active = true},
                                        {.number = 3, .active = true},
                                        {.number = 10, .active = true},
                                        {.number = 999, .active = true}};
static const struct ref_region REGIONS[] = {
    {.code = 100000000, .active = true, .offices = {DENSE, 3}, .localities = {GAPS, 4}},
    {.code = 191010000, .active = false, .offices = {DENSE, 2}, .localities = {GAPS, 1}},
    {.code = 999999999, .active = true, .offices = {GAPS, 4}, .localities = {DENSE, 3}},
    {.code = 1000000000, .active = true}, /* beyond the count, as of the operators the last */
};
static const struct ref_operator OPERATORS[] = {{SPAN("other"), true},
                                                {SPAN("kcell"), true},
                                                {SPAN("beeline"), true},
                                                {SPAN("gone"), false},
                                                {SPAN("kc"), true},
                                                {SPAN("beyond"), true}};

static const struct ref REF = {
    .options = {[STEP_EDUCATION] = {DENSE, 3}, [STEP_INCOME] = {GAPS, 4}, [STEP_PRIVILEGE] = {DENSE, 1}},
    .regions = REGIONS,
    .region_count = 3,
    .operators = OPERATORS,
    .operator_count = 5,
    .prefixes = {[700] = 2, [701] = 1, [777] = 4, [799] = 2},
};

Test(ref, find)
{
    static const struct {
        const struct ref_entry *entries;
        uint32_t count;
        unsigned number;
        int index; /* -1: none */
    } ROWS[] = {
        {DENSE, 3, 0, -1},   {DENSE, 3, 1, 0}, {DENSE, 3, 2, 1},  {DENSE, 3, 3, 2},        {DENSE, 3, 4, -1},
        {GAPS, 4, 0, -1},    {GAPS, 4, 1, -1}, {GAPS, 4, 2, 0},   {GAPS, 4, 3, 1},         {GAPS, 4, 4, -1},
        {GAPS, 4, 9, -1},    {GAPS, 4, 10, 2}, {GAPS, 4, 11, -1}, {GAPS, 4, 998, -1},      {GAPS, 4, 999, 3},
        {GAPS, 4, 1000, -1}, {NULL, 0, 1, -1}, {NULL, 0, 0, -1},  {GAPS, 4, 99999999, -1},
        {DENSE, 2, 3, -1},   {DENSE, 0, 1, -1}, {GAPS, 3, 999, -1}, {GAPS, 3, 10, 2}, {GAPS, 0, 2, -1},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct ref_list list = {ROWS[i].entries, ROWS[i].count};
        const struct ref_entry *expected = ROWS[i].index < 0 ? NULL : ROWS[i].entries + ROWS[i].index;
        cr_expect_eq(ref_find(&list, ROWS[i].number), expected, "row %zu", i);
    }
}

Test(ref, code)
{
    struct ref_list dense = {DENSE, 3}, gaps = {GAPS, 4};
    cr_expect(span_equal(ref_code(&dense, 1), SPAN("a")));
    cr_expect(span_equal(ref_code(&dense, 2), SPAN("b")), "left out by an update, it keeps its code");
    cr_expect(span_equal(ref_code(&dense, 4), SPAN("")));
    cr_expect(span_equal(ref_code(&dense, 0), SPAN("")), "no answer");
    cr_expect(span_equal(ref_code(&gaps, 1), SPAN("")));
    cr_expect(span_equal(ref_code(NULL, 1), SPAN("")), "no such list");
}

Test(ref, region)
{
    static const struct {
        uint32_t code;
        int index;
    } ROWS[] = {{0, -1},         {99999999, -1},  {100000000, 0}, {100000001, -1},  {191010000, 1},
                {191010001, -1}, {999999998, -1}, {999999999, 2}, {1000000000, -1}, {UINT32_MAX, -1}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        cr_expect_eq(ref_region(&REF, ROWS[i].code), ROWS[i].index < 0 ? NULL : REGIONS + ROWS[i].index,
                     "row %zu", i);
    static const struct ref EMPTY = {0};
    cr_expect_null(ref_region(&EMPTY, 100000000));
}

Test(ref, choices)
{
    for (int step = 0; step < STEP_COUNT; step++) {
        const struct ref_list *expected = NULL, *nowhere = NULL;
        if (step == STEP_EDUCATION || step == STEP_INCOME || step == STEP_PRIVILEGE)
            expected = nowhere = &REF.options[step];
        if (step == STEP_OFFICE)
            expected = &REGIONS[1].offices;
        if (step == STEP_LOCALITY)
            expected = &REGIONS[1].localities;
        cr_expect_eq(ref_choices(&REF, (enum step)step, 191010000), expected, "%s", STEP_WORDS[step]);
        cr_expect_eq(ref_choices(&REF, (enum step)step, 5), nowhere, "%s", STEP_WORDS[step]);
    }
}

Test(ref, operator_of_code)
{
    static const struct {
        const char *code;
        int id;
    } ROWS[] = {{"kcell", 1}, {"beeline", 2}, {"kc", 4},      {"gone", -1}, {"other", -1},
                {"k", -1},    {"kcel", -1},   {"kcell1", -1}, {"", -1},     {"Kcell", -1},  {"beyond", -1}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        cr_expect_eq(ref_operator(&REF, span_of(ROWS[i].code)), ROWS[i].id, "%s", ROWS[i].code);
}

Test(ref, operator_of_prefix)
{
    static const struct {
        uint32_t phone;
        uint16_t id;
    } ROWS[] = {{0, 2},
                {9999999, 2},
                {10000000, 1},
                {19999999, 1},
                {20000000, REF_OPERATOR_OTHER},
                {770000000, 4},
                {779999999, 4},
                {999999999, 2},
                {980000000, REF_OPERATOR_OTHER}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        cr_expect_eq(ref_prefix_operator(&REF, ROWS[i].phone), ROWS[i].id, "%u", ROWS[i].phone);
}

/* A row: the outages as "operator from to" (operator *: all; to ∞: still on), whose, the span, and its
 * milliseconds. */
Test(ref, outage_ms)
{
    static const struct {
        struct ref_outage outages[6];
        uint32_t count;
        uint16_t operator;
        int64_t from_ms, to_ms, expected_ms;
    } ROWS[] = {
        {{{0}}, 0, 1, 0, 100, 0},
        {{{1, 10, 20}}, 1, 1, 0, 100, 10},
        {{{1, 10, 20}}, 1, 2, 0, 100, 0},   /* another's */
        {{{-1, 10, 20}}, 1, 2, 0, 100, 10}, /* of all */
        {{{1, 10, 20}}, 1, 1, 10, 20, 10},
        {{{1, 10, 20}}, 1, 1, 15, 16, 1},
        {{{1, 10, 20}}, 1, 1, 20, 30, 0}, /* half-open */
        {{{1, 10, 20}}, 1, 1, 0, 10, 0},
        {{{1, 10, 20}}, 1, 1, 0, 11, 1},
        {{{1, 10, 20}}, 1, 1, 19, 30, 1},
        {{{1, 10, 20}}, 1, 1, 15, 15, 0}, /* no span */
        {{{1, 10, 20}}, 1, 1, 18, 12, 0},
        {{{1, 10, 20}, {1, 15, 30}}, 2, 1, 0, 100, 20}, /* overlaps once, in either order */
        {{{1, 15, 30}, {1, 10, 20}}, 2, 1, 0, 100, 20},
        {{{1, 10, 40}, {1, 15, 30}}, 2, 1, 0, 100, 30},
        {{{1, 15, 30}, {1, 10, 40}}, 2, 1, 0, 100, 30},
        {{{1, 10, 20}, {1, 20, 30}}, 2, 1, 0, 100, 20}, /* end to end */
        {{{1, 10, 20}, {1, 30, 40}}, 2, 1, 15, 35, 10},
        {{{1, 10, 20}, {1, 10, 20}, {-1, 10, 20}}, 3, 1, 0, 100, 10}, /* alike */
        {{{1, 10, 20}, {2, 15, 50}, {-1, 18, 25}}, 3, 1, 0, 100, 15},
        {{{1, 10, 20}, {2, 15, 50}, {-1, 18, 25}}, 3, 2, 0, 100, 35},
        {{{1, 10, 20}, {2, 15, 50}, {-1, 18, 25}}, 3, 3, 0, 100, 7},
        {{{1, 50, INT64_MAX}}, 1, 1, 0, 100, 50}, /* still on */
        {{{1, 50, INT64_MAX}, {1, 20, 60}, {1, 0, 5}}, 3, 1, 0, 100, 85},
        {{{1, 20, 20}, {1, 40, 30}}, 2, 1, 0, 100, 0}, /* empty ones count for nothing */
        {{{1, 20, 20}, {1, 40, 30}, {1, 10, 50}}, 3, 1, 0, 100, 40},
        {{{1, -50, -10}}, 1, 1, -30, 30, 20}, /* before 1970 */
        {{{1, 10, 20}, {1, 0, 100}}, 1, 1, 0, 100, 10}, /* beyond the count */
        {{{-1, 0, 100}}, 0, 1, 0, 100, 0},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct ref ref = {.outages = ROWS[i].outages, .outage_count = ROWS[i].count};
        int64_t got = ref_outage_ms(&ref, ROWS[i].operator, ROWS[i].from_ms, ROWS[i].to_ms);
        cr_expect_eq(got, ROWS[i].expected_ms, "row %zu: %lld", i, (long long)got);
    }
}

/* Against the slow and obvious: look at each millisecond. */
Test(ref, outage_ms_by_counting)
{
    unsigned seed = 1;
    for (int round = 0; round < 5000; round++) {
        struct ref_outage outages[12];
        struct ref ref = {.outages = outages, .outage_count = (uint32_t)(rand_r(&seed) % 13)};
        for (uint32_t i = 0; i < ref.outage_count; i++)
            outages[i] = (struct ref_outage){rand_r(&seed) % 4 - 1, rand_r(&seed) % 60,
                                             rand_r(&seed) % 8 ? rand_r(&seed) % 60 : INT64_MAX};
        uint16_t operator = (uint16_t)(rand_r(&seed) % 3);
        int64_t from_ms = rand_r(&seed) % 60, to_ms = rand_r(&seed) % 60, expected_ms = 0;
        for (int64_t at_ms = from_ms; at_ms < to_ms; at_ms++)
            expected_ms += ref_outage_on(&ref, operator, at_ms);
        cr_assert_eq(ref_outage_ms(&ref, operator, from_ms, to_ms), expected_ms, "round %d", round);
    }
}

Test(ref, outage_on)
{
    static const struct ref_outage OUTAGES[] = {{1, 10, 20}, {-1, 30, 40}, {2, 50, INT64_MAX}, {-1, 0, INT64_MAX}}; /* the last beyond the count */
    static const struct ref OUT = {.outages = OUTAGES, .outage_count = 3};
    static const struct {
        uint16_t operator;
        int64_t at_ms;
        bool on;
    } ROWS[] = {
        {1, 9, false}, {1, 10, true},  {1, 19, true},  {1, 20, false}, {2, 10, false},       {2, 30, true},
        {0, 30, true}, {0, 40, false}, {2, 49, false}, {2, 50, true},  {2, 1LL << 60, true}, {1, 50, false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        cr_expect_eq(ref_outage_on(&OUT, ROWS[i].operator, ROWS[i].at_ms), ROWS[i].on, "row %zu", i);
}
