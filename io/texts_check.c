/* texts_check.c - is a row of texts.csv usable; see texts.h.
 *
 * "Every reply an SMS shows, sent back as shown, is taken": so a text may show no reply but those that its
 * prompt takes. A reply begins with Latin R; in texts that is "R {slot}" of the language prompt and {head} of
 * all others. */
#include "io/texts.h"

#include "engine/flow.h"
#include "engine/values.h"
#include "io/texts_rows.h"

#define BIT(placeholder) (1u << (placeholder))

static const char *const PLACEHOLDER_WORDS[] = {TEXT_PLACEHOLDERS(WORDS_NAME)};

/* What a row must carry by section 12, and what it may carry besides. */
static const struct {
    unsigned must, may;
} RULES[TEXT_ROW_COUNT] = {
    [TEXT_ROW_PROMPT + STEP_LANGUAGE] = {BIT(TEXT_SLOT), 0},
    [TEXT_ROW_PROMPT + STEP_NAME] = {BIT(TEXT_HEAD), 0},
#define CHOICE_RULE(step, name, code) [TEXT_ROW_PROMPT + (step)] = {BIT(TEXT_HEAD) | BIT(TEXT_LIST), 0},
    CHOICES(CHOICE_RULE)
    [TEXT_ROW_PROMPT + STEP_ORDER] = {BIT(TEXT_HEAD) | BIT(TEXT_ORDER), 0},
    [TEXT_ROW_PROMPT + STEP_ACCOUNT] = {BIT(TEXT_HEAD) | BIT(TEXT_ACCOUNT), 0},
    [TEXT_ROW_INFO + INFO_FILED] = {BIT(TEXT_OFFICE), BIT(TEXT_ADDRESS)},
    [TEXT_ROW_INFO + INFO_REGISTERED] = {BIT(TEXT_PLACE), BIT(TEXT_OFFICE)},
    [TEXT_ROW_INFO + INFO_REGISTRATION_REFUSED] = {BIT(TEXT_REASON), BIT(TEXT_OFFICE) | BIT(TEXT_ADDRESS)},
    [TEXT_ROW_INFO + INFO_QUEUED] = {BIT(TEXT_QUEUE), BIT(TEXT_PLACE)},
    [TEXT_ROW_INFO + INFO_QUEUE_REFUSED] = {BIT(TEXT_REASON), BIT(TEXT_PLACE)},
    [TEXT_ROW_INFO + INFO_ASSIGNED] = {BIT(TEXT_AMOUNT), BIT(TEXT_PLACE)},
    [TEXT_ROW_INFO + INFO_BENEFIT_REFUSED] = {BIT(TEXT_REASON), BIT(TEXT_PLACE)},
    [TEXT_ROW_CORRECTION + REASON_BAD_FORM] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_CORRECTION + REASON_BAD_SLOT] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_CORRECTION + REASON_BAD_ANSWER] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_CORRECTION + REASON_BAD_LANGUAGE] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_CORRECTION + REASON_NOT_ASKED] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_CORRECTION + REASON_BAD_NAME] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_CORRECTION + REASON_BAD_ACCOUNT] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_REMINDER] = {BIT(TEXT_PROMPT) | BIT(TEXT_DATE), 0},
    [TEXT_ROW_MORE] = {BIT(TEXT_RANGE), 0},
    [TEXT_ROW_FORM + REPLY_ALPHABET] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_FORM + REPLY_CASE] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_FORM + REPLY_NO_SPACE] = {BIT(TEXT_PROMPT), 0},
    [TEXT_ROW_FORM + REPLY_SPACES] = {BIT(TEXT_PROMPT), 0},
};

static const char *const FORM_WORDS[REPLY_FAULT_COUNT] = {
    [REPLY_ALPHABET] = "bad_form_alphabet",
    [REPLY_CASE] = "bad_form_case",
    [REPLY_NO_SPACE] = "bad_form_no_space",
    [REPLY_SPACES] = "bad_form_spaces",
};

/* What a prompt shows behind {head} (language: behind R {slot}), all of it and nothing else; "" is the head
 * alone. */
#define REPLIES_MAX 2

static const char *const REPLIES[STEP_COUNT][REPLIES_MAX] = {
    [STEP_LANGUAGE] = {" 1", " 2"},
    [STEP_NAME] = {""},
#define CHOICE_REPLY(step, name, code) [step] = {" " #code},
    CHOICES(CHOICE_REPLY)
    [STEP_ORDER] = {" 7 1", " 7 2"},
    [STEP_ACCOUNT] = {" 8 1", " 8 2"},
};

static const char *const LACKS[] = {
#define LACKS_TEXT(id, word) [id] = "lacks {" word "}",
    TEXT_PLACEHOLDERS(LACKS_TEXT)};
static const char *const NOT_OF_ROW[] = {
#define NOT_OF_ROW_TEXT(id, word) [id] = "{" word "} has no value in this row",
    TEXT_PLACEHOLDERS(NOT_OF_ROW_TEXT)};

enum text_row text_row_of(struct span kind, struct span step)
{
    int row = TEXT_ROW_NONE;
    if (span_equal(kind, SPAN("prompt"))) {
        for (int i = 0; i < STEP_COUNT; i++)
            row = span_equal(step, span_of(STEP_WORDS[i])) ? TEXT_ROW_PROMPT + i : row;
        if (row != TEXT_ROW_NONE && !RULES[row].must) /* a step that waits for an agency has no prompt */
            row = TEXT_ROW_NONE;
    } else if (span_equal(kind, SPAN("info"))) {
        for (int i = 0; i < INFO_COUNT; i++)
            row = span_equal(step, span_of(INFO_WORDS[i])) ? TEXT_ROW_INFO + i : row;
    } else if (span_equal(kind, SPAN("correction"))) {
        for (int i = 0; i < REASON_COUNT; i++)
            row = span_equal(step, span_of(REASON_WORDS[i])) ? TEXT_ROW_CORRECTION + i : row;
        if (row != TEXT_ROW_NONE && !RULES[row].must)
            row = TEXT_ROW_NONE;
        for (int i = REPLY_OTHER + 1; i < REPLY_FAULT_COUNT; i++)
            row = span_equal(step, span_of(FORM_WORDS[i])) ? TEXT_ROW_FORM + i : row;
    } else if (span_equal(kind, SPAN("reminder"))) {
        row = step.size == 0 || span_equal(step, SPAN("*")) ? TEXT_ROW_REMINDER : row;
    } else if (span_equal(kind, SPAN("list"))) {
        row = span_equal(step, SPAN("more")) ? TEXT_ROW_MORE : row;
    }
    return (enum text_row)row;
}

enum text_placeholder text_next(struct span text, size_t *at, struct span *ret_literal)
{
    const char *begin = text.data + *at;
    size_t left = text.size - *at;
    const char *brace = left ? memchr(begin, '{', left) : NULL;
    *ret_literal = (struct span){begin, brace ? (size_t)(brace - begin) : left};
    *at += ret_literal->size;
    if (!brace)
        return TEXT_END;
    for (int i = 0; i < TEXT_PLACEHOLDER_COUNT; i++) {
        size_t size = strlen(PLACEHOLDER_WORDS[i]);
        if (text.size - *at >= size + 2 && memcmp(brace + 1, PLACEHOLDER_WORDS[i], size) == 0 &&
            brace[size + 1] == '}') {
            *at += size + 2;
            return (enum text_placeholder)i;
        }
    }
    return TEXT_UNKNOWN;
}

bool text_line(struct span text, size_t *at, struct span *ret_line)
{
    if (*at > text.size)
        return false;
    const char *begin = text.data + *at;
    size_t left = text.size - *at;
    const char *end = left ? memchr(begin, '\n', left) : NULL;
    *ret_line = (struct span){begin, end ? (size_t)(end - begin) : left};
    *at += ret_line->size + 1;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ascii_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool starts_with(struct span text, const char *word)
{
    size_t size = strlen(word);
    return text.size >= size && memcmp(text.data, word, size) == 0;
}

static bool has(struct span text, const char *word)
{
    return text.size && memmem(text.data, text.size, word, strlen(word)) != NULL;
}

/* Which placeholders a text has; the first error in *ret_wrong. */
static unsigned placeholders_of(struct span text, const char **ret_wrong)
{
    unsigned found = 0;
    struct span literal;
    for (size_t at = 0;;) {
        enum text_placeholder placeholder = text_next(text, &at, &literal);
        if (placeholder == TEXT_END)
            return found;
        if (placeholder == TEXT_UNKNOWN) {
            *ret_wrong = "a { that begins no placeholder";
            return found;
        }
        found |= BIT(placeholder);
    }
}

/* Controls other than LF have no place in an SMS. */
static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if ((byte < 0x20 && byte != '\n') || byte == 0x7f)
            return true;
        if (byte == 0xc2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xa0)
            return true;
    }
    return false;
}

/* " 7 1": the spaced digits at the text's beginning; *ret_tight where something is stuck to the last one. */
static struct span spaced_digits(struct span text, bool *ret_tight)
{
    size_t size = 0;
    while (size + 1 < text.size && text.data[size] == ' ' && is_digit(text.data[size + 1]))
        size += 2;
    uint32_t next = 0;
    if (size < text.size)
        value_decode(text.data + size, &next);
    *ret_tight = next == '{' || (next >= '0' && next <= '9') || value_is_letter(next);
    return (struct span){text.data, size};
}

/* Goes through the replies that the text shows: R and digits of its own are none of ours, and what stands
 * behind {head} (or R {slot}) must be the step's. `line` is whole. */
static const char *check_line(struct span line, enum step step, bool is_prompt, unsigned *shown)
{
    const char *head = step == STEP_LANGUAGE ? "R {slot}" : "{head}";
    for (size_t i = 0; i < line.size; i++) {
        struct span rest = {line.data + i, line.size - i};
        bool is_head = is_prompt && starts_with(rest, head) &&
                       (i == 0 || (line.data[i - 1] != '}' && !is_digit(line.data[i - 1]) &&
                                   !is_ascii_letter(line.data[i - 1])));
        if (!is_head) {
            if (starts_with(rest, "{head}") || starts_with(rest, "{slot}"))
                return step == STEP_LANGUAGE ? "{slot} stands elsewhere than in 'R {slot} '"
                                             : "{head} is stuck to what is before it";
            if (rest.size > 2 && rest.data[0] == 'R' && rest.data[1] == ' ' &&
                (is_digit(rest.data[2]) || rest.data[2] == '{'))
                return "shows R and digits, which a citizen would take for a reply";
            continue;
        }
        i += strlen(head) - 1;
        bool tight;
        struct span digits = spaced_digits((struct span){line.data + i + 1, line.size - i - 1}, &tight);
        int match = -1;
        for (int k = 0; k < REPLIES_MAX; k++)
            if (REPLIES[step][k] && span_equal(digits, span_of(REPLIES[step][k])))
                match = k;
        if (match < 0 || tight)
            return "shows a reply that this prompt does not take";
        i += digits.size;
        *shown |= 1u << match;
    }
    return NULL;
}

/* The example of the name prompt: a line `{head} NAME` that would be taken. */
static bool is_example(struct span line)
{
    if (!starts_with(line, "{head} "))
        return false;
    size_t head = strlen("{head} ");
    char out[VALUE_NAME_MAX];
    struct value_name name;
    return value_name((struct span){line.data + head, line.size - head}, out, &name);
}

/* What only lines tell: where the list, the account and the example stand. */
static const char *check_prompt_line(struct span line, enum step step, unsigned shown_before,
                                     unsigned shown_here, bool *has_example)
{
    if (step_is_choice(step) && has(line, "{list}")) {
        if (line.size != strlen("{list}"))
            return "{list} does not stand alone on its line";
        if (!shown_before)
            return "{list} stands before the line with {head}";
    }
    if (step == STEP_ACCOUNT) {
        /* without an account on file its line is left out */
        if (has(line, "{head} 8 1") != has(line, "{account}") || (shown_here & 1 && shown_here & 2))
            return "{account} and {head} 8 1 do not stand on one line of their own";
        if (shown_here & 2 && !has(line, "{head} 8 2 KZ"))
            return "lacks {head} 8 2 KZ";
    }
    if (step == STEP_NAME && is_example(line))
        *has_example = true;
    return NULL;
}

static const char *check_prompt(struct span text, enum step step)
{
    unsigned shown = 0;
    bool has_example = step != STEP_NAME;
    struct span line;
    for (size_t at = 0; text_line(text, &at, &line);) {
        unsigned here = 0;
        const char *wrong = check_line(line, step, true, &here);
        if (!wrong)
            wrong = check_prompt_line(line, step, shown, here, &has_example);
        if (wrong)
            return wrong;
        shown |= here;
    }
    for (int k = 0; k < REPLIES_MAX; k++)
        if (REPLIES[step][k] && !(shown & 1u << k))
            return step == STEP_LANGUAGE ? "lacks 'R {slot} 1' or 'R {slot} 2', with Latin R"
                                         : "lacks {head} with the digits of a reply";
    return has_example ? NULL : "lacks an example: a line of {head}, surname and given name";
}

/* A line whose placeholder is empty is left out: something must be left. */
static bool all_lines_optional(struct span text)
{
    struct span line;
    const char *wrong = NULL;
    for (size_t at = 0; text_line(text, &at, &line);)
        if (line.size && !placeholders_of(line, &wrong))
            return false;
    return true;
}

static const char *check_other(struct span text, enum text_row row)
{
    struct span line;
    unsigned shown = 0;
    bool is_info = row >= TEXT_ROW_INFO && row < TEXT_ROW_CORRECTION;
    for (size_t at = 0; text_line(text, &at, &line);) {
        const char *wrong = check_line(line, STEP_CLOSED, false, &shown);
        if (wrong)
            return wrong;
        if (has(line, "{prompt}") && line.size != strlen("{prompt}"))
            return "{prompt} does not stand alone on its line";
        if (starts_with(line, "{range}")) /* under a list it would be read as an entry */
            return "{range} begins a line";
    }
    return is_info && all_lines_optional(text) ? "every line has a placeholder, and may be left out" : NULL;
}

const char *texts_check(struct span kind, struct span step, struct span lang, struct span text)
{
    enum text_row row = text_row_of(kind, step);
    if (row == TEXT_ROW_NONE)
        return "no such kind and step";
    if (!span_equal(lang, SPAN("kk")) && !span_equal(lang, SPAN("ru")))
        return "lang is not kk or ru (an SMS in kk+ru is made of both)";
    if (!value_text(text))
        return "'text' is not UTF-8";
    if (has_control(text))
        return "'text' has a control character in it";
    const char *wrong = NULL;
    unsigned found = placeholders_of(text, &wrong);
    if (wrong)
        return wrong;
    for (int i = 0; i < TEXT_PLACEHOLDER_COUNT; i++) {
        if (RULES[row].must & BIT(i) && !(found & BIT(i)))
            return LACKS[i];
        if (found & BIT(i) && !((RULES[row].must | RULES[row].may) & BIT(i)))
            return NOT_OF_ROW[i];
    }
    struct span line;
    for (size_t at = 0; text_line(text, &at, &line);) /* under a list it would be read as an entry */
        if (line.size && is_digit(line.data[0]) && (line.size == 1 || !is_digit(line.data[1])) &&
            !(row >= TEXT_ROW_INFO && row < TEXT_ROW_CORRECTION))
            return "a line begins with a digit of its own";
    return row < TEXT_ROW_INFO ? check_prompt(text, (enum step)(row - TEXT_ROW_PROMPT))
                               : check_other(text, row);
}
