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
    char hidden[320];  /* .NAME.besik-RUN.tmp */
};

/* Resolves `folder` (its parent must be there). FAULT_USAGE where it cannot be a new folder's path. */
int publish_place(struct publish_place *place, const char *folder, uint32_t run, struct fault *fault);
/* Is it one that publish_place made? */
bool publish_place_is_sound(const struct publish_place *place);
/* Makes the hidden folder anew, 0700 and durable (what an earlier try left there is removed); *ret_fd is the caller's to close. */
int publish_begin(const struct publish_place *place, int *ret_fd, struct fault *fault);
/* Renames it into its place and syncs the parent. Where the hidden one is gone this was done before: 0. */
int publish_finish(const struct publish_place *place, struct fault *fault);
/* For a folder that is no run's: refuses what is there already; and puts it in place, `fd` being the hidden folder's. */
int publish_place_new(struct publish_place *place, const char *folder, struct fault *fault);
int publish_reveal(const struct publish_place *place, int fd, struct fault *fault);
void publish_abandon(const struct publish_place *place); /* removes the hidden folder, best effort */

#endif
