#include "frame/unpacked.h"

enum { TRUSTED_RATIO = 32 };

mer_status mer_unpacked_init(const struct mer_ctx *ctx, struct mer_unpacked *unpacked, size_t n,
                             uint64_t told, mer_err *err)
{
    const size_t most = n > SIZE_MAX / TRUSTED_RATIO / 2 ? n : n * TRUSTED_RATIO;
    const size_t capacity = (told < most ? (size_t)told : most) + 64;
    *unpacked = (struct mer_unpacked){.capacity = capacity};
    return mer_alloc_bytes(ctx->alloc, capacity, &unpacked->bytes, err);
}

mer_status mer_unpacked_grow(const struct mer_ctx *ctx, struct mer_unpacked *unpacked, mer_err *err)
{
    size_t capacity;
    if (!mer_size_mul(unpacked->capacity, 2, &capacity))
        return mer_fail(err, MER_ERR_MEMORY, "the decompressed table is too large");
    MER_GUARD(mer_alloc_resize(ctx->alloc, capacity, &unpacked->bytes, err));
    unpacked->capacity = capacity;
    return mer_ok();
}

mer_status mer_unpacked_fail_cut(const char *format, mer_err *err)
{
    mer_status status = mer_fail(err, MER_ERR_DATA, "the %s data end too early", format);
    return mer_hint(err, status, "the file is incomplete: copy or make it again");
}
