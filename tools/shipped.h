/* shipped.h - where the files are that besik ships. Room: tools. */
#ifndef TOOLS_SHIPPED_H
#define TOOLS_SHIPPED_H

/* NAME beside the installed program, else in the tree that it was built from. */
const char *shipped_path(const char *name, char path[4200]);

#endif
