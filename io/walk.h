/* walk.h - the files that a command line names (contract section 3, last point): folders to any depth, each file once.
 * Room: io.  Thread: one. A struct walk owns its names; on a fault it is empty. */
#ifndef IO_WALK_H
#define IO_WALK_H

#include "engine/fault.h"

#include <stdint.h>
#include <sys/types.h>

struct walk_file {
    char *name; /* `file` in outputs: the path as given; for a DIR, DIR/ and the path inside */
    int64_t size; /* bytes, as stat says */
    dev_t device;
    ino_t inode;
};

struct walk {
    struct walk_file *files; /* in the order of names as bytes */
    uint32_t count;
};

/* Gathers the files behind `paths`. Names that begin with '.' inside folders are skipped, links to files followed, links to
 * folders not; the same (device, inode) is kept once, under the name met first (arguments in order, names in byte order
 * inside); any other kind of file is FAULT_INPUT, all such are named; a path that is not there is FAULT_INPUT too. */
int walk_gather(struct walk *walk, char *const *paths, int path_count, struct fault *fault);
void walk_free(struct walk *walk);

#endif
