/* lanes.h - eight bytes of a word at once. Room: engine (pure). */
#ifndef ENGINE_LANES_H
#define ENGINE_LANES_H

#include <stdint.h>

#define ALL(byte) (UINT64_C(0x0101010101010101) * (byte)) /* the byte in all eight lanes */

#endif
