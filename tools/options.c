/* options.c - see options.h. */
#include "tools/options.h"

#include <stdio.h>
#include <string.h>

bool options_manual;

#define EXITS                                                                                              \
    "Exit: 0 done; 1 failed, give it again; 2 wrong use; 3 the input or reference data must be mended first;\n" \
    "4 the store is busy."

/* As troff reads it: no line begins with a dot or quote of ours, a minus is one. */
static void put_troff(const char *text)
{
    for (bool begins = true; *text; text++) {
        if (begins && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        fputs(*text == '-' ? "\\-" : *text == '\\' ? "\\e" : (char[]){*text, 0}, stdout);
        begins = *text == '\n';
    }
}

static void print_troff(const char *text)
{
    put_troff(text);
    putchar('\n');
}

/* The same words as a section of besik(1). */
static void print_manual(const struct command *command)
{
    printf(".SS besik %s\n.B besik %s\n", command->name, command->name);
    print_troff(command->arguments);
    puts(".PP");
    print_troff(command->summary);
    for (const struct option *option = command->options; option && option->name; option++) {
        fputs(".TP\n.BR \\-\\-", stdout);
        put_troff(option->name);
        printf("%s%s\n", option->argument ? " \" \" " : "", option->argument ? option->argument : "");
        print_troff(option->help);
    }
    if (command->notes) {
        puts(".PP\n.nf");
        print_troff(command->notes);
        puts(".fi");
    }
}

static void print_help(const struct command *command)
{
    if (options_manual) {
        print_manual(command);
        return;
    }
    printf("usage: besik %s %s\n\n%s\n", command->name, command->arguments, command->summary);
    for (const struct option *option = command->options; option && option->name; option++) {
        char head[64];
        snprintf(head, sizeof head, "--%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        printf("%s  %-22s %s\n", option == command->options ? "\n" : "", head, option->help);
    }
    if (command->notes)
        printf("\n%s\n", command->notes);
    puts("\n" EXITS);
}

void options_print_exits(void)
{
    print_troff(EXITS);
}

static bool same_name(const char *given, size_t size, const char *name)
{
    if (strlen(name) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((given[i] == '_' ? '-' : given[i]) != name[i])
            return false;
    return true;
}

int options_read(const struct command *command, int argc, char **argv, int *ret_count, struct fault *fault)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        char *given = argv[i];
        if (strcmp(given, "--") == 0) {
            while (++i < argc)
                argv[kept++] = argv[i];
            break;
        }
        if (strncmp(given, "--", 2) != 0) {
            if (strcmp(given, "-h") == 0) {
                print_help(command);
                return 1;
            }
            if (given[0] == '-' && given[1])
                return fault_set(fault, FAULT_USAGE, "%s: no such option (see besik %s --help)",
                                 given, command->name);
            argv[kept++] = given;
            continue;
        }
        given += 2;
        char *equals = strchr(given, '=');
        size_t size = equals ? (size_t)(equals - given) : strlen(given);
        if (same_name(given, size, "help")) {
            print_help(command);
            return 1;
        }
        const struct option *option = command->options;
        while (option && option->name && !same_name(given, size, option->name))
            option++;
        bool known = option && option->name;
        bool takes_value = known ? option->argument != NULL : command->other != NULL;
        if (!known && !command->other)
            return fault_set(fault, FAULT_USAGE, "--%.*s: no such option (see besik %s --help)",
                             (int)size, given, command->name);
        const char *value = equals ? equals + 1 : NULL;
        if (takes_value && !value) {
            if (++i >= argc)
                return fault_set(fault, FAULT_USAGE, "--%s: a value is missing", given);
            value = argv[i];
        }
        if (!takes_value && value)
            return fault_set(fault, FAULT_USAGE, "--%.*s takes no value", (int)size, given);
        if (!known) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)size, given);
            if (command->other(name, value, command->context, fault))
                return -1;
        } else if (takes_value) {
            *option->value = value;
        } else {
            *option->flag = true;
        }
    }
    *ret_count = kept;
    return 0;
}
