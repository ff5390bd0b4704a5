/* queues.c - see queues.h. */
#include "store/queues.h"

#include "engine/check.h"
#include "engine/phone.h"
#include "engine/values.h"

#include <string.h>

int queue_put_due(struct db_writer *writer, uint32_t run, uint32_t sequence, const struct due_entry *entries, size_t count,
                  struct fault *fault)
{
    uint8_t key[16];
    CHECK(count && count <= QUEUE_ENTRIES_MAX);
    db_put_time(key, entries[0].due_ms);
    db_put_u32(key + 8, run);
    db_put_u32(key + 12, sequence);
    return db_put(writer, TABLE_DUE, key, sizeof key, entries, count * sizeof *entries, fault);
}

bool queue_due_is_sound(const uint8_t *key, struct span payload)
{
    struct due_entry entry;
    int64_t last_ms = db_get_time(key);
    if (!payload.size || payload.size % sizeof entry)
        return false;
    for (size_t i = 0; i < payload.size; i += sizeof entry) {
        memcpy(&entry, payload.data + i, sizeof entry);
        if (entry.phone > VALUE_PHONE_MAX || entry.due_ms < last_ms || (i == 0 && entry.due_ms != last_ms))
            return false;
        last_ms = entry.due_ms;
    }
    return true;
}

int queue_put_awaited(struct db_writer *writer, const struct awaited_key *key, const struct awaited_entry *entries, size_t count,
                      struct fault *fault)
{
    uint8_t bytes[18];
    CHECK(count && count <= QUEUE_ENTRIES_MAX);
    db_put_u16(bytes, (uint16_t)key->operator);
    db_put_time(bytes + 2, key->at_ms);
    db_put_u32(bytes + 10, key->run);
    db_put_u32(bytes + 14, key->sequence);
    return db_put(writer, TABLE_AWAITED, bytes, sizeof bytes, entries, count * sizeof *entries, fault);
}

struct awaited_key queue_awaited_key(const uint8_t *key)
{
    return (struct awaited_key){.operator = (uint32_t)key[0] << 8 | key[1],
                                .at_ms = db_get_time(key + 2),
                                .run = db_get_u32(key + 10),
                                .sequence = db_get_u32(key + 14)};
}

bool queue_awaited_is_sound(struct span payload)
{
    struct awaited_entry entry;
    if (!payload.size || payload.size % sizeof entry)
        return false;
    for (size_t i = 0; i < payload.size; i += sizeof entry) {
        memcpy(&entry, payload.data + i, sizeof entry);
        uint32_t number = entry.case_slot >> 4, slot = entry.case_slot & 15, sms = entry.sms >> 1;
        if (entry.phone > VALUE_PHONE_MAX || !number || number > CASE_NUMBER_MAX || !slot || slot > SLOT_MAX || !sms ||
            sms > SMS_NUMBER_MAX)
            return false;
    }
    return true;
}
