/* ref_pack.c - a set of reference data as one block of bytes, and back; see ref_load.h.
 *
 *   "besikref" | version u32 | XXH3-64 of all that follows u64 | body
 *   body: options of 3 steps, regions, operators, prefixes, outages, texts; of version 2 dumps.ini: size u32, bytes
 *   list: count u32, entries      entry: number u16, active u8, code, kk, ru; of offices two addresses more
 *   string: size u16, bytes       all little endian
 *
 * What unpack makes points into its own copy of the block; nothing in the block is believed unchecked. */
#include "io/ref_set.h"

#include "engine/sys/sys.h"
#include "engine/values.h"

#include <assert.h>
#include <xxhash.h>

#define MAGIC "besikref"
#define VERSION 1u
#define VERSION_DUMPS 2u /* with dumps.ini behind the rest: an older besik must not read its dumps without it */
#define HEAD_SIZE (sizeof MAGIC - 1 + 4 + 8)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are packed as they lie in memory");

static const enum step OPTION_STEPS[] = {STEP_EDUCATION, STEP_INCOME, STEP_PRIVILEGE};

/* First it only counts (data NULL), then it writes: one description of the format serves both. */
struct packer {
    char *data;
    size_t size;
};

static void pack_bytes(struct packer *packer, const void *bytes, size_t size)
{
    if (packer->data && size)
        memcpy(packer->data + packer->size, bytes, size);
    packer->size += size;
}

static void pack_u16(struct packer *packer, uint16_t value)
{
    pack_bytes(packer, &value, sizeof value);
}

static void pack_u32(struct packer *packer, uint32_t value)
{
    pack_bytes(packer, &value, sizeof value);
}

static void pack_string(struct packer *packer, struct span text)
{
    pack_u16(packer, (uint16_t)text.size);
    pack_bytes(packer, text.data, text.size);
}

static void pack_list(struct packer *packer, const struct ref_list *list, bool addresses)
{
    pack_u32(packer, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct ref_entry *entry = &list->entries[i];
        pack_u16(packer, entry->number);
        pack_bytes(packer, &(uint8_t){entry->active}, 1);
        pack_string(packer, entry->code);
        pack_string(packer, entry->names[LANG_KK]);
        pack_string(packer, entry->names[LANG_RU]);
        if (addresses) {
            pack_string(packer, entry->addresses[LANG_KK]);
            pack_string(packer, entry->addresses[LANG_RU]);
        }
    }
}

static void pack_body(struct packer *packer, const struct ref_set *set)
{
    const struct ref *ref = &set->ref;
    for (unsigned i = 0; i < sizeof OPTION_STEPS / sizeof *OPTION_STEPS; i++)
        pack_list(packer, &ref->options[OPTION_STEPS[i]], false);
    pack_u32(packer, ref->region_count);
    for (uint32_t i = 0; i < ref->region_count; i++) {
        pack_u32(packer, ref->regions[i].code);
        pack_list(packer, &ref->regions[i].offices, true);
        pack_list(packer, &ref->regions[i].localities, false);
    }
    pack_u32(packer, ref->operator_count);
    for (uint32_t i = 0; i < ref->operator_count; i++) {
        pack_bytes(packer, &(uint8_t){ref->operators[i].active}, 1);
        pack_string(packer, ref->operators[i].code);
    }
    pack_bytes(packer, ref->prefixes, sizeof ref->prefixes);
    pack_u32(packer, ref->outage_count);
    for (uint32_t i = 0; i < ref->outage_count; i++) {
        pack_u32(packer, (uint32_t)ref->outages[i].operator);
        pack_bytes(packer, &ref->outages[i].from_ms, 8);
        pack_bytes(packer, &ref->outages[i].to_ms, 8);
    }
    pack_u32(packer, set->text_count);
    for (uint32_t i = 0; i < set->text_count; i++) {
        pack_string(packer, set->texts[i].kind);
        pack_string(packer, set->texts[i].step);
        pack_string(packer, set->texts[i].lang);
        pack_string(packer, set->texts[i].text);
    }
    if (set->dumps.size) {
        pack_u32(packer, (uint32_t)set->dumps.size);
        pack_bytes(packer, set->dumps.data, set->dumps.size);
    }
}

int ref_pack(const struct ref_set *set, char **ret_block, size_t *ret_size, struct fault *fault)
{
    struct packer packer = {.size = HEAD_SIZE};
    pack_body(&packer, set);
    packer.data = sys.alloc(packer.size);
    if (!packer.data)
        return fault_memory(fault);
    packer.size = HEAD_SIZE;
    pack_body(&packer, set);
    uint64_t sum = XXH3_64bits(packer.data + HEAD_SIZE, packer.size - HEAD_SIZE);
    struct packer head = {.data = packer.data};
    pack_bytes(&head, MAGIC, sizeof MAGIC - 1);
    pack_u32(&head, set->dumps.size ? VERSION_DUMPS : VERSION);
    pack_bytes(&head, &sum, sizeof sum);
    *ret_block = packer.data;
    *ret_size = packer.size;
    return 0;
}

struct unpacker {
    const char *at;
    size_t left;
    bool broken;
    struct ref_set *set;
    struct fault *fault;
};

static void unpack_bytes(struct unpacker *unpacker, void *ret_bytes, size_t size)
{
    if (unpacker->left < size) {
        unpacker->broken = true;
        memset(ret_bytes, 0, size);
        return;
    }
    memcpy(ret_bytes, unpacker->at, size);
    unpacker->at += size;
    unpacker->left -= size;
}

static uint32_t unpack_u32(struct unpacker *unpacker)
{
    uint32_t value;
    unpack_bytes(unpacker, &value, sizeof value);
    return value;
}

static uint16_t unpack_u16(struct unpacker *unpacker)
{
    uint16_t value;
    unpack_bytes(unpacker, &value, sizeof value);
    return value;
}

static bool unpack_bool(struct unpacker *unpacker)
{
    uint8_t value;
    unpack_bytes(unpacker, &value, sizeof value);
    if (value > 1)
        unpacker->broken = true;
    return value == 1;
}

static struct span unpack_string(struct unpacker *unpacker)
{
    size_t size = unpack_u16(unpacker);
    struct span text = {unpacker->at, size};
    if (unpacker->left < size || !value_text(text)) {
        unpacker->broken = true;
        return SPAN("");
    }
    unpacker->at += size;
    unpacker->left -= size;
    return text;
}

/* `count` things of which each takes at least `size_min` bytes of the block: a count that lies allocates
 * nothing. */
static void *unpack_array(struct unpacker *unpacker, uint32_t count, size_t size_min, size_t item_size)
{
    if (count > unpacker->left / size_min)
        unpacker->broken = true;
    return unpacker->broken ? NULL : ref_set_alloc(unpacker->set, count * item_size, unpacker->fault);
}

static int unpack_list(struct unpacker *unpacker, struct ref_list *ret_list, bool addresses)
{
    uint32_t count = unpack_u32(unpacker);
    struct ref_entry *entries = unpack_array(unpacker, count, 9, sizeof *entries);
    if (!entries)
        return -1;
    unsigned before = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct ref_entry *entry = &entries[i];
        entry->number = unpack_u16(unpacker);
        entry->active = unpack_bool(unpacker);
        entry->code = unpack_string(unpacker);
        entry->names[LANG_KK] = unpack_string(unpacker);
        entry->names[LANG_RU] = unpack_string(unpacker);
        entry->addresses[LANG_KK] = addresses ? unpack_string(unpacker) : SPAN("");
        entry->addresses[LANG_RU] = addresses ? unpack_string(unpacker) : SPAN("");
        if (entry->number <= before || entry->number > REF_NUMBER_MAX)
            unpacker->broken = true;
        if (unpacker->broken)
            return -1;
        before = entry->number;
    }
    *ret_list = (struct ref_list){entries, count};
    return 0;
}

static bool has_active(const struct ref_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->entries[i].active)
            return true;
    return false;
}

static int unpack_regions(struct unpacker *unpacker, struct ref *ref)
{
    uint32_t count = unpack_u32(unpacker);
    struct ref_region *regions = unpack_array(unpacker, count, 12, sizeof *regions);
    if (!regions)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        struct ref_region *region = &regions[i];
        region->code = unpack_u32(unpacker);
        if (region->code > 999999999 || (i > 0 && region->code <= regions[i - 1].code))
            unpacker->broken = true;
        if (unpack_list(unpacker, &region->offices, true) < 0 ||
            unpack_list(unpacker, &region->localities, false) < 0)
            return -1;
        region->active = has_active(&region->offices) && has_active(&region->localities);
    }
    ref->regions = regions;
    ref->region_count = count;
    return 0;
}

static int unpack_operators(struct unpacker *unpacker, struct ref *ref)
{
    uint32_t count = unpack_u32(unpacker);
    if (count < 1 || count > REF_OPERATORS_MAX)
        unpacker->broken = true;
    struct ref_operator *operators = unpack_array(unpacker, count, 3, sizeof *operators);
    if (!operators)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        operators[i].active = unpack_bool(unpacker);
        operators[i].code = unpack_string(unpacker);
    }
    unpack_bytes(unpacker, ref->prefixes, sizeof ref->prefixes);
    for (unsigned i = 0; i < sizeof ref->prefixes / sizeof *ref->prefixes; i++)
        if (ref->prefixes[i] >= count)
            unpacker->broken = true;
    ref->operators = operators;
    ref->operator_count = count;
    return unpacker->broken ? -1 : ref_set_rank(unpacker->set, unpacker->fault);
}

static int unpack_outages(struct unpacker *unpacker, struct ref *ref)
{
    uint32_t count = unpack_u32(unpacker);
    struct ref_outage *outages = unpack_array(unpacker, count, 20, sizeof *outages);
    if (!outages)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        int32_t id = (int32_t)unpack_u32(unpacker);
        outages[i] = (struct ref_outage){id, 0, 0};
        unpack_bytes(unpacker, &outages[i].from_ms, 8);
        unpack_bytes(unpacker, &outages[i].to_ms, 8);
        if (id < -1 || id >= (int32_t)ref->operator_count)
            unpacker->broken = true;
    }
    ref->outages = outages;
    ref->outage_count = count;
    return unpacker->broken ? -1 : 0;
}

static int unpack_texts(struct unpacker *unpacker)
{
    uint32_t count = unpack_u32(unpacker);
    struct ref_text *texts = unpack_array(unpacker, count, 8, sizeof *texts);
    if (!texts)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        texts[i].kind = unpack_string(unpacker);
        texts[i].step = unpack_string(unpacker);
        texts[i].lang = unpack_string(unpacker);
        texts[i].text = unpack_string(unpacker);
    }
    unpacker->set->texts = texts;
    unpacker->set->text_count = count;
    return unpacker->broken ? -1 : 0;
}

static void unpack_dumps(struct unpacker *unpacker)
{
    size_t size = unpack_u32(unpacker);
    if (unpacker->left < size || !size) {
        unpacker->broken = true;
        return;
    }
    unpacker->set->dumps = (struct span){unpacker->at, size};
    unpacker->at += size;
    unpacker->left -= size;
}

static int unpack_body(struct unpacker *unpacker, bool with_dumps)
{
    struct ref *ref = &unpacker->set->ref;
    for (unsigned i = 0; i < sizeof OPTION_STEPS / sizeof *OPTION_STEPS; i++)
        if (unpack_list(unpacker, &ref->options[OPTION_STEPS[i]], false) < 0)
            return -1;
    if (unpack_regions(unpacker, ref) < 0 || unpack_operators(unpacker, ref) < 0 ||
        unpack_outages(unpacker, ref) < 0 || unpack_texts(unpacker) < 0)
        return -1;
    if (with_dumps)
        unpack_dumps(unpacker);
    return unpacker->left || unpacker->broken ? -1 : 0;
}

int ref_unpack(struct ref_set **ret_set, const char *block, size_t size, struct fault *fault)
{
    uint32_t version = 0;
    uint64_t sum = 0;
    if (size < HEAD_SIZE || memcmp(block, MAGIC, sizeof MAGIC - 1) != 0)
        return fault_set(fault, FAULT_INPUT, "the store's reference data is damaged");
    memcpy(&version, block + sizeof MAGIC - 1, sizeof version);
    memcpy(&sum, block + sizeof MAGIC - 1 + sizeof version, sizeof sum);
    if (version != VERSION && version != VERSION_DUMPS)
        return fault_set(fault, FAULT_FAILED, "the store's reference data has format %u, this besik reads %u",
                         version, VERSION_DUMPS);
    if (XXH3_64bits(block + HEAD_SIZE, size - HEAD_SIZE) != sum)
        return fault_set(fault, FAULT_INPUT, "the store's reference data is damaged");
    struct ref_set *set;
    if (ref_set_open(&set, fault) < 0)
        return -1;
    char *copy = ref_set_alloc(set, size - HEAD_SIZE, fault);
    struct unpacker unpacker = {.at = copy, .left = size - HEAD_SIZE, .set = set, .fault = fault};
    if (copy)
        memcpy(copy, block + HEAD_SIZE, size - HEAD_SIZE);
    if (!copy || unpack_body(&unpacker, version == VERSION_DUMPS) < 0) {
        ref_free(set);
        return fault_set(fault, FAULT_FAILED,
                         "the store's reference data is damaged"); /* unless memory ran out before */
    }
    *ret_set = set;
    return 0;
}
