/* fresh_fault.h - a fault for one call: struct fault is large, and clearing all of its text takes most of the time of an input. */
#ifndef FUZZ_FRESH_FAULT_H
#define FUZZ_FRESH_FAULT_H

#include "engine/fault.h"

/* Empty; the same one for all, until the next call. */
static inline struct fault *fresh_fault(void)
{
    static struct fault fault;
    fault.code = FAULT_NONE;
    fault.text[0] = '\0';
    return &fault;
}

#endif
