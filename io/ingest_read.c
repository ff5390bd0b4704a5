/* ingest_read.c - see ingest_read.h. */
#include "io/ingest_read.h"

#include "engine/check.h"
#include "engine/sys/list.h"
#include "engine/values.h"
#include "io/dump.h"

#include <string.h>

#define STREAM_PIECE ((uint64_t)64 << 20) /* a new piece so often: line numbers in a piece are 32 bits */

/* ---- pieces ---- */

int reading_begin_piece(struct reading *reading, uint32_t file, uint64_t raw)
{
    struct inputs *inputs = reading->ingest->inputs;
    const struct input_file *of = &inputs->files[file];
    uint64_t place = of->begins + (raw < of->size ? raw : of->size);
    reading->file = file;
    reading->lines = reading->records = 0;
    reading->reject_part = (uint32_t)((double)place / ((double)inputs->total_size + 1) * REJECT_PARTS);
    pthread_mutex_lock(&inputs->lock);
    int failed = list_grow(&inputs->pieces, &inputs->piece_capacity, inputs->piece_count + 1ull, &reading->worker->fault);
    if (!failed) {
        reading->piece = inputs->piece_count++;
        inputs->pieces[reading->piece] = (struct input_piece){.file = file, .reject_part = reading->reject_part};
    }
    pthread_mutex_unlock(&inputs->lock);
    return failed;
}

void reading_end_piece(struct reading *reading, uint64_t base_line, bool valid)
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
        .outcome = VERDICT_REJECT,
        .reason = (uint8_t)reason,
        .phone_known = !unread && reader->phone_known,
    };
    return spool_add(reading->ingest->rejects, reading->worker->index, reading->reject_part, &reject, sizeof reject, reader->identity,
                     reject.identity_size, &reading->worker->fault);
}

static int add_totals(struct reading *reading)
{
    struct ingest *ingest = reading->ingest;
    pthread_mutex_lock(&ingest->inputs->lock);
    int failed = list_grow(&ingest->totals, &ingest->totals_capacity, ingest->totals_count + 1ull, &reading->worker->fault);
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
enum csv_result reading_take_records(struct reading *reading, size_t size, size_t *position, size_t limit, bool final,
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

static int keep_flaw(struct reading *reading, const char *text, bool unfit)
{
    struct flaws *flaws = &reading->ingest->walk->flaws;
    pthread_mutex_lock(&reading->floor->lock);
    flaws->unfit |= unfit;
    flaws_add(flaws, reading->ingest->inputs->files[reading->file].name, text, &reading->worker->fault);
    pthread_mutex_unlock(&reading->floor->lock);
    return -1;
}

static int broken(struct reading *reading, const char *place, const char *wrong, bool unfit)
{
    struct fault fault = {0};
    fault_set(&fault, FAULT_INPUT, "%s%s: %s", reading->ingest->inputs->files[reading->file].name, place, wrong);
    return keep_flaw(reading, fault.text, unfit);
}

int reading_broken(struct reading *reading, const char *wrong)
{
    return broken(reading, "", wrong, false);
}

/* A file that is not in section 3's form: a profile may yet read it, by dump.c. The buffer has its first bytes. */
static int unfit(struct reading *reading, size_t size, uint64_t line, const char *wrong)
{
    char place[32];
    const char *form = source_foreign(reading->buffer, size);
    if (reading->ingest->profiles)
        return UNFIT;
    snprintf(place, sizeof place, ":%llu", (unsigned long long)line);
    return broken(reading, place, form ? form : wrong, true);
}

/* Finds the header in buffer[0..size): 1 and the position behind it, and the lines before it; 0 more bytes are needed;
 * -1 the file is broken, UNFIT only profiles can tell. A file without bytes has no kind: *ret_position is `size`. */
int reading_header(struct reading *reading, size_t size, bool final, size_t *ret_position, uint64_t *ret_lines)
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
            return unfit(reading, size, 1 + *ret_lines, DUMP_NO_HEADER);
        case CSV_RECORD:
            break;
        }
        if (count > CSV_FIELDS_MAX)
            return unfit(reading, size, 1 + *ret_lines, DUMP_WIDE_HEADER);
        if (!record_layout_read(&file->layout, reading->fields, count, wrong))
            return unfit(reading, size, 1 + *ret_lines, wrong);
        file->has_kind = true;
        file->kind = file->layout.kind;
        *ret_lines += csv_count_lines(reading->buffer + position, next - position);
        *ret_position = next;
        return 1;
    }
}

/* ---- a file as a stream ---- */

int reading_source_failed(struct reading *reading, const struct fault *fault)
{
    return fault->code == FAULT_INPUT ? keep_flaw(reading, fault->text, false) : fault_pass(&reading->worker->fault, fault);
}

/* A record that a profile gave. */
static int take_profiled(struct reading *reading, const struct dump_record *record)
{
    struct record_reader *reader = reading->reader;
    reader->is_part = record->parts > 0;
    enum reason reason = record->reason ? record->reason
                                        : record_read(reader, reading->layout, record->fields, record->field_count);
    reader->is_part = false;
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
    file->profile = dump_profile(dump);
    if (layout) {
        file->layout = *layout;
        file->has_kind = true;
        file->kind = layout->kind;
    }
    reading->layout = &file->layout;
    if (reading_begin_piece(reading, reading->file, 0))
        return -1;
    while ((found = dump_next(dump, &record, fault)) > 0) {
        bool many_lines = record.line - base > UINT32_MAX; /* of a compressed file few bytes may be very many */
        if (many_lines || source_position(dump_source(dump)) - since >= STREAM_PIECE) {
            reading_end_piece(reading, base, true);
            since = source_position(dump_source(dump));
            if (crew_failed(reading->worker->crew) || reading_begin_piece(reading, reading->file, since))
                return -1;
            base = record.line;
        }
        reading->lines = record.line - base;
        if (take_profiled(reading, &record))
            return -1;
    }
    reading_end_piece(reading, base, true);
    return found;
}

/* A file in a form that a profile tells: read from its beginning, one record at a time. */
int reading_profiled(struct reading *reading)
{
    struct fault fault = {0};
    struct dump *dump;
    struct input_file *file = &reading->ingest->inputs->files[reading->file];
    int opened = dump_open(&dump, reading->worker->ring, file->name, reading->ingest->profiles, &fault);
    if (opened)
        return opened > 0 ? keep_flaw(reading, fault.text, true) : reading_source_failed(reading, &fault);
    int failed = read_records_of(reading, dump, &fault);
    file->bytes = source_bytes(dump_source(dump));
    file->hash = source_hash(dump_source(dump));
    dump_close(dump);
    return fault.code != FAULT_NONE ? reading_source_failed(reading, &fault) : failed;
}

/* A stream's header, with `held` bytes in the buffer. As reading_header; *ret_line is the first record's. */
static int stream_header(struct reading *reading, size_t held, bool final, size_t *ret_position, uint64_t *ret_line)
{
    uint64_t lines = 0;
    int found = reading_header(reading, held, final, ret_position, &lines);
    if (found == 0 && held > reading->buffer_size - reading->stream_size)
        return unfit(reading, held, 1 + lines, DUMP_NO_HEADER);
    *ret_line = 1 + lines;
    return found;
}

/* To behind the line end, if there is one: what a broken record leaves. */
static bool skip_line(struct reading *reading, size_t held, size_t *ret_position)
{
    const char *lf = memchr(reading->buffer, '\n', held);
    *ret_position = lf ? (size_t)(lf - reading->buffer) + 1 : held;
    reading->lines += lf != NULL;
    return lf != NULL;
}

int reading_stream(struct reading *reading, struct source *source)
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
            return reading_source_failed(reading, &fault);
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
            int found = stream_header(reading, held, final, &position, &line);
            if (found < 0)
                return found;
            if (found == 0)
                continue;
            header = true;
            reading->layout = &file->layout;
            if (!file->has_kind)
                continue;
            if (reading_begin_piece(reading, reading->file, 0))
                return -1;
        }
        if (skipping)
            skipping = !skip_line(reading, held, &position);
        enum csv_result result = reading_take_records(reading, held, &position, held, final, &failed);
        if (failed)
            return -1;
        if (result == CSV_BAD_CUT) {
            skipping = true;
            position = held;
        }
        if (since >= STREAM_PIECE) {
            reading_end_piece(reading, line, true);
            line += reading->lines;
            since = 0;
            if (reading_begin_piece(reading, reading->file, source_position(source)))
                return -1;
        }
    }
    if (header && file->has_kind)
        reading_end_piece(reading, line, true);
    file->bytes = source_bytes(source);
    file->hash = source_hash(source);
    return 0;
}
