/* profile_text.h - an SMS's text as gateways write it, to UTF-8; and what a user data header says of its part.
 * Room: io; pure.  Thread: any.
 * Source: 3GPP TS 23.040 (the header of a part: elements 00 and 08 with reference, count and place), 23.038 (UCS-2), as UTF-16. */
#ifndef IO_PROFILE_TEXT_H
#define IO_PROFILE_TEXT_H

#include "engine/span.h"
#include "io/profile.h"

/* `out` needs 3 * text.size + 1 bytes. `ucs2`: what hexadecimal digits or %XX stand for is UCS-2 (UTF-16, big end first); of PROFILE_PYTHON
 * bytes tell it themselves. What cannot be read gives a byte that is no UTF-8, so that the record is bad_utf8. Returns the size. */
size_t profile_text(enum profile_text form, bool ucs2, struct span text, char *out);

/* A part of an SMS may end with half a pair of UTF-16 whose other half begins the next. It stands as UTF-8 would have it, were it a
 * character; alone, value_text refuses it. */
struct span profile_without_halves(struct span part); /* the part less what may yet become whole */
bool profile_part_is_text(struct span part);          /* is the rest value_text? */
/* Puts a part behind text[0..size), which has room for it, and makes of two halves one character. Returns the new size. */
size_t profile_add_part(char *text, size_t size, struct span part);

struct profile_part {
    uint32_t reference, parts, part; /* parts 0: it is whole */
};

/* From a user data header, its length byte first, in hexadecimal digits or (`url`) with %XX. False: it is none. */
bool profile_udh(struct span text, bool url, struct profile_part *ret_part);

#endif
