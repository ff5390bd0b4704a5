/* publish.h - how an output folder appears: written beside its place under a hidden name, then renamed, whole or not at all.
 * Room: store, whose last commit of a run tells the place: what a killed run left hidden, opening the store puts there. Thread: one. */
#ifndef STORE_PUBLISH_H
#define STORE_PUBLISH_H

#include "engine/fault.h"

#include <stdbool.h>
#include <stdint.h>

/* Kept in the store as it stands here (table meta, "pending"): a change of it is a new STORE_FORMAT. Errors of all that follows: -1 with
 * the fault, FAULT_USAGE where it is the path that was given, else the machine's. */
struct publish_place {
    char parent[4096]; /* absolute path of the folder's parent */
    char name[256];    /* the folder's own name */
    char hidden[320];  /* .NAME.besik-TAG.tmp, or .new */
};

/* Resolves `folder` (its parent must be there). FAULT_USAGE where it cannot be a new folder's path. `tag`: whose it is, so that the
 * hidden folders of two that write beside each other are two. */
int publish_place(struct publish_place *place, const char *folder, const char *tag, struct fault *fault);
#define PUBLISH_RUN_TAG 24
void publish_run_tag(const char *store, uint32_t run, char tag[PUBLISH_RUN_TAG]);
/* Is it one that publish_place made? */
bool publish_place_is_sound(const struct publish_place *place);
/* Makes the hidden folder anew, 0700 and durable (what an earlier try left there is removed); *ret_fd is the caller's to close. */
int publish_begin(const struct publish_place *place, int *ret_fd, struct fault *fault);
/* Renames it into its place and syncs the parent, or finds it there: 0. 1: the hidden one is gone, and what stands in its place, if
 * anything does, is not of that run of that store. */
int publish_finish(const struct publish_place *place, const char *store, uint32_t run, struct fault *fault);

struct publish_stamp { /* what a folder's run.json says that it is of */
    uint32_t run;
    char store[33], as_of[40];
    bool dry_run;
};
/* A dry run's run.json ends so: within timing, which alone may differ from a run's. */
#define PUBLISH_DRY_RUN ", \"dry_run\": true}}\n"
bool publish_read_stamp(int dir_fd, const char *folder, struct publish_stamp *ret_stamp); /* false: it is no run's folder */

/* The place of a folder that is written once more: the same, with a hidden name of its own, as what stands under the run's is whole. */
void publish_place_again(const struct publish_place *place, struct publish_place *ret_again);

/* For a folder that is no run's: refuses what is there already; and puts it in place, `fd` being the hidden folder's. */
int publish_place_new(struct publish_place *place, const char *folder, struct fault *fault);
int publish_reveal(const struct publish_place *place, int fd, struct fault *fault);
int publish_abandon(const struct publish_place *place); /* removes the hidden folder: 0 it is gone, -1 not whole, or it cannot be looked at */

/* A process that is killed leaves its hidden folder behind. So the place is noted in the store (STORE/hidden) before the folder is made,
 * and the next that opens the store to write removes what stands there. The note hangs on no sync: what the power takes was hardly
 * written. */
int publish_note(const char *store_dir, const struct publish_place *place, struct fault *fault);
int publish_clear_noted(const char *store_dir, struct fault *fault); /* -1: the note cannot be read. What cannot be removed stays noted */

#endif
