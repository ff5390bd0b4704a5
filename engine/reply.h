/* reply.h - is an SMS a reply in form, and what does it say (contract section 7).
 * Room: engine (pure).  The text is valid UTF-8 (value_text).  Thread: any. */
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

#endif
