/* safetensors: whatever is accepted lies inside the bytes, is aligned, is found by its name, and
 * writes to a file that reads to the same; memory stays in proportion to the input. */
#include <stdlib.h>
#include <string.h>

#include "formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* jansson's tree of a header is some hundred times the text at worst: "[[[]]]", "{}" by the byte.
 */
enum { BASE_BYTES = 1 << 18, BYTES_PER_BYTE = 512 };

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Every byte is there to be read; the sum keeps the reads alive. */
static unsigned touch(const struct mer_array *array)
{
    unsigned sum = 0;
    for (size_t i = 0; i < array->n_bytes; i++)
        sum += ((const unsigned char *)array->data)[i];
    return sum;
}

static void check_bundle(const struct mer_bundle *bundle, size_t n)
{
    size_t n_data = 0;
    for (size_t i = 0; i < bundle->n_arrays; i++) {
        const struct mer_array *array = &bundle->arrays[i];
        size_t n_bytes = mer_dtype_size(array->dtype);
        require(n_bytes > 0 && array->n_dims <= MER_BUNDLE_MAX_DIMS);
        require((uintptr_t)array->data % n_bytes == 0);
        for (size_t d = 0; d < array->n_dims; d++)
            n_bytes *= array->shape[d];
        require(n_bytes == array->n_bytes && n_bytes <= n);
        require(mer_bundle_find(bundle, array->name) == array);
        require(touch(array) < UINT32_MAX);
        n_data += n_bytes;
    }
    require(n_data <= n);
    require(!bundle->json || strlen(bundle->json) == bundle->n_json);
}

static void require_same(const struct mer_bundle *one, const struct mer_bundle *other)
{
    require(one->n_arrays == other->n_arrays && one->n_json == other->n_json);
    require(!one->json == !other->json && (!one->json || strcmp(one->json, other->json) == 0));
    for (size_t i = 0; i < one->n_arrays; i++) {
        const struct mer_array *a = &one->arrays[i];
        const struct mer_array *b = mer_bundle_find(other, a->name);
        require(b && a->dtype == b->dtype && a->n_dims == b->n_dims && a->n_bytes == b->n_bytes);
        require(a->n_dims == 0 || memcmp(a->shape, b->shape, a->n_dims * sizeof *a->shape) == 0);
        require(a->n_bytes == 0 || memcmp(a->data, b->data, a->n_bytes) == 0);
    }
}

static void write_and_read_again(const struct mer_ctx *ctx, const struct mer_bundle *bundle)
{
    struct mer_bundle again;
    struct mer_buf buf;
    mer_buf_init(&buf, ctx->alloc, SIZE_MAX);
    require(mer_is_ok(mer_safetensors_write(bundle, &buf, NULL)));
    require(mer_is_ok(mer_safetensors_read(ctx, buf.bytes, buf.n, &again, NULL)));
    require_same(bundle, &again);
    mer_bundle_release(&again);
    mer_buf_release(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_bundle bundle;
    mer_err err = {.code = MER_OK};
    mer_alloc_init(&alloc, BASE_BYTES + BYTES_PER_BYTE * n);
    const mer_status status = mer_safetensors_read(&ctx, bytes, n, &bundle, &err);
    if (mer_is_ok(status)) {
        check_bundle(&bundle, n);
        alloc.budget = SIZE_MAX;
        write_and_read_again(&ctx, &bundle);
        mer_bundle_release(&bundle);
    } else {
        require(status.code == MER_ERR_DATA && err.message[0] != '\0');
    }
    require(alloc.used == 0);
    return 0;
}
