/* ref.c - look-ups in the reference data; see ref.h. */
#include "engine/ref.h"

#include "engine/flow.h"

const struct ref_entry *ref_find(const struct ref_list *list, unsigned number)
{
    /* most lists are 1, 2, 3 … without a gap */
    if (number >= 1 && number <= list->count && list->entries[number - 1].number == number)
        return &list->entries[number - 1];
    uint32_t low = 0, high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->entries[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->count && list->entries[low].number == number ? &list->entries[low] : NULL;
}

struct span ref_code(const struct ref_list *list, unsigned number)
{
    const struct ref_entry *entry = list ? ref_find(list, number) : NULL;
    return entry ? entry->code : (struct span){"", 0};
}

const struct ref_region *ref_region(const struct ref *ref, uint32_t code)
{
    uint32_t low = 0, high = ref->region_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ref->regions[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ref->region_count && ref->regions[low].code == code ? &ref->regions[low] : NULL;
}

const struct ref_list *ref_choices(const struct ref *ref, enum step step, uint32_t region_code)
{
    if (!step_is_choice(step))
        return NULL;
    if (step != STEP_OFFICE && step != STEP_LOCALITY) /* the same in all regions */
        return &ref->options[step];
    const struct ref_region *region = ref_region(ref, region_code);
    if (!region)
        return NULL;
    return step == STEP_OFFICE ? &region->offices : &region->localities;
}

int ref_operator(const struct ref *ref, struct span code)
{
    /* one by one: a country has a handful of operators */
    for (uint32_t i = REF_OPERATOR_OTHER + 1; i < ref->operator_count; i++)
        if (span_equal(ref->operators[i].code, code))
            return ref->operators[i].active ? (int)i : -1;
    return -1;
}

uint16_t ref_prefix_operator(const struct ref *ref, uint32_t phone)
{
    /* 77 01 …: the prefix is the second 7 and two of the nine digits */
    return ref->prefixes[700 + phone / 10000000 % 100];
}

static inline bool outage_is_of(const struct ref_outage *outage, uint16_t operator)
{
    return outage->operator == -1 || outage->operator == operator;
}

int64_t ref_outage_ms(const struct ref *ref, uint16_t operator, int64_t from_ms, int64_t to_ms)
{
    /* From boundary to boundary: where an outage is on, go to the latest end of those that are (what overlaps
     * is passed once); else to the next beginning. Each step ends an outage's say, and there are few. */
    int64_t sum_ms = 0, at_ms = from_ms;
    while (at_ms < to_ms) {
        int64_t end_ms = at_ms, next_ms = to_ms;
        for (uint32_t i = 0; i < ref->outage_count; i++) {
            const struct ref_outage *outage = &ref->outages[i];
            if (!outage_is_of(outage, operator))
                continue;
            if (outage->from_ms > at_ms) {
                if (outage->from_ms < next_ms)
                    next_ms = outage->from_ms;
            } else if (outage->to_ms > end_ms) {
                end_ms = outage->to_ms;
            }
        }
        if (end_ms > to_ms)
            end_ms = to_ms;
        sum_ms += end_ms - at_ms;
        at_ms = end_ms > at_ms ? end_ms : next_ms;
    }
    return sum_ms;
}

bool ref_outage_on(const struct ref *ref, uint16_t operator, int64_t at_ms)
{
    for (uint32_t i = 0; i < ref->outage_count; i++) {
        const struct ref_outage *outage = &ref->outages[i];
        if (outage_is_of(outage, operator) && outage->from_ms <= at_ms && at_ms < outage->to_ms)
            return true;
    }
    return false;
}
