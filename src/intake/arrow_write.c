/* Writes Arrow IPC files (Feather version 2): batches of bounded length, not compressed, so that
 * readers can map them. Texts have offsets of 64 bits, categories are dictionaries. */
#include <string.h>

#include "frame/image.h"
#include "intake/flat_write.h"
#include "intake/table_writer.h"

enum {
    BATCH_ROWS = 1 << 17, /* a multiple of 8, so that bitmaps begin at a byte */
    BODY_ALIGNMENT = 64,
    METADATA_VERSION = 4, /* V5 */
    /* The format's own numbers. */
    MESSAGE_SCHEMA = 1,
    MESSAGE_DICTIONARY = 2,
    MESSAGE_BATCH = 3,
    TYPE_INT = 2,
    TYPE_FLOATING_POINT = 3,
    TYPE_BOOL = 6,
    TYPE_DATE = 8,
    TYPE_TIME = 9,
    TYPE_TIMESTAMP = 10,
    TYPE_LARGE_UTF8 = 20,
    UNIT_MICROSECOND = 2,
    OFFSET = 4 /* the width of a field that leads elsewhere */
};

struct block {
    int64_t at;
    int64_t n_metadata;
    int64_t n_body;
};

/* A piece of a body; of a column's own memory, or of `copies`. */
struct piece {
    const void *bytes; /* NULL: at `at` in the copies */
    size_t at;
    size_t n;
};

struct node {
    int64_t length;
    int64_t null_count;
};

struct arrow_writing {
    const struct mer_ctx *ctx;
    const struct mer_frame *frame;
    const struct mer_table_sink *sink;
    struct mer_flat_out flat;
    struct mer_buf metadata;
    struct mer_buf nodes;  /* struct node, of the batch in hand */
    struct mer_buf pieces; /* struct piece */
    struct mer_buf copies;
    struct mer_buf dictionary_blocks; /* struct block */
    struct mer_buf batch_blocks;
    uint64_t at;
    mer_err *err;
};

static mer_status emit(struct arrow_writing *writing, const void *bytes, size_t n)
{
    writing->at += n;
    return n ? writing->sink->write(writing->sink->self, bytes, n, writing->err) : mer_ok();
}

static mer_status emit_zeros(struct arrow_writing *writing, size_t n)
{
    static const unsigned char zeros[BODY_ALIGNMENT];
    return emit(writing, zeros, n);
}

/* The table of a type, and which type it is. */
static size_t put_type(struct mer_flat_out *flat, enum mer_type type)
{
    struct mer_flat_field fields[2] = {{.width = 0}};
    switch (type) {
    case MER_TYPE_INTEGER:
        fields[0] = (struct mer_flat_field){.width = 4, .value = 64};
        fields[1] = (struct mer_flat_field){.width = 1, .value = 1};
        break;
    case MER_TYPE_NUMBER:
        fields[0] = (struct mer_flat_field){.width = 2, .value = 2};
        break;
    case MER_TYPE_DATE:
        fields[0] = (struct mer_flat_field){.width = 2, .value = 0};
        break;
    case MER_TYPE_TIME:
        fields[0] = (struct mer_flat_field){.width = 2, .value = UNIT_MICROSECOND};
        fields[1] = (struct mer_flat_field){.width = 4, .value = 64};
        break;
    case MER_TYPE_DATETIME:
        fields[0] = (struct mer_flat_field){.width = 2, .value = UNIT_MICROSECOND};
        fields[1] = (struct mer_flat_field){.width = OFFSET};
        break;
    default:
        break;
    }
    const size_t at = mer_flat_out_table(flat, fields, 2);
    if (type == MER_TYPE_DATETIME)
        mer_flat_out_link(flat, fields[1].at, mer_flat_out_text(flat, "UTC", 3));
    return at;
}

static int64_t type_id(enum mer_type type)
{
    static const int64_t ids[MER_TYPE_COUNT] = {
        [MER_TYPE_BOOLEAN] = TYPE_BOOL,
        [MER_TYPE_INTEGER] = TYPE_INT,
        [MER_TYPE_NUMBER] = TYPE_FLOATING_POINT,
        [MER_TYPE_CATEGORICAL] = TYPE_LARGE_UTF8,
        [MER_TYPE_TEXT] = TYPE_LARGE_UTF8,
        [MER_TYPE_DATE] = TYPE_DATE,
        [MER_TYPE_TIME] = TYPE_TIME,
        [MER_TYPE_DATETIME] = TYPE_TIMESTAMP,
    };
    return ids[type];
}

static size_t put_dictionary_encoding(struct mer_flat_out *flat, size_t column)
{
    struct mer_flat_field fields[] = {{.width = 8, .value = (int64_t)column}, {.width = OFFSET}};
    struct mer_flat_field index[] = {{.width = 4, .value = 32}, {.width = 1, .value = 1}};
    const size_t at = mer_flat_out_table(flat, fields, 2);
    mer_flat_out_link(flat, fields[1].at, mer_flat_out_table(flat, index, 2));
    return at;
}

static size_t put_field(struct mer_flat_out *flat, const struct mer_column *column, size_t c)
{
    enum { NAME, NULLABLE, TYPE_ID, TYPE, DICTIONARY, CHILDREN, COUNT };
    size_t first;
    struct mer_flat_field fields[COUNT] = {
        [NAME] = {.width = OFFSET},
        [NULLABLE] = {.width = 1, .value = 1},
        [TYPE_ID] = {.width = 1, .value = type_id(column->type)},
        [TYPE] = {.width = OFFSET},
        [DICTIONARY] = {.width = column->type == MER_TYPE_CATEGORICAL ? OFFSET : 0},
        [CHILDREN] = {.width = OFFSET},
    };
    const size_t at = mer_flat_out_table(flat, fields, COUNT);
    mer_flat_out_link(flat, fields[NAME].at, mer_flat_out_text(flat, column->name, column->n_name));
    mer_flat_out_link(flat, fields[TYPE].at, put_type(flat, column->type));
    if (column->type == MER_TYPE_CATEGORICAL)
        mer_flat_out_link(flat, fields[DICTIONARY].at, put_dictionary_encoding(flat, c));
    mer_flat_out_link(flat, fields[CHILDREN].at, mer_flat_out_vector(flat, 0, OFFSET, &first));
    return at;
}

static size_t put_schema(struct mer_flat_out *flat, const struct mer_frame *frame)
{
    struct mer_flat_field fields[] = {{.width = 2, .value = 0}, {.width = OFFSET}};
    size_t first;
    const size_t at = mer_flat_out_table(flat, fields, 2);
    mer_flat_out_link(flat, fields[1].at,
                      mer_flat_out_vector(flat, frame->n_columns, OFFSET, &first));
    for (size_t c = 0; c < frame->n_columns; c++)
        mer_flat_out_link(flat, first + c * OFFSET, put_field(flat, &frame->columns[c], c));
    return at;
}

/* The frame of every message; returns where its header is to be linked. */
static size_t begin_message(struct mer_flat_out *flat, int64_t kind, size_t n_body)
{
    struct mer_flat_field fields[] = {{.width = 2, .value = METADATA_VERSION},
                                      {.width = 1, .value = kind},
                                      {.width = OFFSET},
                                      {.width = 8, .value = (int64_t)n_body}};
    mer_flat_out_begin(flat);
    mer_flat_out_link(flat, 0, mer_flat_out_table(flat, fields, 4));
    return fields[2].at;
}

/* Writes the message in hand, with the mark and the size in front, and notes where it lies. */
static mer_status emit_message(struct arrow_writing *writing, size_t n_body, struct mer_buf *blocks)
{
    mer_flat_out_pad(&writing->flat);
    MER_GUARD(writing->flat.status);
    const uint32_t prefix[] = {UINT32_MAX, (uint32_t)writing->metadata.n};
    const struct block block = {(int64_t)writing->at,
                                (int64_t)(sizeof prefix + writing->metadata.n), (int64_t)n_body};
    if (writing->metadata.n > INT32_MAX)
        return mer_fail(writing->err, MER_ERR_DATA, "the table has too many columns for Arrow");
    MER_GUARD(emit(writing, prefix, sizeof prefix));
    MER_GUARD(emit(writing, writing->metadata.bytes, writing->metadata.n));
    return blocks ? mer_buf_append(blocks, &block, sizeof block, writing->err) : mer_ok();
}

static mer_status add_piece(struct arrow_writing *writing, const void *bytes, size_t n)
{
    const struct piece piece = {.bytes = bytes, .n = n};
    return mer_buf_append(&writing->pieces, &piece, sizeof piece, writing->err);
}

static mer_status add_copy(struct arrow_writing *writing, size_t at)
{
    const struct piece piece = {.at = at, .n = writing->copies.n - at};
    return mer_buf_append(&writing->pieces, &piece, sizeof piece, writing->err);
}

/* Offsets of some texts, from 0, and their bytes. */
static mer_status add_texts(struct arrow_writing *writing, const int64_t *offsets,
                            const char *bytes, size_t n)
{
    static const int64_t nothing = 0;
    const size_t at = writing->copies.n;
    const int64_t *const all = offsets ? offsets : &nothing;
    for (size_t i = 0; i <= n; i++) {
        const int64_t offset = all[i] - all[0];
        MER_GUARD(mer_buf_append(&writing->copies, &offset, sizeof offset, writing->err));
    }
    MER_GUARD(add_copy(writing, at));
    return add_piece(writing, bytes ? bytes + all[0] : NULL, (size_t)(all[n] - all[0]));
}

static mer_status add_days(struct arrow_writing *writing, const int64_t *days, size_t n)
{
    const size_t at = writing->copies.n;
    for (size_t i = 0; i < n; i++) {
        const int32_t day = (int32_t)days[i];
        MER_GUARD(mer_buf_append(&writing->copies, &day, sizeof day, writing->err));
    }
    return add_copy(writing, at);
}

/* Where a value is missing stands 0: some readers look at such codes too. */
static mer_status add_codes(struct arrow_writing *writing, const struct mer_column *column,
                            size_t first, size_t n)
{
    const int32_t *const codes = column->data.codes + first;
    const size_t at = writing->copies.n;
    if (column->n_missing == 0)
        return add_piece(writing, codes, n * sizeof *codes);
    for (size_t i = 0; i < n; i++) {
        const int32_t code = codes[i] < 0 ? 0 : codes[i];
        MER_GUARD(mer_buf_append(&writing->copies, &code, sizeof code, writing->err));
    }
    return add_copy(writing, at);
}

static mer_status add_values(struct arrow_writing *writing, const struct mer_column *column,
                             size_t first, size_t n)
{
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        return add_piece(writing, column->data.bits + first / 8, mer_bitmap_bytes(n));
    case MER_TYPE_CATEGORICAL:
        return add_codes(writing, column, first, n);
    case MER_TYPE_TEXT:
        return add_texts(writing, column->data.offsets + first, column->bytes, n);
    case MER_TYPE_DATE:
        return add_days(writing, column->data.integers + first, n);
    default:
        return add_piece(writing, column->data.integers + first, n * sizeof(int64_t));
    }
}

static mer_status add_column(struct arrow_writing *writing, const struct mer_column *column,
                             size_t first, size_t n)
{
    struct node node = {.length = (int64_t)n};
    for (size_t row = first; column->n_missing && row < first + n; row++)
        node.null_count += !mer_column_has(column, row);
    MER_GUARD(mer_buf_append(&writing->nodes, &node, sizeof node, writing->err));
    if (node.null_count > 0)
        MER_GUARD(add_piece(writing, column->validity + first / 8, mer_bitmap_bytes(n)));
    else
        MER_GUARD(add_piece(writing, NULL, 0));
    return add_values(writing, column, first, n);
}

static size_t padded(size_t n)
{
    return (n + BODY_ALIGNMENT - 1) / BODY_ALIGNMENT * BODY_ALIGNMENT;
}

/* RecordBatch, of the nodes and pieces in hand. */
static size_t put_batch(struct arrow_writing *writing, size_t n_rows)
{
    struct mer_flat_out *const flat = &writing->flat;
    const struct piece *const pieces = (const void *)writing->pieces.bytes;
    const size_t n_pieces = writing->pieces.n / sizeof *pieces;
    const size_t n_nodes = writing->nodes.n / sizeof(struct node);
    struct mer_flat_field fields[] = {
        {.width = 8, .value = (int64_t)n_rows}, {.width = OFFSET}, {.width = OFFSET}};
    size_t first, offset = 0;
    const size_t at = mer_flat_out_table(flat, fields, 3);
    mer_flat_out_link(flat, fields[1].at,
                      mer_flat_out_vector(flat, n_nodes, sizeof(struct node), &first));
    if (mer_is_ok(flat->status))
        memcpy(flat->buf->bytes + first, writing->nodes.bytes, writing->nodes.n);
    mer_flat_out_link(flat, fields[2].at, mer_flat_out_vector(flat, n_pieces, 16, &first));
    for (size_t i = 0; i < n_pieces; i++) {
        mer_flat_out_set(flat, first + i * 16, (int64_t)offset);
        mer_flat_out_set(flat, first + i * 16 + 8, (int64_t)pieces[i].n);
        offset += padded(pieces[i].n);
    }
    return at;
}

static size_t body_bytes(const struct arrow_writing *writing)
{
    const struct piece *const pieces = (const void *)writing->pieces.bytes;
    size_t n = 0;
    for (size_t i = 0; i < writing->pieces.n / sizeof *pieces; i++)
        n += padded(pieces[i].n);
    return n;
}

static mer_status emit_body(struct arrow_writing *writing)
{
    const struct piece *const pieces = (const void *)writing->pieces.bytes;
    for (size_t i = 0; i < writing->pieces.n / sizeof *pieces; i++) {
        const struct piece *const piece = &pieces[i];
        MER_GUARD(emit(writing, piece->bytes ? piece->bytes : writing->copies.bytes + piece->at,
                       piece->n));
        MER_GUARD(emit_zeros(writing, padded(piece->n) - piece->n));
    }
    mer_buf_clear(&writing->nodes);
    mer_buf_clear(&writing->pieces);
    mer_buf_clear(&writing->copies);
    return mer_ok();
}

static mer_status write_dictionary(struct arrow_writing *writing, size_t c)
{
    const struct mer_column *const column = &writing->frame->columns[c];
    const struct node node = {.length = (int64_t)column->n_levels};
    struct mer_flat_out *const flat = &writing->flat;
    struct mer_flat_field fields[] = {{.width = 8, .value = (int64_t)c}, {.width = OFFSET}};
    MER_GUARD(mer_buf_append(&writing->nodes, &node, sizeof node, writing->err));
    MER_GUARD(add_piece(writing, NULL, 0));
    MER_GUARD(add_texts(writing, column->n_levels ? column->level_offsets : NULL,
                        column->level_bytes, column->n_levels));
    const size_t n_body = body_bytes(writing);
    const size_t header = begin_message(flat, MESSAGE_DICTIONARY, n_body);
    mer_flat_out_link(flat, header, mer_flat_out_table(flat, fields, 2));
    mer_flat_out_link(flat, fields[1].at, put_batch(writing, column->n_levels));
    MER_GUARD(emit_message(writing, n_body, &writing->dictionary_blocks));
    return emit_body(writing);
}

static mer_status write_batch(struct arrow_writing *writing, size_t first, size_t n)
{
    for (size_t c = 0; c < writing->frame->n_columns; c++)
        MER_GUARD(add_column(writing, &writing->frame->columns[c], first, n));
    const size_t n_body = body_bytes(writing);
    const size_t header = begin_message(&writing->flat, MESSAGE_BATCH, n_body);
    mer_flat_out_link(&writing->flat, header, put_batch(writing, n));
    MER_GUARD(emit_message(writing, n_body, &writing->batch_blocks));
    return emit_body(writing);
}

/* A vector of Blocks: place, size of the metadata with four bytes of nothing, size of the body. */
static size_t put_blocks(struct mer_flat_out *flat, const struct mer_buf *blocks)
{
    const size_t n = blocks->n / sizeof(struct block);
    size_t first;
    const size_t at = mer_flat_out_vector(flat, n, sizeof(struct block), &first);
    if (mer_is_ok(flat->status) && n > 0)
        memcpy(flat->buf->bytes + first, blocks->bytes, blocks->n);
    return at;
}

static mer_status write_footer(struct arrow_writing *writing)
{
    static const uint32_t end[] = {UINT32_MAX, 0};
    struct mer_flat_out *const flat = &writing->flat;
    struct mer_flat_field fields[] = {{.width = 2, .value = METADATA_VERSION},
                                      {.width = OFFSET},
                                      {.width = OFFSET},
                                      {.width = OFFSET}};
    MER_GUARD(emit(writing, end, sizeof end));
    mer_flat_out_begin(flat);
    mer_flat_out_link(flat, 0, mer_flat_out_table(flat, fields, 4));
    mer_flat_out_link(flat, fields[1].at, put_schema(flat, writing->frame));
    mer_flat_out_link(flat, fields[2].at, put_blocks(flat, &writing->dictionary_blocks));
    mer_flat_out_link(flat, fields[3].at, put_blocks(flat, &writing->batch_blocks));
    mer_flat_out_pad(flat);
    MER_GUARD(flat->status);
    const uint32_t n = (uint32_t)writing->metadata.n;
    MER_GUARD(emit(writing, writing->metadata.bytes, writing->metadata.n));
    MER_GUARD(emit(writing, &n, sizeof n));
    return emit(writing, "ARROW1", 6);
}

static mer_status write_all(struct arrow_writing *writing)
{
    const struct mer_frame *const frame = writing->frame;
    MER_GUARD(emit(writing, "ARROW1\0", 8));
    const size_t header = begin_message(&writing->flat, MESSAGE_SCHEMA, 0);
    mer_flat_out_link(&writing->flat, header, put_schema(&writing->flat, frame));
    MER_GUARD(emit_message(writing, 0, NULL));
    for (size_t c = 0; c < frame->n_columns; c++)
        if (frame->columns[c].type == MER_TYPE_CATEGORICAL)
            MER_GUARD(write_dictionary(writing, c));
    for (size_t first = 0; first < frame->n_rows; first += BATCH_ROWS) {
        const size_t left = frame->n_rows - first;
        mer_ctx_progress(writing->ctx, "writing", first, frame->n_rows);
        MER_GUARD(mer_ctx_check_cancel(writing->ctx, writing->err));
        MER_GUARD(write_batch(writing, first, left < BATCH_ROWS ? left : BATCH_ROWS));
    }
    return write_footer(writing);
}

mer_status mer_arrow_write_table(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                 const struct mer_table_writing *writing,
                                 const struct mer_table_sink *sink, mer_err *err)
{
    (void)writing;
    struct arrow_writing arrow = {.ctx = ctx, .frame = frame, .sink = sink, .err = err};
    struct mer_buf *const all[] = {
        &arrow.metadata,          &arrow.nodes,       &arrow.pieces, &arrow.copies,
        &arrow.dictionary_blocks, &arrow.batch_blocks};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        mer_buf_init(all[i], ctx->alloc, SIZE_MAX / 2);
    arrow.flat = (struct mer_flat_out){.buf = &arrow.metadata, .err = err};
    const mer_status status = write_all(&arrow);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        mer_buf_release(all[i]);
    return status;
}
