/* reply.h - is an SMS a reply in form, and what does it say (contract section 7).
 * Room: engine (pure).  The text is valid UTF-8 (value_text).  Errors: false; ret_reply is then not to be used.  Thread: any. */
#ifndef ENGINE_REPLY_H
#define ENGINE_REPLY_H

#include "engine/span.h"

#include <stdbool.h>
#include <stdint.h>

#define REPLY_DIGITS_MAX 8

struct reply {
    uint8_t digit_count;                /* 1 … 8 */
    uint8_t digits[REPLY_DIGITS_MAX];   /* 0 … 9 each */
    struct span text;                   /* what follows the digits, without the space before it; empty: none */
};

/* True where the text, white space at its end removed, is "R" { " " digit } [ " " text ], text beginning with a letter
 * (after NFC). ret_reply->text points into `text`. */
bool reply_parse(struct span text, struct reply *ret_reply);

/* The same where `reply_form` is lenient (section 5), for a text that is not in form: spaces before it, a lower-case r or a
 * Cyrillic Р for R, and missing or double spaces are taken. There is one way only to read the digits: each is one. */
bool reply_mend(struct span text, struct reply *ret_reply);

/* What keeps a text that reply_mend takes from being in form, where it is one thing alone; of all else REPLY_OTHER. */
enum reply_fault { REPLY_OTHER, REPLY_ALPHABET, REPLY_CASE, REPLY_NO_SPACE, REPLY_SPACES, REPLY_FAULT_COUNT };
enum reply_fault reply_fault(struct span text);

#endif
