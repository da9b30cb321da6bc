/* The features of texts to arrays in a bundle, and back. */
#include <string.h>

#include "automl/prepare_internal.h"
#include "core/math.h"
#include "learn/saved.h"

/* What the arrays hold: of each text, of the terms of all, of their components. */
struct saved {
    uint32_t *n_terms;
    uint32_t *n_components;
    uint32_t *row_terms;
    uint32_t *buckets;
    float *weights;
    float *directions;
    double *mean;
    double *scale;
};

enum size_of { TEXTS, TERMS, DIRECTIONS, COMPONENTS, SIZES };

static const struct saved_field {
    const char *name;
    enum mer_dtype dtype;
    size_t offset; /* of the pointer in struct saved */
    enum size_of size;
} fields[] = {
    {"text_terms", MER_DTYPE_U32, offsetof(struct saved, n_terms), TEXTS},
    {"text_components", MER_DTYPE_U32, offsetof(struct saved, n_components), TEXTS},
    {"text_row_terms", MER_DTYPE_U32, offsetof(struct saved, row_terms), TEXTS},
    {"term_bucket", MER_DTYPE_U32, offsetof(struct saved, buckets), TERMS},
    {"term_weight", MER_DTYPE_F32, offsetof(struct saved, weights), TERMS},
    {"term_directions", MER_DTYPE_F32, offsetof(struct saved, directions), DIRECTIONS},
    {"component_mean", MER_DTYPE_F64, offsetof(struct saved, mean), COMPONENTS},
    {"component_scale", MER_DTYPE_F64, offsetof(struct saved, scale), COMPONENTS},
};
enum { N_FIELDS = sizeof(fields) / sizeof(*fields) };

static mer_status add_arrays(struct mer_bundle *bundle, const char *prefix,
                             const size_t sizes[SIZES], struct saved *saved, mer_err *err)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        const size_t n = sizes[fields[i].size];
        void *data;
        MER_GUARD(mer_arena_zero(&bundle->arena, n, mer_dtype_size(fields[i].dtype), &data, err));
        MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, fields[i].name).text,
                                 fields[i].dtype, 1, &n, data, false, err));
        memcpy((char *)saved + fields[i].offset, &data, sizeof(data));
    }
    return mer_ok();
}

static void copy_array(void *to, const void *from, size_t n_bytes)
{
    if (n_bytes > 0)
        memcpy(to, from, n_bytes);
}

mer_status mer_prepare_save_texts(const struct mer_prepare *prepare, const char *prefix,
                                  struct mer_bundle *bundle, mer_err *err)
{
    size_t sizes[SIZES] = {[TEXTS] = prepare->n_texts,
                           [TERMS] = prepare->n_terms,
                           [COMPONENTS] = prepare->n_components},
           n_directions = 0;
    struct saved saved;

    if (prepare->n_texts == 0)
        return mer_ok();
    for (size_t i = 0; i < prepare->n_texts; i++)
        sizes[DIRECTIONS] += prepare->texts[i].n_terms * prepare->texts[i].n_components;
    MER_GUARD(add_arrays(bundle, prefix, sizes, &saved, err));
    for (size_t i = 0; i < prepare->n_texts; i++) {
        const struct mer_text_features *text = &prepare->texts[i];
        const size_t n = text->n_terms, k = text->n_components;
        saved.n_terms[i] = (uint32_t)n;
        saved.n_components[i] = (uint32_t)k;
        saved.row_terms[i] = (uint32_t)text->terms_a_row;
        copy_array(saved.buckets + text->first_term, text->buckets, n * sizeof(uint32_t));
        copy_array(saved.weights + text->first_term, text->weights, n * sizeof(float));
        copy_array(saved.directions + n_directions, text->directions, n * k * sizeof(float));
        copy_array(saved.mean + text->first_component, text->mean, k * sizeof(double));
        copy_array(saved.scale + text->first_component, text->scale, k * sizeof(double));
        n_directions += n * k;
    }
    return mer_ok();
}

static mer_status refuse(mer_err *err, const char *what, size_t i)
{
    return mer_fail(err, MER_ERR_DATA, "the model's preprocessing is not valid: %s of text %zu",
                    what, i);
}

static mer_status get_array(const struct mer_bundle *bundle, const char *prefix, size_t field,
                            size_t n, struct saved *saved, mer_err *err)
{
    const void *data;
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, fields[field].name).text,
                                    fields[field].dtype, n, &data, err));
    memcpy((char *)saved + fields[field].offset, &data, sizeof(data));
    return mer_ok();
}

/* Points `saved` at the arrays of a bundle, which have the sizes that the first ones say. */
static mer_status get_arrays(const struct mer_bundle *bundle, const char *prefix, size_t n_texts,
                             struct saved *saved, mer_err *err)
{
    size_t sizes[SIZES] = {[TEXTS] = n_texts};

    for (size_t i = 0; i < N_FIELDS; i++)
        if (fields[i].size == TEXTS)
            MER_GUARD(get_array(bundle, prefix, i, n_texts, saved, err));
    for (size_t i = 0; i < n_texts; i++) {
        if (saved->n_terms[i] > MER_TERM_BUCKETS || saved->n_components[i] > MER_COMPONENTS_MAX ||
            saved->row_terms[i] > MER_TERM_BUCKETS)
            return refuse(err, "the number of terms", i);
        /* At most 2^32 texts of 2^18 terms with 32 numbers each: no sum overflows. */
        sizes[TERMS] += saved->n_terms[i];
        sizes[COMPONENTS] += saved->n_components[i];
        sizes[DIRECTIONS] += (size_t)saved->n_terms[i] * saved->n_components[i];
    }
    for (size_t i = 0; i < N_FIELDS; i++)
        if (fields[i].size != TEXTS)
            MER_GUARD(get_array(bundle, prefix, i, sizes[fields[i].size], saved, err));
    return mer_ok();
}

static mer_status check_text(const struct mer_text_features *text, size_t i, mer_err *err)
{
    for (size_t t = 0; t < text->n_terms; t++) {
        if (text->buckets[t] >= MER_TERM_BUCKETS ||
            (t > 0 && text->buckets[t] <= text->buckets[t - 1]))
            return refuse(err, "the terms", i);
        if (!(text->weights[t] > 0 && text->weights[t] <= MER_TERM_WEIGHT_MAX))
            return refuse(err, "the weights", i);
    }
    for (size_t d = 0; d < text->n_terms * text->n_components; d++)
        if (!(fabs((double)text->directions[d]) <= MER_TERM_WEIGHT_MAX))
            return refuse(err, "the directions", i);
    for (size_t c = 0; c < text->n_components; c++)
        if (!(fabs(text->mean[c]) <= MER_LARGEST && text->scale[c] >= 1e-100 &&
              text->scale[c] <= MER_LARGEST))
            return refuse(err, "the scales", i);
    return mer_ok();
}

static mer_status take_text(struct mer_arena *arena, const struct saved *saved, size_t i,
                            const size_t at[SIZES], struct mer_text_features *text, mer_err *err)
{
    const size_t n = saved->n_terms[i], k = saved->n_components[i];

    text->n_terms = n;
    text->n_components = k;
    text->terms_a_row = saved->row_terms[i];
    MER_GUARD(mer_arena_zero(arena, n, sizeof *text->buckets, &text->buckets, err));
    MER_GUARD(mer_arena_zero(arena, n, sizeof *text->weights, &text->weights, err));
    MER_GUARD(mer_arena_zero(arena, n * k, sizeof *text->directions, &text->directions, err));
    MER_GUARD(mer_arena_zero(arena, k, sizeof *text->mean, &text->mean, err));
    MER_GUARD(mer_arena_zero(arena, k, sizeof *text->scale, &text->scale, err));
    copy_array(text->buckets, saved->buckets + at[TERMS], n * sizeof(uint32_t));
    copy_array(text->weights, saved->weights + at[TERMS], n * sizeof(float));
    copy_array(text->directions, saved->directions + at[DIRECTIONS], n * k * sizeof(float));
    copy_array(text->mean, saved->mean + at[COMPONENTS], k * sizeof(double));
    copy_array(text->scale, saved->scale + at[COMPONENTS], k * sizeof(double));
    MER_GUARD(check_text(text, i, err));
    return mer_text_index(arena, text, err);
}

mer_status mer_prepare_load_texts(struct mer_prepare *prepare, const struct mer_bundle *bundle,
                                  const char *prefix, mer_err *err)
{
    size_t at[SIZES] = {0}, n_texts = 0;
    struct saved saved;

    for (size_t i = 0; i < prepare->n_columns; i++)
        n_texts += mer_is_text_in_use(&prepare->columns[i]);
    if (n_texts == 0)
        return mer_ok();
    MER_GUARD(get_arrays(bundle, prefix, n_texts, &saved, err));
    MER_GUARD(
        mer_arena_zero(&prepare->arena, n_texts, sizeof(*prepare->texts), &prepare->texts, err));
    for (size_t i = 0; i < prepare->n_columns; i++) {
        struct mer_text_features *text = &prepare->texts[prepare->n_texts];
        if (!mer_is_text_in_use(&prepare->columns[i]))
            continue;
        text->column = (uint32_t)i;
        MER_GUARD(take_text(&prepare->arena, &saved, prepare->n_texts, at, text, err));
        at[TERMS] += text->n_terms;
        at[COMPONENTS] += text->n_components;
        at[DIRECTIONS] += text->n_terms * text->n_components;
        prepare->terms_a_row += text->terms_a_row;
        prepare->n_texts++;
    }
    return mer_ok();
}
