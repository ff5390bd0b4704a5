/* test_list.c - lists that grow: by doubling, with what is in them, and not at all where there is no memory. */
#include "engine/sys/list.h"

#include <criterion/criterion.h>

static void *no_memory(void *block, size_t size)
{
    (void)block, (void)size;
    return NULL;
}

Test(list, grows)
{
    static const struct {
        uint32_t need, capacity;
    } STEPS[] = {{0, 0}, {1, 64}, {64, 64}, {65, 128}, {3, 128}, {1000, 1024}, {1025, 2048}};
    struct item {
        uint64_t number;
        char more[5];
    } *items = NULL;
    uint32_t capacity = 0, count = 0;
    struct fault fault = {0};
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        cr_assert_eq(list_grow(&items, &capacity, STEPS[i].need, &fault), 0);
        cr_expect_eq(capacity, STEPS[i].capacity, "%u: %u", STEPS[i].need, capacity);
        for (; count < capacity; count++)
            items[count] = (struct item){count, "item"};
    }
    for (uint32_t i = 0; i < count; i++)
        cr_assert(items[i].number == i && items[i].more[4] == 0);

    const struct item *before = items;
    void *(*real)(void *, size_t) = sys.realloc;
    for (int none = 0; none < 2; none++) { /* no memory, and more than a list may have */
        sys.realloc = none ? no_memory : real;
        fault = (struct fault){0};
        cr_expect_eq(list_grow(&items, &capacity, none ? capacity + 1ull : 1ull << 32, &fault), -1);
        cr_expect_eq(fault.code, FAULT_FAILED);
        cr_expect_not_null(strstr(fault.text, "memory"), "%s", fault.text);
        cr_expect(items == before && capacity == 2048 && items[2047].number == 2047);
    }
    sys.free(items);
}
