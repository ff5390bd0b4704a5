/* fuzz_store.c - a store's small values and its sweeping: settings, state, reference data, the folder that is to appear, a run and
 * the keys of all tables, spoiled but with right checksums, are refused or are what the rest of besik takes for granted.
 *
 * The input: how many changes; the changes (fake_spoil); then keys: a table, a size, bytes. */
#include "store/store.c"
#include "store/store_sweep.c"

#include "io/ref_set.h"
#include "store/merge.h"

#include "big_blocks.h"
#include "fake_db.h"
#include "fresh_fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span reference; /* packed */
#define RUN 7
static const struct run_row RUN_ROW = {.as_of_ms = 1 << 20};
static const struct publish_place PLACE = {"/srv/out", "night", ".night.besik-7.tmp"};

static void make_reference(void)
{
    struct ref_set *set;
    struct fault *fault = fresh_fault();
    char *block;
    CHECK(ref_set_open(&set, fault) == 0);
    set->ref.operators = (const struct ref_operator[]){{SPAN("other"), true}, {SPAN("kcell"), true}};
    set->ref.operator_count = 2;
    CHECK(ref_pack(set, &block, &reference.size, fault) == 0);
    reference.data = block;
    ref_free(set);
}

static void make_values(unsigned run)
{
    static struct state *state;
    size_t state_size = sizeof *state + 2 * sizeof *state->operators;
    struct store_row row = {.format = STORE_FORMAT, .shards = 64, .key_sum = key_sum((const uint8_t[STORE_KEY_SIZE]){0})};
    struct settings settings;
    store_default_settings(&settings);
    if (!state)
        state = malloc(state_size);
    memset(state, 0, state_size);
    state->run = run % 8, state->next_segment = 9, state->operator_count = 2;
    state->as_of_ms = state->due_until_ms = 1 << 20;
    for (unsigned i = 0; i < SEGMENTED_COUNT; i++) {
        state->segment_counts[i] = run % 5;
        for (uint32_t k = 0; k < state->segment_counts[i]; k++)
            state->segments[i][k] = (struct segment){.number = k + 1, .entries = 3, .bytes = 100 * (k + 1)};
        state->merge_counts[i] = state->segment_counts[i] > 2;
        state->merges[i][0] = (struct merge){.first = 1, .inputs = 2, .output = {.number = 7}};
    }
    fake_add(META(KEY_STORE), &row, sizeof row);
    fake_add(META(KEY_SETTINGS), &settings, sizeof settings);
    fake_add(META(KEY_STATE), state, state_size);
    fake_add(META(KEY_REF), reference.data, reference.size);
    if (run & 0x80)
        fake_add(UNFINISHED, "1", 1);
    size_t cut = run >> 5 & 1;
    if (run & 0x40)
        fake_add(META(KEY_PENDING), &PLACE, sizeof PLACE - cut);
    uint8_t key[4];
    db_put_u32(key, RUN);
    fake_add(TABLE_RUNS, key, sizeof key, &RUN_ROW, sizeof RUN_ROW - cut);
}

static void look_at_run(const struct store *store, bool whole)
{
    struct fault *fault = fresh_fault();
    struct run_row row;
    CHECK(store_get_run(store, RUN + 1, &row, fault) == 1);
    CHECK(store_get_run(store, RUN, &row, fault) == (whole ? 0 : -1));
    CHECK(!whole == (fault->text[0] != 0));
}

/* Its rename stays within the parent. */
static void look_at_pending(const struct store *store)
{
    static struct publish_place place;
    struct fault *fault = fresh_fault();
    memset(&place, 'x', sizeof place);
    int there = get_pending(store, NULL, &place, fault);
    CHECK(there >= 0 || fault->text[0]);
    if (there)
        return;
    CHECK(strnlen(place.parent, sizeof place.parent) < sizeof place.parent && place.parent[0] == '/');
    CHECK(strnlen(place.name, sizeof place.name) < sizeof place.name && !strchr(place.name, '/') && place.name[0]);
    CHECK(strnlen(place.hidden, sizeof place.hidden) < sizeof place.hidden && !strchr(place.hidden, '/'));
    CHECK(place.hidden[0] == '.' && strcmp(place.name, "..") != 0 && strcmp(place.hidden, "..") != 0);
}

static void add_keys(const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < 24 && size >= 2; i++) {
        static const uint8_t SIZES[] = {12, 16, 18, 4};
        unsigned table = TABLE_RUNS + data[0] % (TABLE_COUNT - TABLE_RUNS);
        size_t key_size = data[1] < 240 ? SIZES[data[1] % 4] : 1u + data[1] % 64;
        data += 2, size -= 2;
        uint8_t key[64] = {0};
        size_t given = key_size < size ? key_size : size;
        memcpy(key, data, given);
        data += given, size -= given;
        fake_add(table, key, key_size, key, i);
    }
}

/* What runs take for granted of a store that was opened. */
static void sound(const struct store *store)
{
    struct state *state = malloc(store_state_size(store->state));
    memcpy(state, store->state, store_state_size(store->state));
    CHECK(store->settings.shards && !(store->settings.shards & (store->settings.shards - 1)) && store->settings.shards <= 1024);
    CHECK(state->operator_count <= REF_OPERATORS_MAX);
    for (unsigned i = 0; i < SEGMENTED_COUNT; i++) {
        CHECK(state->segment_counts[i] <= STORE_SEGMENTS_MAX && state->merge_counts[i] <= STORE_MERGES_MAX);
        merge_begin(state, i, state->segment_counts[i], 0);
        CHECK(state->merge_counts[i] <= STORE_MERGES_MAX);
        for (uint32_t k = state->merge_counts[i]; k-- > 0;)
            CHECK(merge_place(state, i, &state->merges[i][k]) < state->segment_counts[i]);
    }
    free(state);
}

/* What io makes of the reference data, as open_store has it made. */
static void look_at_ref(const struct store *store)
{
    struct fault *fault = fresh_fault();
    struct ref_set *set = NULL;
    struct span packed;
    int there = store_get_ref(store, NULL, &packed, fault);
    if (there == 0 && ref_unpack(&set, packed.data, packed.size, fault) == 0)
        CHECK(ref_of(set)->operator_count >= 1);
    else
        CHECK(there > 0 || fault->text[0]);
    ref_free(set);
}

static void sweep_all(struct store *store)
{
    struct db_writer writer = {.db = &store->db, .limit = SIZE_MAX};
    struct fault *fault = fresh_fault();
    if (store_sweep(store, &writer, fault)) {
        CHECK(fault->text[0]);
        return;
    }
    for (unsigned i = 0; i < fake_count; i++) /* what is left of segments is alive; a short key of zeros lies before all */
        for (size_t k = 0; k < sizeof SEGMENTED / sizeof *SEGMENTED; k++)
            CHECK(fake_values[i].table != SEGMENTED[k].table || fake_values[i].key_size < 12 ||
                  segment_is_live(store->state, SEGMENTED[k].segmented, db_get_u32(fake_values[i].key)));
    unsigned left = fake_count;
    CHECK(store_sweep(store, &writer, fault) == 0 && fake_count == left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    keep_big_blocks();
    if (!reference.data)
        make_reference();
    if (size < 2)
        return 0;
    struct store store = {.lock_fd = -1};
    struct fault *fault = fresh_fault();
    fake_open(&store.db);
    uint8_t how = data[0];
    make_values(how);
    size_t changes = (size_t)data[1] % 8 * 4;
    data += 2, size -= 2;
    changes = changes < size ? changes : size;
    fake_spoil(data, changes);
    store.dir = (char *)(uintptr_t)"a store";
    look_at_pending(&store);
    look_at_run(&store, !(how & 0x20));
    if (load_values(&store, NULL, fault) == 0) {
        sound(&store);
        look_at_ref(&store);
        add_keys(data + changes, size - changes);
        sweep_all(&store);
    } else {
        CHECK(fault->text[0]);
    }
    sys.free(store.state);
    return 0;
}
