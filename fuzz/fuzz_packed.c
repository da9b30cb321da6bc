/* gzip and zstd: whatever the bytes, decompressing ends within the budget and gives all memory
 * back. */
#include <stdlib.h>

#include "frame/gunzip.h"
#include "frame/unzstd.h"

enum { MEMORY = 160 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    const struct mer_ctx ctx = {.alloc = &alloc};
    unsigned char *out = NULL;
    size_t n_out = 0;
    mer_err err = {0};
    mer_status status = {MER_OK};
    mer_alloc_init(&alloc, MEMORY);
    if (mer_gunzip_applies(bytes, n))
        status = mer_gunzip(&ctx, bytes, n, &out, &n_out, &err);
    else if (mer_unzstd_applies(bytes, n))
        status = mer_unzstd(&ctx, bytes, n, &out, &n_out, &err);
    if ((status.code == MER_OK) != (err.message[0] == '\0'))
        abort();
    mer_free(&alloc, out);
    if (atomic_load(&alloc.used) != 0 || atomic_load(&alloc.peak) > MEMORY)
        abort();
    return 0;
}
