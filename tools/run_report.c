/* run_report.c - rejects.csv and reconciliation.csv: rows gathered by all passes, put in order (contract sections 9, 10). */
#include "tools/run.h"

#include "engine/check.h"
#include "engine/values.h"

#define APPEND_SIZE ((size_t)1 << 20)

/* for people; no value of the record itself */
static const char *const DETAILS[REASON_COUNT] = {
    [REASON_BAD_CSV] = "not a CSV record: quotes, length or end of file",
    [REASON_BAD_FIELDS] = "not as many fields as the header",
    [REASON_TOO_LONG] = "a field over 4096 bytes",
    [REASON_BAD_UTF8] = "not UTF-8, or a NUL in it",
    [REASON_BAD_ID] = "an id is 1 to 64 printable ASCII characters without space",
    [REASON_BAD_TIME] = "not RFC 3339 with an offset",
    [REASON_TOO_OLD] = "older than what is remembered",
    [REASON_FUTURE] = "more than a day after as-of",
    [REASON_BAD_MSISDN] = "not a Kazakh mobile number",
    [REASON_BAD_IIN] = "date or check digit",
    [REASON_BAD_BIRTH_DATE] = "not a real date, or after the notice",
    [REASON_BAD_SEX] = "M or F",
    [REASON_BAD_CHILD_ORDER] = "1 to 20",
    [REASON_BAD_REGION] = "no district with offices and localities",
    [REASON_BAD_CAUSE] = "death, mistake or other",
    [REASON_NO_NOTICE] = "its notice opened no case",
    [REASON_NO_FREE_SLOT] = "the phone has nine open cases",
    [REASON_BAD_OPERATOR] = "not in operators.csv",
    [REASON_OTHER_SHORT_CODE] = "sent to another number",
    [REASON_NO_CASE] = "the phone had no case then",
    [REASON_ID_CONFLICT] = "the id is known with other content",
    [REASON_NO_OPEN_PROMPT] = "nothing was asked",
    [REASON_BAD_FORM] = "not in the form R c l …",
    [REASON_TOO_LATE] = "its prompt had expired",
    [REASON_BAD_SLOT] = "no open case has that first digit",
    [REASON_BAD_ANSWER] = "not an answer that the prompt allows",
    [REASON_ALREADY_ANSWERED] = "answered or given up before",
    [REASON_BAD_LANGUAGE] = "not the language chosen",
    [REASON_NOT_ASKED] = "not asked yet",
    [REASON_BAD_NAME] = "not a name of 2 to 4 words",
    [REASON_BAD_ACCOUNT] = "not a KZ IBAN",
    [REASON_NO_REQUEST] = "this store never issued that id",
    [REASON_BAD_STATUS] = "not a status of this kind",
    [REASON_BAD_RESPONSE] = "queued without a queue_number",
    [REASON_NO_SMS] = "this store never issued that id",
    [REASON_BAD_PARTY] = "no operator or agency of that name",
    [REASON_BAD_KIND] = "not a kind that the party gives",
    [REASON_BAD_COUNT] = "not a whole number",
};

static const char *const VERDICT_WORDS[] = {[VERDICT_REJECT] = "reject", [VERDICT_MISS] = "miss", [VERDICT_WARNING] = "warning"};

/* What the first worker's `order` holds, sorted; NULL with the fault: no memory. */
static const struct sort_entry *sort_order(struct run *run, sort_compare *compare, size_t *ret_count)
{
    struct run_worker *worker = &run->workers[0];
    if (!buffer_room(&worker->order, 0, run->fault) || !buffer_room(&worker->spare, worker->order.size, run->fault))
        return NULL; /* never for nothing */
    struct sort_entry *entries = (struct sort_entry *)worker->order.data;
    *ret_count = worker->order.size / sizeof *entries;
    sort_entries(entries, (struct sort_entry *)worker->spare.data, *ret_count, compare, run);
    return entries;
}

/* Rows go to their file once they are many. */
static int append_some(struct run *run, struct output *file, struct buffer *rows)
{
    if (rows->size < APPEND_SIZE)
        return 0;
    int failed = output_append(file, rows->data, rows->size, run->fault);
    buffer_clear(rows);
    return failed;
}

/* ---- rejects ---- */

static int reject_order(const void *a, const void *b, const void *context)
{
    struct reject x, y;
    const struct run *run = context;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    int order = input_order(&run->inputs, x.piece, x.line, y.piece, y.line);
    return order ? order : strcmp(REASON_WORDS[x.reason], REASON_WORDS[y.reason]);
}

/* What a profile reads is not in the forms of section 3. */
static const char *detail_of(const struct reject *reject, const struct profile *profile)
{
    if (profile && reject->reason == REASON_BAD_FIELDS)
        return reject->is_part ? "other parts of the SMS are missing" : "not the fields that its profile has, or no number of a part";
    if (profile && profile->time_count && reject->reason == REASON_BAD_TIME)
        return "not in a form of time of its profile, or no such time there";
    if (profile && reject->reason == REASON_BAD_UTF8)
        return "not in the encoding or text_form of its profile, or a NUL in it";
    return DETAILS[reject->reason] ? DETAILS[reject->reason] : "";
}

static int write_reject(struct run *run, const char *bytes, struct buffer *out)
{
    struct reject reject;
    memcpy(&reject, bytes, sizeof reject);
    struct input_file *file = &run->inputs.files[run->inputs.pieces[reject.piece].file];
    const char *why = detail_of(&reject, file->profile);
    char detail[160];
    int kept = 1;
    switch (reject.outcome) {
    case VERDICT_REJECT:
        file->rejects++;
        run->counts.rejects[reject.kind][reject.reason]++;
        if (run->options->keep_rejected)
            kept = run_keep_reject(run, &reject);
        if (kept < 0)
            return -1;
        file->unkept += kept == 0;
        break;
    case VERDICT_MISS:
        file->misses++;
        run->counts.misses[reject.reason]++;
        break;
    default:
        file->warnings++;
    }
    run->files.rejects_rows++;
    int size = snprintf(detail, sizeof detail, "%s%s", why, kept ? "" : "; without room in the file of rejected records");
    struct reject_row row = {.file = span_of(file->name),
                             .identity = {bytes + sizeof reject, reject.identity_size},
                             .detail = {detail, (size_t)size},
                             .line = input_line(&run->inputs, reject.piece, reject.line),
                             .kind = (enum kind)reject.kind,
                             .outcome = VERDICT_WORDS[reject.outcome],
                             .reason = (enum reason)reject.reason,
                             .phone_known = reject.phone_known,
                             .phone = reject.phone};
    return rows_reject(&row, out, run->fault);
}

static int write_reject_part(struct run *run, uint32_t part, struct buffer *out)
{
    struct run_worker *worker = &run->workers[0];
    uint64_t size = spool_size(&run->rejects, part);
    if (!size)
        return 0;
    buffer_clear(&worker->loaded);
    buffer_clear(&worker->order);
    if (!buffer_room(&worker->loaded, size, run->fault) || spool_load(&run->rejects, part, worker->loaded.data, run->fault))
        return -1;
    for (size_t at = 0; at < size;) {
        const char *bytes = worker->loaded.data + at;
        struct reject reject;
        memcpy(&reject, bytes, sizeof reject);
        at += sizeof reject + reject.identity_size;
        const struct input_piece *piece = &run->inputs.pieces[reject.piece];
        if (!piece->valid)
            continue;
        uint64_t line = piece->base_line + reject.line;
        struct sort_entry entry = {(uint64_t)piece->file << 40 | (line & (((uint64_t)1 << 40) - 1)), bytes};
        if (buffer_add(&worker->order, &entry, sizeof entry, run->fault))
            return -1;
    }
    size_t count;
    const struct sort_entry *entries = sort_order(run, reject_order, &count);
    if (!entries)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (write_reject(run, entries[i].item, out) || append_some(run, run->files.rejects, out))
            return -1;
    }
    return 0;
}

int run_write_rejects(struct run *run)
{
    struct buffer out = {0};
    int failed = run_open_output(run, run->files.ring, &run->files.rejects, "rejects.csv", ROWS_REJECT_HEADER, run->fault);
    for (uint32_t part = 0; part < REJECT_PARTS && !failed; part++)
        failed = write_reject_part(run, part, &out);
    failed = failed || output_append(run->files.rejects, out.data, out.size, run->fault);
    buffer_free(&out);
    return failed || run_end_keeping(run) ? -1 : 0;
}

/* ---- findings ---- */

static int write_finding(struct run *run, const struct finding_row *row, struct buffer *out)
{
    run->counts.findings[row->finding]++;
    run->files.findings_rows++;
    run_count_finding(run, row->finding, finding_party(row));
    return finding_write(row, out, run->fault);
}

static int write_findings_of(struct run *run, enum finding finding, struct buffer *out)
{
    struct run_worker *worker = &run->workers[0];
    uint64_t size = spool_size(&run->findings, finding);
    if (!size)
        return 0;
    buffer_clear(&worker->loaded);
    buffer_clear(&worker->order);
    if (!buffer_room(&worker->loaded, size, run->fault) ||
        spool_load(&run->findings, finding, worker->loaded.data, run->fault))
        return -1;
    for (size_t at = 0; at < size;) {
        const struct finding_row *row = (const struct finding_row *)(worker->loaded.data + at);
        at += finding_bytes(row);
        struct sort_entry entry = {0, row};
        if (buffer_add(&worker->order, &entry, sizeof entry, run->fault))
            return -1;
    }
    size_t count;
    const struct sort_entry *entries = sort_order(run, finding_order, &count);
    if (!entries)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (i && finding_alike(entries[i - 1].item, entries[i].item))
            continue; /* alike in all but the detail */
        if (write_finding(run, entries[i].item, out) || append_some(run, run->files.findings, out))
            return -1;
    }
    return 0;
}

int run_write_findings(struct run *run)
{
    struct buffer out = {0};
    int failed = run_open_output(run, run->files.ring, &run->files.findings, "reconciliation.csv", FINDING_HEADER, run->fault);
    for (enum finding finding = 0; finding < FINDING_COUNT && !failed; finding++)
        failed = write_findings_of(run, finding, &out);
    run_count_finding_end(run);
    failed = failed || run->fault->code || output_append(run->files.findings, out.data, out.size, run->fault);
    buffer_free(&out);
    return failed ? -1 : 0;
}
