/* command_forget.c - besik forget: all of one phone is struck for good, save that its ids stay known. */
#include "tools/commands.h"

#include "tools/forget.h"
#include "tools/open_store.h"
#include "tools/options.h"
#include "tools/reader.h"

#include <stdio.h>

static void tell(const struct forgotten *forgotten, bool json)
{
    printf(json ? "{\"cases\":%llu,\"closed\":%llu,\"history\":%llu,\"rows\":%llu,\"cleared_bytes\":%llu}\n"
                : "%llu cases struck, %llu of them open till now; %llu entries of history, %llu rows of kept folders; %llu bytes of "
                  "free space cleared\n",
           (unsigned long long)forgotten->cases, (unsigned long long)forgotten->closed, (unsigned long long)forgotten->entries,
           (unsigned long long)forgotten->rows, (unsigned long long)forgotten->cleared);
}

int command_forget(int argc, char **argv, struct fault *fault)
{
    bool json = false;
    const struct option options[] = {{"json", NULL, "tell it as one JSON object", NULL, &json}, {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "forget",
        .arguments = "STORE MSISDN|- [--json]",
        .summary = "Strikes all of one phone for good: names, IINs, accounts, answers, histories, its rows in kept folders. Ids,\n"
                   "times and outcomes stay, so that a repeat is known as one. Its open cases close as by a withdrawal: nothing\n"
                   "leaves for them any more. A new notice opens a new case. '-' reads the number from standard input.",
        .options = options,
        .notes = "A backup holds what it held, and so do the input files and folders of past runs: mend those too.\n"
                 "Where it was cut, give it again. A reader that began before makes it end with exit 4.\n"
                 "Example: echo 77010000001 | besik forget /var/lib/besik/store -",
    };
    int count;
    uint32_t phone;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 2)
        return fault_set(fault, FAULT_USAGE, "give STORE and MSISDN (see besik forget --help)");
    struct store store;
    struct forgotten forgotten;
    if (reader_msisdn(argv[1], &phone, fault) || open_store(&store, NULL, argv[0], STORE_WRITE, fault))
        return -1;
    int failed = forget_go(&store, phone, &forgotten, fault);
    if (!failed)
        tell(&forgotten, json);
    store_close(&store);
    return failed ? -1 : 0;
}
