/* queues.h - the values of two tables of what waits: due, phones by the time at which they come due, and awaited, SMS that wait
 * for a final receipt. A value is entries one after another (tables.h).
 * Room: store.  Entries are copied. Thread: queue_put… the writer's, the others any. Errors: of db_put; a count out of bounds is a failed
 * CHECK. Keys, big-endian, times so that they sort as numbers (db_put_time):
 *
 *   due      | time of the first entry 8 | run 4 | sequence 4 |
 *   awaited  | operator 2 | as-of 8 | run 4 | sequence 4 |
 *
 * `sequence` tells values of one run and time apart, and means nothing else. */
#ifndef STORE_QUEUES_H
#define STORE_QUEUES_H

#include "engine/span.h"
#include "store/db.h"

#define QUEUE_ENTRIES_MAX ((QUEUE_SIZE - 8) / 12) /* of a value, of either table */

struct awaited_key {
    uint32_t operator;
    int64_t at_ms; /* as-of of the run in which the SMS went out */
    uint32_t run, sequence;
};

/* Each writes one value of 1 … QUEUE_ENTRIES_MAX entries; those of due are sorted by time. */
int queue_put_due(struct db_writer *writer, uint32_t run, uint32_t sequence, const struct due_entry *entries, size_t count,
                  struct fault *fault);
int queue_put_awaited(struct db_writer *writer, const struct awaited_key *key, const struct awaited_entry *entries, size_t count,
                      struct fault *fault);
struct awaited_key queue_awaited_key(const uint8_t *key); /* of its 18 bytes, as db_cursor_get gives them */

/* Is a value's payload what was put: whole entries of phones that can be, of due in their order and what the key tells, of awaited
 * with numbers that an SMS can have? */
bool queue_due_is_sound(const uint8_t *key, struct span payload);
bool queue_awaited_is_sound(struct span payload);

#endif
