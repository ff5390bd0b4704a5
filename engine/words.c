/* words.c - the names behind words.h. */
#include "engine/words.h"

const char *const KIND_WORDS[] = {KINDS(WORDS_NAME)};
const char *const STEP_WORDS[] = {STEPS(WORDS_NAME)};
const char *const AGENCY_WORDS[] = {AGENCIES(WORDS_NAME)};
const char *const PHASE_WORDS[] = {PHASES(WORDS_NAME)};
const char *const SMS_KIND_WORDS[] = {SMS_KINDS(WORDS_NAME)};
const char *const INFO_WORDS[] = {INFOS(WORDS_NAME)};
const char *const OUTCOME_WORDS[] = {OUTCOMES(WORDS_NAME)};
const char *const REASON_WORDS[] = {REASONS(WORDS_NAME)};
const char *const FINDING_WORDS[] = {FINDINGS(WORDS_NAME)};
const char *const LANG_WORDS[] = {"kk+ru", "kk", "ru"};

#define CHOICE_CODE(step, name, code) [step] = (code),
const unsigned char STEP_REPLY_CODES[STEP_COUNT] = {CHOICES(CHOICE_CODE)[STEP_ORDER] = 7, [STEP_ACCOUNT] = 8};
