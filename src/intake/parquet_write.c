/* Writes Parquet: row groups of bounded size, one page for each column in each, plain values
 * compressed with zstd, every column optional, no statistics. */
#include <zlib.h>
#include <zstd.h>

#include "frame/image.h"
#include "intake/table_writer.h"
#include "intake/thrift_write.h"

enum {
    GROUP_ROWS = 1 << 17,        /* a multiple of 8, so that bitmaps begin at a byte */
    GROUP_TEXT_BYTES = 64 << 20, /* of one column; a single row may pass it */
    LEVEL = 1,
    /* The format's own numbers. */
    PHYSICAL_BOOLEAN = 0,
    PHYSICAL_INT32 = 1,
    PHYSICAL_INT64 = 2,
    PHYSICAL_DOUBLE = 5,
    PHYSICAL_BYTE_ARRAY = 6,
    CODEC_ZSTD = 6,
    ENCODING_PLAIN = 0,
    ENCODING_RLE = 3
};

/* Where a chunk came to lie. */
struct chunk {
    uint64_t offset;
    uint64_t n_bytes;
    uint64_t n_uncompressed;
};

struct parquet_writing {
    const struct mer_ctx *ctx;
    const struct mer_frame *frame;
    const struct mer_table_sink *sink;
    ZSTD_CCtx *zstd;
    struct mer_buf page;
    struct mer_buf compressed;
    struct mer_buf header; /* of a page, or the footer */
    struct mer_buf chunks; /* struct chunk, group by group */
    struct mer_buf groups; /* size_t: the rows of each */
    uint64_t at;           /* bytes written so far */
    mer_err *err;
};

static mer_status emit(struct parquet_writing *writing, const void *bytes, size_t n)
{
    writing->at += n;
    return writing->sink->write(writing->sink->self, bytes, n, writing->err);
}

/* Definition levels: the validity bitmap is what bit-packed runs of one bit are. */
static mer_status put_levels(struct parquet_writing *writing, const struct mer_column *column,
                             size_t first, size_t n)
{
    struct mer_buf *const page = &writing->page;
    struct mer_thrift_out out = {.buf = page, .err = writing->err};
    const uint32_t zero = 0;
    MER_GUARD(mer_buf_append(page, &zero, sizeof zero, writing->err));
    if (column->n_missing == 0) {
        const unsigned char one = 1;
        mer_thrift_out_varint(&out, (uint64_t)n << 1);
        MER_GUARD(out.status);
        MER_GUARD(mer_buf_append(page, &one, 1, writing->err));
    } else {
        mer_thrift_out_varint(&out, (uint64_t)mer_bitmap_bytes(n) << 1 | 1);
        MER_GUARD(out.status);
        MER_GUARD(
            mer_buf_append(page, column->validity + first / 8, mer_bitmap_bytes(n), writing->err));
    }
    const uint32_t n_levels = (uint32_t)(page->n - sizeof zero);
    memcpy(page->bytes, &n_levels, sizeof n_levels);
    return mer_ok();
}

static mer_status put_booleans(struct parquet_writing *writing, const struct mer_column *column,
                               size_t first, size_t n)
{
    unsigned byte = 0;
    unsigned n_bits = 0;
    for (size_t row = first; row < first + n; row++) {
        if (!mer_column_has(column, row))
            continue;
        byte |= (unsigned)(column->data.bits[row / 8] >> (row % 8) & 1) << n_bits++;
        if (n_bits == 8) {
            const unsigned char full = (unsigned char)byte;
            MER_GUARD(mer_buf_append(&writing->page, &full, 1, writing->err));
            byte = n_bits = 0;
        }
    }
    const unsigned char rest = (unsigned char)byte;
    return mer_buf_append(&writing->page, &rest, n_bits > 0, writing->err);
}

static mer_status put_words(struct parquet_writing *writing, const struct mer_column *column,
                            size_t first, size_t n)
{
    struct mer_buf *const page = &writing->page;
    const size_t size = sizeof(int64_t);
    if (column->n_missing == 0)
        return mer_buf_append(page, column->data.integers + first, n * size, writing->err);
    MER_GUARD(mer_buf_reserve(page, n * size, writing->err));
    for (size_t row = first; row < first + n; row++) {
        if (!mer_column_has(column, row))
            continue;
        memcpy(page->bytes + page->n, column->data.integers + row, size);
        page->n += size;
    }
    return mer_ok();
}

static mer_status put_days(struct parquet_writing *writing, const struct mer_column *column,
                           size_t first, size_t n)
{
    struct mer_buf *const page = &writing->page;
    MER_GUARD(mer_buf_reserve(page, n * sizeof(int32_t), writing->err));
    for (size_t row = first; row < first + n; row++) {
        if (!mer_column_has(column, row))
            continue;
        const int32_t days = (int32_t)column->data.integers[row];
        memcpy(page->bytes + page->n, &days, sizeof days);
        page->n += sizeof days;
    }
    return mer_ok();
}

static struct mer_cell text_at(const struct mer_column *column, size_t row)
{
    return column->type == MER_TYPE_TEXT
               ? mer_column_text(column, row)
               : mer_column_level(column, (size_t)column->data.codes[row]);
}

static mer_status put_texts(struct parquet_writing *writing, const struct mer_column *column,
                            size_t first, size_t n)
{
    for (size_t row = first; row < first + n; row++) {
        if (!mer_column_has(column, row))
            continue;
        const struct mer_cell cell = text_at(column, row);
        const uint32_t length = (uint32_t)cell.n;
        if (cell.n > INT32_MAX / 2)
            return mer_fail(writing->err, MER_ERR_DATA,
                            "row %zu, column %s: a text too long for "
                            "Parquet",
                            row + 1, mer_quote(column->name).text);
        MER_GUARD(mer_buf_append(&writing->page, &length, sizeof length, writing->err));
        MER_GUARD(mer_buf_append(&writing->page, cell.bytes, cell.n, writing->err));
    }
    return mer_ok();
}

static mer_status put_values(struct parquet_writing *writing, const struct mer_column *column,
                             size_t first, size_t n)
{
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        return put_booleans(writing, column, first, n);
    case MER_TYPE_DATE:
        return put_days(writing, column, first, n);
    case MER_TYPE_TEXT:
    case MER_TYPE_CATEGORICAL:
        return put_texts(writing, column, first, n);
    default:
        return put_words(writing, column, first, n);
    }
}

static mer_status compress_page(struct parquet_writing *writing)
{
    const struct mer_buf *const page = &writing->page;
    struct mer_buf *const out = &writing->compressed;
    mer_buf_clear(out);
    MER_GUARD(mer_buf_reserve(out, ZSTD_compressBound(page->n), writing->err));
    const size_t n =
        ZSTD_compressCCtx(writing->zstd, out->bytes, out->capacity, page->bytes, page->n, LEVEL);
    if (ZSTD_isError(n) || page->n > INT32_MAX || n > INT32_MAX)
        return mer_fail(writing->err, MER_ERR_MEMORY, "a page cannot be compressed");
    out->n = n;
    return mer_ok();
}

static mer_status put_page_header(struct parquet_writing *writing, size_t n_values)
{
    struct mer_thrift_out out = {.buf = &writing->header, .err = writing->err};
    const uint32_t crc = (uint32_t)crc32_z(0, writing->compressed.bytes, writing->compressed.n);
    mer_buf_clear(&writing->header);
    mer_thrift_out_i32(&out, 1, 0); /* a data page */
    mer_thrift_out_i32(&out, 2, (int64_t)writing->page.n);
    mer_thrift_out_i32(&out, 3, (int64_t)writing->compressed.n);
    mer_thrift_out_i32(&out, 4, (int32_t)crc);
    const int32_t outer = mer_thrift_out_begin(&out, 5);
    mer_thrift_out_i32(&out, 1, (int64_t)n_values);
    mer_thrift_out_i32(&out, 2, ENCODING_PLAIN);
    mer_thrift_out_i32(&out, 3, ENCODING_RLE);
    mer_thrift_out_i32(&out, 4, ENCODING_RLE);
    mer_thrift_out_end(&out, outer);
    mer_thrift_out_end(&out, 0);
    return out.status;
}

static mer_status put_chunk(struct parquet_writing *writing, const struct mer_column *column,
                            size_t first, size_t n)
{
    struct chunk chunk = {.offset = writing->at};
    mer_buf_clear(&writing->page);
    MER_GUARD(put_levels(writing, column, first, n));
    MER_GUARD(put_values(writing, column, first, n));
    MER_GUARD(compress_page(writing));
    MER_GUARD(put_page_header(writing, n));
    MER_GUARD(emit(writing, writing->header.bytes, writing->header.n));
    MER_GUARD(emit(writing, writing->compressed.bytes, writing->compressed.n));
    chunk.n_bytes = writing->at - chunk.offset;
    chunk.n_uncompressed = writing->header.n + writing->page.n;
    return mer_buf_append(&writing->chunks, &chunk, sizeof chunk, writing->err);
}

/* How many rows from `first` on make a group: so many that no column has too many bytes of texts.
 */
static size_t group_rows(const struct mer_frame *frame, size_t first)
{
    size_t n = frame->n_rows - first < GROUP_ROWS ? frame->n_rows - first : GROUP_ROWS;
    for (size_t c = 0; c < frame->n_columns; c++) {
        const struct mer_column *const column = &frame->columns[c];
        size_t n_bytes = 0;
        const bool is_text = column->type == MER_TYPE_TEXT || column->type == MER_TYPE_CATEGORICAL;
        for (size_t i = 0; is_text && i < n; i++) {
            if (mer_column_has(column, first + i))
                n_bytes += text_at(column, first + i).n + sizeof(uint32_t);
            if (n_bytes > GROUP_TEXT_BYTES && i >= 8)
                n = i & ~(size_t)7;
        }
    }
    return n;
}

static mer_status put_groups(struct parquet_writing *writing)
{
    const struct mer_frame *const frame = writing->frame;
    for (size_t first = 0, n; first < frame->n_rows; first += n) {
        n = group_rows(frame, first);
        mer_ctx_progress(writing->ctx, "writing", first, frame->n_rows);
        MER_GUARD(mer_buf_append(&writing->groups, &n, sizeof n, writing->err));
        for (size_t c = 0; c < frame->n_columns; c++) {
            MER_GUARD(mer_ctx_check_cancel(writing->ctx, writing->err));
            MER_GUARD(put_chunk(writing, &frame->columns[c], first, n));
        }
    }
    return mer_ok();
}

static int64_t physical_of(enum mer_type type)
{
    static const int64_t table[MER_TYPE_COUNT] = {
        [MER_TYPE_BOOLEAN] = PHYSICAL_BOOLEAN, [MER_TYPE_INTEGER] = PHYSICAL_INT64,
        [MER_TYPE_NUMBER] = PHYSICAL_DOUBLE,   [MER_TYPE_CATEGORICAL] = PHYSICAL_BYTE_ARRAY,
        [MER_TYPE_TEXT] = PHYSICAL_BYTE_ARRAY, [MER_TYPE_DATE] = PHYSICAL_INT32,
        [MER_TYPE_TIME] = PHYSICAL_INT64,      [MER_TYPE_DATETIME] = PHYSICAL_INT64,
    };
    return table[type];
}

/* LogicalType: a union, so a struct with one field. Times are microseconds; a time of the day is in
 * no zone, a point in time in UTC. */
static void put_logical(struct mer_thrift_out *out, enum mer_type type)
{
    static const int32_t unions[MER_TYPE_COUNT] = {[MER_TYPE_TEXT] = 1,
                                                   [MER_TYPE_CATEGORICAL] = 1,
                                                   [MER_TYPE_DATE] = 6,
                                                   [MER_TYPE_TIME] = 7,
                                                   [MER_TYPE_DATETIME] = 8};
    if (unions[type] == 0)
        return;
    const int32_t element = mer_thrift_out_begin(out, 10);
    const int32_t logical = mer_thrift_out_begin(out, unions[type]);
    if (type == MER_TYPE_TIME || type == MER_TYPE_DATETIME) {
        mer_thrift_out_boolean(out, 1, type == MER_TYPE_DATETIME);
        const int32_t time = mer_thrift_out_begin(out, 2);
        const int32_t unit = mer_thrift_out_begin(out, 2);
        mer_thrift_out_end(out, unit);
        mer_thrift_out_end(out, time);
    }
    mer_thrift_out_end(out, logical);
    mer_thrift_out_end(out, element);
}

static void put_schema(struct mer_thrift_out *out, const struct mer_frame *frame)
{
    static const int64_t converted[MER_TYPE_COUNT] = {
        [MER_TYPE_DATE] = 6, [MER_TYPE_DATETIME] = 10};
    mer_thrift_out_list(out, 2, MER_THRIFT_STRUCT, frame->n_columns + 1);
    int32_t outer = mer_thrift_out_begin_element(out);
    mer_thrift_out_binary(out, 4, "schema", 6);
    mer_thrift_out_i32(out, 5, (int64_t)frame->n_columns);
    mer_thrift_out_end(out, outer);
    for (size_t c = 0; c < frame->n_columns; c++) {
        const struct mer_column *const column = &frame->columns[c];
        const bool is_text = column->type == MER_TYPE_TEXT || column->type == MER_TYPE_CATEGORICAL;
        outer = mer_thrift_out_begin_element(out);
        mer_thrift_out_i32(out, 1, physical_of(column->type));
        mer_thrift_out_i32(out, 3, 1); /* optional */
        mer_thrift_out_binary(out, 4, column->name, column->n_name);
        if (is_text || converted[column->type])
            mer_thrift_out_i32(out, 6, converted[column->type]);
        put_logical(out, column->type);
        mer_thrift_out_end(out, outer);
    }
}

static void put_chunk_meta(struct mer_thrift_out *out, const struct mer_column *column,
                           const struct chunk *chunk, size_t n_rows)
{
    const int32_t outer = mer_thrift_out_begin_element(out);
    mer_thrift_out_i64(out, 2, (int64_t)chunk->offset);
    const int32_t inner = mer_thrift_out_begin(out, 3);
    mer_thrift_out_i32(out, 1, physical_of(column->type));
    mer_thrift_out_list(out, 2, MER_THRIFT_I32, 2);
    mer_thrift_out_i32_element(out, ENCODING_PLAIN);
    mer_thrift_out_i32_element(out, ENCODING_RLE);
    mer_thrift_out_list(out, 3, MER_THRIFT_BINARY, 1);
    mer_thrift_out_binary_element(out, column->name, column->n_name);
    mer_thrift_out_i32(out, 4, CODEC_ZSTD);
    mer_thrift_out_i64(out, 5, (int64_t)n_rows);
    mer_thrift_out_i64(out, 6, (int64_t)chunk->n_uncompressed);
    mer_thrift_out_i64(out, 7, (int64_t)chunk->n_bytes);
    mer_thrift_out_i64(out, 9, (int64_t)chunk->offset);
    mer_thrift_out_end(out, inner);
    mer_thrift_out_end(out, outer);
}

static void put_group_meta(struct mer_thrift_out *out, const struct parquet_writing *writing,
                           size_t g)
{
    const struct mer_frame *const frame = writing->frame;
    const struct chunk *const chunks =
        (const struct chunk *)(const void *)writing->chunks.bytes + g * frame->n_columns;
    const size_t n_rows = ((const size_t *)(const void *)writing->groups.bytes)[g];
    const int32_t outer = mer_thrift_out_begin_element(out);
    uint64_t n_bytes = 0;
    mer_thrift_out_list(out, 1, MER_THRIFT_STRUCT, frame->n_columns);
    for (size_t c = 0; c < frame->n_columns; c++) {
        put_chunk_meta(out, &frame->columns[c], &chunks[c], n_rows);
        n_bytes += chunks[c].n_uncompressed;
    }
    mer_thrift_out_i64(out, 2, (int64_t)n_bytes);
    mer_thrift_out_i64(out, 3, (int64_t)n_rows);
    mer_thrift_out_end(out, outer);
}

static mer_status put_footer(struct parquet_writing *writing)
{
    static const char creator[] = "merlon";
    struct mer_thrift_out out = {.buf = &writing->header, .err = writing->err};
    const size_t n_groups = writing->groups.n / sizeof(size_t);
    mer_buf_clear(&writing->header);
    mer_thrift_out_i32(&out, 1, 2); /* the format's version */
    put_schema(&out, writing->frame);
    mer_thrift_out_i64(&out, 3, (int64_t)writing->frame->n_rows);
    mer_thrift_out_list(&out, 4, MER_THRIFT_STRUCT, n_groups);
    for (size_t g = 0; g < n_groups; g++)
        put_group_meta(&out, writing, g);
    mer_thrift_out_binary(&out, 6, creator, sizeof creator - 1);
    mer_thrift_out_end(&out, 0);
    MER_GUARD(out.status);
    const uint32_t n_footer = (uint32_t)writing->header.n;
    if (writing->header.n > INT32_MAX)
        return mer_fail(writing->err, MER_ERR_DATA, "the table has too many columns for Parquet");
    MER_GUARD(mer_buf_append(&writing->header, &n_footer, sizeof n_footer, writing->err));
    MER_GUARD(mer_buf_append(&writing->header, "PAR1", 4, writing->err));
    return emit(writing, writing->header.bytes, writing->header.n);
}

static mer_status write_all(struct parquet_writing *writing)
{
    if (!writing->zstd)
        return mer_fail(writing->err, MER_ERR_MEMORY, "no memory to compress with");
    MER_GUARD(emit(writing, "PAR1", 4));
    MER_GUARD(put_groups(writing));
    return put_footer(writing);
}

mer_status mer_parquet_write_table(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                   const struct mer_table_writing *writing,
                                   const struct mer_table_sink *sink, mer_err *err)
{
    (void)writing;
    struct parquet_writing parquet = {
        .ctx = ctx, .frame = frame, .sink = sink, .zstd = ZSTD_createCCtx(), .err = err};
    struct mer_buf *const all[] = {&parquet.page, &parquet.compressed, &parquet.header,
                                   &parquet.chunks, &parquet.groups};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        mer_buf_init(all[i], ctx->alloc, SIZE_MAX / 2);
    const mer_status status = write_all(&parquet);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        mer_buf_release(all[i]);
    (void)ZSTD_freeCCtx(parquet.zstd);
    return status;
}
