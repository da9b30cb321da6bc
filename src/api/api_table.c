/* Tables of the public API: the bytes are read once into sealed memory, verified where they are
 * signed, and those very bytes are parsed, in a cell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_pseudonyms.h"
#include "api/trust_handles.h"
#include "guard/hash.h"
#include "os/channel.h"
#include "os/file.h"
#include "os/input.h"
#include "os/memory_file.h"
#include "os/sealed.h"

/* A schema is text that a person could read: a larger file is something else. */
enum { SCHEMA_FILE_MAX = 16 << 20 };

static double seconds_since(const struct mer_ctx *ctx, uint64_t start_ns)
{
    return (double)(mer_ctx_now_ns(ctx) - start_ns) * 1e-9;
}

mer_status mer_digest_hex(const void *bytes, size_t n, char ret_hex[65], mer_err *err)
{
    struct mer_digest digest;
    MER_GUARD(mer_hash_bytes(MER_HASH_SHA256, bytes, n, &digest, err));
    mer_hash_hex(digest.bytes, digest.n, ret_hex);
    return mer_ok();
}

mer_status mer_table_digest(const struct mer_table *table, char ret_hex[65], mer_err *err)
{
    const char *const known = table->origin.digest;
    if (!known[0])
        return mer_digest_hex(table->frame.image, table->frame.n_image, ret_hex, err);
    memcpy(ret_hex, known, sizeof table->origin.digest);
    return mer_ok();
}

static mer_status verify_origin(struct mer_table *table, const void *bytes, size_t n,
                                const struct mer_table_options *options, mer_err *err)
{
    struct mer_origin *const origin = &table->origin;
    const uint64_t start_ns = mer_ctx_now_ns(&table->context->ctx);
    const bool is_file = origin->path && strcmp(origin->path, "-") != 0;
    const bool is_signed = options->trust && is_file && mer_guard_is_signed(origin->path);
    if (origin->digest[0] == '\0' && (is_signed || !options->without_digest))
        MER_GUARD(mer_digest_hex(bytes, n, origin->digest, err));
    if (is_signed) {
        MER_GUARD(mer_guard_verify_read(&table->context->alloc, &options->trust->keys, origin->path,
                                        NULL, bytes, n, &origin->signature, err));
        origin->is_signed = true;
    }
    table->check_seconds = seconds_since(&table->context->ctx, start_ns);
    if (!options->require_signature || origin->is_signed)
        return mer_ok();
    if (!is_file)
        return mer_hint(
            err, mer_fail(err, MER_ERR_TRUST, "signed data is required, and only a file can be"),
            "give the table as a file with its signature beside it");
    return mer_hint(err,
                    mer_fail(err, MER_ERR_TRUST, "%s is not signed, and signed data is required",
                             mer_quote(origin->path).text),
                    "merlon sign signs it, or ask its owner to");
}

/* A digest that is made while the bytes are copied. */
struct digesting {
    struct mer_hash hash;
    mer_status status;
    mer_err err;
};

static void digest_more(void *self, const unsigned char *bytes, size_t n)
{
    struct digesting *const digesting = self;
    if (mer_is_ok(digesting->status))
        digesting->status = mer_hash_update(&digesting->hash, bytes, n, &digesting->err);
}

static mer_status end_digest(struct digesting *digesting, char ret_hex[65], mer_err *err)
{
    struct mer_digest digest;
    if (!mer_is_ok(digesting->status)) {
        mer_hash_release(&digesting->hash);
        if (err)
            *err = digesting->err;
        return digesting->status;
    }
    MER_GUARD(mer_hash_final(&digesting->hash, &digest, err));
    mer_hash_hex(digest.bytes, digest.n, ret_hex);
    return mer_ok();
}

/* Reads a file into sealed memory, and tells its digest unless ret_hex is NULL. */
static mer_status copy_sealed(struct mer_context *context, const char *path, size_t max_bytes,
                              struct mer_sealed *ret_sealed, char *ret_hex, mer_err *err)
{
    struct digesting digesting = {.status = mer_ok()};
    const struct mer_sealed_reader reader = {digest_more, &digesting};
    if (!ret_hex)
        return mer_sealed_read_along(path, max_bytes, context->ctx.team, NULL, ret_sealed, err);
    MER_GUARD(mer_hash_init(&digesting.hash, MER_HASH_SHA256, err));
    mer_status status =
        mer_sealed_read_along(path, max_bytes, context->ctx.team, &reader, ret_sealed, err);
    if (!mer_is_ok(status)) {
        mer_hash_release(&digesting.hash);
        return status;
    }
    status = end_digest(&digesting, ret_hex, err);
    if (!mer_is_ok(status))
        mer_sealed_release(ret_sealed);
    return status;
}

/* Reads a file into sealed memory, counted by the budget, and tells its digest unless ret_hex is
 * NULL; release with release_sealed. */
static mer_status read_sealed(struct mer_context *context, const char *path, size_t max_bytes,
                              struct mer_sealed *ret_sealed, char *ret_hex, mer_err *err)
{
    struct mer_alloc *const alloc = &context->alloc;
    const size_t used = atomic_load(&alloc->used);
    const size_t left = alloc->budget > used ? alloc->budget - used : 0;
    mer_status status =
        copy_sealed(context, path, left < max_bytes ? left : max_bytes, ret_sealed, ret_hex, err);
    if (status.code == MER_ERR_DATA && left < max_bytes) {
        const mer_err told = err ? *err : (mer_err){0};
        return mer_hint(err, mer_fail(err, MER_ERR_MEMORY, "%s", told.message),
                        "give more with --memory: the file and the table made of it");
    }
    MER_GUARD(status);
    status = mer_alloc_charge(alloc, ret_sealed->n, err);
    if (!mer_is_ok(status))
        mer_sealed_release(ret_sealed);
    return status;
}

static void release_sealed(struct mer_alloc *alloc, struct mer_sealed *sealed)
{
    mer_alloc_uncharge(alloc, sealed->n);
    mer_sealed_release(sealed);
}

/* The bytes of a schema that the table is held to: a file's, or written from a model's schema. */
struct schema_source {
    struct mer_cell_input input; /* fd -1: none */
    struct mer_sealed file;      /* when it is a file's; fd -1 otherwise */
};

static mer_status open_schema(struct mer_table *table, const char *path,
                              const struct mer_schema *schema, struct schema_source *source,
                              mer_err *err)
{
    struct mer_alloc *const alloc = &table->context->alloc;
    if (path) {
        MER_GUARD(read_sealed(table->context, path, SCHEMA_FILE_MAX, &source->file,
                              table->schema_digest, err));
        source->input = (struct mer_cell_input){source->file.fd, source->file.n};
        return mer_ok();
    }
    if (!schema)
        return mer_ok();
    struct mer_buf buf;
    mer_buf_init(&buf, alloc, SIZE_MAX);
    mer_status status = mer_schema_write(schema, &buf, err);
    if (mer_is_ok(status))
        status = mer_memory_file_of("merlon-schema", buf.bytes, buf.n, &source->input.fd, err);
    if (mer_is_ok(status))
        source->input.n = buf.n;
    mer_buf_release(&buf);
    return status;
}

static void close_schema(struct mer_alloc *alloc, struct schema_source *source)
{
    if (source->file.fd >= 0)
        release_sealed(alloc, &source->file);
    else
        mer_descriptor_close(source->input.fd);
}

/* Reads the table in a cell. Without a schema file, what the table tells of itself is its schema;
 * held to a model's, it needs none. */
static mer_status parse_in_cell(struct mer_table *table, const struct mer_cell_csv *what,
                                const char *schema_file, mer_err *err)
{
    const struct mer_ctx *const ctx = &table->context->ctx;
    struct mer_cell_settings settings;
    bool schema_failed;
    MER_GUARD(mer_context_cell_settings(table->context, &settings, err));
    const mer_status status =
        mer_cell_read_csv(ctx, &settings, what, &table->frame, &table->report,
                          schema_file ? &table->schema : NULL, &schema_failed, err);
    if (!mer_is_ok(status) && schema_failed && schema_file)
        return mer_prefix(err, status, "%s", mer_quote(schema_file).text);
    if (status.code == MER_ERR_DATA && table->origin.path)
        return mer_prefix(err, mer_bad_rows_explain(table, status, err), "%s",
                          mer_quote(table->origin.path).text);
    MER_GUARD(mer_bad_rows_explain(table, status, err));
    table->has_frame = true;
    table->schema_given = schema_file != NULL;
    if (what->schema.fd >= 0)
        return mer_ok();
    return mer_schema_of_frame(ctx, &table->frame, MER_CSV_MISSING, MER_CSV_N_MISSING,
                               &table->schema, err);
}

/* A database whose last changes are in a file beside it is not read without them. */
static mer_status check_companions(const char *path, const void *bytes, size_t n, mer_err *err)
{
    for (size_t i = 0; i < MER_N_TABLE_FORMATS; i++) {
        const struct mer_table_format *const format = &MER_TABLE_FORMATS[i];
        if (!mer_table_format_has_magic(format, bytes, n))
            continue;
        for (size_t k = 0; k < MER_TABLE_COMPANIONS_MAX && format->companions[k]; k++) {
            char *beside;
            if (asprintf(&beside, "%s%s", path, format->companions[k]) < 0)
                return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
            mer_status status = mer_ok();
            if (mer_file_has_bytes(beside))
                status = mer_hint(
                    err,
                    mer_fail(err, MER_ERR_DATA, "%s holds changes that are not in %s yet",
                             mer_quote(beside).text, mer_quote(path).text),
                    "close what has the database open; where nothing has, opening it once with "
                    "sqlite3 takes them in");
            free(beside);
            MER_GUARD(status);
        }
    }
    return mer_ok();
}

/* Whoever did not choose is told what was chosen. */
static void tell_part(const struct mer_table *table, const struct mer_table_options *options)
{
    if (options->part || table->report.n_parts < 2)
        return;
    mer_log_warning(&table->context->ctx, "api", "%s: %s was read, of %zu tables in it",
                    mer_quote(table->origin.path ? table->origin.path : "the table").text,
                    mer_quote(table->report.part).text, table->report.n_parts);
}

/* A table's bytes. */
struct source {
    const void *bytes;
    struct mer_cell_input input;
    struct mer_sealed *file; /* to let go of once the cell has it; NULL: none */
    bool is_file;            /* input is the file itself; bytes are its first n_head */
    size_t n_head;
};

/* They stay counted: they are still in memory, only the cell's now. */
static void let_go(void *self)
{
    struct mer_sealed *const file = self;
    const size_t n = file->n;
    mer_sealed_release(file);
    file->n = n;
}

static mer_status parse(struct mer_table *table, const struct source *source,
                        const struct mer_table_options *options, const struct mer_csv_options *base,
                        mer_err *err)
{
    const uint64_t start_ns = mer_ctx_now_ns(&table->context->ctx);
    struct schema_source schema = {.input.fd = -1, .file.fd = -1};
    struct mer_csv_options csv = *base;
    csv.delimiter = options->delimiter;
    if (options->has_header >= 0)
        csv.header = options->has_header ? MER_CSV_HEADER_YES : MER_CSV_HEADER_NO;
    mer_status status = open_schema(table, table->schema_path, base->schema, &schema, err);
    if (mer_is_ok(status)) {
        struct mer_cell_csv what = {.table = source->input,
                                    .schema = schema.input,
                                    .options = &csv,
                                    .part = options->part,
                                    .query = options->query,
                                    .bad = &table->bad,
                                    .ret_image = &table->image,
                                    .given = source->file ? let_go : NULL,
                                    .given_self = source->file,
                                    .keep_texts = options->keep_texts,
                                    .is_file = source->is_file};
        if (options->format)
            what.format = mer_table_format_find(options->format) + 1;
        status = parse_in_cell(table, &what, table->schema_path, err);
    }
    if (options->pseudonyms)
        status = mer_is_ok(status)
                     ? mer_table_pseudonymize(table, options->pseudonyms, base->schema, err)
                     : mer_pseudonyms_withhold(table, status, err);
    if (mer_is_ok(status))
        status = mer_bad_rows_keep(table, options, err);
    if (mer_is_ok(status))
        tell_part(table, options);
    close_schema(&table->context->alloc, &schema);
    table->parse_seconds = seconds_since(&table->context->ctx, start_ns);
    return status;
}

/* The name without what compression added to it and without its own extension. */
static size_t length_of_stem(const char *path)
{
    static const char *const compressed[] = {".gz", ".zst", ".bz2", ".xz"};
    const char *const slash = strrchr(path, '/');
    const char *const name = slash ? slash + 1 : path;
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof compressed / sizeof compressed[0]; i++) {
        const size_t n_suffix = strlen(compressed[i]);
        if (n - (size_t)(name - path) > n_suffix &&
            strcmp(path + n - n_suffix, compressed[i]) == 0) {
            n -= n_suffix;
            break;
        }
    }
    for (size_t i = n; i > (size_t)(name - path) + 1; i--)
        if (path[i - 1] == '.')
            return i - 1;
    return n;
}

/* The schema that was named, or the one beside the table; none for a table that a model's schema
 * holds for. */
static mer_status choose_schema(struct mer_table *table, const struct mer_table_options *options,
                                const struct mer_csv_options *base, mer_err *err)
{
    if (base->schema)
        return mer_ok();
    if (options->schema_file) {
        table->schema_path = strdup(options->schema_file);
        return table->schema_path ? mer_ok()
                                  : mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    }
    if (options->ignore_schema_beside || !table->path || strcmp(table->path, "-") == 0)
        return mer_ok();
    char *beside;
    if (asprintf(&beside, "%.*s.schema.json", (int)length_of_stem(table->path), table->path) < 0)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    if (!mer_file_exists(beside)) {
        free(beside);
        return mer_ok();
    }
    table->schema_path = beside;
    table->schema_was_beside = true;
    mer_log_info(&table->context->ctx, "api", "%s is held to the schema beside it, %s",
                 mer_quote(table->path).text, mer_quote(beside).text);
    return mer_ok();
}

static mer_status make(struct mer_table *table, const struct source *source,
                       const struct mer_table_options *options, const struct mer_csv_options *base,
                       mer_err *err)
{
    const size_t n = source->input.n;
    table->origin.n_bytes = n;
    MER_GUARD(verify_origin(table, source->bytes, n, options, err));
    if (table->path && strcmp(table->path, "-") != 0)
        MER_GUARD(check_companions(table->path, source->bytes, source->is_file ? source->n_head : n,
                                   err));
    MER_GUARD(choose_schema(table, options, base, err));
    return parse(table, source, options, base, err);
}

/* Whether a cell may read the file itself: where nobody asks what bytes it has read, a sealed copy
 * would only cost time. Small ones are copied in no time. */
static bool can_be_direct(const char *path, const struct mer_table_options *options)
{
    enum { LARGE = 16 << 20 };
    return options->without_digest && strcmp(path, "-") != 0 && mer_input_is_large(path, LARGE) &&
           !(options->trust && mer_guard_is_signed(path)) && !options->require_signature;
}

/* *ret_is_read is false, and nothing was read, where it does not fit the budget: whoever copies it
 * says so. */
static mer_status read_direct(struct mer_table *table, const struct mer_table_options *options,
                              const struct mer_csv_options *base, bool *ret_is_read, mer_err *err)
{
    struct mer_alloc *const alloc = &table->context->alloc;
    struct mer_input input;
    unsigned char head[64];
    *ret_is_read = false;
    MER_GUARD(mer_input_open(&input, table->path, SIZE_MAX - 1, err));
    size_t n_head = 0;
    mer_status status = mer_input_read(&input, 0, head, sizeof head, &n_head, err);
    if (mer_is_ok(status) && input.size_hint > 0 &&
        mer_is_ok(mer_alloc_charge(alloc, input.size_hint, NULL))) {
        const struct source source = {
            .bytes = head, .input = {input.fd, input.size_hint}, .is_file = true, .n_head = n_head};
        *ret_is_read = true;
        status = make(table, &source, options, base, err);
        mer_alloc_uncharge(alloc, input.size_hint);
    }
    mer_input_close(&input);
    return status;
}

static mer_status read_copied(struct mer_table *table, const struct mer_table_options *options,
                              const struct mer_csv_options *base, mer_err *err)
{
    struct mer_context *const context = table->context;
    const uint64_t start_ns = mer_ctx_now_ns(&context->ctx);
    struct mer_sealed file = {.fd = -1};
    MER_GUARD(read_sealed(context, table->path, SIZE_MAX - 1, &file,
                          options->without_digest ? NULL : table->origin.digest, err));
    table->read_seconds = seconds_since(&context->ctx, start_ns);
    const struct source source = {.bytes = file.bytes, .input = {file.fd, file.n}, .file = &file};
    const mer_status status = make(table, &source, options, base, err);
    release_sealed(&context->alloc, &file);
    return status;
}

mer_status mer_table_begin(struct mer_context *context, const struct mer_table_options *options,
                           struct mer_table_options *ret_options, struct mer_table **ret_table,
                           mer_err *err)
{
    *ret_options = (struct mer_table_options){.size = sizeof *ret_options, .has_header = -1};
    if (options)
        MER_GUARD(
            mer_options_copy(options, sizeof *ret_options, "mer_table_options", ret_options, err));
    if (ret_options->has_header < -1 || ret_options->has_header > 1)
        return mer_fail(err, MER_ERR_USAGE, "has_header of struct mer_table_options is %d",
                        ret_options->has_header);
    if (ret_options->format && mer_table_format_find(ret_options->format) == SIZE_MAX)
        return mer_fail(err, MER_ERR_USAGE, "there is no format %s of tables",
                        mer_quote(ret_options->format).text);
    enum mer_on_bad_row on_bad_row;
    MER_GUARD(mer_on_bad_row_parse(ret_options->on_bad_row, &on_bad_row, err));
    struct mer_table *const table = calloc(1, sizeof *table);
    if (!table)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a table");
    table->context = context;
    mer_bad_rows_init(&table->bad, &context->alloc, on_bad_row);
    table->image = -1;
    atomic_init(&table->n_holders, 1);
    mer_schema_init(&table->schema, &context->alloc);
    *ret_table = table;
    return mer_ok();
}

mer_status mer_table_read_with(struct mer_context *context, const char *path,
                               const struct mer_table_options *options,
                               const struct mer_csv_options *base, struct mer_table **ret_table,
                               mer_err *err)
{
    struct mer_table_options chosen;
    struct mer_table *table;
    MER_GUARD(mer_table_begin(context, options, &chosen, &table, err));
    mer_status status = mer_ok();
    bool is_read = false;
    table->path = strdup(path);
    if (!table->path) {
        status = mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
        goto fail;
    }
    table->origin.path = table->path;
    if (can_be_direct(path, &chosen))
        status = read_direct(table, &chosen, base, &is_read, err);
    if (mer_is_ok(status) && !is_read)
        status = read_copied(table, &chosen, base, err);
    if (!mer_is_ok(status))
        goto fail;
    *ret_table = table;
    return mer_ok();
fail:
    mer_table_free(table);
    return status;
}

mer_status mer_table_read(struct mer_context *context, const char *path,
                          const struct mer_table_options *options, struct mer_table **ret_table,
                          mer_err *err)
{
    static const struct mer_csv_options base = {.header = MER_CSV_HEADER_DETECT};
    return mer_table_read_with(context, path, options, &base, ret_table, err);
}

mer_status mer_table_parse(struct mer_context *context, const void *bytes, size_t n,
                           const struct mer_table_options *options, struct mer_table **ret_table,
                           mer_err *err)
{
    static const struct mer_csv_options base = {.header = MER_CSV_HEADER_DETECT};
    struct mer_table_options chosen;
    struct mer_table *table;
    MER_GUARD(mer_table_begin(context, options, &chosen, &table, err));
    struct mer_cell_input input = {.fd = -1, .n = n};
    mer_status status = mer_memory_file_of("merlon-bytes", bytes, n, &input.fd, err);
    if (mer_is_ok(status)) {
        const struct source source = {.bytes = bytes, .input = input};
        status = make(table, &source, &chosen, &base, err);
        mer_descriptor_close(input.fd);
    }
    if (!mer_is_ok(status)) {
        mer_table_free(table);
        return status;
    }
    *ret_table = table;
    return mer_ok();
}

mer_status mer_table_adopt_written(const struct mer_ctx *ctx, struct mer_file_region *file, int fd,
                                   mer_status status, struct mer_frame *ret_frame, mer_err *err)
{
    struct mer_region region;
    const size_t n = file->region.n;
    if (mer_is_ok(status))
        status = mer_region_trim(&file->region, err);
    mer_region_release(&file->region);
    MER_GUARD(status);
    MER_GUARD(mer_memory_file_seal(fd, err));
    MER_GUARD(mer_region_init_sealed(&region, ctx->alloc, fd, n, err));
    status = mer_frame_adopt(ctx, &region, ret_frame, err);
    if (!mer_is_ok(status))
        mer_region_release(&region);
    return status;
}

static void make_number(struct mer_field *field)
{
    field->type = MER_TYPE_NUMBER;
    if (field->kind == MER_KIND_INTEGER)
        field->kind = MER_KIND_NUMBER;
}

/* The fields that a table must have for a model: the features, and the target where it is there.
 * Columns that the model leaves out need not fit any more, and whole numbers are numbers: that all
 * values of the training table happened to be whole says nothing about this one's. */
static size_t fields_for_model(const struct mer_facts *facts, struct mer_field *ret_fields)
{
    size_t n = 0, column = 0;
    for (size_t i = 0; i < facts->n_fields; i++) {
        struct mer_field field = facts->fields[i];
        const bool is_target = field.name == facts->target;
        if (!is_target && facts->columns[column++].left_out != MER_LEFT_OUT_NOT)
            continue;
        if (field.type == MER_TYPE_INTEGER && (!is_target || facts->task == MER_TASK_REGRESSION))
            make_number(&field);
        ret_fields[n++] = field;
    }
    return n;
}

mer_status mer_model_read_table(const struct mer_fitted *model, const char *path,
                                const struct mer_table_options *options,
                                struct mer_table **ret_table, mer_err *err)
{
    const struct mer_facts *const facts = model->facts;
    if (options && options->size == sizeof *options && options->schema_file)
        return mer_fail(err, MER_ERR_USAGE,
                        "a table for a model is read by the model's schema, not by a schema file");
    struct mer_field *fields;
    MER_GUARD(
        mer_alloc_array(&model->context->alloc, facts->n_fields, sizeof *fields, &fields, err));
    struct mer_schema schema = {.fields = fields, /* borrows everything */
                                .missing_values = facts->missing_values,
                                .n_missing_values = facts->n_missing_values};
    schema.n_fields = fields_for_model(facts, fields);
    const struct mer_csv_options base = {
        .schema = &schema,
        .allow_extra = true,
        .optional_field = mer_model_target(model),
        .allow_new_levels = true,
    };
    struct mer_table_options chosen = {.size = sizeof chosen, .has_header = -1};
    mer_arena_init(&schema.arena, &model->context->alloc);
    mer_status status = mer_model_name_fields(model, &schema.arena, fields, schema.n_fields, err);
    if (mer_is_ok(status) && options)
        status = mer_options_copy(options, sizeof chosen, "mer_table_options", &chosen, err);
    if (!chosen.pseudonyms)
        chosen.pseudonyms = model->pseudonyms;
    if (mer_is_ok(status))
        status = mer_table_read_with(model->context, path, &chosen, &base, ret_table, err);
    mer_arena_release(&schema.arena);
    mer_free(&model->context->alloc, fields);
    return status;
}

void mer_table_free(struct mer_table *table)
{
    if (!table || atomic_fetch_sub(&table->n_holders, 1) > 1)
        return;
    if (table->has_frame)
        mer_frame_release(&table->frame);
    mer_descriptor_close(table->image);
    mer_schema_release(&table->schema);
    mer_bad_rows_release(&table->bad);
    free(table->quarantine);
    free(table->schema_path);
    free(table->path);
    free(table);
}

const char *mer_table_format_name(size_t i)
{
    return i < MER_N_TABLE_FORMATS ? MER_TABLE_FORMATS[i].name : NULL;
}

const char *mer_table_format(const struct mer_table *table)
{
    return MER_TABLE_FORMATS[table->report.format].name;
}

const char *mer_table_schema_file(const struct mer_table *table)
{
    return table->schema_path;
}

const struct mer_origin *mer_table_origin(const struct mer_table *table)
{
    return &table->origin;
}

size_t mer_table_rows(const struct mer_table *table)
{
    return table->frame.n_rows;
}

size_t mer_table_columns(const struct mer_table *table)
{
    return table->frame.n_columns;
}

const char *mer_table_column_name(const struct mer_table *table, size_t i)
{
    return i < table->frame.n_columns ? table->frame.columns[i].name : NULL;
}

const char *mer_table_column_type(const struct mer_table *table, size_t i)
{
    return i < table->frame.n_columns ? mer_type_name(table->frame.columns[i].type) : NULL;
}

size_t mer_table_column_missing(const struct mer_table *table, size_t i)
{
    return i < table->frame.n_columns ? table->frame.columns[i].n_missing : 0;
}

mer_status mer_table_schema(const struct mer_table *table, char **ret_json, mer_err *err)
{
    struct mer_buf buf;
    mer_buf_init(&buf, &table->context->alloc, SIZE_MAX);
    mer_status status = mer_schema_write(&table->schema, &buf, err);
    if (mer_is_ok(status))
        status = mer_text_of_buf(&buf, ret_json, err);
    mer_buf_release(&buf);
    return status;
}
