/* test_apply.c - a phone's life against contract sections 4, 6, 7, 8 and 10, as scenes in text (scene.h says how to read them).
 * The scenes stand in the order of the contract. After `goto STEP` the last SMS is 1.1 at language, 1.2 name, 1.3 education,
 * 1.4 income, 1.5 office, 1.6 registering (filed), 1.8 privilege, 1.9 locality and queueing, 1.11 order, 1.12 account and
 * assigning, 1.13 closed. */
#include "scene.h"

#define ACCOUNT "KZ86125KZT5004100100"

/* ---- section 6 ---- */

/* Just as much room as the next event may need: with that all is well, with one less the list is named, with what it needs. */
Test(apply, room)
{
    static uint32_t needs[LIST_COUNT];
    static struct apply apply;
    apply.phone.case_count = 3, apply.phone.sms_count = 50, apply.phone.mark_count = 70;
    apply.verdicts.count = 1, apply.made.count = 20, apply.found.count = 300, apply.history.count = 4000;
    apply.awaited.count = 50000, apply.heard.count = 6, apply.waiting.count = 7, apply.bytes.count = 80;
    uint32_t some = 16 + 3 * 7 + 6 * 3; /* each that waits may have two effects and be noted; each case, what the end may do to it */
    needs[LIST_CASES] = 3 + 1, needs[LIST_SMS] = 50, needs[LIST_MARKS] = 70 + 1, needs[LIST_VERDICTS] = 1 + some;
    needs[LIST_MADE] = 20 + some, needs[LIST_FOUND] = 300 + some, needs[LIST_HISTORY] = 4000 + some + 20;
    needs[LIST_AWAITED] = 50000 + some + 50 + 20, needs[LIST_HEARD] = 6 + some, needs[LIST_WAITING] = 7 + 1;
    needs[LIST_BYTES] = 80 + VALUE_NAME_MAX + 64;
    uint32_t *rooms[LIST_COUNT] = {
        [LIST_CASES] = &apply.phone.case_capacity,  [LIST_SMS] = &apply.phone.sms_capacity,   [LIST_MARKS] = &apply.phone.mark_capacity,
        [LIST_VERDICTS] = &apply.verdicts.capacity, [LIST_MADE] = &apply.made.capacity,       [LIST_FOUND] = &apply.found.capacity,
        [LIST_HISTORY] = &apply.history.capacity,   [LIST_AWAITED] = &apply.awaited.capacity, [LIST_HEARD] = &apply.heard.capacity,
        [LIST_WAITING] = &apply.waiting.capacity,   [LIST_BYTES] = &apply.bytes.capacity,
    };
    for (unsigned wider = 0; wider < 2; wider++) { /* as wide as the others are asked, or wider by far */
        for (enum apply_list list = 0; list < LIST_COUNT; list++) {
            uint32_t need = 0;
            for (enum apply_list i = 0; i < LIST_COUNT; i++)
                *rooms[i] = needs[i] + (wider && i != list ? 100000 : 0);
            cr_expect_eq(apply_tight(&apply, &need), LIST_COUNT, "%d just wide enough", list);
            --*rooms[list];
            cr_expect_eq(apply_tight(&apply, &need), list);
            cr_expect_eq(need, needs[list], "%d: %u", list, need);
            *rooms[list] = 0;
            cr_expect_eq(apply_tight(&apply, &need), list);
        }
    }
}

/* A record that names an operator which is none is no record: each SMS is looked at, and whose message was the latest. */
Test(apply, operators_of_a_record)
{
    enum { SMS = 3, OPERATORS = 5 };
    static struct ref ref = {.operator_count = OPERATORS};
    static struct run_facts facts = {.ref = &ref};
    static char record[4096];
    for (int odd = -1; odd <= SMS; odd++) { /* -1 none, SMS the latest message's */
        for (uint16_t operator= OPERATORS - 1; operator<= OPERATORS; operator++) {
            struct sms sms[SMS], read[SMS];
            struct kase kase = {.number = 1, .slot = 1, .step = STEP_NAME, .sex = 'F', .child_order = 1, .sms_count = SMS}, cases[1];
            for (int i = 0; i < SMS; i++)
                sms[i] = (struct sms){.at_ms = 1000 * i, .operator= i == odd ? operator: 0};
            struct phone phone = {.latest_operator = odd == SMS ? operator: 0, .latest_ms = 5000, .due_ms = INT64_MAX, .cases = &kase,
                                  .case_count = 1, .sms = sms, .sms_count = SMS};
            cr_assert_lt(phone_encoded_max(&phone, 0), sizeof record);
            struct span bytes = {record, phone_encode(&phone, NULL, NULL, 0, 0, record)};
            struct apply apply = {.run = &facts,
                                  .phone = {.cases = cases, .case_capacity = 1, .sms = read, .sms_capacity = SMS}};
            cr_expect_eq(apply_load(&apply, bytes), odd < 0 || operator< OPERATORS, "%d of %d", (int)operator, odd);
        }
    }
}

Test(apply, opening)
{
    static const struct scene_row ROWS[] = {
        {"a notice opens a case", "run 0 | notice N1 -2h | = 1.1 prompt language kk+ru | at 1 language slot 1 lang kk+ru"},
        {"numbers and slots by registered_at, not by the order given",
         "run 0 | notice N3 -1h | notice N2 -2h | notice N1 -3h"
         "| = 1.1 prompt language kk+ru | = 2.1 prompt language kk+ru | = 3.1 prompt language kk+ru"
         "| at 1 language slot 1 | at 3 language slot 3 | run 1h | withdraw N3 -1m | at 3 closed withdrawn 1"},
        {"of one instant by notice_id", "run 0 | notice B -1h | notice A -1h | ... | run 1h | withdraw A -1m | at 1 closed | at 2 language"},
        {"the lowest free slot",
         "run 0 | notice N1 -3h | notice N2 -2h | notice N3 -1h | ... | run 1h | withdraw N2 -30m | notice N4 -10m"
         "| = 4.1 prompt language kk+ru | at 4 language slot 2 | at 2 closed slot 2"},
        {"a slot is free at once, in the very run", "goto language | run 1d | withdraw N1 -3h | notice N2 -2h"
                                                   "| = 2.1 prompt language kk+ru | at 2 language slot 1"},
        {"a notice before the withdrawal still finds the slot held",
         "goto language | run 1d | withdraw N1 -1h | notice N2 -2h | = 2.1 prompt language kk+ru | at 2 language slot 2"},
        {"nine and no more",
         "run 0 | notice A -9h | notice B -9h | notice C -9h | notice D -9h | notice E -9h | notice F -9h | notice G -9h"
         "| notice H -9h | notice I -8h | notice J -7h | ... | at 9 language slot 9 | run 1h | notice J @-7h | = J reject no_free_slot"
         "| run 2h | withdraw E -1h | notice J @-7h | = J reject no_free_slot"
         "| run 3h | notice J @-7h | = 10.1 prompt language kk+ru | at 10 language slot 5"},
        {"a withdrawal earlier than the tenth makes room",
         "run 0 | notice A -9h | notice B -9h | notice C -9h | notice D -9h | notice E -9h | notice F -9h | notice G -9h"
         "| notice H -9h | notice I -8h | ... | run 1h | withdraw I -3h | notice J -1h | = 10.1 prompt language kk+ru"
         "| at 10 language slot 9"},
        {"a region that the reference data no longer know: no number is one of its",
         "goto income region=333000000 | run 1h | msg m1 -1m R 1 2 3 1 | ... | run 2h | msg m2 -1m R 1 2 4 1 | = m2 miss bad_answer"
         "| = 1.6 correction office ru bad_answer"},
        {"a closed case's slot is used again", "goto closed | run 1d | notice N2 -1h | = 2.1 prompt language kk+ru | at 2 language slot 1"},
        {"a bad account is a warning", "run 0 | notice N1 -1h badaccount | = N1 warning bad_account | = 1.1 prompt language kk+ru"},
        {"but only where the case opens",
         "run 0 | notice A -9h | notice B -9h | notice C -9h | notice D -9h | notice E -9h | notice F -9h | notice G -9h"
         "| notice H -9h | notice I -8h | ... | run 1h | notice J -1h badaccount | = J reject no_free_slot"},
        {"the same child under another id",
         "run 0 | notice N1 -3h iin=1 hospital=H1 | notice N2 -2h iin=1 hospital=H2 | = 1.1 prompt language kk+ru"
         "| = 2.1 prompt language kk+ru | = find notice_alike H2 N2 2 -2h"},
        {"alike in a later run, no hospital, told once a case",
         "run 0 | notice N1 -3h iin=1 | notice N2 -2h iin=1 sex=M | ... | run 1d | notice N3 -1h iin=1 | = 3.1 prompt language kk+ru"
         "| = find notice_alike - N3 3 23h"},
        {"twice alike is one finding", "run 0 | notice N1 -3h iin=1 | notice N2 -2h iin=1 | ... | run 1d | notice N3 -1h iin=1"
                                       "| = 3.1 prompt language kk+ru | = find notice_alike - N3 3 23h"},
        {"not alike: sex, date, order, IIN",
         "run 0 | notice N1 -3h iin=1 | notice N2 -2h iin=1 sex=M | notice N3 -2h iin=1 birth=2025-10-29 | notice N4 -2h iin=1 order=3"
         "| notice N5 -2h iin=2 | = 1.1 prompt language kk+ru | = 2.1 prompt language kk+ru"
         "| = 3.1 prompt language kk+ru | = 4.1 prompt language kk+ru | = 5.1 prompt language kk+ru"},
        {"alike to one that was withdrawn", "run 0 | notice N1 -3h iin=1 | ... | run 1h | withdraw N1 -1m | run 2h | notice N2 -1m iin=1"
                                            "| = 2.1 prompt language kk+ru | = find notice_alike - N2 1 1h59m"},
        {"the finding falls away with its own case", "run 0 | notice N1 -3h iin=1 | notice N2 -2h iin=1 | withdraw N2 -1h"
                                                    "| = 1.1 prompt language kk+ru | = superseded 1"},
        {"but not with the other", "run 0 | notice N1 -3h iin=1 | notice N2 -2h iin=1 | withdraw N1 -1h | = 2.1 prompt language kk+ru"
                                   "| = superseded 1 | = find notice_alike - N2 2 -2h"},
    };
    SCENES(ROWS);
}

Test(apply, withdrawal)
{
    static const struct scene_row ROWS[] = {
        {"of a notice that came before", "goto language | run 1d | withdraw N1 -1h | at 1 closed withdrawn 1 registration withdrawn"},
        {"in the run of the notice: nothing leaves", "run 0 | notice N1 -2h | withdraw N1 -1h | = superseded 1"
                                                     "| at 1 closed withdrawn 1 registration withdrawn sms 0"},
        {"earlier than the notice: it waits", "run 0 | withdraw N1 -5h | notice N1 -2h | = superseded 1 | at 1 closed withdrawn 1"},
        {"it is applied right after the notice: the slot is free for the next",
         "run 0 | withdraw N1 -5h | notice N1 -2h | notice N2 -1h | = superseded 1 | = 2.1 prompt language kk+ru"
         "| at 2 language slot 1"},
        {"of no notice", "run 0 | notice N1 -2h | withdraw N2 -1h | = -N2 reject no_notice phoneless | = 1.1 prompt language kk+ru"},
        {"of a notice that opened no case",
         "run 0 | notice A -9h | notice B -9h | notice C -9h | notice D -9h | notice E -9h | notice F -9h | notice G -9h"
         "| notice H -9h | notice I -8h | ... | run 1h | notice J -1h | withdraw J -30m | = J reject no_free_slot"
         "| = -J reject no_notice phoneless"},
        {"rejected, then given again once its notice is there",
         "run 0 | withdraw N1 -1h | = -N1 reject no_notice phoneless | run 1h | notice N1 -2h | withdraw N1 @-1h | = superseded 1"},
        {"twice in a run and later", "goto name | run 1h | withdraw N1 -2m | withdraw N1 -1m | = -N1 duplicate | run 2h"
                                     "| withdraw N1 -1m | = -N1 duplicate | run 3h | withdraw N1 @58m | = -N1 duplicate"},
        {"twice, both waiting", "run 0 | withdraw N1 -5h | withdraw N1 -4h | notice N1 -2h | = -N1 duplicate | = superseded 1"},
        {"a closed case keeps its outcomes",
         "goto closed | run 1d | withdraw N1 -1h | at 1 closed withdrawn 1 registration registered kindergarten queued benefit assigned"},
        {"nothing leaves: the answer of the same run",
         "goto office | run 1h | msg m1 -20m R 1 2 4 1 | withdraw N1 -10m | = superseded 2 | at 1 closed registration withdrawn"},
        {"nothing leaves: the request answered in the same run",
         "goto office | run 1h | msg m1 -20m R 1 2 4 1 | resp 1.registry registered -15m | withdraw N1 -10m | = superseded 4"
         "| at 1 closed registration registered kindergarten withdrawn"},
        {"nothing leaves: the correction", "goto name | run 1h | msg m1 -20m hello | withdraw N1 -10m | = m1 miss bad_form | = superseded 1"},
        {"nothing leaves: what was made for a case that then closed",
         "goto order | run 1h | msg m1 -20m R 1 2 7 2 | withdraw N1 -10m | = superseded 1 | at 1 closed benefit disputed withdrawn 1"},
        {"messages after it", "goto name | run 1h | withdraw N1 -30m | msg m1 -20m R 1 2 Ким Анна | msg m2 -19m hello"
                              "| = m1 reject bad_slot | = m2 reject no_open_prompt"},
        {"it closes one case of two", "run 0 | notice N1 -2h | notice N2 -1h sex=M | ... | run 1d | withdraw N1 -1h"
                                      "| msg m1 -30m R 2 1 | = 2.2 prompt name kk | at 1 closed | at 2 name"},
        {"a bad slot then counts for the other", "run 0 | notice N1 -2h | notice N2 -1h sex=M | ... | run 1d | withdraw N1 -1h"
                                                 "| msg m1 -30m R 1 1 | = m1 miss bad_slot | = 2.2 correction language kk+ru bad_slot"},
        {"no reminder, no expiry", "goto name | run 1d | withdraw N1 -1h | run 3d | run 10d | run 20d | at 1 closed registration withdrawn"},
        {"a response that comes later has no effect, yet its status is known",
         "goto registering | run 1h | withdraw N1 -1m | run 2h | resp 1.registry registered -1m | run 3h"
         "| resp 1.registry registered -1m | = 1.registry duplicate | run 4h | resp 1.registry refused -1m"
         "| = 1.registry reject already_answered | at 1 closed registration withdrawn kindergarten none"},
        {"a response is checked as any other's", "goto queueing | run 1h | withdraw N1 -1m | run 2h | resp 1.akimat queued -1m"
                                                 "| = 1.akimat reject bad_response | run 3h | resp 1.akimat what -1m"
                                                 "| = 1.akimat reject bad_status"},
        {"a response of the same run, after it", "goto registering | run 1h | withdraw N1 -30m | resp 1.registry registered -20m"
                                                 "| at 1 closed registration withdrawn"},
        {"a response of the same run, before it: its effects are silenced",
         "goto registering | run 1h | resp 1.registry registered -30m | withdraw N1 -20m | = superseded 2"
         "| at 1 closed registration registered kindergarten withdrawn"},
        {"a response waits in vain for a request that is never made",
         "goto office | run 1h | resp 1.registry registered -40m | withdraw N1 -30m | msg m1 -20m R 1 2 4 1"
         "| = m1 reject bad_slot | = 1.registry reject no_request phoneless"},
        {"a request is not missed", "goto registering | run 1h | withdraw N1 -1m | run 5d | run 9d"},
        {"receipts that come later bring no finding", "goto name | run 1h | withdraw N1 -1m | run 2h | receipt 1.2 failed -1m | run 3h"
                                                      "| receipt 1.2 delivered -2m | receipt 1.2 failed -1m | = 1.2 duplicate"},
        {"findings of the same run fall away", "goto name | run 1h | receipt 1.2 failed -30m | msg m1 -20m R 1 2 Ким Анна"
                                               "| withdraw N1 -10m | = superseded 1"},
        {"response_conflict falls away, the reject does not",
         "goto privilege | run 1h | resp 1.registry refused -30m | withdraw N1 -10m | = 1.registry reject already_answered"},
        {"message_conflict stays", "goto name | run 1h | msg m1 -30m R 1 2 | = m1 reject already_answered | run 2h | msg m1 -30m R 1 1"
                                   "| withdraw N1 -10m | = m1 reject id_conflict | = find message_conflict kcell m1 - 1h30m"},
        {"expired, then withdrawn: never revived",
         "goto name | run 3d | ... | run 10d | ... | run 11d | withdraw N1 -1h | run 12d | msg m1 @9d R 1 2 Ким Анна"
         "| = m1 reject bad_slot | = late kcell 1 9d 9d | at 1 closed registration expired withdrawn 1"},
        {"revived and withdrawn in one run: nothing leaves, no late_reply",
         "goto name | run 3d | ... | run 10d | ... | run 11d | msg m1 @9d R 1 2 Ким Анна | withdraw N1 -1h | = late kcell 1 9d 9d"
         "| = superseded 2 | at 1 closed registration withdrawn"},
        {"withdrawn first, the late reply then: not revived",
         "goto name | run 3d | ... | run 10d | ... | run 11d | withdraw N1 @8d | msg m1 @9d R 1 2 Ким Анна | = late kcell 1 9d 9d"
         "| = m1 reject bad_slot | at 1 closed registration expired withdrawn 1"},
        {"of one instant: notice, withdrawal, response, message, receipt",
         "goto office | run 1h | msg m1 -1m R 1 2 4 1 | withdraw N1 -1m | = m1 reject bad_slot"},
    };
    SCENES(ROWS);
}

/* ---- section 7's table, from its top ---- */

Test(apply, table_not_there)
{
    static const struct scene_row ROWS[] = {
        {"a stranger", "run 0 | msg m1 -1h R 1 1 | = m1 reject no_case"},
        {"before registered_at", "goto language | run 1d | msg m1 @-2h2m R 1 1 | = m1 reject no_case"},
        {"at registered_at", "run 0 | notice N1 -1h | msg m1 -1h R 1 1 | = superseded 1 | = 1.1 prompt name kk"},
        {"one ms before it", "run 0 | notice N1 -1h | msg m1 -1h1ms R 1 1 | = m1 reject no_case | = 1.1 prompt language kk+ru"},
        {"not remembered: its cause goes", "run 0 | msg m1 -1h R 1 1 | = m1 reject no_case | run 1d | notice N1 @-2h | msg m1 @-1h R 1 1"
                                           "| = superseded 1 | = 1.1 prompt name kk | = late kcell 1 -1h -1h"},
        {"twice, both rejected", "run 0 | msg m1 -1h R 1 1 | msg m1 -1h R 1 1 | = m1 reject no_case | = m1 reject no_case"},
        {"a closed case is there", "goto closed | run 1d | msg m1 -1h R 1 1 | = m1 reject bad_slot"},
        {"of two the later is not there: not in form goes to the other",
         "run 0 | notice N1 -5h | ... | run 1d | notice N2 -2h sex=M | ... | run 2d | msg m1 @21h hello"
         "| = m1 miss bad_form | = 1.2 correction language kk+ru bad_form | = late kcell 1 21h 21h"},
        {"of two the later is not there: a bad slot is the other's",
         "run 0 | notice N1 -5h | ... | run 1d | notice N2 -2h sex=M | ... | run 2d | msg m1 @21h R 7 1"
         "| = m1 miss bad_slot | = 1.2 correction language kk+ru bad_slot | = late kcell 1 21h 21h"},
        {"of two the later is not there: its slot is a bad one",
         "run 0 | notice N1 -5h | ... | run 1d | notice N2 -2h sex=M | ... | run 2d | msg m1 @21h R 2 1"
         "| = m1 miss bad_slot | = 1.2 correction language kk+ru bad_slot | = late kcell 1 21h 21h"},
        {"a later case in the same slot does not take it", "goto closed | run 1d | notice N2 -1h | ... | run 2d | msg m1 @22h R 1 1"
                                                           "| = m1 reject bad_slot | = late kcell 1 22h 22h"},
    };
    SCENES(ROWS);
}

Test(apply, table_repeats)
{
    static const struct scene_row ROWS[] = {
        {"the same again in the run", "goto language | run 1h | msg m1 -1m R 1 1 | msg m1 -1m R 1 1 | = m1 duplicate | = 1.2 prompt name kk"},
        {"the same again in a later run", "goto language | run 1h | msg m1 -1m R 1 1 | ... | run 2h | msg m1 @59m R 1 1 | = m1 duplicate"
                                          "| run 390d | msg m1 @59m R 1 1 | ..."},
        {"another text", "goto language | run 1h | msg m1 -1m R 1 1 | ... | run 2h | msg m1 @59m R 1 2 | = m1 reject id_conflict"
                         "| = find message_conflict kcell m1 - 59m | at 1 name lang kk"},
        {"another instant", "goto language | run 1h | msg m1 -1m R 1 1 | ... | run 2h | msg m1 @58m R 1 1 | = m1 reject id_conflict"
                            "| = find message_conflict kcell m1 - 58m"},
        {"an instant within a millisecond", "goto language | run 1h | msg m1 -1m R 1 1 | ... | run 2h | msg m1 @58m59s999ms R 1 1"
                                            "| = m1 reject id_conflict | = find message_conflict kcell m1 - 58m59s999ms"},
        {"of two in one run the first in time counts",
         "goto language | run 1h | msg m1 -1m R 1 1 | msg m1 -2m R 1 2 | = m1 reject id_conflict"
         "| = find message_conflict kcell m1 - 59m | = 1.2 prompt name ru"},
        {"of one instant the first text counts", "goto language | run 1h | msg m1 -1m R 1 2 | msg m1 -1m R 1 1 | = m1 reject id_conflict"
                                                 "| = find message_conflict kcell m1 - 59m | = 1.2 prompt name kk"},
        {"ids are the operator's own", "goto language | run 1h | msg kcell:m1 -2m R 1 1 | msg beeline:m1 -1m R 1 1"
                                       "| = m1 reject already_answered | = 1.2 prompt name kk"},
        {"a conflict is told in every run that is given it",
         "goto language | run 1h | msg m1 -1m R 1 1 | ... | run 2h | msg m1 @59m x | = m1 reject id_conflict"
         "| = find message_conflict kcell m1 - 59m | run 3h | msg m1 @59m x | = m1 reject id_conflict"
         "| = find message_conflict kcell m1 - 59m"},
        {"rejected by the table, yet remembered", "goto registering | run 1h | msg m1 -1m hello | = m1 reject no_open_prompt | run 2h"
                                                  "| msg m1 @59m hello | = m1 duplicate"},
        {"another short code comes before no_case", "run 0 | msg m1 -1h code=1415 R 1 1 | = m1 reject other_short_code"},
        {"another short code is not remembered", "goto language | run 1h | msg m1 -1m code=1415 R 1 1 | = m1 reject other_short_code"
                                                 "| run 2h | msg m1 @59m R 1 1 | = 1.2 prompt name kk | = late kcell 1 59m 59m"},
        {"another short code, of a message that is known", "goto language | run 1h | msg m1 -1m R 1 1 | ... | run 2h"
                                                           "| msg m1 @59m code=1415 R 1 1 | = m1 reject other_short_code"},
        {"marks older than remember are dropped", "set remember 30d | goto closed | run 1d | msg m1 -1h x | ... | at 1 closed marks 10"
                                                  "| run 29d | msg m2 -1h x | ... | at 1 closed marks 11 | run 32d | msg m3 -1h x | ..."
                                                  "| at 1 closed marks 2 | run 33d | msg m4 -1h x | ... | at 1 closed marks 3"},
        {"a mark whose day ends no earlier than remember still tells a repeat",
         "set remember 30d | goto closed | run 1h | msg m1 -1m hello | ... | run 30d17h | msg m1 @59m hello | = m1 duplicate"
         "| at 1 closed marks 5"},
        {"one that is older counts for nothing, though it is still stored",
         "set remember 30d | goto closed | run 1h | msg m1 -1m hello | ... | run 30d17h1ms | msg m1 @59m hello"
         "| = m1 reject no_open_prompt | = late kcell 1 59m 59m | at 1 closed marks 1"},
    };
    SCENES(ROWS);
}

Test(apply, table_not_in_form)
{
    static const struct scene_row ROWS[] = {
        {"no open prompt", "goto registering | run 1h | msg m1 -1m hello | = m1 reject no_open_prompt"},
        {"no open prompt: closed", "goto closed | run 1h | msg m1 -1m r 1 1 | = m1 reject no_open_prompt"},
        {"a miss", "goto name | run 1h | msg m1 -1m hello | = m1 miss bad_form | = 1.3 correction name ru bad_form | at 1 name misses 1"},
        {"lower case r", "goto language | run 1h | msg m1 -1m r 1 1 | = m1 miss bad_form | = 1.2 correction language kk+ru bad_form"},
        {"Cyrillic Р", "goto language | run 1h | msg m1 -1m Р 1 1 | = m1 miss bad_form | = 1.2 correction language kk+ru bad_form"},
        {"two digits together", "goto office | run 1h | msg m1 -1m R 1 2 4 15 | = m1 miss bad_form | = 1.6 correction office ru bad_form"},
        {"nine digits", "goto office | run 1h | msg m1 -1m R 1 2 4 1 1 1 1 1 1 | = m1 miss bad_form | = 1.6 correction office ru bad_form"},
        {"eight digits are in form", "goto office | run 1h | msg m1 -1m R 1 2 4 1 1 1 1 1 | = m1 miss bad_answer"
                                     "| = 1.6 correction office ru bad_answer"},
        {"of two the one asked by the latest run",
         "run 0 | notice N1 -5h | notice N2 -4h sex=M | ... | run 1d | msg m1 -1h R 1 1 | ... | run 2d | msg m2 -1h hello"
         "| = m2 miss bad_form | = 1.3 correction name kk bad_form"},
        {"of a tie the higher slot", "run 0 | notice N1 -5h | notice N2 -4h sex=M | ... | run 1d | msg m2 -1h hello"
                                     "| = m2 miss bad_form | = 2.2 correction language kk+ru bad_form"},
        {"the higher slot, not the later case",
         "run 0 | notice N1 -5h | notice N2 -4h sex=M | ... | run 1d | withdraw N1 -1h | ... | run 2d | notice N3 -1h sex=F order=9"
         "| msg m1 -2h R 2 1 | ... | at 3 language slot 1 | run 3d | msg m2 -1h hello | = m2 miss bad_form"
         "| = 2.3 correction name kk bad_form"},
        {"a reminder does not make it the later", "run 0 | notice N1 -5h | ... | run 1d | notice N2 -4h sex=M | ... | run 3d | ..."
                                                  "| run 3d12h | msg m2 -1h hello | = m2 miss bad_form"
                                                  "| = 2.2 correction language kk+ru bad_form"},
        {"the latest was opened by this very run: a reject", "run 0 | notice N1 -5h | ... | run 1d | notice N2 -2h sex=M | msg m2 -1h hello"
                                                             "| = m2 reject bad_form | = 2.1 prompt language kk+ru"},
        {"one that waits for an agency is not asked",
         "goto registering | run 1h | notice N2 -10m sex=M | ... | run 2h | resp 1.registry registered -30m | ... | run 3h"
         "| msg m1 -1m hello | = m1 miss bad_form | = 1.9 correction privilege ru bad_form"},
    };
    SCENES(ROWS);
}

#define EXPIRED_NAME "goto name | run 3d | = 1.3 reminder name ru ends 10d | run 10d | = 1.4 info registration_manual ru | "
Test(apply, table_revival)
{
    static const struct scene_row ROWS[] = {
        {"received in time: revived and taken",
         EXPIRED_NAME "at 1 closed registration expired | run 11d | msg m1 @9d R 1 2 Ким Анна | = 1.5 prompt education ru"
                      "| = find late_reply kcell m1 1 9d revived | = superseded 1 | = late kcell 1 9d 9d"
                      "| at 1 education registration none surname Ким reminded never"},
        {"one ms before the as-of of the closing run",
         EXPIRED_NAME "run 11d | msg m1 @9d23h59m59s999ms R 1 2 Ким Анна | ... | at 1 education"},
        {"at that as-of: not in time", EXPIRED_NAME "run 11d | msg m1 @10d R 1 2 Ким Анна | = m1 reject bad_slot | at 1 closed"},
        {"a wrong reply revives it: the prompt goes out anew, and it is no miss",
         EXPIRED_NAME "run 11d | msg m1 @9d R 1 2 Ким | = m1 reject bad_name | = 1.5 prompt name ru"
                      "| = find late_reply kcell m1 1 9d revived | = late kcell 1 9d 9d | at 1 name misses 0 registration none"},
        {"a digit alone revives", EXPIRED_NAME "run 11d | msg m1 @9d R 1 | = m1 reject bad_answer | = 1.5 prompt name ru"
                                               "| = find late_reply kcell m1 1 9d revived | = late kcell 1 9d 9d"},
        {"an answered step revives", EXPIRED_NAME "run 11d | msg m1 @9d R 1 2 | = m1 reject already_answered | = 1.5 prompt name ru"
                                                  "| = find late_reply kcell m1 1 9d revived | = late kcell 1 9d 9d"},
        {"another language revives", EXPIRED_NAME "run 11d | msg m1 @9d R 1 1 Ким Анна | = m1 reject bad_language | = 1.5 prompt name ru"
                                                  "| = find late_reply kcell m1 1 9d revived | = late kcell 1 9d 9d"},
        {"what is not in form does not", EXPIRED_NAME "run 11d | msg m1 @9d hello | = m1 reject no_open_prompt | = late kcell 1 9d 9d"},
        {"the prompt opens in this run: reminder and expiry by it",
         EXPIRED_NAME "run 11d | msg m1 @9d R 1 | ... | run 13d23h | run 14d | = 1.6 reminder name ru ends 21d | run 20d23h"
                      "| run 21d | = 1.7 info registration_manual ru | at 1 closed registration expired"},
        {"revived a second time", EXPIRED_NAME "run 11d | msg m1 @9d R 1 | ... | run 14d | ... | run 21d | ... | run 22d"
                                               "| msg m2 @20d R 1 2 Ким Анна | = 1.8 prompt education ru"
                                               "| = find late_reply kcell m2 1 20d revived | = superseded 1 | = late kcell 1 20d 20d"},
        {"an old message against the second expiry revives too",
         EXPIRED_NAME "run 11d | msg m1 @9d R 1 | ... | run 14d | ... | run 21d | ... | run 22d | msg m2 @8d R 1 2 Ким Анна"
                      "| = 1.8 prompt education ru | = find late_reply kcell m2 1 8d revived | = superseded 1 | = late kcell 1 8d 8d"},
        {"two late replies: the first revives, the second goes on",
         EXPIRED_NAME "run 11d | msg m1 @8d R 1 2 Ким Анна | msg m2 @9d R 1 2 2 1 | = 1.5 prompt income ru"
                      "| = find late_reply kcell m1 1 8d revived | = superseded 2 | = late kcell 2 8d 9d"},
        {"given up by misses: never", "goto name | run 1d | msg m1 -1h x | ... | run 2d | msg m2 -1h x | ... | run 3d | msg m3 -1h x | ..."
                                      "| at 1 closed registration missed | run 4d | msg m4 @2d R 1 2 Ким Анна | = m4 reject bad_slot"
                                      "| = late kcell 1 2d 2d"},
        {"disputed: never", "goto order | run 1d | msg m1 -1h R 1 2 7 2 | ... | run 2d | msg m2 @20h R 1 2 7 1 | = m2 reject bad_slot"
                            "| = late kcell 1 20h 20h"},
        {"another case holds the slot", EXPIRED_NAME "run 10d1h | notice N2 -1m sex=M | ... | run 11d | msg m1 @9d R 1 2 Ким Анна"
                                                     "| = m1 reject too_late | = find late_reply kcell m1 1 9d | = late kcell 1 9d 9d"
                                                     "| at 1 closed registration expired"},
        {"another case in the slot, opened in the same run before",
         EXPIRED_NAME "run 11d | notice N2 @8d sex=M | msg m1 @7d R 1 2 Ким Анна | msg m2 @9d R 1 1 | = 1.5 prompt education ru"
                      "| = find late_reply kcell m1 1 7d revived | = late kcell 2 7d 9d | = m2 reject already_answered"
                      "| = superseded 1 | = 2.1 prompt language kk+ru | at 2 language slot 2"},
        {"registered in time, it takes the slot first", EXPIRED_NAME "run 11d | notice N2 @8d sex=M | msg m1 @9d R 1 1"
                                                                     "| = superseded 1 | = 2.1 prompt name kk | = late kcell 1 9d 9d"
                                                                     "| at 2 name slot 1 | at 1 closed"},
        {"its slot is taken by a case that has closed since: the latest there counts",
         EXPIRED_NAME "run 10d1h | notice N2 -1m sex=M | ... | run 10d2h | withdraw N2 -1m | run 11d | msg m1 @9d R 1 2 Ким Анна"
                      "| = 1.5 prompt education ru | = find late_reply kcell m1 1 9d revived | = superseded 1 | = late kcell 1 9d 9d"},
        {"the latest there was withdrawn: no revival of the one before it",
         EXPIRED_NAME "run 10d1h | notice N2 @8d sex=M | ... | run 10d2h | withdraw N2 -1m | run 11d | msg m1 @9d R 1 2 Ким Анна"
                      "| = m1 reject bad_slot | = late kcell 1 9d 9d"},
        {"a bad slot does not revive what stands elsewhere", EXPIRED_NAME "run 11d | msg m1 @9d R 2 2 Ким Анна | = m1 reject bad_slot"
                                                                          "| = late kcell 1 9d 9d"},
        {"revived at language: the choice is free",
         "goto language | run 3d | ... | run 10d | = 1.3 info registration_manual kk+ru | run 11d | msg m1 @9d R 1 1"
         "| = 1.4 prompt name kk | = find late_reply kcell m1 1 9d revived | = superseded 1 | = late kcell 1 9d 9d"},
        {"revived at order: the benefit's outcome is struck, the others stay",
         "goto order | run 3d | ... | run 10d | = 1.13 info benefit_manual ru | at 1 closed benefit expired kindergarten queued"
         "| run 11d | msg m1 @9d R 1 2 7 1 | = 1.14 prompt account ru | = find late_reply kcell m1 1 9d revived"
         "| = superseded 1 | = late kcell 1 9d 9d | at 1 account benefit none kindergarten queued registration registered"},
        {"revived at account, and answered", "goto account | run 3d | ... | run 10d | = 1.14 info benefit_manual ru | run 11d"
                                             "| msg m1 @9d R 1 2 8 2 " ACCOUNT " | = 1 request benefit"
                                             "| = find late_reply kcell m1 1 9d revived | = superseded 1 | = late kcell 1 9d 9d"
                                             "| at 1 assigning account " ACCOUNT},
        {"revived at account by an answer to order", "goto account | run 3d | ... | run 10d | ... | run 11d | msg m1 @9d R 1 2 7 2"
                                                     "| = m1 reject already_answered | = 1.15 prompt account ru"
                                                     "| = find late_reply kcell m1 1 9d revived | = late kcell 1 9d 9d"},
        {"in the run that would close it: no revival is needed", "goto name | run 3d | ... | run 10d | msg m1 @9d R 1 2 Ким Анна"
                                                                 "| = 1.4 prompt education ru"},
        {"the slot is held by its own revived self", EXPIRED_NAME "run 11d | msg m1 @9d R 1 | ... | run 12d | msg m2 @9d1h R 1 2 Ким Анна"
                                                                  "| = 1.6 prompt education ru | = late kcell 1 9d1h 9d1h"},
        {"an earlier case of the slot was revived before: the latest there is closed by an expiry, another holds the slot",
         "set remind_after 1d | set expire_after 2d | goto language | run 1d | ... | run 2d | ... | run 3d | notice N2 -1h sex=M | ..."
         "| run 4d | ... | run 5d | ... | at 1 closed registration expired | at 2 closed registration expired slot 1"
         "| run 6d | msg m1 @1d12h R 1 9 | = m1 reject bad_answer | = 1.4 prompt language kk+ru"
         "| = find late_reply kcell m1 1 1d12h revived | = late kcell 1 1d12h 1d12h | at 1 language slot 1"
         "| run 6d1h | msg m2 @4d R 1 1 | = m2 reject too_late | = find late_reply kcell m2 1 4d | = late kcell 1 4d 4d"
         "| run 6d2h | msg m3 @5d1h R 1 1 | = 1.5 prompt name kk | = late kcell 1 5d1h 5d1h"},
    };
    SCENES(ROWS);
}

/* A struck case (purge) has lost what a revived one would need; its ids and times still tell a repeat. */
Test(apply, struck)
{
    static const struct scene_row ROWS[] = {
        {"closed at the bound: not struck, and revived", EXPIRED_NAME "strike 10d | run 11d | msg m1 @9d R 1 2 Ким Анна | ..."
                                                                      "| at 1 education surname Ким"},
        {"closed before it: no revival", EXPIRED_NAME "strike 10d1ms | run 11d | msg m1 @9d R 1 2 Ким Анна | = m1 reject bad_slot"
                                                      "| = late kcell 1 9d 9d | at 1 closed registration expired"},
        {"struck beside an open one: a late reply to it is one to the open one",
         EXPIRED_NAME "run 10d1h | notice N2 -1m sex=M | ... | strike 10d1ms | run 11d | msg m1 @9d R 1 1 | = m1 reject bad_slot"
                      "| = late kcell 1 9d 9d | at 2 language slot 1"},
        {"an open case loses nothing", "goto office | strike 300d | run 1h | msg m1 -1m R 1 2 4 1 | = 1 request registry"
                                       "| = 1.6 info filed ru | at 1 registering surname Ким given Анна"},
        {"its withdrawal given again is a repeat", "goto name | run 1h | withdraw N1 -1m | ... | strike 1d | run 2h"
                                               "| withdraw N1 @59m | = -N1 duplicate"},
        {"its messages given again are repeats", "goto closed | run 1h | msg m1 -1m hello | ... | strike 1d | run 2h | msg m1 @59m hello"
                                                 "| = m1 duplicate | at 1 closed surname '' account '' reference '' marks 10"},
    };
    SCENES(ROWS);
}

Test(apply, table_slot_and_step)
{
    static const struct scene_row ROWS[] = {
        {"no case in the slot, one prompt open: its miss", "goto name | run 1h | msg m1 -1m R 2 2 Ким Анна | = m1 miss bad_slot"
                                                           "| = 1.3 correction name ru bad_slot"},
        {"slot 0", "goto name | run 1h | msg m1 -1m R 0 | = m1 miss bad_slot | = 1.3 correction name ru bad_slot"},
        {"two prompts open: whose should it be?", "run 0 | notice N1 -5h | notice N2 -4h sex=M | ... | run 1d | msg m1 -1h R 3 1"
                                                  "| = m1 reject bad_slot"},
        {"none open", "goto assigning | run 1h | msg m1 -1m R 2 1 | = m1 reject bad_slot"},
        {"one open, one waits: the open one's", "goto registering | run 1h | notice N2 -10m sex=M | ... | run 2h | msg m1 -1m R 3 1"
                                                "| = m1 miss bad_slot | = 2.2 correction language kk+ru bad_slot"},
        {"opened by this run: a reject", "run 0 | notice N1 -5h | msg m1 -1h R 2 1 | = m1 reject bad_slot | = 1.1 prompt language kk+ru"},
        {"a closed case's slot", "run 0 | notice N1 -5h | notice N2 -4h sex=M | ... | run 1h | withdraw N2 -1m | run 2h | msg m1 -1m R 2 1"
                                 "| = m1 miss bad_slot | = 1.2 correction language kk+ru bad_slot"},
        {"waits for an agency", "goto registering | run 1h | msg m1 -1m R 1 2 4 1 | msg m2 -1m R 1 | = m1 reject no_open_prompt"
                                "| = m2 reject no_open_prompt"},
        {"waits: queueing, assigning", "goto queueing | run 1h | msg m1 -1m R 1 2 7 1 | = m1 reject no_open_prompt"},
        {"waits: assigning", "goto assigning | run 1h | msg m1 -1m R 1 2 8 1 | = m1 reject no_open_prompt"},
        {"waits, though another prompt is open", "goto registering | run 1h | notice N2 -10m sex=M | ... | run 2h | msg m1 -1m R 1 2 5 1"
                                                 "| = m1 reject no_open_prompt"},
        {"one digit only", "goto name | run 1h | msg m1 -1m R 1 | = m1 miss bad_answer | = 1.3 correction name ru bad_answer"},
        {"one digit and a text", "goto name | run 1h | msg m1 -1m R 1 Ким Анна | = m1 miss bad_answer | = 1.3 correction name ru bad_answer"},
        {"no step has the code: 0", "goto education | run 1h | msg m1 -1m R 1 2 0 1 | = m1 miss bad_answer"
                                    "| = 1.4 correction education ru bad_answer"},
        {"no step has the code: 1", "goto education | run 1h | msg m1 -1m R 1 2 1 1 | = m1 miss bad_answer"
                                    "| = 1.4 correction education ru bad_answer"},
        {"no step has the code: 9", "goto education | run 1h | msg m1 -1m R 1 2 9 1 | = m1 miss bad_answer"
                                    "| = 1.4 correction education ru bad_answer"},
        {"no code comes before the language", "goto education | run 1h | msg m1 -1m R 1 1 9 1 | = m1 miss bad_answer"
                                              "| = 1.4 correction education ru bad_answer"},
    };
    SCENES(ROWS);
}

#define EXPIRED_PRIVILEGE                                                                                                              \
    "goto privilege | run 3d | = 1.9 reminder privilege ru ends 10d | run 10d | = 1.10 info kindergarten_manual ru"                    \
    "| = 1.11 prompt order ru | at 1 order kindergarten expired | "
#define TOO_LATE(reply)                                                                                                                \
    EXPIRED_PRIVILEGE "run 10d1h | msg m1 @9d " reply " | = m1 reject too_late | = find late_reply kcell m1 1 9d | = late kcell 1 9d 9d"
#define ANSWERED(when, reply) EXPIRED_PRIVILEGE "run 10d1h | msg m1 " when " " reply " | = m1 reject already_answered"
Test(apply, table_given_up_steps)
{
    static const struct scene_row ROWS[] = {
        {"in time for the prompt that expired", TOO_LATE("R 1 2 5 1")},
        {"whatever the answer", TOO_LATE("R 1 2 5 9 9")},
        {"no answer at all", TOO_LATE("R 1 2 5")},
        {"whatever the language", TOO_LATE("R 1 1 5 1")},
        {"not in time", ANSWERED("@10d", "R 1 2 5 1")},
        {"one ms in time", EXPIRED_PRIVILEGE "run 10d1h | msg m1 @9d23h59m59s999ms R 1 2 5 1 | ... | at 1 order | run 10d2h"
                                             "| msg m1 @9d23h59m59s999ms R 1 2 5 1 | = m1 duplicate"},
        {"only the very prompt: what was passed over is answered", ANSWERED("@9d", "R 1 2 6 1 | = late kcell 1 9d 9d")},
        {"only the very prompt: what was answered before", ANSWERED("@9d", "R 1 2 4 1 | = late kcell 1 9d 9d")},
        {"it stays so later in the flow", EXPIRED_PRIVILEGE "run 10d1h | msg m1 -1m R 1 2 7 1 | ... | run 10d2h | msg m2 @9d R 1 2 5 1"
                                                            "| = m2 reject too_late | = find late_reply kcell m2 1 9d | = late kcell 1 9d 9d"},
        {"but not while an agency is waited for",
         EXPIRED_PRIVILEGE "run 10d1h | msg m1 -1m R 1 2 7 1 | ... | run 10d2h | msg m2 -1m R 1 2 8 2 " ACCOUNT " | ... | run 10d3h"
                           "| msg m3 @9d R 1 2 5 1 | = m3 reject no_open_prompt | = late kcell 1 9d 9d"},
        {"a revived case remembers it",
         EXPIRED_PRIVILEGE "run 13d | = 1.12 reminder order ru ends 20d | run 20d | = 1.13 info benefit_manual ru | run 21d"
                           "| msg m1 @9d R 1 2 5 1 | = find late_reply kcell m1 1 9d revived | = find late_reply kcell m1 1 9d"
                           "| = m1 reject too_late | = 1.14 prompt order ru | = late kcell 1 9d 9d"},
        {"locality", "goto locality | run 3d | ... | run 10d | = 1.11 info kindergarten_manual ru | = 1.12 prompt order ru | run 11d"
                     "| msg m1 @9d R 1 2 6 1 | msg m2 @9d R 1 2 5 1 | = m1 reject too_late | = m2 reject already_answered"
                     "| = find late_reply kcell m1 1 9d | = late kcell 2 9d 9d"},
        {"given up by misses: answered", "goto privilege | run 1h | msg m1 -1m x | ... | run 2h | msg m2 -1m x | ... | run 3h | msg m3 -1m x"
                                         "| ... | at 1 order kindergarten missed | run 4h | msg m4 @1h30m R 1 2 5 1"
                                         "| = m4 reject already_answered | = late kcell 1 1h30m 1h30m"},
    };
    SCENES(ROWS);
}

#define MISS_OF(step, sms, reply, reason)                                                                                              \
    "goto " step " | run 1h | msg m1 -1m " reply " | = m1 miss " reason " | = 1." sms " correction " step " ru " reason " | at 1 " step
#define REJECT_OF(step, reply, reason) "goto " step " | run 1h | msg m1 -1m " reply " | = m1 reject " reason " | at 1 " step " misses 0"
Test(apply, table_language_and_order_of_steps)
{
    static const struct scene_row ROWS[] = {
        {"answered: language again", REJECT_OF("name", "R 1 2", "already_answered")},
        {"language again, another one", MISS_OF("name", "3", "R 1 1", "bad_language")},
        {"language again, none at all", MISS_OF("name", "3", "R 1 0", "bad_language")},
        {"language again, later: answered, whatever it says", REJECT_OF("education", "R 1 1", "already_answered")},
        {"language again, later", REJECT_OF("account", "R 1 7", "already_answered")},
        {"answered: name", REJECT_OF("education", "R 1 2 Ким Анна", "already_answered")},
        {"answered comes before the language: name", REJECT_OF("education", "R 1 1 Ким Анна", "already_answered")},
        {"answered comes before the language", REJECT_OF("income", "R 1 1 2 1", "already_answered")},
        {"answered comes before the answer", REJECT_OF("income", "R 1 2 2 9 9", "already_answered")},
        {"answered: an agency's step lies between", REJECT_OF("privilege", "R 1 2 4 1", "already_answered")},
        {"answered: all before account", REJECT_OF("account", "R 1 2 7 1", "already_answered")},
        {"another language: name", MISS_OF("name", "3", "R 1 1 Ким Анна", "bad_language")},
        {"another language: education", MISS_OF("education", "4", "R 1 1 2 1", "bad_language")},
        {"another language: account", MISS_OF("account", "13", "R 1 1 8 2 " ACCOUNT, "bad_language")},
        {"language 0", MISS_OF("education", "4", "R 1 0 2 1", "bad_language")},
        {"language 3", MISS_OF("education", "4", "R 1 3 2 1", "bad_language")},
        {"the language comes before not_asked", MISS_OF("education", "4", "R 1 1 3 1", "bad_language")},
        {"the language comes before the answer", MISS_OF("education", "4", "R 1 1 2 9", "bad_language")},
        {"not asked: name at language",
         "goto language | run 1h | msg m1 -1m R 1 2 Ким Анна | = m1 miss not_asked | = 1.2 correction language kk+ru not_asked"},
        {"not asked at language: no language is chosen yet, so none is wrong",
         "goto language | run 1h | msg m1 -1m R 1 9 2 1 | = m1 miss not_asked | = 1.2 correction language kk+ru not_asked"},
        {"not asked: education at name", MISS_OF("name", "3", "R 1 2 2 1", "not_asked")},
        {"not asked: account at order", MISS_OF("order", "12", "R 1 2 8 1", "not_asked")},
        {"not asked: order at privilege", MISS_OF("privilege", "9", "R 1 2 7 1", "not_asked")},
        {"not asked comes before the answer", MISS_OF("education", "4", "R 1 2 3 9", "not_asked")},
    };
    SCENES(ROWS);
}

Test(apply, table_answers_not_allowed)
{
    static const struct scene_row ROWS[] = {
        {"language 3", "goto language | run 1h | msg m1 -1m R 1 3 | = m1 miss bad_answer | = 1.2 correction language kk+ru bad_answer"},
        {"language 0", "goto language | run 1h | msg m1 -1m R 1 0 | = m1 miss bad_answer | = 1.2 correction language kk+ru bad_answer"},
        {"one word", MISS_OF("name", "3", "R 1 2 Ким", "bad_name")},
        {"five words", MISS_OF("name", "3", "R 1 2 А Б В Г Д", "bad_name")},
        {"a digit in a name", MISS_OF("name", "3", "R 1 2 Ким Анна2", "bad_name")},
        {"a comma in a name", MISS_OF("name", "3", "R 1 2 Ким, Анна", "bad_name")},
        {"a hyphen at the end", MISS_OF("name", "3", "R 1 2 Ким- Анна", "bad_name")},
        {"education: no number", MISS_OF("education", "4", "R 1 2 2", "bad_answer")},
        {"education: 0", MISS_OF("education", "4", "R 1 2 2 0", "bad_answer")},
        {"education: a leading zero", MISS_OF("education", "4", "R 1 2 2 0 1", "bad_answer")},
        {"education: beyond the list", MISS_OF("education", "4", "R 1 2 2 5", "bad_answer")},
        {"education: left out by an update", MISS_OF("education", "4", "R 1 2 2 3", "bad_answer")},
        {"education: a text behind", MISS_OF("education", "4", "R 1 2 2 1 да", "bad_answer")},
        {"income: a gap", MISS_OF("income", "5", "R 1 2 3 3", "bad_answer")},
        {"income: five digits", MISS_OF("income", "5", "R 1 2 3 1 2 9 9 9", "bad_answer")},
        {"office: another region's", MISS_OF("office", "6", "R 1 2 4 3", "bad_answer")},
        {"privilege: left out", MISS_OF("privilege", "9", "R 1 2 5 3", "bad_answer")},
        {"privilege: 0", MISS_OF("privilege", "9", "R 1 2 5 0", "bad_answer")},
        {"locality", MISS_OF("locality", "10", "R 1 2 6 7 7", "bad_answer")},
        {"order 3", MISS_OF("order", "12", "R 1 2 7 3", "bad_answer")},
        {"order 1 1", MISS_OF("order", "12", "R 1 2 7 1 1", "bad_answer")},
        {"order 0 1", MISS_OF("order", "12", "R 1 2 7 0 1", "bad_answer")},
        {"order: a text behind", MISS_OF("order", "12", "R 1 2 7 1 да", "bad_answer")},
        {"account: none on file", MISS_OF("account", "13", "R 1 2 8 1", "bad_answer")},
        {"account: no number", MISS_OF("account", "13", "R 1 2 8", "bad_answer")},
        {"account: a text without its number", MISS_OF("account", "13", "R 1 2 8 " ACCOUNT, "bad_answer")},
        {"account: 2 without one", MISS_OF("account", "13", "R 1 2 8 2", "bad_answer")},
        {"account: 1 with one", MISS_OF("account", "13", "R 1 2 8 1 " ACCOUNT, "bad_answer")},
        {"account: 3", MISS_OF("account", "13", "R 1 2 8 3 " ACCOUNT, "bad_answer")},
        {"account: 2 2", MISS_OF("account", "13", "R 1 2 8 2 2 " ACCOUNT, "bad_answer")},
        {"account: 0 2", MISS_OF("account", "13", "R 1 2 8 0 2 " ACCOUNT, "bad_answer")},
        {"account: a wrong check digit", MISS_OF("account", "13", "R 1 2 8 2 KZ87125KZT5004100100", "bad_account")},
        {"account: too short", MISS_OF("account", "13", "R 1 2 8 2 KZ", "bad_account")},
        {"account: not one", MISS_OF("account", "13", "R 1 2 8 2 да", "bad_account")},
        {"on file: 1 with a text is still wrong",
         "goto account account=" ACCOUNT " | run 1h | msg m1 -1m R 1 2 8 1 да | = m1 miss bad_answer | = 1.13 correction account ru bad_answer"},
    };
    SCENES(ROWS);
}

#define TAKEN(step, reply, effects) "goto " step " | run 1h | msg m1 -1m " reply " | " effects
Test(apply, table_taken)
{
    static const struct scene_row ROWS[] = {
        {"language: Kazakh", TAKEN("language", "R 1 1", "= 1.2 prompt name kk | at 1 name lang kk misses 0")},
        {"language: Russian", TAKEN("language", "R 1 2", "= 1.2 prompt name ru | at 1 name lang ru")},
        {"name", TAKEN("name", "R 1 2 Ким Анна", "= 1.3 prompt education ru | at 1 education surname Ким given Анна")},
        {"name: four words", TAKEN("name", "R 1 2 Ким-Ли Анна Вагиф оглы", "= 1.3 prompt education ru | at 1 education surname Ким-Ли")},
        {"education", TAKEN("education", "R 1 2 2 4", "= 1.4 prompt income ru | at 1 income education 4")},
        {"income: two digits", TAKEN("income", "R 1 2 3 1 2", "= 1.5 prompt office ru | at 1 office income 12")},
        {"income: three digits", TAKEN("income", "R 1 2 3 9 9 9", "= 1.5 prompt office ru | at 1 office income 999")},
        {"office", TAKEN("office", "R 1 2 4 1 5", "= 1.6 info filed ru | = 1 request registry | at 1 registering office 15")},
        {"privilege: none", TAKEN("privilege", "R 1 2 5 1", "= 1.9 prompt locality ru | at 1 locality kindergarten none category 1")},
        {"privilege: a category", TAKEN("privilege", "R 1 2 5 2", "= 1.9 info privileged ru | = 1.10 prompt order ru"
                                                                  "| at 1 order kindergarten privileged category 2")},
        {"locality", TAKEN("locality", "R 1 2 6 7 7 7", "= 1 request akimat | at 1 queueing locality 777")},
        {"order: it is so", TAKEN("order", "R 1 2 7 1", "= 1.12 prompt account ru | at 1 account benefit none")},
        {"order: it is not", TAKEN("order", "R 1 2 7 2", "= 1.12 info order_disputed ru | at 1 closed benefit disputed")},
        {"account: another", TAKEN("account", "R 1 2 8 2 kz86 125K ZT50 0410 0100", "= 1 request benefit | at 1 assigning account " ACCOUNT)},
        {"account: the one on file", "goto account account=" ACCOUNT " | run 1h | msg m1 -1m R 1 2 8 1 | = 1 request benefit"
                                     "| at 1 assigning account " ACCOUNT},
        {"account on file, yet another", "goto account account=KZ75125KZT2069100100 | run 1h | msg m1 -1m R 1 2 8 2 " ACCOUNT
                                         " | = 1 request benefit | at 1 assigning account " ACCOUNT},
        {"an office of its own region", "goto language region=222000000 sex=M | run 1h | msg m1 -5m R 1 1 | msg m2 -4m R 1 1 Ким Анна"
                                        "| msg m3 -3m R 1 1 2 1 | msg m4 -2m R 1 1 3 1 | msg m5 -1m R 1 1 4 3 | = superseded 4"
                                        "| = 1.2 info filed kk | = 1 request registry"},
        {"a whole life in one run",
         "run 0 | notice N1 -59m account=" ACCOUNT " | msg a -50m R 1 1 | msg b -49m R 1 1 Ким Анна | msg c -48m R 1 1 2 1"
         "| msg d -47m R 1 1 3 1 | msg e -46m R 1 1 4 1 | resp 1.registry registered -45m | msg f -44m R 1 1 5 1"
         "| msg g -43m R 1 1 6 1 | resp 1.akimat queued -42m queue=7 | msg h -41m R 1 1 7 1 | msg i -40m R 1 1 8 1"
         "| resp 1.benefit assigned -39m | = 1.1 info filed kk | = 1.2 info registered kk | = 1.3 info queued kk"
         "| = 1.4 info assigned kk | = superseded 12 | at 1 closed registration registered kindergarten queued benefit assigned"},
        {"the answer comes in two cases at once",
         "run 0 | notice N1 -3h | notice N2 -2h sex=M | ... | run 1d | msg m1 -2h R 2 1 | msg m2 -1h R 1 2 | = 1.2 prompt name ru"
         "| = 2.2 prompt name kk"},
    };
    SCENES(ROWS);
}

Test(apply, misses)
{
    static const struct scene_row ROWS[] = {
        {"of a prompt that this run opened: a reject", "goto language | run 1h | msg m1 -2m R 1 2 | msg m2 -1m hello | = m2 reject bad_form"
                                                       "| = 1.2 prompt name ru | at 1 name misses 0"},
        {"of a new case: a reject", "run 0 | notice N1 -2h | msg m1 -1h hello | msg m2 -1h R 1 9 | = m1 reject bad_form"
                                    "| = m2 reject bad_answer | = 1.1 prompt language kk+ru"},
        {"a miss before the answer counts, and its correction is superseded",
         "goto language | run 1h | msg m1 -2m hello | msg m2 -1m R 1 2 | = m1 miss bad_form | = superseded 1 | = 1.2 prompt name ru"
         "| at 1 name misses 0"},
        {"once a run", "goto name | run 1h | msg m1 -3m hello | msg m2 -2m R 1 2 Ким | msg m3 -1m R 9 1 | = m1 miss bad_form"
                       "| = m2 reject bad_name | = m3 reject bad_slot | = 1.3 correction name ru bad_form | at 1 name misses 1"},
        {"each run one; the third gives up", "goto name | run 1h | msg m1 -1m x | ... | at 1 name misses 1 | run 2h | msg m2 -1m x"
                                             "| = m2 miss bad_form | = 1.4 correction name ru bad_form | at 1 name misses 2 | run 3h"
                                             "| msg m3 -1m x | = m3 miss bad_form | = 1.5 info registration_manual ru"
                                             "| at 1 closed registration missed"},
        {"of one as-of, yet another run", "goto name | run 1h | msg m1 -1m x | ... | run 1h | msg m2 -1m x | ... | at 1 name misses 2"
                                          "| run 1h | msg m3 -1m x | ... | at 1 closed"},
        {"misses are the prompt's own", "goto name | run 1h | msg m1 -1m x | ... | run 2h | msg m2 -1m x | ... | run 3h"
                                        "| msg m3 -1m R 1 2 Ким Анна | ... | at 1 education misses 0 | run 4h | msg m4 -1m x | ..."
                                        "| at 1 education misses 1"},
        {"a repeat of a miss is none", "goto name | run 1h | msg m1 -1m x | ... | run 2h | msg m1 @59m x | = m1 duplicate"
                                       "| at 1 name misses 1"},
        {"a conflict is none", "goto name | run 1h | msg m1 -1m x | ... | run 2h | msg m1 @59m y | = m1 reject id_conflict"
                               "| = find message_conflict kcell m1 - 59m | at 1 name misses 1"},
        {"after a third miss the same run's rest goes to the next prompt",
         "goto privilege | run 1h | msg m1 -1m x | ... | run 2h | msg m2 -1m x | ... | run 3h | msg m3 -3m x | msg m4 -2m R 1 2 7 1"
         "| msg m5 -1m R 1 2 5 1 | = m3 miss bad_form | = m5 reject already_answered | = 1.11 info kindergarten_manual ru"
         "| = superseded 1 | = 1.12 prompt account ru | at 1 account kindergarten missed"},
        {"a miss of one case, a miss of another", "run 0 | notice N1 -3h | notice N2 -2h sex=M | ... | run 1d | msg m1 -3h R 1 9"
                                                  "| msg m2 -2h R 2 9 | msg m3 -1h x | = m1 miss bad_answer | = m2 miss bad_answer"
                                                  "| = m3 reject bad_form | = 1.2 correction language kk+ru bad_answer"
                                                  "| = 2.2 correction language kk+ru bad_answer"},
        {"no miss of a closed case", "goto name | run 1h | withdraw N1 -2m | msg m1 -1m x | = m1 reject no_open_prompt"},
        {"received before the prompt went out, yet a miss: it is the run that counts",
         "goto name | run 1h | msg m1 @-30m x | = m1 miss bad_form | = 1.3 correction name ru bad_form | = late kcell 1 -30m -30m"},
        {"after a revival the misses begin anew",
         "goto name | run 1h | msg m1 -1m x | ... | run 2h | msg m2 -1m x | ... | run 3d | ... | run 10d | ... | at 1 closed"
         "| run 11d | msg m3 @9d R 1 9 9 | ... | at 1 name misses 0 | run 12d | msg m4 -1h x | ... | at 1 name misses 1"},
    };
    SCENES(ROWS);
}

Test(apply, lenient_form)
{
    static const struct scene_row ROWS[] = {
        {"strict takes none of it", "goto language | run 1h | msg m1 -1m r11 | = m1 miss bad_form | = 1.2 correction language kk+ru bad_form"},
        {"what is in form is not mended", "lenient | goto language | run 1h | msg m1 -1m R 1 1 | = 1.2 prompt name kk"},
        {"lower case, no spaces", "lenient | goto language | run 1h | msg m1 -1m r11 | = m1 mended | = 1.2 prompt name kk"},
        {"Cyrillic", "lenient | goto language | run 1h | msg m1 -1m Р 1 2 | = m1 mended | = 1.2 prompt name ru"},
        {"double spaces", "lenient | goto language | run 1h | msg m1 -1m R  1   2 | = m1 mended | = 1.2 prompt name ru"},
        {"a name behind it", "lenient | goto name | run 1h | msg m1 -1m р 12Ким Анна | = m1 mended | = 1.3 prompt education ru | at 1 education surname Ким"},
        {"two digits of an office", "lenient | goto office | run 1h | msg m1 -1m R12415 | = m1 mended | = 1.6 info filed ru | = 1 request registry"
                                    "| at 1 registering office 15"},
        {"mended, yet a miss", "lenient | goto name | run 1h | msg m1 -1m r13Ким Анна | = m1 mended | = m1 miss bad_language"
                               "| = 1.3 correction name ru bad_language"},
        {"mended, yet rejected", "lenient | goto name | run 1h | msg m1 -1m r12 | = m1 mended | = m1 reject already_answered"},
        {"what cannot be mended", "lenient | goto name | run 1h | msg m1 -1m Rr 1 2 | msg m2 -1m R-1-2 | msg m3 -1m hello | = m1 miss bad_form"
                                  "| = m2 reject bad_form | = m3 reject bad_form | = 1.3 correction name ru bad_form"},
        {"a repeat is not mended twice", "lenient | goto language | run 1h | msg m1 -1m r11 | ... | run 2h | msg m1 @59m r11 | = m1 duplicate"},
    };
    SCENES(ROWS);
}

/* ---- section 8: every prompt × what can befall it ---- */

static const struct prompt_row {
    const char *step;
    unsigned sms; /* the prompt's number after goto */
    const char *lang, *good, *effects, *bad, *reason, *manual, *next, *phase, *outcome_phase;
} PROMPTS[] = {
    {"language", 1, "kk+ru", "R 1 2", "= 1.%u prompt name ru", "R 1 3", "bad_answer", "registration_manual", NULL, "registration", NULL},
    {"name", 2, "ru", "R 1 2 Ким Анна", "= 1.%u prompt education ru", "R 1 2 Ким", "bad_name", "registration_manual", NULL, "registration", NULL},
    {"education", 3, "ru", "R 1 2 2 1", "= 1.%u prompt income ru", "R 1 2 2 9", "bad_answer", "registration_manual", NULL, "registration", NULL},
    {"income", 4, "ru", "R 1 2 3 1", "= 1.%u prompt office ru", "R 1 2 3 9", "bad_answer", "registration_manual", NULL, "registration", NULL},
    {"office", 5, "ru", "R 1 2 4 1", "= 1.%u info filed ru | = 1 request registry", "R 1 2 4 9", "bad_answer", "registration_manual", NULL, "registration", NULL},
    {"privilege", 8, "ru", "R 1 2 5 1", "= 1.%u prompt locality ru", "R 1 2 5 9", "bad_answer", "kindergarten_manual", "order", "kindergarten", NULL},
    {"locality", 9, "ru", "R 1 2 6 1", "= 1 request akimat", "R 1 2 6 9", "bad_answer", "kindergarten_manual", "order", "kindergarten", NULL},
    {"order", 11, "ru", "R 1 2 7 1", "= 1.%u prompt account ru", "R 1 2 7 9", "bad_answer", "benefit_manual", NULL, "benefit", NULL},
    {"account", 12, "ru", "R 1 2 8 2 " ACCOUNT, "= 1 request benefit", "R 1 2 8 2 KZ", "bad_account", "benefit_manual", NULL, "benefit", NULL},
};

static void play(const char *title, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void play(const char *title, const char *format, ...)
{
    char text[8192], failed[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (int only_due = 0; only_due < 2; only_due++)
        cr_expect(scene_run(title, text, only_due, failed), "%s: %s\n%s", title, text, failed);
}

/* what giving up sends and where the case then stands; its info has number `n` */
static void given_up(const struct prompt_row *row, unsigned n, const char *outcome, char out[300])
{
    int size = snprintf(out, 300, "= 1.%u info %s %s | ", n, row->manual, row->lang);
    if (row->next)
        size += snprintf(out + size, (size_t)(300 - size), "= 1.%u prompt %s %s | ", n + 1, row->next, row->lang);
    snprintf(out + size, (size_t)(300 - size), "at 1 %s %s %s", row->next ? row->next : "closed", row->phase, outcome);
}

Test(apply, every_prompt)
{
    for (size_t i = 0; i < sizeof PROMPTS / sizeof *PROMPTS; i++) {
        const struct prompt_row *row = &PROMPTS[i];
        const char *step = row->step, *lang = row->lang;
        unsigned n = row->sms;
        char effects[300], missed[300], expired[300], late[300];
        snprintf(effects, sizeof effects, row->effects, n + 1);
        play("the answer", "goto %s | run 1h | msg m1 -1m %s | %s", step, row->good, effects);
        play("a bad answer", "goto %s | run 1h | msg m1 -1m %s | = m1 miss %s | = 1.%u correction %s %s %s | at 1 %s misses 1", step,
             row->bad, row->reason, n + 1, step, lang, row->reason, step);
        given_up(row, n + 3, "missed", missed);
        play("three misses",
             "goto %s | run 1h | msg m1 -1m %s | ... | run 2h | msg m2 -1m %s | = m2 miss %s | = 1.%u correction %s %s %s"
             "| run 3h | msg m3 -1m %s | = m3 miss %s | %s",
             step, row->bad, row->bad, row->reason, n + 2, step, lang, row->reason, row->bad, row->reason, missed);
        given_up(row, n + 2, "expired", expired);
        play("reminder and expiry",
             "goto %s | run 2d23h59m59s999ms | run 3d | = 1.%u reminder %s %s ends 10d | run 3d | run 9d23h59m59s999ms | run 10d | %s", step,
             n + 1, step, lang, expired);
        play("answered after the reminder: no expiry of it", "goto %s | run 3d | ... | run 9d | msg m1 -1h %s | ... | run 10d", step, row->good);
        play("the reminder's run takes the answer", "goto %s | run 3d | msg m1 -1h %s | %s", step, row->good, effects);
        play("expiry's run takes the answer", "goto %s | run 3d | ... | run 10d | msg m1 -1h %s | ... | run 10d | at 1 %s", step, row->good,
             strcmp(step, "language") == 0    ? "name"
             : strcmp(step, "name") == 0      ? "education"
             : strcmp(step, "education") == 0 ? "income"
             : strcmp(step, "income") == 0    ? "office"
             : strcmp(step, "office") == 0    ? "registering"
             : strcmp(step, "privilege") == 0 ? "locality"
             : strcmp(step, "locality") == 0  ? "queueing"
             : strcmp(step, "order") == 0     ? "account"
                                              : "assigning");
        play("withdrawn", "goto %s | run 1h | withdraw N1 -1m | at 1 closed %s withdrawn | run 3d | run 10d", step, row->phase);
        play("withdrawn after the answer", "goto %s | run 1h | msg m1 -2m %s | withdraw N1 -1m | = superseded %d | at 1 closed withdrawn 1", step,
             row->good, strcmp(step, "office") == 0 ? 2 : 1);
        play("failed: reminded at once", "goto %s | run 1h | receipt 1.%u failed -1m | = find sms_failed kcell 1.%u 1 59m"
             "| = 1.%u reminder %s %s ends 10d | run 3d | run 9d | run 10d | %s", step, n, n, n + 1, step, lang, expired);
        play("failed, yet answered",
             "goto %s | run 1h | receipt 1.%u failed -2m | msg m1 -1m %s | = find sms_failed kcell 1.%u 1 58m"
             "| = find failed_but_answered kcell 1.%u 1 59m | %s", step, n, row->good, n, n, effects);
        play("answered first, failed then: not so", "goto %s | run 1h | receipt 1.%u failed -1m | msg m1 -2m %s | %s"
             "| = find sms_failed kcell 1.%u 1 59m", step, n, row->good, effects, n);
        play("a response has no place here", "goto %s | run 1h | resp 2.registry registered -1m | = 2.registry reject no_request phoneless", step);
        /* revival, or too late where the case went on */
        if (row->next)
            snprintf(late, sizeof late, "= m1 reject too_late | = find late_reply kcell m1 1 9d | = late kcell 1 9d 9d | at 1 order %s expired",
                     row->phase);
        else
            snprintf(late, sizeof late, "... | at 1 %s %s none reminded never misses 0", step, row->phase);
        play("a late reply", "goto %s | run 3d | ... | run 10d | ... | run 11d | msg m1 @9d %s | %s", step, row->next ? row->good : "R 1", late);
    }
}

/* every step that waits × what an agency can say */
static const struct wait_row {
    const char *step, *agency;
    unsigned sms; /* the last SMS after goto */
    const char *granted, *options, *granted_effects, *refused_effects, *granted_state, *refused_state;
} WAITS[] = {
    {"registering", "registry", 6, "registered", "", "= 1.7 info registered ru | = 1.8 prompt privilege ru", "= 1.7 info registration_refused ru",
     "at 1 privilege registration registered", "at 1 closed registration refused"},
    {"queueing", "akimat", 9, "queued", " queue=5", "= 1.10 info queued ru | = 1.11 prompt order ru", "= 1.10 info queue_refused ru | = 1.11 prompt order ru",
     "at 1 order kindergarten queued", "at 1 order kindergarten refused"},
    {"assigning", "benefit", 12, "assigned", "", "= 1.13 info assigned ru", "= 1.13 info benefit_refused ru", "at 1 closed benefit assigned",
     "at 1 closed benefit refused"},
};

Test(apply, every_wait)
{
    for (size_t i = 0; i < sizeof WAITS / sizeof *WAITS; i++) {
        const struct wait_row *row = &WAITS[i];
        const char *step = row->step, *a = row->agency, *granted = row->granted, *options = row->options;
        play("granted", "goto %s | run 1h | resp 1.%s %s -1m%s | %s | %s", step, a, granted, options, row->granted_effects, row->granted_state);
        play("refused", "goto %s | run 1h | resp 1.%s refused -1m | %s | %s", step, a, row->refused_effects, row->refused_state);
        play("repeated in the run", "goto %s | run 1h | resp 1.%s %s -1m%s | resp 1.%s %s -1m%s | = 1.%s duplicate | %s", step, a, granted,
             options, a, granted, options, a, row->granted_effects);
        play("repeated with another reference", "goto %s | run 1h | resp 1.%s %s -2m%s reference=A | resp 1.%s %s -1m%s reference=B"
             "| = 1.%s duplicate | %s", step, a, granted, options, a, granted, options, a, row->granted_effects);
        play("repeated later", "goto %s | run 1h | resp 1.%s %s -1m%s | ... | run 2h | resp 1.%s %s @59m%s | = 1.%s duplicate", step, a, granted,
             options, a, granted, options, a);
        play("conflicting in the run: the first in time", "goto %s | run 1h | resp 1.%s %s -1m%s | resp 1.%s refused -2m"
             "| = 1.%s reject already_answered | = find response_conflict %s 1 1 59m | %s | %s", step, a, granted, options, a, a, a,
             row->refused_effects, row->refused_state);
        play("conflicting at one instant: the first word", "goto %s | run 1h | resp 1.%s refused -1m | resp 1.%s %s -1m%s | ... | %s", step, a, a,
             granted, options, strcmp(granted, "refused") < 0 ? row->granted_state : row->refused_state);
        play("conflicting later, in every run that is given it",
             "goto %s | run 1h | resp 1.%s %s -1m%s | ... | run 2h | resp 1.%s refused -1m | = 1.%s reject already_answered"
             "| = find response_conflict %s 1 1 1h59m | run 3h | resp 1.%s refused @1h59m | = 1.%s reject already_answered"
             "| = find response_conflict %s 1 1 1h59m | %s", step, a, granted, options, a, a, a, a, a, a, row->granted_state);
        play("a conflict without a queue number is no valid one less",
             "goto %s | run 1h | resp 1.%s refused -1m | ... | run 2h | resp 1.%s %s -1m | = 1.%s reject already_answered"
             "| = find response_conflict %s 1 1 1h59m", step, a, a, granted, a, a);
        play("a word that is none", "goto %s | run 1h | resp 1.%s done -1m | resp 1.%s '' -1m | resp 1.%s REFUSED -1m | = 1.%s reject bad_status"
             "| = 1.%s reject bad_status | = 1.%s reject bad_status | at 1 %s", step, a, a, a, a, a, a, step);
        play("another agency's word", "goto %s | run 1h | resp 1.%s %s -1m | = 1.%s reject bad_status | at 1 %s", step, a,
             WAITS[(i + 1) % 3].granted, a, step);
        play("bad_status comes before duplicate", "goto %s | run 1h | resp 1.%s refused -1m | ... | run 2h | resp 1.%s what -1m"
             "| = 1.%s reject bad_status", step, a, a, a);
        play("missing, once", "goto %s | run 4d23h59m59s999ms | run 5d | = find response_missing %s 1 1 0 | run 5d | run 6d | run 40d", step, a);
        play("missing, then there", "goto %s | run 5d | ... | run 6d | resp 1.%s refused -1m | %s", step, a, row->refused_effects);
        play("there at the last moment", "goto %s | run 5d | resp 1.%s refused -1m | %s", step, a, row->refused_effects);
        play("an outage is no excuse for an agency", "outage * 0 20d | goto %s | run 5d | = find response_missing %s 1 1 0", step, a);
        play("no prompt: no reminder, no expiry", "goto %s | run 3d | run 4d", step);
        play("withdrawn", "goto %s | run 1h | withdraw N1 -1m | at 1 closed withdrawn 1 | run 5d", step);
        play("withdrawn in the run that would find it missing", "goto %s | run 5d | withdraw N1 -1m | at 1 closed withdrawn 1", step);
        play("another case's request", "goto %s | run 1h | resp 2.%s refused -1m | = 2.%s reject no_request phoneless", step, a, a);
        play("a request not made yet", "goto language | run 1h | resp 1.%s refused -1m | = 1.%s reject no_request phoneless", a, a);
    }
}

Test(apply, responses)
{
    static const struct scene_row ROWS[] = {
        {"queued without its number", "goto queueing | run 1h | resp 1.akimat queued -1m | = 1.akimat reject bad_response | at 1 queueing | run 2h"
                                      "| resp 1.akimat queued @59m queue=7 | = 1.10 info queued ru | = 1.11 prompt order ru"},
        {"queued without its number is no answer: the other counts",
         "goto queueing | run 1h | resp 1.akimat queued -2m | resp 1.akimat refused -1m | = 1.akimat reject bad_response"
         "| = 1.10 info queue_refused ru | = 1.11 prompt order ru"},
        {"a number of white space is none", "goto queueing | run 1h | resp 1.akimat queued -1m queue=\t | = 1.akimat reject bad_response | run 2h"
                                            "| resp 1.akimat queued @59m queue=\u00a0\r | = 1.akimat reject bad_response | at 1 queueing"},
        {"refused needs no number", "goto queueing | run 1h | resp 1.akimat refused -1m | ... | at 1 order kindergarten refused"},
        {"duplicate comes before bad_response", "goto queueing | run 1h | resp 1.akimat queued -1m queue=7 | ... | run 2h"
                                                "| resp 1.akimat queued -1m | = 1.akimat duplicate"},
        {"it waits for the request of the same run", "goto office | run 1h | resp 1.registry registered -30m | msg m1 -1m R 1 2 4 1"
                                                     "| = 1.6 info filed ru | = 1.7 info registered ru | = 1.8 prompt privilege ru"
                                                     "| = superseded 1 | at 1 privilege"},
        {"all that waited, in order", "goto office | run 1h | resp 1.registry refused -30m | resp 1.registry registered -31m"
                                      "| resp 1.registry what -29m | msg m1 -1m R 1 2 4 1 | = 1.6 info filed ru | = 1.7 info registered ru"
                                      "| = 1.8 prompt privilege ru | = 1.registry reject already_answered | = 1.registry reject bad_status"
                                      "| = find response_conflict registry 1 1 30m | = superseded 1"},
        {"it is applied right after its request: before what comes next",
         "goto office | run 1h | resp 1.registry registered +0 | msg m1 -2m R 1 2 4 1 | msg m2 -1m R 1 2 5 1"
         "| = m2 reject no_open_prompt | = 1.6 info filed ru | = 1.7 info registered ru | = 1.8 prompt privilege ru | = superseded 1"},
        {"it waited: the next reply finds the next prompt",
         "goto office | run 1h | resp 1.registry registered -30m | msg m1 -2m R 1 2 4 1 | msg m2 -1m R 1 2 5 1 | = 1.6 info filed ru"
         "| = 1.7 info registered ru | = superseded 2 | = 1.8 prompt locality ru"},
        {"waits for one of two requests", "goto privilege | run 1h | resp 1.akimat refused -30m | resp 1.benefit refused -30m | msg m1 -2m R 1 2 5 1"
                                          "| msg m2 -1m R 1 2 6 1 | = 1.benefit reject no_request phoneless | = superseded 2"
                                          "| = 1.9 info queue_refused ru | = 1.10 prompt order ru"},
        {"through three requests in one run",
         "goto locality | run 1h | resp 1.akimat queued -50m queue=1 | resp 1.benefit assigned -50m | msg m1 -3m R 1 2 6 1 | msg m2 -2m R 1 2 7 1"
         "| msg m3 -1m R 1 2 8 2 " ACCOUNT "| = 1.10 info queued ru | = 1.11 info assigned ru | = superseded 4 | at 1 closed benefit assigned"},
        {"rejected, then given again when the request is there",
         "goto office | run 1h | resp 1.registry registered -1m | = 1.registry reject no_request phoneless | run 2h | msg m1 -1m R 1 2 4 1"
         "| resp 1.registry registered @59m | = 1.6 info filed ru | = 1.7 info registered ru | = 1.8 prompt privilege ru | = superseded 1"},
        {"a superseded request has its status all the same", "goto office | run 1h | msg m1 -2m R 1 2 4 1 | resp 1.registry refused -1m | ..."
                                                            "| run 2h | resp 1.registry registered -1m | = 1.registry reject already_answered"
                                                            "| = find response_conflict registry 1 1 1h59m | run 7d"},
        {"the reference is kept", "goto registering | run 1h | resp 1.registry registered -1m reference=A99 | ... | at 1 privilege reference A99"},
        {"of a refusal it is not", "goto registering | run 1h | resp 1.registry refused -1m reference=A99 | ... | run 2h | at 1 closed"},
    };
    SCENES(ROWS);
}

/* ---- section 8: the clock ---- */

Test(apply, clock)
{
    static const struct scene_row ROWS[] = {
        {"none expires unreminded: a gap", "goto name | run 12d | = 1.3 reminder name ru ends 13d | run 12d23h59m59s999ms | run 13d"
                                           "| = 1.4 info registration_manual ru"},
        {"a day between reminder and expiry", "goto name | run 9d12h | = 1.3 reminder name ru ends 10d12h | run 10d | run 10d11h | run 10d12h"
                                              "| = 1.4 info registration_manual ru"},
        {"one reminder a prompt", "goto name | run 3d | = 1.3 reminder name ru ends 10d | run 4d | run 5d | run 9d"},
        {"a new prompt, a new reminder", "goto name | run 3d | ... | run 4d | msg m1 -1h R 1 2 Ким Анна | ... | run 6d23h | run 7d"
                                         "| = 1.5 reminder education ru ends 14d"},
        {"a correction stands for the reminder of that run", "goto name | run 3d | msg m1 -1h x | = m1 miss bad_form"
                                                             "| = 1.3 correction name ru bad_form | run 3d | = 1.4 reminder name ru ends 10d"},
        {"a correction puts expiry off by a run", "goto name | run 3d | ... | run 10d | msg m1 -1h x | = m1 miss bad_form"
                                                  "| = 1.4 correction name ru bad_form | run 10d | = 1.5 info registration_manual ru"},
        {"a correction does not make the prompt younger", "goto name | run 2d | msg m1 -1h x | ... | run 3d | = 1.4 reminder name ru ends 10d"},
        {"a reject is no correction", "goto name | run 3d | msg m1 -1h R 1 2 | = m1 reject already_answered | = 1.3 reminder name ru ends 10d"},
        {"the third miss is no expiry", "goto name | run 3d | ... | run 8d | msg m1 -1h x | ... | run 9d | msg m2 -1h x | ... | run 10d"
                                        "| msg m3 -1h x | = m3 miss bad_form | = 1.6 info registration_manual ru | at 1 closed registration missed"},
        {"what the clock opens is not looked at again in that run", "set remind_after 1h | goto privilege | run 12d | ... | run 13d"
                                                                   "| = 1.10 info kindergarten_manual ru | = 1.11 prompt order ru | run 13d"
                                                                   "| run 13d1h | = 1.12 reminder order ru ends 23d"},
        {"other settings", "set remind_after 1h | set expire_after 30h | goto name | run 59m | run 1h | = 1.3 reminder name ru ends 1d6h | run 1d5h"
                           "| run 1d6h | = 1.4 info registration_manual ru"},
        {"expire_after under a day: still a day", "set remind_after 1h | set expire_after 2h | goto name | run 1h | = 1.3 reminder name ru ends 1d1h"
                                                  "| run 2h | run 1d | run 1d1h | = 1.4 info registration_manual ru"},
        {"failed: the reminder is due", "goto name | run 1h | receipt 1.2 failed -1m | = find sms_failed kcell 1.2 1 59m"
                                        "| = 1.3 reminder name ru ends 10d"},
        {"failed by SMPP's order: the first final one counts",
         "goto name | run 1h | receipt 1.2 delivered -2m | receipt 1.2 failed -1m | = find receipt_conflict kcell 1.2 1 59m | at 1 name reminded never"},
        {"accepted is not final", "goto name | run 1h | receipt 1.2 accepted -1m | run 2h | receipt 1.2 failed -1m | = find sms_failed kcell 1.2 1 1h59m"
                                  "| = 1.3 reminder name ru ends 10d"},
        {"a failed reminder brings no other", "goto name | run 3d | ... | run 4d | receipt 1.3 failed -1m | = find sms_failed kcell 1.3 1 3d23h59m | run 5d"},
        {"not the last SMS of the prompt", "goto name | run 1h | msg m1 -1m x | ... | run 2h | receipt 1.2 failed -1m"
                                           "| = find sms_failed kcell 1.2 1 1h59m | at 1 name reminded never"},
        {"the correction failed", "goto name | run 1h | msg m1 -1m x | ... | run 2h | receipt 1.3 failed -1m | = find sms_failed kcell 1.3 1 1h59m"
                                  "| = 1.4 reminder name ru ends 10d"},
        {"failed, and a miss in the same run: the correction is the last", "goto name | run 1h | receipt 1.2 failed -2m | msg m1 -1m x"
                                                                           "| = find sms_failed kcell 1.2 1 58m | = m1 miss bad_form"
                                                                           "| = 1.3 correction name ru bad_form | run 2h | run 2d"},
        {"an info failed", "goto registering | run 1h | receipt 1.6 failed -1m | = find sms_failed kcell 1.6 1 59m | run 2h"},
        {"an earlier prompt's SMS failed", "goto education | run 1h | receipt 1.2 failed -1m | = find sms_failed kcell 1.2 1 59m | run 2h"},
        {"the info before the prompt failed", "goto privilege | run 1h | receipt 1.7 failed -1m | = find sms_failed kcell 1.7 1 59m | run 2h"},
        {"the reminder after a failure, then silence: expiry as ever", "goto name | run 1h | receipt 1.2 failed -1m | ... | run 3d | run 9d23h | run 10d"
                                                                       "| = 1.4 info registration_manual ru"},
    };
    SCENES(ROWS);
}

Test(apply, outages)
{
    static const struct scene_row ROWS[] = {
        {"a day of it", "goto name | outage kcell 1d 2d | run 3d | run 3d23h | run 4d | = 1.3 reminder name ru ends 11d | run 10d23h | run 11d"
                        "| = 1.4 info registration_manual ru"},
        {"of all", "goto name | outage * 1d 2d | run 3d | run 4d | = 1.3 reminder name ru ends 11d"},
        {"of another operator", "goto name | outage beeline 1d 2d | run 3d | = 1.3 reminder name ru ends 10d"},
        {"overlaps once", "goto name | outage kcell 1d 2d | outage * 1d12h 2d12h | run 4d | run 4d11h | run 4d12h | = 1.3 reminder name ru ends 11d12h"},
        {"one within another", "goto name | outage kcell 1d 2d | outage kcell 1d6h 1d7h | run 3d23h | run 4d | = 1.3 reminder name ru ends 11d"},
        {"the same twice", "goto name | outage kcell 1d 2d | outage kcell 1d 2d | run 3d23h | run 4d | = 1.3 reminder name ru ends 11d"},
        {"two that touch", "goto name | outage kcell 1d 2d | outage * 2d 3d | run 4d23h | run 5d | = 1.3 reminder name ru ends 12d"},
        {"two apart", "goto name | outage kcell 2d 2d6h | outage kcell 1d 1d6h | run 3d11h | run 3d12h | = 1.3 reminder name ru ends 10d12h"},
        {"begun before the prompt", "goto name | outage kcell -5d 1d | run 3d23h | run 4d | = 1.3 reminder name ru ends 11d"},
        {"over before the prompt", "goto name | outage kcell -5d 0 | run 3d | = 1.3 reminder name ru ends 10d"},
        {"still on", "goto name | outage kcell 1d open | run 3d | run 30d | run 300d"},
        {"still on: begun after the reminder was due", "goto name | outage kcell 3d open | run 3d | = 1.3 reminder name ru ends 10d | run 30d"},
        {"one ms of it", "goto name | outage kcell 1d 1d1ms | run 3d | run 3d1ms | = 1.3 reminder name ru ends 10d1ms"},
        {"it does not hold up a failed receipt", "goto name | outage * 0 20d | run 1d | receipt 1.2 failed -1m | = find sms_failed kcell 1.2 1 23h59m"
                                                 "| = 1.3 reminder name ru ends 11d"},
        {"the day between reminder and expiry is as-of to as-of", "goto name | run 9d12h | = 1.3 reminder name ru ends 10d12h | outage kcell 9d18h 10d18h"
                                                                  "| run 10d12h | run 10d18h | run 10d23h | run 11d"
                                                                  "| = 1.4 info registration_manual ru"},
        {"the day between: age is full already", "goto name | run 10d12h | = 1.3 reminder name ru ends 11d12h | outage kcell 10d13h 11d | run 11d12h"
                                                 "| = 1.4 info registration_manual ru"},
        {"the operator that the phone is served by now", "goto name | run 1d | msg beeline:m1 -1h x | = m1 miss bad_form"
                                                         "| = 1.3 correction name ru bad_form | outage kcell 1d 2d | run 3d | = 1.4 reminder name ru ends 10d"},
        {"the operator that it is served by now, wherever the SMS went", "goto name | outage beeline 6h 18h | run 1d | msg beeline:m1 -1h x | ... | run 3d"
                                                                         "| run 3d12h | = 1.4 reminder name ru ends 10d12h"},
        {"ported while its prompt stands: the clock goes on at once",
         "goto name | outage kcell 1d open | run 3d | run 5d | msg tele2:m1 -1h x | = m1 miss bad_form | = 1.3 correction name ru bad_form | run 5d"
         "| = 1.4 reminder name ru ends 10d"},
        {"by its prefix", "phone 77050000001 | outage beeline 0 2d | run 0 | notice N1 -1h | ... | run 4d23h | run 5d | = 1.2 reminder language kk+ru ends 12d"},
        {"of no operator at all", "phone 77990000001 | outage beeline 0 2d | outage kcell 0 2d | run 0 | notice N1 -1h | ... | run 3d"
                                  "| = 1.2 reminder language kk+ru ends 10d"},
        {"of no operator, outage of all", "phone 77990000001 | outage * 0 2d | run 0 | notice N1 -1h | ... | run 3d | run 5d"
                                          "| = 1.2 reminder language kk+ru ends 12d"},
    };
    SCENES(ROWS);
}

Test(apply, superseding)
{
    static const struct scene_row ROWS[] = {
        {"of prompts the last", "goto language | run 1h | msg m1 -3m R 1 2 | msg m2 -2m R 1 2 Ким Анна | msg m3 -1m R 1 2 2 1 | = superseded 2"
                                "| = 1.2 prompt income ru"},
        {"it takes no number", "goto language | run 1h | msg m1 -3m R 1 2 | msg m2 -2m R 1 2 Ким Анна | ... | run 2h | msg m3 -1m R 1 2 2 1"
                               "| = 1.3 prompt income ru | at 1 income sms 2"},
        {"infos always, before the next prompt", "goto privilege | run 1h | msg m1 -2m R 1 2 5 2 | msg m2 -1m R 1 2 7 1 | = 1.9 info privileged ru"
                                                 "| = superseded 1 | = 1.10 prompt account ru"},
        {"a prompt that was closed by its answer", "goto privilege | run 1h | msg m1 -2m R 1 2 5 2 | msg m2 -1m R 1 2 7 2 | = 1.9 info privileged ru"
                                                   "| = superseded 1 | = 1.10 info order_disputed ru"},
        {"a prompt answered on to an agency", "goto order | run 1h | msg m1 -2m R 1 2 7 1 | msg m2 -1m R 1 2 8 2 " ACCOUNT "| = superseded 1 | = 1 request benefit"},
        {"a correction, its prompt then answered on to an agency", "goto account | run 1h | msg m1 -2m x | msg m2 -1m R 1 2 8 2 " ACCOUNT
                                                                   "| = m1 miss bad_form | = superseded 1 | = 1 request benefit"},
        {"one case's do not touch another's", "run 0 | notice N1 -3h | notice N2 -2h sex=M | ... | run 1d | msg m1 -3h R 1 1 | msg m2 -2h R 2 9"
                                              "| = m2 miss bad_answer | = 1.2 prompt name kk | = 2.2 correction language kk+ru bad_answer"},
        {"a request answered in its run", "goto locality | run 1h | msg m1 -2m R 1 2 6 1 | resp 1.akimat queued -1m queue=8 | = superseded 1"
                                          "| = 1.10 info queued ru | = 1.11 prompt order ru"},
        {"a request whose answer could not be used", "goto locality | run 1h | msg m1 -2m R 1 2 6 1 | resp 1.akimat queued -1m"
                                                     "| = 1.akimat reject bad_response | = 1 request akimat"},
        {"failed_but_answered is of what went out", "goto name | run 1h | receipt 1.2 failed -3m | msg m1 -2m x | msg m2 -1m R 1 2 Ким Анна"
                                                    "| = find sms_failed kcell 1.2 1 57m | = m1 miss bad_form | = superseded 1"
                                                    "| = find failed_but_answered kcell 1.2 1 59m | = 1.3 prompt education ru"},
    };
    SCENES(ROWS);
}

/* ---- sections 9 and 10 ---- */

Test(apply, receipts_and_findings)
{
    static const struct scene_row ROWS[] = {
        {"no such SMS", "goto name | run 1h | receipt 1.3 delivered -1m | receipt 2.1 delivered -1m | = 1.3 reject no_sms phoneless"
                        "| = 2.1 reject no_sms phoneless"},
        {"an SMS of this very run is not there yet: receipts do not wait",
         "goto language | run 1h | msg m1 -2m R 1 2 | receipt 1.2 delivered -1m | = 1.2 reject no_sms phoneless | = 1.2 prompt name ru | run 2h"
         "| receipt 1.2 delivered @59m"},
        {"no_sms comes before bad_status", "goto name | run 1h | receipt 1.3 lost -1m | receipt 1.2 lost -1m | = 1.3 reject no_sms phoneless"
                                           "| = 1.2 reject bad_status"},
        {"repeats", "goto name | run 1h | receipt 1.2 accepted -3m | receipt 1.2 accepted -2m | = 1.2 duplicate | run 2h | receipt 1.2 accepted -1m"
                    "| = 1.2 duplicate | run 3h | receipt 1.2 delivered -1m | run 4h | receipt 1.2 delivered -1m | = 1.2 duplicate"},
        {"failed and failed again", "goto registering | run 1h | receipt 1.6 failed -2m | receipt 1.6 failed -1m | = 1.6 duplicate"
                                    "| = find sms_failed kcell 1.6 1 58m"},
        {"failed, then delivered", "goto registering | run 1h | receipt 1.6 failed -2m | = find sms_failed kcell 1.6 1 58m | run 2h"
                                   "| receipt 1.6 delivered -1m | = find receipt_conflict kcell 1.6 1 1h59m | run 3h | receipt 1.6 delivered -1m"
                                   "| = 1.6 duplicate"},
        {"delivered, then failed: no sms_failed", "goto registering | run 1h | receipt 1.6 delivered -2m | run 2h | receipt 1.6 failed -1m"
                                                  "| = find receipt_conflict kcell 1.6 1 1h59m"},
        {"both in one run: the first in time", "goto registering | run 1h | receipt 1.6 delivered -1m | receipt 1.6 failed -2m"
                                               "| = find sms_failed kcell 1.6 1 58m | = find receipt_conflict kcell 1.6 1 59m"},
        {"both at one instant: delivered is first by name", "goto registering | run 1h | receipt 1.6 failed -1m | receipt 1.6 delivered -1m"
                                                           "| = find receipt_conflict kcell 1.6 1 59m"},
        {"failed_but_answered: then delivered", "goto name | run 1h | receipt 1.2 failed -3m | receipt 1.2 delivered -2m | msg m1 -1m R 1 2 Ким Анна"
                                                "| = find sms_failed kcell 1.2 1 57m | = find receipt_conflict kcell 1.2 1 58m"
                                                "| = find failed_but_answered kcell 1.2 1 59m | = 1.3 prompt education ru"},
        {"failed_but_answered: only of the last", "goto name | run 1h | receipt 1.2 failed -3m | ... | run 2h | msg m1 -1m R 1 2 Ким Анна"
                                                  "| = 1.4 prompt education ru"},
        {"failed_but_answered: a reply that was not taken", "goto name | run 1h | receipt 1.2 failed -3m | msg m1 -1m R 1 2"
                                                            "| = find sms_failed kcell 1.2 1 57m | = m1 reject already_answered"
                                                            "| = 1.3 reminder name ru ends 10d"},
        {"failed_but_answered: not of the prompt that was given up before",
         "goto privilege | run 1h | msg m1 -1m x | ... | run 2h | msg m2 -1m x | ... | run 3h | receipt 1.10 failed -9m | msg m3 -8m x"
         "| msg m4 -7m R 1 2 7 1 | = find sms_failed kcell 1.10 1 2h51m | = m3 miss bad_form | = 1.11 info kindergarten_manual ru"
         "| = superseded 1 | = 1.12 prompt account ru"},
        {"failed_but_answered: not of a prompt that opens anew",
         "goto name | run 3d | ... | run 4d | receipt 1.3 failed -1m | ... | run 10d | ... | at 1 closed | run 11d | msg m1 @9d R 1 2 Ким Анна"
         "| = find late_reply kcell m1 1 9d revived | = superseded 1 | = late kcell 1 9d 9d | = 1.5 prompt education ru"},
        {"failed_but_answered: the reminder failed", "goto name | run 3d | ... | run 4d | receipt 1.3 failed -2m | msg m1 -1m R 1 2 Ким Анна"
                                                     "| = find sms_failed kcell 1.3 1 3d23h58m | = find failed_but_answered kcell 1.3 1 3d23h59m"
                                                     "| = 1.4 prompt education ru"},
        {"a finding names the operator of its SMS", "goto name | run 1h | msg beeline:m1 -1m x | ... | run 2h | receipt 1.2 failed -2m"
                                                    "| receipt 1.3 failed -1m | = find sms_failed kcell 1.2 1 1h58m"
                                                    "| = find sms_failed beeline 1.3 1 1h59m | = 1.4 reminder name ru ends 10d"},
        {"a receipt of a closed case", "goto closed | run 1h | receipt 1.13 failed -1m | = find sms_failed kcell 1.13 1 59m"},
        {"the slot is the case's own", "goto closed | run 1h | notice N2 -50m sex=M | ... | run 2h | receipt 1.13 failed -1m | receipt 2.1 failed -1m"
                                       "| = find sms_failed kcell 1.13 1 1h59m | = find sms_failed kcell 2.1 1 1h59m"
                                       "| = 2.2 reminder language kk+ru ends 10d1h"},
        {"what waits for a receipt", "awaited | goto name | run 1h | msg m1 -1m x | = m1 miss bad_form | = 1.3 correction name ru bad_form"
                                     "| = wait 1.3 kcell 1 1h"},
        {"delivered: no longer", "awaited | goto name | run 1h | receipt 1.2 accepted -2m | run 2h | receipt 1.2 delivered -1m | = unwait 1.2 kcell 1 0"
                                 "| run 3h | receipt 1.2 failed -1m | = find receipt_conflict kcell 1.2 1 2h59m"},
        {"withdrawn: none of them", "awaited | goto education | run 1h | receipt 1.1 delivered -1m | ... | run 2h | withdraw N1 -1m | = unwait 1.2 kcell 1 -1h"
                                    "| = unwait 1.3 kcell 1 0 | run 3h | receipt 1.2 delivered -1m"},
        {"what was looked at needs no word", "awaited | goto name | settled kcell 0 | run 2h | receipt 1.2 delivered -1m"},
    };
    SCENES(ROWS);
}

Test(apply, operator)
{
    static const struct scene_row ROWS[] = {
        {"by prefix", "run 0 | notice N1 -1h | ... | at 1 language operator kcell"},
        {"by prefix, of none", "phone 77990000001 | run 0 | notice N1 -1h | ... | at 1 language operator other"},
        {"of the message", "goto name | run 1h | msg tele2:m1 -1m x | ... | at 1 name operator tele2"},
        {"of the greatest received_at", "goto name | run 1h | msg tele2:m1 -1m x | msg beeline:m2 -2m x | ... | at 1 name operator tele2"},
        {"of all runs", "goto name | run 1h | msg tele2:m1 -1m x | ... | run 2h | msg beeline:m2 @58m x | ... | at 1 name operator tele2"},
        {"of a tie the greater code", "goto name | run 1h | msg kcell:m1 -1m x | msg beeline:m2 -1m x | ... | at 1 name operator kcell"},
        {"of a tie the greater code, later", "goto registering | run 1h | msg kcell:m1 -1m x | ... | run 2h | msg tele2:m2 @59m x | ..."
                                             "| at 1 registering operator tele2 | run 3h | msg beeline:m3 @59m x | ... | at 1 registering operator tele2"},
        {"rejected, yet it found a case", "goto registering | run 1h | msg tele2:m1 -1m x | ... | at 1 registering operator tele2"},
        {"no_case does not count", "goto name | run 1h | msg tele2:m1 @-9h x | ... | at 1 name operator kcell"},
        {"a conflict does not count", "goto name | run 1h | msg tele2:m1 -9m x | ... | run 2h | msg beeline:m2 -9m x | ... | run 3h | msg tele2:m1 -1m x | ..."
                                      "| at 1 name operator beeline"},
        {"another short code does not count", "goto name | run 1h | msg tele2:m1 -1m code=1415 x | ... | at 1 name operator kcell"},
        {"what it sends in the run goes there", "awaited | goto name | run 1h | msg tele2:m1 -2m R 1 2 Ким Анна | = 1.3 prompt education ru"
                                                "| = wait 1.3 tele2 1 1h"},
    };
    SCENES(ROWS);
}

Test(apply, late_messages)
{
    static const struct scene_row ROWS[] = {
        {"before the last as-of", "goto registering | run 1h | msg m1 -2h x | = m1 reject no_open_prompt | = late kcell 1 -1h -1h"},
        {"at it: not late", "goto registering | run 1h | msg m1 @0 x | = m1 reject no_open_prompt"},
        {"the first run has none before it", "run 0 | notice N1 -3h | msg m1 -2h x | = m1 reject bad_form | = 1.1 prompt language kk+ru"},
        {"how many, from when to when", "goto registering | run 1h | msg m1 @-10m x | msg m2 @-30m x | msg m3 @-20m x | msg tele2:m4 @-25m x | msg m5 @5m x"
                                        "| = m1 reject no_open_prompt | = m2 reject no_open_prompt | = m3 reject no_open_prompt"
                                        "| = m4 reject no_open_prompt | = m5 reject no_open_prompt | = late kcell 3 -30m -10m | = late tele2 1 -25m -25m"},
        {"what did not reach the table: repeats", "goto registering | run 1h | msg m1 -1m x | ... | run 2h | msg m1 @59m x | = m1 duplicate"},
        {"conflicts", "goto registering | run 1h | msg m1 -1m x | ... | run 2h | msg m1 @58m x | = m1 reject id_conflict"
                      "| = find message_conflict kcell m1 - 58m"},
        {"no case, another code", "goto registering | run 1h | msg m1 @-9h x | msg m2 @-1m code=1415 x | = m1 reject no_case | = m2 reject other_short_code"},
    };
    SCENES(ROWS);
}

Test(apply, totals)
{
    static const struct scene_row ROWS[] = {
        {"messages, by operator", "run 0 | total kcell messages @-2h @0 | total tele2 messages @-2h @0 | msg m1 -1h x | msg m2 -2h x | msg tele2:m3 -1h x"
                                  "| = m1 reject no_case | = m2 reject no_case | = m3 reject no_case | = total 0 2 | = total 1 1"},
        {"half-open", "run 0 | total kcell messages @-2h @-1h | msg m1 -1h x | msg m2 -2h x | ... | run 1h | total kcell messages @-2h @-1h"
                      "| msg m1 @-1h x | msg m2 @-2h x | msg m3 @-1h1ms x | msg m4 @-2h1ms x | = m1 reject no_case | = m2 reject no_case"
                      "| = m3 reject no_case | = m4 reject no_case | = total 0 2"},
        {"repeats once, in the run", "run 0 | total kcell messages @-2h @0 | msg m1 -1h x | msg m1 -1h x | msg m1 -30m y | ... | run 1h"
                                     "| total kcell messages @-2h @0 | msg m1 @-1h x | msg m1 @-1h x | msg m1 @-30m y | = m1 reject no_case"
                                     "| = m1 reject no_case | = m1 reject no_case | = total 0 1"},
        {"repeats of an earlier run count in this one", "goto name | run 1h | msg m1 -1m x | ... | run 2h | total kcell messages @0 @2h | msg m1 @59m x"
                                                        "| = m1 duplicate | = total 0 1"},
        {"another short code counts", "run 0 | total kcell messages @-2h @0 | msg m1 -1h code=1415 x | = m1 reject other_short_code | = total 0 1"},
        {"one identity in the span and out of it", "run 0 | total kcell messages @-2h @-1h | msg m1 -30m x | msg m1 -90m y | = m1 reject no_case"
                                                   "| = m1 reject no_case | = total 0 1"},
        {"responses", "goto registering | run 1h | total registry responses @0 @2h | total akimat responses @0 @2h | resp 1.registry registered -2m"
                      "| resp 1.registry registered -1m | resp 1.registry refused -1m | resp 1.registry what -1m | resp 1.akimat refused -1m"
                      "| = 1.registry duplicate | = 1.registry reject already_answered | = 1.registry reject bad_status"
                      "| = find response_conflict registry 1 1 59m | = 1.akimat reject no_request phoneless | = 1.7 info registered ru"
                      "| = 1.8 prompt privilege ru | = total 0 2 | = total 1 0"},
        {"bad_response comes after what counts", "goto queueing | run 1h | total akimat responses @0 @2h | resp 1.akimat queued -1m"
                                                 "| = 1.akimat reject bad_response | = total 0 1"},
        {"receipts, by the operator that the SMS went to",
         "goto name | run 1h | total kcell receipts @0 @2h | total tele2 receipts @0 @2h | msg tele2:m1 -9m x | receipt 1.2 accepted -3m"
         "| receipt 1.2 delivered -2m | receipt 1.2 delivered -1m | receipt 1.1 lost -1m | receipt 1.9 delivered -1m | = 1.2 duplicate"
         "| = 1.1 reject bad_status | = 1.9 reject no_sms phoneless | = m1 miss bad_form | = 1.3 correction name ru bad_form | = total 0 2 | = total 1 0"},
    };
    SCENES(ROWS);
}

/* ---- what holds of every life: a random one, looked at every time, or only when due ---- */

static uint64_t dice_state;
static uint64_t dice(uint64_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return dice_state % sides;
}

static const char *const SAYINGS[] = {
    "R %u %u",       "R %u %u",       "R %u %u Ким Анна", "R %u %u Ким Анна", "R %u %u 2 1", "R %u %u 2 1", "R %u %u 3 1", "R %u %u 3 1",
    "R %u %u 4 1",   "R %u %u 4 1",   "R %u %u 5 1",      "R %u %u 5 2",      "R %u %u 6 1", "R %u %u 7 1", "R %u %u 7 1", "R %u %u 7 2",
    ("R %u %u 8 2 " ACCOUNT), "R %u %u 8 1", "hello %u %u", "R %u %u 9 1",      "R %u %u Ким", "R %u %u 0 1",
};

/* What befalls the phone in one run: drawn from the seed and the run alone, so that both players meet the same. */
static void random_events(struct scene *scene, uint64_t seed, unsigned run, unsigned lively)
{
    static const char *const STATUSES[] = {"registered", "queued", "assigned", "refused", "refused", "what"};
    static const char *const RECEIPTS[] = {"accepted", "delivered", "failed", "failed", "lost"};
    dice_state = (seed + 1) * 0x9E3779B97F4A7C15u ^ (uint64_t)(run + 1) * 0xD6E8FEB86659FD93u;
    for (unsigned i = 0; i < 8; i++)
        dice(2);
    if (run && dice(100) >= lively)
        return;
    for (uint64_t left = 1 + dice(4) * dice(2); left; left--) {
        int64_t at = scene->facts.as_of_ms - (int64_t)dice(dice(4) ? (uint64_t)HOUR_MS * 3 : (uint64_t)DAY_MS * 12);
        char id[32], text[200];
        unsigned operator = (unsigned)(dice(5) ? 1 : 1 + dice(3)), number = (unsigned)(1 + dice(dice(4) ? 2 : 12));
        uint64_t what = run ? dice(100) : 0;
        if (what < 8) {
            char options[64];
            snprintf(id, sizeof id, "n%u", (unsigned)(run * 8 + left));
            snprintf(options, sizeof options, "order=%u%s", (unsigned)(1 + dice(3)), dice(2) ? " account=" ACCOUNT : "");
            scene_notice(scene, strcpy(scene_keep(scene, 32), id), at, options);
        } else if (what < 10) {
            snprintf(id, sizeof id, "n%u", (unsigned)(dice(run + 1) * 8 + 1 + dice(2)));
            scene_withdraw(scene, strcpy(scene_keep(scene, 32), id), at);
        } else if (what < 62) {
            snprintf(id, sizeof id, "m%u", dice(20) ? (unsigned)(run * 8 + left) : (unsigned)dice(run * 8 + 8));
            const char *format = SAYINGS[dice(sizeof SAYINGS / sizeof *SAYINGS)];
            /* mostly the answer that is wanted, so that cases get far */
            unsigned slot = (unsigned)(1 + dice(dice(5) ? 1 : 4)), lang = (unsigned)(dice(8) ? 2 : 1 + dice(2));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(text, sizeof text, format, slot, lang);
#pragma GCC diagnostic pop
            scene_message(scene, operator, strcpy(scene_keep(scene, 32), id), at, dice(30) ? "1414" : "1415",
                          strcpy(scene_keep(scene, 200), text));
        } else if (what < 85) {
            scene_response(scene, number, (enum agency)dice(3), STATUSES[dice(6)], at, dice(4) ? "queue=5" : "");
        } else {
            scene_receipt(scene, number, (uint32_t)(1 + dice(9)), RECEIPTS[dice(5)], at);
        }
    }
}

static void random_life(uint64_t seed, uint64_t *ret_effects, uint64_t *ret_looks)
{
    struct scene *every = scene_new("every run"), *due = scene_new("only when due");
    struct scene *players[] = {every, due};
    due->only_due = true;
    dice_state = seed * 77 + 5;
    for (unsigned i = 0; i < 8; i++)
        dice(2);
    unsigned lively = (unsigned)(2 + dice(dice(3) ? 12 : 60)), outages = (unsigned)dice(4);
    int64_t step = dice(2) ? HOUR_MS : (int64_t)(1 + dice((uint64_t)HOUR_MS * 9));
    bool same = dice(3) == 0; /* sometimes two runs of one as-of */
    int64_t remind = dice(2) ? 3 * DAY_MS : HOUR_MS * (int64_t)(1 + dice(60)), expire = remind + HOUR_MS * (int64_t)(1 + dice(200));
    for (unsigned i = 0; i < outages; i++) {
        struct ref_outage outage = {(int)dice(4) - 1, SCENE_BEGIN_MS + (int64_t)dice((uint64_t)DAY_MS * 30), INT64_MAX};
        if (dice(5))
            outage.to_ms = outage.from_ms + (int64_t)dice((uint64_t)DAY_MS * 6);
        every->outages[i] = due->outages[i] = outage;
    }
    for (unsigned p = 0; p < 2; p++) {
        players[p]->ref.outage_count = outages;
        players[p]->facts.remind_after = remind;
        players[p]->facts.expire_after = expire;
    }
    int64_t as_of = SCENE_BEGIN_MS;
    for (unsigned run = 0; run < 700; run++) {
        if (!same || run % 5)
            as_of += run % 97 == 96 ? 9 * DAY_MS : step;
        for (unsigned p = 0; p < 2; p++) {
            scene_begin_run(players[p], as_of);
            random_events(players[p], seed, run, lively);
            scene_play(players[p]);
        }
        *ret_effects += every->got_count;
        bool alike = every->got_count == due->got_count;
        for (uint32_t i = 0; i < every->got_count && alike; i++)
            alike = strcmp(every->got[i], due->got[i]) == 0;
        cr_assert(alike, "seed %llu, run %u: %u effects (first %s) where looked at, %u (first %s) when due", (unsigned long long)seed, run,
                  every->got_count, every->got_count ? every->got[0] : "-", due->got_count, due->got_count ? due->got[0] : "-");
    }
    *ret_looks += due->looks;
    cr_assert_eq(every->record_size != 0, due->record_size != 0);
    if (every->record_size) { /* save for the due time, the two know the same of the phone */
        scene_load(every);
        scene_load(due);
        cr_expect_eq(every->apply.phone.case_count, due->apply.phone.case_count);
        cr_expect_eq(every->apply.phone.sms_count, due->apply.phone.sms_count);
        for (uint32_t i = 0; i < every->apply.phone.case_count; i++) {
            const struct kase *a = &every->apply.phone.cases[i], *b = &due->apply.phone.cases[i];
            cr_expect(a->step == b->step && a->misses == b->misses && a->reminded_ms == b->reminded_ms && a->prompt_ms == b->prompt_ms &&
                          memcmp(a->outcomes, b->outcomes, sizeof a->outcomes) == 0,
                      "seed %llu: case %u", (unsigned long long)seed, i + 1);
        }
    }
    scene_free(every);
    scene_free(due);
}

Test(apply, next_due_is_never_late, .timeout = 120)
{
    uint64_t effects = 0, looks = 0, runs = 0;
    for (uint64_t seed = 1; seed <= 150; seed++, runs += 700)
        random_life(seed, &effects, &looks);
    cr_log_info("%llu runs, %llu effects, %llu looks when due\n", (unsigned long long)runs, (unsigned long long)effects, (unsigned long long)looks);
    cr_expect_gt(effects, 10000u);
    cr_expect_lt(looks, runs / 2, "looking only when due should look seldom: %llu of %llu", (unsigned long long)looks, (unsigned long long)runs);
}

/* An index over many marks finds what a list finds. */
static void play_many_messages(bool in_order)
{
    struct scene *scene = scene_new("many messages");
    scene_begin_run(scene, SCENE_BEGIN_MS);
    scene_notice(scene, "N1", SCENE_BEGIN_MS - DAY_MS, "");
    for (unsigned i = 0; i < 2000; i++) {
        char *id = scene_keep(scene, 16);
        sprintf(id, "m%u", i % 1500);
        scene_message(scene, 1, id, SCENE_BEGIN_MS - HOUR_MS + (i % 1500), "1414", i >= 1500 && i % 2 ? "y" : "x");
    }
    scene->got_count = 0;
    if (in_order)
        qsort(scene->events, scene->event_count, sizeof *scene->events, scene_event_order);
    struct apply *apply = &scene->apply;
    apply_begin(apply, scene->phone, value_phone_hash(scene->phone));
    for (uint32_t i = 0; i < scene->event_count; i++) {
        scene_loosen(scene);
        apply_event(apply, scene->events[i]);
    }
    scene_loosen(scene);
    apply_end(apply);
    unsigned rejects = 0, duplicates = 0, conflicts = 0;
    for (uint32_t i = 0; i < apply->verdicts.count; i++) {
        const struct verdict *verdict = &apply->verdicts.items[i];
        rejects += verdict->outcome == VERDICT_REJECT && verdict->reason == REASON_BAD_FORM;
        conflicts += verdict->reason == REASON_ID_CONFLICT;
        duplicates += verdict->outcome == VERDICT_DUPLICATE;
    }
    cr_expect_eq(rejects, 1500u, "%u", rejects);
    cr_expect_eq(conflicts, 250u, "%u", conflicts);
    cr_expect_eq(duplicates, 250u, "%u", duplicates);
    cr_expect_eq(apply->found.count, 250u);
    scene_free(scene);
}

/* Repeats and conflicts are known however many messages came between them and the first: as a run brings them, one beside the
 * other, and behind all others, when the index of marks has been made anew again and again. */
Test(apply, many_messages)
{
    play_many_messages(true);
    play_many_messages(false);
}

/* What a run of one phone adds to run.json: each effect once, and the standing figures as changes. */
Test(apply, counts)
{
    struct scene *scene = scene_new("counts");
    scene_goto(scene, "name", "");
    scene_begin_run(scene, scene->zero_ms + HOUR_MS);
    scene_message(scene, 1, "m1", scene->facts.as_of_ms - 3, "1414", "hello");
    scene_message(scene, 1, "m2", scene->facts.as_of_ms - 2, "1414", "R 1 2 Ким Анна");
    scene_notice(scene, "N2", scene->facts.as_of_ms - 1, "sex=M");
    scene_play(scene);
    const struct counts *counts = &scene->apply.counts;
    cr_expect_eq(counts->opened, 1);
    cr_expect_eq(counts->closed, 0);
    cr_expect_eq(counts->superseded, 1);
    cr_expect_eq(counts->sms[SMS_PROMPT][STEP_EDUCATION], 1);
    cr_expect_eq(counts->sms[SMS_PROMPT][STEP_LANGUAGE], 1);
    cr_expect_eq(counts->sms[SMS_CORRECTION][STEP_NAME], 0);
    cr_expect_eq(counts->open[STEP_NAME], -1);
    cr_expect_eq(counts->open[STEP_EDUCATION], 1);
    cr_expect_eq(counts->open[STEP_LANGUAGE], 1);
    cr_expect_eq(counts->cases_open, 1);
    cr_expect_eq(counts->cases_closed, 0);
    scene_begin_run(scene, scene->zero_ms + 2 * HOUR_MS);
    scene_withdraw(scene, "N1", scene->facts.as_of_ms - 1);
    scene_play(scene);
    cr_expect_eq(counts->withdrawn, 1);
    cr_expect_eq(counts->closed, 1);
    cr_expect_eq(counts->outcomes[PHASE_REGISTRATION][OUTCOME_WITHDRAWN], 1);
    cr_expect_eq(counts->cases_open, -1);
    cr_expect_eq(counts->cases_closed, 1);
    cr_expect_eq(counts->open[STEP_EDUCATION], -1);
    scene_begin_run(scene, scene->zero_ms + 30 * DAY_MS);
    scene_play(scene);
    scene_begin_run(scene, scene->zero_ms + 31 * DAY_MS);
    scene_play(scene);
    cr_expect_eq(counts->given_up[1], 1);
    cr_expect_eq(counts->given_up[0], 0);
    cr_expect_eq(counts->outcomes[PHASE_REGISTRATION][OUTCOME_EXPIRED], 1);
    cr_expect_eq(counts->sms[SMS_INFO][INFO_REGISTRATION_MANUAL], 1);
    scene_begin_run(scene, scene->zero_ms + 32 * DAY_MS);
    scene_message(scene, 1, "m3", scene->zero_ms + 20 * DAY_MS, "1414", "R 2");
    scene_play(scene);
    cr_expect_eq(counts->revived, 1);
    cr_expect_eq(counts->cases_open, 1);
    cr_expect_eq(counts->cases_closed, -1);
    cr_expect_eq(counts->closed, 0);
    cr_expect_eq(counts->sms[SMS_PROMPT][STEP_LANGUAGE], 1);
    scene_free(scene);
}

/* What is counted is added up over workers, each figure to its own. */
Test(apply, counts_add_up)
{
    static struct counts sum, part;
    sum.opened = 2, part.opened = 3;
    sum.rejects[KIND_MESSAGES][REASON_BAD_SLOT] = 1;
    part.rejects[KIND_MESSAGES][REASON_BAD_SLOT] = 1;
    part.records[KIND_NOTICES] = 7;
    part.cases_closed = -1;
    counts_add(&sum, &part);
    cr_expect_eq(sum.opened, 5);
    cr_expect_eq(sum.rejects[KIND_MESSAGES][REASON_BAD_SLOT], 2);
    cr_expect_eq(sum.records[KIND_NOTICES], 7);
    cr_expect_eq(sum.cases_closed, -1);
    cr_expect_eq(part.opened, 3);
    cr_expect_eq(sum.closed, 0);
}

/* A phone whose cases have used up the numbers that an id can carry opens no more. */
Test(apply, case_numbers_end)
{
    struct scene *scene = scene_new("numbers");
    struct apply *apply = &scene->apply;
    scene_begin_run(scene, SCENE_BEGIN_MS);
    scene_notice(scene, "N1", SCENE_BEGIN_MS - HOUR_MS, "");
    apply_begin(apply, scene->phone, 0);
    scene_loosen(scene);
    apply->phone.case_count = CASE_NUMBER_MAX;
    apply_event(apply, scene->events[0]);
    cr_expect_eq(apply->phone.case_count, CASE_NUMBER_MAX);
    cr_assert_eq(apply->verdicts.count, 1u);
    cr_expect_eq(apply->verdicts.items[0].reason, REASON_NO_FREE_SLOT);
    scene_free(scene);
}

/* A record that is none is refused, whatever it holds, and counts nothing. */
Test(apply, damaged_record)
{
    struct scene *scene = scene_new("damaged");
    scene_goto(scene, "name", "");
    struct apply *apply = &scene->apply;
    apply_begin(apply, scene->phone, 0);
    scene_load(scene);
    memset(&apply->counts, 0, sizeof apply->counts);
    apply_begin(apply, scene->phone, 0);
    cr_expect_not(apply_load(apply, (struct span){scene->record, scene->record_size - 1}));
    cr_expect_not(apply_load(apply, (struct span){scene->record, 0}));
    struct ref few = *apply->run->ref; /* its SMS are of operators that there are not: not looked up beyond the end */
    struct run_facts facts = *apply->run;
    few.operator_count = 0;
    facts.ref = &few;
    apply->run = &facts;
    cr_expect_not(apply_load(apply, (struct span){scene->record, scene->record_size}));
    cr_expect_eq(apply->counts.cases_open, 0);
    scene_free(scene);
}

/* Late messages of two phones: the earliest and the latest of all, in whatever order the phones come. */
Test(apply, late_of_two_phones)
{
    struct scene *scene = scene_new("late");
    scene_goto(scene, "name", "");
    struct apply *apply = &scene->apply;
    scene->facts.run++;
    scene->facts.previous_ms = scene->zero_ms;
    scene->facts.as_of_ms = scene->zero_ms + DAY_MS;
    scene->event_count = 0;
    scene_message(scene, 1, "m1", scene->zero_ms - 20 * 60000, "1414", "x");
    scene_message(scene, 1, "m2", scene->zero_ms - 40 * 60000, "1414", "x");
    scene_message(scene, 1, "m3", scene->zero_ms - 10 * 60000, "1414", "x");
    for (unsigned i = 0; i < SCENE_OPERATORS; i++)
        scene->news[i] = (struct operator_news){.heard_ms = NEVER_MS, .receipted_ms = NEVER_MS};
    for (uint32_t i = 0; i < 3; i++) { /* each as if of another phone of the same record */
        apply_begin(apply, scene->phone, 0);
        scene_load(scene);
        scene_loosen(scene);
        apply_event(apply, scene->events[i]);
    }
    cr_expect_eq(scene->news[1].late_count, 3);
    cr_expect_eq(scene->news[1].late_first_ms, scene->zero_ms - 40 * 60000);
    cr_expect_eq(scene->news[1].late_last_ms, scene->zero_ms - 10 * 60000);
    scene_free(scene);
}

/* Totals of each party and kind, however the phone's records mix: each identity once, in [from, to). */
Test(apply, totals_of_every_party)
{
    static const struct scene_row ROWS[] = {
        {"nothing was heard", "goto name | run 1h | total kcell messages -1h +0 | total registry responses -1h +0 | = total 0 0 | = total 1 0"},
        {"all kinds and parties together",
         "goto assigning | run 1h | total kcell messages -1h +0 | total beeline messages -1h +0 | total tele2 messages -1h +0"
         "| total kcell receipts -1h +0 | total beeline receipts -1h +0 | total registry responses -1h +0 | total akimat responses -1h +0"
         "| total benefit responses -1h +0"
         "| msg tele2:t1 -20m x | msg kcell:k1 -19m x | msg beeline:b1 -18m x | msg tele2:t2 -17m x | msg kcell:k2 -16m x"
         "| msg tele2:t3 -15m x | msg kcell:k2 -14m y | msg kcell:k1 -19m x"
         "| receipt 1.1 delivered -12m | receipt 1.2 accepted -11m | receipt 1.2 delivered -10m | receipt 1.1 delivered -9m"
         "| resp 1.registry registered -8m | resp 1.benefit refused -7m | resp 1.benefit assigned -6m | resp 1.akimat queued -5m queue=5"
         "| = t1 reject no_open_prompt | = k1 reject no_open_prompt | = b1 reject no_open_prompt | = t2 reject no_open_prompt"
         "| = k2 reject no_open_prompt | = t3 reject no_open_prompt | = k2 reject id_conflict | = find message_conflict kcell k2 - 46m"
         "| = k1 duplicate | = 1.1 duplicate | = 1.registry duplicate | = 1.akimat duplicate | = 1.13 info benefit_refused ru"
         "| = 1.benefit reject already_answered | = find response_conflict benefit 1 1 54m"
         "| = total 0 2 | = total 1 1 | = total 2 3 | = total 3 3 | = total 4 0 | = total 5 1 | = total 6 1 | = total 7 2"},
    };
    SCENES(ROWS);
}

/* Nothing is counted for a row that is not there, nor for one to the right of [from, to) or of another kind. */
Test(apply, totals_beyond)
{
    struct scene *scene = scene_new("beyond");
    scene_goto(scene, "name", "");
    scene_begin_run(scene, scene->zero_ms + HOUR_MS);
    int64_t at = scene->facts.as_of_ms - 60000;
    scene_message(scene, 1, "m1", at, "1414", "x");
    scene_message(scene, 1, "m2", at + 1, "1414", "x");
    const struct totals_row row = {.operator = 1, .kind = KIND_MESSAGES, .from_ms = at, .to_ms = at + 1};
    for (unsigned i = 0; i < 3; i++) {
        scene->totals[i] = row;
        scene->totals[i].number = i;
    }
    scene->totals[1].kind = KIND_RECEIPTS;
    scene->facts.totals_count = 2;
    scene_play(scene);
    cr_expect_eq(scene->totals_counts[0].found, 1);
    cr_expect_eq(scene->totals_counts[1].found, 0);
    cr_expect_eq(scene->totals_counts[2].found, 0);
    scene_free(scene);
}

/* What is counted for rows that overlap in every way is what one finds who holds each record against each row. */
Test(apply, totals_that_overlap)
{
    enum { RECORDS = 24, ROWS = SCENE_TOTALS };
    struct scene *scene = scene_new("overlap");
    dice_state = 7;
    for (unsigned round = 0; round < 60; round++) {
        int64_t at[RECORDS];
        unsigned operators[RECORDS], ids[RECORDS], count = 1 + (unsigned)dice(RECORDS);
        struct totals_row rows[ROWS];
        scene_begin_run(scene, scene->zero_ms + (int64_t)round * HOUR_MS);
        for (unsigned i = 0; i < count; i++) {
            char id[16];
            at[i] = scene->facts.as_of_ms - (int64_t)dice(12);
            operators[i] = 1 + (unsigned)dice(3);
            snprintf(id, sizeof id, "m%u", ids[i] = (unsigned)dice(9));
            scene_message(scene, operators[i], id, at[i], "1414", "x");
        }
        for (unsigned i = 0; i < ROWS; i++) {
            int64_t from = scene->facts.as_of_ms - (int64_t)dice(14);
            rows[i] = (struct totals_row){.operator = (uint16_t)(1 + dice(3)), .kind = dice(4) ? KIND_MESSAGES : KIND_RECEIPTS,
                                          .from_ms = from, .to_ms = from + (int64_t)dice(9) - 1, .number = i};
        }
        memcpy(scene->totals, rows, sizeof rows);
        scene->facts.totals_count = ROWS;
        scene_play(scene);
        for (unsigned r = 0; r < ROWS; r++) {
            uint64_t met = 0;
            unsigned wanted = 0;
            for (unsigned i = 0; i < count; i++) {
                bool held = rows[r].kind == KIND_MESSAGES && operators[i] == rows[r].operator && at[i] >= rows[r].from_ms &&
                            at[i] < rows[r].to_ms;
                wanted += held && !(met >> ids[i] & 1);
                met |= (uint64_t)held << ids[i];
            }
            cr_assert_eq(scene->totals_counts[r].found, wanted, "round %u, row %u", round, r);
        }
    }
    scene_free(scene);
}

/* What the run is told of operators: when each was heard last, and when its receipts were. */
Test(apply, operator_news)
{
    struct scene *scene = scene_new("news");
    scene_goto(scene, "name", "");
    scene_begin_run(scene, scene->zero_ms + HOUR_MS);
    int64_t at = scene->facts.as_of_ms;
    scene_message(scene, 1, "m1", at - 9, "1414", "x");
    scene_message(scene, 1, "m2", at - 8, "1415", "x");
    scene_message(scene, 2, "m3", at - DAY_MS, "1414", "x"); /* no case: heard all the same */
    scene_receipt(scene, 1, 2, "accepted", at - 7);
    scene_receipt(scene, 1, 2, "delivered", at - 6);
    scene_receipt(scene, 1, 2, "delivered", at - 5); /* a repeat */
    scene_receipt(scene, 1, 1, "lost", at - 4);
    scene_receipt(scene, 1, 9, "delivered", at - 3);
    scene_play(scene);
    cr_expect_eq(scene->news[1].heard_ms, at - 8);
    cr_expect_eq(scene->news[2].heard_ms, at - DAY_MS);
    cr_expect_eq(scene->news[3].heard_ms, NEVER_MS);
    cr_expect_eq(scene->news[1].receipted_ms, at - 6);
    cr_expect_eq(scene->news[2].receipted_ms, NEVER_MS);
    scene_begin_run(scene, at + HOUR_MS);
    scene_receipt(scene, 1, 1, "failed", at + 2); /* what was said last was said first */
    scene_receipt(scene, 1, 3, "accepted", at + 1);
    scene_message(scene, 3, "m4", at + 5, "1414", "x");
    scene_message(scene, 3, "m5", at + 4, "1414", "x");
    scene_play(scene);
    cr_expect_eq(scene->news[1].receipted_ms, at + 2);
    cr_expect_eq(scene->news[3].heard_ms, at + 5);
    scene_free(scene);
}

/* The history tells what befell a case. */
Test(apply, history)
{
    static const struct {
        const char *text, *history; /* of its last run */
    } ROWS[] = {
        {"run 0 | notice N1 -1h", "notice/0/0"},
        {"goto name | run 1h | msg m1 -2m x | msg m2 -1m R 1 2 Ким Анна", "message/1/bad_form message/0/0 superseded/5/1"},
        {"goto language | run 1h | msg m1 -2m R 1 2 | msg m2 -1m R 1 2 Ким Анна", "message/0/0 message/0/0 superseded/3/1"},
        {"goto name | run 3d", "reminder/0/1"},
        {"goto name | run 3d | ... | run 10d", "expiry/0/1"},
        {"goto name | run 3d | ... | run 10d | ... | run 11d | msg m1 @9d R 1", "revival/0/0 message/2/bad_answer"},
        {"goto registering | run 1h | resp 1.registry registered -1m", "response/0/0"},
        {"goto name | run 1h | receipt 1.2 failed -1m", "receipt/0/2 reminder/0/1"},
        {"goto office | run 1h | msg m1 -2m R 1 2 4 1 | withdraw N1 -1m", "message/0/0 withdrawal/0/0 superseded/4/0 superseded/7/0"},
        {"goto registering | run 1h | withdraw N1 -2m | resp 1.registry registered -1m | receipt 1.2 failed -1m",
         "withdrawal/0/0 response/0/0 receipt/0/2"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct scene *scene = scene_new(ROWS[i].text);
        char *copy = scene_keep(scene, strlen(ROWS[i].text) + 1);
        strcpy(copy, ROWS[i].text);
        for (char *line = copy, *next; line; line = next) {
            next = strchr(line, '|');
            if (next) {
                *next++ = 0;
                for (char *end = line + strlen(line); end > line && end[-1] == ' ';)
                    *--end = 0;
            }
            scene_do(scene, line + strspn(line, " "));
        }
        scene_finish_run(scene);
        char got[1024] = "";
        for (uint32_t h = 0; h < scene->apply.history.count; h++) {
            const struct history *history = &scene->apply.history.items[h];
            char detail[32];
            bool is_reason = history->event == HISTORY_MESSAGE && history->result != RESULT_DONE;
            snprintf(detail, sizeof detail, "%u", history->detail);
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s/%u/%s", h ? " " : "", HISTORY_WORDS[history->event], history->result,
                     is_reason ? REASON_WORDS[history->detail] : detail);
        }
        cr_expect_str_eq(got, ROWS[i].history, "%s: %s", ROWS[i].text, got);
        scene_free(scene);
    }
}
