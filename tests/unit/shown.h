/* shown.h - the replies that an SMS shows, as a citizen reads them (a port of the check's `shown`), and
 * whether they would be taken; for the tests of texts. */
#ifndef TESTS_UNIT_SHOWN_H
#define TESTS_UNIT_SHOWN_H

#include "engine/ref.h"
#include "engine/reply.h"
#include "engine/values.h"
#include "io/texts.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { SHOWN_MAX = 1100, SHOWN_SIZE = 32 };
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct shown {
    char replies[SHOWN_MAX][SHOWN_SIZE];
    size_t count;
};

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_ascii_word(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline bool is_word(const char *at, const char *end)
{
    uint32_t point = 0;
    if (at < end)
        value_decode(at, &point);
    return point < 0x80 ? is_ascii_word((char)point) : point >= 0x400 && point <= 0x4ff;
}

static inline void add_shown(struct shown *shown, const char *head, const char *digits, size_t count)
{
    char reply[SHOWN_SIZE];
    int size = snprintf(reply, sizeof reply, "%s", head);
    for (size_t i = 0; i < count && size + 3 < SHOWN_SIZE; i++)
        size += snprintf(reply + size, sizeof reply - (size_t)size, " %c", digits[i]);
    for (size_t i = 0; i < shown->count; i++)
        if (strcmp(shown->replies[i], reply) == 0)
            return;
    cr_assert_lt(shown->count, (size_t)SHOWN_MAX);
    memcpy(shown->replies[shown->count++], reply, sizeof reply);
}

static inline bool is_list_step(enum step step)
{
    return step == STEP_EDUCATION || step == STEP_INCOME || step == STEP_OFFICE || step == STEP_PRIVILEGE ||
           step == STEP_LOCALITY;
}

/* R and its digits in a line; true where there is one. */
static inline bool shown_in_line(const char *line, const char *end, enum step step, char head[8],
                                 struct shown *shown)
{
    bool found = false;
    for (const char *at = line; at < end; at++) {
        char digits[64];
        size_t count = 0;
        if (*at != 'R' || (at > line && is_ascii_word(at[-1])))
            continue;
        const char *next = at + 1;
        while (next + 1 < end && next[0] == ' ' && is_digit(next[1]) && !is_word(next + 2, end) &&
               count < sizeof digits) {
            digits[count++] = next[1];
            next += 2;
        }
        if (count == 0)
            continue;
        found = true;
        bool is_open_account = count == 4 && digits[2] == '8' && digits[3] == '2' && step == STEP_ACCOUNT;
        if ((step == STEP_LANGUAGE && count == 2) || (count > 3 && !is_open_account))
            add_shown(shown, "R", digits, count);
        else if (count == 3 && is_list_step(step))
            snprintf(head, 8, "R %c %c %c", digits[0], digits[1], digits[2]);
        at = next - 1;
    }
    return found;
}

static inline void shown_in_list(const char *line, const char *end, const char *head, struct shown *shown)
{
    static const char *const BEHIND[] = {".", ")", ":", "—", "–", "-"};
    char digits[64];
    size_t count = 0;
    for (const char *at = line; at < end && is_digit(*at) && count < sizeof digits;) {
        const char *token_end = memchr(at, ' ', (size_t)(end - at));
        if (!token_end)
            token_end = end;
        size_t behind = (size_t)(token_end - at) - 1;
        bool is_marked = false;
        for (size_t i = 0; i < COUNT(BEHIND); i++)
            is_marked |= behind == strlen(BEHIND[i]) && memcmp(at + 1, BEHIND[i], behind) == 0;
        if (behind && !is_marked)
            break;
        digits[count++] = *at;
        if (behind)
            break;
        at = token_end + 1;
    }
    if (count)
        add_shown(shown, head, digits, count);
}

static inline void shown_of(struct span text, enum step step, struct shown *shown)
{
    char head[8] = "";
    shown->count = 0;
    const char *end = text.data + text.size;
    for (const char *line = text.data; line <= end;) {
        const char *line_end = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
        if (!line_end)
            line_end = end;
        if (!shown_in_line(line, line_end, step, head, shown) && head[0])
            shown_in_list(line, line_end, head, shown);
        line = line_end + 1;
    }
}

/* ---- would it be taken? ---- */

static inline bool is_taken(const char *text, const struct ref *ref, const struct text_facts *facts)
{
    struct reply reply;
    if (!reply_parse(span_of(text), &reply) || reply.digits[0] != facts->slot || reply.text.size)
        return false;
    if (facts->step == STEP_LANGUAGE)
        return reply.digit_count == 2 && (reply.digits[1] == 1 || reply.digits[1] == 2);
    if (reply.digit_count < 4 || reply.digits[1] != facts->lang ||
        reply.digits[2] != STEP_REPLY_CODES[facts->step] || reply.digits[3] == 0)
        return false;
    unsigned answer = 0;
    for (unsigned i = 3; i < reply.digit_count; i++)
        answer = answer * 10 + reply.digits[i];
    if (facts->step == STEP_ORDER)
        return answer == 1 || answer == 2;
    if (facts->step == STEP_ACCOUNT)
        return answer == 1 && facts->account.size;
    const struct ref_list *list = ref_choices(ref, facts->step, facts->region);
    const struct ref_entry *entry = list ? ref_find(list, answer) : NULL;
    return entry && entry->active;
}

static inline bool contains(struct span text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

static inline bool shows(const struct shown *shown, const char *reply)
{
    for (size_t i = 0; i < shown->count; i++)
        if (strcmp(shown->replies[i], reply) == 0)
            return true;
    return false;
}

#endif
