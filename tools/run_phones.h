/* run_phones.h - the pass over the phones: what its files share.
 * Room: tools.  run_window.c takes the parts in order, run_phones.c does a part phone by phone, run_room.c keeps room for the
 * engine's lists, run_emit.c sends on what was made.
 * Thread: a struct phones is its worker's. Errors: 0, or -1 with its fault set. */
#ifndef TOOLS_RUN_PHONES_H
#define TOOLS_RUN_PHONES_H

#include "tools/run.h"

struct phones { /* a worker at it */
    struct run *run;
    uint32_t index; /* of the worker */
    struct run_worker *worker;
    struct fault *fault;
};

/* The next part of worker->output. */
int run_make_part(struct phones *phones, uint32_t part);

void run_room_for_phone(struct phones *phones);                     /* before its first record or event: the last one's is taken back */
int run_room_for_record(struct phones *phones, struct span record); /* before it is loaded; a damaged one fails */
int run_room_for_event(struct phones *phones);                      /* before each, and before the end */

int run_emit(struct phones *phones); /* all that the phone's events made, but the record */
int run_emit_record(struct phones *phones, bool was_in_open);

#endif
