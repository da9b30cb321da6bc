#include "intake/parquet_footer.h"

#include "frame/image.h"
#include "intake/thrift.h"

enum { MAGIC_BYTES = 4, TAIL_BYTES = 8 };

/* ConvertedType and LogicalType, as numbered in the file. */
enum converted {
    CONVERTED_NONE = -1,
    CONVERTED_UTF8,
    CONVERTED_MAP,
    CONVERTED_MAP_KEY_VALUE,
    CONVERTED_LIST,
    CONVERTED_ENUM,
    CONVERTED_DECIMAL,
    CONVERTED_DATE,
    CONVERTED_TIME_MILLIS,
    CONVERTED_TIME_MICROS,
    CONVERTED_TIMESTAMP_MILLIS,
    CONVERTED_TIMESTAMP_MICROS,
    CONVERTED_UINT_8,
    CONVERTED_UINT_64 = CONVERTED_UINT_8 + 3,
    CONVERTED_INT_8,
    CONVERTED_INT_64 = CONVERTED_INT_8 + 3,
    CONVERTED_JSON
};
enum logical {
    LOGICAL_NONE,
    LOGICAL_STRING,
    LOGICAL_ENUM = 4,
    LOGICAL_DECIMAL,
    LOGICAL_DATE,
    LOGICAL_TIME,
    LOGICAL_TIMESTAMP,
    LOGICAL_INTEGER = 10,
    LOGICAL_NULL,
    LOGICAL_JSON,
    LOGICAL_UUID = 14,
    LOGICAL_FLOAT16
};

/* One SchemaElement. */
struct element {
    int64_t type; /* -1: a group */
    int64_t type_length;
    int64_t repetition; /* 0 required, 1 optional, 2 repeated */
    const unsigned char *name;
    size_t n_name;
    int64_t n_children;
    int64_t converted;
    int64_t scale;
    int64_t logical;
    int64_t unit; /* 1 milliseconds, 2 microseconds, 3 nanoseconds */
    bool is_signed;
};

bool mer_parquet_applies(const unsigned char *bytes, size_t n)
{
    return n >= MAGIC_BYTES + TAIL_BYTES && memcmp(bytes, MER_PARQUET_MAGIC, MAGIC_BYTES) == 0 &&
           (memcmp(bytes + n - MAGIC_BYTES, MER_PARQUET_MAGIC, MAGIC_BYTES) == 0 ||
            memcmp(bytes + n - MAGIC_BYTES, "PARE", MAGIC_BYTES) == 0);
}

/* The unit is a union of empty structs: which field is there is all that it says. */
static void read_unit(struct mer_byte_reader *reader, int64_t *ret_unit)
{
    struct mer_thrift_field field = {.id = 0};
    while (mer_thrift_next(reader, &field)) {
        *ret_unit = field.id;
        mer_thrift_skip(reader, field.type);
    }
}

/* The annotation's own fields. */
static void read_annotation(struct mer_byte_reader *reader, int64_t logical,
                            struct element *element)
{
    struct mer_thrift_field field = {.id = 0};
    const bool is_time = logical == LOGICAL_TIME || logical == LOGICAL_TIMESTAMP;
    while (mer_thrift_next(reader, &field)) {
        if (logical == LOGICAL_DECIMAL && field.id == 1)
            mer_thrift_integer(reader, field, &element->scale);
        else if (is_time && field.id == 2 && field.type == MER_THRIFT_STRUCT)
            read_unit(reader, &element->unit);
        else if (logical == LOGICAL_INTEGER && field.id == 2)
            mer_thrift_boolean(reader, field, &element->is_signed);
        else
            mer_thrift_skip(reader, field.type);
    }
}

static void read_logical(struct mer_byte_reader *reader, struct element *element)
{
    struct mer_thrift_field field = {.id = 0};
    while (mer_thrift_next(reader, &field)) {
        element->logical = field.id;
        if (field.type == MER_THRIFT_STRUCT)
            read_annotation(reader, field.id, element);
        else
            mer_thrift_skip(reader, field.type);
    }
}

static struct element read_element(struct mer_byte_reader *reader)
{
    struct element element = {.type = -1, .converted = CONVERTED_NONE, .is_signed = true};
    struct mer_thrift_field field = {.id = 0};
    while (mer_thrift_next(reader, &field)) {
        switch (field.id) {
        case 1:
            mer_thrift_integer(reader, field, &element.type);
            break;
        case 2:
            mer_thrift_integer(reader, field, &element.type_length);
            break;
        case 3:
            mer_thrift_integer(reader, field, &element.repetition);
            break;
        case 4:
            mer_thrift_binary(reader, field, &element.name, &element.n_name);
            break;
        case 5:
            mer_thrift_integer(reader, field, &element.n_children);
            break;
        case 6:
            mer_thrift_integer(reader, field, &element.converted);
            break;
        case 7:
            mer_thrift_integer(reader, field, &element.scale);
            break;
        case 10:
            if (field.type == MER_THRIFT_STRUCT) {
                read_logical(reader, &element);
                break;
            }
            /* fall through */
        default:
            mer_thrift_skip(reader, field.type);
        }
    }
    return element;
}

/* The newer annotation says the same as the older one, and more. */
static void unify(struct element *element)
{
    if (element->logical != LOGICAL_NONE)
        return;
    const int64_t converted = element->converted;
    if (converted == CONVERTED_UTF8)
        element->logical = LOGICAL_STRING;
    else if (converted == CONVERTED_JSON)
        element->logical = LOGICAL_JSON;
    else if (converted == CONVERTED_ENUM)
        element->logical = LOGICAL_ENUM;
    else if (converted == CONVERTED_DECIMAL)
        element->logical = LOGICAL_DECIMAL;
    else if (converted == CONVERTED_DATE)
        element->logical = LOGICAL_DATE;
    else if (converted == CONVERTED_TIME_MILLIS || converted == CONVERTED_TIME_MICROS)
        element->logical = LOGICAL_TIME;
    else if (converted == CONVERTED_TIMESTAMP_MILLIS || converted == CONVERTED_TIMESTAMP_MICROS)
        element->logical = LOGICAL_TIMESTAMP;
    else if (converted >= CONVERTED_UINT_8 && converted <= CONVERTED_INT_64)
        element->logical = LOGICAL_INTEGER;
    else if (converted != CONVERTED_NONE)
        element->logical = INT64_MAX; /* nothing that is known */
    element->unit =
        converted == CONVERTED_TIME_MILLIS || converted == CONVERTED_TIMESTAMP_MILLIS ? 1 : 2;
    if (converted >= CONVERTED_UINT_8 && converted <= CONVERTED_UINT_64)
        element->is_signed = false;
}

/* Without an annotation. */
static bool plain_meaning(enum mer_parquet_physical physical, enum mer_parquet_meaning *ret)
{
    static const enum mer_parquet_meaning table[] = {
        [MER_PARQUET_BOOLEAN] = MER_PARQUET_TRUTH,  [MER_PARQUET_INT32] = MER_PARQUET_SIGNED,
        [MER_PARQUET_INT64] = MER_PARQUET_SIGNED,   [MER_PARQUET_INT96] = MER_PARQUET_JULIAN,
        [MER_PARQUET_FLOAT] = MER_PARQUET_REAL,     [MER_PARQUET_DOUBLE] = MER_PARQUET_REAL,
        [MER_PARQUET_BYTE_ARRAY] = MER_PARQUET_TEXT};
    if (physical == MER_PARQUET_FIXED)
        return false;
    *ret = table[physical];
    return true;
}

/* False: this annotation does not belong to that physical type, or is not known. */
static bool find_meaning(const struct element *element, enum mer_parquet_physical physical,
                         enum mer_parquet_meaning *ret)
{
    const bool is_int = physical == MER_PARQUET_INT32 || physical == MER_PARQUET_INT64;
    const bool is_bytes = physical == MER_PARQUET_BYTE_ARRAY;
    const bool is_fixed = physical == MER_PARQUET_FIXED;
    switch (element->logical) {
    case LOGICAL_NONE:
        return plain_meaning(physical, ret);
    case LOGICAL_STRING:
    case LOGICAL_ENUM:
    case LOGICAL_JSON:
        *ret = MER_PARQUET_TEXT;
        return is_bytes;
    case LOGICAL_DECIMAL:
        *ret = MER_PARQUET_DECIMAL;
        return is_int || is_bytes || is_fixed;
    case LOGICAL_DATE:
        *ret = MER_PARQUET_DATE;
        return physical == MER_PARQUET_INT32;
    case LOGICAL_TIME:
        *ret = MER_PARQUET_TIME;
        return is_int;
    case LOGICAL_TIMESTAMP:
        *ret = MER_PARQUET_TIMESTAMP;
        return physical == MER_PARQUET_INT64;
    case LOGICAL_INTEGER:
        *ret = element->is_signed ? MER_PARQUET_SIGNED : MER_PARQUET_UNSIGNED;
        return is_int;
    case LOGICAL_NULL:
        *ret = MER_PARQUET_NULL;
        return true;
    case LOGICAL_UUID:
        *ret = MER_PARQUET_UUID;
        return is_fixed && element->type_length == 16;
    case LOGICAL_FLOAT16:
        *ret = MER_PARQUET_HALF;
        return is_fixed && element->type_length == 2;
    default:
        return false;
    }
}

static mer_status make_leaf(struct element *element, struct mer_parquet_leaf *ret_leaf,
                            mer_err *err)
{
    enum { WIDTH_MAX = 1 << 16, SCALE_MAX = 64 };
    static const int64_t units[] = {0, 1000, 1000000, 1000000000};
    const struct mer_quoted name = mer_quote_n((const char *)element->name, element->n_name);
    if (element->n_children != 0 || element->type < 0 || element->repetition == 2)
        return mer_hint(
            err,
            mer_fail(err, MER_ERR_DATA, "column %s is nested (a list, map or struct)", name.text),
            "tables have flat columns; flatten it where the file is made");
    unify(element);
    struct mer_parquet_leaf leaf = {.name = (const char *)element->name,
                                    .n_name = element->n_name,
                                    .optional = element->repetition == 1};
    if (element->type > MER_PARQUET_FIXED || element->repetition < 0 || element->repetition > 2 ||
        element->scale < 0 || element->scale > SCALE_MAX || element->unit < 0 || element->unit > 3)
        return mer_fail(err, MER_ERR_DATA, "column %s has a type that is none", name.text);
    leaf.physical = (enum mer_parquet_physical)element->type;
    if (leaf.physical == MER_PARQUET_FIXED) {
        if (element->type_length < 1 || element->type_length > WIDTH_MAX)
            return mer_fail(err, MER_ERR_DATA, "column %s has a width that is none", name.text);
        leaf.width = (size_t)element->type_length;
    }
    if (!find_meaning(element, leaf.physical, &leaf.meaning) ||
        ((leaf.meaning == MER_PARQUET_TIME || leaf.meaning == MER_PARQUET_TIMESTAMP) &&
         element->unit == 0))
        return mer_fail(err, MER_ERR_DATA, "column %s has a type that no table column has",
                        name.text);
    leaf.per_second = units[element->unit];
    leaf.scale = (unsigned)element->scale;
    *ret_leaf = leaf;
    return mer_ok();
}

static mer_status read_schema(struct mer_parquet *parquet, struct mer_byte_reader *reader,
                              struct mer_thrift_field field, mer_err *err)
{
    const size_t n = mer_thrift_list(reader, field, MER_THRIFT_STRUCT);
    if (n < 2 || n - 1 > MER_IMAGE_MAX_COLUMNS || parquet->leaves)
        return mer_fail(err, MER_ERR_DATA, "the file has no columns, or too many");
    (void)read_element(reader); /* the root */
    MER_GUARD(
        mer_arena_zero(&parquet->arena, n - 1, sizeof *parquet->leaves, &parquet->leaves, err));
    for (size_t i = 0; i < n - 1; i++) {
        struct element element = read_element(reader);
        if (reader->failed)
            break;
        MER_GUARD(make_leaf(&element, &parquet->leaves[i], err));
    }
    parquet->n_leaves = n - 1;
    return mer_ok();
}

/* ColumnMetaData, as far as it counts. */
struct chunk_meta {
    int64_t type;
    int64_t codec;
    int64_t n_values;
    int64_t n_bytes;
    int64_t data_offset;
    int64_t dictionary_offset;
};

static struct chunk_meta read_chunk_meta(struct mer_byte_reader *reader)
{
    struct chunk_meta meta = {.type = -1, .codec = -1, .n_values = -1, .n_bytes = -1};
    struct mer_thrift_field field = {.id = 0};
    while (mer_thrift_next(reader, &field)) {
        if (field.id == 1)
            mer_thrift_integer(reader, field, &meta.type);
        else if (field.id == 4)
            mer_thrift_integer(reader, field, &meta.codec);
        else if (field.id == 5)
            mer_thrift_integer(reader, field, &meta.n_values);
        else if (field.id == 7)
            mer_thrift_integer(reader, field, &meta.n_bytes);
        else if (field.id == 9)
            mer_thrift_integer(reader, field, &meta.data_offset);
        else if (field.id == 11)
            mer_thrift_integer(reader, field, &meta.dictionary_offset);
        else
            mer_thrift_skip(reader, field.type);
    }
    return meta;
}

static mer_status find_compression(int64_t codec, enum mer_compression *ret, mer_err *err)
{
    static const char *const names[] = {"none", "snappy", "gzip", "LZO", "Brotli", "LZ4 (Hadoop)"};
    switch (codec) {
    case 0:
        *ret = MER_COMPRESSION_NONE;
        return mer_ok();
    case 1:
        *ret = MER_COMPRESSION_SNAPPY;
        return mer_ok();
    case 2:
        *ret = MER_COMPRESSION_GZIP;
        return mer_ok();
    case 6:
        *ret = MER_COMPRESSION_ZSTD;
        return mer_ok();
    case 7:
        *ret = MER_COMPRESSION_LZ4;
        return mer_ok();
    default:
        return mer_hint(err,
                        mer_fail(err, MER_ERR_DATA, "the file is compressed with %s",
                                 codec >= 3 && codec <= 5 ? names[codec] : "something unknown"),
                        "zstd, snappy, gzip and LZ4_RAW can be read");
    }
}

static mer_status place_chunk(const struct chunk_meta *meta, const unsigned char *file,
                              size_t n_file, const struct mer_parquet_leaf *leaf,
                              struct mer_parquet_chunk *ret_chunk, mer_err *err)
{
    const int64_t offset =
        meta->dictionary_offset > 0 && meta->dictionary_offset < meta->data_offset
            ? meta->dictionary_offset
            : meta->data_offset;
    if (meta->type != (int64_t)leaf->physical || meta->n_values < 0 || meta->n_bytes < 0 ||
        offset < MAGIC_BYTES || (uint64_t)offset > n_file ||
        (uint64_t)meta->n_bytes > n_file - (uint64_t)offset)
        return mer_fail(err, MER_ERR_DATA, "the footer places column %s where it cannot be",
                        mer_quote_n(leaf->name, leaf->n_name).text);
    ret_chunk->bytes = file + offset;
    ret_chunk->n_bytes = (size_t)meta->n_bytes;
    ret_chunk->n_values = (uint64_t)meta->n_values;
    return find_compression(meta->codec, &ret_chunk->compression, err);
}

static mer_status read_chunk(struct mer_byte_reader *reader, const unsigned char *file,
                             size_t n_file, const struct mer_parquet_leaf *leaf,
                             struct mer_parquet_chunk *ret_chunk, mer_err *err)
{
    struct mer_thrift_field field = {.id = 0};
    struct chunk_meta meta = {.type = -1};
    while (mer_thrift_next(reader, &field)) {
        if (field.id == 1)
            return mer_fail(err, MER_ERR_DATA, "the file's data lie in other files");
        if (field.id == 8 || field.id == 9)
            return mer_fail(err, MER_ERR_DATA, "the file's columns are encrypted");
        if (field.id == 3 && field.type == MER_THRIFT_STRUCT)
            meta = read_chunk_meta(reader);
        else
            mer_thrift_skip(reader, field.type);
    }
    if (reader->failed)
        return mer_ok();
    return place_chunk(&meta, file, n_file, leaf, ret_chunk, err);
}

static mer_status read_group(struct mer_parquet *parquet, struct mer_byte_reader *reader,
                             const unsigned char *file, size_t n_file,
                             struct mer_parquet_group *ret_group, mer_err *err)
{
    struct mer_thrift_field field = {.id = 0};
    int64_t n_rows = -1;
    while (mer_thrift_next(reader, &field)) {
        if (field.id == 1 && !ret_group->chunks) {
            const size_t n = mer_thrift_list(reader, field, MER_THRIFT_STRUCT);
            if (n != parquet->n_leaves)
                return mer_fail(err, MER_ERR_DATA, "a row group has not the file's columns");
            MER_GUARD(mer_arena_zero(&parquet->arena, n, sizeof *ret_group->chunks,
                                     &ret_group->chunks, err));
            for (size_t i = 0; i < n && !reader->failed; i++)
                MER_GUARD(read_chunk(reader, file, n_file, &parquet->leaves[i],
                                     &ret_group->chunks[i], err));
        } else if (field.id == 3) {
            mer_thrift_integer(reader, field, &n_rows);
        } else {
            mer_thrift_skip(reader, field.type);
        }
    }
    if (n_rows < 0 || !ret_group->chunks)
        reader->failed = true;
    ret_group->n_rows = n_rows < 0 ? 0 : (uint64_t)n_rows;
    return mer_ok();
}

static mer_status read_groups(struct mer_parquet *parquet, struct mer_byte_reader *reader,
                              struct mer_thrift_field field, const unsigned char *file,
                              size_t n_file, mer_err *err)
{
    const size_t n = mer_thrift_list(reader, field, MER_THRIFT_STRUCT);
    if (parquet->groups || !parquet->leaves)
        return mer_fail(err, MER_ERR_DATA, "the footer is out of order");
    MER_GUARD(mer_arena_zero(&parquet->arena, n, sizeof *parquet->groups, &parquet->groups, err));
    for (size_t i = 0; i < n && !reader->failed; i++) {
        struct mer_parquet_group *const group = &parquet->groups[i];
        MER_GUARD(read_group(parquet, reader, file, n_file, group, err));
        if (group->n_rows > MER_IMAGE_MAX_ROWS - parquet->n_rows)
            return mer_fail(err, MER_ERR_DATA, "the table has more than %zu rows",
                            MER_IMAGE_MAX_ROWS);
        parquet->n_rows += group->n_rows;
        for (size_t c = 0; c < parquet->n_leaves && !reader->failed; c++)
            if (group->chunks[c].n_values != group->n_rows)
                return mer_fail(err, MER_ERR_DATA, "a row group has columns of different lengths");
    }
    parquet->n_groups = n;
    return mer_ok();
}

static mer_status read_footer(struct mer_parquet *parquet, struct mer_byte_reader *reader,
                              const unsigned char *file, size_t n_file, mer_err *err)
{
    struct mer_thrift_field field = {.id = 0};
    while (mer_thrift_next(reader, &field)) {
        if (field.id == 2)
            MER_GUARD(read_schema(parquet, reader, field, err));
        else if (field.id == 4)
            MER_GUARD(read_groups(parquet, reader, field, file, n_file, err));
        else if (field.id == 8)
            return mer_fail(err, MER_ERR_DATA, "the file is encrypted");
        else
            mer_thrift_skip(reader, field.type);
    }
    if (reader->failed || !parquet->leaves || !parquet->groups)
        return mer_fail(err, MER_ERR_DATA, "the footer of the Parquet file is damaged");
    return mer_ok();
}

mer_status mer_parquet_open(const struct mer_ctx *ctx, const unsigned char *bytes, size_t n,
                            struct mer_parquet *ret_parquet, mer_err *err)
{
    *ret_parquet = (struct mer_parquet){.n_rows = 0};
    mer_arena_init(&ret_parquet->arena, ctx->alloc);
    if (!mer_parquet_applies(bytes, n))
        return mer_fail(err, MER_ERR_DATA, "not a Parquet file, or cut off");
    if (memcmp(bytes + n - MAGIC_BYTES, MER_PARQUET_MAGIC, MAGIC_BYTES) != 0)
        return mer_fail(err, MER_ERR_DATA, "the file is encrypted");
    uint32_t n_footer;
    memcpy(&n_footer, bytes + n - TAIL_BYTES, sizeof n_footer);
    if (n_footer > n - MAGIC_BYTES - TAIL_BYTES)
        return mer_fail(err, MER_ERR_DATA, "the footer of the Parquet file is damaged");
    const unsigned char *const footer = bytes + n - TAIL_BYTES - n_footer;
    struct mer_byte_reader reader = mer_byte_reader_of(footer, n_footer);
    return read_footer(ret_parquet, &reader, bytes, (size_t)(footer - bytes), err);
}

void mer_parquet_close(struct mer_parquet *parquet)
{
    mer_arena_release(&parquet->arena);
}

enum mer_type mer_parquet_type(const struct mer_parquet_leaf *leaf)
{
    switch (leaf->meaning) {
    case MER_PARQUET_TRUTH:
        return MER_TYPE_BOOLEAN;
    case MER_PARQUET_SIGNED:
    case MER_PARQUET_UNSIGNED:
        return MER_TYPE_INTEGER;
    case MER_PARQUET_TEXT:
    case MER_PARQUET_UUID:
        return MER_TYPE_TEXT;
    case MER_PARQUET_DATE:
        return MER_TYPE_DATE;
    case MER_PARQUET_TIME:
        return MER_TYPE_TIME;
    case MER_PARQUET_TIMESTAMP:
    case MER_PARQUET_JULIAN:
        return MER_TYPE_DATETIME;
    case MER_PARQUET_DECIMAL:
        return leaf->scale == 0 ? MER_TYPE_INTEGER : MER_TYPE_NUMBER;
    case MER_PARQUET_REAL:
    case MER_PARQUET_HALF:
    case MER_PARQUET_NULL:
        break;
    }
    return MER_TYPE_NUMBER;
}
