/* segments.h - how many SMS parts a text takes (contract section 9, GSM 03.38 or UCS-2).
 * Room: engine (pure).  The text is valid UTF-8. Thread: any. */
#ifndef ENGINE_SEGMENTS_H
#define ENGINE_SEGMENTS_H

#include "engine/span.h"

unsigned segments_count(struct span text); /* at least 1 */

#endif
