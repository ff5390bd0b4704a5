/* command_run.c - besik run: the options of a run. The run itself is run.c. */
#include "tools/commands.h"

#include "engine/values.h"
#include "io/crew.h"
#include "tools/options.h"
#include "tools/run.h"

#define MEMORY_MIN ((uint64_t)16 << 20)

static int read_numbers(struct run_options *options, const char *workers, const char *memory, const char *sms_limit,
                        struct fault *fault)
{
    uint64_t number;
    if (workers) {
        if (!value_number(span_of(workers), CREW_MAX, &number) || !number)
            return fault_set(fault, FAULT_USAGE, "--workers %s: must be 1 to %d", workers, CREW_MAX);
        options->workers = (uint32_t)number;
    }
    if (memory && (!value_size(span_of(memory), &options->memory) || options->memory < MEMORY_MIN))
        return fault_set(fault, FAULT_USAGE, "--memory %s: must be a size of 16M or more, as 512M or 2G", memory);
    if (sms_limit) {
        if (!value_number(span_of(sms_limit), INT64_MAX, &number))
            return fault_set(fault, FAULT_USAGE, "--sms-limit %s: must be a whole number", sms_limit);
        options->sms_limit = (int64_t)number;
    }
    return 0;
}

int command_run(int argc, char **argv, struct fault *fault)
{
    struct run_options options = {.memory = (uint64_t)1 << 30, .sms_limit = -1};
    const char *workers = NULL, *memory = NULL, *sms_limit = NULL;
    const struct option table[] = {
        {"out", "FOLDER", "the folder to write; it must not be there yet", &options.out, NULL},
        {"as-of", "TIME", "the run's time, RFC 3339 with an offset (default: now)", &options.as_of, NULL},
        {"dry-run", NULL, "write the folder, but change nothing in the store", NULL, &options.dry_run},
        {"rebuild", NULL, "for a store made anew of archived inputs: what would go out counts as sent, and is not written", NULL, &options.rebuild},
        {"workers", "N", "threads (default: one a processor)", &workers, NULL},
        {"memory", "SIZE", "memory for records on their way; the rest is spilled (default: 1G)", &memory, NULL},
        {"tmp", "DIR", "where to spill (default: in the store)", &options.tmp, NULL},
        {"metrics", "FILE", "Prometheus text, for a textfile collector, when the run ends, well or not", &options.metrics, NULL},
        {"progress", NULL, "a key=value line every 10 s to standard error", NULL, &options.progress},
        {"json", NULL, "print run.json instead of one line", NULL, &options.json},
        {"sms-limit", "N", "fail before anything takes effect where more SMS would be sent", &sms_limit, NULL},
        {"keep-rejected", NULL, "also write rejected-KIND.csv: what was rejected, to be mended and given again", NULL,
         &options.keep_rejected},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct command command = {
        .name = "run",
        .arguments = "STORE --out FOLDER [--as-of TIME] [FILE|DIR…]",
        .summary = "One run: reads the input files (CSV, plain, gzip or zstd), brings every case up to date, and writes a\n"
                   "folder of SMS for the operators, requests for the agencies, rejects and findings. The folder appears\n"
                   "whole or not at all. No files: a run of the clock alone.",
        .options = table,
        .notes = "The same command given again after a failure or a kill ends in the same bytes.\n"
                 "Example: besik run /var/lib/besik/store --out out/2026-11-24 in/2026-11-24",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count < 1)
        return fault_set(fault, FAULT_USAGE, "give STORE (see besik run --help)");
    if (!options.out)
        return fault_set(fault, FAULT_USAGE, "give --out FOLDER (see besik run --help)");
    if (read_numbers(&options, workers, memory, sms_limit, fault))
        return -1;
    options.store = argv[0];
    options.paths = argv + 1;
    options.path_count = count - 1;
    return run_go(&options, fault);
}
