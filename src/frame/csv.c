/* Reads a CSV file: decompress, detect how it is written, tokenise, examine, gather, convert. The
 * steps are in files of their own; this one puts them together. */
#include "frame/csv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "frame/bad_rows.h"
#include "frame/csv_columns.h"
#include "frame/csv_dialect.h"
#include "frame/csv_fast.h"
#include "frame/csv_sieve.h"
#include "frame/gunzip.h"
#include "frame/infer.h"
#include "frame/text_check.h"
#include "frame/unzstd.h"

const char *const MER_CSV_MISSING[] = {"", "NA", "NaN", "null", "?"};
const size_t MER_CSV_N_MISSING = sizeof MER_CSV_MISSING / sizeof MER_CSV_MISSING[0];

/* Everything that lives while one file is read. */
struct reading {
    const struct mer_csv_options *options;
    struct mer_csv_dialect dialect;
    struct mer_csv_scan scan;
    struct mer_csv_table table;
    struct mer_csv_tokenizer tokenizer;
    struct mer_arena arena;        /* the names */
    struct mer_dictionary by_name; /* column numbers */
    unsigned char *unzipped;
    bool was_gzip;
    bool was_plain;
    struct mer_image_column *stored;
    struct mer_region *region; /* the caller's */
};

static void release(struct reading *reading)
{
    struct mer_alloc *alloc = reading->table.ctx->alloc;
    mer_csv_table_release(&reading->table);
    mer_csv_tokenizer_release(&reading->tokenizer);
    mer_arena_release(&reading->arena);
    mer_dictionary_release(&reading->by_name);
    mer_free(alloc, reading->unzipped);
    mer_free(alloc, reading->stored);
}

/* The names of a file without a header. */
static mer_status make_names(struct reading *reading, const char **names, size_t n, mer_err *err)
{
    for (size_t c = 0; c < n; c++) {
        char name[40];
        const int length = snprintf(name, sizeof name, "column_%zu", c + 1);
        MER_GUARD(mer_arena_text(&reading->arena, name, (size_t)length, &names[c], err));
    }
    return mer_ok();
}

static mer_status read_name(struct reading *reading, size_t c, struct mer_csv_token token,
                            const char **ret_name, mer_err *err)
{
    const struct mer_csv_source *source = &reading->table.source;
    const char *bytes = source->text + token.at;
    size_t n = token.n & ~MER_CSV_ESCAPED;
    char *name;
    const size_t bad = mer_text_check(bytes, n);
    if (bad != n)
        return mer_csv_fail_byte(source, SIZE_MAX, (ptrdiff_t)c, bytes + bad, err);
    MER_GUARD(mer_arena_zero(&reading->arena, n + 1, 1, &name, err));
    if (token.n & MER_CSV_ESCAPED)
        n = mer_csv_unescape(bytes, n, name);
    else
        memcpy(name, bytes, n);
    name[n] = '\0';
    *ret_name = name;
    return mer_ok();
}

static mer_status read_names(struct reading *reading, const char **names, size_t n, mer_err *err)
{
    struct mer_csv_record record;
    struct mer_csv_token *tokens;
    MER_GUARD(mer_arena_zero(&reading->arena, n, sizeof *tokens, &tokens, err));
    mer_csv_scan_record(&reading->scan, reading->table.source.text, tokens, n, &record);
    for (size_t c = 0; c < n; c++)
        MER_GUARD(read_name(reading, c, tokens[c], &names[c], err));
    return mer_ok();
}

/* Every column has a name, and one of its own. */
static mer_status check_names(struct reading *reading, const char *const *names, size_t n,
                              mer_err *err)
{
    for (size_t c = 0; c < n; c++) {
        int32_t code;
        if (names[c][0] == '\0')
            return mer_hint(
                err, mer_fail(err, MER_ERR_DATA, "column %zu has no name in the header", c + 1),
                "name it, or state that the file has no header");
        MER_GUARD(mer_dictionary_add(&reading->by_name, names[c], strlen(names[c]), &code, err));
        if ((size_t)code != c)
            return mer_hint(err,
                            mer_fail(err, MER_ERR_DATA, "columns %d and %zu are both named %s",
                                     code + 1, c + 1, mer_quote(names[c]).text),
                            "rename one of them, or state that the file has no header");
    }
    return mer_ok();
}

/* Counts the columns and names them. */
static mer_status read_header(struct reading *reading, mer_err *err)
{
    struct mer_csv_source *source = &reading->table.source;
    struct mer_csv_record record;
    const char **names;
    struct mer_csv_scan counting = reading->scan;
    mer_csv_scan_record(&counting, source->text, NULL, 0, &record);
    const bool has_header = reading->dialect.has_header;
    if (record.fault != MER_CSV_FINE)
        return mer_csv_fail_fault(source, has_header ? SIZE_MAX : 0, &record, err);
    if (record.n_cells == 1 && (*record.begin == '\n' || *record.begin == '\r'))
        return mer_fail(err, MER_ERR_DATA, "the table begins with an empty line");
    if (record.n_cells > MER_IMAGE_MAX_COLUMNS)
        return mer_fail(err, MER_ERR_DATA, "%zu columns; a table has at most %zu", record.n_cells,
                        MER_IMAGE_MAX_COLUMNS);
    MER_GUARD(mer_arena_zero(&reading->arena, record.n_cells, sizeof *names, &names, err));
    if (has_header)
        MER_GUARD(read_names(reading, names, record.n_cells, err));
    else
        MER_GUARD(make_names(reading, names, record.n_cells, err));
    MER_GUARD(check_names(reading, names, record.n_cells, err));
    source->names = names;
    source->n_columns = record.n_cells;
    return mer_ok();
}

static mer_status give_field(struct reading *reading, size_t c, const struct mer_field *field,
                             mer_err *err)
{
    struct mer_csv_column *const column = &reading->table.columns[c];
    column->field = field;
    column->type = field->type;
    if (!field->has_missing_values)
        return mer_ok();
    MER_GUARD(mer_alloc_zero(reading->table.ctx->alloc, 1, sizeof *column->missing,
                             &column->missing, err));
    return mer_missing_init(column->missing, field->missing_values.texts, field->missing_values.n,
                            err);
}

/* The columns that have no field: an error, left out, or read as if there were no schema. */
static mer_status treat_others(struct reading *reading, mer_err *err)
{
    struct mer_csv_table *const table = &reading->table;
    const bool infers = mer_schema_infers_others(reading->options->schema);
    for (size_t c = 0; c < table->source.n_columns; c++) {
        if (table->columns[c].field)
            continue;
        if (!reading->options->allow_extra && !infers)
            return mer_fail(err, MER_ERR_DATA, "the schema lacks the column %s of the table",
                            mer_quote(table->source.names[c]).text);
        table->columns[c].skipped = reading->options->allow_extra;
    }
    return mer_ok();
}

/* Gives each column its field. */
static mer_status apply_schema(struct reading *reading, const struct mer_schema *schema,
                               mer_err *err)
{
    size_t n_found = 0;
    int32_t last = -1;
    for (size_t f = 0; f < schema->n_fields; f++) {
        const struct mer_field *field = &schema->fields[f];
        const int32_t c = mer_dictionary_find(&reading->by_name, field->name, field->n_name);
        if (c < 0 && mer_schema_may_lack(schema, field, reading->options->optional_field))
            continue;
        if (c < 0)
            return mer_fail(err, MER_ERR_DATA, "the table lacks the column %s of the schema",
                            mer_quote(field->name).text);
        if (schema->match == MER_MATCH_EXACT && c < last)
            return mer_fail(err, MER_ERR_DATA,
                            "the column %s stands elsewhere in the schema, which demands the same "
                            "order (fieldsMatch exact)",
                            mer_quote(field->name).text);
        last = c;
        n_found++;
        MER_GUARD(give_field(reading, (size_t)c, field, err));
    }
    if (n_found == 0)
        return mer_fail(err, MER_ERR_DATA, "the table has no column of the schema");
    return treat_others(reading, err);
}

static mer_status prepare_columns(struct reading *reading, mer_err *err)
{
    struct mer_csv_table *table = &reading->table;
    MER_GUARD(mer_alloc_zero(table->ctx->alloc, table->source.n_columns, sizeof *table->columns,
                             &table->columns, err));
    for (size_t c = 0; c < table->source.n_columns; c++)
        table->columns[c].candidates = MER_MAY_ANY;
    if (reading->options->schema)
        MER_GUARD(apply_schema(reading, reading->options->schema, err));
    return mer_ok();
}

static mer_status append_chunk(struct mer_csv_table *table, const struct mer_csv_chunk *chunk,
                               size_t *capacity, mer_err *err)
{
    if (table->n_chunks == *capacity) {
        const size_t larger = *capacity ? *capacity * 2 : 16;
        MER_GUARD(mer_alloc_resize(table->ctx->alloc, larger * sizeof *table->chunks,
                                   &table->chunks, err));
        *capacity = larger;
    }
    table->chunks[table->n_chunks++] = *chunk;
    return mer_ok();
}

static mer_status tokenize(struct reading *reading, mer_err *err)
{
    struct mer_csv_table *table = &reading->table;
    const struct mer_ctx *ctx = table->ctx;
    size_t capacity = 0;
    mer_csv_tokenizer_init(&reading->tokenizer, ctx->alloc, &table->source, &reading->scan);
    for (;;) {
        struct mer_csv_chunk chunk;
        MER_GUARD(mer_csv_step(table, MER_CSV_TOKENIZE, table->n_chunks,
                               reading->tokenizer.scan.next, err));
        MER_GUARD(mer_csv_next_chunk(&reading->tokenizer, &chunk, err));
        if (chunk.n_rows == 0)
            break;
        mer_status status = append_chunk(table, &chunk, &capacity, err);
        if (!mer_is_ok(status)) {
            mer_free(ctx->alloc, chunk.tokens);
            return status;
        }
    }
    table->n_rows = reading->tokenizer.n_rows;
    if (table->n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "the table has a header but no rows");
    return mer_alloc_bytes(ctx->alloc, reading->tokenizer.n_escaped_max, &table->scratch, err);
}

static_assert(MER_MISSING_MAX == sizeof(struct mer_csv_report){0}.missing_counts / sizeof(size_t),
              "a report has a place for every missing text");

static struct mer_csv_report report_of(const struct reading *reading)
{
    const struct mer_csv_table *table = &reading->table;
    struct mer_csv_report report = {.delimiter = reading->dialect.delimiter,
                                    .has_header = reading->dialect.has_header,
                                    .had_bom = reading->dialect.had_bom,
                                    .was_gzip = reading->was_gzip,
                                    .was_plain = reading->was_plain,
                                    .n_rows = table->n_rows,
                                    .n_columns = table->source.n_columns};
    for (size_t m = 0; m < table->missing.n; m++) {
        report.missing_counts[m] = table->missing_counts[m];
        for (size_t c = 0; c < table->source.n_columns; c++)
            report.missing_counts[m] += table->columns[c].missing_counts[m];
    }
    return report;
}

static mer_status begin_missing(struct reading *reading, mer_err *err)
{
    const struct mer_csv_options *options = reading->options;
    struct mer_missing *missing = &reading->table.missing;
    if (options->schema)
        return mer_missing_init(missing, options->schema->missing_values,
                                options->schema->n_missing_values, err);
    if (options->missing_values)
        return mer_missing_init(missing, options->missing_values, options->n_missing_values, err);
    return mer_missing_init(missing, MER_CSV_MISSING, MER_CSV_N_MISSING, err);
}

/* Row by row: any table, and what is wrong with one. */
static mer_status read_plainly(struct reading *reading, mer_err *err)
{
    struct mer_csv_table *table = &reading->table;
    MER_GUARD(tokenize(reading, err));
    MER_GUARD(mer_csv_examine(table, err));
    MER_GUARD(mer_csv_gather(table, err));
    MER_GUARD(mer_csv_begin_image(table, reading->region, reading->stored, err));
    return mer_csv_convert(table, reading->region->base, reading->stored, err);
}

/* Up to where the rows begin. */
static mer_status begin(struct reading *reading, const void *bytes, size_t n, mer_err *err)
{
    struct mer_csv_table *table = &reading->table;
    const struct mer_ctx *ctx = table->ctx;
    if (mer_gunzip_applies(bytes, n)) {
        MER_GUARD(mer_gunzip(ctx, bytes, n, &reading->unzipped, &n, err));
        bytes = reading->unzipped;
        reading->was_gzip = true;
    } else if (mer_unzstd_applies(bytes, n)) {
        MER_GUARD(mer_unzstd(ctx, bytes, n, &reading->unzipped, &n, err));
        bytes = reading->unzipped;
    }
    MER_GUARD(begin_missing(reading, err));
    MER_GUARD(
        mer_csv_detect(ctx, bytes, n, reading->options, &table->missing, &reading->dialect, err));
    table->source.text = reading->dialect.text;
    table->source.n_text = reading->dialect.n_text;
    mer_csv_scan_init(&reading->scan, table->source.text, table->source.n_text,
                      reading->dialect.delimiter);
    MER_GUARD(read_header(reading, err));
    return prepare_columns(reading, err);
}

static mer_status read_all(struct reading *reading, const void *bytes, size_t n, mer_err *err)
{
    struct mer_csv_table *table = &reading->table;
    const struct mer_ctx *ctx = table->ctx;
    MER_GUARD(begin(reading, bytes, n, err));
    MER_GUARD(mer_alloc_zero(ctx->alloc, table->source.n_columns, sizeof *reading->stored,
                             &reading->stored, err));
    bool declined = true;
    if (!reading->options->plainly)
        MER_GUARD(mer_csv_read_fast(table, &reading->scan, reading->options->block_bytes,
                                    reading->region, reading->stored, &declined, err));
    reading->was_plain = declined;
    return declined ? read_plainly(reading, err) : mer_ok();
}

mer_status mer_csv_write_image(const struct mer_ctx *ctx, const void *bytes, size_t n,
                               const struct mer_csv_options *options, struct mer_region *region,
                               struct mer_csv_report *ret_report, mer_err *err)
{
    struct reading reading = {
        .options = options,
        .table = {.ctx = ctx, .allow_new_levels = options->allow_new_levels},
        .region = region,
    };
    mer_arena_init(&reading.arena, ctx->alloc);
    mer_dictionary_init(&reading.by_name, ctx->alloc);
    mer_status status = read_all(&reading, bytes, n, err);
    if (mer_is_ok(status) && ret_report)
        *ret_report = report_of(&reading);
    release(&reading);
    return status;
}

static mer_status sift(struct reading *reading, const void *bytes, size_t n,
                       const struct mer_known_faults *known, struct mer_bad_rows *bad,
                       struct mer_buf *good, mer_err *err)
{
    const struct mer_csv_source *const source = &reading->table.source;
    MER_GUARD(begin(reading, bytes, n, err));
    MER_GUARD(mer_buf_reserve(good, source->n_text, err));
    MER_GUARD(mer_buf_append(good, source->text, (size_t)(reading->scan.next - source->text), err));
    MER_GUARD(mer_csv_sieve_rows(&reading->table, reading->options->schema, &reading->scan, known,
                                 bad, good, err));
    return mer_bad_rows_own(bad, err);
}

mer_status mer_csv_sift(const struct mer_ctx *ctx, const void *bytes, size_t n,
                        const struct mer_csv_options *options, const struct mer_known_faults *known,
                        struct mer_bad_rows *bad, struct mer_buf *good,
                        struct mer_csv_options *ret_options, mer_err *err)
{
    struct reading reading = {
        .options = options,
        .table = {.ctx = ctx, .allow_new_levels = options->allow_new_levels},
    };
    mer_arena_init(&reading.arena, ctx->alloc);
    mer_dictionary_init(&reading.by_name, ctx->alloc);
    const mer_status status = sift(&reading, bytes, n, known, bad, good, err);
    if (!mer_is_ok(status)) /* what it noted is borrowed from what ends here */
        mer_bad_rows_release(bad);
    *ret_options = *options;
    ret_options->delimiter = reading.dialect.delimiter;
    ret_options->header = reading.dialect.has_header ? MER_CSV_HEADER_YES : MER_CSV_HEADER_NO;
    release(&reading);
    return status;
}

mer_status mer_csv_read(const struct mer_ctx *ctx, const void *bytes, size_t n,
                        const struct mer_csv_options *options, struct mer_frame *ret_frame,
                        struct mer_csv_report *ret_report, mer_err *err)
{
    struct mer_region region;
    struct mer_csv_report report;
    mer_region_init_memory(&region, ctx->alloc, SIZE_MAX / 2);
    mer_status status = mer_csv_write_image(ctx, bytes, n, options, &region, &report, err);
    if (mer_is_ok(status))
        status = mer_frame_adopt(ctx, &region, ret_frame, err);
    if (!mer_is_ok(status))
        mer_region_release(&region);
    else if (ret_report)
        *ret_report = report;
    return status;
}
