/* shipped.h - where the files are that besik ships. Room: tools. */
#ifndef TOOLS_SHIPPED_H
#define TOOLS_SHIPPED_H

/* NAME beside the installed program, else where it was to be installed, else in the tree that it was built from: `path`, whether it
 * can be read or not. */
const char *shipped_path(const char *name, char path[4200]);

#endif
