/* export.h - a store's cases, history, SMS and requests as rows: NDJSON, or CSV with a schema. Room: tools.
 * export_rows.c knows the tables and how a row is written; export_history.c brings the histories of many runs into one order;
 * command_export.c goes through the phones. Thread: one. Values are borrowed for the call; times are ms. */
#ifndef TOOLS_EXPORT_H
#define TOOLS_EXPORT_H

#include "tools/reader.h"

enum export_kind { EXPORT_CASES, EXPORT_HISTORY, EXPORT_SMS, EXPORT_REQUESTS, EXPORT_COUNT };
extern const char *const EXPORT_WORDS[EXPORT_COUNT];

#define EXPORT_COLUMNS_MAX 24

struct export_value { /* of a column, in its order */
    struct span text;  /* .data NULL: null, or a number or time */
    int64_t number;    /* also a time, NEVER_MS: null; or 0, 1 of true and false */
};

struct export {
    struct reader *reader;
    struct fault *fault;
    enum export_kind kind;
    bool csv, phones;
    int64_t since_ms; /* NEVER_MS: all */
    uint32_t first_run; /* the first one as of then or later */
    FILE *file;       /* where rows go */
    struct buffer out;
    uint64_t rows;
};

/* One row: `values` by column. Written out now and then; -1 with the fault set. */
int export_row(struct export *export, const struct export_value *values);
/* What stands before all rows, and the end of them. */
int export_begin(struct export *export);
int export_end(struct export *export);
/* Appends schema.sql: every table, as PostgreSQL and DuckDB take it. */
int export_schema(struct buffer *out, struct fault *fault);

/* The phone's name: its id, or with --phones its number. `room` holds it. */
struct span export_phone(const struct export *export, uint32_t phone, char room[ID_SIZE]);

int export_history(struct export *export);

#endif
