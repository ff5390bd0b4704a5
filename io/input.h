/* input.h - the input files of a run, the pieces that they were read in, and what was rejected of them.
 * Room: io.  A record is named by its piece and its line within it; which line of the file that is, and whether the piece
 * counts at all (it may have been read on a wrong supposition), is known once all pieces of the file were read.
 * Thread: while workers read, a file is its reader's and pieces are had under the lock; after the pass all is only looked at.
 * The names are of struct walk, the rest goes with inputs_free. */
#ifndef IO_INPUT_H
#define IO_INPUT_H

#include "engine/words.h"
#include "io/records.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <xxhash.h>

struct profile;

struct input_file {
    const char *name;      /* of struct walk */
    uint64_t size;         /* as stat said */
    uint64_t begins;       /* sizes of the files before it */
    uint64_t bytes;        /* as read */
    XXH128_hash_t hash;
    bool has_kind;         /* false: no bytes, or a BOM only */
    enum kind kind;
    struct record_layout layout;
    const struct profile *profile; /* that reads it; NULL: section 3's form */
    uint64_t records, misses, mended, duplicates, rejects, warnings;
    uint64_t unkept;       /* rejects that rejected-KIND.csv has no room for */
};

struct input_piece {
    uint32_t file;
    uint32_t reject_part;  /* grows with the place in all inputs */
    uint64_t base_line;    /* of its first record; the header's first line is 1 */
    uint64_t lines;        /* LFs in it */
    uint64_t records;
    bool valid;
};

struct inputs {
    struct input_file *files; /* in the order of names as bytes */
    uint32_t file_count;
    uint64_t total_size;
    struct input_piece *pieces;
    uint32_t piece_count, piece_capacity;
    pthread_mutex_t lock; /* of pieces, while workers read */
};

#define REJECT_PARTS 256

/* A row of rejects.csv on its way, in a spool:
 *
 *   | piece 4 | line 4 | phone 4 | identity size 2 | kind | outcome | reason | phone known | is part | unused | identity … |   20 bytes and those */
struct reject {
    uint32_t piece, line;
    uint32_t phone;
    uint16_t identity_size;
    uint8_t kind, outcome, reason; /* enum kind; enum verdict_outcome: reject, miss or warning; enum reason */
    bool phone_known;
    bool is_part; /* of an SMS that did not become whole */
    uint8_t reserved;
};

static inline uint64_t input_line(const struct inputs *inputs, uint32_t piece, uint32_t line)
{
    return inputs->pieces[piece].base_line + line;
}

/* (file, line) of two records as an order: <0, 0, >0 */
static inline int input_order(const struct inputs *inputs, uint32_t piece_a, uint32_t line_a, uint32_t piece_b,
                              uint32_t line_b)
{
    uint32_t file_a = inputs->pieces[piece_a].file, file_b = inputs->pieces[piece_b].file;
    if (file_a != file_b)
        return COMPARE(file_a, file_b);
    uint64_t a = input_line(inputs, piece_a, line_a), b = input_line(inputs, piece_b, line_b);
    return COMPARE(a, b);
}

#endif
