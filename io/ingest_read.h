/* ingest_read.h - what the files of the first pass share: a worker's state, and a file that workers read
 * together. Room: io; for ingest*.c alone.
 *
 *   ingest.c         the pass: which file or block next
 *   ingest_read.c    bytes to records, a file as a stream
 *   ingest_shared.c  a large plain file, block by block */
#ifndef IO_INGEST_READ_H
#define IO_INGEST_READ_H

#include "io/ingest.h"
#include "io/source.h"

#define UNFIT (-2) /* a file that is not in the contract's form: a profile may yet read it */

struct block {
    uint64_t start, end; /* where its first record begins, and where the first record behind it does */
    uint32_t piece;
    bool done, mending;
};

struct shared { /* a file that workers share */
    struct shared *next;
    uint32_t file;
    int fd;
    uint64_t size;
    struct timespec changed;           /* when the file was, as it was opened */
    uint64_t first_record, first_line; /* behind the header */
    uint32_t block_count, claimed, settled;
    uint64_t settled_end; /* where the first record behind the settled blocks begins */
    uint32_t hashed;
    XXH3_state_t *hash;
    struct block *blocks;
    pthread_mutex_t lock;
    pthread_cond_t turn;
};

struct floor { /* what the workers of a pass share */
    struct ingest *ingest;
    pthread_mutex_t lock;
    pthread_cond_t news;
    uint32_t next_file;
    uint32_t opening; /* files that are being looked at, and may yet become shared */
    struct shared *shared;
};

struct reading { /* one worker's state */
    struct floor *floor;
    struct ingest *ingest;
    struct crew_worker *worker;
    struct record_reader *reader;
    struct ids ids;
    char *buffer;
    size_t buffer_size, stream_size;
    struct csv_field fields[CSV_FIELDS_MAX];
    struct csv_seen seen; /* of the buffer as it is */
    /* of the file and piece being read */
    const struct record_layout *layout;
    uint32_t file, piece, reject_part;
    uint64_t lines, records; /* of the piece */
    char packed[EVENT_SIZE_MAX + 16];
};

/* ---- ingest_read.c ---- */

/* Pieces: all records of one are told by its number and a line in it. `raw`: about where it begins in the file. */
int reading_begin_piece(struct reading *reading, uint32_t file, uint64_t raw);
void reading_end_piece(struct reading *reading, uint64_t base_line, bool valid);
/* Takes the records of the buffer that begin before `limit`; *position moves to the first not taken. */
enum csv_result reading_take_records(struct reading *reading, size_t size, size_t *position, size_t limit,
                                     bool final, bool *ret_failed);
/* Keeps what is wrong with the file at hand aside, with others' faults: "NAME: WRONG". Returns -1. */
int reading_broken(struct reading *reading, const char *wrong);
/* 1 found, 0 more bytes are needed, -1 the file is broken, UNFIT. */
int reading_header(struct reading *reading, size_t size, bool final, size_t *ret_position,
                   uint64_t *ret_lines);
/* Files from their beginning to their end, by one worker. */
int reading_stream(struct reading *reading, struct source *source);
int reading_profiled(struct reading *reading);
/* A fault of the file is kept aside, with others'; any other stops the worker. */
int reading_source_failed(struct reading *reading, const struct fault *fault);

/* ---- ingest_shared.c ---- */

int shared_open(struct reading *reading); /* 1 done, 0 it is to be read as a stream, -1 */
int shared_work(struct reading *reading, struct shared *shared, uint32_t index);
void shared_end(struct ingest *ingest, struct shared *shared);

#endif
