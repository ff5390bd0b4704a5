/* lanes.h - eight bytes of a word at once. Room: engine (pure).  Thread: any. */
#ifndef ENGINE_LANES_H
#define ENGINE_LANES_H

#include <stdint.h>

#define ALL(byte) (UINT64_C(0x0101010101010101) * (byte)) /* the byte in all eight lanes */

/* The high bit of every byte of `word` that is zero, exactly. */
static inline uint64_t zero_bytes(uint64_t word)
{
    const uint64_t low = ALL(0x7f);
    return ~(((word & low) + low) | word | low);
}

#endif
