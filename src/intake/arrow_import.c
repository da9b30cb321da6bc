#include "intake/arrow_import.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *format;
    struct mer_arrow_type type;
} FORMATS[] = {
    {"n", {.kind = MER_ARROW_NULL}},
    {"b", {.kind = MER_ARROW_BOOLEAN}},
    {"c", {.kind = MER_ARROW_INTEGER, .width = 1}},
    {"C", {.kind = MER_ARROW_INTEGER, .width = 1, .is_unsigned = true}},
    {"s", {.kind = MER_ARROW_INTEGER, .width = 2}},
    {"S", {.kind = MER_ARROW_INTEGER, .width = 2, .is_unsigned = true}},
    {"i", {.kind = MER_ARROW_INTEGER, .width = 4}},
    {"I", {.kind = MER_ARROW_INTEGER, .width = 4, .is_unsigned = true}},
    {"l", {.kind = MER_ARROW_INTEGER, .width = 8}},
    {"L", {.kind = MER_ARROW_INTEGER, .width = 8, .is_unsigned = true}},
    {"e", {.kind = MER_ARROW_FLOAT, .width = 2}},
    {"f", {.kind = MER_ARROW_FLOAT, .width = 4}},
    {"g", {.kind = MER_ARROW_FLOAT, .width = 8}},
    {"u", {.kind = MER_ARROW_TEXT, .width = 4}},
    {"U", {.kind = MER_ARROW_TEXT, .width = 8}},
    {"vu", {.kind = MER_ARROW_TEXT, .width = 16, .is_view = true}},
    {"tdD", {.kind = MER_ARROW_DATE, .width = 4}},
    {"tdm", {.kind = MER_ARROW_DATE, .width = 8}},
    {"tts", {.kind = MER_ARROW_TIME, .width = 4, .per_second = 1}},
    {"ttm", {.kind = MER_ARROW_TIME, .width = 4, .per_second = 1000}},
    {"ttu", {.kind = MER_ARROW_TIME, .width = 8, .per_second = 1000000}},
    {"ttn", {.kind = MER_ARROW_TIME, .width = 8, .per_second = 1000000000}},
};

/* "ts" and a unit, ":" and a zone: the values count from 1970 in UTC whichever zone it is. */
static bool parse_timestamp(const char *format, struct mer_arrow_type *ret)
{
    static const char units[] = "smun";
    const char *const unit = format[2] ? strchr(units, format[2]) : NULL;
    if (!unit || format[3] != ':')
        return false;
    *ret = (struct mer_arrow_type){
        .kind = MER_ARROW_TIMESTAMP, .width = 8, .per_second = mer_arrow_per_second(unit - units)};
    return true;
}

/* A number of at most four digits; *at moves behind it. */
static bool parse_number(const char **at, unsigned *ret)
{
    enum { DIGITS_MAX = 4 };
    unsigned value = 0;
    size_t n = 0;
    for (; **at >= '0' && **at <= '9' && n < DIGITS_MAX; n++)
        value = value * 10 + (unsigned)(*(*at)++ - '0');
    *ret = value;
    return n > 0;
}

/* "d:" precision, scale and, when it is not 128, the width in bits. */
static bool parse_decimal(const char *format, struct mer_arrow_type *ret)
{
    enum { SCALE_MAX = 64 };
    const char *at = format + 2;
    unsigned precision, scale, bits = 128;
    if (!parse_number(&at, &precision) || *at++ != ',' || !parse_number(&at, &scale))
        return false;
    if (*at == ',') {
        at++;
        if (!parse_number(&at, &bits))
            return false;
    }
    if (*at != '\0' || scale > SCALE_MAX ||
        (bits != 32 && bits != 64 && bits != 128 && bits != 256))
        return false;
    *ret = (struct mer_arrow_type){.kind = MER_ARROW_DECIMAL, .width = bits / 8, .scale = scale};
    return true;
}

bool mer_arrow_parse_format(const char *format, struct mer_arrow_type *ret)
{
    if (strncmp(format, "ts", 2) == 0)
        return parse_timestamp(format, ret);
    if (strncmp(format, "d:", 2) == 0)
        return parse_decimal(format, ret);
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        if (strcmp(FORMATS[i].format, format) == 0) {
            *ret = FORMATS[i].type;
            return true;
        }
    }
    return false;
}

static mer_status unsupported(const char *name, mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "column %s has a type that no table column has",
                    mer_quote(name).text);
}

static mer_status read_type(const struct ArrowSchema *schema, struct mer_arrow_type *ret_type,
                            mer_err *err)
{
    const char *const name = schema->name ? schema->name : "";
    const struct ArrowSchema *const dictionary = schema->dictionary;
    struct mer_arrow_type index;
    if (!schema->release || !schema->format)
        return mer_fail(err, MER_ERR_DATA, "an Arrow schema that was released or has no format");
    if (schema->n_children != 0 || schema->format[0] == '+')
        return mer_hint(err,
                        mer_fail(err, MER_ERR_DATA, "column %s is nested (a list, map or struct)",
                                 mer_quote(name).text),
                        "tables have flat columns; flatten it first");
    if (!dictionary)
        return mer_arrow_parse_format(schema->format, ret_type) ? mer_ok() : unsupported(name, err);
    if (!dictionary->format || dictionary->dictionary || dictionary->n_children != 0 ||
        !mer_arrow_parse_format(schema->format, &index) || index.kind != MER_ARROW_INTEGER ||
        !mer_arrow_parse_format(dictionary->format, ret_type))
        return unsupported(name, err);
    ret_type->has_dictionary = true;
    ret_type->index_width = index.width;
    ret_type->index_unsigned = index.is_unsigned;
    return mer_ok();
}

mer_status mer_arrow_import_begin(struct mer_arrow_import *import, const struct mer_ctx *ctx,
                                  const struct mer_csv_options *options,
                                  const struct ArrowSchema *schema, mer_err *err)
{
    *import = (struct mer_arrow_import){.types = NULL};
    MER_GUARD(mer_table_builder_init(&import->builder, ctx, options, err));
    if (!schema->release || !schema->format || strcmp(schema->format, "+s") != 0)
        return mer_fail(err, MER_ERR_DATA, "a table is an Arrow array of structs");
    if (schema->n_children < 1 || (uint64_t)schema->n_children > MER_IMAGE_MAX_COLUMNS ||
        !schema->children)
        return mer_fail(err, MER_ERR_DATA, "the table has no columns, or too many");
    const size_t n = (size_t)schema->n_children;
    MER_GUARD(mer_alloc_zero(ctx->alloc, n, sizeof *import->types, &import->types, err));
    MER_GUARD(mer_alloc_zero(ctx->alloc, n, sizeof *import->columns, &import->columns, err));
    for (size_t c = 0; c < n; c++) {
        const struct ArrowSchema *const child = schema->children[c];
        if (!child)
            return mer_fail(err, MER_ERR_DATA, "an Arrow schema without its columns");
        const char *const name = child->name ? child->name : "";
        MER_GUARD(read_type(child, &import->types[c], err));
        MER_GUARD(mer_table_builder_add(&import->builder, name, strlen(name),
                                        mer_arrow_column_type(&import->types[c]),
                                        &import->columns[c], err));
    }
    import->n_columns = n;
    return mer_ok();
}

void mer_arrow_import_release(struct mer_arrow_import *import)
{
    struct mer_alloc *const alloc = import->builder.ctx->alloc;
    mer_free(alloc, import->types);
    mer_free(alloc, import->columns);
    mer_table_builder_release(&import->builder);
}

/* An array as it is decoded; `pieces` is owned. */
struct opened {
    struct mer_arrow_array array;
    struct mer_arrow_buffer *pieces;
};

/* Texts by views: between the views and the last buffer, which holds their sizes, stand pieces. */
static mer_status open_pieces(const struct ArrowArray *array, struct mer_alloc *alloc,
                              const char *name, struct opened *opened, mer_err *err)
{
    const size_t n = (size_t)array->n_buffers - 3;
    const int64_t *const sizes = array->buffers[array->n_buffers - 1];
    if (n > 0 && !sizes)
        return mer_fail(err, MER_ERR_DATA, "column %s: texts without the sizes of their pieces",
                        mer_quote(name).text);
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *opened->pieces, &opened->pieces, err));
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] < 0)
            return mer_fail(err, MER_ERR_DATA, "column %s: texts in a piece of negative size",
                            mer_quote(name).text);
        opened->pieces[i] = (struct mer_arrow_buffer){array->buffers[2 + i], (size_t)sizes[i]};
    }
    opened->array.pieces = opened->pieces;
    opened->array.n_pieces = n;
    return mer_ok();
}

static bool has_buffers(const struct ArrowArray *array, const struct mer_arrow_type *type,
                        bool is_index)
{
    const bool is_null = type->kind == MER_ARROW_NULL && !is_index;
    const bool is_text = type->kind == MER_ARROW_TEXT && !is_index;
    if (is_null)
        return array->n_buffers == 0;
    if (!array->buffers)
        return false;
    if (is_text && type->is_view)
        return array->n_buffers >= 3 && array->n_buffers <= INT32_MAX;
    return array->n_buffers == (is_text ? 3 : 2);
}

/* What the interface says of an array, without the values; free the pieces, also after a failure.
 */
static mer_status open_array(const struct ArrowArray *array, const struct mer_arrow_type *type,
                             bool is_index, const struct mer_built_column *column,
                             struct opened *opened, mer_err *err)
{
    const char *const name = column->name;
    *opened = (struct opened){.pieces = NULL};
    if (!array || !array->release)
        return mer_fail(err, MER_ERR_DATA,
                        "column %s: an Arrow array that is not there, or was released",
                        mer_quote(name).text);
    if (array->length < 0 || array->offset < 0 || array->n_children != 0 ||
        !has_buffers(array, type, is_index))
        return mer_fail(err, MER_ERR_DATA, "column %s: an Arrow array that its type contradicts",
                        mer_quote(name).text);
    opened->array = (struct mer_arrow_array){.length = (size_t)array->length,
                                             .offset = (size_t)array->offset,
                                             .null_count = array->null_count};
    if (array->n_buffers == 0)
        return mer_ok();
    opened->array.validity = (struct mer_arrow_buffer){array->buffers[0], SIZE_MAX};
    opened->array.values = (struct mer_arrow_buffer){array->buffers[1], SIZE_MAX};
    if (type->is_view && !is_index)
        return open_pieces(array, column->ctx->alloc, name, opened, err);
    if (array->n_buffers > 2)
        opened->array.bytes = (struct mer_arrow_buffer){array->buffers[2], SIZE_MAX};
    return mer_ok();
}

/* The rows of the struct around it. */
static mer_status cut(struct mer_arrow_array *array, const struct ArrowArray *parent,
                      const char *name, mer_err *err)
{
    const size_t offset = (size_t)parent->offset, length = (size_t)parent->length;
    if (array->length < length || offset > array->length - length)
        return mer_fail(err, MER_ERR_DATA, "column %s: fewer values than the table has rows",
                        mer_quote(name).text);
    if (array->length != length)
        array->null_count = array->validity.bytes ? -1 : 0;
    array->offset += offset;
    array->length = length;
    return mer_ok();
}

static mer_status add_column(struct mer_arrow_import *import, size_t c,
                             const struct ArrowArray *parent, mer_err *err)
{
    struct mer_built_column *const column = import->columns[c];
    const struct mer_arrow_type *const type = &import->types[c];
    const struct ArrowArray *const child = parent->children[c];
    struct mer_alloc *const alloc = column->ctx->alloc;
    struct opened values, dictionary = {.pieces = NULL};
    mer_status status = open_array(child, type, type->has_dictionary, column, &values, err);
    if (mer_is_ok(status))
        status = cut(&values.array, parent, column->name, err);
    if (mer_is_ok(status) && type->has_dictionary)
        status = open_array(child->dictionary, type, false, column, &dictionary, err);
    if (mer_is_ok(status) && !column->skipped)
        status = mer_arrow_put(column, type, &values.array,
                               type->has_dictionary ? &dictionary.array : NULL, err);
    mer_free(alloc, values.pieces);
    mer_free(alloc, dictionary.pieces);
    return status;
}

mer_status mer_arrow_import_add(struct mer_arrow_import *import, const struct ArrowArray *array,
                                mer_err *err)
{
    if (!array->release || array->length < 0 || array->offset < 0 ||
        array->n_children != (int64_t)import->n_columns || !array->children)
        return mer_fail(err, MER_ERR_DATA, "an Arrow array that its schema contradicts");
    if (array->length > INT64_MAX - array->offset)
        return mer_fail(err, MER_ERR_DATA, "an array longer than memory");
    if (array->null_count > 0 ||
        (array->null_count < 0 && array->n_buffers > 0 && array->buffers && array->buffers[0]))
        return mer_fail(err, MER_ERR_DATA, "an Arrow table whose rows may be null");
    for (size_t c = 0; c < import->n_columns; c++)
        MER_GUARD(add_column(import, c, array, err));
    return mer_ok();
}
