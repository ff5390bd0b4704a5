/* ref_table.h - one CSV file of reference data: which columns, and each row's values checked as far as any
 * file's are. Room: io; seen by ref_load.c only.  Faults: those of the file are counted and named, up to
 * REF_FAULTS_MAX in all. */
#ifndef IO_REF_TABLE_H
#define IO_REF_TABLE_H

#include "engine/fault.h"
#include "engine/span.h"
#include "io/ref_set.h"

#include <stdbool.h>
#include <stdint.h>

#define REF_FAULTS_MAX 20
#define REF_COLUMNS_MAX 8
#define REF_FIELD_MAX 4096

struct ref_reader {
    const char *dir;
    struct ref_set *set; /* values of rows live here */
    struct fault *fault;
    unsigned fault_count;
    void *context; /* for the rows' functions */
};

struct ref_table {
    const char *file;
    const char *columns[REF_COLUMNS_MAX]; /* all required; a NULL ends them */
    bool optional;                        /* the file may be absent */
    /* Takes a row's values, in the order of `columns`. -1: an operating error, fault is set. */
    int (*row)(struct ref_reader *reader, const struct span *values, uint32_t line);
};

/* Names a fault of DIR/FILE:LINE (line 0: of the file). Returns 0: reading goes on, so that more can be
 * named. */
int ref_refuse(struct ref_reader *reader, const char *file, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Reads DIR/FILE whole and gives every sound row to table->row. -1: an operating error; faults of content are
 * counted. */
int ref_table_read(struct ref_reader *reader, const struct ref_table *table);

/* Reads DIR/FILE whole, to be freed by sys.free; *ret_data NULL: it is not there, or was refused. */
int ref_file_read(struct ref_reader *reader, const char *file, bool optional, char **ret_data, size_t *ret_size);

#endif
