/* command_list.c - besik list: which cases stand where, and since when. A reader: no run waits for it. */
#include "tools/commands.h"

#include "engine/flow.h"
#include "engine/values.h"
#include "io/buffer_fields.h"
#include "tools/options.h"
#include "tools/reader.h"

#include <stdio.h>

#define HEADER "msisdn,case,slot,notice_id,step,since,lang,misses,reminded\n"

struct list {
    struct buffer out;
    enum step at; /* STEP_COUNT: any that is open */
    int64_t older; /* ms */
    bool json;
};

static int put_json(struct list *list, const struct phone *phone, const struct kase *kase, struct fault *fault)
{
    struct buffer *out = &list->out;
    bool prompt = step_is_prompt(kase->step);
    buffer_add_text(out, "{\"msisdn\":\"", fault);
    buffer_phone(out, phone->number, fault);
    buffer_format(out, fault, "\",\"case\":%u,\"slot\":%u,\"notice_id\":", kase->number, kase->slot);
    buffer_json(out, kase->notice_id, fault);
    buffer_format(out, fault, ",\"step\":\"%s\"", STEP_WORDS[kase->step]);
    reader_put_time(out, ",\"since\":", kase->since_ms, fault);
    reader_put_text(out, ",\"lang\":", kase->lang ? span_of(LANG_WORDS[kase->lang]) : SPAN(""), fault);
    buffer_format(out, fault, ",\"misses\":%u", prompt ? kase->misses : 0);
    reader_put_time(out, ",\"reminded\":", prompt ? kase->reminded_ms : NEVER_MS, fault);
    return buffer_add_text(out, "}\n", fault);
}

static int put_csv(struct list *list, const struct phone *phone, const struct kase *kase, struct fault *fault)
{
    struct buffer *out = &list->out;
    bool prompt = step_is_prompt(kase->step);
    buffer_phone(out, phone->number, fault);
    buffer_format(out, fault, ",%u,%u,", kase->number, kase->slot);
    buffer_csv(out, kase->notice_id, ',', fault);
    buffer_format(out, fault, "%s,", STEP_WORDS[kase->step]);
    buffer_time(out, kase->since_ms, fault);
    buffer_format(out, fault, ",%s,%u,", kase->lang ? LANG_WORDS[kase->lang] : "", prompt ? kase->misses : 0);
    if (prompt && kase->reminded_ms != NEVER_MS)
        buffer_time(out, kase->reminded_ms, fault);
    return buffer_add_text(out, "\n", fault);
}

static int look(struct reader *reader, void *context)
{
    struct list *list = context;
    const struct phone *phone = &reader->phone;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        const struct kase *kase = &phone->cases[i];
        bool here = list->at == STEP_COUNT ? kase->step != STEP_CLOSED : kase->step == list->at;
        if (here && reader->store.state->as_of_ms - kase->since_ms >= list->older)
            (list->json ? put_json : put_csv)(list, phone, kase, reader->fault);
    }
    if (list->out.size > ((size_t)1 << 20)) {
        fwrite(list->out.data, 1, list->out.size, stdout);
        buffer_clear(&list->out);
    }
    return reader->fault->code || ferror(stdout) ? -1 : 0;
}

static int read_filters(struct list *list, const char *at, const char *older, struct fault *fault)
{
    for (list->at = STEP_COUNT; at && list->at > 0 && strcmp(at, STEP_WORDS[list->at - 1]) != 0; list->at--)
        continue;
    if (at && list->at == 0)
        return fault_set(fault, FAULT_USAGE, "--at %s: no such step (see besik list --help)", at);
    list->at = at ? list->at - 1 : STEP_COUNT;
    if (older && !value_duration(span_of(older), &list->older))
        return fault_set(fault, FAULT_USAGE, "--older %s: must be a duration, as 36h or 5d", older);
    return 0;
}

int command_list(int argc, char **argv, struct fault *fault)
{
    const char *at = NULL, *older = NULL;
    struct list list = {0};
    const struct option options[] = {
        {"at", "STEP", "only cases at this step; closed ones too, if asked for", &at, NULL},
        {"older", "DURATION", "only those that stand there so long as of the last run, as 36h or 5d", &older, NULL},
        {"json", NULL, "one JSON object a line instead of CSV", NULL, &list.json},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct command command = {
        .name = "list",
        .arguments = "STORE [--at STEP] [--older DURATION] [--json]",
        .summary = "Lists the open cases as of the last run: where each stands, and since when.",
        .options = options,
        .notes = "Steps: language name education income office registering privilege locality queueing order account\n"
                 "assigning closed\n"
                 "Example: besik list /var/lib/besik/store --at registering --older 5d | tail -n +2 | wc -l",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 1)
        return fault_set(fault, FAULT_USAGE, "give one STORE (see besik list --help)");
    struct reader reader = {0};
    if (read_filters(&list, at, older, fault))
        return -1;
    int failed = reader_open(&reader, argv[0], fault) || (!list.json && buffer_add_text(&list.out, HEADER, fault)) ||
                 reader_each(&reader, list.at != STEP_CLOSED, look, &list);
    if (!failed)
        fwrite(list.out.data, 1, list.out.size, stdout);
    buffer_free(&list.out);
    reader_close(&reader);
    return failed && !fault->code ? fault_set(fault, FAULT_FAILED, "standard output: cannot write") : failed ? -1 : 0;
}
