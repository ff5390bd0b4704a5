/* profile_line.h - lines of a log taken apart by a template, without searching back.
 * Room: io; pure.  Thread: any. What comes out points into the text that went in. Errors: a line that does not fit is false.
 *
 *   {date} Receive SMS [SMSC:{smsc}] … [msg:{}:{text+}] [udh:{}:{udh}]
 *
 *   {name}         all up to the text that follows in the template; {} is passed over
 *   {name+}        up to the last place where that text stands: for what people wrote, which may hold it too
 *   {name?LABEL}   a field that may lack, with its label
 *
 * A line fits as a whole or not at all. */
#ifndef IO_PROFILE_LINE_H
#define IO_PROFILE_LINE_H

#include "engine/span.h"

#include <stdbool.h>
#include <stdint.h>

#define PROFILE_NAMES_MAX 32

struct profile_piece {
    struct span label;
    int32_t name; /* -1: passed over */
    bool has_value, optional, greedy;
};

struct profile_line {
    struct span names[PROFILE_NAMES_MAX];
    uint32_t name_count;
    struct profile_piece pieces[2 * PROFILE_NAMES_MAX];
    uint32_t piece_count;
    struct span tail;
};

/* Reads a template; its spans point into `text`. NULL, or what is wrong with it. */
const char *profile_line_read(struct profile_line *line, struct span text);
/* The place of a name, or -1. */
int32_t profile_line_find(const struct profile_line *line, struct span name);
/* Takes a line apart: values by name, empty where a field lacks. */
bool profile_line_match(const struct profile_line *line, struct span text, struct span values[PROFILE_NAMES_MAX]);

#endif
