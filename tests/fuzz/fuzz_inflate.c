/* fuzz_inflate.c - fuzz_source.c without files and the ring: the framing alone, in one piece against pieces, many times faster. */
#define ZSTD_STATIC_LINKING_ONLY
#include <stddef.h>
#include <zstd.h>

/* zstd's contexts are large: one is kept for the next input. */
static ZSTD_DCtx *kept;

static ZSTD_DCtx *make_context(ZSTD_customMem memory)
{
    (void)memory;
    ZSTD_DCtx *context = kept ? kept : ZSTD_createDCtx();
    kept = NULL;
    return context;
}

static size_t drop_context(ZSTD_DCtx *context)
{
    if (kept)
        return ZSTD_freeDCtx(context);
    kept = context;
    return ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
}

#define ZSTD_createDCtx_advanced make_context
#define ZSTD_freeDCtx drop_context
#include "io/inflate_zstd.c"
#undef ZSTD_createDCtx_advanced
#undef ZSTD_STATIC_LINKING_ONLY
#undef ZSTD_freeDCtx

#define FUZZ_INFLATE
#define OUT_MAX ((size_t)4096)
#include "fuzz_source.c"
