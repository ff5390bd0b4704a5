/* command_status.c - besik status: what somebody wants to know first of a store. A reader: it takes no lock, not for an instant. */
#include "tools/commands.h"

#include "engine/flow.h"
#include "engine/values.h"
#include "io/buffer_fields.h"
#include "store/kept.h"
#include "tools/findings.h"
#include "tools/options.h"
#include "tools/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

/* Who holds STORE/lock, by the kernel's own list: to try it would be in the way of a run. 0: nobody. */
static long lock_holder(const char *dir)
{
    char path[4096], line[256];
    struct stat stat;
    long holder = 0;
    if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path || sys.stat(AT_FDCWD, path, &stat, 0) != 0)
        return 0;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks && fgets(line, sizeof line, locks)) {
        long pid;
        unsigned major, minor;
        unsigned long inode;
        if (sscanf(line, "%*[^:]: FLOCK %*s WRITE %ld %x:%x:%lu", &pid, &major, &minor, &inode) == 4 && inode == stat.st_ino &&
            major == major(stat.st_dev) && minor == minor(stat.st_dev))
            holder = pid;
    }
    if (locks)
        fclose(locks);
    return holder;
}

static uint64_t file_bytes(const char *dir)
{
    char path[4096];
    struct stat stat;
    return snprintf(path, sizeof path, "%s/data.mdb", dir) < (int)sizeof path && sys.stat(AT_FDCWD, path, &stat, 0) == 0
               ? (uint64_t)stat.st_size
               : 0;
}

static bool is_silent(const struct reader *reader, uint32_t operator)
{
    const struct state *state = reader->store.state;
    return finding_is_silent(&state->operators[operator], (uint16_t)operator, reader->ref, reader->store.settings.silent_after,
                             state->as_of_ms);
}

static void put_counts(struct reader *reader, struct buffer *out)
{
    const struct counts *totals = &reader->store.state->totals;
    struct fault *fault = reader->fault;
    buffer_add_text(out, ",\"open\":{", fault);
    bool first = true;
    for (enum step step = 0; step < STEP_CLOSED; step++) {
        if (!totals->open[step])
            continue;
        buffer_format(out, fault, "%s\"%s\":%lld", first ? "" : ",", STEP_WORDS[step], (long long)totals->open[step]);
        first = false;
    }
    buffer_format(out, fault, "},\"cases\":{\"open\":%lld,\"closed\":%lld},\"overdue\":{", (long long)totals->cases_open,
                  (long long)totals->cases_closed);
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++)
        buffer_format(out, fault, "%s\"%s\":%lld", agency ? "," : "", AGENCY_WORDS[agency], (long long)totals->overdue[agency]);
    buffer_add_text(out, "}", fault);
}

static void put_operators(struct reader *reader, struct buffer *out)
{
    const struct state *state = reader->store.state;
    struct fault *fault = reader->fault;
    buffer_add_text(out, ",\"operators\":[", fault);
    for (uint32_t i = 0; i < state->operator_count; i++) {
        buffer_add_text(out, i ? ",{\"operator\":" : "{\"operator\":", fault);
        buffer_json(out, reader_operator(reader, i), fault);
        reader_put_time(out, ",\"message_at\":", state->operators[i].heard_ms, fault);
        reader_put_time(out, ",\"receipt_at\":", state->operators[i].receipted_ms, fault);
        buffer_format(out, fault, ",\"silent\":%s}", is_silent(reader, i) ? "true" : "false");
    }
    buffer_add_text(out, "]", fault);
}

static void put_settings(struct reader *reader, struct buffer *out)
{
    char value[32];
    const char *name;
    buffer_add_text(out, ",\"settings\":{", reader->fault);
    for (unsigned i = 0; (name = store_setting(&reader->store.settings, i, value)); i++)
        buffer_format(out, reader->fault, "%s\"%s\":\"%s\"", i ? "," : "", name, value);
    buffer_add_text(out, "}", reader->fault);
}

static void put_json(struct reader *reader, uint32_t first_kept, struct buffer *out)
{
    const struct store *store = &reader->store;
    struct fault *fault = reader->fault;
    long holder = lock_holder(store->dir);
    buffer_format(out, fault, "{\"store\":\"%s\",\"run\":%u", store->name, store->state->run);
    reader_put_time(out, ",\"as_of\":", store->state->as_of_ms, fault);
    buffer_add_text(out, ",\"busy\":", fault);
    buffer_format(out, fault, holder ? "%ld" : "null", holder);
    put_counts(reader, out);
    put_operators(reader, out);
    buffer_format(out, fault, first_kept ? ",\"kept_runs\":{\"first\":%u,\"last\":%u}" : ",\"kept_runs\":null", first_kept, store->state->run);
    buffer_format(out, fault, ",\"bytes\":%llu", (unsigned long long)file_bytes(store->dir));
    put_settings(reader, out);
    buffer_add_text(out, "}\n", fault);
}

static void put_lines(struct reader *reader, uint32_t first_kept, struct buffer *out)
{
    const struct store *store = &reader->store;
    const struct state *state = store->state;
    struct fault *fault = reader->fault;
    long holder = lock_holder(store->dir);
    buffer_format(out, fault, "store %s, %.1f MB\n", store->name, (double)file_bytes(store->dir) / 1e6);
    if (state->run) {
        buffer_format(out, fault, "last run %u, as of ", state->run);
        buffer_time(out, state->as_of_ms, fault);
        buffer_format(out, fault, first_kept ? "; kept are runs %u to %u\n" : "\n", first_kept, state->run);
    } else {
        buffer_add_text(out, "no run yet\n", fault);
    }
    if (holder)
        buffer_format(out, fault, "busy: process %ld works on it\n", holder);
    buffer_format(out, fault, "cases: %lld open, %lld closed\n", (long long)state->totals.cases_open,
                  (long long)state->totals.cases_closed);
    for (enum step step = 0; step < STEP_CLOSED; step++)
        if (state->totals.open[step])
            buffer_format(out, fault, "  %-12s %10lld\n", STEP_WORDS[step], (long long)state->totals.open[step]);
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++)
        if (state->totals.overdue[agency])
            buffer_format(out, fault, "overdue: %lld requests to %s\n", (long long)state->totals.overdue[agency], AGENCY_WORDS[agency]);
    for (uint32_t i = 0; i < state->operator_count; i++) {
        if (!is_silent(reader, i))
            continue;
        struct span code = reader_operator(reader, i);
        buffer_format(out, fault, "silent: %.*s, since ", (int)code.size, code.data);
        buffer_time(out, state->operators[i].heard_ms, fault);
        buffer_add_text(out, "\n", fault);
    }
}

int command_status(int argc, char **argv, struct fault *fault)
{
    bool json = false;
    const struct option options[] = {{"json", NULL, "one JSON object, with operators and settings too", NULL, &json},
                                     {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "status",
        .arguments = "STORE [--json]",
        .summary = "Tells a store's last run, which process holds it, where cases stand, overdue requests, silent operators.",
        .options = options,
        .notes = "Example: besik status /var/lib/besik/store --json | jq .open",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 1)
        return fault_set(fault, FAULT_USAGE, "give one STORE (see besik status --help)");
    struct reader reader = {0};
    struct buffer out = {0};
    uint32_t first_kept;
    int failed = reader_open(&reader, argv[0], fault) || kept_first(&reader.store, reader.store.snapshot, &first_kept, fault);
    if (!failed) {
        (json ? put_json : put_lines)(&reader, first_kept, &out);
        failed = fault->code ? -1 : 0;
    }
    if (!failed)
        fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
    reader_close(&reader);
    return failed ? -1 : 0;
}
