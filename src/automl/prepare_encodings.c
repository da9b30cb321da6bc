/* Which columns are encoded, what becomes of them in a design, and their arrays in a bundle. */
#include <string.h>

#include "automl/prepare_internal.h"
#include "core/math.h"
#include "core/rng.h"
#include "learn/saved.h"

const struct mer_encoding *mer_encoding_of(const struct mer_prepare *prepare, size_t column)
{
    for (size_t i = 0; i < prepare->n_encodings; i++)
        if (prepare->encodings[i].column == column)
            return &prepare->encodings[i];
    return NULL;
}

void mer_prepare_forget(struct mer_prepare *prepare)
{
    for (size_t i = 0; i < prepare->n_encodings; i++) {
        mer_free(prepare->alloc, prepare->encodings[i].training);
        prepare->encodings[i].training = NULL;
    }
    prepare->n_training_rows = 0;
}

/* The order in which training rows are visited, by chance. */
static mer_status draw_order(struct mer_alloc *alloc, size_t n_rows, uint64_t seed,
                             uint32_t **ret_order, mer_err *err)
{
    uint32_t *order;
    mer_rng rng;
    MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(*order), &order, err));
    for (size_t i = 0; i < n_rows; i++)
        order[i] = (uint32_t)i;
    mer_rng_init(&rng, seed, mer_rng_stream("encodings", 0));
    mer_rng_shuffle(&rng, order, n_rows);
    *ret_order = order;
    return mer_ok();
}

/* The parts in which training rows differ. */
static void add_parts(const struct mer_encoding *encoding, size_t n_rows,
                      struct mer_learning *learning)
{
    const size_t width = 1 + encoding->n_targets;
    for (size_t p = 0; p < width; p++) {
        const double *const values = encoding->training + p;
        double mean = 0, squares = 0;
        for (size_t i = 0; i < n_rows; i++)
            mean += values[i * width];
        mean /= (double)n_rows;
        for (size_t i = 0; i < n_rows; i++)
            squares += (values[i * width] - mean) * (values[i * width] - mean);
        const double scale = sqrt(squares / (double)n_rows);
        if (scale > 1e-12 * fabs(mean) && scale > 0)
            learning->parts[learning->n_parts++] = (struct mer_part_scale){
                .part = (enum mer_part)(MER_PART_FREQUENCY + p), .mean = mean, .scale = scale};
    }
}

mer_status mer_encodings_learn(const struct mer_ctx *ctx, struct mer_prepare *prepare,
                               const struct mer_frame *frame, const uint32_t *sources,
                               size_t n_columns, const uint32_t *rows, size_t n_rows,
                               const struct mer_prepare_options *options,
                               struct mer_learning *learned, mer_err *err)
{
    mer_status status = mer_ok();
    uint32_t *order;
    size_t n = 0;

    for (size_t i = 0; i < n_columns; i++)
        n += learned[i].has_many_levels && learned[i].column.left_out == MER_LEFT_OUT_NOT;
    if (n == 0)
        return mer_ok();
    MER_GUARD(
        mer_arena_zero(&prepare->arena, n, sizeof(*prepare->encodings), &prepare->encodings, err));
    MER_GUARD(draw_order(ctx->alloc, n_rows, options->seed, &order, err));
    prepare->n_training_rows = n_rows;
    for (size_t i = 0; i < n_columns && mer_is_ok(status); i++) {
        if (!learned[i].has_many_levels || learned[i].column.left_out != MER_LEFT_OUT_NOT)
            continue;
        struct mer_encoding *encoding = &prepare->encodings[prepare->n_encodings];
        status = mer_ctx_check_cancel(ctx, err);
        if (mer_is_ok(status))
            status =
                mer_encoding_learn(prepare->alloc, &prepare->arena, &frame->columns[sources[i]],
                                   rows, n_rows, order, options->target, encoding, err);
        if (!mer_is_ok(status))
            break;
        encoding->column = (uint32_t)i;
        prepare->n_encodings++;
        add_parts(encoding, n_rows, &learned[i]);
        learned[i].column.reason = MER_BECAUSE_MANY_LEVELS;
    }
    mer_free(ctx->alloc, order);
    return status;
}

/* ---- saving ---- */

enum { N_ARRAYS = 6 };
static const char *const names[N_ARRAYS] = {"encoded_column", "encoded_levels", "encoded_targets",
                                            "encoded_hash",   "encoded_value",  "encoded_unknown"};

static mer_status add_array(struct mer_bundle *bundle, const char *prefix, size_t i,
                            enum mer_dtype dtype, size_t n, void *ret_data, mer_err *err)
{
    void *data;
    MER_GUARD(mer_arena_zero(&bundle->arena, n, mer_dtype_size(dtype), &data, err));
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, names[i]).text, dtype, 1, &n, data,
                             false, err));
    memcpy(ret_data, &data, sizeof(data));
    return mer_ok();
}

mer_status mer_prepare_save_encodings(const struct mer_prepare *prepare, const char *prefix,
                                      struct mer_bundle *bundle, mer_err *err)
{
    size_t n_levels = 0, n_values = 0, n_unknown = 0;
    uint32_t *column, *levels, *targets;
    uint64_t *hash;
    double *value, *unknown;

    if (prepare->n_encodings == 0)
        return mer_ok();
    for (size_t i = 0; i < prepare->n_encodings; i++) {
        const struct mer_encoding *encoding = &prepare->encodings[i];
        n_levels += encoding->n_levels;
        n_values += encoding->n_levels * (1 + encoding->n_targets);
        n_unknown += 1 + encoding->n_targets;
    }
    const size_t n = prepare->n_encodings;
    MER_GUARD(add_array(bundle, prefix, 0, MER_DTYPE_U32, n, &column, err));
    MER_GUARD(add_array(bundle, prefix, 1, MER_DTYPE_U32, n, &levels, err));
    MER_GUARD(add_array(bundle, prefix, 2, MER_DTYPE_U32, n, &targets, err));
    MER_GUARD(add_array(bundle, prefix, 3, MER_DTYPE_U64, n_levels, &hash, err));
    MER_GUARD(add_array(bundle, prefix, 4, MER_DTYPE_F64, n_values, &value, err));
    MER_GUARD(add_array(bundle, prefix, 5, MER_DTYPE_F64, n_unknown, &unknown, err));
    for (size_t i = 0; i < n; i++) {
        const struct mer_encoding *encoding = &prepare->encodings[i];
        const size_t width = 1 + encoding->n_targets;
        column[i] = encoding->column;
        levels[i] = (uint32_t)encoding->n_levels;
        targets[i] = (uint32_t)encoding->n_targets;
        memcpy(unknown, encoding->unknown, width * sizeof(*unknown));
        unknown += width;
        if (encoding->n_levels == 0)
            continue;
        memcpy(hash, encoding->hashes, encoding->n_levels * sizeof(*hash));
        memcpy(value, encoding->values, encoding->n_levels * width * sizeof(*value));
        hash += encoding->n_levels;
        value += encoding->n_levels * width;
    }
    return mer_ok();
}

/* ---- loading ---- */

static mer_status refuse(mer_err *err, const char *what, size_t i)
{
    return mer_fail(err, MER_ERR_DATA, "the model's preprocessing is not valid: %s of encoding %zu",
                    what, i);
}

static mer_status get_array(const struct mer_bundle *bundle, const char *prefix, size_t i,
                            enum mer_dtype dtype, size_t n, void *ret_data, mer_err *err)
{
    const void *data;
    MER_GUARD(
        mer_bundle_get_vector(bundle, mer_array_name(prefix, names[i]).text, dtype, n, &data, err));
    memcpy(ret_data, &data, sizeof(data));
    return mer_ok();
}

static bool are_numbers(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(x[i]) <= MER_LARGEST))
            return false;
    return true;
}

/* Where the next encoding begins in the arrays of levels. */
struct place {
    const uint64_t *hash;
    const double *value;
    const double *unknown;
};

static mer_status take_encoding(struct mer_arena *arena, struct place *place, size_t i,
                                struct mer_encoding *encoding, mer_err *err)
{
    const size_t n = encoding->n_levels, width = 1 + encoding->n_targets;

    for (size_t k = 1; k < n; k++)
        if (place->hash[k] <= place->hash[k - 1])
            return refuse(err, "the levels", i);
    if (!are_numbers(place->value, n * width) || !are_numbers(place->unknown, width))
        return refuse(err, "the values", i);
    MER_GUARD(mer_arena_zero(arena, n, sizeof(uint64_t), &encoding->hashes, err));
    MER_GUARD(mer_arena_zero(arena, n * width, sizeof(double), &encoding->values, err));
    MER_GUARD(mer_arena_zero(arena, width, sizeof(double), &encoding->unknown, err));
    if (n > 0) {
        memcpy(encoding->hashes, place->hash, n * sizeof(uint64_t));
        memcpy(encoding->values, place->value, n * width * sizeof(double));
        place->hash += n;
        place->value += n * width;
    }
    memcpy(encoding->unknown, place->unknown, width * sizeof(double));
    place->unknown += width;
    return mer_ok();
}

static bool can_be_encoded(const struct mer_learned_column *column)
{
    return column->left_out == MER_LEFT_OUT_NOT &&
           (column->type == MER_TYPE_CATEGORICAL ||
            (column->type == MER_TYPE_TEXT && !mer_is_text_in_use(column)));
}

mer_status mer_prepare_load_encodings(struct mer_prepare *prepare, const struct mer_bundle *bundle,
                                      const char *prefix, size_t n, mer_err *err)
{
    size_t n_levels = 0, n_values = 0, n_unknown = 0;
    const uint32_t *column, *levels, *targets;
    struct place place;

    if (n == 0)
        return mer_ok();
    MER_GUARD(get_array(bundle, prefix, 0, MER_DTYPE_U32, n, &column, err));
    MER_GUARD(get_array(bundle, prefix, 1, MER_DTYPE_U32, n, &levels, err));
    MER_GUARD(get_array(bundle, prefix, 2, MER_DTYPE_U32, n, &targets, err));
    for (size_t i = 0; i < n; i++) {
        if (column[i] >= prepare->n_columns || (i > 0 && column[i] <= column[i - 1]) ||
            !can_be_encoded(&prepare->columns[column[i]]))
            return refuse(err, "the column", i);
        if (levels[i] > MER_ENCODED_LEVELS_MAX || targets[i] > MER_ENCODED_TARGETS_MAX)
            return refuse(err, "the size", i);
        /* At most 2^32 encodings of 2^17 levels with 9 numbers each: no sum overflows. */
        n_levels += levels[i];
        n_values += (size_t)levels[i] * (1 + targets[i]);
        n_unknown += 1 + (size_t)targets[i];
    }
    MER_GUARD(get_array(bundle, prefix, 3, MER_DTYPE_U64, n_levels, &place.hash, err));
    MER_GUARD(get_array(bundle, prefix, 4, MER_DTYPE_F64, n_values, &place.value, err));
    MER_GUARD(get_array(bundle, prefix, 5, MER_DTYPE_F64, n_unknown, &place.unknown, err));
    MER_GUARD(
        mer_arena_zero(&prepare->arena, n, sizeof(*prepare->encodings), &prepare->encodings, err));
    for (size_t i = 0; i < n; i++) {
        prepare->encodings[i].column = column[i];
        prepare->encodings[i].n_levels = levels[i];
        prepare->encodings[i].n_targets = targets[i];
        MER_GUARD(take_encoding(&prepare->arena, &place, i, &prepare->encodings[i], err));
        prepare->n_encodings++;
    }
    return mer_ok();
}
