/* command_backup.c - besik backup: a store that runs, copied as of its last run, while another one may go on. */
#include "tools/commands.h"

#include "engine/sys/sys.h"
#include "store/publish.h"
#include "tools/open_store.h"
#include "tools/options.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The copy is opened once, and tells which run it holds: another may have ended since ours was opened. */
static int read_back(const struct publish_place *place, uint32_t *ret_run, struct fault *fault)
{
    char path[sizeof place->parent + sizeof place->hidden];
    struct store copy;
    snprintf(path, sizeof path, "%s/%s", place->parent, place->hidden);
    if (open_store(&copy, NULL, path, STORE_READ, fault))
        return -1;
    *ret_run = copy.state->run;
    store_close(&copy);
    return 0;
}

static int backup(const struct store *store, const char *dest, bool json, struct fault *fault)
{
    struct publish_place place;
    int folder = -1;
    uint32_t run;
    uint64_t bytes;
    if (publish_place_new(&place, dest, fault) || publish_begin(&place, &folder, fault))
        return -1;
    int failed = store_copy(store, folder, &bytes, fault) || read_back(&place, &run, fault) || publish_reveal(&place, folder, fault);
    sys.close(folder);
    if (failed) {
        publish_abandon(&place);
        return -1;
    }
    printf(json ? "{\"run\":%u,\"bytes\":%llu}\n" : "the store as of run %u: %llu bytes\n", run, (unsigned long long)bytes);
    return 0;
}

int command_backup(int argc, char **argv, struct fault *fault)
{
    bool json = false;
    const struct option options[] = {{"json", NULL, "tell it as one JSON object", NULL, &json}, {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "backup",
        .arguments = "STORE DEST [--json]",
        .summary = "Copies a store, key, settings and reference data with it, as the last run left it. No run waits for it, and\n"
                   "it waits for none. DEST must not be there yet; it appears whole or not at all, and is a store that runs.",
        .options = options,
        .notes = "It holds all that is personal, and the key: guard it as the store. To go back, put it in the store's place.\n"
                 "One that was killed leaves .DEST.besik-0.tmp beside DEST, until the next one to DEST: give it again, or remove that.\n"
                 "Example: besik backup /var/lib/besik/store /backup/besik-2026-11-24",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 2)
        return fault_set(fault, FAULT_USAGE, "give STORE and DEST (see besik backup --help)");
    struct store store;
    if (open_store(&store, NULL, argv[0], STORE_READ, fault))
        return -1;
    int failed = backup(&store, argv[1], json, fault);
    store_close(&store);
    return failed;
}
