/* hash.h - xxHash for much data at once: its wide vectors where the machine has them, chosen as the program runs.
 * Room: engine/sys.  The same hashes as <xxhash.h>, which is as good for a few bytes. (Measured: blocks of 32 KiB in cache at 18 GB/s by SSE2,
 * at 45 by AVX2; a tenth of a night's CPU was checksums.) */
#ifndef ENGINE_SYS_HASH_H
#define ENGINE_SYS_HASH_H

#ifdef __x86_64__
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#endif
