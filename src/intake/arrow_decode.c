#include "intake/arrow_decode.h"

#include <string.h>

#include "intake/exact_value.h"

enum mer_type mer_arrow_column_type(const struct mer_arrow_type *type)
{
    switch (type->kind) {
    case MER_ARROW_BOOLEAN:
        return MER_TYPE_BOOLEAN;
    case MER_ARROW_INTEGER:
        return MER_TYPE_INTEGER;
    case MER_ARROW_TEXT:
        return type->has_dictionary ? MER_TYPE_CATEGORICAL : MER_TYPE_TEXT;
    case MER_ARROW_DATE:
        return MER_TYPE_DATE;
    case MER_ARROW_TIME:
        return MER_TYPE_TIME;
    case MER_ARROW_TIMESTAMP:
        return MER_TYPE_DATETIME;
    case MER_ARROW_DECIMAL:
        return type->scale == 0 ? MER_TYPE_INTEGER : MER_TYPE_NUMBER;
    case MER_ARROW_NULL:
    case MER_ARROW_FLOAT:
        break;
    }
    return MER_TYPE_NUMBER;
}

int64_t mer_arrow_per_second(int64_t unit)
{
    static const int64_t units[] = {1, 1000, 1000000, 1000000000};
    return unit >= 0 && unit <= 3 ? units[unit] : 0;
}

static mer_status refuse(const struct mer_built_column *column, const char *what, mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "column %s: %s", mer_quote(column->name).text, what);
}

static bool bit_at(const unsigned char *bits, size_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

/* A bitmap whose absence means that all are there. */
static bool is_present(const struct mer_arrow_array *array, size_t i)
{
    return !array->validity.bytes || bit_at(array->validity.bytes, array->offset + i);
}

static const char *check_nulls(const struct mer_arrow_array *array, size_t end)
{
    if (array->validity.bytes && array->validity.n < mer_bitmap_bytes(end))
        return "a validity bitmap shorter than the array";
    if (array->null_count < -1 || (array->null_count > 0 && !array->validity.bytes))
        return "nulls without a validity bitmap";
    if (array->null_count < 0)
        return NULL;
    size_t n_missing = 0;
    for (size_t i = 0; array->validity.bytes && i < array->length; i++)
        n_missing += !is_present(array, i);
    return n_missing == (size_t)array->null_count ? NULL
                                                  : "a count of nulls that its bitmap contradicts";
}

static int64_t text_offset(const struct mer_arrow_array *array, unsigned width, size_t i)
{
    const unsigned char *const at = array->values.bytes + (array->offset + i) * width;
    if (width == sizeof(int32_t)) {
        int32_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static const char *check_texts(const struct mer_arrow_array *array, unsigned width)
{
    int64_t last = text_offset(array, width, 0);
    if (last < 0)
        return "texts that begin before their bytes";
    for (size_t i = 1; i <= array->length; i++) {
        const int64_t next = text_offset(array, width, i);
        if (next < last)
            return "texts that end before they begin";
        last = next;
    }
    if ((uint64_t)last > array->bytes.n)
        return "texts that reach beyond their bytes";
    return last > 0 && !array->bytes.bytes ? "texts without bytes" : NULL;
}

/* The text of a view; false when it reaches beyond the pieces. */
static bool view_at(const struct mer_arrow_array *array, size_t i, struct mer_cell *ret_cell)
{
    enum { VIEW_BYTES = 16, INLINE_MAX = 12 };
    const unsigned char *const at = array->values.bytes + (array->offset + i) * VIEW_BYTES;
    int32_t view[4]; /* length, then the bytes, or: prefix, piece, offset */
    memcpy(view, at, sizeof view);
    if (view[0] < 0)
        return false;
    const size_t n = (size_t)view[0];
    if (n <= INLINE_MAX) {
        *ret_cell = (struct mer_cell){(const char *)at + sizeof view[0], n};
        return true;
    }
    if (view[2] < 0 || (size_t)view[2] >= array->n_pieces || view[3] < 0)
        return false;
    const struct mer_arrow_buffer *const piece = &array->pieces[view[2]];
    if (!piece->bytes || (size_t)view[3] > piece->n || n > piece->n - (size_t)view[3])
        return false;
    *ret_cell = (struct mer_cell){(const char *)piece->bytes + view[3], n};
    return true;
}

static const char *check_views(const struct mer_arrow_array *array)
{
    struct mer_cell cell;
    for (size_t i = 0; i < array->length; i++)
        if (is_present(array, i) && !view_at(array, i, &cell))
            return "texts that reach beyond their bytes";
    return NULL;
}

/* That every value of the array lies in its buffers. */
static const char *check(const struct mer_arrow_type *type, unsigned width,
                         const struct mer_arrow_array *array)
{
    size_t end, n_needed;
    if (!mer_size_add(array->offset, array->length, &end) || end > SIZE_MAX / 64)
        return "an array longer than memory";
    if (type->kind == MER_ARROW_NULL)
        return NULL;
    const char *const what = check_nulls(array, end);
    if (what || array->length == 0)
        return what;
    const bool has_offsets = type->kind == MER_ARROW_TEXT && !type->is_view;
    end += has_offsets;
    n_needed = width ? end * width : mer_bitmap_bytes(end);
    if (!array->values.bytes)
        return "an array without values";
    if (array->values.n < n_needed)
        return "fewer values than the array is long";
    if (type->kind == MER_ARROW_TEXT && type->is_view)
        return check_views(array);
    return has_offsets ? check_texts(array, width) : NULL;
}

/* Of a value that is there, in an array that was checked. */
static struct mer_cell text_of(const struct mer_arrow_array *array,
                               const struct mer_arrow_type *type, size_t i)
{
    struct mer_cell cell = {"", 0};
    if (type->is_view) {
        (void)view_at(array, i, &cell);
        return cell;
    }
    const int64_t begin = text_offset(array, type->width, i);
    const int64_t end = text_offset(array, type->width, i + 1);
    if (begin == end)
        return cell;
    return (struct mer_cell){(const char *)array->bytes.bytes + begin, (size_t)(end - begin)};
}

/* Sign-extended unless it is unsigned. */
static uint64_t integer_at(const unsigned char *at, unsigned width, bool is_unsigned)
{
    uint64_t value = 0;
    memcpy(&value, at, width);
    const unsigned shift = 64 - 8 * width;
    return is_unsigned ? value : (uint64_t)((int64_t)(value << shift) >> shift);
}

static double float_at(const unsigned char *at, unsigned width)
{
    if (width == 2)
        return mer_half_to_double(at);
    if (width == sizeof(float)) {
        float value;
        memcpy(&value, at, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, at, sizeof value);
    return value;
}

static const char *put_date(struct mer_built_column *column, int64_t value, unsigned width)
{
    const int64_t day_milliseconds = 86400000;
    if (width == sizeof(int64_t)) {
        if (value % day_milliseconds != 0)
            return "a date with a time of the day";
        value /= day_milliseconds;
    }
    mer_built_put_integer(column, value);
    return NULL;
}

static const char *put_little_decimal(struct mer_built_column *column, const unsigned char *at,
                                      const struct mer_arrow_type *type)
{
    enum { WIDTH_MAX = 32 };
    char bytes[WIDTH_MAX];
    for (unsigned i = 0; i < type->width; i++)
        bytes[i] = (char)at[type->width - 1 - i];
    return mer_put_decimal_bytes(column, (struct mer_cell){bytes, type->width}, type->scale);
}

/* The i-th value, which is there and no text. */
static const char *put_fixed(struct mer_built_column *column, const struct mer_arrow_type *type,
                             const struct mer_arrow_array *array, size_t i)
{
    const unsigned char *const at = array->values.bytes + (array->offset + i) * type->width;
    if (type->kind == MER_ARROW_NULL)
        return "a value in a column that has none";
    if (type->kind == MER_ARROW_BOOLEAN) {
        mer_built_put_boolean(column, bit_at(array->values.bytes, array->offset + i));
        return NULL;
    }
    if (type->kind == MER_ARROW_FLOAT) {
        mer_built_put_number(column, float_at(at, type->width));
        return NULL;
    }
    if (type->kind == MER_ARROW_DECIMAL)
        return put_little_decimal(column, at, type);
    const uint64_t value = integer_at(at, type->width, type->is_unsigned);
    if (type->kind == MER_ARROW_INTEGER && type->is_unsigned)
        return mer_put_unsigned(column, value);
    if (type->kind == MER_ARROW_DATE)
        return put_date(column, (int64_t)value, type->width);
    if (type->kind == MER_ARROW_TIME || type->kind == MER_ARROW_TIMESTAMP)
        return mer_put_time(column, (int64_t)value, type->per_second);
    mer_built_put_integer(column, (int64_t)value);
    return NULL;
}

static mer_status put_value(struct mer_built_column *column, const struct mer_arrow_type *type,
                            const struct mer_arrow_array *array, size_t i, mer_err *err)
{
    if (type->kind == MER_ARROW_NULL || !is_present(array, i)) {
        mer_built_put_missing(column);
        return mer_ok();
    }
    if (type->kind == MER_ARROW_TEXT) {
        const struct mer_cell cell = text_of(array, type, i);
        return mer_built_put_text(column, cell.bytes, cell.n, err);
    }
    const char *const what = put_fixed(column, type, array, i);
    return what ? mer_built_fail(column, err, what) : mer_ok();
}

/* The codes of a dictionary's texts in the column, which may have seen another dictionary before;
 * -1 for one that means missing. */
static mer_status number_texts(struct mer_built_column *column, const struct mer_arrow_type *type,
                               const struct mer_arrow_array *dictionary, int32_t *ret_codes,
                               mer_err *err)
{
    for (size_t k = 0; k < dictionary->length; k++) {
        ret_codes[k] = -1;
        if (!is_present(dictionary, k))
            continue;
        const struct mer_cell cell = text_of(dictionary, type, k);
        MER_GUARD(mer_built_level(column, cell.bytes, cell.n, &ret_codes[k], err));
    }
    return mer_ok();
}

static mer_status put_by_dictionary(struct mer_built_column *column,
                                    const struct mer_arrow_type *type,
                                    const struct mer_arrow_array *array,
                                    const struct mer_arrow_array *dictionary, const int32_t *codes,
                                    mer_err *err)
{
    for (size_t i = 0; i < array->length; i++) {
        if (!is_present(array, i)) {
            mer_built_put_missing(column);
            continue;
        }
        const unsigned char *const at =
            array->values.bytes + (array->offset + i) * type->index_width;
        const uint64_t index = integer_at(at, type->index_width, type->index_unsigned);
        if (index >= dictionary->length)
            return mer_built_fail(column, err, "a value beyond the dictionary's end");
        if (codes)
            mer_built_put_code(column, codes[index]);
        else
            MER_GUARD(put_value(column, type, dictionary, (size_t)index, err));
    }
    return mer_ok();
}

static mer_status put_indices(struct mer_built_column *column, const struct mer_arrow_type *type,
                              const struct mer_arrow_array *array,
                              const struct mer_arrow_array *dictionary, mer_err *err)
{
    static const struct mer_arrow_type index = {.kind = MER_ARROW_INTEGER};
    int32_t *codes = NULL;
    const char *what = check(&index, type->index_width, array);
    if (!what)
        what = check(type, type->width, dictionary);
    if (what)
        return refuse(column, what, err);
    mer_status status = mer_ok();
    if (type->kind == MER_ARROW_TEXT) {
        MER_GUARD(
            mer_alloc_array(column->ctx->alloc, dictionary->length, sizeof *codes, &codes, err));
        status = number_texts(column, type, dictionary, codes, err);
    }
    if (mer_is_ok(status))
        status = put_by_dictionary(column, type, array, dictionary, codes, err);
    mer_free(column->ctx->alloc, codes);
    return status;
}

/* All values of an array that was checked, where they are what columns hold. */
static bool put_whole(struct mer_built_column *column, const struct mer_arrow_type *type,
                      const struct mer_arrow_array *array)
{
    if (array->validity.bytes || type->width != sizeof(int64_t) || array->length == 0)
        return false;
    const unsigned char *const values = array->values.bytes + array->offset * type->width;
    if (type->kind == MER_ARROW_FLOAT)
        mer_built_put_numbers(column, values, array->length);
    else if (type->kind == MER_ARROW_INTEGER && !type->is_unsigned)
        mer_built_put_integers(column, values, array->length);
    else
        return false;
    return true;
}

mer_status mer_arrow_put(struct mer_built_column *column, const struct mer_arrow_type *type,
                         const struct mer_arrow_array *array,
                         const struct mer_arrow_array *dictionary, mer_err *err)
{
    MER_GUARD(mer_built_reserve(column, array->length, err));
    if (type->has_dictionary)
        return dictionary ? put_indices(column, type, array, dictionary, err)
                          : refuse(column, "a dictionary that is not there", err);
    const char *const what = check(type, type->width, array);
    if (what)
        return refuse(column, what, err);
    if (put_whole(column, type, array))
        return mer_ok();
    for (size_t i = 0; i < array->length; i++)
        MER_GUARD(put_value(column, type, array, i, err));
    return mer_ok();
}
