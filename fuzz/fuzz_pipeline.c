/* A model file from a stranger: whatever loads must predict without harm on a table that has the
 * columns it names, and save itself again. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "automl/pipeline.h"
#include "formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { N_ROWS = 4 };

/* Cells for a column of any type: small, large, infinite, and the last one missing. */
static const double numbers[N_ROWS] = {0.5, -1e300, INFINITY, 0};
static const int64_t integers[N_ROWS] = {INT64_MIN, 17000, INT64_MAX, 0};
static const int32_t codes[N_ROWS] = {0, 1, 0, -1};
static const int64_t offsets[N_ROWS + 1] = {0, 1, 3, 3, 3};
static const uint8_t bits[1] = {5};
static const uint8_t validity[1] = {7};
static const char level_bytes[] = "redblue";
static const int64_t level_offsets[] = {0, 3, 7};

static struct mer_column column_of(const struct mer_prepare_column *wanted)
{
    struct mer_column column = {.name = wanted->name,
                                .n_name = strlen(wanted->name),
                                .type = wanted->type,
                                .n_missing = 1,
                                .validity = validity,
                                .bytes = level_bytes};
    switch (wanted->type) {
    case MER_TYPE_BOOLEAN:
        column.data.bits = bits;
        break;
    case MER_TYPE_NUMBER:
        column.data.numbers = numbers;
        break;
    case MER_TYPE_CATEGORICAL:
        column.data.codes = codes;
        column.n_levels = 2;
        column.level_offsets = level_offsets;
        column.level_bytes = level_bytes;
        break;
    case MER_TYPE_TEXT:
        column.data.offsets = offsets;
        break;
    default:
        column.data.integers = integers;
    }
    return column;
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_pipeline *pipeline)
{
    const size_t n_columns = mer_prepare_n_columns(pipeline->prepare);
    struct mer_frame frame = {.n_rows = N_ROWS, .n_columns = n_columns, .alloc = ctx->alloc};
    struct mer_prepare_column wanted;
    double *predictions = NULL;

    MER_GUARD(mer_alloc_zero(ctx->alloc, n_columns, sizeof(*frame.columns), &frame.columns, NULL));
    for (size_t i = 0; i < n_columns; i++) {
        mer_prepare_describe(pipeline->prepare, i, &wanted);
        frame.columns[i] = column_of(&wanted);
    }
    const mer_status status = mer_pipeline_predict(ctx, pipeline, &frame, &predictions, NULL);
    mer_free(ctx->alloc, predictions);
    mer_free(ctx->alloc, frame.columns);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_pipeline *pipeline = NULL;
    struct mer_bundle bundle, again;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, (size_t)256 << 20);
    const struct mer_ctx ctx = {.alloc = &alloc};

    if (!mer_is_ok(mer_safetensors_read(&ctx, bytes, n, &bundle, NULL)))
        return 0;
    if (mer_is_ok(mer_pipeline_load(&ctx, &bundle, &pipeline, NULL))) {
        (void)predict(&ctx, pipeline).code;
        mer_bundle_init(&again, &alloc);
        if (!mer_is_ok(mer_pipeline_save(&ctx, pipeline, &again, NULL)))
            __builtin_trap();
        mer_bundle_release(&again);
    }
    mer_pipeline_free(&ctx, pipeline);
    mer_bundle_release(&bundle);
    if (atomic_load(&alloc.used) != 0)
        __builtin_trap();
    return 0;
}
