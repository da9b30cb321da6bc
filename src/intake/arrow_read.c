/* Arrow IPC files (Feather version 2), read whole. */
#include <string.h>

#include "intake/arrow_file.h"
#include "intake/table_reader.h"

/* An array with its buffers, which were decompressed where they had to be. */
struct loaded {
    struct mer_arrow_array array;
    struct mer_arrow_buffer *buffers; /* owned, as the next */
    unsigned char **bytes;            /* decompressed; NULL: the file's own */
    size_t n_buffers;
};

struct dictionary {
    int64_t id;
    struct mer_arrow_type type; /* of the values */
    bool is_there;
    struct loaded values;
};

/* Where a column's array begins in a batch. */
struct place {
    size_t node;
    size_t buffer;
    size_t count;
};

struct arrow_reading {
    const struct mer_ctx *ctx;
    struct batch_plan *plans; /* one for each batch; owned */
    struct mer_arrow_file file;
    struct mer_table_builder builder;
    struct mer_built_column **columns; /* [n_fields] */
    struct dictionary *dictionaries;   /* one for each field that has one; owned */
    size_t n_dictionaries;
    mer_err *err;
};

/* Walks along the nodes and buffers of a batch. */
struct walk {
    struct mer_arrow_batch batch;
    struct mer_flat_vector nodes;
    struct mer_flat_vector buffers;
    struct mer_flat_vector counts; /* of the pieces of texts by views */
    size_t node;
    size_t buffer;
    size_t count;
    bool is_compressed;
    enum mer_compression compression;
};

/* So that columns can be read apart. */
struct batch_plan {
    struct walk walk;
    size_t n_rows;
    struct place *places; /* [n_fields], owned */
};

enum { PAIR_BYTES = 16 };

static mer_status damaged(mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "a batch of the Arrow file is damaged");
}

static mer_status begin_walk(const struct mer_arrow_batch *batch, struct walk *ret_walk,
                             mer_err *err)
{
    struct walk walk = {.batch = *batch};
    struct mer_flat *const flat = &walk.batch.flat;
    walk.nodes = mer_flat_vector(flat, batch->table, 1, PAIR_BYTES);
    walk.buffers = mer_flat_vector(flat, batch->table, 2, PAIR_BYTES);
    walk.counts = mer_flat_vector(flat, batch->table, 4, sizeof(int64_t));
    const mer_flat_table compression = mer_flat_child(flat, batch->table, 3);
    const int64_t codec = mer_flat_integer(flat, compression, 0, 1, 0);
    walk.is_compressed = compression != 0;
    walk.compression = codec == 1 ? MER_COMPRESSION_ZSTD : MER_COMPRESSION_LZ4_FRAME;
    if (flat->failed)
        return damaged(err);
    if (compression != 0 && (codec < 0 || codec > 1))
        return mer_fail(err, MER_ERR_DATA, "the Arrow file is compressed with something unknown");
    *ret_walk = walk;
    return mer_ok();
}

/* A compressed buffer has its size in front; -1: it is not compressed after all. */
static mer_status decompress(struct mer_alloc *alloc, const struct walk *walk,
                             const unsigned char *bytes, size_t n, unsigned char **owned,
                             struct mer_arrow_buffer *ret_buffer, mer_err *err)
{
    int64_t n_out;
    if (n < sizeof n_out)
        return damaged(err);
    memcpy(&n_out, bytes, sizeof n_out);
    bytes += sizeof n_out;
    n -= sizeof n_out;
    if (n_out == -1) {
        *ret_buffer = (struct mer_arrow_buffer){bytes, n};
        return mer_ok();
    }
    if (n_out < 0)
        return damaged(err);
    MER_GUARD(mer_alloc_bytes(alloc, (size_t)n_out, owned, err));
    *ret_buffer = (struct mer_arrow_buffer){*owned, (size_t)n_out};
    return mer_decompress(walk->compression, bytes, n, *owned, (size_t)n_out, err);
}

/* The next buffer; an empty one is absent. */
static mer_status next_buffer(struct mer_alloc *alloc, struct walk *walk, unsigned char **owned,
                              struct mer_arrow_buffer *ret_buffer, mer_err *err)
{
    struct mer_flat *const flat = &walk->batch.flat;
    if (walk->buffer >= walk->buffers.n)
        return damaged(err);
    const size_t at = walk->buffers.at + walk->buffer++ * PAIR_BYTES;
    const uint64_t offset = (uint64_t)mer_flat_at(flat, at, 8);
    const uint64_t n = (uint64_t)mer_flat_at(flat, at + 8, 8);
    if (flat->failed || offset > walk->batch.n_body || n > walk->batch.n_body - offset)
        return damaged(err);
    *ret_buffer = (struct mer_arrow_buffer){NULL, 0};
    if (n == 0)
        return mer_ok();
    const unsigned char *const bytes = walk->batch.body + offset;
    if (walk->is_compressed)
        return decompress(alloc, walk, bytes, (size_t)n, owned, ret_buffer, err);
    *ret_buffer = (struct mer_arrow_buffer){bytes, (size_t)n};
    return mer_ok();
}

static void unload(struct mer_alloc *alloc, struct loaded *loaded)
{
    for (size_t i = 0; loaded->bytes && i < loaded->n_buffers; i++)
        mer_free(alloc, loaded->bytes[i]);
    mer_free(alloc, loaded->bytes);
    mer_free(alloc, loaded->buffers);
    *loaded = (struct loaded){.n_buffers = 0};
}

/* How many buffers the next array has. */
static mer_status count_buffers(struct walk *walk, const struct mer_arrow_type *type, bool is_index,
                                size_t *ret_n, mer_err *err)
{
    int64_t n_pieces = 0;
    if (type->kind == MER_ARROW_NULL && !is_index) {
        *ret_n = 0;
        return mer_ok();
    }
    if (type->kind == MER_ARROW_TEXT && !is_index)
        n_pieces = 1;
    if (type->is_view && !is_index) {
        if (walk->count >= walk->counts.n)
            return damaged(err);
        n_pieces =
            mer_flat_at(&walk->batch.flat, walk->counts.at + walk->count++ * sizeof(int64_t), 8);
    }
    if (n_pieces < 0 || (uint64_t)n_pieces > walk->buffers.n)
        return damaged(err);
    *ret_n = 2 + (size_t)n_pieces;
    return mer_ok();
}

/* The next array, whose values have the given type (or are indices of it). Unload it, also after a
 * failure. */
static mer_status load(struct mer_alloc *alloc, struct walk *walk,
                       const struct mer_arrow_type *type, bool is_index, struct loaded *ret,
                       mer_err *err)
{
    struct mer_flat *const flat = &walk->batch.flat;
    struct mer_arrow_array *const array = &ret->array;
    size_t n = 0;
    if (walk->node >= walk->nodes.n)
        return damaged(err);
    const size_t at = walk->nodes.at + walk->node++ * PAIR_BYTES;
    const int64_t length = mer_flat_at(flat, at, 8);
    array->null_count = mer_flat_at(flat, at + 8, 8);
    if (flat->failed || length < 0)
        return damaged(err);
    array->length = (size_t)length;
    MER_GUARD(count_buffers(walk, type, is_index, &n, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *ret->buffers, &ret->buffers, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *ret->bytes, &ret->bytes, err));
    ret->n_buffers = n;
    for (size_t i = 0; i < n; i++)
        MER_GUARD(next_buffer(alloc, walk, &ret->bytes[i], &ret->buffers[i], err));
    if (n == 0)
        return mer_ok();
    if (array->null_count != 0)
        array->validity = ret->buffers[0];
    array->values = ret->buffers[1];
    if (n == 3)
        array->bytes = ret->buffers[2];
    array->pieces = ret->buffers + 2;
    array->n_pieces = n - 2;
    return mer_ok();
}

static struct dictionary *find_dictionary(const struct arrow_reading *reading, int64_t id)
{
    for (size_t i = 0; i < reading->n_dictionaries; i++)
        if (reading->dictionaries[i].id == id)
            return &reading->dictionaries[i];
    return NULL;
}

/* One place for each dictionary that a field names. */
static mer_status prepare_dictionaries(struct arrow_reading *reading)
{
    const struct mer_arrow_file *const file = &reading->file;
    MER_GUARD(mer_alloc_zero(reading->ctx->alloc, file->n_fields, sizeof *reading->dictionaries,
                             &reading->dictionaries, reading->err));
    for (size_t f = 0; f < file->n_fields; f++) {
        const struct mer_arrow_field *const field = &file->fields[f];
        /* Looking for its equal would take a hostile file forever; nobody's file has so many. */
        enum { DICTIONARIES_MAX = 4096 };
        if (!field->type.has_dictionary || find_dictionary(reading, field->dictionary_id))
            continue;
        if (reading->n_dictionaries == DICTIONARIES_MAX)
            return mer_fail(reading->err, MER_ERR_DATA, "more dictionaries than %d",
                            DICTIONARIES_MAX);
        reading->dictionaries[reading->n_dictionaries++] =
            (struct dictionary){.id = field->dictionary_id, .type = field->type};
    }
    return mer_ok();
}

static mer_status read_dictionaries(struct arrow_reading *reading)
{
    struct mer_arrow_file *const file = &reading->file;
    struct mer_alloc *const alloc = reading->ctx->alloc;
    MER_GUARD(prepare_dictionaries(reading));
    for (size_t i = 0; i < file->dictionaries.n; i++) {
        struct mer_arrow_batch batch;
        struct walk walk;
        MER_GUARD(mer_arrow_file_batch(file, file->dictionaries, i, true, &batch, reading->err));
        struct dictionary *const dictionary = find_dictionary(reading, batch.dictionary_id);
        if (!dictionary || batch.is_delta || dictionary->is_there)
            return mer_fail(reading->err, MER_ERR_DATA,
                            "a dictionary of the Arrow file comes in pieces, or is no column's");
        MER_GUARD(begin_walk(&batch, &walk, reading->err));
        dictionary->is_there = true;
        MER_GUARD(load(alloc, &walk, &dictionary->type, false, &dictionary->values, reading->err));
    }
    return mer_ok();
}

static mer_status read_array(const struct arrow_reading *reading, const struct batch_plan *plan,
                             size_t f, mer_err *err)
{
    struct mer_alloc *const alloc = reading->ctx->alloc;
    const struct place *const place = &plan->places[f];
    struct walk walk = plan->walk;
    walk.node = place->node;
    walk.buffer = place->buffer;
    walk.count = place->count;
    const struct mer_arrow_field *const field = &reading->file.fields[f];
    const struct dictionary *dictionary = NULL;
    struct loaded loaded = {.n_buffers = 0};
    if (field->type.has_dictionary)
        dictionary = find_dictionary(reading, field->dictionary_id);
    mer_status status = load(alloc, &walk, &field->type, field->type.has_dictionary, &loaded, err);
    if (mer_is_ok(status) && loaded.array.length != plan->n_rows)
        status = damaged(err);
    if (mer_is_ok(status))
        status = mer_arrow_put(
            reading->columns[f], &field->type, &loaded.array,
            dictionary && dictionary->is_there ? &dictionary->values.array : NULL, err);
    unload(alloc, &loaded);
    return status;
}

static mer_status read_column(void *self, struct mer_built_column *column, size_t f, mer_err *err)
{
    const struct arrow_reading *const reading = self;
    (void)column;
    for (size_t i = 0; i < reading->file.batches.n; i++) {
        MER_GUARD(mer_ctx_check_cancel(reading->ctx, err));
        MER_GUARD(read_array(reading, &reading->plans[i], f, err));
    }
    return mer_ok();
}

/* Walks over a batch once. It must have a node for every column, so a small file cannot ask for
 * much. */
static mer_status plan_batch(struct arrow_reading *reading, size_t i, struct batch_plan *plan)
{
    struct mer_arrow_file *const file = &reading->file;
    struct mer_arrow_batch batch;
    MER_GUARD(mer_ctx_check_cancel(reading->ctx, reading->err));
    MER_GUARD(mer_arrow_file_batch(file, file->batches, i, false, &batch, reading->err));
    MER_GUARD(begin_walk(&batch, &plan->walk, reading->err));
    const int64_t n_rows = mer_flat_integer(&batch.flat, batch.table, 0, 8, 0);
    if (n_rows < 0 || batch.flat.failed || plan->walk.nodes.n < file->n_fields)
        return damaged(reading->err);
    plan->n_rows = (size_t)n_rows;
    MER_GUARD(mer_alloc_array(reading->ctx->alloc, file->n_fields, sizeof *plan->places,
                              &plan->places, reading->err));
    struct walk walk = plan->walk;
    for (size_t f = 0; f < file->n_fields; f++) {
        const struct mer_arrow_type *const type = &file->fields[f].type;
        size_t n_buffers;
        plan->places[f] = (struct place){walk.node, walk.buffer, walk.count};
        MER_GUARD(count_buffers(&walk, type, type->has_dictionary, &n_buffers, reading->err));
        walk.buffer += n_buffers;
        walk.node++;
    }
    return mer_ok();
}

static mer_status read_batches(struct arrow_reading *reading)
{
    const size_t n_batches = reading->file.batches.n;
    MER_GUARD(mer_alloc_zero(reading->ctx->alloc, n_batches, sizeof *reading->plans,
                             &reading->plans, reading->err));
    for (size_t i = 0; i < n_batches; i++)
        MER_GUARD(plan_batch(reading, i, &reading->plans[i]));
    return mer_table_builder_each(&reading->builder, read_column, reading, "reading", reading->err);
}

static mer_status read_all(struct arrow_reading *reading, const unsigned char *bytes, size_t n)
{
    struct mer_arrow_file *const file = &reading->file;
    MER_GUARD(mer_arrow_file_open(reading->ctx, bytes, n, file, reading->err));
    MER_GUARD(mer_alloc_array(reading->ctx->alloc, file->n_fields, sizeof *reading->columns,
                              &reading->columns, reading->err));
    for (size_t f = 0; f < file->n_fields; f++)
        MER_GUARD(mer_table_builder_add(
            &reading->builder, file->fields[f].name, file->fields[f].n_name,
            mer_arrow_column_type(&file->fields[f].type), &reading->columns[f], reading->err));
    MER_GUARD(read_dictionaries(reading));
    return read_batches(reading);
}

static mer_status write_image(const struct mer_ctx *ctx, const void *bytes, size_t n,
                              const struct mer_table_reading *reading, struct mer_region *region,
                              struct mer_csv_report *ret_report, mer_err *err)
{
    struct arrow_reading arrow = {.ctx = ctx, .err = err};
    mer_arena_init(&arrow.file.arena, ctx->alloc);
    mer_status status = mer_table_builder_init(&arrow.builder, ctx, &reading->csv, err);
    if (mer_is_ok(status))
        status = read_all(&arrow, bytes, n);
    if (mer_is_ok(status))
        status = mer_table_builder_write(&arrow.builder, region, ret_report, err);
    for (size_t i = 0; arrow.plans && i < arrow.file.batches.n; i++)
        mer_free(ctx->alloc, arrow.plans[i].places);
    mer_free(ctx->alloc, arrow.plans);
    for (size_t i = 0; i < arrow.n_dictionaries; i++)
        unload(ctx->alloc, &arrow.dictionaries[i].values);
    mer_free(ctx->alloc, arrow.dictionaries);
    mer_free(ctx->alloc, arrow.columns);
    mer_table_builder_release(&arrow.builder);
    mer_arrow_file_close(&arrow.file);
    return status;
}

const struct mer_table_reader MER_TABLE_READER_ARROW = {
    .recognise = mer_arrow_file_applies,
    .write_image = write_image,
    .is_typed = true,
};
