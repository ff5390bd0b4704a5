/* command_why.c - besik why: the record, rule and run behind an SMS or request. A reader; it names nobody. */
#include "tools/commands.h"

#include "engine/values.h"
#include "io/buffer_fields.h"
#include "store/kept.h"
#include "tools/options.h"
#include "tools/why.h"

#include <stdio.h>

struct account { /* what is to be told */
    struct reader *reader;
    struct fault *fault;
    struct span id;
    const struct kase *kase;
    const struct sms *sms; /* NULL: a request */
    struct why_target target;
    struct why_cause cause;
    struct buffer plain;
    struct kept_input input;
    struct span file;
    bool has_record;
};

/* The case and the SMS or request that the id names; 1 where this store never issued it. */
static int find_target(struct account *account)
{
    struct reader *reader = account->reader;
    struct why_target *target = &account->target;
    struct id_facts facts;
    bool is_sms = ids_read_sms(&reader->ids, account->id, &facts);
    if (!is_sms && !ids_read_request(&reader->ids, account->id, &facts))
        return 1;
    int there = reader_find(reader, facts.phone);
    if (there <= 0 || facts.case_number > reader->phone.case_count)
        return there < 0 ? -1 : 1;
    const struct kase *kase = account->kase = &reader->phone.cases[facts.case_number - 1];
    if (!is_sms) {
        const struct request *request = &kase->requests[facts.agency];
        *target = (struct why_target){.is_request = true, .agency = facts.agency, .at_ms = request->created_ms, .run = request->made_run};
        return request->made ? 0 : 1;
    }
    if (facts.sms_number > kase->sms_count)
        return 1;
    const struct sms *all = &reader->phone.sms[kase->sms_first], *sms = account->sms = &all[facts.sms_number - 1];
    *target = (struct why_target){.kind = sms->kind, .what = sms->what, .at_ms = sms->at_ms};
    for (uint32_t i = 0; i + 1 < facts.sms_number; i++)
        target->rank += all[i].kind == sms->kind && all[i].what == sms->what && all[i].at_ms == sms->at_ms;
    if (sms->kind == SMS_REMINDER)
        for (uint32_t i = 1; i < facts.sms_number; i++)
            if (all[i - 1].kind != SMS_INFO)
                target->number_before = all[i - 1].final == RECEIPT_FAILED ? i : 0;
    return 0;
}

static int find_record(struct account *account)
{
    const struct why_cause *cause = &account->cause;
    if (!cause->known || !cause->row.line)
        return 0;
    int there = kept_input(&account->reader->store.db, account->reader->store.snapshot, cause->record_run, cause->row.file, &account->plain,
                           &account->input, &account->file, account->fault);
    account->has_record = there == 0;
    return there < 0 ? -1 : 0;
}

static const char *record_kind(const struct account *account)
{
    return account->input.kind < KIND_COUNT ? KIND_WORDS[account->input.kind] : "";
}

static void put_hash(const struct account *account, struct buffer *out)
{
    for (unsigned i = 0; i < sizeof account->input.hash; i++)
        buffer_format(out, account->fault, "%02x", account->input.hash[i]);
}

static void put_json(struct account *account, struct buffer *out)
{
    struct fault *fault = account->fault;
    const struct why_cause *cause = &account->cause;
    buffer_format(out, fault, account->sms ? "{\"sms_id\":" : "{\"request_id\":");
    buffer_json(out, account->id, fault);
    buffer_format(out, fault, ",\"case\":%u,\"slot\":%u,\"notice_id\":", account->kase->number, account->kase->slot);
    buffer_json(out, account->kase->notice_id, fault);
    if (account->sms)
        buffer_format(out, fault, ",\"kind\":\"%s\",\"step\":\"%s\"", SMS_KIND_WORDS[account->sms->kind], reader_sms_step(account->sms));
    else
        buffer_format(out, fault, ",\"agency\":\"%s\"", AGENCY_WORDS[account->target.agency]);
    reader_put_time(out, account->sms ? ",\"at\":" : ",\"created_at\":", account->target.at_ms, fault);
    buffer_format(out, fault, cause->run ? ",\"run\":%u" : ",\"run\":null", cause->run);
    if (cause->known) {
        buffer_format(out, fault, ",\"rule\":{\"section\":%u,\"step\":", cause->section);
        buffer_json_or_null(out, span_of(cause->step < STEP_COUNT ? STEP_WORDS[cause->step] : ""), fault);
        reader_put_text(out, ",\"on\":", span_of(cause->on), fault);
        reader_put_text(out, ",\"effect\":", span_of(cause->says), fault);
        buffer_format(out, fault, "},\"event\":\"%s\"", HISTORY_WORDS[cause->row.event % HISTORY_EVENT_COUNT]);
    } else {
        buffer_add_text(out, ",\"rule\":null,\"event\":null", fault);
    }
    if (!account->has_record) {
        buffer_add_text(out, ",\"record\":null}\n", fault);
        return;
    }
    reader_put_text(out, ",\"record\":{\"kind\":", span_of(record_kind(account)), fault);
    reader_put_text(out, ",\"identity\":", (struct span){cause->identity.data, cause->identity.size}, fault);
    reader_put_time(out, ",\"at\":", cause->row.at_ms, fault);
    buffer_format(out, fault, ",\"run\":%u,\"file\":", cause->record_run);
    buffer_json_name(out, account->file, fault);
    buffer_format(out, fault, ",\"line\":%llu,\"xxh128\":\"", (unsigned long long)cause->row.line);
    put_hash(account, out);
    buffer_add_text(out, "\"}}\n", fault);
}

static void put_lines(struct account *account, struct buffer *out)
{
    struct fault *fault = account->fault;
    const struct why_cause *cause = &account->cause;
    if (account->sms)
        buffer_format(out, fault, "%s %s", SMS_KIND_WORDS[account->sms->kind], reader_sms_step(account->sms));
    else
        buffer_format(out, fault, "request to %s", AGENCY_WORDS[account->target.agency]);
    buffer_format(out, fault, ", case %u of its phone, notice %.*s\n", account->kase->number, (int)account->kase->notice_id.size,
                  account->kase->notice_id.data);
    buffer_format(out, fault, cause->run ? "run     %u, as of " : "run     not known, as of ", cause->run);
    buffer_time(out, account->target.at_ms, fault);
    if (!cause->known) {
        buffer_add_text(out, "\nrule    not known: the case's history was struck (besik purge or forget)\n", fault);
        return;
    }
    buffer_format(out, fault, "\nrule    %s%s%s: %s (section %u)\n", cause->step < STEP_COUNT ? STEP_WORDS[cause->step] : "",
                  cause->step < STEP_COUNT ? ", " : "", cause->on, cause->says, cause->section);
    if (!account->has_record) {
        buffer_add_text(out, "record  none: the clock\n", fault);
        return;
    }
    buffer_format(out, fault, "record  %s %.*s of ", record_kind(account), (int)cause->identity.size, cause->identity.data);
    buffer_time(out, cause->row.at_ms, fault);
    char shown[PATH_SHOWN_MAX];
    buffer_format(out, fault, "\n        %s line %llu", path_shown(account->file, shown, sizeof shown), (unsigned long long)cause->row.line);
    if (cause->record_run != cause->run)
        buffer_format(out, fault, ", read by run %u", cause->record_run);
    buffer_add_text(out, "\n        xxh128 of the file ", fault);
    put_hash(account, out);
    buffer_add_text(out, "\n", fault);
}

static int tell(struct reader *reader, const char *id, bool json, struct fault *fault)
{
    struct account account = {.reader = reader, .fault = fault, .id = span_of(id)};
    struct buffer out = {0};
    int there = find_target(&account);
    int failed = there > 0 ? fault_set(fault, FAULT_USAGE, "this store never issued that id") : there;
    failed = failed || why_find(reader, account.kase->number, &account.target, &account.cause) || find_record(&account);
    if (!failed) {
        (json ? put_json : put_lines)(&account, &out);
        failed = fault->code ? -1 : 0;
    }
    if (!failed)
        fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
    buffer_free(&account.plain);
    buffer_free(&account.cause.identity);
    return failed ? -1 : 0;
}

int command_why(int argc, char **argv, struct fault *fault)
{
    bool json = false;
    const struct option options[] = {{"json", NULL, "one JSON object", NULL, &json}, {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "why",
        .arguments = "STORE ID [--json]",
        .summary = "Tells why an SMS or a request went out: the run, the rule, and the input record behind it: its file, line,\n"
                   "and the file's xxh128, as that run read it. ID is an sms_id or request_id. Nobody is named.",
        .options = options,
        .notes = "What purge or forget struck is not told any more.\n"
                 "Example: besik why /var/lib/besik/store s1j3e65dz0fs0n6s2jnbe25egeb",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 2)
        return fault_set(fault, FAULT_USAGE, "give STORE and ID (see besik why --help)");
    struct reader reader = {0};
    int failed = reader_open(&reader, argv[0], fault) || tell(&reader, argv[1], json, fault);
    reader_close(&reader);
    return failed ? -1 : 0;
}
