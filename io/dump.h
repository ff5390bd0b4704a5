/* dump.h - the records of one input file one by one, in section 3's form or in one that a profile tells (section 13), each as the values of
 * its kind's columns. Room: io.  Thread: the ring's owner. Errors: -1 with the fault; FAULT_INPUT is of the file.
 * The fast way of plain files is ingest.c's own; this one is for profiled files, for `profile check`, and to fetch again what was rejected. */
#ifndef IO_DUMP_H
#define IO_DUMP_H

#include "io/profile.h"
#include "io/profile_text.h"
#include "io/source.h"

#define DUMP_AS_IT_CAME "as_it_came" /* the column of rejected-KIND.csv that holds what is no record */

struct dump;

#define DUMP_NO_HEADER "its header is no CSV record (a quote that nothing closes, or over 64 KiB)"
#define DUMP_WIDE_HEADER "its header has more than 4096 columns"

struct dump_record {
    uint64_t line;               /* of its beginning; the file's first is 1 */
    enum reason reason;          /* REASON_NONE, or why it cannot be read: bad_csv, bad_fields, too_long; then there are no fields */
    struct csv_field *fields;    /* one a column of the kind, in the order of section 3, unquoted, one behind another in one buffer */
    uint32_t field_count;
    struct span raw;             /* as it came, but in UTF-8 and without its line end; of a bad_csv its first line */
    struct span as_it_came;      /* of a file that has that column, in section 3's form */
    struct span reference;       /* of a part of an SMS */
    uint32_t parts, part;        /* parts 0: it is no part */
};

/* `name` and `profiles` (NULL: none) must outlive the dump. A file without bytes has no kind and no records. Returns 1 for
 * a file that fits nothing, with FAULT_INPUT, "NAME:LINE: reason"; -1 for what else fails. */
int dump_open(struct dump **ret_dump, struct ring *ring, const char *name, const struct profiles *profiles, struct fault *fault);
const struct profile *dump_profile(const struct dump *dump); /* NULL: section 3's form */
const struct record_layout *dump_layout(const struct dump *dump); /* of the records given, or NULL: the file has no kind */
struct source *dump_source(struct dump *dump);
/* 1 a record, whose bytes stay until the next call; 0 the end; -1 a fault. */
int dump_next(struct dump *dump, struct dump_record *ret_record, struct fault *fault);
uint64_t dump_lines(const struct dump *dump); /* LFs taken so far */
void dump_close(struct dump *dump); /* NULL is taken */

#endif
