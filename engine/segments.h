/* segments.h - how many SMS parts a text takes (contract section 9).
 * Room: engine (pure).  The text is valid UTF-8. Thread: any.
 * Source: 3GPP TS 23.038 (GSM 03.38: the 7-bit alphabet, its extension table, UCS-2) and 23.040: a message holds 140 bytes, of which the
 * header of a part takes 6; so 160 septets or 70 UTF-16 units alone, 153 or 67 a part. National language tables are not used. */
#ifndef ENGINE_SEGMENTS_H
#define ENGINE_SEGMENTS_H

#include "engine/span.h"

unsigned segments_count(struct span text); /* at least 1 */

#endif
