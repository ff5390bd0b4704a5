/* flaws.c - see flaws.h. */
#include "io/flaws.h"

#include "engine/sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flaw {
    char *name, *text; /* in one block, which begins with the name */
};

int flaws_add(struct flaws *flaws, const char *name, const char *text, struct fault *fault)
{
    size_t name_size = strlen(name) + 1, text_size = strlen(text) + 1;
    char *block = sys.alloc(name_size + text_size);
    if (!block)
        return fault_memory(fault);
    struct flaw flaw = {memcpy(block, name, name_size), memcpy(block + name_size, text, text_size)};
    if (buffer_add(&flaws->items, &flaw, sizeof flaw, fault) == 0)
        return 0;
    sys.free(block);
    return -1;
}

bool flaws_any(const struct flaws *flaws)
{
    return flaws->items.size > 0;
}

static int flaw_order(const void *a, const void *b)
{
    const struct flaw *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->text, y->text);
}

int flaws_tell(struct flaws *flaws, struct fault *fault)
{
    char what[80] = "mend it, have it sent again, or leave it out";
    struct flaw *items = (struct flaw *)flaws->items.data;
    size_t count = flaws->items.size / sizeof *items, told = 0;
    if (!count)
        return 0;
    qsort(items, count, sizeof *items, flaw_order);
    for (size_t i = 0; i < count; i++) {
        if (i && flaw_order(&items[i - 1], &items[i]) == 0)
            continue;
        told++;
        fault_add(fault, FAULT_INPUT, "%s", items[i].text);
    }
    if (told > 1)
        snprintf(what, sizeof what, "mend these %zu files, have them sent again, or leave them out", told);
    return fault_end(fault, what);
}

void flaws_free(struct flaws *flaws)
{
    struct flaw *items = (struct flaw *)flaws->items.data;
    for (size_t i = 0; i < flaws->items.size / sizeof *items; i++)
        sys.free(items[i].name);
    buffer_free(&flaws->items);
}
