/* gen_file.h - the files of one piece of made-up dumps: opened when the first row comes, written behind, plain or in gzip
 * members or zstd frames of a megabyte. Room: tools.  Thread: a set belongs to one.
 * Errors: -1 or NULL with the set's fault; it then fails on, to gen_files_close, which frees what it has in any case. Sizes are bytes.
 * Which form a file has is drawn from its name, so it does not hang on who writes it. */
#ifndef TOOLS_GEN_FILE_H
#define TOOLS_GEN_FILE_H

#include "engine/words.h"
#include "io/csv.h"
#include "tools/gen.h"

#include <sys/types.h>

#define GEN_ROW_MAX 24576u /* of one record, the longest spoiled one too */
#define GEN_PARTIES_MAX (GEN_OPERATORS_MAX + 4)
#define GEN_FILES_MAX 512

struct gen_file {
    enum kind kind;
    uint16_t party; /* operator id of messages and receipts, agency of responses, else 0 */
    uint16_t style; /* how this operator's files look */
    uint32_t day;
    int fd;
    off_t at; /* so much of it is written */
    int form;
    char *data; /* not written yet */
    size_t size;
    uint64_t records, plain_bytes;
    char path[4200];
};

struct gen_sums {
    uint64_t files, records, bytes, plain_bytes;
};

/* What stands in a day's folder, before compression; one operator's told apart. */
struct gen_volume {
    _Atomic uint64_t others, messages, receipts;
};

struct gen_files {
    const struct gen *gen;
    const char *dir;
    char source[32]; /* behind the names of all: what made them */
    bool plain;      /* no file is compressed */
    struct fault *fault;
    struct gen_file *files[GEN_FILES_MAX];
    unsigned count;
    char *packed; /* room for a block, compressed */
    void *zstd;
    struct gen_sums sums;
    struct gen_volume *volumes; /* by day, to day GEN_DAYS_MAX; NULL: nobody asks */
    uint16_t apart;             /* the operator told apart in them */
};

void gen_files_open(struct gen_files *files, const struct gen *gen, const char *dir, const char *source, bool plain,
                    struct fault *fault);
int gen_files_close(struct gen_files *files); /* writes what is left; -1 with the fault, also where a row failed before */

/* The file of a kind, party and day, with room for one record at data + size; NULL with the fault. The caller moves ->size and
 * counts ->records. */
struct gen_file *gen_files_row(struct gen_files *files, enum kind kind, uint16_t party, uint32_t day);

#define GEN_DAY_FOLDER "day-%03u"
int gen_make_day(const char *dir, uint32_t day, struct fault *fault); /* its folder, if it is not there */

#endif
