/* An ensemble of trees from a stranger's model file: whatever loads has a layout for prediction,
 * whose scores are finite and have the bits of the plain reference on every instruction set, and
 * saves itself again. The design has two dense columns and groups of ten and of 300 levels, and the
 * ensemble two outputs; the file's JSON document is its object. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "formats/safetensors.h"
#include "learn/ensemble_predict.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { N_ROWS = 40, N_OUTPUTS = 2 };

static const uint32_t group_start[] = {0, 10, 310};
static const double numbers[] = {0, -1e300, 0.5, NAN, INFINITY, 1, -0.0, 3, 2.5, -INFINITY};
static const int32_t codes[] = {-1, 0, 9, 299, 3, 255, 256, 310, 5};

static void compare(const struct mer_ensemble *ensemble, const struct mer_ensemble_compact *compact,
                    const struct mer_ctx *ctx)
{
    static double dense[N_ROWS * 2];
    static int32_t levels[N_ROWS * 2];
    static double expected[N_ROWS * N_OUTPUTS], scores[N_ROWS * N_OUTPUTS];
    const struct mer_design design = {.n_rows = N_ROWS,
                                      .n_dense = 2,
                                      .dense = dense,
                                      .n_groups = 2,
                                      .codes = levels,
                                      .group_start = group_start};
    const struct mer_ensemble_rows rows = mer_ensemble_rows_of(&design);
    for (size_t i = 0; i < (size_t)N_ROWS * 2; i++) {
        dense[i] = numbers[i * 7 % (sizeof numbers / sizeof numbers[0])];
        levels[i] = codes[i * 5 % (sizeof codes / sizeof codes[0])];
    }
    mer_ensemble_predict_plain(ensemble, &rows, expected);
    for (size_t i = 0; i < (size_t)N_ROWS * N_OUTPUTS; i++)
        if (!isfinite(expected[i]))
            __builtin_trap();
    for (int level = MER_CPU_PLAIN; level <= (int)mer_cpu_detect(); level++) {
        struct mer_ctx at_level = *ctx;
        at_level.cpu = (enum mer_cpu_level)level;
        if (mer_is_ok(mer_ensemble_scores(&at_level, compact, &rows, scores, NULL)) &&
            memcmp(scores, expected, sizeof scores) != 0)
            __builtin_trap();
    }
}

static void use(const struct mer_ctx *ctx, const struct mer_ensemble *ensemble)
{
    struct mer_ensemble_compact *compact = NULL;
    struct mer_bundle bundle;
    struct mer_buf text;
    struct mer_json_writer writer;
    if (mer_is_ok(mer_ensemble_compact_new(ctx->alloc, ensemble, &compact, NULL)))
        compare(ensemble, compact, ctx);
    mer_ensemble_compact_free(ctx->alloc, compact);
    mer_bundle_init(&bundle, ctx->alloc);
    mer_buf_init(&text, ctx->alloc, 1 << 16);
    mer_json_writer_init(&writer, &text, 0, NULL);
    mer_json_begin_object(&writer);
    if (!mer_is_ok(mer_ensemble_save(ensemble, "model/", &bundle, &writer, NULL)))
        __builtin_trap();
    mer_buf_release(&text);
    mer_bundle_release(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct mer_design shape = {.n_dense = 2, .n_groups = 2, .group_start = group_start};
    struct mer_json_document *document = NULL;
    struct mer_ensemble ensemble;
    struct mer_bundle bundle;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, (size_t)256 << 20);
    const struct mer_ctx ctx = {.alloc = &alloc};

    if (!mer_is_ok(mer_safetensors_read(&ctx, bytes, n, &bundle, NULL)))
        return 0;
    if (bundle.json &&
        mer_is_ok(mer_json_parse(&alloc, bundle.json, bundle.n_json, &MER_JSON_DEFAULT_LIMITS,
                                 "ensemble", &document, NULL)) &&
        mer_is_ok(mer_ensemble_load(&alloc, &bundle, "model/", mer_json_root(document), &shape,
                                    N_OUTPUTS, &ensemble, NULL))) {
        use(&ctx, &ensemble);
        mer_ensemble_release(&alloc, &ensemble);
    }
    mer_json_free(document);
    mer_bundle_release(&bundle);
    if (atomic_load(&alloc.used) != 0)
        __builtin_trap();
    return 0;
}
