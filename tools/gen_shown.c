/* gen_shown.c - see gen_shown.h. */
#include "tools/gen_shown.h"

#include "tools/gen_rows.h"

#define DIGITS_MAX 8

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_word(char byte)
{
    return is_digit(byte) || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* Digits that stand alone, a space before each, from `at` on. */
static unsigned read_digits(struct span text, size_t at, uint8_t digits[DIGITS_MAX], size_t *ret_end)
{
    unsigned count = 0;
    while (count < DIGITS_MAX && at + 1 < text.size && text.data[at] == ' ' && is_digit(text.data[at + 1]) &&
           (at + 2 == text.size || !is_word(text.data[at + 2]))) {
        digits[count++] = (uint8_t)(text.data[at + 1] - '0');
        at += 2;
    }
    *ret_end = at;
    return count;
}

/* A line of a list begins with its number: "1 5 - …" is 15. */
static void read_entry(struct span text, size_t at, struct gen_shown *shown)
{
    unsigned number = 0, digits = 0;
    while (at < text.size && is_digit(text.data[at]) && digits < 4) {
        number = number * 10 + (unsigned)(text.data[at] - '0');
        digits++;
        at++;
        if (at + 1 < text.size && text.data[at] == ' ' && is_digit(text.data[at + 1]))
            at++;
        else
            break;
    }
    if (digits && number && (at == text.size || !is_word(text.data[at])) && shown->count < GEN_SHOWN_MAX)
        shown->numbers[shown->count++] = (uint16_t)number;
}

static void read_reply(struct span text, size_t at, size_t end, const uint8_t *digits, unsigned count, enum step step,
                       struct gen_shown *shown)
{
    bool chosen = count == 4 && digits[2] == STEP_REPLY_CODES[STEP_ACCOUNT] && digits[3] == 1;
    shown->slot = digits[0];
    shown->own_account |= step == STEP_ACCOUNT && chosen;
    unsigned head = step == STEP_LANGUAGE ? 1 : step == STEP_NAME ? 2 : 3; /* what is behind it is the citizen's choice */
    if (count < head || shown->head_digits)
        return;
    size_t size = end - at - 2 * (count - head);
    if (size < sizeof shown->head) {
        memcpy(shown->head, text.data + at, size);
        shown->head[size] = 0;
        shown->head_digits = head;
    }
}

void gen_read_shown(struct span text, enum step step, struct gen_shown *shown)
{
    shown->slot = shown->head_digits = shown->count = 0;
    shown->own_account = false;
    bool lists = step != STEP_LANGUAGE && step != STEP_NAME && step != STEP_ORDER && step != STEP_ACCOUNT, line = true;
    for (size_t at = 0; at < text.size; at++) {
        char byte = text.data[at];
        if (lists && line && shown->head_digits && is_digit(byte))
            read_entry(text, at, shown);
        line = byte == '\n';
        if (byte != 'R' || (at && is_word(text.data[at - 1])))
            continue;
        uint8_t digits[DIGITS_MAX];
        size_t end;
        unsigned count = read_digits(text, at + 1, digits, &end);
        if (count >= 2)
            read_reply(text, at, end, digits, count, step, shown);
    }
}

static unsigned choose(const struct gen *gen, const struct gen_plan *plan, enum step step, const struct gen_shown *shown)
{
    uint64_t hash = gen_hash(gen, GEN_ANSWERS, (uint64_t)plan->number * STEP_COUNT + step);
    if (step != STEP_PRIVILEGE)
        return shown->numbers[gen_below(hash, 0, shown->count)];
    unsigned kept[GEN_SHOWN_MAX], count = 0;
    for (unsigned i = 0; i < shown->count; i++)
        if ((shown->numbers[i] != 1) == plan->privileged)
            kept[count++] = shown->numbers[i];
    return count ? kept[gen_below(hash, 0, count)] : 0;
}

char *gen_put_reply(char *out, const struct gen *gen, const struct gen_plan *plan, enum step step,
                    const struct gen_shown *shown)
{
    if (!shown->head_digits)
        return NULL;
    out = put_bytes(out, shown->head, strlen(shown->head));
    switch (step) {
    case STEP_LANGUAGE:
        return put_typed(out, plan->lang);
    case STEP_NAME:
        return put_name(PUT(out, " "), gen, plan);
    case STEP_ORDER:
        return put_typed(out, plan->disputed ? 2 : 1);
    case STEP_ACCOUNT:
        if (shown->own_account && gen_hash(gen, GEN_ANSWERS, plan->number) & 3)
            return put_typed(out, 1);
        return put_account(PUT(out, " 2 "), gen_hash(gen, GEN_ANSWERS, (1ull << 40) + plan->number), true);
#define CASE_CHOICE(step, name, code) case step:
        CHOICES(CASE_CHOICE) {
            unsigned number = shown->count ? choose(gen, plan, step, shown) : 0;
            return number ? put_typed(out, number) : NULL;
        }
    case STEP_REGISTERING:
    case STEP_QUEUEING:
    case STEP_ASSIGNING:
    case STEP_CLOSED:
    case STEP_COUNT:
        break;
    }
    return NULL;
}
