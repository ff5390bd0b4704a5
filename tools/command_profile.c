/* command_profile.c - besik profile check: which profile reads a file, and its first records as understood. */
#include "tools/commands.h"

#include "engine/values.h"
#include "io/buffer_fields.h"
#include "io/dump.h"
#include "tools/open_store.h"
#include "tools/options.h"
#include "tools/shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define SHOWN 5

struct checking {
    struct profiles *profiles;
    struct ring *ring;
    struct fault *fault;
    const char *source; /* of the profiles: the path of a dumps.ini, or whose it is */
    bool json, used;    /* a file was read by one of them */
    struct buffer out;
};

/* ---- where the profiles are from ---- */

static int read_profiles(struct checking *checking, const char *path)
{
    struct fault *fault = checking->fault;
    int fd = sys.open(AT_FDCWD, path, O_RDONLY, 0);
    char *text = sys.alloc(PROFILES_SIZE_MAX + 1);
    ssize_t size = fd < 0 || !text ? -1 : sys_read_all(fd, text, PROFILES_SIZE_MAX + 1, -1);
    int failed = 0;
    if (fd < 0)
        failed = fault_path(fault, errno, "open", "%s", path);
    else if (!text)
        failed = fault_memory(fault);
    else if (size < 0)
        failed = fault_path(fault, errno, "read", "%s", path);
    else if ((size_t)size > PROFILES_SIZE_MAX)
        failed = fault_set(fault, FAULT_INPUT, "%s: larger than %zu KiB", path, PROFILES_SIZE_MAX >> 10);
    else
        failed = profiles_open(&checking->profiles, path, (struct span){text, (size_t)size}, fault);
    if (fd >= 0)
        sys.close(fd);
    sys.free(text);
    return failed;
}

static int read_store_profiles(struct checking *checking, const char *path)
{
    struct store store;
    struct ref_set *ref;
    if (open_store(&store, &ref, path, STORE_READ, checking->fault))
        return -1;
    struct span text = ref_dumps(ref);
    int failed = text.size ? profiles_open(&checking->profiles, checking->source, text, checking->fault) : 0;
    ref_free(ref);
    store_close(&store);
    return failed;
}

/* ---- what is shown ---- */

/* A phone keeps its first four digits and its last two; what is no phone loses all its digits. */
static struct span mask_phone(struct span given, char out[4096])
{
    uint32_t phone;
    if (value_phone(given, &phone)) {
        value_phone_write(phone, out);
        memset(out + 4, '*', 5);
        return (struct span){out, 11};
    }
    for (size_t i = 0; i < given.size; i++)
        out[i] = given.data[i] >= '0' && given.data[i] <= '9' ? '*' : given.data[i];
    return (struct span){out, given.size};
}

static struct span mask(const char *column, struct span value, char out[4096])
{
    if (strcmp(column, "msisdn") == 0)
        return mask_phone(value, out);
    if (strcmp(column, "mother_iin") != 0 && strcmp(column, "account") != 0)
        return value;
    memset(out, '*', value.size);
    return (struct span){out, value.size};
}

static bool is_time(const char *column)
{
    size_t size = strlen(column);
    return (size >= 3 && strcmp(column + size - 3, "_at") == 0) || strcmp(column, "at") == 0 || strcmp(column, "from") == 0 ||
           strcmp(column, "to") == 0;
}

/* Why the record would be rejected, as far as it tells without a store. */
static enum reason look(const struct dump_record *record, const struct record_layout *layout)
{
    enum reason found = record->reason;
    uint32_t phone;
    int64_t ms;
    for (unsigned c = 0; c < record->field_count && !found; c++) {
        struct span value = {record->fields[c].data, record->fields[c].size};
        bool of_part = record->parts && strcmp(record_column(layout->kind, c), "text") == 0;
        if (!(of_part ? profile_part_is_text(value) : value_text(value)))
            found = REASON_BAD_UTF8;
    }
    for (unsigned c = 0; c < record->field_count && !found; c++) {
        const char *column = record_column(layout->kind, c);
        struct span value = {record->fields[c].data, record->fields[c].size};
        if (layout->at[c] == RECORD_COLUMN_ABSENT)
            continue;
        if (c < 2 && strlen(column) > 3 && strcmp(column + strlen(column) - 3, "_id") == 0 && !value_id(value))
            found = REASON_BAD_ID;
        else if (is_time(column) && !value_time(value, &ms))
            found = REASON_BAD_TIME;
        else if (strcmp(column, "msisdn") == 0 && !value_phone(value, &phone))
            found = REASON_BAD_MSISDN;
    }
    return found;
}

static void put_record(struct checking *checking, const struct dump_record *record, const struct record_layout *layout, bool first)
{
    struct buffer *out = &checking->out;
    struct fault *fault = checking->fault;
    enum reason reason = look(record, layout);
    char masked[4096];
    if (checking->json) {
        buffer_format(out, fault, "%s{\"line\":%llu,\"rejected\":", first ? "" : ",", (unsigned long long)record->line);
        buffer_json_or_null(out, span_of(REASON_WORDS[reason]), fault);
        if (record->parts)
            buffer_format(out, fault, ",\"part\":%u,\"parts\":%u", record->part, record->parts);
        buffer_add_text(out, ",\"fields\":{", fault);
    } else {
        buffer_format(out, fault, "  line %llu%s%s\n", (unsigned long long)record->line, reason ? ": would be rejected, " : "",
                      REASON_WORDS[reason]);
        if (record->parts)
            buffer_format(out, fault, "    %-13s %u of %u\n", "part", record->part, record->parts);
    }
    bool any = false;
    for (unsigned c = 0; c < record->field_count && !record->reason; c++) {
        const char *column = record_column(layout->kind, c);
        if (layout->at[c] == RECORD_COLUMN_ABSENT)
            continue;
        struct span value = mask(column, (struct span){record->fields[c].data, record->fields[c].size}, masked);
        if (checking->json)
            buffer_format(out, fault, "%s\"%s\":", any ? "," : "", column);
        else
            buffer_format(out, fault, "    %-13s ", column);
        buffer_json_name(out, value, fault);
        buffer_add_text(out, checking->json ? "" : "\n", fault);
        any = true;
    }
    buffer_add_text(out, checking->json ? "}}" : "", fault);
}

static void put_head(struct checking *checking, const char *name, const struct dump *dump)
{
    struct buffer *out = &checking->out;
    struct fault *fault = checking->fault;
    const struct profile *profile = dump_profile(dump);
    const struct record_layout *layout = dump_layout(dump);
    struct span kind = span_of(layout ? KIND_WORDS[layout->kind] : ""), of = span_of(profile ? profile->name : "");
    checking->used |= profile != NULL;
    if (!checking->json) {
        char shown[PATH_SHOWN_MAX];
        path_shown(span_of(name), shown, sizeof shown);
        if (profile)
            buffer_format(out, fault, "%s: %s, read by profile [%s] of %s\n", shown, kind.data, profile->name, checking->source);
        else if (layout)
            buffer_format(out, fault, "%s: %s, read by no profile: it is in besik's own form\n", shown, kind.data);
        else
            buffer_format(out, fault, "%s: empty\n", shown);
        return;
    }
    buffer_add_text(out, "{\"file\":", fault);
    buffer_json_name(out, span_of(name), fault);
    buffer_add_text(out, ",\"kind\":", fault);
    buffer_json_or_null(out, kind, fault);
    buffer_add_text(out, ",\"profile\":", fault);
    buffer_json_or_null(out, of, fault);
    buffer_add_text(out, ",\"profiles\":", fault);
    buffer_json_or_null(out, span_of(profile ? checking->source : ""), fault);
    buffer_add_text(out, ",\"records\":[", fault);
}

/* ---- files ---- */

static int check_file(struct checking *checking, const char *name)
{
    struct dump *dump;
    struct dump_record record;
    struct fault fault = {0};
    int found = 0;
    if (dump_open(&dump, checking->ring, name, checking->profiles, &fault))
        return fault_pass(checking->fault, &fault);
    put_head(checking, name, dump);
    for (unsigned i = 0; i < SHOWN && (found = dump_next(dump, &record, &fault)) > 0; i++)
        put_record(checking, &record, dump_layout(dump), i == 0);
    buffer_add_text(&checking->out, checking->json ? "]}\n" : "", checking->fault);
    dump_close(dump);
    return found < 0 ? fault_pass(checking->fault, &fault) : 0;
}

static int check_files(struct checking *checking, char **names, int count)
{
    if (checking->profiles && profiles_prepare(checking->profiles, 1, checking->fault))
        return -1;
    int error = ring_open(&checking->ring, false), failed = 0;
    if (error)
        return fault_errno(checking->fault, error, "open a queue of reads");
    for (int i = 0; i < count; i++)
        failed |= check_file(checking, names[i]);
    return failed;
}

int command_profile(int argc, char **argv, struct fault *fault)
{
    struct checking checking = {.fault = fault};
    const char *store = NULL, *given = NULL;
    const struct option options[] = {
        {"store", "STORE", "the profiles of a store", &store, NULL},
        {"profiles", "FILE", "those of a dumps.ini (default: the ready ones that besik ships)", &given, NULL},
        {"json", NULL, "one JSON object a file", NULL, &checking.json},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct command command = {
        .name = "profile",
        .arguments = "check [--store STORE | --profiles dumps.ini] FILE…",
        .summary = "Tells for each file which profile reads it, and shows its first five records as understood, phones masked.\n"
                   "(What citizens wrote is shown.) Nothing is changed.",
        .options = options,
        .notes = "Example: besik profile check --profiles ./ref/dumps.ini mo-2026-11-23.csv",
    };
    int count;
    char path[4200];
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count < 2 || strcmp(argv[0], "check") != 0)
        return fault_set(fault, FAULT_USAGE, "give check and FILE (see besik profile --help)");
    if (store && given)
        return fault_set(fault, FAULT_USAGE, "give --store or --profiles, not both");
    checking.source = store ? "the store's dumps.ini" : given ? given : shipped_path("dumps.ini", path);
    int failed = store ? read_store_profiles(&checking, store) : read_profiles(&checking, checking.source);
    failed = failed || check_files(&checking, argv + 1, count - 1);
    if (checking.used && !store && !checking.json) /* or one wonders why the run does not read it */
        buffer_format(&checking.out, fault, "\nA run reads it so once the store has the profile: put %s into the folder of the store's "
                      "reference data, then besik ref STORE FOLDER\n", checking.source);
    if (checking.out.size)
        fwrite(checking.out.data, 1, checking.out.size, stdout);
    buffer_free(&checking.out);
    ring_close(checking.ring);
    profiles_close(checking.profiles);
    return failed ? -1 : 0;
}
