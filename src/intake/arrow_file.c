#include "intake/arrow_file.h"

#include <string.h>

/* As numbered in the format's schemas. */
enum { MESSAGE_DICTIONARY = 2, MESSAGE_BATCH = 3 };
enum type_id {
    TYPE_NULL = 1,
    TYPE_INT,
    TYPE_FLOATING_POINT,
    TYPE_BINARY,
    TYPE_UTF8,
    TYPE_BOOL,
    TYPE_DECIMAL,
    TYPE_DATE,
    TYPE_TIME,
    TYPE_TIMESTAMP,
    TYPE_LIST = 12,
    TYPE_STRUCT,
    TYPE_LARGE_UTF8 = 20,
    TYPE_UTF8_VIEW = 24
};

bool mer_arrow_file_applies(const unsigned char *bytes, size_t n)
{
    /* The magic is padded to eight bytes. */
    return n >= MER_ARROW_MAGIC_BYTES + 2 &&
           memcmp(bytes, MER_ARROW_MAGIC "\0", MER_ARROW_MAGIC_BYTES + 2) == 0;
}

static mer_status damaged(mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "the metadata of the Arrow file are damaged");
}

static bool read_integer(struct mer_flat *flat, mer_flat_table table, unsigned *ret_width,
                         bool *ret_unsigned)
{
    const int64_t bits = mer_flat_integer(flat, table, 0, 4, 0);
    *ret_unsigned = mer_flat_integer(flat, table, 1, 1, 0) == 0;
    *ret_width = (unsigned)bits / 8;
    return bits == 8 || bits == 16 || bits == 32 || bits == 64;
}

static bool read_decimal(struct mer_flat *flat, mer_flat_table table, struct mer_arrow_type *type)
{
    enum { SCALE_MAX = 64 };
    const int64_t scale = mer_flat_integer(flat, table, 1, 4, 0);
    const int64_t bits = mer_flat_integer(flat, table, 2, 4, 128);
    type->kind = MER_ARROW_DECIMAL;
    type->scale = (unsigned)scale;
    type->width = (unsigned)bits / 8;
    return scale >= 0 && scale <= SCALE_MAX &&
           (bits == 32 || bits == 64 || bits == 128 || bits == 256);
}

/* Units are seconds, milliseconds, microseconds, nanoseconds; times in the first two have 32 bits.
 */
static bool read_time(struct mer_flat *flat, mer_flat_table table, struct mer_arrow_type *type)
{
    const int64_t unit = mer_flat_integer(flat, table, 0, 2, 1);
    const int64_t bits = mer_flat_integer(flat, table, 1, 4, 32);
    type->kind = MER_ARROW_TIME;
    type->per_second = mer_arrow_per_second(unit);
    type->width = (unsigned)bits / 8;
    return type->per_second != 0 && bits == (unit < 2 ? 32 : 64);
}

static bool read_type(struct mer_flat *flat, int64_t id, mer_flat_table table,
                      struct mer_arrow_type *type)
{
    switch (id) {
    case TYPE_NULL:
        type->kind = MER_ARROW_NULL;
        return true;
    case TYPE_BOOL:
        type->kind = MER_ARROW_BOOLEAN;
        return true;
    case TYPE_INT:
        type->kind = MER_ARROW_INTEGER;
        return read_integer(flat, table, &type->width, &type->is_unsigned);
    case TYPE_FLOATING_POINT:
        type->kind = MER_ARROW_FLOAT;
        type->width = 2U << (mer_flat_integer(flat, table, 0, 2, 0) & 3);
        return type->width <= 8;
    case TYPE_UTF8:
    case TYPE_LARGE_UTF8:
        type->kind = MER_ARROW_TEXT;
        type->width = id == TYPE_UTF8 ? 4 : 8;
        return true;
    case TYPE_UTF8_VIEW:
        type->kind = MER_ARROW_TEXT;
        type->width = 16;
        type->is_view = true;
        return true;
    case TYPE_DECIMAL:
        return read_decimal(flat, table, type);
    case TYPE_DATE:
        type->kind = MER_ARROW_DATE;
        type->width = mer_flat_integer(flat, table, 0, 2, 1) == 0 ? 4 : 8;
        return true;
    case TYPE_TIME:
        return read_time(flat, table, type);
    case TYPE_TIMESTAMP:
        type->kind = MER_ARROW_TIMESTAMP;
        type->width = 8;
        type->per_second = mer_arrow_per_second(mer_flat_integer(flat, table, 0, 2, 0));
        return type->per_second != 0;
    default:
        return false;
    }
}

static bool read_dictionary(struct mer_flat *flat, mer_flat_table encoding,
                            struct mer_arrow_field *field)
{
    struct mer_arrow_type *const type = &field->type;
    if (encoding == 0)
        return true;
    const mer_flat_table index = mer_flat_child(flat, encoding, 1);
    field->dictionary_id = mer_flat_integer(flat, encoding, 0, 8, 0);
    type->has_dictionary = true;
    type->index_width = sizeof(int32_t);
    return index == 0 || read_integer(flat, index, &type->index_width, &type->index_unsigned);
}

static mer_status read_field(struct mer_flat *flat, mer_flat_table table,
                             struct mer_arrow_field *ret_field, mer_err *err)
{
    const struct mer_flat_vector name = mer_flat_vector(flat, table, 0, 1);
    const int64_t id = (uint8_t)mer_flat_integer(flat, table, 2, 1, 0);
    const mer_flat_table type = mer_flat_child(flat, table, 3);
    const struct mer_flat_vector children = mer_flat_vector(flat, table, 5, 4);
    struct mer_arrow_field field = {.n_name = name.n};
    if (table == 0 || flat->failed)
        return damaged(err);
    field.name = (const char *)flat->bytes + name.at;
    const struct mer_quoted quoted = mer_quote_n(field.name, field.n_name);
    if (children.n > 0 || id == TYPE_LIST || id == TYPE_STRUCT)
        return mer_hint(
            err,
            mer_fail(err, MER_ERR_DATA, "column %s is nested (a list, map or struct)", quoted.text),
            "tables have flat columns; flatten it where the file is made");
    if (!read_type(flat, id, type, &field.type) ||
        !read_dictionary(flat, mer_flat_child(flat, table, 4), &field))
        return mer_fail(err, MER_ERR_DATA, "column %s has a type that no table column has",
                        quoted.text);
    *ret_field = field;
    return flat->failed ? damaged(err) : mer_ok();
}

static mer_status read_schema(struct mer_arrow_file *file, mer_flat_table schema, mer_err *err)
{
    struct mer_flat *const flat = &file->footer;
    const struct mer_flat_vector fields = mer_flat_vector(flat, schema, 1, 4);
    if (flat->failed || schema == 0)
        return damaged(err);
    if (mer_flat_integer(flat, schema, 0, 2, 0) != 0)
        return mer_fail(err, MER_ERR_DATA, "the Arrow file is big-endian");
    if (fields.n == 0 || fields.n > MER_IMAGE_MAX_COLUMNS)
        return mer_fail(err, MER_ERR_DATA, "the file has no columns, or too many");
    MER_GUARD(mer_arena_zero(&file->arena, fields.n, sizeof *file->fields, &file->fields, err));
    for (size_t i = 0; i < fields.n; i++)
        MER_GUARD(read_field(flat, mer_flat_element(flat, fields, i), &file->fields[i], err));
    file->n_fields = fields.n;
    return mer_ok();
}

mer_status mer_arrow_file_open(const struct mer_ctx *ctx, const unsigned char *bytes, size_t n,
                               struct mer_arrow_file *ret_file, mer_err *err)
{
    enum { TAIL = MER_ARROW_MAGIC_BYTES + 4, BLOCK_BYTES = 24 };
    uint32_t n_footer;
    *ret_file = (struct mer_arrow_file){.bytes = bytes, .n = n};
    mer_arena_init(&ret_file->arena, ctx->alloc);
    if (!mer_arrow_file_applies(bytes, n) || n < MER_ARROW_MAGIC_BYTES + 2 + TAIL ||
        memcmp(bytes + n - MER_ARROW_MAGIC_BYTES, MER_ARROW_MAGIC, MER_ARROW_MAGIC_BYTES) != 0)
        return mer_fail(err, MER_ERR_DATA, "not an Arrow IPC file, or cut off");
    memcpy(&n_footer, bytes + n - TAIL, sizeof n_footer);
    if (n_footer > n - MER_ARROW_MAGIC_BYTES - 2 - TAIL)
        return damaged(err);
    struct mer_flat *const flat = &ret_file->footer;
    *flat = (struct mer_flat){.bytes = bytes + n - TAIL - n_footer, .n = n_footer};
    const mer_flat_table footer = mer_flat_root(flat);
    ret_file->dictionaries = mer_flat_vector(flat, footer, 2, BLOCK_BYTES);
    ret_file->batches = mer_flat_vector(flat, footer, 3, BLOCK_BYTES);
    return read_schema(ret_file, mer_flat_child(flat, footer, 1), err);
}

void mer_arrow_file_close(struct mer_arrow_file *file)
{
    mer_arena_release(&file->arena);
}

/* A message is a mark, the size of its metadata, these, and the body. Files of before version 0.15
 * lack the mark. */
static bool open_message(const struct mer_arrow_file *file, size_t at, size_t n_metadata,
                         size_t n_body, struct mer_arrow_batch *batch)
{
    enum { PREFIX = 8 };
    static const unsigned char mark[] = {0xff, 0xff, 0xff, 0xff};
    uint32_t n_flat;
    if (at > file->n || n_metadata > file->n - at || n_body > file->n - at - n_metadata ||
        n_metadata < PREFIX || memcmp(file->bytes + at, mark, sizeof mark) != 0)
        return false;
    memcpy(&n_flat, file->bytes + at + sizeof mark, sizeof n_flat);
    if (n_flat > n_metadata - PREFIX)
        return false;
    batch->flat = (struct mer_flat){.bytes = file->bytes + at + PREFIX, .n = n_flat};
    batch->body = file->bytes + at + n_metadata;
    batch->n_body = n_body;
    return true;
}

mer_status mer_arrow_file_batch(struct mer_arrow_file *file, struct mer_flat_vector blocks,
                                size_t i, bool is_dictionary, struct mer_arrow_batch *ret,
                                mer_err *err)
{
    enum { BLOCK_BYTES = 24, METADATA_AT = 8, BODY_AT = 16 };
    const size_t block = blocks.at + i * BLOCK_BYTES;
    const int64_t at = mer_flat_at(&file->footer, block, 8);
    const int64_t n_metadata = mer_flat_at(&file->footer, block + METADATA_AT, 4);
    const int64_t n_body = mer_flat_at(&file->footer, block + BODY_AT, 8);
    struct mer_arrow_batch batch = {.body = NULL};
    if (file->footer.failed || at < 0 || n_metadata < 0 || n_body < 0 ||
        !open_message(file, (size_t)at, (size_t)n_metadata, (size_t)n_body, &batch))
        return mer_fail(err, MER_ERR_DATA, "a batch of the Arrow file lies where it cannot");
    struct mer_flat *const flat = &batch.flat;
    const mer_flat_table message = mer_flat_root(flat);
    batch.table = mer_flat_child(flat, message, 2);
    if (mer_flat_integer(flat, message, 1, 1, 0) !=
        (is_dictionary ? MESSAGE_DICTIONARY : MESSAGE_BATCH))
        return damaged(err);
    if (is_dictionary) {
        batch.dictionary_id = mer_flat_integer(flat, batch.table, 0, 8, 0);
        batch.is_delta = mer_flat_integer(flat, batch.table, 2, 1, 0) != 0;
        batch.table = mer_flat_child(flat, batch.table, 1);
    }
    if (flat->failed || batch.table == 0)
        return damaged(err);
    *ret = batch;
    return mer_ok();
}
