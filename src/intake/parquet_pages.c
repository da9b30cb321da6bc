#include "intake/parquet_pages.h"

#include <zlib.h>

#include "intake/parquet_encoding.h"
#include "intake/thrift.h"

/* As numbered in the file. */
enum page_type { PAGE_DATA, PAGE_INDEX, PAGE_DICTIONARY, PAGE_DATA_V2 };
enum encoding {
    ENCODING_PLAIN = 0,
    ENCODING_PLAIN_DICTIONARY = 2,
    ENCODING_RLE = 3,
    ENCODING_DELTA_BINARY_PACKED = 5,
    ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    ENCODING_DELTA_BYTE_ARRAY = 7,
    ENCODING_RLE_DICTIONARY = 8,
    ENCODING_BYTE_STREAM_SPLIT = 9
};

/* PageHeader and the one of its parts that is there. */
struct page {
    int64_t type;
    int64_t n_uncompressed;
    int64_t n_compressed;
    bool has_crc;
    int64_t crc;
    int64_t n_values;
    int64_t encoding;
    int64_t level_encoding;  /* V1 */
    int64_t n_definition;    /* V2: bytes of levels */
    int64_t n_repetition;    /* V2 */
    bool is_compressed;      /* V2 */
    const unsigned char *at; /* its n_compressed bytes */
};

/* Memory that grows and is used again for every page. */
struct scratch {
    void *bytes;
    size_t n;
};

struct chunk_reading {
    const struct mer_ctx *ctx;
    const struct mer_parquet_leaf *leaf;
    const struct mer_parquet_chunk *chunk;
    struct mer_built_column *column;
    struct mer_parquet_values dictionary; /* n = 0: none yet */
    bool has_dictionary;
    uint64_t n_read;
    /* Owned. */
    struct scratch page;
    struct scratch values;
    struct scratch views;
    struct scratch lengths;
    struct scratch numbers; /* levels or indices */
    struct scratch dictionary_page;
    struct scratch dictionary_values;
    mer_err *err;
};

static mer_status damaged(const struct chunk_reading *reading, const char *what)
{
    return mer_fail(reading->err, MER_ERR_DATA, "column %s: %s",
                    mer_quote(reading->column->name).text, what);
}

static mer_status need(const struct chunk_reading *reading, struct scratch *scratch, size_t n,
                       size_t size, void *ret_bytes)
{
    size_t n_bytes;
    if (!mer_size_mul(n, size, &n_bytes))
        return damaged(reading, "a page is larger than memory");
    if (n_bytes > scratch->n || !scratch->bytes) {
        MER_GUARD(mer_alloc_resize(reading->ctx->alloc, n_bytes, &scratch->bytes, reading->err));
        scratch->n = n_bytes;
    }
    memcpy(ret_bytes, &scratch->bytes, sizeof scratch->bytes);
    return mer_ok();
}

static void read_part(struct mer_byte_reader *reader, int32_t part, struct page *page)
{
    struct mer_thrift_field field = {.id = 0};
    while (mer_thrift_next(reader, &field)) {
        const bool is_v2 = part == 8;
        if (field.id == 1)
            mer_thrift_integer(reader, field, &page->n_values);
        else if (field.id == (is_v2 ? 4 : 2))
            mer_thrift_integer(reader, field, &page->encoding);
        else if (part == 5 && field.id == 3)
            mer_thrift_integer(reader, field, &page->level_encoding);
        else if (is_v2 && field.id == 5)
            mer_thrift_integer(reader, field, &page->n_definition);
        else if (is_v2 && field.id == 6)
            mer_thrift_integer(reader, field, &page->n_repetition);
        else if (is_v2 && field.id == 7)
            mer_thrift_boolean(reader, field, &page->is_compressed);
        else
            mer_thrift_skip(reader, field.type);
    }
}

static struct page read_header(struct mer_byte_reader *reader)
{
    struct page page = {.type = -1,
                        .n_uncompressed = -1,
                        .n_compressed = -1,
                        .n_values = -1,
                        .encoding = -1,
                        .level_encoding = ENCODING_RLE,
                        .is_compressed = true};
    struct mer_thrift_field field = {.id = 0};
    while (mer_thrift_next(reader, &field)) {
        if (field.id == 1)
            mer_thrift_integer(reader, field, &page.type);
        else if (field.id == 2)
            mer_thrift_integer(reader, field, &page.n_uncompressed);
        else if (field.id == 3)
            mer_thrift_integer(reader, field, &page.n_compressed);
        else if (field.id == 4) {
            mer_thrift_integer(reader, field, &page.crc);
            page.has_crc = true;
        } else if ((field.id == 5 || field.id == 7 || field.id == 8) &&
                   field.type == MER_THRIFT_STRUCT)
            read_part(reader, field.id, &page);
        else
            mer_thrift_skip(reader, field.type);
    }
    return page;
}

static mer_status next_page(struct chunk_reading *reading, struct mer_byte_reader *reader,
                            struct page *ret_page)
{
    struct page page = read_header(reader);
    if (reader->failed || page.n_compressed < 0 || page.n_uncompressed < 0)
        return damaged(reading, "a page without a header");
    page.at = mer_byte_reader_take(reader, (uint64_t)page.n_compressed);
    if (!page.at)
        return damaged(reading, "a page is cut off");
    if (page.has_crc && (uint32_t)page.crc != crc32_z(0, page.at, (size_t)page.n_compressed))
        return damaged(reading, "a page has not the checksum that it should");
    *ret_page = page;
    return mer_ok();
}

/* The page's contents behind the first n_plain bytes, decompressed. */
static mer_status open_page(const struct chunk_reading *reading, const struct page *page,
                            size_t n_plain, struct scratch *scratch,
                            struct mer_byte_reader *ret_reader)
{
    const size_t n_in = (size_t)page->n_compressed - n_plain;
    const size_t n_out = (size_t)page->n_uncompressed - n_plain;
    unsigned char *bytes;
    if (reading->chunk->compression == MER_COMPRESSION_NONE || !page->is_compressed) {
        *ret_reader = mer_byte_reader_of(page->at + n_plain, n_in);
        return mer_ok();
    }
    MER_GUARD(need(reading, scratch, n_out, 1, &bytes));
    if (n_out > 0 || n_in > 0) {
        const mer_status status = mer_decompress(reading->chunk->compression, page->at + n_plain,
                                                 n_in, bytes, n_out, reading->err);
        if (!mer_is_ok(status))
            return mer_prefix(reading->err, status, "column %s",
                              mer_quote(reading->column->name).text);
    }
    *ret_reader = mer_byte_reader_of(bytes, n_out);
    return mer_ok();
}

static size_t width_of(const struct mer_parquet_leaf *leaf)
{
    switch (leaf->physical) {
    case MER_PARQUET_BOOLEAN:
        return 1;
    case MER_PARQUET_INT32:
    case MER_PARQUET_FLOAT:
        return 4;
    case MER_PARQUET_INT64:
    case MER_PARQUET_DOUBLE:
        return 8;
    case MER_PARQUET_INT96:
        return 12;
    case MER_PARQUET_BYTE_ARRAY:
    case MER_PARQUET_FIXED:
        break;
    }
    return leaf->width;
}

static mer_status decode_booleans(struct chunk_reading *reading, struct mer_byte_reader *reader,
                                  struct mer_parquet_values *values)
{
    unsigned char *truths;
    const unsigned char *const bits = mer_byte_reader_take(reader, (values->n + 7) / 8);
    if (!bits)
        return damaged(reading, "a page holds fewer values than it says");
    MER_GUARD(need(reading, &reading->values, values->n, 1, &truths));
    for (size_t i = 0; i < values->n; i++)
        truths[i] = bits[i / 8] >> (i % 8) & 1;
    values->fixed = truths;
    return mer_ok();
}

/* PLAIN; the views of byte arrays go into the given scratch. */
static mer_status decode_plain(struct chunk_reading *reading, struct mer_byte_reader *reader,
                               struct scratch *views, struct mer_parquet_values *values)
{
    size_t n_bytes;
    if (reading->leaf->physical == MER_PARQUET_BOOLEAN)
        return decode_booleans(reading, reader, values);
    if (reading->leaf->physical == MER_PARQUET_BYTE_ARRAY) {
        if (values->n > mer_byte_reader_left(reader) / sizeof(uint32_t))
            return damaged(reading, "a page holds fewer values than it says");
        MER_GUARD(need(reading, views, values->n, sizeof *values->views, &values->views));
        return mer_parquet_views(reader, values->views, values->n)
                   ? mer_ok()
                   : damaged(reading, "a text reaches beyond its page");
    }
    if (!mer_size_mul(values->n, values->width, &n_bytes))
        n_bytes = SIZE_MAX;
    values->fixed = mer_byte_reader_take(reader, n_bytes);
    return values->fixed ? mer_ok() : damaged(reading, "a page holds fewer values than it says");
}

static mer_status decode_runs_of_booleans(struct chunk_reading *reading,
                                          struct mer_byte_reader *reader,
                                          struct mer_parquet_values *values)
{
    uint32_t *numbers;
    unsigned char *truths;
    (void)mer_byte_reader_u32(reader); /* their length; nothing follows them */
    MER_GUARD(need(reading, &reading->lengths, values->n, sizeof *numbers, &numbers));
    MER_GUARD(need(reading, &reading->values, values->n, 1, &truths));
    if (!mer_parquet_runs(reader, 1, numbers, values->n))
        return damaged(reading, "damaged runs");
    for (size_t i = 0; i < values->n; i++)
        truths[i] = (unsigned char)numbers[i];
    values->fixed = truths;
    return mer_ok();
}

static mer_status decode_deltas(struct chunk_reading *reading, struct mer_byte_reader *reader,
                                struct mer_parquet_values *values)
{
    int64_t *numbers;
    MER_GUARD(need(reading, &reading->values, values->n, sizeof *numbers, &numbers));
    if (!mer_parquet_deltas(reader, numbers, values->n))
        return damaged(reading, "damaged deltas");
    if (reading->leaf->physical == MER_PARQUET_INT32) {
        /* In place: the narrower values never overtake the wider ones. */
        unsigned char *const narrow = reading->values.bytes;
        for (size_t i = 0; i < values->n; i++) {
            const int32_t value = (int32_t)(uint32_t)(uint64_t)numbers[i];
            memcpy(narrow + i * sizeof value, &value, sizeof value);
        }
    }
    values->fixed = reading->values.bytes;
    return mer_ok();
}

/* The lengths come first, then the bytes of all texts. */
static mer_status decode_delta_lengths(struct chunk_reading *reading,
                                       struct mer_byte_reader *reader,
                                       struct mer_parquet_values *values)
{
    int64_t *lengths;
    MER_GUARD(need(reading, &reading->lengths, values->n, sizeof *lengths, &lengths));
    MER_GUARD(need(reading, &reading->views, values->n, sizeof *values->views, &values->views));
    if (!mer_parquet_deltas(reader, lengths, values->n))
        return damaged(reading, "damaged lengths of texts");
    for (size_t i = 0; i < values->n; i++) {
        const unsigned char *const bytes =
            lengths[i] < 0 ? NULL : mer_byte_reader_take(reader, (uint64_t)lengths[i]);
        if (!bytes)
            return damaged(reading, "a text reaches beyond its page");
        values->views[i] = (struct mer_cell){(const char *)bytes, (size_t)lengths[i]};
    }
    return mer_ok();
}

/* Every text begins with so many bytes of the one before it. The whole texts are written one behind
 * the other, into memory that the budget bounds. */
static mer_status expand_prefixes(struct chunk_reading *reading, const int64_t *prefixes,
                                  struct mer_parquet_values *values)
{
    size_t n_total = 0, n_previous = 0;
    unsigned char *bytes;
    for (size_t i = 0; i < values->n; i++) {
        if (prefixes[i] < 0 || (uint64_t)prefixes[i] > n_previous)
            return damaged(reading, "a text begins with more than the one before it has");
        n_previous = (size_t)prefixes[i] + values->views[i].n;
        if (!mer_size_add(n_total, n_previous, &n_total))
            return damaged(reading, "a page is larger than memory");
    }
    MER_GUARD(need(reading, &reading->values, n_total, 1, &bytes));
    const unsigned char *previous = bytes;
    for (size_t i = 0; i < values->n; i++) {
        struct mer_cell *const view = &values->views[i];
        const size_t n_prefix = (size_t)prefixes[i];
        memcpy(bytes, previous, n_prefix);
        memcpy(bytes + n_prefix, view->bytes, view->n);
        *view = (struct mer_cell){(const char *)bytes, n_prefix + view->n};
        previous = bytes;
        bytes += view->n;
    }
    return mer_ok();
}

static mer_status decode_delta_texts(struct chunk_reading *reading, struct mer_byte_reader *reader,
                                     struct mer_parquet_values *values)
{
    int64_t *prefixes;
    MER_GUARD(need(reading, &reading->numbers, values->n, sizeof *prefixes, &prefixes));
    if (!mer_parquet_deltas(reader, prefixes, values->n))
        return damaged(reading, "damaged lengths of texts");
    MER_GUARD(decode_delta_lengths(reading, reader, values));
    MER_GUARD(expand_prefixes(reading, prefixes, values));
    if (reading->leaf->physical != MER_PARQUET_FIXED)
        return mer_ok();
    for (size_t i = 0; i < values->n; i++)
        if (values->views[i].n != values->width)
            return damaged(reading, "a value of another width than the column's");
    values->fixed = reading->values.bytes;
    values->views = NULL;
    return mer_ok();
}

static mer_status decode_split(struct chunk_reading *reading, struct mer_byte_reader *reader,
                               struct mer_parquet_values *values)
{
    unsigned char *bytes;
    MER_GUARD(need(reading, &reading->values, values->n, values->width, &bytes));
    if (!mer_parquet_unsplit(reader, values->width, bytes, values->n))
        return damaged(reading, "a page holds fewer values than it says");
    values->fixed = bytes;
    return mer_ok();
}

static mer_status decode(struct chunk_reading *reading, int64_t encoding,
                         struct mer_byte_reader *reader, struct mer_parquet_values *values)
{
    const enum mer_parquet_physical physical = reading->leaf->physical;
    const bool is_int = physical == MER_PARQUET_INT32 || physical == MER_PARQUET_INT64;
    const bool is_bytes = physical == MER_PARQUET_BYTE_ARRAY;
    if (encoding == ENCODING_PLAIN)
        return decode_plain(reading, reader, &reading->views, values);
    if (encoding == ENCODING_RLE && physical == MER_PARQUET_BOOLEAN)
        return decode_runs_of_booleans(reading, reader, values);
    if (encoding == ENCODING_DELTA_BINARY_PACKED && is_int)
        return decode_deltas(reading, reader, values);
    if (encoding == ENCODING_DELTA_LENGTH_BYTE_ARRAY && is_bytes)
        return decode_delta_lengths(reading, reader, values);
    if (encoding == ENCODING_DELTA_BYTE_ARRAY && (is_bytes || physical == MER_PARQUET_FIXED))
        return decode_delta_texts(reading, reader, values);
    if (encoding == ENCODING_BYTE_STREAM_SPLIT && !is_bytes && physical != MER_PARQUET_BOOLEAN &&
        physical != MER_PARQUET_INT96)
        return decode_split(reading, reader, values);
    return damaged(reading, "an encoding that the column cannot have");
}

/* Puts the page's values, and missing ones where the levels say so. */
static mer_status put_all(struct chunk_reading *reading, const uint8_t *present, size_t n,
                          const struct mer_parquet_values *values, const uint32_t *indices)
{
    struct mer_built_column *const column = reading->column;
    size_t next = 0;
    if (!indices && values->n == n && mer_parquet_put_whole(column, reading->leaf, values))
        return mer_ok();
    for (size_t row = 0; row < n; row++) {
        if (present && !present[row]) {
            mer_built_put_missing(column);
            continue;
        }
        const size_t i = indices ? indices[next] : next;
        next++;
        MER_GUARD(mer_parquet_put(column, reading->leaf, values, i, reading->err));
    }
    return mer_ok();
}

static mer_status put_by_dictionary(struct chunk_reading *reading, struct mer_byte_reader *reader,
                                    const uint8_t *present, size_t n, size_t n_present)
{
    uint32_t *indices;
    if (!reading->has_dictionary)
        return damaged(reading, "a page needs a dictionary, and there is none");
    if (n_present == 0)
        return put_all(reading, present, n, &reading->dictionary, NULL);
    const unsigned width = mer_byte_reader_u8(reader);
    MER_GUARD(need(reading, &reading->numbers, n_present, sizeof *indices, &indices));
    if (!mer_parquet_runs(reader, width, indices, n_present))
        return damaged(reading, "damaged numbers of a dictionary's values");
    for (size_t i = 0; i < n_present; i++)
        if (indices[i] >= reading->dictionary.n)
            return damaged(reading, "a value beyond the dictionary's end");
    return put_all(reading, present, n, &reading->dictionary, indices);
}

/* Definition levels of a flat column are bits: present or not. */
static mer_status read_levels(struct chunk_reading *reading, struct mer_byte_reader *reader,
                              size_t n, struct scratch *scratch, uint8_t **ret_present,
                              size_t *ret_n_present)
{
    uint32_t *levels;
    uint8_t *present;
    MER_GUARD(need(reading, &reading->numbers, n, sizeof *levels, &levels));
    MER_GUARD(need(reading, scratch, n, 1, &present));
    if (!mer_parquet_runs(reader, 1, levels, n))
        return damaged(reading, "damaged levels");
    size_t n_present = 0;
    for (size_t i = 0; i < n; i++) {
        present[i] = (uint8_t)levels[i];
        n_present += levels[i];
    }
    *ret_present = present;
    *ret_n_present = n_present;
    return mer_ok();
}

/* V1: everything is compressed, and the levels have their length in front. V2: the levels stand
 * uncompressed at the beginning. */
static mer_status open_data(struct chunk_reading *reading, const struct page *page,
                            struct mer_byte_reader *ret_levels, struct mer_byte_reader *ret_values)
{
    if (page->type == PAGE_DATA_V2) {
        if (page->n_definition < 0 || page->n_repetition != 0 ||
            page->n_definition > page->n_compressed || page->n_definition > page->n_uncompressed)
            return damaged(reading, "levels that cannot be");
        *ret_levels = mer_byte_reader_of(page->at, (size_t)page->n_definition);
        return open_page(reading, page, (size_t)page->n_definition, &reading->page, ret_values);
    }
    MER_GUARD(open_page(reading, page, 0, &reading->page, ret_values));
    if (!reading->leaf->optional)
        return mer_ok();
    if (page->level_encoding != ENCODING_RLE)
        return damaged(reading, "levels in an encoding that is not supported");
    const uint32_t n = mer_byte_reader_u32(ret_values);
    const unsigned char *const bytes = mer_byte_reader_take(ret_values, n);
    if (!bytes)
        return damaged(reading, "levels that cannot be");
    *ret_levels = mer_byte_reader_of(bytes, n);
    return mer_ok();
}

static mer_status read_data_page(struct chunk_reading *reading, const struct page *page,
                                 struct scratch *present_scratch)
{
    struct mer_byte_reader levels = {0}, reader;
    if (page->n_values < 0 || (uint64_t)page->n_values > reading->chunk->n_values - reading->n_read)
        return damaged(reading, "more values than the column has");
    const size_t n = (size_t)page->n_values;
    uint8_t *present = NULL;
    size_t n_present = n;
    MER_GUARD(open_data(reading, page, &levels, &reader));
    if (reading->leaf->optional)
        MER_GUARD(read_levels(reading, &levels, n, present_scratch, &present, &n_present));
    MER_GUARD(mer_built_reserve(reading->column, n, reading->err));
    reading->n_read += n;
    if (page->encoding == ENCODING_PLAIN_DICTIONARY || page->encoding == ENCODING_RLE_DICTIONARY)
        return put_by_dictionary(reading, &reader, present, n, n_present);
    struct mer_parquet_values values = {.width = width_of(reading->leaf), .n = n_present};
    if (n_present > 0)
        MER_GUARD(decode(reading, page->encoding, &reader, &values));
    return put_all(reading, present, n, &values, NULL);
}

static mer_status read_dictionary(struct chunk_reading *reading, const struct page *page)
{
    struct mer_byte_reader reader;
    if (reading->has_dictionary || reading->n_read > 0 || page->n_values < 0 ||
        (page->encoding != ENCODING_PLAIN && page->encoding != ENCODING_PLAIN_DICTIONARY) ||
        reading->leaf->physical == MER_PARQUET_BOOLEAN)
        return damaged(reading, "a dictionary where none may be");
    MER_GUARD(open_page(reading, page, 0, &reading->dictionary_page, &reader));
    reading->dictionary =
        (struct mer_parquet_values){.width = width_of(reading->leaf), .n = (size_t)page->n_values};
    reading->has_dictionary = true;
    return decode_plain(reading, &reader, &reading->dictionary_values, &reading->dictionary);
}

static mer_status read_pages(struct chunk_reading *reading, struct scratch *present)
{
    struct mer_byte_reader reader =
        mer_byte_reader_of(reading->chunk->bytes, reading->chunk->n_bytes);
    while (reading->n_read < reading->chunk->n_values) {
        struct page page = {.type = -1};
        MER_GUARD(mer_ctx_check_cancel(reading->ctx, reading->err));
        MER_GUARD(next_page(reading, &reader, &page));
        switch (page.type) {
        case PAGE_DATA:
        case PAGE_DATA_V2:
            MER_GUARD(read_data_page(reading, &page, present));
            break;
        case PAGE_DICTIONARY:
            MER_GUARD(read_dictionary(reading, &page));
            break;
        case PAGE_INDEX:
            break;
        default:
            return damaged(reading, "a page of an unknown kind");
        }
    }
    return mer_ok();
}

mer_status mer_parquet_read_chunk(const struct mer_ctx *ctx, const struct mer_parquet_leaf *leaf,
                                  const struct mer_parquet_chunk *chunk,
                                  struct mer_built_column *column, mer_err *err)
{
    struct chunk_reading reading = {
        .ctx = ctx, .leaf = leaf, .chunk = chunk, .column = column, .err = err};
    struct scratch present = {0};
    const mer_status status = read_pages(&reading, &present);
    struct scratch *const all[] = {
        &reading.page,    &reading.values, &reading.views,           &reading.lengths,
        &reading.numbers, &present,        &reading.dictionary_page, &reading.dictionary_values};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        mer_free(ctx->alloc, all[i]->bytes);
    return status;
}
