/* run_history.c - what befell each phone of a part, packed for the history table (store/history.h). */
#include "tools/run.h"

#define VALUE_SIZE ((size_t)64 << 10) /* a value that is so large is full */
#define HEAVY 4096                    /* rows of a phone that are too many for one value */

int run_flush_history(struct run *run, struct run_worker *worker, struct fault *fault)
{
    struct buffer *value = &worker->history;
    if (!value->size)
        return 0;
    uint8_t key[16];
    db_put_u32(key, run->facts.run);
    db_put_u64(key + 4, worker->history_first);
    db_put_u32(key + 12, worker->history_number);
    char *out = blobs_add(&worker->output->blobs, TABLE_HISTORY, key, worker->history_number ? 16 : 12,
                          value->size, fault);
    if (!out)
        return -1;
    memcpy(out, value->data, value->size);
    buffer_clear(value);
    return 0;
}

/* Can the record have made something that goes out? `besik why` tells of it by its place. */
static bool is_cause(const struct history *history)
{
    return history->source && history->result != RESULT_REJECT &&
           (history->event != HISTORY_RECEIPT || history->detail == RECEIPT_FAILED);
}

static int add_row(struct run *run, struct run_worker *worker, const struct history *history, struct fault *fault)
{
    struct history_row row = {
        .case_number = history->case_number,
        .at_ms = history->at_ms,
        .event = history->event,
        .result = history->result,
        .detail = history->detail,
        .step = history->step,
    };
    if (history->source) {
        row.tail = run_identity_tail(history->source, worker->identity);
        if (history->source->kind == KIND_MESSAGES)
            row.head = run->facts.ref->operators[history->source->operator].code;
    }
    if (is_cause(history)) {
        row.file = run->inputs.pieces[history->source->piece].file;
        row.line = input_line(&run->inputs, history->source->piece, history->source->line);
    }
    return history_add(&worker->packer, &row, fault);
}

/* A phone that has very many rows begins a value, and goes on in others. */
int run_emit_history(struct run *run, struct run_worker *worker, struct fault *fault)
{
    struct apply *apply = &worker->apply;
    struct buffer *value = &worker->history;
    uint32_t count = apply->history.count;
    bool heavy = count > HEAVY;
    if ((value->size >= VALUE_SIZE || heavy) && run_flush_history(run, worker, fault))
        return -1;
    for (uint32_t i = 0; i < count;) {
        if (!value->size) {
            worker->history_number = i ? worker->history_number + 1 : 0;
            worker->history_first = apply->phone.hash;
            if (history_begin(&worker->packer, value, run->facts.as_of_ms, fault))
                return -1;
        }
        if (history_begin_phone(&worker->packer, apply->phone.number, fault))
            return -1;
        do {
            if (add_row(run, worker, &apply->history.items[i++], fault))
                return -1;
        } while (i < count && (!heavy || value->size < VALUE_SIZE));
        if (history_end_phone(&worker->packer, fault) || (i < count && run_flush_history(run, worker, fault)))
            return -1;
    }
    return 0;
}
