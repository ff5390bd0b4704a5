/* command_forget.c - besik forget: all of a phone, or of a list of them, is struck for good, save that ids stay known. */
#include "tools/commands.h"

#include "tools/forget.h"
#include "tools/open_store.h"
#include "tools/options.h"
#include "tools/reader.h"

#include <stdio.h>
#include <stdlib.h>

static void tell(const struct forgotten *forgotten, bool json)
{
    printf(json ? "{\"phones\":%llu,\"cases\":%llu,\"closed\":%llu,\"history\":%llu,\"rows\":%llu,\"cleared_bytes\":%llu}\n"
                : "%llu phones: %llu cases struck, %llu of them open till now; %llu entries of history, %llu rows of kept folders; "
                  "%llu bytes of free space cleared\n",
           (unsigned long long)forgotten->phones, (unsigned long long)forgotten->cases, (unsigned long long)forgotten->closed,
           (unsigned long long)forgotten->entries, (unsigned long long)forgotten->rows, (unsigned long long)forgotten->cleared);
}

static int phone_order(const void *a, const void *b)
{
    return COMPARE(*(const uint32_t *)a, *(const uint32_t *)b);
}

/* A number that a list names twice is one phone. */
static size_t drop_repeats(struct buffer *phones)
{
    uint32_t *numbers = (uint32_t *)phones->data;
    size_t count = phones->size / sizeof *numbers, kept = 0;
    qsort(numbers, count, sizeof *numbers, phone_order);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || numbers[i] != numbers[i - 1])
            numbers[kept++] = numbers[i];
    return kept;
}

int command_forget(int argc, char **argv, struct fault *fault)
{
    bool json = false;
    const struct option options[] = {{"json", NULL, "tell it as one JSON object", NULL, &json}, {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "forget",
        .arguments = "STORE MSISDN|- [--json]",
        .summary = "Strikes all of a phone for good: names, IINs, accounts, answers, histories, its rows in kept folders. Ids,\n"
                   "times and outcomes stay, so that a repeat is known as one. Its open cases close as by a withdrawal: nothing\n"
                   "leaves for them any more. A new notice opens a new case. '-' reads numbers from standard input, one a line.",
        .options = options,
        .notes = "A backup holds what it held, and so do the input files and folders of past runs: mend those too.\n"
                 "What reissue gives of a past run lacks the rows; its run.json has the figures and hashes of before.\n"
                 "Where it was cut, give it again. A reader that began before makes it end with exit 4.\n"
                 "Example: echo 77010000001 | besik forget /var/lib/besik/store -",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 2)
        return fault_set(fault, FAULT_USAGE, "give STORE and MSISDN (see besik forget --help)");
    struct store store;
    struct buffer phones = {0};
    struct forgotten forgotten;
    int failed = reader_msisdns(argv[1], &phones, fault) || open_store(&store, NULL, argv[0], STORE_WRITE, fault);
    if (!failed) {
        size_t distinct = drop_repeats(&phones);
        failed = forget_go(&store, (const uint32_t *)phones.data, distinct, &forgotten, fault);
        if (!failed)
            tell(&forgotten, json);
        store_close(&store);
    }
    buffer_free(&phones);
    return failed ? -1 : 0;
}
