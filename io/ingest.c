/* ingest.c - see ingest.h.
 *
 * Tasks: a file, or a block of a shared file. A file's task opens it and reads its header; a large plain file is then shared
 * and its blocks become tasks, taken before further files. Each shared file has a chain: block i is settled when its
 * supposed start is where block i-1 ended. Whoever finishes a block settles what can be settled, and mends a block that was
 * read from a wrong start. Bytes are hashed in the order of blocks, each as its turn comes. */
#include "io/ingest.h"

#include "engine/check.h"
#include "engine/values.h"
#include "io/dump.h"
#include "io/source.h"
#include "io/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define STREAM_PIECE ((uint64_t)64 << 20) /* a new piece so often: line numbers in a piece are 32 bits */
#define HEAD_SIZE ((size_t)256 << 10)     /* a shared file's header must stand in here */
#define READ_SIZE ((size_t)256 << 10) /* no more than a reading buffer holds, however small a block is */
#define NOWHERE UINT64_MAX

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
    struct timespec changed; /* when the file was, as it was opened */
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
    struct fault broken; /* files that cannot be used */
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

/* ---- pieces ---- */

/* A piece for records of `file` read from about raw offset `raw` on. UINT32_MAX: no memory. */
static uint32_t inputs_piece(struct inputs *inputs, uint32_t file, uint64_t raw, uint32_t *ret_reject_part)
{
    const struct input_file *of = &inputs->files[file];
    uint32_t number = UINT32_MAX;
    pthread_mutex_lock(&inputs->lock);
    if (inputs->piece_count == inputs->piece_capacity) {
        uint32_t capacity = inputs->piece_capacity ? inputs->piece_capacity * 2 : 256;
        struct input_piece *pieces = sys.realloc(inputs->pieces, capacity * sizeof *pieces);
        if (pieces) {
            inputs->pieces = pieces;
            inputs->piece_capacity = capacity;
        }
    }
    if (inputs->piece_count < inputs->piece_capacity) {
        number = inputs->piece_count++;
        uint64_t place = of->begins + (raw < of->size ? raw : of->size);
        *ret_reject_part = (uint32_t)((double)place / ((double)inputs->total_size + 1) * REJECT_PARTS);
        inputs->pieces[number] = (struct input_piece){.file = file, .reject_part = *ret_reject_part};
    }
    pthread_mutex_unlock(&inputs->lock);
    return number;
}

static int begin_piece(struct reading *reading, uint32_t file, uint64_t raw)
{
    reading->file = file;
    reading->lines = reading->records = 0;
    reading->piece = inputs_piece(reading->ingest->inputs, file, raw, &reading->reject_part);
    return reading->piece == UINT32_MAX ? fault_memory(&reading->worker->fault) : 0;
}

static void end_piece(struct reading *reading, uint64_t base_line, bool valid)
{
    struct inputs *inputs = reading->ingest->inputs;
    atomic_fetch_add(&reading->ingest->records_done, reading->records);
    pthread_mutex_lock(&inputs->lock);
    struct input_piece *piece = &inputs->pieces[reading->piece];
    piece->lines = reading->lines;
    piece->records = reading->records;
    piece->base_line = base_line;
    piece->valid = valid;
    pthread_mutex_unlock(&inputs->lock);
}

/* ---- records ---- */

static int add_reject(struct reading *reading, enum reason reason)
{
    struct record_reader *reader = reading->reader;
    bool unread = reason == REASON_BAD_CSV || reason == REASON_BAD_FIELDS || reason == REASON_TOO_LONG ||
                  reason == REASON_BAD_UTF8;
    struct reject reject = {
        .piece = reading->piece,
        .line = (uint32_t)reading->lines,
        .phone = reader->event.phone,
        .identity_size = unread ? 0 : (uint16_t)reader->identity_size,
        .kind = (uint8_t)reading->layout->kind,
        .outcome = OUTCOME_REJECT,
        .reason = (uint8_t)reason,
        .phone_known = !unread && reader->phone_known,
    };
    return spool_add(reading->ingest->rejects, reading->worker->index, reading->reject_part, &reject, sizeof reject, reader->identity,
                     reject.identity_size, &reading->worker->fault);
}

static int add_totals(struct reading *reading)
{
    struct ingest *ingest = reading->ingest;
    int failed = 0;
    pthread_mutex_lock(&ingest->inputs->lock);
    if (ingest->totals_count == ingest->totals_capacity) {
        uint32_t capacity = ingest->totals_capacity ? ingest->totals_capacity * 2 : 64;
        struct ingest_totals *totals = sys.realloc(ingest->totals, capacity * sizeof *totals);
        if (totals) {
            ingest->totals = totals;
            ingest->totals_capacity = capacity;
        } else {
            failed = fault_memory(&reading->worker->fault);
        }
    }
    if (!failed)
        ingest->totals[ingest->totals_count++] = (struct ingest_totals){
            reading->reader->totals, reading->reader->totals_count, reading->piece, (uint32_t)reading->lines};
    pthread_mutex_unlock(&ingest->inputs->lock);
    return failed;
}

static int add_event(struct reading *reading)
{
    struct ingest *ingest = reading->ingest;
    struct event *event = &reading->reader->event;
    event->piece = reading->piece;
    event->line = (uint32_t)reading->lines;
    struct spool *spool = ingest->events;
    unsigned bits = ingest->event_bits;
    uint64_t hash;
    if (event->kind == KIND_NOTICES || event->kind == KIND_WITHDRAWALS) {
        hash = event_identity_hash(event, ingest->seed);
        spool = ingest->notices;
        bits = ingest->notice_bits;
    } else {
        hash = value_phone_hash(event->phone);
    }
    size_t size = event_pack(event, reading->reader->payload, reading->packed);
    return spool_add(spool, reading->worker->index, part_of(hash, bits), reading->packed, size, NULL, 0, &reading->worker->fault);
}

static int take_record(struct reading *reading, uint32_t field_count)
{
    enum reason reason = field_count > CSV_FIELDS_MAX
                             ? REASON_BAD_FIELDS
                             : record_read(reading->reader, reading->layout, reading->fields, field_count);
    reading->records++;
    if (reason)
        return add_reject(reading, reason);
    return reading->layout->kind == KIND_TOTALS ? add_totals(reading) : add_event(reading);
}

/* Takes the records of buffer[*position..size) that begin before `limit`. Leaves *position at the first record not taken;
 * CSV_MORE: it needs more bytes; CSV_BAD_CUT: all up to and with the next LF is to be passed over. */
static enum csv_result take_records(struct reading *reading, size_t size, size_t *position, size_t limit, bool final,
                                    bool *ret_failed)
{
    while (*position < limit) {
        uint32_t count = 0;
        size_t next = *position;
        enum csv_result result = csv_next_seen(reading->buffer, size, *position, final, reading->fields, CSV_FIELDS_MAX,
                                               &count, &next, &reading->seen);
        if (result == CSV_MORE || result == CSV_END)
            return result;
        int failed = 0;
        if (result == CSV_RECORD) {
            failed = take_record(reading, count);
        } else if (result == CSV_BAD || result == CSV_BAD_CUT) {
            reading->records++;
            reading->reader->event = (struct event){0};
            failed = add_reject(reading, REASON_BAD_CSV);
        }
        if (failed) {
            *ret_failed = true;
            return CSV_END;
        }
        if (result == CSV_BAD_CUT)
            return result;
        reading->lines += csv_count_lines(reading->buffer + *position, next - *position);
        *position = next;
    }
    return CSV_RECORD;
}

/* ---- headers ---- */

static int broken(struct reading *reading, const char *wrong)
{
    pthread_mutex_lock(&reading->floor->lock);
    fault_add(&reading->floor->broken, FAULT_INPUT, "%s:1: %s", reading->ingest->inputs->files[reading->file].name, wrong);
    pthread_mutex_unlock(&reading->floor->lock);
    return -1;
}

#define UNFIT (-2)

/* A file that is not in section 3's form: a profile may yet read it, by dump.c. */
static int unfit(struct reading *reading, const char *wrong)
{
    return reading->ingest->profiles ? UNFIT : broken(reading, wrong);
}

/* Finds the header in buffer[0..size): 1 and the position behind it, and the lines before it; 0 more bytes are needed;
 * -1 the file is broken, UNFIT only profiles can tell. A file without bytes has no kind: *ret_position is `size`. */
static int read_header(struct reading *reading, size_t size, bool final, size_t *ret_position, uint64_t *ret_lines)
{
    struct input_file *file = &reading->ingest->inputs->files[reading->file];
    size_t position = size >= 3 && memcmp(reading->buffer, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (size < 3 && !final)
        return 0;
    *ret_lines = 0;
    for (;;) {
        uint32_t count = 0;
        size_t next = position;
        char wrong[256];
        switch (csv_next(reading->buffer, size, position, final, reading->fields, CSV_FIELDS_MAX, &count, &next)) {
        case CSV_MORE:
            return 0;
        case CSV_END:
            *ret_position = size;
            return final ? 1 : 0;
        case CSV_BLANK:
            ++*ret_lines;
            position = next;
            continue;
        case CSV_BAD:
        case CSV_BAD_CUT:
            return unfit(reading, "its header is no CSV record");
        case CSV_RECORD:
            break;
        }
        if (count > CSV_FIELDS_MAX)
            return unfit(reading, "its header has too many columns");
        if (!record_layout_read(&file->layout, reading->fields, count, wrong))
            return unfit(reading, wrong);
        file->has_kind = true;
        file->kind = file->layout.kind;
        *ret_lines += csv_count_lines(reading->buffer + position, next - position);
        *ret_position = next;
        return 1;
    }
}

/* ---- a file as a stream ---- */

static void add_broken(struct floor *floor, const struct fault *fault)
{
    if (fault->code == FAULT_INPUT) {
        pthread_mutex_lock(&floor->lock);
        fault_add(&floor->broken, FAULT_INPUT, "%s", fault->text);
        pthread_mutex_unlock(&floor->lock);
    }
}

/* A fault of the file is kept aside, with others'; any other stops the worker. */
static int source_failed(struct reading *reading, const struct fault *fault)
{
    if (fault->code == FAULT_INPUT)
        add_broken(reading->floor, fault);
    else
        fault_set(&reading->worker->fault, fault->code, "%s", fault->text);
    return -1;
}

/* A record that a profile gave. */
static int take_profiled(struct reading *reading, const struct dump_record *record)
{
    struct record_reader *reader = reading->reader;
    enum reason reason = record->reason ? record->reason
                                        : record_read(reader, reading->layout, record->fields, record->field_count);
    reading->records++;
    if (record->reason)
        reader->event = (struct event){0};
    if (reason)
        return add_reject(reading, reason);
    if (record->parts)
        record_add_part(reader, record->reference, record->parts, record->part);
    return reading->layout->kind == KIND_TOTALS ? add_totals(reading) : add_event(reading);
}

static int read_records_of(struct reading *reading, struct dump *dump, struct fault *fault)
{
    struct input_file *file = &reading->ingest->inputs->files[reading->file];
    const struct record_layout *layout = dump_layout(dump);
    struct dump_record record;
    uint64_t base = 1, since = 0;
    int found;
    if (layout) {
        file->layout = *layout;
        file->has_kind = true;
        file->kind = layout->kind;
    }
    reading->layout = &file->layout;
    if (begin_piece(reading, reading->file, 0))
        return -1;
    while ((found = dump_next(dump, &record, fault)) > 0) {
        if (source_position(dump_source(dump)) - since >= STREAM_PIECE) {
            end_piece(reading, base, true);
            since = source_position(dump_source(dump));
            if (crew_failed(reading->worker->crew) || begin_piece(reading, reading->file, since))
                return -1;
            base = record.line;
        }
        reading->lines = record.line - base;
        if (take_profiled(reading, &record))
            return -1;
    }
    end_piece(reading, base, true);
    return found;
}

/* A file in a form that a profile tells: read from its beginning, one record at a time. */
static int read_profiled(struct reading *reading)
{
    struct fault fault = {0};
    struct dump *dump;
    struct input_file *file = &reading->ingest->inputs->files[reading->file];
    if (dump_open(&dump, reading->worker->ring, file->name, reading->ingest->profiles, &fault))
        return source_failed(reading, &fault);
    int failed = read_records_of(reading, dump, &fault);
    file->bytes = source_bytes(dump_source(dump));
    file->hash = source_hash(dump_source(dump));
    dump_close(dump);
    return fault.code != FAULT_NONE ? source_failed(reading, &fault) : failed;
}

static int read_stream(struct reading *reading, struct source *source)
{
    struct fault fault = {0};
    size_t held = 0, position = 0;
    uint64_t line = 1, since = 0;
    bool header = false, skipping = false, final = false, failed = false;
    struct input_file *file = &reading->ingest->inputs->files[reading->file];
    while (!final) {
        memmove(reading->buffer, reading->buffer + position, held -= position);
        position = 0;
        reading->seen = (struct csv_seen){0};
        ssize_t got = source_read(source, reading->buffer + held, reading->stream_size, &fault);
        if (got < 0)
            return source_failed(reading, &fault);
        if (crew_failed(reading->worker->crew))
            return -1;
        final = (size_t)got < reading->stream_size;
        held += (size_t)got;
        since += (uint64_t)got;
        if (reading->ingest->hash_only) {
            position = held;
            continue;
        }
        if (!header) {
            uint64_t lines = 0;
            int found = read_header(reading, held, final, &position, &lines);
            if (found < 0)
                return found;
            if (found == 0 && held > reading->buffer_size - reading->stream_size)
                return unfit(reading, "its header is no CSV record");
            if (found == 0)
                continue;
            header = true;
            line += lines;
            reading->layout = &file->layout;
            if (!file->has_kind)
                continue;
            if (begin_piece(reading, reading->file, 0))
                return -1;
        }
        if (skipping) {
            const char *lf = memchr(reading->buffer, '\n', held);
            position = lf ? (size_t)(lf - reading->buffer) + 1 : held;
            reading->lines += lf != NULL;
            skipping = !lf;
        }
        enum csv_result result = take_records(reading, held, &position, held, final, &failed);
        if (failed)
            return -1;
        if (result == CSV_BAD_CUT) {
            skipping = true;
            position = held;
        }
        if (since >= STREAM_PIECE) {
            end_piece(reading, line, true);
            line += reading->lines;
            since = 0;
            if (begin_piece(reading, reading->file, source_position(source)))
                return -1;
        }
    }
    if (header && file->has_kind)
        end_piece(reading, line, true);
    file->bytes = source_bytes(source);
    file->hash = source_hash(source);
    return 0;
}

/* ---- shared files ---- */

static int changed(struct reading *reading, const struct shared *shared)
{
    pthread_mutex_lock(&reading->floor->lock);
    fault_add(&reading->floor->broken, FAULT_INPUT, "%s: changed while it was read; give it whole, and again",
              reading->ingest->inputs->files[shared->file].name);
    pthread_mutex_unlock(&reading->floor->lock);
    return -1;
}

static int read_range(struct reading *reading, const struct shared *shared, uint64_t offset, size_t size)
{
    struct ring *ring = reading->worker->ring;
    size_t submitted = 0;
    int error = 0;
    unsigned flying = 0;
    while ((submitted < size && !error) || flying) {
        while (submitted < size && !error && flying < RING_DEPTH / 2) {
            size_t piece = size - submitted < READ_SIZE ? size - submitted : READ_SIZE;
            error = ring_read(ring, shared->fd, reading->buffer + submitted, piece, (off_t)(offset + submitted), piece);
            if (!error) {
                flying++;
                submitted += piece;
            }
        }
        if (flying) {
            struct ring_done done;
            int failed = ring_wait(ring, &done);
            if (failed)
                return fault_errno(&reading->worker->fault, failed, "%s: read",
                                   reading->ingest->inputs->files[shared->file].name);
            flying--;
            if (done.result < 0)
                error = (int)done.result;
            else if ((uint64_t)done.result != done.tag)
                error = -ENODATA; /* shorter than it was */
        }
    }
    if (error == -ENODATA)
        return changed(reading, shared);
    return error ? fault_errno(&reading->worker->fault, error, "%s: read",
                               reading->ingest->inputs->files[shared->file].name)
                 : 0;
}

static void hash_block(struct shared *shared, uint32_t index, const char *data, size_t size)
{
    pthread_mutex_lock(&shared->lock);
    while (shared->hashed != index)
        pthread_cond_wait(&shared->turn, &shared->lock);
    pthread_mutex_unlock(&shared->lock);
    XXH3_128bits_update(shared->hash, data, size);
    pthread_mutex_lock(&shared->lock);
    shared->hashed++;
    pthread_cond_broadcast(&shared->turn);
    pthread_mutex_unlock(&shared->lock);
}

/* The place behind the next LF at or behind `offset`, or the file's end. */
static int find_line_end(struct reading *reading, const struct shared *shared, uint64_t offset, uint64_t *ret_end,
                         bool *ret_found)
{
    while (offset < shared->size) {
        size_t size = shared->size - offset < READ_SIZE ? (size_t)(shared->size - offset) : READ_SIZE;
        if (read_range(reading, shared, offset, size))
            return -1;
        const char *lf = memchr(reading->buffer, '\n', size);
        if (lf) {
            *ret_end = offset + (uint64_t)(lf - reading->buffer) + 1;
            *ret_found = true;
            return 0;
        }
        offset += size;
    }
    *ret_end = shared->size;
    *ret_found = false;
    return 0;
}

/* Parses a block from `start` on (NOWHERE: from its first line start, by supposition). */
static int read_block(struct reading *reading, struct shared *shared, uint32_t index, uint64_t start, bool hash)
{
    struct ingest *ingest = reading->ingest;
    uint64_t begin = (uint64_t)index * ingest->block_size;
    uint64_t limit = begin + ingest->block_size < shared->size ? begin + ingest->block_size : shared->size;
    uint64_t until = limit + CSV_LOOKAHEAD < shared->size ? limit + CSV_LOOKAHEAD : shared->size;
    uint64_t from = index ? begin - 1 : 0; /* the byte before tells whether a line begins here */
    struct block *block = &shared->blocks[index];
    size_t size = (size_t)(until - from);
    int failed = read_range(reading, shared, from, size);
    if (hash) /* even after a failure: others wait for this turn */
        hash_block(shared, index, reading->buffer + (begin - from), failed ? 0 : (size_t)(limit - begin));
    if (failed)
        return -1;
    if (begin_piece(reading, shared->file, begin))
        return -1;
    reading->layout = &ingest->inputs->files[shared->file].layout;
    if (start == NOWHERE) {
        const char *lf = memchr(reading->buffer, '\n', size);
        start = lf ? from + (uint64_t)(lf - reading->buffer) + 1 : limit;
    }
    uint64_t end = start;
    if (start < limit) {
        size_t position = (size_t)(start - from);
        reading->seen = (struct csv_seen){0};
        bool wrong = false, found = false;
        enum csv_result result = take_records(reading, size, &position, (size_t)(limit - from), until == shared->size, &wrong);
        if (wrong)
            return -1;
        CHECK(result != CSV_MORE);
        end = from + position;
        if (result == CSV_END)
            end = shared->size;
        if (result == CSV_BAD_CUT) {
            if (find_line_end(reading, shared, until, &end, &found))
                return -1;
            reading->lines += found;
        }
    }
    end_piece(reading, 0, false); /* line and validity are settled by the chain */
    pthread_mutex_lock(&shared->lock);
    block->start = start;
    block->end = end;
    block->piece = reading->piece;
    block->done = true;
    block->mending = false;
    pthread_mutex_unlock(&shared->lock);
    if (hash)
        atomic_fetch_add(&ingest->bytes_done, limit - begin);
    return 0;
}

/* Settles blocks as far as they are read; a block read from a wrong start is read again here. */
static int settle_blocks(struct reading *reading, struct shared *shared)
{
    struct inputs *inputs = reading->ingest->inputs;
    for (;;) {
        pthread_mutex_lock(&shared->lock);
        uint32_t index = shared->settled;
        struct block *block = index < shared->block_count ? &shared->blocks[index] : NULL;
        if (!block && shared->fd >= 0) { /* the last is settled */
            struct stat stat;
            bool same = sys.fstat(shared->fd, &stat) == 0 && (uint64_t)stat.st_size == shared->size &&
                        stat.st_mtim.tv_sec == shared->changed.tv_sec && stat.st_mtim.tv_nsec == shared->changed.tv_nsec;
            sys.close(shared->fd);
            shared->fd = -1;
            pthread_mutex_unlock(&shared->lock);
            return same ? 0 : changed(reading, shared);
        }
        if (!block || !block->done || block->mending) {
            pthread_mutex_unlock(&shared->lock);
            return 0;
        }
        uint64_t limit = ((uint64_t)index + 1) * reading->ingest->block_size;
        uint64_t expected = shared->settled_end;
        bool nothing = expected >= limit || expected >= shared->size; /* a record before reaches past this block */
        bool good = nothing || block->start == expected;
        if (good) {
            pthread_mutex_lock(&inputs->lock);
            struct input_piece *piece = &inputs->pieces[block->piece];
            piece->valid = !nothing;
            piece->base_line = shared->first_line;
            if (!nothing)
                shared->first_line += piece->lines;
            pthread_mutex_unlock(&inputs->lock);
            if (!nothing)
                shared->settled_end = block->end;
            shared->settled++;
        } else {
            block->mending = true;
        }
        pthread_mutex_unlock(&shared->lock);
        if (!good && read_block(reading, shared, index, expected, false))
            return -1;
    }
}

static int work_on_block(struct reading *reading, struct shared *shared, uint32_t index)
{
    uint64_t start = NOWHERE;
    pthread_mutex_lock(&shared->lock);
    if (shared->settled == index)
        start = shared->settled_end;
    pthread_mutex_unlock(&shared->lock);
    reading->file = shared->file;
    if (index == 0)
        start = shared->first_record;
    return read_block(reading, shared, index, start, true) || settle_blocks(reading, shared) ? -1 : 0;
}

/* Shares a plain file whose header stands in its first bytes. 1 done, 0 it is to be read as a stream, -1. */
static int share_file(struct reading *reading)
{
    struct ingest *ingest = reading->ingest;
    struct input_file *file = &ingest->inputs->files[reading->file];
    if (file->size < 2 * ingest->block_size || ingest->crew->count < 2 || ingest->hash_only)
        return 0;
    int fd = sys.open(AT_FDCWD, file->name, O_RDONLY, 0);
    struct stat stat;
    size_t head = HEAD_SIZE < ingest->block_size ? HEAD_SIZE : ingest->block_size;
    if (fd < 0 || sys.fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) || (uint64_t)stat.st_size < 2 * ingest->block_size ||
        sys.pread(fd, reading->buffer, head, 0) != (ssize_t)head || (uint8_t)reading->buffer[0] == 0x1f ||
        (uint8_t)reading->buffer[0] == 0x28 || ((uint8_t)reading->buffer[0] & 0xf0) == 0x50) {
        if (fd >= 0) /* whatever is wrong, the stream will say so */
            sys.close(fd);
        return 0;
    }
    size_t position = 0;
    uint64_t lines = 0;
    int found = read_header(reading, head, false, &position, &lines);
    struct shared *shared = found == 1 ? sys.alloc(sizeof *shared) : NULL;
    if (!shared) {
        sys.close(fd);
        return found == -1 ? -1 : 0;
    }
    uint32_t blocks = (uint32_t)(((uint64_t)stat.st_size + ingest->block_size - 1) / ingest->block_size);
    *shared = (struct shared){.file = reading->file, .fd = fd, .size = (uint64_t)stat.st_size, .first_record = position,
                              .changed = stat.st_mtim,
                              .settled_end = position, .first_line = 1 + lines, .block_count = blocks};
    shared->blocks = sys.alloc(blocks * sizeof *shared->blocks);
    shared->hash = XXH3_createState();
    if (!shared->blocks || !shared->hash)
        return fault_memory(&reading->worker->fault);
    memset(shared->blocks, 0, blocks * sizeof *shared->blocks);
    XXH3_128bits_reset(shared->hash);
    pthread_mutex_init(&shared->lock, NULL);
    pthread_cond_init(&shared->turn, NULL);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    pthread_mutex_lock(&reading->floor->lock);
    shared->next = reading->floor->shared;
    reading->floor->shared = shared;
    pthread_mutex_unlock(&reading->floor->lock);
    return 1;
}

static int work_on_file(struct reading *reading, uint32_t index)
{
    struct ingest *ingest = reading->ingest;
    struct input_file *file = &ingest->inputs->files[index];
    reading->file = index;
    int shared = share_file(reading);
    if (shared)
        return shared < 0 ? -1 : 0;
    struct source *source;
    struct fault fault = {0};
    if (source_open(&source, reading->worker->ring, file->name, &fault))
        return source_failed(reading, &fault);
    int failed = read_stream(reading, source);
    source_close(source);
    if (failed == UNFIT)
        failed = read_profiled(reading);
    atomic_fetch_add(&ingest->bytes_done, file->size);
    return failed;
}

/* ---- the pass ---- */

/* The next task: a block of a shared file, else a file. False: nothing is left to do. */
static bool next_task(struct floor *floor, struct shared **ret_shared, uint32_t *ret_index)
{
    bool found = false;
    pthread_mutex_lock(&floor->lock);
    for (;;) {
        for (struct shared *shared = floor->shared; shared && !found; shared = shared->next) {
            pthread_mutex_lock(&shared->lock);
            if (shared->claimed < shared->block_count) {
                *ret_shared = shared;
                *ret_index = shared->claimed++;
                found = true;
            }
            pthread_mutex_unlock(&shared->lock);
        }
        if (!found && floor->next_file < floor->ingest->inputs->file_count) {
            *ret_shared = NULL;
            *ret_index = floor->next_file++;
            floor->opening++;
            found = true;
        }
        if (found || !floor->opening)
            break;
        pthread_cond_wait(&floor->news, &floor->lock);
    }
    pthread_mutex_unlock(&floor->lock);
    return found;
}

static void read_files(struct crew_worker *worker, void *context)
{
    struct floor *floor = context;
    struct reading *reading = sys.alloc(sizeof *reading);
    struct record_reader *reader = sys.alloc(sizeof *reader);
    size_t block = floor->ingest->block_size + CSV_LOOKAHEAD + 1, half = floor->ingest->stream_size;
    size_t stream = 2 * half + CSV_LOOKAHEAD, size = block > stream ? block : stream;
    char *buffer = sys.alloc(size);
    if (!reading || !reader || !buffer) {
        fault_memory(&worker->fault);
    } else {
        *reading = (struct reading){.floor = floor, .ingest = floor->ingest, .worker = worker, .reader = reader,
                                    .buffer = buffer, .buffer_size = size, .stream_size = half};
        reader->rules = floor->ingest->rules;
        reader->ids = &reading->ids;
        reader->payload[0] = 0;
        if (ids_open(&reading->ids, floor->ingest->id_key, &worker->fault) == 0) {
            struct shared *shared;
            uint32_t index;
            while (!crew_failed(worker->crew) && worker->fault.code == FAULT_NONE && next_task(floor, &shared, &index)) {
                if (shared) {
                    (void)work_on_block(reading, shared, index);
                    continue;
                }
                (void)work_on_file(reading, index);
                pthread_mutex_lock(&floor->lock);
                floor->opening--;
                pthread_cond_broadcast(&floor->news);
                pthread_mutex_unlock(&floor->lock);
            }
        }
        ids_close(&reading->ids);
    }
    sys.free(buffer);
    sys.free(reader);
    sys.free(reading);
}

static void end_shared(struct ingest *ingest, struct shared *shared)
{
    struct input_file *file = &ingest->inputs->files[shared->file];
    file->bytes = shared->size;
    file->hash = XXH3_128bits_digest(shared->hash);
    XXH3_freeState(shared->hash);
    pthread_mutex_destroy(&shared->lock);
    pthread_cond_destroy(&shared->turn);
    if (shared->fd >= 0)
        sys.close(shared->fd);
    sys.free(shared->blocks);
    sys.free(shared);
}

static int make_files(struct ingest *ingest, struct fault *fault)
{
    struct inputs *inputs = ingest->inputs;
    const struct walk *walk = ingest->walk;
    *inputs = (struct inputs){.file_count = walk->count};
    pthread_mutex_init(&inputs->lock, NULL);
    inputs->files = sys.alloc((walk->count + 1) * sizeof *inputs->files);
    if (!inputs->files)
        return fault_memory(fault);
    memset(inputs->files, 0, (walk->count + 1) * sizeof *inputs->files);
    for (uint32_t i = 0; i < walk->count; i++) {
        inputs->files[i].name = walk->files[i].name;
        inputs->files[i].size = (uint64_t)walk->files[i].size;
        inputs->files[i].begins = inputs->total_size;
        inputs->total_size += inputs->files[i].size;
    }
    return 0;
}

int ingest_run(struct ingest *ingest, struct fault *fault)
{
    if (make_files(ingest, fault))
        return -1;
    struct floor floor = {.ingest = ingest};
    pthread_mutex_init(&floor.lock, NULL);
    pthread_cond_init(&floor.news, NULL);
    int failed = crew_run(ingest->crew, read_files, &floor, fault);
    while (floor.shared) {
        struct shared *next = floor.shared->next;
        CHECK(failed || floor.broken.code || floor.shared->settled == floor.shared->block_count);
        end_shared(ingest, floor.shared);
        floor.shared = next;
    }
    pthread_mutex_destroy(&floor.lock);
    pthread_cond_destroy(&floor.news);
    if (!failed && floor.broken.code != FAULT_NONE)
        failed = fault_set(fault, FAULT_INPUT, "%s", floor.broken.text);
    for (uint32_t i = 0; !failed && i < ingest->inputs->piece_count; i++)
        if (ingest->inputs->pieces[i].valid)
            ingest->inputs->files[ingest->inputs->pieces[i].file].records += ingest->inputs->pieces[i].records;
    return failed;
}

void inputs_free(struct inputs *inputs)
{
    if (!inputs->files)
        return;
    pthread_mutex_destroy(&inputs->lock);
    sys.free(inputs->files);
    sys.free(inputs->pieces);
    *inputs = (struct inputs){0};
}
