/* phone_load.c - see phone_load.h. */
#include "tools/phone_load.h"

#include "io/sys.h"

int phone_damaged(struct fault *fault)
{
    return fault_set(fault, FAULT_INPUT, "store: a phone's record is damaged; restore the store from a backup");
}

int phone_load(struct phone *phone, struct span record, struct fault *fault)
{
    uint32_t cases, sms, marks;
    if (!phone_measure(record, &cases, &sms, &marks))
        return phone_damaged(fault);
    struct {
        void **list;
        uint32_t *capacity;
        uint32_t need;
        size_t size;
    } lists[] = {{(void **)&phone->cases, &phone->case_capacity, cases, sizeof *phone->cases},
                 {(void **)&phone->sms, &phone->sms_capacity, sms, sizeof *phone->sms},
                 {(void **)&phone->marks, &phone->mark_capacity, marks, sizeof *phone->marks}};
    for (unsigned i = 0; i < 3; i++) {
        if (lists[i].need <= *lists[i].capacity)
            continue;
        void *grown = sys.realloc(*lists[i].list, (size_t)lists[i].need * 2 * lists[i].size);
        if (!grown)
            return fault_memory(fault);
        *lists[i].list = grown;
        *lists[i].capacity = lists[i].need * 2;
    }
    return phone_decode(phone, record) ? 0 : phone_damaged(fault);
}

void phone_unload(struct phone *phone)
{
    sys.free(phone->cases);
    sys.free(phone->sms);
    sys.free(phone->marks);
}
