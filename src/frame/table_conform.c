/* Holds columns that a format has typed to the fields of a schema, or settles what their texts are.
 */
#include <math.h>
#include <string.h>

#include "core/number.h"
#include "frame/datetime.h"
#include "frame/field_value.h"
#include "frame/infer.h"
#include "frame/table_builder.h"

static struct mer_cell text_at(const struct mer_built_column *column, size_t row)
{
    if (column->type == MER_TYPE_TEXT) {
        const int64_t *const offsets = column->data.offsets;
        return (struct mer_cell){(const char *)column->bytes.bytes + offsets[row],
                                 (size_t)(offsets[row + 1] - offsets[row])};
    }
    const int64_t *const offsets = column->levels.offsets;
    const int32_t code = column->data.codes[row];
    return (struct mer_cell){column->levels.bytes + offsets[code],
                             (size_t)(offsets[code + 1] - offsets[code])};
}

static bool holds_texts(enum mer_type type)
{
    return type == MER_TYPE_TEXT || type == MER_TYPE_CATEGORICAL;
}

/* The following put one value into `to`, a column of another type; NULL, or why they cannot. */

/* A text, read as a CSV cell is. */
static const char *put_parsed(struct mer_built_column *to, struct mer_cell cell)
{
    union mer_value value;
    const enum mer_value_fault fault = mer_field_value(to->field, cell.bytes, cell.n, &value);
    if (fault != MER_VALUE_FINE)
        return mer_value_fault_text(fault);
    if (to->type == MER_TYPE_BOOLEAN)
        mer_built_put_boolean(to, value.truth);
    else if (to->type == MER_TYPE_NUMBER)
        mer_built_put_number(to, value.number);
    else
        mer_built_put_integer(to, value.integer);
    return NULL;
}

static const char *put_from_integer(struct mer_built_column *to, int64_t value)
{
    if (to->type == MER_TYPE_NUMBER) {
        mer_built_put_number(to, (double)value);
        return NULL;
    }
    if (to->type != MER_TYPE_BOOLEAN)
        return "an integer, and the schema wants another type";
    if (value != 0 && value != 1)
        return mer_value_fault_text(MER_VALUE_NOT_BOOLEAN);
    mer_built_put_boolean(to, value == 1);
    return NULL;
}

static const char *put_from_number(struct mer_built_column *to, double value)
{
    if (to->type != MER_TYPE_INTEGER)
        return "a number, and the schema wants another type";
    if (!(value >= -0x1p63 && value < 0x1p63) || value != floor(value))
        return mer_value_fault_text(MER_VALUE_NOT_INTEGER);
    mer_built_put_integer(to, (int64_t)value);
    return NULL;
}

static const char *put_from_when(struct mer_built_column *to, enum mer_type type, int64_t value)
{
    if (type == MER_TYPE_DATE && to->type == MER_TYPE_DATETIME) {
        mer_built_put_integer(to, value * MER_DAY_MICROSECONDS);
        return NULL;
    }
    if (type != MER_TYPE_DATETIME || to->type != MER_TYPE_DATE)
        return "a date or time, and the schema wants another type";
    if (value % MER_DAY_MICROSECONDS != 0)
        return "a date with a time of the day, and the schema wants a date";
    mer_built_put_integer(to, value / MER_DAY_MICROSECONDS);
    return NULL;
}

/* The text that CSV would hold for a value that is none. */
static size_t format_value(const struct mer_built_column *from, size_t row,
                           char ret_text[MER_NUMBER_TEXT_MAX])
{
    switch (from->type) {
    case MER_TYPE_BOOLEAN: {
        const bool truth = from->data.bits[row / 8] >> (row % 8) & 1;
        memcpy(ret_text, truth ? "true" : "false", truth ? 4 : 5);
        return truth ? 4 : 5;
    }
    case MER_TYPE_NUMBER:
        return mer_number_format(from->data.numbers[row], ret_text);
    default:
        return mer_when_format(from->type, from->data.integers[row], ret_text);
    }
}

static mer_status put_text(const struct mer_built_column *from, size_t row,
                           const struct mer_csv_options *options, struct mer_built_column *to,
                           const char **ret_what, mer_err *err)
{
    char text[MER_NUMBER_TEXT_MAX];
    struct mer_cell cell = {.bytes = text};
    int32_t code;
    if (holds_texts(from->type))
        cell = text_at(from, row);
    else
        cell.n = format_value(from, row, text);
    if (to->field) {
        union mer_value unused;
        const enum mer_value_fault fault = mer_field_value(to->field, cell.bytes, cell.n, &unused);
        if (fault != MER_VALUE_FINE) {
            *ret_what = mer_value_fault_text(fault);
            return mer_ok();
        }
    }
    if (to->type == MER_TYPE_TEXT)
        return mer_built_put_text(to, cell.bytes, cell.n, err);
    if (to->field && to->field->n_categories && !options->allow_new_levels) {
        code = mer_dictionary_find(&to->levels, cell.bytes, cell.n);
        if (code < 0) {
            *ret_what = mer_value_fault_text(MER_VALUE_NOT_CATEGORY);
            return mer_ok();
        }
    } else {
        MER_GUARD(mer_dictionary_add(&to->levels, cell.bytes, cell.n, &code, err));
    }
    mer_built_put_code(to, code);
    return mer_ok();
}

static mer_status put_value(const struct mer_built_column *from, size_t row,
                            const struct mer_csv_options *options, struct mer_built_column *to,
                            mer_err *err)
{
    const char *what = NULL;
    if (holds_texts(to->type)) {
        MER_GUARD(put_text(from, row, options, to, &what, err));
    } else if (holds_texts(from->type)) {
        what = put_parsed(to, text_at(from, row));
    } else if (from->type == MER_TYPE_INTEGER) {
        what = put_from_integer(to, from->data.integers[row]);
    } else if (from->type == MER_TYPE_NUMBER) {
        what = put_from_number(to, from->data.numbers[row]);
    } else if (from->type == MER_TYPE_BOOLEAN) {
        what = "true or false, and the schema wants another type";
    } else {
        what = put_from_when(to, from->type, from->data.integers[row]);
    }
    return what ? mer_built_fail(to, err, what) : mer_ok();
}

static mer_status fill(const struct mer_built_column *from, const struct mer_csv_options *options,
                       struct mer_built_column *to, mer_err *err)
{
    const struct mer_field *const field = from->field;
    for (size_t k = 0; field && to->type == MER_TYPE_CATEGORICAL && k < field->n_categories; k++) {
        int32_t code;
        MER_GUARD(mer_dictionary_add(&to->levels, field->categories[k],
                                     strlen(field->categories[k]), &code, err));
    }
    MER_GUARD(mer_built_reserve(to, from->n_rows, err));
    for (size_t row = 0; row < from->n_rows; row++) {
        if (mer_built_has(from, row))
            MER_GUARD(put_value(from, row, options, to, err));
        else
            mer_built_put_missing(to);
    }
    return mer_ok();
}

static void release_values(struct mer_built_column *column)
{
    mer_free(column->ctx->alloc, column->validity);
    mer_free(column->ctx->alloc, column->data.any);
    mer_buf_release(&column->bytes);
    mer_dictionary_release(&column->levels);
}

/* An empty column of another type that may take the column's place. */
static struct mer_built_column empty_twin(const struct mer_built_column *column, enum mer_type type)
{
    struct mer_built_column twin = {.ctx = column->ctx,
                                    .missing = column->missing,
                                    .name = column->name,
                                    .type = type,
                                    .field = column->field};
    mer_buf_init(&twin.bytes, column->ctx->alloc, SIZE_MAX / 2);
    mer_dictionary_init(&twin.levels, column->ctx->alloc);
    return twin;
}

static void replace(struct mer_built_column *column, struct mer_built_column *twin)
{
    memcpy(twin->missing_counts, column->missing_counts, sizeof twin->missing_counts);
    release_values(column);
    *column = *twin;
}

/* Makes the column one of another type. */
static mer_status convert(struct mer_built_column *column, enum mer_type type,
                          const struct mer_csv_options *options, mer_err *err)
{
    struct mer_built_column to = empty_twin(column, type);
    const mer_status status = fill(column, options, &to, err);
    if (mer_is_ok(status))
        replace(column, &to);
    else
        release_values(&to);
    return status;
}

/* The codes of a column's texts, until there are more levels than a categorical column has. A text
 * that was met not long ago is known again without looking through all levels. */
static mer_status number_texts(const struct mer_built_column *column, struct mer_built_column *to,
                               mer_err *err)
{
    enum { RECENT = 64 };
    struct recent {
        struct mer_cell cell;
        int32_t code;
    } recent[RECENT];
    for (size_t i = 0; i < RECENT; i++)
        recent[i] = (struct recent){.cell = {"", 0}, .code = -1};
    MER_GUARD(mer_built_reserve(to, column->n_rows, err));
    for (size_t row = 0; row < column->n_rows && to->levels.n <= MER_INFER_MAX_LEVELS; row++) {
        if (!mer_built_has(column, row)) {
            mer_built_put_missing(to);
            continue;
        }
        const struct mer_cell cell = text_at(column, row);
        const unsigned last = cell.n ? (unsigned char)cell.bytes[cell.n - 1] : 0;
        const unsigned first = cell.n ? (unsigned char)cell.bytes[0] : 0;
        struct recent *const known = &recent[(cell.n * 29 + first * 7 + last) % RECENT];
        if (known->code < 0 || known->cell.n != cell.n ||
            (cell.n > 0 && memcmp(known->cell.bytes, cell.bytes, cell.n) != 0)) {
            known->cell = cell;
            MER_GUARD(mer_dictionary_add(&to->levels, cell.bytes, cell.n, &known->code, err));
        }
        mer_built_put_code(to, known->code);
    }
    return mer_ok();
}

/* Without a schema: texts become categorical where inference would make them so. */
static mer_status settle_texts(struct mer_built_column *column, mer_err *err)
{
    struct mer_built_column to = empty_twin(column, MER_TYPE_CATEGORICAL);
    const mer_status status = number_texts(column, &to, err);
    if (mer_is_ok(status) &&
        !mer_infer_is_text(to.levels.n, column->n_rows - column->n_missing, column->bytes.n))
        replace(column, &to);
    else
        release_values(&to);
    return status;
}

/* The range that an image holds: years 1 to 9999. */
static mer_status check_range(struct mer_built_column *column, mer_err *err)
{
    int64_t low = 0, high = MER_DAY_MICROSECONDS - 1;
    if (column->type == MER_TYPE_DATE) {
        low = MER_DATE_MIN;
        high = MER_DATE_MAX;
    } else if (column->type == MER_TYPE_DATETIME) {
        low = MER_DATETIME_MIN;
        high = MER_DATETIME_MAX;
    } else if (column->type != MER_TYPE_TIME) {
        return mer_ok();
    }
    for (size_t row = 0; row < column->n_rows; row++) {
        const int64_t value = column->data.integers[row];
        if (mer_built_has(column, row) && (value < low || value > high)) {
            column->n_rows = row;
            return mer_built_fail(column, err,
                                  column->type == MER_TYPE_TIME
                                      ? "a time that is none of a day"
                                      : "a date outside of the years 1 to 9999");
        }
    }
    return mer_ok();
}

static mer_status check_required(struct mer_built_column *column, mer_err *err)
{
    for (size_t row = 0; column->n_missing && row < column->n_rows; row++) {
        if (!mer_built_has(column, row)) {
            column->n_rows = row;
            return mer_built_fail(column, err, mer_value_fault_text(MER_VALUE_REQUIRED));
        }
    }
    return mer_ok();
}

mer_status mer_built_conform(struct mer_built_column *column, const struct mer_csv_options *options,
                             mer_err *err)
{
    const struct mer_field *const field = column->field;
    MER_GUARD(mer_built_reserve(column, 0, err));
    MER_GUARD(check_range(column, err));
    if (!field)
        return column->type == MER_TYPE_TEXT ? settle_texts(column, err) : mer_ok();
    if (field->required)
        MER_GUARD(check_required(column, err));
    if (field->type != column->type || holds_texts(field->type))
        MER_GUARD(convert(column, field->type, options, err));
    return check_range(column, err);
}
