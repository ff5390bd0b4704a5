/* phone_load.c - see phone_load.h. */
#include "tools/phone_load.h"

#include "engine/sys/list.h"
#include "engine/sys/sys.h"
#include "engine/values.h"

int phone_damaged(struct fault *fault)
{
    return fault_set(fault, FAULT_INPUT, "store: a phone's record is damaged; restore the store from a backup");
}

int phone_load(struct phone *phone, struct span record, struct fault *fault)
{
    uint32_t cases, sms, marks;
    if (!phone_measure(record, &cases, &sms, &marks))
        return phone_damaged(fault);
    if (list_grow(&phone->cases, &phone->case_capacity, cases, fault) || list_grow(&phone->sms, &phone->sms_capacity, sms, fault) ||
        list_grow(&phone->marks, &phone->mark_capacity, marks, fault))
        return -1;
    return phone_decode(phone, record) ? 0 : phone_damaged(fault);
}

int phone_find(struct phone *phone, struct segment_view *open, struct segment_view *closed, uint32_t number, bool *ret_open,
               struct fault *fault)
{
    uint64_t hash = value_phone_hash(number);
    struct span record;
    int there = segment_find(open, hash, number, &record, fault);
    if (ret_open)
        *ret_open = there > 0;
    if (there == 0)
        there = segment_find(closed, hash, number, &record, fault);
    return there > 0 && phone_load(phone, record, fault) ? -1 : there;
}

void phone_unload(struct phone *phone)
{
    sys.free(phone->cases);
    sys.free(phone->sms);
    sys.free(phone->marks);
}
