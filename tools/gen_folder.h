/* gen_folder.h - a run's output folder as it is to be answered: its files as memory, cut in ranges, a task each.
 * Room: tools.  Thread: any, once it is open: all is only read. What is told of a file stands until gen_folder_close. */
#ifndef TOOLS_GEN_FOLDER_H
#define TOOLS_GEN_FOLDER_H

#include "tools/gen.h"

#include <stddef.h>

#define GEN_RANGE_SIZE ((size_t)8 << 20)

struct gen_run_file {
    char *name;
    const char *data;
    size_t size;
    bool requests;  /* requests-AGENCY.ndjson, else outbound-OPERATOR.csv */
    uint16_t party; /* operator id, or agency */
    uint32_t first_task;
};

struct gen_folder {
    const struct gen *gen;
    struct gen_run_file *files; /* by name */
    uint32_t count, capacity, tasks;
    uint32_t night; /* of the run, by its as-of */
};

/* The gen is set. A folder of no run is FAULT_USAGE. */
int gen_folder_open(struct gen_folder *folder, const char *dir, struct fault *fault);
void gen_folder_close(struct gen_folder *folder);

/* The file of a task and its place among all. */
const struct gen_run_file *gen_folder_file(const struct gen_folder *folder, uint32_t task, uint32_t *ret_place);
/* The first record that begins at `from` or behind; of outbound the header is none. */
size_t gen_record_from(const struct gen_run_file *file, size_t from);

#endif
