/* command_reissue.c - besik reissue: the folder of one of the last runs once more, from what the store keeps of it. */
#include "tools/commands.h"

#include "engine/values.h"
#include "store/kept.h"
#include "store/publish.h"
#include "tools/open_store.h"
#include "tools/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct reissue {
    struct publish_place place;
    struct fault *fault;
    int folder, fd; /* of the hidden folder, of the file at hand */
    char name[KEPT_NAME_MAX + 1];
    off_t at;
    uint32_t files;
};

static int end_file(struct reissue *reissue)
{
    if (reissue->fd < 0)
        return 0;
    int failed = sys.fsync(reissue->fd) ? fault_errno(reissue->fault, errno, "%s/%s: sync", reissue->place.hidden, reissue->name) : 0;
    sys.close(reissue->fd);
    reissue->fd = -1;
    return failed;
}

static int begin_file(struct reissue *reissue, struct span name)
{
    if (end_file(reissue))
        return -1;
    snprintf(reissue->name, sizeof reissue->name, "%.*s", (int)name.size, name.data);
    if (strchr(reissue->name, '/') || reissue->name[0] == '.')
        return db_damaged(reissue->fault, TABLE_FOLDERS);
    reissue->fd = sys.open(reissue->folder, reissue->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    reissue->at = 0;
    reissue->files++;
    return reissue->fd < 0 ? fault_errno(reissue->fault, errno, "%s/%s: make", reissue->place.hidden, reissue->name) : 0;
}

static int take(struct span name, uint32_t file, uint32_t block, struct span bytes, void *context)
{
    struct reissue *reissue = context;
    (void)file;
    if (block == 0 && begin_file(reissue, name))
        return -1;
    if (sys_write_all(reissue->fd, bytes.data, bytes.size, reissue->at) != 0)
        return fault_errno(reissue->fault, errno, "%s/%s: write", reissue->place.hidden, reissue->name);
    reissue->at += (off_t)bytes.size;
    return 0;
}

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
    struct reissue reissue = {.fault = fault, .folder = -1, .fd = -1};
    if (publish_place_new(&reissue.place, out, fault))
        return -1;
    if (run > store->state->run || (uint64_t)run + store->settings.keep_runs <= store->state->run)
        return not_kept(store, run, fault);
    int there = publish_begin(&reissue.place, &reissue.folder, fault);
    if (!there)
        there = kept_folder(&store->db, store->snapshot, run, take, &reissue, fault);
    int failed = there || end_file(&reissue);
    if (reissue.fd >= 0)
        sys.close(reissue.fd);
    failed = failed || publish_reveal(&reissue.place, reissue.folder, fault);
    if (reissue.folder >= 0) {
        sys.close(reissue.folder);
        if (failed)
            publish_abandon(&reissue.place);
    }
    if (there > 0)
        return not_kept(store, run, fault);
    if (!failed && json)
        printf("{\"run\":%u,\"files\":%u}\n", run, reissue.files);
    else if (!failed)
        printf("run %u: %u files once more: %s\n", run, reissue.files, out);
    return failed ? -1 : 0;
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
