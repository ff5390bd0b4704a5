/* run_room.c - room for the engine's lists: it allocates nothing itself, and is given what it lacks between two events. See
 * engine/apply.h (apply_tight). */
#include "tools/run_phones.h"

#include "tools/phone_load.h"

#include "engine/sys/list.h"
#include "engine/values.h"

static int widen_marks(struct apply *apply, uint32_t need, struct fault *fault)
{
    struct phone *phone = &apply->phone;
    if (need <= phone->mark_capacity) /* the index is as wide */
        return 0;
    if (list_grow(&phone->marks, &phone->mark_capacity, need, fault))
        return -1;
    size_t size = (size_t)phone->mark_capacity * 4 * sizeof *apply->mark_index;
    uint32_t *index = sys.realloc(apply->mark_index, size);
    if (!index)
        return fault_memory(fault);
    apply->mark_index = index;
    return 0;
}

static int widen_list(struct apply *apply, enum apply_list list, uint32_t need, struct fault *fault)
{
    struct phone *phone = &apply->phone;
#define WIDEN(of) list_grow(&(of).items, &(of).capacity, need, fault)
    switch (list) {
    case LIST_CASES:
        return list_grow(&phone->cases, &phone->case_capacity, need, fault);
    case LIST_SMS:
        return list_grow(&phone->sms, &phone->sms_capacity, need, fault);
    case LIST_MARKS:
        return widen_marks(apply, need, fault);
    case LIST_VERDICTS:
        return WIDEN(apply->verdicts);
    case LIST_MADE:
        return WIDEN(apply->made);
    case LIST_FOUND:
        return WIDEN(apply->found);
    case LIST_HISTORY:
        return WIDEN(apply->history);
    case LIST_AWAITED:
        return WIDEN(apply->awaited);
    case LIST_HEARD:
        return WIDEN(apply->heard);
    case LIST_WAITING:
        return WIDEN(apply->waiting);
    case LIST_BYTES: /* next_bytes */
    case LIST_COUNT:
        break;
    }
#undef WIDEN
    return 0;
}

/* Names point into `bytes`, so it must not move: a full block is set aside until the phone is done. */
static int next_bytes(struct run_worker *worker, uint32_t need, struct fault *fault)
{
    struct apply *apply = &worker->apply;
    if (apply->bytes.count && buffer_add(&worker->retired, &apply->bytes.items, sizeof apply->bytes.items, fault))
        return -1;
    if (apply->bytes.count)
        apply->bytes.items = NULL;
    apply->bytes.count = apply->bytes.capacity = 0;
    return list_grow(&apply->bytes.items, &apply->bytes.capacity, need, fault);
}

void run_room_for_phone(struct phones *phones)
{
    struct run_worker *worker = phones->worker;
    char **blocks = (char **)worker->retired.data;
    for (size_t i = 0; i < worker->retired.size / sizeof *blocks; i++)
        sys.free(blocks[i]);
    buffer_clear(&worker->retired);
}

int run_room_for_event(struct phones *phones)
{
    struct run_worker *worker = phones->worker;
    uint32_t need;
    for (enum apply_list list; (list = apply_tight(&worker->apply, &need)) != LIST_COUNT;)
        if (list == LIST_BYTES ? next_bytes(worker, 4 * (VALUE_NAME_MAX + 64), phones->fault)
                               : widen_list(&worker->apply, list, need, phones->fault))
            return -1;
    return 0;
}

int run_room_for_record(struct phones *phones, struct span record)
{
    struct apply *apply = &phones->worker->apply;
    uint32_t cases, sms, marks;
    if (!phone_measure(record, &cases, &sms, &marks))
        return phone_damaged(phones->fault);
    return widen_list(apply, LIST_CASES, cases, phones->fault) || widen_list(apply, LIST_SMS, sms, phones->fault) ||
                   widen_list(apply, LIST_MARKS, marks, phones->fault)
               ? -1
               : 0;
}
