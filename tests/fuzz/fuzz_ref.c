/* fuzz_ref.c - a folder of reference data, one of its files hostile, and the packed form of a set, spoiled: refused with each
 * fault named, or a sound set that packs, unpacks, and as an update of itself is the same.
 *
 * The input: which file; 1 it replaces the sound one, else it goes behind it, 2 it comes as an update of the sound set, 4 the
 * packed set is spoiled instead; the bytes. */
#include "fake_ref.h"

#include "engine/values.h"
#include "fresh_fault.h"
#include "io/texts.h"

#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sound_list(const struct ref_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct ref_entry *entry = &list->entries[i];
        CHECK(entry->number >= 1 && entry->number <= REF_NUMBER_MAX && (!i || entry->number > entry[-1].number));
        CHECK(ref_find(list, entry->number) == entry && value_text(entry->code) && value_text(entry->names[LANG_KK]));
    }
}

static void sound(const struct ref_set *set)
{
    const struct ref *ref = ref_of(set);
    uint32_t texts;
    for (unsigned step = 0; step < STEP_COUNT; step++)
        sound_list(&ref->options[step]);
    for (uint32_t i = 0; i < ref->region_count; i++) {
        CHECK(ref_region(ref, ref->regions[i].code) == &ref->regions[i]);
        sound_list(&ref->regions[i].offices);
        sound_list(&ref->regions[i].localities);
    }
    CHECK(ref->operator_count >= 1 && ref->operator_count <= REF_OPERATORS_MAX);
    for (uint32_t i = 0; i < ref->operator_count; i++)
        CHECK(ref->operator_ranks[i] < ref->operator_count);
    for (unsigned i = 0; i < 1000; i++)
        CHECK(ref->prefixes[i] < ref->operator_count);
    for (uint32_t i = 0; i < ref->outage_count; i++)
        CHECK(ref->outages[i].operator >= -1 && ref->outages[i].operator < (int32_t)ref->operator_count);
    (void)ref_outage_ms(ref, 0, 1700000000000, 1800000000000);
    const struct ref_text *text = ref_texts(set, &texts);
    for (uint32_t i = 0; i < texts; i++)
        CHECK(value_text(text[i].text));
}

static void pack(const struct ref_set *set, char **ret_block, size_t *ret_size)
{
    struct fault *fault = fresh_fault();
    CHECK(ref_pack(set, ret_block, ret_size, fault) == 0);
}

static void same(const struct ref_set *a, const struct ref_set *b)
{
    char *block_a, *block_b;
    size_t size_a, size_b;
    pack(a, &block_a, &size_a);
    pack(b, &block_b, &size_b);
    CHECK(size_a == size_b && memcmp(block_a, block_b, size_a) == 0 && ref_same_clock(a, b));
    sys.free(block_a);
    sys.free(block_b);
}

static void there_and_back(const struct ref_set *set)
{
    struct fault *fault = fresh_fault();
    struct ref_set *again;
    char *block;
    size_t size;
    sound(set);
    pack(set, &block, &size);
    CHECK(ref_unpack(&again, block, size, fault) == 0);
    sys.free(block);
    sound(again);
    same(set, again);
    ref_free(again);
    CHECK(ref_load(&again, FAKE_DIR, set, fault) == 0);
    same(set, again);
    ref_free(again);
}

#define BODY 20 /* behind magic, version and the checksum of the body */

/* Three bytes a change, then the inner checksum is put right. */
static void spoil(const struct ref_set *base, const uint8_t *data, size_t size)
{
    struct fault *fault = fresh_fault();
    struct ref_set *set;
    char *block;
    size_t block_size;
    pack(base, &block, &block_size);
    char *own = malloc(block_size);
    memcpy(own, block, block_size);
    sys.free(block);
    for (; size >= 3; data += 3, size -= 3)
        own[BODY + ((size_t)data[0] | (size_t)data[1] << 8) % (block_size - BODY)] ^= (char)data[2];
    uint64_t sum = XXH3_64bits(own + BODY, block_size - BODY);
    memcpy(own + BODY - 8, &sum, 8);
    if (ref_unpack(&set, own, block_size, fault) == 0) {
        sound(set);
        ref_free(set);
    } else {
        CHECK(fault->text[0]);
    }
    free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ref_set *base;
    struct fault *fault = fresh_fault();
    fake_folder();
    if (!base)
        CHECK(ref_load(&base, FAKE_DIR, NULL, fault) == 0);
    if (size < 2 || size > 4096)
        return 0;
    unsigned which = data[0] % FAKE_FILES, how = data[1];
    if (how & 4) {
        spoil(base, data + 2, size - 2);
        return 0;
    }
    size_t before = how & 1 || !FAKE_BASE[which] ? 0 : strlen(FAKE_BASE[which]);
    char *file = malloc(before + size - 2 + 1);
    if (before)
        memcpy(file, FAKE_BASE[which], before);
    memcpy(file + before, data + 2, size - 2);
    fake_file(which, FAKE_NAMES[which], (struct span){file, before + size - 2});
    struct ref_set *set;
    if (ref_load(&set, FAKE_DIR, how & 2 ? base : NULL, fault) == 0) {
        there_and_back(set);
        ref_free(set);
    } else {
        CHECK(fault->code == FAULT_INPUT && strncmp(fault->text, FAKE_DIR "/", sizeof FAKE_DIR) == 0);
    }
    free(file);
    return 0;
}
