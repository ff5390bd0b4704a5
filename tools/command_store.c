/* command_store.c - besik init, ref and set: what a store is made with and how that is changed. */
#include "tools/commands.h"

#include "engine/sys/sys.h"
#include "engine/values.h"
#include "tools/open_store.h"
#include "tools/options.h"
#include "tools/shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static int read_key(const char *path, uint8_t key[STORE_KEY_SIZE], struct fault *fault)
{
    int fd = sys.open(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0)
        return fault_path(fault, errno, "open", "--key %s", path);
    uint8_t bytes[STORE_KEY_SIZE + 1];
    ssize_t size = sys_read_all(fd, bytes, sizeof bytes, -1);
    int error = errno;
    sys.close(fd);
    if (size < 0 && !fault_of_path(error))
        return fault_errno(fault, error, "--key %s: read", path);
    if (size != STORE_KEY_SIZE)
        return fault_set(fault, FAULT_USAGE, "--key %s: must hold %d bytes, as STORE/key does", path, STORE_KEY_SIZE);
    memcpy(key, bytes, STORE_KEY_SIZE);
    return 0;
}

static int load_ref(struct ref_set **ret_ref, const char *dir, const struct ref_set *old, struct fault *fault)
{
    if (ref_load(ret_ref, dir, old, fault) == 0)
        return 0;
    return fault->code == FAULT_INPUT ? fault_end(fault, "mend it and give the command again") : -1;
}

static int take_setting(const char *name, const char *value, void *context, struct fault *fault)
{
    return store_set(context, name, value, true, fault);
}

int command_init(int argc, char **argv, struct fault *fault)
{
    const char *ref_dir = NULL, *key_path = NULL;
    struct settings settings;
    store_default_settings(&settings);
    const struct option options[] = {
        {"ref", "DIR", "reference data (default: the country's own, as shipped)", &ref_dir, NULL},
        {"key", "FILE", "take this store's key (16 bytes) instead of a random one", &key_path, NULL},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct command command = {
        .name = "init",
        .arguments = "STORE [--ref DIR] [--key FILE] [--SETTING VALUE]…",
        .summary = "Makes a store: a folder that holds every case. STORE must not be there yet, or be empty.",
        .options = options,
        .notes = "Settings (a duration is a number and s, m, h or d):\n"
                 "  --short-code 1414  --remind-after 3d  --expire-after 10d  --response-after 5d  --receipt-after 2d\n"
                 "  --silent-after 1d  --remember 400d  --max-segments 8  --keep-runs 14  --reply-form strict  --shards 64\n\n"
                 "Archive STORE/key: without it no rebuilt store knows the ids that agencies and operators answer to.\n"
                 "Example: besik init /var/lib/besik/store",
        .other = take_setting,
        .context = &settings,
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 1)
        return fault_set(fault, FAULT_USAGE, "give one STORE (see besik init --help)");
    uint8_t key[STORE_KEY_SIZE];
    char path[4200];
    struct ref_set *ref = NULL;
    char *block = NULL;
    size_t size;
    if (store_check_settings(&settings, fault) || (key_path && read_key(key_path, key, fault)) ||
        load_ref(&ref, ref_dir ? ref_dir : shipped_path("ref", path), NULL, fault))
        return -1;
    int failed = ref_pack(ref, &block, &size, fault) ||
                 store_make(argv[0], key_path ? key : NULL, &settings, (struct span){block, size}, fault);
    sys.free(block);
    ref_free(ref);
    explicit_bzero(key, sizeof key);
    return failed ? -1 : 0;
}

/* Has the change any bearing on when cases come due? */
static bool changes_clock(const struct settings *a, const struct settings *b)
{
    return a->remind_after != b->remind_after || a->expire_after != b->expire_after ||
           a->response_after != b->response_after;
}

/* The reference data, packed, or NULL: the settings. */
static int commit_change(struct store *store, const struct span *ref, bool look_at_all, struct fault *fault)
{
    struct db_writer writer;
    if (look_at_all)
        store->state->look_at_all = 1;
    if (db_write_begin(&writer, &store->db, SIZE_MAX, fault))
        return -1;
    int failed = (ref ? store_put_ref(*ref, &writer, fault) : store_put_settings(store, &writer, fault)) ||
                 store_put_state(store->state, &writer, fault) || db_write_commit(&writer, fault);
    db_write_abort(&writer);
    return failed ? -1 : 0;
}

int command_ref(int argc, char **argv, struct fault *fault)
{
    const struct command command = {
        .name = "ref",
        .arguments = "STORE DIR",
        .summary = "Replaces the reference data of a store by the files in DIR, all or none: options.csv, offices.csv,\n"
                   "localities.csv, operators.csv and, where there, outages.csv, texts.csv and dumps.ini.",
        .notes = "A number keeps its code for ever; what a file leaves out is no answer any more.\n"
                 "Example: besik ref /var/lib/besik/store ./ref",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 2)
        return fault_set(fault, FAULT_USAGE, "give STORE and DIR (see besik ref --help)");
    struct store store;
    struct ref_set *old, *ref = NULL;
    char *block = NULL;
    size_t size;
    if (open_store(&store, &old, argv[0], STORE_WRITE, fault))
        return -1;
    int failed = load_ref(&ref, argv[1], old, fault) || ref_pack(ref, &block, &size, fault) ||
                 commit_change(&store, &(struct span){block, size}, !ref_same_clock(ref, old), fault);
    sys.free(block);
    ref_free(ref);
    ref_free(old);
    store_close(&store);
    return failed ? -1 : 0;
}

int command_set(int argc, char **argv, struct fault *fault)
{
    const struct command command = {
        .name = "set",
        .arguments = "STORE NAME VALUE",
        .summary = "Changes a setting of a store. It holds from the next run on.",
        .notes = "Names and defaults: besik init --help\nExample: besik set /var/lib/besik/store remind-after 2d",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 3)
        return fault_set(fault, FAULT_USAGE, "give STORE, NAME and VALUE (see besik set --help)");
    struct store store;
    if (open_store(&store, NULL, argv[0], STORE_WRITE, fault))
        return -1;
    struct settings before = store.settings;
    int failed = store_set(&store.settings, argv[1], argv[2], false, fault) ||
                 store_check_settings(&store.settings, fault) ||
                 commit_change(&store, NULL, changes_clock(&before, &store.settings), fault);
    store_close(&store);
    return failed ? -1 : 0;
}
