/* texts_cache.c - see texts_cache.h: open addressing, the next slot where one is taken. */
#include "io/texts_cache.h"

#include "engine/sys/sys.h"
#include "engine/values.h"

bool texts_key_of(const struct text_facts *facts, struct texts_key *ret_key)
{
    uint64_t what = 1 | (uint64_t)facts->kind << 1 | (uint64_t)facts->lang << 4, where = 0;
    if (facts->kind == SMS_INFO) {
        if (facts->place.size || facts->queue_number.size || facts->amount.size || facts->agency_reason.size)
            return false;
        what |= (uint64_t)facts->info << 8;
        if (facts->office)
            where = (uint64_t)facts->region << 32 | facts->office;
    } else {
        if (facts->step == STEP_ACCOUNT && facts->account.size)
            return false;
        what |= (uint64_t)facts->step << 8 | (uint64_t)facts->slot << 16;
        if (facts->step == STEP_ORDER)
            what |= (uint64_t)facts->child_order << 24;
        if (facts->kind == SMS_CORRECTION)
            what |= (uint64_t)facts->reason << 32 | (uint64_t)facts->form << 40;
        if (facts->step == STEP_OFFICE || facts->step == STEP_LOCALITY)
            where = (uint64_t)facts->region << 32;
        if (facts->kind == SMS_REMINDER)
            where |= (uint32_t)value_day_of(facts->ends_at_ms);
    }
    *ret_key = (struct texts_key){what, where};
    return true;
}

int texts_cache_open(struct texts_cache *cache, struct fault *fault)
{
    cache->slots = sys.alloc(TEXTS_CACHE_SLOTS * sizeof *cache->slots);
    if (!cache->slots)
        return fault_memory(fault);
    memset(cache->slots, 0, TEXTS_CACHE_SLOTS * sizeof *cache->slots);
    return 0;
}

static void empty(struct texts_cache *cache)
{
    for (size_t i = 0; i < TEXTS_CACHE_SLOTS; i++) {
        sys.free(cache->slots[i].block);
        cache->slots[i] = (struct texts_cached){0};
    }
    cache->count = cache->bytes = 0;
}

void texts_cache_close(struct texts_cache *cache)
{
    if (cache->slots)
        empty(cache);
    sys.free(cache->slots);
}

/* The key's slot, or the free one where it belongs. */
static struct texts_cached *slot_of(const struct texts_cache *cache, struct texts_key key)
{
    uint64_t hash = (key.what * 0x9e3779b97f4a7c15u) ^ (key.where * 0xc2b2ae3d27d4eb4fu);
    for (size_t at = (hash ^ hash >> 32) % TEXTS_CACHE_SLOTS;; at = (at + 1) % TEXTS_CACHE_SLOTS) {
        struct texts_cached *slot = &cache->slots[at];
        if (!slot->key.what || (slot->key.what == key.what && slot->key.where == key.where))
            return slot;
    }
}

static void point_to(const struct texts_cached *slot, struct text_result *ret_result)
{
    ret_result->text = (struct span){slot->block, slot->text_size};
    ret_result->quoted = (struct span){slot->block + slot->text_size, slot->quoted_size};
    ret_result->segments = slot->segments;
}

bool texts_cache_find(const struct texts_cache *cache, struct texts_key key, struct text_result *ret_result)
{
    const struct texts_cached *slot = slot_of(cache, key);
    if (!slot->key.what)
        return false;
    point_to(slot, ret_result);
    return true;
}

int texts_cache_keep(struct texts_cache *cache, struct texts_key key, struct text_result *result,
                     struct fault *fault)
{
    size_t size = result->text.size + result->quoted.size;
    if (cache->count >= TEXTS_CACHE_SLOTS / 2 || (cache->bytes && cache->bytes + size > TEXTS_CACHE_BYTES))
        empty(cache);
    char *block = sys.alloc(size + 1);
    if (!block)
        return fault_memory(fault);
    memcpy(block, result->text.data, result->text.size);
    memcpy(block + result->text.size, result->quoted.data, result->quoted.size);
    struct texts_cached *slot = slot_of(cache, key);
    *slot = (struct texts_cached){key, block, (uint32_t)result->text.size, (uint32_t)result->quoted.size,
                                  result->segments};
    cache->count++;
    cache->bytes += size;
    point_to(slot, result);
    return 0;
}
