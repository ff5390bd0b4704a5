/* fuzz_history.c - a value of the history table. An odd first byte: rows of the input's making come back as they were. An even
 * one: any bytes are refused, or are rows of words that exist, whose identity keeps to its bound, and which pack and read as the
 * same again. Identities are short here (CMakeLists.txt), so that their bound is met. */
#include "store/history.h"

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/sys/sys.h"
#include "engine/values.h"
#include "fresh_fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROWS_MAX 64

static struct history_packer packer;

/* An own block, so that a read behind it is seen. */
static struct span own(const void *data, size_t size)
{
    char *block = malloc(size ? size : 1);
    if (size)
        memcpy(block, data, size);
    return (struct span){block, size};
}

/* As forget does it. */
static void pack(const struct history_row *rows, size_t count, int64_t base_ms, struct buffer *out)
{
    struct fault *fault = fresh_fault();
    CHECK(history_begin(&packer, out, base_ms, fault) == 0);
    for (size_t i = 0; i < count; i++) {
        if (!i || rows[i].phone != rows[i - 1].phone)
            CHECK(history_begin_phone(&packer, rows[i].phone, fault) == 0);
        CHECK(history_add(&packer, &rows[i], fault) == 0);
        if (i + 1 == count || rows[i].phone != rows[i + 1].phone)
            CHECK(history_end_phone(&packer, fault) == 0);
    }
}

static void same(const struct history_row *a, const struct history_row *b)
{
    CHECK(a->phone == b->phone && a->case_number == b->case_number && a->at_ms == b->at_ms && a->event == b->event);
    CHECK(a->result == b->result && a->detail == b->detail && a->step == b->step && a->line == b->line);
    CHECK(!a->line || a->file == b->file);
    CHECK(span_equal(a->head, b->head) && span_equal(a->tail, b->tail));
}

/* The value gives these rows, and no more. */
static void reads_as(const struct buffer *value, const struct history_row *rows, size_t count)
{
    static struct history_reader reader;
    struct history_row row;
    struct span block = own(value->data, value->size);
    CHECK(history_read(&reader, block));
    for (size_t i = 0; i < count; i++) {
        CHECK(history_next(&reader, &row) == 1);
        same(&rows[i], &row);
    }
    CHECK(history_next(&reader, &row) == 0);
    free((char *)block.data);
}

/* ---- rows of the input's making ---- */

static uint8_t take(const uint8_t **data, size_t *size)
{
    if (!*size)
        return 0;
    --*size;
    return *(*data)++;
}

static uint64_t take_number(const uint8_t **data, size_t *size)
{
    uint64_t number = 0;
    for (unsigned bytes = take(data, size) % 8; bytes > 0; bytes--)
        number = number << 8 | take(data, size);
    return number;
}

static struct span take_text(const uint8_t **data, size_t *size, size_t most)
{
    size_t wanted = take(data, size) % (most + 1);
    struct span text = {(const char *)*data, wanted < *size ? wanted : *size};
    *data += text.size;
    *size -= text.size;
    return text;
}

static void rows_of(const uint8_t *data, size_t size)
{
    static struct buffer value;
    struct history_row rows[ROWS_MAX];
    size_t count = 0;
    const int64_t base_ms = (int64_t)(take_number(&data, &size) % HISTORY_MS_MAX);
    int64_t at_ms = base_ms;
    uint32_t phone = 700000000;
    while (size && count < ROWS_MAX) {
        uint8_t how = take(&data, &size), words = take(&data, &size);
        phone += how & 1;
        at_ms = (int64_t)(((uint64_t)at_ms + take_number(&data, &size)) % HISTORY_MS_MAX);
        struct history_row *row = &rows[count++];
        *row = (struct history_row){.phone = phone,
                                    .at_ms = how & 2 ? -at_ms : at_ms,
                                    .event = words % HISTORY_EVENT_COUNT,
                                    .result = words / 16 % RESULT_COUNT,
                                    .step = take(&data, &size) % STEP_COUNT,
                                    .case_number = 1,
                                    .detail = how & 4 ? words : 0};
        if (how & 8)
            row->case_number = 1 + (uint32_t)take_number(&data, &size) % CASE_NUMBER_MAX;
        if (how & 16)
            row->head = take_text(&data, &size, 32);
        if (how & 32)
            row->tail = take_text(&data, &size, HISTORY_IDENTITY_MAX - 33);
        if (how & 64)
            row->file = take_number(&data, &size), row->line = 1 + take_number(&data, &size);
    }
    buffer_clear(&value);
    pack(rows, count, base_ms, &value);
    reads_as(&value, rows, count);
}

/* ---- any bytes ---- */

static void sound(const struct history_row *row)
{
    char *identity = malloc(HISTORY_IDENTITY_MAX);
    CHECK(history_identity(row, identity) <= HISTORY_IDENTITY_MAX);
    free(identity);
    CHECK(row->phone <= VALUE_PHONE_MAX && row->case_number && row->event < HISTORY_EVENT_COUNT && row->result < RESULT_COUNT);
    CHECK(row->step < STEP_COUNT);
}

static void any_bytes(const uint8_t *data, size_t size)
{
    static struct history_reader reader;
    static struct buffer value;
    static struct history_row rows[ROWS_MAX];
    static char texts[ROWS_MAX][HISTORY_IDENTITY_MAX]; /* a row's spans are good until the next */
    struct span block = own(data, size);
    size_t count = 0;
    int there = history_read(&reader, block) ? 1 : -1;
    int64_t base_ms = reader.state.base_ms;
    while (there > 0 && count < ROWS_MAX && (there = history_next(&reader, &rows[count])) > 0) {
        struct history_row *row = &rows[count];
        sound(row);
        if (row->tail.size)
            row->tail.data = memcpy(texts[count], row->tail.data, row->tail.size);
        count++;
    }
    if (there == 0 && count) {
        buffer_clear(&value);
        pack(rows, count, base_ms, &value);
        reads_as(&value, rows, count);
    }
    free((char *)block.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size)
        (data[0] & 1 ? rows_of : any_bytes)(data + 1, size - 1);
    return 0;
}
