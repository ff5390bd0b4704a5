/* fuzz_queues.c - values of the tables due and awaited. Entries of the input's making, put and read, are the same and sound; any
 * bytes under any key are sound just where they are what would be put.
 *
 * The input: 1 any bytes, 2 awaited; the key (of awaited 18 bytes, else 16); the payload. */
#include "store/queues.h"

#include "engine/check.h"
#include "engine/phone.h"
#include "fake_db.h"
#include "fresh_fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENTRY 12

static uint32_t little(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static uint64_t big(const uint8_t *data, unsigned bytes)
{
    uint64_t number = 0;
    while (bytes-- > 0)
        number = number << 8 | *data++;
    return number;
}

/* Times in keys are big-endian with their sign turned, so that they sort. */
static int64_t key_time(const uint8_t *data)
{
    return (int64_t)(big(data, 8) ^ (uint64_t)1 << 63);
}

static int64_t due_of(const uint8_t *entry)
{
    return (int64_t)((uint64_t)little(entry) | (uint64_t)little(entry + 4) << 32);
}

static bool slow_due(const uint8_t *key, const uint8_t *payload, size_t size)
{
    bool good = size >= ENTRY && size % ENTRY == 0 && due_of(payload) == key_time(key);
    for (size_t i = 0; good && i < size; i += ENTRY)
        good = little(payload + i + 8) < 1000000000 && (!i || due_of(payload + i) >= due_of(payload + i - ENTRY));
    return good;
}

static bool slow_awaited(const uint8_t *payload, size_t size)
{
    bool good = size >= ENTRY && size % ENTRY == 0;
    for (size_t i = 0; good && i < size; i += ENTRY) {
        uint32_t slot = little(payload + i + 4) % 16, number = little(payload + i + 4) / 16, sms = little(payload + i + 8) / 2;
        good = little(payload + i) < 1000000000 && slot >= 1 && slot <= 9 && number >= 1 && number < 1 << 24 && sms >= 1 &&
               sms < 1 << 24;
    }
    return good;
}

/* What was put: one value, under this key, of these bytes. */
static void stands(enum table table, const uint8_t *key, size_t key_size, const void *payload, size_t size)
{
    CHECK(fake_count >= 1);
    const struct fake_value *value = &fake_values[fake_place(table, key, key_size)];
    MDB_val k = {value->key_size, value->key}, v = {value->size, value->value};
    struct span told;
    CHECK(value->table == table && value->key_size == key_size && memcmp(value->key, key, key_size) == 0);
    CHECK(db_check(table, &k, &v, &told, fresh_fault()) == 0 && told.size == size && memcmp(told.data, payload, size) == 0);
}

/* Bytes that are sound are what is put of their entries. */
static void put_again(bool awaited, const uint8_t *key, const char *payload, size_t size)
{
    static struct db db;
    struct db_writer writer = {.db = &db, .limit = SIZE_MAX};
    size_t count = size / ENTRY;
    void *entries = malloc(size);
    memcpy(entries, payload, size);
    fake_open(&db);
    if (awaited) {
        struct awaited_key told = queue_awaited_key(key);
        CHECK(queue_put_awaited(&writer, &told, entries, count, fresh_fault()) == 0);
    } else {
        CHECK(queue_put_due(&writer, db_get_u32(key + 8), db_get_u32(key + 12), entries, count, fresh_fault()) == 0);
    }
    stands(awaited ? TABLE_AWAITED : TABLE_DUE, key, awaited ? 18 : 16, payload, size);
    free(entries);
}

/* Entries that a run makes, from bytes: due times ascend, numbers are such as there are. Returns how many. */
static size_t make(bool awaited, uint8_t *key, const uint8_t *data, size_t size, char *out)
{
    size_t count = 0;
    int64_t due_ms = key_time(key) / 4;
    for (; size >= ENTRY && count < QUEUE_ENTRIES_MAX; data += ENTRY, size -= ENTRY, count++) {
        uint32_t a = little(data), b = little(data + 4), c = little(data + 8);
        struct awaited_entry entry = {a % 1000000000, (1 + b / 16 % CASE_NUMBER_MAX) << 4 | (1 + b % SLOT_MAX),
                                      (1 + c / 2 % SMS_NUMBER_MAX) << 1 | (c & 1)};
        due_ms += count ? b % 4096 : 0;
        struct due_entry due = {due_ms, a % 1000000000};
        memcpy(out + count * ENTRY, awaited ? (const void *)&entry : (const void *)&due, ENTRY);
    }
    if (!awaited)
        db_put_time(key, key_time(key) / 4);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t key[18];
    bool awaited = size && data[0] & 2, any = size && data[0] & 1;
    size_t key_size = awaited ? 18 : 16;
    if (size < 1 + key_size || size > 4096)
        return 0;
    memcpy(key, data + 1, key_size);
    data += 1 + key_size, size -= 1 + key_size;
    char *payload = malloc(size + 1); /* its end is the end of a block, so that a read behind it is seen */
    char *own = payload + 1;
    memcpy(own, data, size);
    if (!any)
        size = make(awaited, key, data, size, own) * ENTRY;
    struct span given = {own, size};
    bool sound = awaited ? queue_awaited_is_sound(given) : queue_due_is_sound(key, given);
    CHECK(sound == (awaited ? slow_awaited((const uint8_t *)own, size) : slow_due(key, (const uint8_t *)own, size)));
    CHECK(any || sound || !size);
    if (sound)
        put_again(awaited, key, own, size);
    free(payload);
    return 0;
}
