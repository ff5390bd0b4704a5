/* walk.h - the files that a command line names (contract section 3, last point): folders to any depth, each file once.
 * Room: io.  Thread: one. A struct walk owns its names; on a fault it is empty. */
#ifndef IO_WALK_H
#define IO_WALK_H

#include "io/flaws.h"

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
    struct flaws flaws; /* paths that are no file, or not there */
};

/* Gathers the files behind `paths`. Names that begin with '.' inside folders are skipped, links to files followed, links to
 * folders not; the same (device, inode) is kept once, under the name met first (arguments in order, names in byte order
 * inside); any other kind of file, and a path that is not there, is kept in `flaws`: whoever reads the files tells of them too. */
int walk_gather(struct walk *walk, char *const *paths, int path_count, struct fault *fault);
void walk_free(struct walk *walk);

#endif
