/* A fitted preprocessing to arrays in a bundle, and back. One array per member of
 * struct mer_learned_column and of struct mer_dense_column, so that any reader of the file format
 * can see what was learned.
 */
#include <string.h>

#include "automl/prepare_internal.h"
#include "core/math.h"
#include "learn/saved.h"

enum { FLAG_RARE = 1, FLAG_MISSING = 2, FLAG_LEAK = 4, FLAGS_OLD = 3, FLAGS = 7 };
/* The first form has no member of that name, no roles, and no texts in use. */
enum { FORM = 2, MEMBERS_OLD = 4, MEMBERS = 6 };

/* What the arrays hold, parallel to the columns or to the dense columns. */
struct saved {
    uint8_t *types;
    uint8_t *left_out;
    uint8_t *roles; /* NULL in models of the first form, which have none */
    uint8_t *reasons;
    uint8_t *flags;
    uint32_t *n_levels;
    double *low;
    double *high;
    double *fill;
    int64_t *fill_time;
    uint32_t *dense_column;
    uint8_t *dense_part;
    double *dense_mean;
    double *dense_scale;
};

static const struct saved_field {
    const char *name;
    enum mer_dtype dtype;
    size_t offset; /* of the pointer in struct saved */
    bool is_dense; /* one element per dense column, else one per column */
    bool is_new;   /* the first form has it not */
} fields[] = {
    {"types", MER_DTYPE_U8, offsetof(struct saved, types), false, false},
    {"left_out", MER_DTYPE_U8, offsetof(struct saved, left_out), false, false},
    {"roles", MER_DTYPE_U8, offsetof(struct saved, roles), false, true},
    {"reasons", MER_DTYPE_U8, offsetof(struct saved, reasons), false, true},
    {"flags", MER_DTYPE_U8, offsetof(struct saved, flags), false, false},
    {"n_levels", MER_DTYPE_U32, offsetof(struct saved, n_levels), false, false},
    {"low", MER_DTYPE_F64, offsetof(struct saved, low), false, false},
    {"high", MER_DTYPE_F64, offsetof(struct saved, high), false, false},
    {"fill", MER_DTYPE_F64, offsetof(struct saved, fill), false, false},
    {"fill_time", MER_DTYPE_I64, offsetof(struct saved, fill_time), false, false},
    {"dense_column", MER_DTYPE_U32, offsetof(struct saved, dense_column), true, false},
    {"dense_part", MER_DTYPE_U8, offsetof(struct saved, dense_part), true, false},
    {"dense_mean", MER_DTYPE_F64, offsetof(struct saved, dense_mean), true, false},
    {"dense_scale", MER_DTYPE_F64, offsetof(struct saved, dense_scale), true, false},
};
enum { N_FIELDS = sizeof(fields) / sizeof(*fields) };

/* Adds all arrays, zeroed, and points `saved` at them. */
static mer_status add_arrays(struct mer_bundle *bundle, const char *prefix, size_t n_columns,
                             size_t n_dense, struct saved *saved, mer_err *err)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        const struct saved_field *field = &fields[i];
        const size_t n = field->is_dense ? n_dense : n_columns;
        void *data;
        MER_GUARD(mer_arena_zero(&bundle->arena, n, mer_dtype_size(field->dtype), &data, err));
        MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, field->name).text, field->dtype, 1,
                                 &n, data, false, err));
        memcpy((char *)saved + field->offset, &data, sizeof(data));
    }
    return mer_ok();
}

/* Points `saved` at the arrays of a bundle; they are only read. */
static mer_status get_arrays(const struct mer_bundle *bundle, const char *prefix, size_t n_columns,
                             size_t n_dense, bool is_old, struct saved *saved, mer_err *err)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        const struct saved_field *field = &fields[i];
        const void *data = NULL;
        if (is_old && field->is_new) {
            memcpy((char *)saved + field->offset, &data, sizeof(data));
            continue;
        }
        MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, field->name).text,
                                        field->dtype, field->is_dense ? n_dense : n_columns, &data,
                                        err));
        memcpy((char *)saved + field->offset, &data, sizeof(data));
    }
    return mer_ok();
}

static mer_status save_texts(const struct mer_prepare *prepare, const char *prefix,
                             struct mer_bundle *bundle, mer_err *err)
{
    const size_t n_most =
        prepare->n_columns > prepare->n_levels ? prepare->n_columns : prepare->n_levels;
    const char **texts;
    size_t *lengths;

    MER_GUARD(mer_arena_zero(&bundle->arena, n_most, sizeof(*texts), &texts, err));
    MER_GUARD(mer_arena_zero(&bundle->arena, n_most, sizeof(*lengths), &lengths, err));
    for (size_t i = 0; i < prepare->n_columns; i++) {
        texts[i] = prepare->columns[i].name;
        lengths[i] = prepare->columns[i].n_name;
    }
    MER_GUARD(mer_bundle_add_texts(bundle, mer_array_name(prefix, "columns").text,
                                   prepare->n_columns, texts, lengths, err));
    for (size_t i = 0; i < prepare->n_levels; i++) {
        texts[i] = prepare->levels[i].text;
        lengths[i] = prepare->levels[i].n;
    }
    return mer_bundle_add_texts(bundle, mer_array_name(prefix, "levels").text, prepare->n_levels,
                                texts, lengths, err);
}

mer_status mer_prepare_save(const struct mer_prepare *prepare, const char *prefix,
                            struct mer_bundle *bundle, struct mer_json_writer *writer, mer_err *err)
{
    struct saved saved;

    MER_GUARD(save_texts(prepare, prefix, bundle, err));
    MER_GUARD(add_arrays(bundle, prefix, prepare->n_columns, prepare->n_dense, &saved, err));
    for (size_t i = 0; i < prepare->n_columns; i++) {
        const struct mer_learned_column *column = &prepare->columns[i];
        saved.types[i] = (uint8_t)column->type;
        saved.left_out[i] = (uint8_t)column->left_out;
        saved.roles[i] = (uint8_t)column->role;
        saved.reasons[i] = (uint8_t)column->reason;
        saved.flags[i] =
            (uint8_t)((column->has_rare ? FLAG_RARE : 0) |
                      (column->has_missing ? FLAG_MISSING : 0) | (column->is_leak ? FLAG_LEAK : 0));
        saved.n_levels[i] = (uint32_t)column->n_levels;
        saved.low[i] = column->low;
        saved.high[i] = column->high;
        saved.fill[i] = column->fill;
        saved.fill_time[i] = column->fill_time;
    }
    for (size_t i = 0; i < prepare->n_dense; i++) {
        saved.dense_column[i] = prepare->dense[i].column;
        saved.dense_part[i] = (uint8_t)prepare->dense[i].part;
        saved.dense_mean[i] = prepare->dense[i].mean;
        saved.dense_scale[i] = prepare->dense[i].scale;
    }
    MER_GUARD(mer_prepare_save_texts(prepare, prefix, bundle, err));
    MER_GUARD(mer_prepare_save_encodings(prepare, prefix, bundle, err));
    mer_json_key(writer, "form");
    mer_json_put_unsigned(writer, FORM);
    mer_json_key(writer, "encodings");
    mer_json_put_unsigned(writer, prepare->n_encodings);
    mer_json_key(writer, "columns");
    mer_json_put_unsigned(writer, prepare->n_columns);
    mer_json_key(writer, "dense");
    mer_json_put_unsigned(writer, prepare->n_dense);
    mer_json_key(writer, "groups");
    mer_json_put_unsigned(writer, prepare->n_groups);
    mer_json_key(writer, "levels");
    mer_json_put_unsigned(writer, prepare->n_levels);
    return mer_ok();
}

static mer_status refuse(mer_err *err, const char *what, size_t i)
{
    return mer_fail(err, MER_ERR_DATA, "the model's preprocessing is not valid: %s %zu", what, i);
}

/* What a column was taken for, as far as models of the first form tell. */
static enum mer_column_role role_of(const struct mer_learned_column *column)
{
    if (column->left_out == MER_LEFT_OUT_IDENTIFIER)
        return MER_COLUMN_IDENTIFIER;
    if (column->left_out == MER_LEFT_OUT_CONSTANT || column->left_out == MER_LEFT_OUT_NO_VALUE)
        return MER_COLUMN_CONSTANT;
    return column->type == MER_TYPE_TEXT          ? MER_COLUMN_TEXT
           : column->type == MER_TYPE_CATEGORICAL ? MER_COLUMN_CATEGORY
           : column->type == MER_TYPE_BOOLEAN     ? MER_COLUMN_BOOLEAN
           : mer_type_is_time(column->type)       ? MER_COLUMN_TIME
                                                  : MER_COLUMN_NUMBER;
}

static mer_status load_role(const struct saved *saved, size_t i, struct mer_learned_column *column,
                            mer_err *err)
{
    if (!saved->roles) {
        column->role = role_of(column);
        column->reason = MER_BECAUSE_UNKNOWN;
        return mer_ok();
    }
    if (saved->roles[i] >= MER_COLUMN_ROLES || saved->reasons[i] >= MER_BECAUSE_COUNT)
        return refuse(err, "the role of column", i);
    column->role = (enum mer_column_role)saved->roles[i];
    column->reason = (enum mer_column_reason)saved->reasons[i];
    return mer_ok();
}

/* A column's scalars. first_level is given by the columns before it. */
static mer_status load_column(const struct saved *saved, size_t i, size_t n_levels_left,
                              struct mer_learned_column *column, mer_err *err)
{
    if (saved->types[i] >= MER_TYPE_COUNT || saved->left_out[i] >= MER_LEFT_OUT_COUNT ||
        saved->flags[i] > (saved->roles ? FLAGS : FLAGS_OLD))
        return refuse(err, "the kind of column", i);
    column->type = (enum mer_type)saved->types[i];
    column->left_out = (enum mer_left_out)saved->left_out[i];
    column->has_rare = saved->flags[i] & FLAG_RARE;
    column->has_missing = saved->flags[i] & FLAG_MISSING;
    column->is_leak = saved->flags[i] & FLAG_LEAK;
    MER_GUARD(load_role(saved, i, column, err));
    column->n_levels = saved->n_levels[i];
    column->low = saved->low[i];
    column->high = saved->high[i];
    column->fill = saved->fill[i];
    column->fill_time = saved->fill_time[i];

    const bool is_group =
        column->type == MER_TYPE_CATEGORICAL && column->left_out == MER_LEFT_OUT_NOT;
    if (!saved->roles && mer_is_text_in_use(column))
        return refuse(err, "the use of text column", i);
    if (column->n_levels > MER_LEVELS_MAX || column->n_levels > n_levels_left ||
        (!is_group && column->n_levels > 0) || (is_group && mer_learned_width(column) == 0))
        return refuse(err, "the levels of column", i);
    if (!(column->low <= column->high && column->low >= -MER_LARGEST &&
          column->high <= MER_LARGEST && column->fill >= column->low &&
          column->fill <= column->high))
        return refuse(err, "the range of column", i);
    return mer_ok();
}

/* Whether columns of the kind have the part: then applying fills it. */
static bool part_is_made(const struct mer_prepare *prepare, const struct mer_dense_column *dense,
                         const struct mer_learned_column *column)
{
    if (mer_part_is_encoded(dense->part)) {
        const struct mer_encoding *encoding = mer_encoding_of(prepare, dense->column);
        return encoding && (size_t)(dense->part - MER_PART_FREQUENCY) <= encoding->n_targets;
    }
    if (mer_part_is_since(dense->part) &&
        mer_date_column(prepare, (size_t)(dense->part - MER_PART_SINCE)) >= dense->column)
        return false;
    return mer_part_fits(dense->part, column->type) &&
           (column->type != MER_TYPE_TEXT || dense->part == MER_PART_MISSING ||
            mer_is_text_in_use(column));
}

/* Dense column i, behind those before it: they are sorted by column, then part. */
static mer_status load_dense(const struct saved *saved, size_t i, const struct mer_prepare *prepare,
                             struct mer_dense_column *dense, mer_err *err)
{
    if (saved->dense_column[i] >= prepare->n_columns || saved->dense_part[i] >= MER_PART_COUNT)
        return refuse(err, "the source of dense column", i);
    dense->column = saved->dense_column[i];
    dense->part = (enum mer_part)saved->dense_part[i];
    dense->mean = saved->dense_mean[i];
    dense->scale = saved->dense_scale[i];

    struct mer_learned_column *column = &prepare->columns[dense->column];
    if (column->left_out != MER_LEFT_OUT_NOT || !part_is_made(prepare, dense, column))
        return refuse(err, "the part in dense column", i);
    if (i > 0 && (dense[-1].column > dense->column ||
                  (dense[-1].column == dense->column && dense[-1].part >= dense->part)))
        return refuse(err, "the order of dense column", i);
    if (!isfinite(dense->mean) || !isfinite(dense->scale) || dense->scale <= 0)
        return refuse(err, "the scale of dense column", i);
    column->n_dense++;
    return mer_ok();
}

/* Texts of a bundle as zero-terminated copies; a NUL inside one would cut it, and is refused. */
static mer_status copy_text(struct mer_arena *arena, const char *bytes, const int64_t *offsets,
                            size_t i, const char **ret_text, size_t *ret_n, mer_err *err)
{
    const char *text = bytes + offsets[i];
    const size_t n = (size_t)(offsets[i + 1] - offsets[i]);

    if (n > 0 && memchr(text, 0, n))
        return refuse(err, "a NUL byte in text", i);
    MER_GUARD(mer_arena_text(arena, text, n, ret_text, err));
    *ret_n = n;
    return mer_ok();
}

static mer_status load_columns(const struct mer_bundle *bundle, const char *prefix,
                               const struct saved *saved, struct mer_prepare *prepare, mer_err *err)
{
    const char *names, *levels;
    const int64_t *name_offsets, *level_offsets;
    size_t n_levels_used = 0;

    MER_GUARD(mer_bundle_get_texts(bundle, mer_array_name(prefix, "columns").text,
                                   prepare->n_columns, &names, &name_offsets, NULL, err));
    MER_GUARD(mer_bundle_get_texts(bundle, mer_array_name(prefix, "levels").text, prepare->n_levels,
                                   &levels, &level_offsets, NULL, err));
    for (size_t i = 0; i < prepare->n_columns; i++) {
        struct mer_learned_column *column = &prepare->columns[i];
        MER_GUARD(copy_text(&prepare->arena, names, name_offsets, i, &column->name, &column->n_name,
                            err));
        MER_GUARD(load_column(saved, i, prepare->n_levels - n_levels_used, column, err));
        column->first_level = n_levels_used;
        n_levels_used += column->n_levels;
    }
    if (n_levels_used != prepare->n_levels)
        return refuse(err, "the number of levels,", prepare->n_levels);
    for (size_t i = 0; i < prepare->n_levels; i++)
        MER_GUARD(copy_text(&prepare->arena, levels, level_offsets, i, &prepare->levels[i].text,
                            &prepare->levels[i].n, err));
    return mer_ok();
}

static mer_status load_into(struct mer_prepare *prepare, const struct mer_bundle *bundle,
                            const char *prefix, const struct mer_json *object, mer_err *err)
{
    const char *what = "the model's preprocessing";
    struct saved saved;
    int64_t n_columns, n_dense, n_groups, n_levels, form = 1, n_encodings = 0;

    if (mer_json_size(object) != MEMBERS_OLD) {
        MER_GUARD(mer_json_want_integer(object, "form", FORM, FORM, what, &form, err));
        MER_GUARD(
            mer_json_want_integer(object, "encodings", 0, UINT32_MAX, what, &n_encodings, err));
    }
    if ((form == FORM && mer_json_size(object) != MEMBERS) ||
        (form == 1 && mer_bundle_find(bundle, mer_array_name(prefix, "roles").text)))
        return refuse(err, "the number of members,", mer_json_size(object));
    MER_GUARD(mer_json_want_integer(object, "columns", 0, UINT32_MAX, what, &n_columns, err));
    MER_GUARD(mer_json_want_integer(object, "dense", 0, UINT32_MAX, what, &n_dense, err));
    MER_GUARD(mer_json_want_integer(object, "groups", 0, UINT32_MAX, what, &n_groups, err));
    MER_GUARD(mer_json_want_integer(object, "levels", 0, UINT32_MAX, what, &n_levels, err));
    /* The arrays have these sizes, or are refused, before anything is allocated by them. */
    MER_GUARD(
        get_arrays(bundle, prefix, (size_t)n_columns, (size_t)n_dense, form == 1, &saved, err));
    MER_GUARD(mer_arena_zero(&prepare->arena, (size_t)n_columns, sizeof(*prepare->columns),
                             &prepare->columns, err));
    MER_GUARD(mer_arena_zero(&prepare->arena, (size_t)n_dense, sizeof(*prepare->dense),
                             &prepare->dense, err));
    const char *bytes;
    const int64_t *offsets;
    MER_GUARD(mer_bundle_get_texts(bundle, mer_array_name(prefix, "levels").text, (size_t)n_levels,
                                   &bytes, &offsets, NULL, err));
    MER_GUARD(mer_arena_zero(&prepare->arena, (size_t)n_levels, sizeof(*prepare->levels),
                             &prepare->levels, err));
    prepare->n_columns = (size_t)n_columns;
    prepare->n_levels = (size_t)n_levels;
    MER_GUARD(load_columns(bundle, prefix, &saved, prepare, err));
    MER_GUARD(mer_prepare_load_encodings(prepare, bundle, prefix, (size_t)n_encodings, err));
    for (size_t i = 0; i < (size_t)n_dense; i++) {
        MER_GUARD(load_dense(&saved, i, prepare, &prepare->dense[i], err));
        prepare->n_dense++;
    }
    MER_GUARD(mer_prepare_load_texts(prepare, bundle, prefix, err));
    MER_GUARD(mer_prepare_number_features(prepare, err));
    if (prepare->n_groups != (size_t)n_groups)
        return refuse(err, "the number of groups,", (size_t)n_groups);
    return mer_ok();
}

mer_status mer_prepare_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                            const char *prefix, const struct mer_json *object,
                            struct mer_prepare **ret_prepare, mer_err *err)
{
    struct mer_prepare *prepare;

    MER_GUARD(mer_prepare_new(ctx->alloc, &prepare, err));
    const mer_status status = load_into(prepare, bundle, prefix, object, err);
    if (!mer_is_ok(status)) {
        mer_prepare_free(ctx, prepare);
        return status;
    }
    *ret_prepare = prepare;
    return mer_ok();
}
