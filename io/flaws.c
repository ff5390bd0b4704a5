/* flaws.c - see flaws.h. */
#include "io/flaws.h"

#include "engine/sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int flaws_add(struct flaws *flaws, const char *name, const char *text, struct fault *fault)
{
    if (flaws->count == flaws->capacity) {
        uint32_t capacity = flaws->capacity ? flaws->capacity * 2 : 16;
        struct flaw *items = sys.realloc(flaws->items, capacity * sizeof *items);
        if (!items)
            return fault_memory(fault);
        flaws->items = items;
        flaws->capacity = capacity;
    }
    size_t name_size = strlen(name) + 1, text_size = strlen(text) + 1;
    char *block = sys.alloc(name_size + text_size);
    if (!block)
        return fault_memory(fault);
    flaws->items[flaws->count++] = (struct flaw){memcpy(block, name, name_size), memcpy(block + name_size, text, text_size)};
    return 0;
}

static int flaw_order(const void *a, const void *b)
{
    const struct flaw *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->text, y->text);
}

int flaws_tell(const struct flaws *a, const struct flaws *b, struct fault *fault)
{
    char what[80] = "mend it, have it sent again, or leave it out";
    size_t count = 0, told = 0, most = (size_t)(a ? a->count : 0) + (b ? b->count : 0);
    const struct flaws *both[] = {a, b};
    if (!most)
        return 0;
    struct flaw *all = sys.alloc(most * sizeof *all);
    if (!all)
        return fault_memory(fault);
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t j = 0; both[i] && j < both[i]->count; j++)
            all[count++] = both[i]->items[j];
    qsort(all, count, sizeof *all, flaw_order);
    for (size_t i = 0; i < count; i++) {
        if (i && flaw_order(&all[i - 1], &all[i]) == 0)
            continue;
        told++;
        fault_add(fault, FAULT_INPUT, "%s", all[i].text);
    }
    sys.free(all);
    if (told > 1)
        snprintf(what, sizeof what, "mend these %zu files, have them sent again, or leave them out", told);
    return fault_end(fault, what);
}

void flaws_free(struct flaws *flaws)
{
    for (uint32_t i = 0; i < flaws->count; i++)
        sys.free(flaws->items[i].name);
    sys.free(flaws->items);
    *flaws = (struct flaws){0};
}
