/* csv.h - RFC 4180 records out of a buffer (contract section 3): which bytes belong to which field.
 * Room: io; pure: no allocation, no I/O.  Thread: any. Fields point into the buffer and stand as long as its bytes do.
 * Source: RFC 4180, and what it leaves open as the contract has it:
 *
 *   a "" inside quotes is one quote; a `"` inside a bare field is data; after a closing quote only comma, line end or end
 *   of file may follow; CRLF or LF; a lone CR is data; a line of no bytes (LF or CRLF alone) is no record; a record over
 *   64 KiB (without its line end) or unclosed at the end is bad, and reading goes on at the line after its first. */
#ifndef IO_CSV_H
#define IO_CSV_H

#include "engine/span.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef CSV_RECORD_MAX /* a test makes it small */
#define CSV_RECORD_MAX 65536
#endif
#define CSV_LOOKAHEAD (CSV_RECORD_MAX + 4) /* bytes behind a record's start that settle what it is */
#define CSV_FIELDS_MAX 4096                /* a record of more fields is still a record; the rest is only counted */

struct csv_field {
    const char *data;
    uint32_t size;     /* raw size between the quotes, "" not yet folded */
    bool escaped;      /* has "" in it: csv_unescape */
};

enum csv_result {
    CSV_RECORD,  /* fields, count and next are set */
    CSV_BLANK,   /* a line of no bytes; next is set */
    CSV_BAD,     /* bad_csv; next is the line after its first */
    CSV_BAD_CUT, /* bad_csv, and the line's end is not in the buffer: skip to the byte after the next LF */
    CSV_MORE,    /* the buffer ends before the record is settled (never where `final`) */
    CSV_END,     /* position is the end of the buffer */
};

/* Reads the record at `position` of buffer[0..size). `final`: the buffer ends where the file ends. At most `fields_max`
 * fields are stored, all are counted in *ret_count. *ret_next is the position behind the record and its line end. */
enum csv_result csv_next(const char *buffer, size_t size, size_t position, bool final, struct csv_field *fields,
                         uint32_t fields_max, uint32_t *ret_count, size_t *ret_next);

/* What a bad record tells of the lines behind its first: a file whose every line opens a quote that nothing closes would
 * else be looked through 64 KiB a line. Zeroed it tells nothing; it is to be zeroed whenever bytes of the buffer move, and
 * positions must ascend until then. */
struct csv_seen {
    size_t until; /* whatever record reaches a line end before this inside quotes is here in `state` */
    uint8_t state;
};

/* csv_next, and the same results in time that grows with the buffer alone. `seen` NULL: csv_next. */
enum csv_result csv_next_seen(const char *buffer, size_t size, size_t position, bool final, struct csv_field *fields,
                              uint32_t fields_max, uint32_t *ret_count, size_t *ret_next, struct csv_seen *seen);

/* Copies a field with "" folded to `"`; out needs field->size bytes. Returns the size. */
size_t csv_unescape(const struct csv_field *field, char *out);

/* Are both the same once unquoted? (A bare a""b is not what a quoted "a""b" is.) */
bool csv_same(const struct csv_field *a, const struct csv_field *b);

uint64_t csv_count_lines(const char *data, size_t size); /* LFs */

/* Appends `text` as a field of our own output: quoted only where it has , " CR or LF. out needs 2 * size + 2 bytes. */
size_t csv_quote(struct span text, char *out);

#endif
