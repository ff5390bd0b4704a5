/* hash.h - xxHash for much data at once: its wide vectors where the machine has them, chosen as the program runs.
 * Room: engine/sys.  The same hashes as <xxhash.h>, which is as good for a few bytes. (Measured: blocks of 32 KiB in cache at 18 GB/s by SSE2,
 * at 45 by AVX2; a tenth of a night's CPU was checksums.) */
#ifndef ENGINE_SYS_HASH_H
#define ENGINE_SYS_HASH_H

/* Thread: any, once the library has chosen. It chooses at the first hash of more than 240 bytes and keeps that in plain variables, without a
 * lock: so the first thread must have hashed so much before it starts others. It has: who opens a store checks the sum of its state
 * (store/db.c, thousands of bytes), and a run starts its workers behind that. */
#ifdef __x86_64__
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#endif
