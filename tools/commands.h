/* commands.h - the commands of besik; each returns 0, or -1 with the fault set, which besik.c prints. Room: tools.
 * argv: what stands behind the command's name; what is to be read goes to standard output. Thread: the program's first. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "engine/fault.h"

int command_init(int argc, char **argv, struct fault *fault);
int command_ref(int argc, char **argv, struct fault *fault);
int command_set(int argc, char **argv, struct fault *fault);
int command_run(int argc, char **argv, struct fault *fault);
int command_case(int argc, char **argv, struct fault *fault);
int command_check(int argc, char **argv, struct fault *fault);
int command_purge(int argc, char **argv, struct fault *fault);
int command_profile(int argc, char **argv, struct fault *fault);
int command_report(int argc, char **argv, struct fault *fault);
int command_status(int argc, char **argv, struct fault *fault);
int command_list(int argc, char **argv, struct fault *fault);
int command_why(int argc, char **argv, struct fault *fault);
int command_reissue(int argc, char **argv, struct fault *fault);
int command_backup(int argc, char **argv, struct fault *fault);
int command_export(int argc, char **argv, struct fault *fault);
int command_forget(int argc, char **argv, struct fault *fault);
int command_gen(int argc, char **argv, struct fault *fault);
int command_capacity(int argc, char **argv, struct fault *fault);

#endif
