/* ids.h - request and SMS ids: one block of AES-128 each, keyed by the store, so that an id names its phone to besik alone,
 * is the same whenever it is made again, and one that was never issued is known as such (contract section 9).
 * Room: io.  Thread: a struct ids belongs to one worker. Errors: an id that is none is false; nothing else fails.
 *
 *   block before encryption: [kind 1][phone 4][case number 3][SMS number 3][zeros 5], big-endian
 *   text: 's' or 'q', then 26 characters of Crockford's base32, lower case: 130 bits, the first two zero */
#ifndef IO_IDS_H
#define IO_IDS_H

#include "engine/fault.h"
#include "engine/span.h"
#include "engine/words.h"
#include "io/aes.h"

#include <stdbool.h>
#include <stdint.h>

#define ID_SIZE 27 /* no NUL behind it */

struct ids {
    struct aes aes;
};

struct id_facts {
    uint32_t phone, case_number;
    uint32_t sms_number; /* of an SMS, from 1 */
    uint8_t agency;      /* of a request */
};

/* Keeps a key drawn from `key`, out of swap; ids_close wipes it (zeroed ones are taken). */
int ids_open(struct ids *ids, const uint8_t key[16], struct fault *fault);
void ids_close(struct ids *ids);

void ids_sms(const struct ids *ids, const struct id_facts *facts, char out[ID_SIZE]);
void ids_request(const struct ids *ids, const struct id_facts *facts, char out[ID_SIZE]);
/* A phone's opaque name in exports: the same each time, and no id that anybody answers to. */
void ids_phone(const struct ids *ids, uint32_t phone, char out[ID_SIZE]);
/* False where this store's key never gives that id. */
bool ids_read_sms(const struct ids *ids, struct span text, struct id_facts *ret_facts);
bool ids_read_request(const struct ids *ids, struct span text, struct id_facts *ret_facts);

#endif
