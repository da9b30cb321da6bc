#include "frame/append.h"

#include <string.h>

#include "frame/dictionary.h"
#include "frame/image.h"

/* A column of both tables, and its levels together. */
struct pair {
    const struct mer_column *first, *second;
    struct mer_dictionary levels; /* categorical */
    int32_t *codes;               /* [levels of the second]: their codes in both */
};

struct appending {
    const struct mer_frame *first, *second;
    struct pair *pairs; /* [columns of the first] */
    struct mer_image_column *stored;
};

static size_t text_bytes(const struct mer_column *column, size_t n_rows)
{
    return (size_t)column->data.offsets[n_rows];
}

static mer_status join_levels(const struct mer_ctx *ctx, struct pair *pair, mer_err *err)
{
    const struct mer_column *const columns[] = {pair->first, pair->second};
    MER_GUARD(mer_alloc_array(ctx->alloc, pair->second->n_levels, sizeof *pair->codes, &pair->codes,
                              err));
    for (size_t t = 0; t < 2; t++)
        for (size_t k = 0; k < columns[t]->n_levels; k++) {
            const struct mer_cell level = mer_column_level(columns[t], k);
            int32_t code;
            MER_GUARD(mer_dictionary_add(&pair->levels, level.bytes, level.n, &code, err));
            if (t == 1)
                pair->codes[k] = code;
        }
    return mer_ok();
}

static mer_status plan_column(const struct mer_ctx *ctx, const struct appending *job, size_t c,
                              mer_err *err)
{
    struct pair *const pair = &job->pairs[c];
    size_t at;
    pair->first = &job->first->columns[c];
    MER_GUARD(mer_frame_want(job->second, pair->first->name, &at, err));
    pair->second = &job->second->columns[at];
    if (pair->first->type != pair->second->type)
        return mer_fail(err, MER_ERR_DATA,
                        "column %s is of type %s in one table, and %s in the other",
                        mer_quote(pair->first->name).text, mer_type_name(pair->first->type),
                        mer_type_name(pair->second->type));
    struct mer_image_column stored = {.n_name = pair->first->n_name,
                                      .type = pair->first->type,
                                      .n_missing =
                                          pair->first->n_missing + pair->second->n_missing};
    if (stored.type == MER_TYPE_CATEGORICAL) {
        MER_GUARD(join_levels(ctx, pair, err));
        stored.n_levels = pair->levels.n;
        stored.n_level_bytes = pair->levels.n_bytes;
    } else if (stored.type == MER_TYPE_TEXT) {
        size_t n_bytes;
        if (!mer_size_add(text_bytes(pair->first, job->first->n_rows),
                          text_bytes(pair->second, job->second->n_rows), &n_bytes))
            return mer_fail(err, MER_ERR_MEMORY, "the tables are too large for this machine");
        stored.n_bytes = n_bytes;
    }
    job->stored[c] = stored;
    return mer_ok();
}

/* n bits behind the first `at` of a bitmap that is zero from there on; NULL: all are set. */
static void put_bits(const uint8_t *bits, size_t n, size_t at, unsigned char *ret)
{
    for (size_t i = 0; i < n; i++)
        if (!bits || ((bits[i / 8] >> (i % 8)) & 1))
            ret[(at + i) / 8] = (unsigned char)(ret[(at + i) / 8] | 1U << ((at + i) % 8));
}

static void write_texts(const struct appending *job, const struct pair *pair,
                        const struct mer_image_column *stored, unsigned char *image)
{
    const size_t n = job->first->n_rows, n_more = job->second->n_rows;
    const size_t n_first = text_bytes(pair->first, n), n_second = text_bytes(pair->second, n_more);
    int64_t *const offsets = (int64_t *)(void *)(image + stored->data);
    memcpy(offsets, pair->first->data.offsets, (n + 1) * sizeof *offsets);
    for (size_t i = 0; i < n_more; i++)
        offsets[n + 1 + i] = (int64_t)n_first + pair->second->data.offsets[i + 1];
    if (n_first > 0)
        memcpy(image + stored->bytes, pair->first->bytes, n_first);
    if (n_second > 0)
        memcpy(image + stored->bytes + n_first, pair->second->bytes, n_second);
}

static void write_codes(const struct appending *job, const struct pair *pair,
                        const struct mer_image_column *stored, unsigned char *image)
{
    const size_t n = job->first->n_rows;
    int32_t *const codes = (int32_t *)(void *)(image + stored->data);
    memcpy(codes, pair->first->data.codes, n * sizeof *codes);
    for (size_t i = 0; i < job->second->n_rows; i++) {
        const int32_t code = pair->second->data.codes[i];
        codes[n + i] = code < 0 ? code : pair->codes[code];
    }
    if (pair->levels.n == 0)
        return; /* all are missing */
    memcpy(image + stored->level_offsets, pair->levels.offsets,
           (pair->levels.n + 1) * sizeof *pair->levels.offsets);
    if (pair->levels.n_bytes > 0)
        memcpy(image + stored->level_bytes, pair->levels.bytes, pair->levels.n_bytes);
}

static void write_column(const struct appending *job, size_t c, unsigned char *image)
{
    const struct pair *const pair = &job->pairs[c];
    const struct mer_image_column *const stored = &job->stored[c];
    const size_t n = job->first->n_rows, n_more = job->second->n_rows;
    memcpy(image + stored->name, pair->first->name, pair->first->n_name);
    if (stored->validity) {
        put_bits(pair->first->validity, n, 0, image + stored->validity);
        put_bits(pair->second->validity, n_more, n, image + stored->validity);
    }
    switch (pair->first->type) {
    case MER_TYPE_BOOLEAN:
        put_bits(pair->first->data.bits, n, 0, image + stored->data);
        put_bits(pair->second->data.bits, n_more, n, image + stored->data);
        break;
    case MER_TYPE_CATEGORICAL:
        write_codes(job, pair, stored, image);
        break;
    case MER_TYPE_TEXT:
        write_texts(job, pair, stored, image);
        break;
    case MER_TYPE_NUMBER:
    case MER_TYPE_INTEGER:
    case MER_TYPE_DATE:
    case MER_TYPE_TIME:
    case MER_TYPE_DATETIME:
    case MER_TYPE_COUNT: /* eight bytes each */
        memcpy(image + stored->data, pair->first->data.integers, n * sizeof(int64_t));
        memcpy(image + stored->data + n * sizeof(int64_t), pair->second->data.integers,
               n_more * sizeof(int64_t));
        break;
    }
}

static mer_status append(const struct mer_ctx *ctx, const struct appending *job,
                         struct mer_region *region, mer_err *err)
{
    const size_t n_columns = job->first->n_columns;
    struct mer_image_header header = {
        .magic = MER_IMAGE_MAGIC, .version = MER_IMAGE_VERSION, .n_columns = n_columns};
    size_t n_rows, n_image, offset;
    if (!mer_size_add(job->first->n_rows, job->second->n_rows, &n_rows) ||
        n_rows > MER_IMAGE_MAX_ROWS)
        return mer_fail(err, MER_ERR_DATA, "the tables together have too many rows");
    for (size_t c = 0; c < n_columns; c++) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(plan_column(ctx, job, c, err));
    }
    if (!mer_image_layout(job->stored, n_columns, n_rows, &n_image))
        return mer_fail(err, MER_ERR_MEMORY, "the tables are too large for this machine");
    header.n_rows = n_rows;
    header.n_image = n_image;
    MER_GUARD(mer_region_extend(region, n_image, &offset, err));
    memcpy(region->base, &header, sizeof header);
    memcpy(region->base + sizeof header, job->stored, n_columns * sizeof *job->stored);
    for (size_t c = 0; c < n_columns; c++)
        write_column(job, c, region->base);
    return mer_ok();
}

mer_status mer_frame_append(const struct mer_ctx *ctx, const struct mer_frame *first,
                            const struct mer_frame *second, struct mer_region *region, mer_err *err)
{
    const size_t n = first->n_columns;
    struct appending job = {.first = first, .second = second};
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, n, sizeof *job.stored, &job.stored, err), out);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, n, sizeof *job.pairs, &job.pairs, err), out);
    for (size_t c = 0; c < n; c++)
        mer_dictionary_init(&job.pairs[c].levels, ctx->alloc);
    status = append(ctx, &job, region, err);
out:
    for (size_t c = 0; job.pairs && c < n; c++) {
        mer_dictionary_release(&job.pairs[c].levels);
        mer_free(ctx->alloc, job.pairs[c].codes);
    }
    mer_free(ctx->alloc, job.pairs);
    mer_free(ctx->alloc, job.stored);
    return status;
}
