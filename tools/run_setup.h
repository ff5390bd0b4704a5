/* run_setup.h - making and unmaking what the passes of a run work with. Room: tools. Used by run.c only.
 * Thread: one; workers stand from run_set_up to run_tear_down. Errors: -1 with run->fault. */
#ifndef TOOLS_RUN_SETUP_H
#define TOOLS_RUN_SETUP_H

#include "tools/run.h"

int run_check_tmp(const struct run *run); /* can a spill file be made in --tmp? Else it would be told only when one is needed */
void run_limit_memory(const struct run *run); /* from here on large blocks are on account (engine/sys/large.h) */
int run_set_up(struct run *run);    /* memory, workers, spools, rules */
void run_tear_down(struct run *run); /* whatever of it was made */
int run_check_space(struct run *run); /* free space against what will be needed */
/* Bytes of values in one transaction: LMDB holds them in memory until it commits, and uses that memory again after. */
size_t run_transaction_size(const struct run *run);

#endif
