/* gen_options.h - what gen and capacity take alike from their command lines. Room: tools.
 * Errors: FAULT_USAGE names the option. Thread: one. */
#ifndef TOOLS_GEN_OPTIONS_H
#define TOOLS_GEN_OPTIONS_H

#include "tools/gen.h"

struct gen_options { /* as given; NULL: not */
    const char *cases, *days, *seed, *errors, *workers;
};

/* Into the gen, which holds the defaults. *workers: one a processor where none is told. */
int gen_read_options(const struct gen_options *options, struct gen *gen, uint32_t *workers, struct fault *fault);

/* Makes DIR, or takes it where it is empty; else FAULT_USAGE. */
int gen_take_folder(const char *dir, struct fault *fault);

#endif
