/* test_sort.c - io/sort against qsort: keys of many shapes, ties by the comparison, every size around the thresholds. */
#include "io/sort.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct item {
    uint64_t key;
    uint32_t tie, place;
};

static uint64_t dice_state = 0x1234567;
static uint64_t dice(uint64_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return dice_state % sides;
}

static unsigned compared;
static int by_tie(const void *a, const void *b, const void *context)
{
    const struct item *x = a, *y = b;
    cr_assert_eq(*(const int *)context, 42);
    cr_assert_eq(x->key, y->key, "only those with equal keys are compared");
    compared++;
    return x->tie != y->tie ? (x->tie > y->tie) - (x->tie < y->tie) : (x->place > y->place) - (x->place < y->place);
}

static int whole_order(const void *a, const void *b)
{
    const struct item *x = ((const struct sort_entry *)a)->item, *y = ((const struct sort_entry *)b)->item;
    int context = 42;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : by_tie(x, y, &context);
}

static void check(size_t count, uint64_t (*key)(size_t i), uint64_t ties)
{
    struct item *items = malloc((count + 1) * sizeof *items);
    struct sort_entry *entries = malloc((count + 1) * sizeof *entries), *spare = malloc(count * sizeof *spare + 1),
                      *expected = malloc((count + 1) * sizeof *expected);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct item){key(i), (uint32_t)dice(ties), (uint32_t)dice(3)};
        items[i].place = items[i].place << 24 | (uint32_t)i;
        entries[i] = expected[i] = (struct sort_entry){items[i].key, &items[i]};
    }
    static const struct sort_entry GUARD = {0xfeedfacefeedface, NULL};
    entries[count] = GUARD;
    int context = 42;
    sort_entries(entries, spare, count, by_tie, &context);
    qsort(expected, count, sizeof *expected, whole_order);
    for (size_t i = 0; i < count; i++)
        cr_assert(entries[i].item == expected[i].item && entries[i].key == expected[i].key, "%zu of %zu", i, count);
    cr_assert(entries[count].key == GUARD.key && !entries[count].item);
    free(items);
    free(entries);
    free(spare);
    free(expected);
}

static uint64_t any(size_t i)
{
    (void)i;
    return dice_state * 0x9E3779B97F4A7C15u + dice(UINT64_MAX);
}
static uint64_t few(size_t i)
{
    (void)i;
    return dice(7);
}
static uint64_t one(size_t i)
{
    (void)i;
    return 5;
}
static uint64_t top_byte(size_t i)
{
    (void)i;
    return dice(256) << 56 | 0xabcdef;
}
static uint64_t ends(size_t i)
{
    (void)i;
    return dice(4) << 62 | dice(3);
}
static uint64_t rising(size_t i)
{
    return i;
}
static uint64_t falling(size_t i)
{
    return UINT64_MAX - i / 3;
}
static uint64_t extremes(size_t i)
{
    return i % 2 ? UINT64_MAX : 0;
}
static uint64_t of_a_part(size_t i) /* as a part of the phone hashes: the top bits alike */
{
    (void)i;
    return 0x2aull << 58 | (any(0) >> 6);
}

Test(sort, against_qsort)
{
    uint64_t (*const keys[])(size_t) = {any, few, one, top_byte, ends, rising, falling, extremes, of_a_part};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        for (size_t count = 0; count < 140; count++)
            check(count, keys[k], 1 + dice(5));
        for (size_t big = 0; big < 4; big++)
            check(200 + dice(9000), keys[k], big % 2 ? 2 : 100000);
    }
    cr_expect_gt(compared, 1000u);
}
