/* ingest.h - the first pass: all input files to events, each in the spool of its destination.
 * Room: io.  Files are read side by side; one large plain file is shared by all workers, cut in blocks: a block is parsed on
 * the supposition that it begins outside quotes, which the end of the block before it then confirms, or it is read again.
 * Thread: the crew's opener, between its passes. What is given must stay until ingest_run returns, `walk` as
 * long as the inputs, whose names are its. Sizes are bytes. */
#ifndef IO_INGEST_H
#define IO_INGEST_H

#include "io/crew.h"
#include "io/input.h"
#include "io/profile.h"
#include "io/spool.h"
#include "io/walk.h"

/* What is said of a file that was not the same from one look to the next. */
#define INGEST_CHANGED "changed while it was read"

struct ingest_totals { /* totals records in the order of reading; sorted later */
    struct totals_row row;
    uint64_t count;
    uint32_t piece, line;
};

struct ingest {
    /* given */
    struct crew *crew;
    struct walk *walk; /* its flaws grow by those of contents */
    const struct record_rules *rules;
    const uint8_t *id_key;
    const struct profiles *profiles; /* of files in other forms; NULL: none */
    uint64_t seed;          /* of notice id hashes */
    struct spool *events;   /* by phone: part = top bits of the phone hash */
    struct spool *notices;  /* notices and withdrawals, by the notice id's hash */
    struct spool *rejects;  /* by place, REJECT_PARTS */
    unsigned event_bits, notice_bits; /* log2 of their parts */
    size_t block_size;      /* of a shared file; tests make it small */
    size_t stream_size;     /* so much of any other file is read at once */
    bool hash_only;         /* only count and hash the files */
    /* made */
    struct inputs *inputs;
    struct ingest_totals *totals;
    uint32_t totals_count, totals_capacity;
    atomic_ullong bytes_done, records_done; /* for progress */
};

static inline uint32_t part_of(uint64_t hash, unsigned bits)
{
    return bits ? (uint32_t)(hash >> (64 - bits)) : 0;
}

/* Fills ingest->inputs (zeroed by the caller, freed by inputs_free). Files that cannot be used are added to the walk's flaws, and all named
 * at once (FAULT_INPUT); then nothing of what was read may be used. */
int ingest_run(struct ingest *ingest, struct fault *fault);
void inputs_free(struct inputs *inputs);

#endif
