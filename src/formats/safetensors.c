#include "formats/safetensors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/sort.h"
#include "core/utf8.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "tensors are used as they lie in the file");
static_assert(sizeof(size_t) == 8, "sizes of a file fit into size_t");

enum { LENGTH_BYTES = 8, HEADER_DEPTH = 3, WHAT_MAX = 200 };

static const char METADATA_KEY[] = "__metadata__";
static const char JSON_KEY[] = "merlon";

/* The element types of a bundle under their safetensors names; F16, BF16, BOOL, F8_* and the other
 * types of the format have no place in a bundle and are refused by name. */
static const char *const DTYPE_NAMES[] = {
    [MER_DTYPE_U8] = "U8",   [MER_DTYPE_I8] = "I8",   [MER_DTYPE_U16] = "U16",
    [MER_DTYPE_I16] = "I16", [MER_DTYPE_U32] = "U32", [MER_DTYPE_I32] = "I32",
    [MER_DTYPE_U64] = "U64", [MER_DTYPE_I64] = "I64", [MER_DTYPE_F32] = "F32",
    [MER_DTYPE_F64] = "F64",
};
static_assert(sizeof DTYPE_NAMES / sizeof *DTYPE_NAMES == MER_DTYPE_COUNT, "one name a type");

/* ---- Writing ---- */

static int by_size_then_name(const void *left, const void *right)
{
    const struct mer_array *a = *(const struct mer_array *const *)left;
    const struct mer_array *b = *(const struct mer_array *const *)right;
    const size_t a_size = mer_dtype_size(a->dtype), b_size = mer_dtype_size(b->dtype);
    if (a_size != b_size)
        return a_size > b_size ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void put_tensor(struct mer_json_writer *writer, const struct mer_array *array, size_t begin)
{
    mer_json_key(writer, array->name);
    mer_json_begin_object(writer);
    mer_json_key(writer, "dtype");
    mer_json_put_string(writer, DTYPE_NAMES[array->dtype]);
    mer_json_key(writer, "shape");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < array->n_dims; i++)
        mer_json_put_unsigned(writer, array->shape[i]);
    mer_json_end_array(writer);
    mer_json_key(writer, "data_offsets");
    mer_json_begin_array(writer);
    mer_json_put_unsigned(writer, begin);
    mer_json_put_unsigned(writer, begin + array->n_bytes);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

/* The header with its padding; *ret_data_bytes is what follows it. */
static mer_status write_header(const struct mer_bundle *bundle,
                               const struct mer_array *const *sorted, struct mer_buf *header,
                               size_t *ret_data_bytes, mer_err *err)
{
    struct mer_json_writer writer;
    size_t begin = 0;
    mer_json_writer_init(&writer, header, 0, err);
    mer_json_begin_object(&writer);
    if (bundle->json) {
        mer_json_key(&writer, METADATA_KEY);
        mer_json_begin_object(&writer);
        mer_json_key(&writer, JSON_KEY);
        mer_json_put_string_n(&writer, bundle->json, bundle->n_json);
        mer_json_end_object(&writer);
    }
    for (size_t i = 0; i < bundle->n_arrays; i++) {
        put_tensor(&writer, sorted[i], begin);
        if (!mer_size_add(begin, sorted[i]->n_bytes, &begin))
            return mer_fail(err, MER_ERR_MEMORY, "the model's arrays are too large for a file");
    }
    mer_json_end_object(&writer);
    MER_GUARD(mer_json_writer_end(&writer));
    while ((LENGTH_BYTES + header->n) % MER_ALIGNMENT != 0)
        MER_GUARD(mer_buf_append(header, " ", 1, err));
    *ret_data_bytes = begin;
    return mer_ok();
}

static mer_status append_file(const struct mer_bundle *bundle,
                              const struct mer_array *const *sorted, const struct mer_buf *header,
                              size_t n_data, struct mer_buf *buf, mer_err *err)
{
    const uint64_t length = header->n;
    size_t total;
    if (!mer_size_add(LENGTH_BYTES + header->n, n_data, &total))
        return mer_fail(err, MER_ERR_MEMORY, "the model's arrays are too large for a file");
    /* After this, no append fails: the buffer holds all of the file or nothing of it. */
    MER_GUARD(mer_buf_reserve(buf, total, err));
    MER_GUARD(mer_buf_append(buf, &length, sizeof length, err));
    MER_GUARD(mer_buf_append(buf, header->bytes, header->n, err));
    for (size_t i = 0; i < bundle->n_arrays; i++)
        MER_GUARD(mer_buf_append(buf, sorted[i]->data, sorted[i]->n_bytes, err));
    return mer_ok();
}

mer_status mer_safetensors_write(const struct mer_bundle *bundle, struct mer_buf *buf, mer_err *err)
{
    const struct mer_array **sorted = NULL;
    struct mer_buf header;
    size_t n_data = 0;
    mer_status status;
    if (bundle->json && bundle->n_json > MER_SAFETENSORS_JSON_MAX)
        return mer_fail(err, MER_ERR_DATA, "the model's description has %zu bytes, over %d",
                        bundle->n_json, MER_SAFETENSORS_JSON_MAX);
    mer_buf_init(&header, buf->alloc, MER_SAFETENSORS_HEADER_MAX);
    MER_GUARD(mer_alloc_array(buf->alloc, bundle->n_arrays, sizeof *sorted, &sorted, err));
    for (size_t i = 0; i < bundle->n_arrays; i++)
        sorted[i] = &bundle->arrays[i];
    if (bundle->n_arrays > 0)
        mer_sort(sorted, bundle->n_arrays, sizeof *sorted, by_size_then_name);
    MER_GUARD_GOTO(write_header(bundle, sorted, &header, &n_data, err), done);
    MER_GUARD_GOTO(append_file(bundle, sorted, &header, n_data, buf, err), done);
done:
    mer_buf_release(&header);
    mer_free(buf->alloc, sorted);
    return status;
}

/* ---- Reading ---- */

/* A tensor as the header states it, before its place in the file was checked. */
struct entry {
    struct mer_array array; /* without data */
    size_t begin;
    size_t end;
    uint32_t place; /* its number in the order of the data */
};

struct reader {
    struct mer_bundle *bundle;
    struct entry *entries;
    size_t n_entries;
};

/* "tensor "NAME"" for messages. */
struct what {
    char text[WHAT_MAX];
};

static struct what name_tensor(const char *name)
{
    struct what what;
    snprintf(what.text, sizeof what.text, "tensor %s", mer_quote(name).text);
    return what;
}

static mer_status read_length(const unsigned char *bytes, size_t n, size_t *ret_length,
                              mer_err *err)
{
    uint64_t length;
    if (n < LENGTH_BYTES)
        return mer_fail(err, MER_ERR_DATA,
                        "not a safetensors file: %zu bytes are less than the header's length", n);
    memcpy(&length, bytes, sizeof length);
    /* Of another kind of file these bytes are contents, so the number is not told. */
    if (length > MER_SAFETENSORS_HEADER_MAX)
        return mer_fail(err, MER_ERR_DATA,
                        "not a safetensors file: its header would be over the limit of %d bytes",
                        MER_SAFETENSORS_HEADER_MAX);
    if (length > n - LENGTH_BYTES)
        return mer_fail(err, MER_ERR_DATA,
                        "safetensors: the header says %llu bytes, the file ends after %zu",
                        (unsigned long long)length, n - LENGTH_BYTES);
    *ret_length = (size_t)length;
    return mer_ok();
}

/* The JSON text inside the header: from its first byte to the last before the padding. */
static mer_status trim_header(const char *header, size_t n, size_t *ret_n, mer_err *err)
{
    if (n == 0 || header[0] != '{')
        return mer_fail(err, MER_ERR_DATA,
                        "not a safetensors file: the header does not start with {");
    while (header[n - 1] == ' ')
        n--;
    if (header[n - 1] != '}')
        return mer_fail(err, MER_ERR_DATA,
                        "safetensors: the header does not end with } and then spaces only");
    if (!mer_utf8_valid(header, n))
        return mer_fail(err, MER_ERR_DATA, "safetensors: the header is not UTF-8");
    *ret_n = n;
    return mer_ok();
}

static mer_status read_metadata(struct reader *reader, const struct mer_json *metadata,
                                mer_err *err)
{
    const char *key;
    const struct mer_json *value;
    if (mer_json_type(metadata) != MER_JSON_OBJECT)
        return mer_fail(err, MER_ERR_DATA, "safetensors: %s is not an object", METADATA_KEY);
    for (size_t i = 0; mer_json_member(metadata, i, &key, &value); i++) {
        size_t n;
        const char *text = mer_json_string(value, &n);
        if (!text)
            return mer_fail(err, MER_ERR_DATA, "safetensors: %s holds %s, which is not a string",
                            METADATA_KEY, mer_quote(key).text);
        if (strcmp(key, JSON_KEY) != 0)
            continue;
        if (n > MER_SAFETENSORS_JSON_MAX)
            return mer_fail(err, MER_ERR_DATA,
                            "safetensors: the model's description has %zu bytes, over %d", n,
                            MER_SAFETENSORS_JSON_MAX);
        struct mer_bundle *bundle = reader->bundle;
        MER_GUARD(mer_arena_text(&bundle->arena, text, n, &bundle->json, err));
        bundle->n_json = n;
    }
    return mer_ok();
}

static bool name_is_fine(const char *name)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return n > 0 && n <= MER_BUNDLE_NAME_MAX;
}

static mer_status read_dtype(const struct mer_json *value, const struct what *what,
                             enum mer_dtype *ret_dtype, mer_err *err)
{
    const char *name = mer_json_string(value, NULL);
    if (!name)
        return mer_fail(err, MER_ERR_DATA, "safetensors: %s: dtype is not a string", what->text);
    for (size_t i = 0; i < MER_DTYPE_COUNT; i++)
        if (strcmp(name, DTYPE_NAMES[i]) == 0) {
            *ret_dtype = (enum mer_dtype)i;
            return mer_ok();
        }
    return mer_fail(err, MER_ERR_DATA, "safetensors: %s: element type %s is not supported",
                    what->text, mer_quote(name).text);
}

/* A whole number from 0 on. */
static bool read_size(const struct mer_json *value, size_t *ret)
{
    int64_t number;
    if (!mer_json_integer(value, &number) || number < 0)
        return false;
    *ret = (size_t)number;
    return true;
}

static mer_status read_shape(const struct mer_json *value, const struct what *what,
                             struct mer_array *array, mer_err *err)
{
    if (mer_json_type(value) != MER_JSON_ARRAY)
        return mer_fail(err, MER_ERR_DATA, "safetensors: %s: shape is not an array", what->text);
    array->n_dims = mer_json_size(value);
    if (array->n_dims > MER_BUNDLE_MAX_DIMS)
        return mer_fail(err, MER_ERR_DATA,
                        "safetensors: %s: %zu dimensions are over the limit of %d", what->text,
                        array->n_dims, MER_BUNDLE_MAX_DIMS);
    array->n_bytes = mer_dtype_size(array->dtype);
    for (size_t i = 0; i < array->n_dims; i++) {
        if (!read_size(mer_json_at(value, i), &array->shape[i]))
            return mer_fail(err, MER_ERR_DATA,
                            "safetensors: %s: shape holds something that is not a whole number "
                            "from 0 on",
                            what->text);
        if (!mer_size_mul(array->n_bytes, array->shape[i], &array->n_bytes))
            return mer_fail(err, MER_ERR_DATA, "safetensors: %s: the shape's product overflows",
                            what->text);
    }
    return mer_ok();
}

static mer_status read_offsets(const struct mer_json *value, const struct what *what,
                               struct entry *entry, mer_err *err)
{
    if (mer_json_type(value) != MER_JSON_ARRAY || mer_json_size(value) != 2 ||
        !read_size(mer_json_at(value, 0), &entry->begin) ||
        !read_size(mer_json_at(value, 1), &entry->end))
        return mer_fail(err, MER_ERR_DATA,
                        "safetensors: %s: data_offsets are not two whole numbers from 0 on",
                        what->text);
    if (entry->begin > entry->end)
        return mer_fail(err, MER_ERR_DATA, "safetensors: %s: data_offsets end before they begin",
                        what->text);
    if (entry->end - entry->begin != entry->array.n_bytes)
        return mer_fail(err, MER_ERR_DATA,
                        "safetensors: %s: data_offsets hold %zu bytes, the shape needs %zu",
                        what->text, entry->end - entry->begin, entry->array.n_bytes);
    return mer_ok();
}

static mer_status read_tensor(struct reader *reader, const char *name, const struct mer_json *value,
                              mer_err *err)
{
    const struct what what = name_tensor(name);
    struct entry *entry = &reader->entries[reader->n_entries];
    *entry = (struct entry){0};
    if (!name_is_fine(name))
        return mer_fail(err, MER_ERR_DATA,
                        "safetensors: %s: a name has 1 to %d bytes and no control characters",
                        what.text, MER_BUNDLE_NAME_MAX);
    const struct mer_json *dtype = mer_json_get(value, "dtype");
    const struct mer_json *shape = mer_json_get(value, "shape");
    const struct mer_json *offsets = mer_json_get(value, "data_offsets");
    if (mer_json_type(value) != MER_JSON_OBJECT || mer_json_size(value) != 3 || !dtype || !shape ||
        !offsets)
        return mer_fail(err, MER_ERR_DATA,
                        "safetensors: %s: not an object of exactly dtype, shape and data_offsets",
                        what.text);
    MER_GUARD(read_dtype(dtype, &what, &entry->array.dtype, err));
    MER_GUARD(read_shape(shape, &what, &entry->array, err));
    MER_GUARD(read_offsets(offsets, &what, entry, err));
    MER_GUARD(mer_arena_text(&reader->bundle->arena, name, strlen(name), &entry->array.name, err));
    reader->n_entries++;
    return mer_ok();
}

static mer_status read_members(const struct mer_ctx *ctx, struct reader *reader,
                               const struct mer_json *header, mer_err *err)
{
    const char *key;
    const struct mer_json *value;
    const size_t n_members = mer_json_size(header);
    const size_t n_tensors = n_members - (mer_json_get(header, METADATA_KEY) ? 1 : 0);
    if (n_tensors > MER_BUNDLE_MAX_ARRAYS)
        return mer_fail(err, MER_ERR_DATA, "safetensors: %zu tensors are over the limit of %d",
                        n_tensors, MER_BUNDLE_MAX_ARRAYS);
    MER_GUARD(
        mer_alloc_array(ctx->alloc, n_tensors, sizeof *reader->entries, &reader->entries, err));
    for (size_t i = 0; mer_json_member(header, i, &key, &value); i++) {
        if (strcmp(key, METADATA_KEY) == 0)
            MER_GUARD(read_metadata(reader, value, err));
        else
            MER_GUARD(read_tensor(reader, key, value, err));
    }
    return mer_ok();
}

static mer_status read_header(const struct mer_ctx *ctx, struct reader *reader, const char *text,
                              size_t n, mer_err *err)
{
    const struct mer_json_limits limits = {.max_bytes = MER_SAFETENSORS_HEADER_MAX,
                                           .max_depth = HEADER_DEPTH};
    struct mer_json_document *document;
    MER_GUARD(mer_json_parse(ctx->alloc, text, n, &limits, "safetensors header", &document, err));
    const mer_status status = read_members(ctx, reader, mer_json_root(document), err);
    mer_json_free(document);
    return status;
}

static int by_place(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return strcmp(a->array.name, b->array.name);
}

static int by_name(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return strcmp(a->array.name, b->array.name);
}

/* The tensors follow each other from the first byte of the data to the last. */
static mer_status check_places(const struct reader *reader, size_t n_data, mer_err *err)
{
    size_t end = 0;
    for (size_t i = 0; i < reader->n_entries; i++) {
        const struct entry *entry = &reader->entries[i];
        if (entry->begin != end)
            return mer_fail(err, MER_ERR_DATA,
                            "safetensors: %s: data_offsets begin at %zu, %s before it at %zu",
                            name_tensor(entry->array.name).text, entry->begin,
                            entry->begin > end ? "a hole after what ends" : "overlapping what ends",
                            end);
        end = entry->end;
    }
    if (end != n_data)
        return mer_fail(err, MER_ERR_DATA,
                        "safetensors: the tensors cover %zu bytes, the file has %zu bytes of data",
                        end, n_data);
    return mer_ok();
}

/* The tensor's bytes where they lie, or a copy where its elements would lie unaligned. */
static mer_status place_tensor(struct mer_bundle *bundle, const struct entry *entry,
                               const unsigned char *data, struct mer_array *ret_array, mer_err *err)
{
    struct mer_array array = entry->array;
    array.data = data + entry->begin;
    if ((uintptr_t)array.data % mer_dtype_size(array.dtype) != 0) {
        void *copy;
        MER_GUARD(mer_arena_zero(&bundle->arena, array.n_bytes, 1, &copy, err));
        memcpy(copy, array.data, array.n_bytes);
        array.data = copy;
    }
    *ret_array = array;
    return mer_ok();
}

/* Fills the bundle: arrays in the order of their data, and the index by name that
 * mer_bundle_find searches. Names of other programs may have characters that mer_bundle_add
 * refuses.
 */
static mer_status place_tensors(struct reader *reader, const unsigned char *data, size_t n_data,
                                mer_err *err)
{
    struct mer_bundle *bundle = reader->bundle;
    struct entry *entries = reader->entries;
    const size_t n = reader->n_entries;
    if (n > 0)
        mer_sort(entries, n, sizeof *entries, by_place);
    MER_GUARD(check_places(reader, n_data, err));
    MER_GUARD(mer_arena_zero(&bundle->arena, n, sizeof *bundle->arrays, &bundle->arrays, err));
    MER_GUARD(mer_arena_zero(&bundle->arena, n, sizeof *bundle->by_name, &bundle->by_name, err));
    for (size_t i = 0; i < n; i++) {
        MER_GUARD(place_tensor(bundle, &entries[i], data, &bundle->arrays[i], err));
        entries[i].place = (uint32_t)i;
    }
    if (n > 0)
        mer_sort(entries, n, sizeof *entries, by_name);
    for (size_t i = 0; i < n; i++)
        bundle->by_name[i] = entries[i].place;
    bundle->n_arrays = n;
    bundle->capacity = n;
    return mer_ok();
}

mer_status mer_safetensors_read(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                struct mer_bundle *ret_bundle, mer_err *err)
{
    const unsigned char *file = bytes;
    struct mer_bundle bundle;
    struct reader reader = {.bundle = &bundle};
    size_t n_header = 0, n_text = 0;
    mer_status status;
    mer_bundle_init(&bundle, ctx->alloc);
    MER_GUARD_GOTO(read_length(file, n, &n_header, err), done);
    const char *header = (const char *)file + LENGTH_BYTES;
    MER_GUARD_GOTO(trim_header(header, n_header, &n_text, err), done);
    MER_GUARD_GOTO(read_header(ctx, &reader, header, n_text, err), done);
    MER_GUARD_GOTO(
        place_tensors(&reader, file + LENGTH_BYTES + n_header, n - LENGTH_BYTES - n_header, err),
        done);
    *ret_bundle = bundle;
done:
    mer_free(ctx->alloc, reader.entries);
    if (!mer_is_ok(status))
        mer_bundle_release(&bundle);
    return status;
}
