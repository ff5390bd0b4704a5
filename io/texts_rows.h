/* texts_rows.h - which texts there are, and their placeholders; shared by the files of texts.h.
 * Room: io; seen by texts*.c only. */
#ifndef IO_TEXTS_ROWS_H
#define IO_TEXTS_ROWS_H

#include "engine/reply.h"
#include "engine/span.h"
#include "engine/words.h"
#include "io/ref_load.h"

#include <stdbool.h>
#include <stdint.h>

#define TEXT_PLACEHOLDERS(X)                                                                                 \
    X(TEXT_SLOT, "slot")                                                                                     \
    X(TEXT_HEAD, "head")                                                                                     \
    X(TEXT_LIST, "list")                                                                                     \
    X(TEXT_RANGE, "range")                                                                                   \
    X(TEXT_ORDER, "order")                                                                                   \
    X(TEXT_ACCOUNT, "account")                                                                               \
    X(TEXT_OFFICE, "office") X(TEXT_ADDRESS, "address") X(TEXT_PLACE, "place") X(TEXT_QUEUE, "queue")        \
        X(TEXT_AMOUNT, "amount") X(TEXT_REASON, "reason") X(TEXT_DATE, "date") X(TEXT_PROMPT, "prompt")

enum text_placeholder {
    TEXT_PLACEHOLDERS(WORDS_ENUM) TEXT_PLACEHOLDER_COUNT,
    TEXT_END = TEXT_PLACEHOLDER_COUNT, /* of text_next: the text ends behind the literal */
    TEXT_UNKNOWN,                      /* of text_next: a brace that begins none of them */
};

/* The rows: prompts by step, infos, corrections by reason, the reminder, and the end of a list that was cut. */
enum text_row {
    TEXT_ROW_PROMPT = 0,
    TEXT_ROW_INFO = TEXT_ROW_PROMPT + STEP_COUNT,
    TEXT_ROW_CORRECTION = TEXT_ROW_INFO + INFO_COUNT,
    TEXT_ROW_REMINDER = TEXT_ROW_CORRECTION + REASON_COUNT,
    TEXT_ROW_MORE,
    TEXT_ROW_FORM, /* corrections of bad_form by what was wrong; there is none of REPLY_OTHER */
    TEXT_ROW_COUNT = TEXT_ROW_FORM + REPLY_FAULT_COUNT,
    TEXT_ROW_NONE = TEXT_ROW_COUNT,
};

/* The row of a kind and step as texts.csv names them, or TEXT_ROW_NONE. */
enum text_row text_row_of(struct span kind, struct span step);

/* Takes what stands before the next placeholder (or brace) at *at, and that; moves *at behind it. */
enum text_placeholder text_next(struct span text, size_t *at, struct span *ret_literal);

/* What stands up to the next LF at *at, which is moved behind it; false where no line is left. */
bool text_line(struct span text, size_t *at, struct span *ret_line);

/* All rows that there are, in both languages, in the form of texts.csv. */
extern const struct ref_text TEXTS_BUILTIN[];
extern const unsigned TEXTS_BUILTIN_COUNT;

#endif
