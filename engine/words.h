/* words.h - the contract's words as enums and names: kinds of records, steps, agencies, reasons, outcomes, findings.
 * Room: engine (pure).  Source: contract, sections 1, 3, 4, 8, 9, 10.  The order inside each list is the order of
 * `counts` in run.json, and is on-disk format for steps, agencies, SMS kinds and infos: append only, or with a
 * new STORE_FORMAT (store/tables.h), as where a step goes between others: the phases are ranges of steps.
 * The tables of words are constant and stand for ever; an index beyond its enum is the caller's mistake. */
#ifndef ENGINE_WORDS_H
#define ENGINE_WORDS_H

#define WORDS_ENUM(id, word) id,
#define WORDS_NAME(id, word) word,

/* kinds of input files; of one instant the events of a phone are applied in this order (totals are no event) */
#define KINDS(X)                                                                                      \
    X(KIND_NOTICES, "notices") X(KIND_WITHDRAWALS, "withdrawals") X(KIND_RESPONSES, "responses")      \
    X(KIND_MESSAGES, "messages") X(KIND_RECEIPTS, "receipts") X(KIND_TOTALS, "totals")

/* where a case stands; the prompts carry reply codes (section 7) */
#define STEPS(X)                                                                                      \
    X(STEP_LANGUAGE, "language") X(STEP_NAME, "name") X(STEP_EDUCATION, "education")                  \
    X(STEP_INCOME, "income") X(STEP_OFFICE, "office") X(STEP_REGISTERING, "registering")              \
    X(STEP_PRIVILEGE, "privilege") X(STEP_LOCALITY, "locality") X(STEP_QUEUEING, "queueing")          \
    X(STEP_ORDER, "order") X(STEP_ACCOUNT, "account") X(STEP_ASSIGNING, "assigning")                  \
    X(STEP_CLOSED, "closed")

/* the prompts that are answered by a number of a list, with the name of the answer in a case and the reply code (section 7) */
#define CHOICES(X)                                                                                    \
    X(STEP_EDUCATION, education, 2) X(STEP_INCOME, income, 3) X(STEP_OFFICE, office, 4)               \
    X(STEP_PRIVILEGE, privilege, 5) X(STEP_LOCALITY, locality, 6)

#define AGENCIES(X) X(AGENCY_REGISTRY, "registry") X(AGENCY_AKIMAT, "akimat") X(AGENCY_BENEFIT, "benefit")

#define PHASES(X)                                                                                     \
    X(PHASE_REGISTRATION, "registration") X(PHASE_KINDERGARTEN, "kindergarten") X(PHASE_BENEFIT, "benefit")

#define SMS_KINDS(X)                                                                                  \
    X(SMS_PROMPT, "prompt") X(SMS_INFO, "info") X(SMS_CORRECTION, "correction") X(SMS_REMINDER, "reminder")

#define INFOS(X)                                                                                      \
    X(INFO_FILED, "filed") X(INFO_REGISTERED, "registered")                                           \
    X(INFO_REGISTRATION_REFUSED, "registration_refused") X(INFO_PRIVILEGED, "privileged")             \
    X(INFO_QUEUED, "queued") X(INFO_QUEUE_REFUSED, "queue_refused")                                   \
    X(INFO_ORDER_DISPUTED, "order_disputed") X(INFO_ASSIGNED, "assigned")                             \
    X(INFO_BENEFIT_REFUSED, "benefit_refused") X(INFO_REGISTRATION_MANUAL, "registration_manual")     \
    X(INFO_KINDERGARTEN_MANUAL, "kindergarten_manual") X(INFO_BENEFIT_MANUAL, "benefit_manual")

#define OUTCOMES(X)                                                                                   \
    X(OUTCOME_NONE, "") X(OUTCOME_REGISTERED, "registered") X(OUTCOME_QUEUED, "queued")               \
    X(OUTCOME_PRIVILEGED, "privileged") X(OUTCOME_ASSIGNED, "assigned") X(OUTCOME_REFUSED, "refused") \
    X(OUTCOME_DISPUTED, "disputed") X(OUTCOME_MISSED, "missed") X(OUTCOME_EXPIRED, "expired")         \
    X(OUTCOME_WITHDRAWN, "withdrawn")

/* why a record was not used, or counts as a miss (sections 2, 4, 7) */
#define REASONS(X)                                                                                    \
    X(REASON_NONE, "") X(REASON_BAD_CSV, "bad_csv") X(REASON_BAD_FIELDS, "bad_fields")                \
    X(REASON_TOO_LONG, "too_long") X(REASON_BAD_UTF8, "bad_utf8") X(REASON_BAD_ID, "bad_id")          \
    X(REASON_BAD_TIME, "bad_time") X(REASON_TOO_OLD, "too_old") X(REASON_FUTURE, "future")            \
    X(REASON_BAD_MSISDN, "bad_msisdn") X(REASON_BAD_IIN, "bad_iin")                                   \
    X(REASON_BAD_BIRTH_DATE, "bad_birth_date") X(REASON_BAD_SEX, "bad_sex")                           \
    X(REASON_BAD_CHILD_ORDER, "bad_child_order") X(REASON_BAD_REGION, "bad_region")                   \
    X(REASON_BAD_CAUSE, "bad_cause") X(REASON_NO_NOTICE, "no_notice")                                 \
    X(REASON_NO_FREE_SLOT, "no_free_slot") X(REASON_BAD_OPERATOR, "bad_operator")                     \
    X(REASON_OTHER_SHORT_CODE, "other_short_code") X(REASON_NO_CASE, "no_case")                       \
    X(REASON_ID_CONFLICT, "id_conflict") X(REASON_NO_OPEN_PROMPT, "no_open_prompt")                   \
    X(REASON_BAD_FORM, "bad_form") X(REASON_TOO_LATE, "too_late") X(REASON_BAD_SLOT, "bad_slot")      \
    X(REASON_BAD_ANSWER, "bad_answer") X(REASON_ALREADY_ANSWERED, "already_answered")                 \
    X(REASON_BAD_LANGUAGE, "bad_language") X(REASON_NOT_ASKED, "not_asked")                           \
    X(REASON_BAD_NAME, "bad_name") X(REASON_BAD_ACCOUNT, "bad_account")                               \
    X(REASON_NO_REQUEST, "no_request") X(REASON_BAD_STATUS, "bad_status")                             \
    X(REASON_BAD_RESPONSE, "bad_response") X(REASON_NO_SMS, "no_sms")                                 \
    X(REASON_BAD_PARTY, "bad_party") X(REASON_BAD_KIND, "bad_kind") X(REASON_BAD_COUNT, "bad_count")

/* section 10, in the order of their names: it is the order of reconciliation.csv */
#define FINDINGS(X)                                                                                   \
    X(FINDING_COUNT_MISMATCH, "count_mismatch") X(FINDING_FAILED_BUT_ANSWERED, "failed_but_answered") \
    X(FINDING_LATE_REPLY, "late_reply") X(FINDING_MESSAGE_CONFLICT, "message_conflict")               \
    X(FINDING_MESSAGE_LATE, "message_late") X(FINDING_NOTICE_ALIKE, "notice_alike")                   \
    X(FINDING_NOTICE_CONFLICT, "notice_conflict") X(FINDING_OPERATOR_SILENT, "operator_silent")       \
    X(FINDING_RECEIPT_CONFLICT, "receipt_conflict") X(FINDING_RECEIPT_MISSING, "receipt_missing")     \
    X(FINDING_RESPONSE_CONFLICT, "response_conflict") X(FINDING_RESPONSE_MISSING, "response_missing") \
    X(FINDING_SMS_FAILED, "sms_failed")

enum kind { KINDS(WORDS_ENUM) KIND_COUNT };
enum step { STEPS(WORDS_ENUM) STEP_COUNT };
enum agency { AGENCIES(WORDS_ENUM) AGENCY_COUNT };
enum phase { PHASES(WORDS_ENUM) PHASE_COUNT };
enum sms_kind { SMS_KINDS(WORDS_ENUM) SMS_KIND_COUNT };
enum info { INFOS(WORDS_ENUM) INFO_COUNT };
enum outcome { OUTCOMES(WORDS_ENUM) OUTCOME_COUNT };
enum reason { REASONS(WORDS_ENUM) REASON_COUNT };
enum finding { FINDINGS(WORDS_ENUM) FINDING_COUNT };

extern const char *const KIND_WORDS[KIND_COUNT];
extern const char *const STEP_WORDS[STEP_COUNT];
extern const char *const AGENCY_WORDS[AGENCY_COUNT];
extern const char *const PHASE_WORDS[PHASE_COUNT];
extern const char *const SMS_KIND_WORDS[SMS_KIND_COUNT];
extern const char *const INFO_WORDS[INFO_COUNT];
extern const char *const OUTCOME_WORDS[OUTCOME_COUNT];
extern const char *const REASON_WORDS[REASON_COUNT];
extern const char *const FINDING_WORDS[FINDING_COUNT];

/* The language of a case: 0 not chosen yet (both languages), 1 Kazakh, 2 Russian. */
enum lang { LANG_BOTH = 0, LANG_KK = 1, LANG_RU = 2, LANG_COUNT };
extern const char *const LANG_WORDS[LANG_COUNT]; /* "kk+ru", "kk", "ru" */

/* `code` of section 7's table for a prompt (2 education … 8 account), 0 for language, name and waiting steps */
extern const unsigned char STEP_REPLY_CODES[STEP_COUNT];

#endif
