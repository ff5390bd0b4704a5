/* pack.h - numbers and ids in few bytes: of the store's history, and of records on their way through memory.
 * Room: engine (pure).  Packing an id is cheap as it looks at what ids are made of: nearly all are hex
 * digits, or a UUID.  Thread: any. Errors: only unpack_number looks for an end; whoever unpacks an id has checked its size.
 *
 *   number  seven bits a byte, the lowest first, the eighth bit set where more follow
 *   id      number: size << 2 | form, then its bytes (raw), two digits a byte (hex: 0-9, a-f), or 16 bytes
 * (UUID in lower case) */
#ifndef ENGINE_PACK_H
#define ENGINE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PACK_NUMBER_MAX 10 /* bytes */
#define PACK_ID_MAX 64     /* longer ones are raw */
#define PACK_UUID_SIZE 36

enum pack_form { PACK_RAW, PACK_HEX, PACK_UUID, PACK_OTHER }; /* the last is the user's own */

static inline char *pack_number(char *out, uint64_t number)
{
    while (number >= 0x80) {
        *out++ = (char)(number | 0x80);
        number >>= 7;
    }
    *out++ = (char)number;
    return out;
}

/* Moves *at behind the number; false where none ends before `end`. */
static inline bool unpack_number(const char **at, const char *end, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (*at < end && !(**at & 0x80)) { /* most are small */
        *ret_number = (uint8_t)*(*at)++;
        return true;
    }
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = (uint8_t) * (*at)++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_number = number;
            return true;
        }
    }
    return false;
}

static inline uint64_t pack_zigzag(int64_t number)
{
    return ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
}

static inline int64_t unpack_zigzag(uint64_t number)
{
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

/* What form the id has, and its packed bytes in `out` (PACK_ID_MAX / 2) unless it is raw. */
enum pack_form pack_id(const char *text, size_t size, char *out);
/* How many bytes that is. */
static inline size_t pack_id_bytes(enum pack_form form, size_t size)
{
    return form == PACK_UUID ? 16 : form == PACK_HEX ? (size + 1) / 2 : size;
}
/* The text of a packed id that is not raw: `size` bytes to `out`, of pack_id_bytes at `bytes`. */
void unpack_id(enum pack_form form, const char *bytes, size_t size, char *out);

#endif
