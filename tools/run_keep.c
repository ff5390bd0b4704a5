/* run_keep.c - --keep-rejected: rejected-KIND.csv, the rejected records as they came, each with its reason (contract section 14).
 *
 * A reject knows its file and line, no more. They come in that order, so that each file is read once again beside them, up to its end:
 * that it is still what it was is known by its hash. A file of section 3's form comes out of it, whatever form the records had.
 * What must not be taken as it stands (no record, a part of an SMS, what its form did not let read) stands whole in the last column,
 * and the others are empty. A row may become longer than its record, whose quotes it doubles; and of one that is no record itself the
 * lines inside it would be records of their own. So a row without room stays empty, and the rejects tell of it. */
#include "tools/run.h"

#include "io/buffer_fields.h"
#include "io/dump.h"

#define APPEND_SIZE ((size_t)1 << 20)

struct keeping {
    struct dump *dump; /* of the file that is being read again; NULL: none */
    uint32_t file;
    struct dump_record record; /* the last one had of it */
    struct buffer rows[KIND_COUNT];
};

/* `reason` is a column of responses already, and would be taken for the agency's word. */
static const char *reason_column(enum kind kind)
{
    return kind == KIND_RESPONSES ? "reject_reason" : "reason";
}

static int changed(struct run *run, uint32_t file)
{
    return fault_set(run->fault, FAULT_INPUT, "%s: " INGEST_CHANGED ": give it whole, and the command again", run->inputs.files[file].name);
}

/* Reads what is left, to know that the file was read the same twice. */
static int end_file(struct run *run, struct keeping *keeping)
{
    struct dump *dump = keeping->dump;
    char rest[16384];
    ssize_t got = 1;
    if (!dump)
        return 0;
    while (got > 0)
        got = source_read(dump_source(dump), rest, sizeof rest, run->fault);
    bool same = got == 0 && XXH128_isEqual(source_hash(dump_source(dump)), run->inputs.files[keeping->file].hash);
    dump_close(dump);
    keeping->dump = NULL;
    return got < 0 ? -1 : same ? 0 : changed(run, keeping->file);
}

/* Goes on to the record of a line. */
static int find_record(struct run *run, struct keeping *keeping, uint32_t file, uint64_t line)
{
    if (!keeping->dump || keeping->file != file) {
        if (end_file(run, keeping) ||
            dump_open(&keeping->dump, run->files.ring, run->inputs.files[file].name, run->profiles, run->fault))
            return -1;
        keeping->file = file;
        keeping->record = (struct dump_record){0};
    }
    while (keeping->record.line < line) {
        int found = dump_next(keeping->dump, &keeping->record, run->fault);
        if (found <= 0)
            return found < 0 ? -1 : changed(run, file);
    }
    return keeping->record.line == line ? 0 : changed(run, file);
}

static int begin_rows(struct run *run, enum kind kind)
{
    char name[64];
    struct buffer header = {0};
    snprintf(name, sizeof name, "rejected-%s.csv", KIND_WORDS[kind]);
    for (unsigned c = 0; c < record_columns(kind); c++)
        buffer_format(&header, run->fault, "%s,", record_column(kind, c));
    buffer_format(&header, run->fault, "%s," DUMP_AS_IT_CAME "\n", reason_column(kind));
    int failed = run->fault->code || run_open_output(run, run->files.ring, &run->files.kept[kind], name, NULL, run->fault) ||
                 output_append(run->files.kept[kind], header.data, header.size, run->fault);
    buffer_free(&header);
    return failed ? -1 : 0;
}

static int flush_rows(struct run *run, enum kind kind)
{
    struct buffer *rows = &run->keeping->rows[kind];
    int failed = rows->size ? output_append(run->files.kept[kind], rows->data, rows->size, run->fault) : 0;
    buffer_clear(rows);
    return failed;
}

static bool can_be_taken(const struct keeping *keeping, enum reason reason)
{
    const struct dump_record *record = &keeping->record;
    bool undecoded = reason == REASON_BAD_UTF8 && dump_profile(keeping->dump);
    return !record->reason && !record->parts && !undecoded && reason != REASON_BAD_CSV && reason != REASON_BAD_FIELDS &&
           reason != REASON_TOO_LONG;
}

/* Given again it may be rejected for another reason, and still have room. */
static size_t longest_reason(void)
{
    size_t longest = 0;
    for (enum reason reason = 0; reason < REASON_COUNT; reason++)
        longest = strlen(REASON_WORDS[reason]) > longest ? strlen(REASON_WORDS[reason]) : longest;
    return longest;
}

enum how { AS_VALUES, AS_IT_CAME, AS_NOTHING };

static void put_row(struct run *run, struct buffer *rows, enum kind kind, enum reason reason, enum how how)
{
    const struct dump_record *record = &run->keeping->record;
    for (unsigned c = 0; c < record_columns(kind); c++) {
        struct span value = {"", 0};
        if (how == AS_VALUES)
            value = (struct span){record->fields[c].data, record->fields[c].size};
        buffer_csv(rows, value, ',', run->fault);
    }
    buffer_format(rows, run->fault, "%s,", REASON_WORDS[reason]);
    struct span last = how == AS_VALUES ? record->as_it_came : how == AS_IT_CAME ? record->raw : (struct span){"", 0};
    buffer_csv(rows, last, '\n', run->fault);
}

int run_keep_reject(struct run *run, const struct reject *reject)
{
    if (!run->keeping) {
        run->keeping = sys.alloc(sizeof *run->keeping);
        if (!run->keeping)
            return fault_memory(run->fault);
        memset(run->keeping, 0, sizeof *run->keeping);
    }
    struct keeping *keeping = run->keeping;
    enum kind kind = (enum kind)reject->kind;
    enum reason reason = (enum reason)reject->reason;
    uint64_t line = input_line(&run->inputs, reject->piece, reject->line);
    if (find_record(run, keeping, run->inputs.pieces[reject->piece].file, line) || (!run->files.kept[kind] && begin_rows(run, kind)))
        return -1;
    struct buffer *rows = &keeping->rows[kind];
    size_t begin = rows->size;
    put_row(run, rows, kind, reason, can_be_taken(keeping, reason) ? AS_VALUES : AS_IT_CAME);
    bool has_room = rows->size - begin - 1 + longest_reason() - strlen(REASON_WORDS[reason]) <= CSV_RECORD_MAX;
    if (!has_room) {
        rows->size = begin;
        put_row(run, rows, kind, reason, AS_NOTHING);
    }
    run->files.kept_rows[kind]++;
    if (run->fault->code || (rows->size >= APPEND_SIZE && flush_rows(run, kind)))
        return -1;
    return has_room ? 1 : 0;
}

int run_end_keeping(struct run *run)
{
    if (!run->keeping)
        return 0;
    if (end_file(run, run->keeping))
        return -1;
    for (enum kind kind = 0; kind < KIND_COUNT; kind++)
        if (run->files.kept[kind] && (flush_rows(run, kind) || output_finish(run->files.kept[kind], run->fault)))
            return -1;
    return 0;
}

void run_close_keeping(struct run *run)
{
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        output_close(run->files.kept[kind]);
        run->files.kept[kind] = NULL;
        if (run->keeping)
            buffer_free(&run->keeping->rows[kind]);
    }
    if (run->keeping)
        dump_close(run->keeping->dump);
    sys.free(run->keeping);
    run->keeping = NULL;
}
