/* command_reissue.c - besik reissue: the folder of one of the last runs once more, from what the store keeps of it. */
#include "tools/commands.h"

#include "engine/values.h"
#include "store/kept.h"
#include "store/publish.h"
#include "store/reissue.h"
#include "tools/open_store.h"
#include "tools/options.h"

#include <stdio.h>

static int not_kept(const struct store *store, uint32_t run, struct fault *fault)
{
    uint32_t first;
    if (kept_first(store, store->snapshot, &first, fault))
        return -1;
    return first ? fault_set(fault, FAULT_USAGE, "run %u: not kept; kept are runs %u to %u (the setting keep_runs)", run, first,
                             store->state->run)
                 : fault_set(fault, FAULT_USAGE, "run %u: not kept, and no other is", run);
}

static int reissue_run(struct store *store, uint32_t run, const char *out, bool json, struct fault *fault)
{
    struct publish_place place;
    int folder;
    uint32_t files;
    char shown[PATH_SHOWN_MAX];
    if (publish_place_new(&place, out, fault))
        return -1;
    if (run > store->state->run || (uint64_t)run + store->settings.keep_runs <= store->state->run)
        return not_kept(store, run, fault);
    int there = reissue_folder(&store->db, store->snapshot, run, &place, &folder, &files, fault);
    if (there)
        return there > 0 ? not_kept(store, run, fault) : -1;
    int failed = publish_reveal(&place, folder, fault);
    sys.close(folder);
    if (failed)
        (void)publish_abandon(&place);
    else if (json)
        printf("{\"run\":%u,\"files\":%u}\n", run, files);
    else
        printf("run %u: %u files once more: %s\n", run, files, path_shown(span_of(out), shown, sizeof shown));
    return failed;
}

int command_reissue(int argc, char **argv, struct fault *fault)
{
    const char *out = NULL;
    bool json = false;
    const struct option options[] = {{"out", "FOLDER", "the folder to write; it must not be there yet", &out, NULL},
                                     {"json", NULL, "tell it as one JSON object", NULL, &json},
                                     {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "reissue",
        .arguments = "STORE RUN --out FOLDER [--json]",
        .summary = "Writes the folder of one of the last `keep_runs` runs once more, byte for byte. The folder appears whole or\n"
                   "not at all. What `forget` struck since is left out.",
        .options = options,
        .notes = "Example: besik reissue /var/lib/besik/store 42 --out out/2026-11-24",
    };
    int count;
    uint64_t run;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 2 || !out)
        return fault_set(fault, FAULT_USAGE, "give STORE, RUN and --out FOLDER (see besik reissue --help)");
    if (!value_number(span_of(argv[1]), UINT32_MAX, &run) || !run)
        return fault_set(fault, FAULT_USAGE, "%s: must be the number of a run, as run.json tells it", argv[1]);
    struct store store;
    if (open_store(&store, NULL, argv[0], STORE_READ, fault))
        return -1;
    int failed = reissue_run(&store, (uint32_t)run, out, json, fault);
    store_close(&store);
    return failed;
}
