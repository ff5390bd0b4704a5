#include "tools/capacity.h"
int capacity_write_page(const struct capacity *capacity, struct fault *fault)
{
    (void)capacity;
    return fault_set(fault, FAULT_FAILED, "no page yet");
}
