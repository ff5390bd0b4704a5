/* dump_state.h - a dump that is being read: its bytes, and the text that they become. Room: io; seen by dump*.c only. */
#ifndef IO_DUMP_STATE_H
#define IO_DUMP_STATE_H

#include "io/dump.h"

#define RAW_SIZE ((size_t)48 << 10)
#define TEXT_SIZE ((size_t)160 << 10) /* a record and what is read ahead */
#define VALUE_MAX 4096
#define OUT_SIZE (RECORD_COLUMNS_MAX * VALUE_MAX + 64)

static_assert(TEXT_SIZE > CSV_LOOKAHEAD + 4096, "a record is settled within what the text holds");

struct dump {
    const char *name;
    struct source *source;
    const struct profile *profile;
    iconv_t converter;
    bool has_converter, has_layout, trying; /* trying: the head alone, until it is known what the file is */
    struct record_layout layout;            /* of the records given */
    struct record_layout given;             /* of the file, in section 3's form */
    uint32_t at[PROFILE_SOURCES];           /* where each value of a profile stands */
    uint32_t column_count;                  /* of the header, or of what stands for it; 0: none yet */
    uint64_t lines;
    size_t raw_at, raw_size, text_at, text_size;
    bool raw_final, text_final; /* nothing comes behind */
    bool fresh;                 /* no byte of the text was seen yet: a BOM may come */
    bool skipping;              /* up to the next LF all belongs to a record that was bad */
    struct csv_seen seen;
    struct csv_field fields[CSV_FIELDS_MAX];
    struct csv_field out_fields[RECORD_COLUMNS_MAX];
    struct span values[PROFILE_NAMES_MAX]; /* of a line of a log */
    struct span record_raw;                /* the record that is being read */
    char out[OUT_SIZE];
    size_t out_size;
    char scratch[CSV_RECORD_MAX + 64], shaped[3 * CSV_RECORD_MAX + 64];
    char raw[RAW_SIZE], text[TEXT_SIZE];
};

/* Reads on until the text is full or ends; what was not taken of it moves to its front. -1 with a fault. */
int dump_fill(struct dump *dump, struct fault *fault);
/* Brings raw bytes where there are none; not while the head is tried. False with a fault. */
bool dump_fill_raw(struct dump *dump, struct fault *fault);
/* Commas and the profile's delimiter change places. */
void dump_swap(const struct dump *dump, char *text, size_t size);

#endif
