/* options.h - the command line: one table a command, from which it is read and its --help written.
 * Room: tools.  A wrong option is FAULT_USAGE and named; nothing is printed here but help.  Thread: the program's first. Values point
 * into argv. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include "engine/fault.h"

#include <stdbool.h>

struct option {
    const char *name;     /* without "--"; NULL ends a table */
    const char *argument; /* what its value is called, NULL: it takes none */
    const char *help;
    const char **value;   /* where the value goes, or */
    bool *flag;           /* what is set */
};

struct command {
    const char *name, *arguments, *summary;
    const struct option *options;
    const char *notes; /* behind the options: exit codes, an example */
    /* options of any name, as init's settings: returns 0 taken, -1 fault; NULL: none */
    int (*other)(const char *name, const char *value, void *context, struct fault *fault);
    void *context;
};

/* Set, help is told as a part of the manual page: besik(1) has no words of its own. */
extern bool options_manual;
void options_print_exits(void); /* for that page */

/* Reads argv[0..argc); what is no option stays in argv, *ret_count of them. 1: help was asked for and printed. */
int options_read(const struct command *command, int argc, char **argv, int *ret_count, struct fault *fault);

#endif
