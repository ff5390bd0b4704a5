/* texts.h - the words of every SMS (contract section 12): built-in texts in Kazakh and Russian, replaced row by row by
 * texts.csv, with placeholders filled in; cut and counted on the real text.
 * Room: io.  Thread: a `struct texts` belongs to one worker (it caches what it rendered). Errors: rendering fails for want of
 * memory alone, opening also where the set has a row that is none of these (FAULT_INPUT).
 *
 * A row of texts.csv is kind, step, lang (kk or ru; an SMS in kk+ru is made of both) and text:
 *   prompt      step = the prompt's step
 *   info        step = the info's name
 *   correction  step = the reason: bad_form bad_slot bad_answer bad_language not_asked bad_name bad_account;
 *               of bad_form also what alone was wrong: bad_form_alphabet bad_form_case bad_form_no_space bad_form_spaces. A texts.csv
 *               that replaces bad_form alone replaces these with it
 *   reminder    step = empty or *: one text for all steps
 *   list        step = more: the line behind a list that was cut
 * Placeholders, each only in the rows named:
 *   {slot}     prompt language: the slot's digit, in `R {slot} 1` and `R {slot} 2`
 *   {head}     all other prompts: `R c l`; the text goes on with the step's digits, spaced: `{head} 7 1`
 *   {list}     prompts that choose: one line an entry, alone on its line, below the line with {head}
 *   {order}    prompt order: the child's order
 *   {account}  prompt account: the last 4 characters of the one on file
 *   {office} {address}  infos of the registry: the chosen office's name and address
 *   {place}    infos: where; of info registered the chosen office's address if the agency gave no place
 *   {queue} {amount} {reason}  infos: the agency's words, cut at 120 code points
 *   {prompt}   corrections, reminder: the prompt again, alone on its line
 *   {date}     reminder: DD.MM.YYYY, on which the prompt ends
 *   {range}    list more: the first and last number of the whole list, spaced
 * A line whose placeholder has nothing to say is left out, so what may be empty stands on a line of its own. */
#ifndef IO_TEXTS_H
#define IO_TEXTS_H

#include "engine/fault.h"
#include "engine/ref.h"
#include "engine/reply.h"
#include "engine/words.h"
#include "io/ref_load.h"

#include <stdint.h>

struct texts;

struct text_facts {
    enum sms_kind kind;
    enum step step;       /* of prompt, correction, reminder */
    enum info info;       /* of info */
    enum lang lang;       /* LANG_BOTH: Kazakh first, a blank line, Russian */
    enum reason reason;   /* of a correction: what was wrong */
    enum reply_fault form; /* of bad_form: what, where it was one thing */
    unsigned slot;        /* 1 … 9 */
    unsigned child_order; /* 1 … 20 */
    uint32_t region;      /* KATO code as a number */
    unsigned office;      /* chosen office's number, 0 none */
    struct span account;  /* the account on file (20 characters), or empty */
    struct span place, queue_number, amount, agency_reason; /* as the agency gave them; cut and cleaned here */
    int64_t ends_at_ms;   /* of a reminder: the date on which the prompt ends */
};

struct text_result {
    struct span text;   /* UTF-8; lives until the next texts_render on this object */
    struct span quoted; /* the same as a CSV field, quoted where needed */
    unsigned segments;
};

/* `set` must outlive the object. */
int texts_open(struct texts **ret_texts, const struct ref_set *set, unsigned max_segments, struct fault *fault);
void texts_close(struct texts *texts); /* NULL is taken */
int texts_render(struct texts *texts, const struct text_facts *facts, struct text_result *ret_result, struct fault *fault);

/* Is a row of texts.csv usable: kind, step and lang known, every placeholder there that the row must carry, and
 * no reply shown but those that its prompt takes? Returns NULL, or what is wrong. Used by ref_load. */
const char *texts_check(struct span kind, struct span step, struct span lang, struct span text);

#endif
