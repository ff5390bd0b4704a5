/* segment.h - sorted segments: built in one go, never changed, read newest first (tables.h).
 * Room: store.  Thread: a builder or a view belongs to one; views of one store may be read side by side.
 * Errors: building fails for want of memory alone; reading for what LMDB says, or FAULT_INPUT where a chunk is not what was written:
 * order and ends of its entries are checked as it is loaded, so whoever has a record may trust its size. Sizes are bytes.
 *
 * Entries are named by (hash, sub) and lie in that order. Where several segments hold the same name the newest counts; an
 * empty record means that the name is gone. */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "engine/fault.h"
#include "store/blobs.h"

/* ---- building: one part of a segment; parts in the order of their hashes are the segment ---- */

struct segment_builder {
    enum table table, filter_table; /* filter_table TABLE_COUNT: none */
    uint32_t number;
    struct blobs *blobs;
    struct chunk_entry *entries;
    uint32_t count, capacity;
    struct buffer records;
    uint64_t *filter_hashes; /* TABLE_COUNT: NULL */
    uint32_t filter_count;
    uint64_t entries_total, bytes_total;
};

/* A builder for many parts, one after another: build, then begin … end for each, then free. */
int segment_build(struct segment_builder *builder, enum table table, enum table filter_table, struct fault *fault);
/* Begins a part of segment `number`; what it makes goes to `blobs`. */
void segment_begin(struct segment_builder *builder, uint32_t number, struct blobs *blobs);
/* Room for a record of up to `size_max` bytes, until the next call; segment_add takes it with the size that it really has. Names must
 * ascend (a CHECK). */
char *segment_room(struct segment_builder *builder, size_t size_max, struct fault *fault);
int segment_add(struct segment_builder *builder, uint64_t hash, uint32_t sub, size_t size, struct fault *fault);
int segment_end(struct segment_builder *builder, struct fault *fault); /* entries_total and bytes_total are of this part */
void segment_builder_free(struct segment_builder *builder);

/* ---- reading ---- */

struct segment_cursor {
    MDB_cursor *cursor, *filter;
    uint32_t number;
    bool ended, filter_ended;
    bool loaded, filter_loaded;
    const struct chunk_entry *entries; /* of the chunk loaded */
    const char *records;
    uint32_t count, position;
    char *whole; /* a chunk of several pieces, put together */
    size_t whole_capacity;
    struct span filter_page;
    uint64_t filter_first, filter_last;
};

struct segment_view {
    const struct db *db;
    MDB_txn *txn;
    enum table table, filter_table;
    uint32_t count;
    struct segment_cursor cursors[STORE_SEGMENTS_MAX]; /* oldest first, as given */
};

/* The table of each kind, and that of its filters (TABLE_COUNT: it has none). */
struct segmented_tables {
    enum table table, filter;
};
extern const struct segmented_tables SEGMENTED_TABLES[SEGMENTED_COUNT];

struct segment_entry {
    uint64_t hash;
    uint32_t sub;
    struct span record; /* stands until the view moves on or is closed */
};

/* Over these segments, in this transaction, which must outlive the view. On a fault it is closed already. */
int segment_view_open(struct segment_view *view, const struct db *db, MDB_txn *txn, enum table table,
                      enum table filter_table, const struct segment *segments, uint32_t count, struct fault *fault);
/* Of all live segments of one kind (SEGMENTED_…), with its filters. */
int segment_view_live(struct segment_view *view, const struct db *db, MDB_txn *txn, const struct state *state, unsigned segmented,
                      struct fault *fault);
void segment_view_close(struct segment_view *view); /* before its transaction ends; a zeroed one is taken */

/* How a chunk of `size` bytes is cut: bytes of piece `piece` (0: the value that has the chunk's own key) begin at
 * segment_piece_at; the key of any other has the number of the piece behind it. */
#define SEGMENT_KEY_SIZE 12
#define SEGMENT_PIECE_KEY_SIZE 16
size_t segment_pieces(size_t size); /* how many: 1 for all but the largest */
size_t segment_piece_at(size_t piece);
/* Puts a chunk together that has head.pieces > 0: `first` is its first value's payload, and the cursor stands on that. *whole is
 * made to fit. -1 with the fault set; db_damaged where a piece is missing. */
int segment_put_together(MDB_cursor *cursor, enum table table, const uint8_t key[SEGMENT_KEY_SIZE], struct span first, char **whole,
                         size_t *capacity, struct span *ret_whole, struct fault *fault);

/* The record of a name; it stands until the view moves on or is closed. Names must be asked for in ascending order (segment_rewind goes back).
 * 1 and the record, 0 where there is none or it is gone, -1 with the fault set. */
int segment_find(struct segment_view *view, uint64_t hash, uint32_t sub, struct span *ret_record, struct fault *fault);
/* A record of the notices table, copied; false: it is none. */
bool segment_notice(struct span record, struct notice_record *ret_notice);

/* All names from `from_hash` on, each once, newest record; the gone are told with empty records.
 * Not to be mixed with segment_find on one view. */
int segment_scan(struct segment_view *view, uint64_t from_hash, struct fault *fault);
bool segment_peek(const struct segment_view *view, struct segment_entry *ret_entry); /* the entry at hand; false: the view has ended */
int segment_next(struct segment_view *view, struct fault *fault); /* past the entry that peek told */
void segment_rewind(struct segment_view *view);

#endif
