#include "frame/unzstd.h"

#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "frame/unpacked.h"

bool mer_unzstd_applies(const void *bytes, size_t n)
{
    uint32_t magic;
    if (n < sizeof magic)
        return false;
    memcpy(&magic, bytes, sizeof magic);
    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

struct unzstd {
    const struct mer_ctx *ctx;
    ZSTD_DCtx *context;
    size_t n_charged; /* of what the library takes by itself */
    ZSTD_inBuffer in;
    struct mer_unpacked out;
};

static mer_status fail(size_t result, mer_err *err)
{
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
        return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress the table");
    case ZSTD_error_frameParameter_windowTooLarge:
        return mer_hint(err,
                        mer_fail(err, MER_ERR_DATA, "the zstd data need a window of over 128 MB"),
                        "compress the file again without --ultra or --long");
    default:
        return mer_fail(err, MER_ERR_DATA, "the zstd data are damaged");
    }
}

/* The library's buffers grow with the window that a frame asks for, at most 128 MB. */
static mer_status charge(struct unzstd *unzstd, mer_err *err)
{
    const size_t n = ZSTD_sizeof_DCtx(unzstd->context);
    if (n <= unzstd->n_charged)
        return mer_ok();
    MER_GUARD(mer_alloc_charge(unzstd->ctx->alloc, n - unzstd->n_charged, err));
    unzstd->n_charged = n;
    return mer_ok();
}

static mer_status step(struct unzstd *unzstd, size_t *ret_left, mer_err *err)
{
    struct mer_unpacked *const out = &unzstd->out;
    if (out->n == out->capacity)
        MER_GUARD(mer_unpacked_grow(unzstd->ctx, out, err));
    const size_t room = out->capacity - out->n;
    ZSTD_outBuffer to = {.dst = out->bytes + out->n,
                         .size = room < MER_UNPACK_STEP ? room : MER_UNPACK_STEP};
    const size_t left = ZSTD_decompressStream(unzstd->context, &to, &unzstd->in);
    if (ZSTD_isError(left))
        return fail(left, err);
    out->n += to.pos;
    if (left > 0 && unzstd->in.pos == unzstd->in.size && to.pos < to.size)
        return mer_unpacked_fail_cut("zstd", err);
    *ret_left = left;
    return charge(unzstd, err);
}

static mer_status decompress(struct unzstd *unzstd, mer_err *err)
{
    for (;;) {
        size_t left = 0;
        MER_GUARD(mer_ctx_check_cancel(unzstd->ctx, err));
        MER_GUARD(step(unzstd, &left, err));
        if (left > 0)
            continue;
        const char *rest = (const char *)unzstd->in.src + unzstd->in.pos;
        const size_t n_rest = unzstd->in.size - unzstd->in.pos;
        if (n_rest == 0)
            return mer_ok();
        if (!mer_unzstd_applies(rest, n_rest))
            return mer_fail(err, MER_ERR_DATA, "something else follows the zstd data");
    }
}

mer_status mer_unzstd(const struct mer_ctx *ctx, const void *bytes, size_t n,
                      unsigned char **ret_bytes, size_t *ret_n, mer_err *err)
{
    struct unzstd unzstd = {
        .ctx = ctx, .context = ZSTD_createDCtx(), .in = {.src = bytes, .size = n}};
    const unsigned long long told = ZSTD_getFrameContentSize(bytes, n);
    const bool is_told = told != ZSTD_CONTENTSIZE_UNKNOWN && told != ZSTD_CONTENTSIZE_ERROR;
    if (!unzstd.context)
        return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress the table");
    mer_status status = charge(&unzstd, err);
    if (mer_is_ok(status))
        status = mer_unpacked_init(ctx, &unzstd.out, n, is_told ? told : (uint64_t)n * 4, err);
    if (mer_is_ok(status))
        status = decompress(&unzstd, err);
    (void)ZSTD_freeDCtx(unzstd.context);
    mer_alloc_uncharge(ctx->alloc, unzstd.n_charged);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, unzstd.out.bytes);
        return status;
    }
    *ret_bytes = unzstd.out.bytes;
    *ret_n = unzstd.out.n;
    return mer_ok();
}
