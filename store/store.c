/* store.c - making and opening a store. See store.h and tables.h. */
#include "store/store.h"

#include "engine/phone.h"
#include "engine/ref.h"
#include "engine/sys/sys.h"
#include "store/leaves.h"
#include "store/making.h"
#include "store/pages.h"
#include "store/reissue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

struct store_row { /* meta "store" */
    uint32_t format;
    uint32_t shards;
    uint8_t name[STORE_NAME_SIZE];
    uint32_t key_sum; /* of the key that it was made with */
};

static const char KEY_STORE[] = "store", KEY_SETTINGS[] = "settings", KEY_REF[] = "ref", KEY_STATE[] = "state",
                  KEY_PENDING[] = "pending";
#define META(key) TABLE_META, key, sizeof key - 1

size_t store_state_size(const struct state *state)
{
    return sizeof *state + state->operator_count * sizeof *state->operators;
}

int store_put_settings(const struct store *store, struct db_writer *writer, struct fault *fault)
{
    return db_put(writer, META(KEY_SETTINGS), &store->settings, sizeof store->settings, fault);
}

int store_put_ref(struct span ref, struct db_writer *writer, struct fault *fault)
{
    return db_put(writer, META(KEY_REF), ref.data, ref.size, fault);
}

int store_put_state(const struct state *state, struct db_writer *writer, struct fault *fault)
{
    return db_put(writer, META(KEY_STATE), state, store_state_size(state), fault);
}

int store_put_pending(const struct publish_place *place, struct db_writer *writer, struct fault *fault)
{
    return db_put(writer, META(KEY_PENDING), place, sizeof *place, fault);
}

int store_clear_pending(struct db_writer *writer, struct fault *fault)
{
    return db_delete(writer, META(KEY_PENDING), fault);
}

int store_put_run(uint32_t run, const struct run_row *row, struct db_writer *writer, struct fault *fault)
{
    uint8_t key[4];
    db_put_u32(key, run);
    return db_put(writer, TABLE_RUNS, key, sizeof key, row, sizeof *row, fault);
}

int store_get_run(const struct store *store, uint32_t run, struct run_row *ret_row, struct fault *fault)
{
    uint8_t key[4];
    db_put_u32(key, run);
    MDB_txn *txn;
    if (store_read_begin(store, &txn, fault))
        return -1;
    struct span row;
    int there = db_get(&store->db, txn, TABLE_RUNS, key, sizeof key, &row, fault);
    if (there == 0 && row.size != sizeof *ret_row)
        there = db_damaged(fault, TABLE_RUNS);
    if (there == 0)
        memcpy(ret_row, row.data, sizeof *ret_row);
    store_read_end(txn);
    return there;
}

int store_read_begin(const struct store *store, MDB_txn **ret_txn, struct fault *fault)
{
    int error = db_calls.txn_begin(store->db.env, NULL, MDB_RDONLY, ret_txn);
    return error ? db_fault(fault, error, "read") : 0;
}

void store_read_end(MDB_txn *txn)
{
    if (txn)
        mdb_txn_abort(txn);
}

/* 32 bits of the key's 128: enough to know another one, too few to guess it by. */
static uint32_t key_sum(const uint8_t *key)
{
    return (uint32_t)XXH3_64bits_withSeed(key, STORE_KEY_SIZE, 0x6b6579);
}

/* ---- making ---- */

static int random_bytes(void *out, size_t size, struct fault *fault)
{
    return getrandom(out, size, 0) == (ssize_t)size ? 0 : fault_errno(fault, errno, "random numbers");
}

static int put_first_values(const struct db *db, const uint8_t *key, const struct settings *settings, struct span ref, struct fault *fault)
{
    struct store_row row = {.format = STORE_FORMAT, .shards = settings->shards, .key_sum = key_sum(key)};
    if (random_bytes(row.name, sizeof row.name, fault))
        return -1;
    struct store store = {.settings = *settings};
    struct state *state = sys.alloc(sizeof *state);
    if (!state)
        return fault_memory(fault);
    memset(state, 0, sizeof *state);
    state->as_of_ms = NEVER_MS;
    state->due_until_ms = NEVER_MS;
    state->forgotten_ms = NEVER_MS;
    state->next_segment = 1;
    struct db_writer writer;
    int failed = db_write_begin(&writer, db, SIZE_MAX, fault);
    if (!failed) {
        failed = db_put(&writer, META(KEY_STORE), &row, sizeof row, fault) || store_put_settings(&store, &writer, fault) ||
                 store_put_ref(ref, &writer, fault) || store_put_state(state, &writer, fault) ||
                 db_write_commit(&writer, fault);
        db_write_abort(&writer);
    }
    sys.free(state);
    return failed ? -1 : 0;
}

int store_make(const char *dir, const uint8_t *key, const struct settings *settings, struct span ref, struct fault *fault)
{
    uint8_t fresh[STORE_KEY_SIZE];
    if (!key && random_bytes(fresh, sizeof fresh, fault))
        return -1;
    if (!key)
        key = fresh;
    struct db db = {0};
    int making = -1;
    int failed = making_begin(dir, &making, fault) || making_file(dir, "key", key, STORE_KEY_SIZE, fault) ||
                 making_file(dir, "lock", NULL, 0, fault) || db_open(&db, dir, true, fault) ||
                 put_first_values(&db, key, settings, ref, fault) || making_end(dir, fault);
    if (!failed)
        store_note_looked(&(struct store){.dir = (char *)(uintptr_t)dir, .db = db});
    db_close(&db);
    explicit_bzero(fresh, sizeof fresh);
    if (making >= 0)
        sys.close(making);
    return failed ? -1 : 0;
}

/* ---- opening ---- */

static int take_lock(struct store *store, struct fault *fault)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lock", store->dir);
    store->lock_fd = sys.open(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600); /* a copy may lack it: it is empty, mostly */
    if (store->lock_fd < 0)
        return fault_errno(fault, errno, "%s: open", path);
    char pid[32] = "";
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fault_errno(fault, errno, "%s: lock", path);
        (void)!sys.pread(store->lock_fd, pid, sizeof pid - 1, 0);
        return fault_set(fault, FAULT_BUSY, "%s: busy, process %ld works on it; wait for it to end", store->dir,
                         strtol(pid, NULL, 10));
    }
    int size = snprintf(pid, sizeof pid, "%-20ld\n", (long)getpid());
    if (sys_write_all(store->lock_fd, pid, (size_t)size, 0) != 0)
        return fault_errno(fault, errno, "%s: write", path);
    return 0;
}

static int no_key(const struct store *store, const char *path, int error, struct fault *fault)
{
    char data[4096];
    struct stat stat;
    if (error != ENOENT && error != ENOTDIR)
        return fault_errno(fault, error, "%s: open", path);
    if (snprintf(data, sizeof data, "%s/data.mdb", store->dir) < (int)sizeof data && sys.stat(AT_FDCWD, data, &stat, 0) == 0)
        return fault_set(fault, FAULT_INPUT, "%s: is not there; put the archived key back", path);
    return db_missing(store->dir, fault);
}

static int read_key(struct store *store, struct fault *fault)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/key", store->dir) >= (int)sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: path too long", store->dir);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return no_key(store, path, errno, fault);
    uint8_t key[STORE_KEY_SIZE + 1];
    ssize_t size = sys_read_all(fd, key, sizeof key, 0);
    int error = errno;
    sys.close(fd);
    if (size < 0)
        return fault_errno(fault, error, "%s: read", path);
    if (size != STORE_KEY_SIZE)
        return fault_set(fault, FAULT_INPUT, "%s: must hold %d bytes; put the archived key back", path, STORE_KEY_SIZE);
    sys.keep(store->key, sizeof store->key);
    memcpy(store->key, key, STORE_KEY_SIZE);
    explicit_bzero(key, sizeof key);
    store->seed = XXH3_64bits_withSeed(store->key, STORE_KEY_SIZE, 0x62657369);
    return 0;
}

int store_damaged(const struct store *store, const char *what, struct fault *fault)
{
    return fault_set(fault, FAULT_INPUT, "%s: %s is damaged; restore the store from a backup or rebuild it", store->dir,
                     what);
}

/* Are the counts within their bounds, and is every merge one of neighbours that are there? */
static bool segments_are_sound(const struct state *state, unsigned segmented)
{
    uint32_t segments = state->segment_counts[segmented], merges = state->merge_counts[segmented];
    if (segments > STORE_SEGMENTS_MAX || merges > STORE_MERGES_MAX)
        return false;
    for (uint32_t i = 0; i < merges; i++) {
        const struct merge *merge = &state->merges[segmented][i];
        uint32_t place = 0;
        while (place < segments && state->segments[segmented][place].number != merge->first)
            place++;
        if (!merge->inputs || merge->inputs > segments - place)
            return false;
    }
    return true;
}

static int load_state(struct store *store, struct span value, struct fault *fault)
{
    size_t room = sizeof *store->state + REF_OPERATORS_MAX * sizeof *store->state->operators;
    store->state = sys.alloc(room);
    if (!store->state)
        return fault_memory(fault);
    memset(store->state, 0, room);
    if (value.size < sizeof *store->state || value.size > room)
        return store_damaged(store, "its state", fault);
    memcpy(store->state, value.data, value.size);
    if (store->state->operator_count > REF_OPERATORS_MAX || store_state_size(store->state) != value.size)
        return store_damaged(store, "its state", fault);
    for (unsigned i = 0; i < SEGMENTED_COUNT; i++)
        if (!segments_are_sound(store->state, i))
            return store_damaged(store, "its state", fault);
    for (uint32_t i = store->state->operator_count; i < REF_OPERATORS_MAX; i++)
        store->state->operators[i] = (struct operator_state){NEVER_MS, NEVER_MS, NEVER_MS, NEVER_MS};
    return 0;
}

static int load_values(struct store *store, MDB_txn *txn, struct fault *fault)
{
    struct span value = {0};
    struct store_row row;
    int there = db_get(&store->db, txn, META(KEY_STORE), &value, fault);
    if (there < 0)
        return -1;
    bool has_format = !there && value.size >= sizeof row.format;
    if (has_format)
        memcpy(&row.format, value.data, sizeof row.format); /* whatever stands behind it */
    if (has_format && row.format != STORE_FORMAT)
        return fault_set(fault, FAULT_INPUT, "%s: a store of format %u, and this besik reads format %u: use the besik that made it",
                         store->dir, row.format, STORE_FORMAT);
    if (there || value.size != sizeof row)
        return fault_set(fault, FAULT_INPUT, "%s: was not made whole; remove it and make it anew with besik init", store->dir);
    memcpy(&row, value.data, sizeof row);
    if (row.key_sum != key_sum(store->key))
        return fault_set(fault, FAULT_INPUT, "%s/key: is another store's, or damaged; put this store's archived key back", store->dir);
    for (unsigned i = 0; i < STORE_NAME_SIZE; i++)
        snprintf(store->name + 2 * i, 3, "%02x", row.name[i]);
    there = db_get(&store->db, txn, META(KEY_SETTINGS), &value, fault);
    if (there || value.size != sizeof store->settings)
        return store_damaged(store, "its settings", fault);
    memcpy(&store->settings, value.data, value.size);
    if (!store_settings_are_sound(&store->settings))
        return store_damaged(store, "its settings", fault);
    there = db_get(&store->db, txn, META(KEY_STATE), &value, fault);
    if (there || load_state(store, value, fault))
        return store_damaged(store, "its state", fault);
    return 0;
}

int store_get_ref(const struct store *store, MDB_txn *txn, struct span *ret_ref, struct fault *fault)
{
    return db_get(&store->db, txn, META(KEY_REF), ret_ref, fault);
}

/* The folder that is to appear: 0, 1 there is none, -1. */
static int get_pending(const struct store *store, MDB_txn *txn, struct publish_place *place, struct fault *fault)
{
    struct span value;
    int there = db_get(&store->db, txn, META(KEY_PENDING), &value, fault);
    if (there)
        return there;
    bool whole = value.size == sizeof *place;
    if (whole)
        memcpy(place, value.data, sizeof *place);
    return whole && publish_place_is_sound(place) ? 0 : store_damaged(store, "the name of its last folder", fault);
}

/* Written once more from what is kept: under another hidden name, for it is not whole before it is all written. */
static int write_again(struct store *store, const struct publish_place *again, struct fault *fault)
{
    uint32_t run = store->state->run, files;
    MDB_txn *txn;
    int folder;
    if (store_read_begin(store, &txn, fault))
        return -1;
    int there = reissue_folder(&store->db, txn, run, again, &folder, &files, fault);
    store_read_end(txn);
    if (there)
        return there < 0 ? -1 : store_damaged(store, "what it keeps of its last folder", fault);
    int failed = sys.fsync(folder) ? fault_errno(fault, errno, "%s: sync", again->hidden) : 0;
    sys.close(folder);
    return failed || publish_finish(again, store->name, run, fault) ? -1 : 0;
}

/* The folder, wherever it is: hidden, in its place, half written once more, or taken away after it was written. */
static int put_in_place(struct store *store, const struct publish_place *place, struct fault *fault)
{
    struct publish_place *again = sys.alloc(sizeof *again);
    if (!again)
        return fault_memory(fault);
    publish_place_again(place, again);
    int gone = publish_abandon(again) ? fault_errno(fault, errno, "%s/%s: remove", again->parent, again->hidden) /* what was cut */
                                      : publish_finish(place, store->name, store->state->run, fault);
    if (gone > 0)
        gone = write_again(store, again, fault);
    sys.free(again);
    return gone;
}

static int complete_folder(struct store *store, struct fault *fault)
{
    MDB_txn *txn;
    struct publish_place *place = sys.alloc(sizeof *place);
    if (!place)
        return fault_memory(fault);
    int there = store_read_begin(store, &txn, fault);
    if (!there) {
        there = get_pending(store, txn, place, fault);
        store_read_end(txn);
    }
    int failed = there < 0 ? -1 : 0;
    if (there == 0) {
        struct db_writer writer;
        failed = put_in_place(store, place, fault) || db_write_begin(&writer, &store->db, SIZE_MAX, fault);
        if (!failed) {
            failed = store_clear_pending(&writer, fault) || db_write_commit(&writer, fault);
            db_write_abort(&writer);
        }
    }
    sys.free(place);
    return failed;
}

/* Who writes has the file to itself, and looks it over first: LMDB trusts it. */
static int open_for_writing(struct store *store, enum store_mode mode, struct fault *fault)
{
    struct pages pages;
    struct db_keys keys;
    MDB_txn *txn;
    if (take_lock(store, fault) ||
        (mode == STORE_RUN ? leaves_look(store->dir, &pages, &store->leaves, fault) : pages_look(store->dir, 0, false, &pages, fault)) ||
        db_open(&store->db, store->dir, false, fault))
        return -1;
    db_watch(&store->db, store->leaves);
    if (store_read_begin(store, &txn, fault))
        return -1;
    int failed = db_get_keys(&store->db, txn, &keys, fault);
    store_read_end(txn);
    if (!failed && (failed = pages_compare(&pages, &keys, fault)) && store->leaves)
        leaves_doubt(store->leaves);
    return failed;
}

void store_note_looked(const struct store *store)
{
    struct fault ignored = {0};
    struct db_keys keys;
    MDB_txn *txn;
    if (store_read_begin(store, &txn, &ignored))
        return;
    int failed = db_get_keys(&store->db, txn, &keys, &ignored);
    store_read_end(txn);
    if (!failed)
        leaves_note(store->dir, store->leaves, &keys);
}

int store_open(struct store *store, const char *dir, enum store_mode mode, struct fault *fault)
{
    *store = (struct store){.lock_fd = -1};
    size_t size = strlen(dir) + 1;
    store->dir = sys.alloc(size);
    if (!store->dir)
        return fault_memory(fault);
    memcpy(store->dir, dir, size);
    MDB_txn *txn = NULL;
    int failed = making_check(dir, fault) || read_key(store, fault) ||
                 (mode != STORE_READ ? open_for_writing(store, mode, fault) : db_open(&store->db, dir, false, fault)) ||
                 store_read_begin(store, &txn, fault) || load_values(store, txn, fault);
    if (mode == STORE_READ && !failed)
        store->snapshot = txn;
    else
        store_read_end(txn);
    if (mode != STORE_READ)
        failed = failed || complete_folder(store, fault) || publish_clear_noted(dir, fault);
    if (failed)
        store_close(store);
    return failed ? -1 : 0;
}

void store_close(struct store *store)
{
    store_read_end(store->snapshot);
    db_close(&store->db);
    leaves_close(store->leaves);
    if (store->lock_fd >= 0 && store->dir)
        sys.close(store->lock_fd);
    sys.free(store->state);
    sys.free(store->dir);
    explicit_bzero(store->key, sizeof store->key);
    *store = (struct store){.lock_fd = -1};
}
