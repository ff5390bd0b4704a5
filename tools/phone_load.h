/* phone_load.h - a phone's record for a command that reads: its lists grow as needed, and are freed at the end.
 * Room: tools. (A run widens its lists itself: run_room.c.)  Thread: a struct phone belongs to one. Its spans point into the record,
 * and stand as long as that does (segment.h). Errors: want of memory, or FAULT_INPUT: the record is damaged. */
#ifndef TOOLS_PHONE_LOAD_H
#define TOOLS_PHONE_LOAD_H

#include "engine/fault.h"
#include "engine/phone.h"
#include "store/segment.h"

int phone_load(struct phone *phone, struct span record, struct fault *fault);
/* Loads the phone's newest record, from among the open, else from among the closed: 1, *ret_open where it stood (NULL is taken);
 * 0 there is none, -1. As segment_find: numbers in ascending order of their hashes. */
int phone_find(struct phone *phone, struct segment_view *open, struct segment_view *closed, uint32_t number, bool *ret_open,
               struct fault *fault);
void phone_unload(struct phone *phone); /* frees the lists; a zeroed one is taken */
int phone_damaged(struct fault *fault); /* sets it; -1 */

#endif
