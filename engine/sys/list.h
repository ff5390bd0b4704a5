/* list.h - lists that grow, of items of one size. Room: engine/sys.  Thread: one at a time. */
#ifndef ENGINE_SYS_LIST_H
#define ENGINE_SYS_LIST_H

#include "engine/fault.h"
#include "engine/sys/sys.h"

#include <errno.h>

/* Room for `need` items in all in *items, whose capacity (64, or a power of two times what it began with) never shrinks; NULL and 0 is an
 * empty one, and sys.free is its end. Items move when it grows. -1 with the fault: no memory, and the list is as it was. */
#define list_grow(items, capacity, need, fault) list_widen((void **)(items), capacity, need, sizeof **(items), fault)

static inline int list_widen(void **items, uint32_t *capacity, uint64_t need, size_t item_size, struct fault *fault)
{
    uint64_t wanted = *capacity ? *capacity : 64;
    if (need <= *capacity)
        return 0;
    while (wanted < need)
        wanted *= 2;
    errno = ENOMEM;
    void *grown = wanted > UINT32_MAX ? NULL : sys.realloc(*items, wanted * item_size);
    if (!grown)
        return fault_memory(fault);
    *items = grown;
    *capacity = (uint32_t)wanted;
    return 0;
}

#endif
