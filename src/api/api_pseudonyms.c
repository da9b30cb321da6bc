/* Pseudonyms of the public API: a table loses its names as soon as it has come out of its cell,
 * before anything else sees it; models that were fitted to such a table get tables of plain names
 * again.
 */
#include "api/api_pseudonyms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame/rename.h"
#include "guard/key_store.h"
#include "os/channel.h"
#include "os/memory_file.h"

mer_status mer_pseudonyms_open(const char *directory, const char *project, bool make,
                               struct mer_pseudonyms **ret_pseudonyms, bool *ret_is_new,
                               mer_err *err)
{
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    struct mer_pseudonyms *const pseudonyms = calloc(1, sizeof *pseudonyms);
    mer_status status = mer_fail(err, MER_ERR_MEMORY, "no memory for pseudonyms");
    if (pseudonyms) {
        mer_alloc_init(&pseudonyms->alloc, SIZE_MAX);
        mer_err_clear(err);
        status = mer_book_open(&pseudonyms->alloc, folder, project, make, &pseudonyms->book,
                               ret_is_new, err);
    }
    free(folder);
    if (mer_is_ok(status))
        *ret_pseudonyms = pseudonyms;
    else
        free(pseudonyms);
    return status;
}

void mer_pseudonyms_free(struct mer_pseudonyms *pseudonyms)
{
    if (!pseudonyms)
        return;
    mer_book_release(&pseudonyms->book);
    free(pseudonyms);
}

mer_status mer_pseudonym(const struct mer_pseudonyms *pseudonyms, const char *column,
                         const char *level, char ret_token[MER_PSEUDONYM_MAX], mer_err *err)
{
    static_assert(MER_PSEUDONYM_MAX == sizeof(struct mer_token), "a token fits");
    struct mer_token token;
    MER_GUARD(mer_book_token(&pseudonyms->book, column, strlen(column), level,
                             level ? strlen(level) : 0, &token, err));
    memcpy(ret_token, token.text, sizeof token.text);
    return mer_ok();
}

const char *mer_pseudonym_name(const struct mer_pseudonyms *pseudonyms, const char *token)
{
    return mer_book_find(&pseudonyms->book, token, strlen(token), NULL);
}

mer_status mer_pseudonyms_turn_back(const struct mer_pseudonyms *pseudonyms, const char *kind,
                                    const char *text, size_t n, char **ret_text,
                                    size_t *ret_n_known, size_t *ret_n_unknown, mer_err *err)
{
    static const char *const kinds[] = {"text", "csv", "json", "html"};
    struct mer_alloc alloc;
    size_t n_known, n_unknown, chosen = 0, begin = 0;
    while (begin < n && strchr(" \t\r\n", text[begin]))
        begin++;
    const char first = begin < n ? text[begin] : ',';
    if (!kind)
        kind = first == '<' ? "html" : first == '{' || first == '[' ? "json" : "csv";
    while (chosen < 4 && strcmp(kinds[chosen], kind) != 0)
        chosen++;
    if (chosen == 4)
        return mer_fail(err, MER_ERR_USAGE, "a text is csv, json, html or text, not %s",
                        mer_quote(kind).text);
    mer_alloc_init(&alloc, SIZE_MAX);
    MER_CLEANUP(mer_buf_release) struct mer_buf buf;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    MER_GUARD(mer_book_turn_back(&pseudonyms->book, (enum mer_names_text)chosen, text, n, &buf,
                                 &n_known, &n_unknown, err));
    MER_GUARD(mer_text_of_buf(&buf, ret_text, err));
    if (ret_n_known)
        *ret_n_known = n_known;
    if (ret_n_unknown)
        *ret_n_unknown = n_unknown;
    return mer_ok();
}

/* ---- Tables ---- */

/* Whose tokens, and whether what they stand for is kept in mind. */
struct tokens {
    struct mer_pseudonyms *pseudonyms;
    const struct mer_schema *schema; /* that the table was read by, with names */
    bool learn;
};

static mer_status token_of(const struct tokens *tokens, const char *column, size_t n_column,
                           const char *level, size_t n_level, struct mer_token *ret, mer_err *err)
{
    struct mer_book *const book = &tokens->pseudonyms->book;
    MER_GUARD(mer_book_token(book, column, n_column, level, n_level, ret, err));
    if (!tokens->learn)
        return mer_ok();
    return mer_book_learn(book, ret, level ? level : column, level ? n_level : n_column, err);
}

/* What stays behind the token of a column: that it is half of a geopoint. The token is the point's,
 * so that the halves stay those of one field. In a table that was read for a model each half has a
 * field of its own name. */
static const char *suffix_of(const struct tokens *tokens, const struct mer_column *column)
{
    unsigned part;
    const struct mer_field *const field =
        mer_schema_field_of_column(tokens->schema, column->name, 0, &part);
    if (!field || field->kind != MER_KIND_GEOPOINT)
        return "";
    return mer_part_suffix(part ? part : mer_part_of_name(column->name, column->n_name));
}

static size_t n_column_token(void *self, const struct mer_column *column)
{
    return MER_TOKEN_CHARS + strlen(suffix_of(self, column));
}

static mer_status write_token(void *self, const struct mer_column *column, size_t level,
                              char *ret_text, mer_err *err)
{
    struct mer_token token;
    struct mer_cell cell = {NULL, 0};
    const char *suffix = "";
    if (level == MER_RENAME_COLUMN)
        suffix = suffix_of(self, column);
    else
        cell = mer_column_level(column, level);
    MER_GUARD(token_of(self, column->name, column->n_name - strlen(suffix), cell.bytes, cell.n,
                       &token, err));
    memcpy(ret_text, token.text, MER_TOKEN_CHARS);
    memcpy(ret_text + MER_TOKEN_CHARS, suffix, strlen(suffix));
    return mer_ok();
}

/* Which columns stay: the schema may leave some out, texts among them. */
static mer_status choose_columns(const struct mer_table *table, bool *keep, mer_err *err)
{
    for (size_t c = 0; c < table->frame.n_columns; c++) {
        unsigned part; /* of no interest: a half stays where its point does */
        const struct mer_column *const column = &table->frame.columns[c];
        const struct mer_field *const field =
            mer_schema_field_of_column(&table->schema, column->name, c, &part);
        const bool left_out =
            field && (field->role == MER_ROLE_IGNORE || field->role == MER_ROLE_IDENTIFIER);
        keep[c] = !left_out;
        if (keep[c] && column->type == MER_TYPE_TEXT)
            return mer_hint(
                err,
                mer_fail(err, MER_ERR_DATA,
                         "column %zu holds free text, which no pseudonyms can stand for", c + 1),
                "leave it out: \"merlon:role\": \"ignore\" in the schema, or take the "
                "column out of the table");
    }
    return mer_ok();
}

/* The frame again, under tokens, in sealed memory that a cell can map. */
static mer_status make_frame(struct mer_table *table, const bool *keep, struct tokens *tokens,
                             int fd, struct mer_frame *ret_frame, mer_err *err)
{
    const struct mer_ctx *const ctx = &table->context->ctx;
    const struct mer_renaming renaming = {MER_TOKEN_CHARS, n_column_token, write_token, tokens};
    struct mer_file_region file;
    mer_region_init_memory_file(&file, ctx->alloc, fd, SIZE_MAX);
    const mer_status status =
        mer_frame_rename(ctx, &table->frame, keep, &renaming, &file.region, err);
    return mer_table_adopt_written(ctx, &file, fd, status, ret_frame, err);
}

/* What the schema says of a column that stays, without any text that could be one of its values. */
static mer_status make_field(const struct tokens *tokens, struct mer_arena *arena,
                             const struct mer_column *column, const struct mer_field *field,
                             struct mer_field *ret_field, mer_err *err)
{
    struct mer_field plain = *field;
    struct mer_token token;
    struct mer_column_token name;
    const bool is_column = strcmp(field->name, column->name) == 0;
    const char *const suffix = is_column ? suffix_of(tokens, column) : "";
    plain.categories = NULL;
    plain.n_categories = 0;
    plain.categories_ordered = false;
    plain.allowed = (struct mer_texts){NULL, 0};
    plain.pattern = NULL;
    MER_GUARD(token_of(tokens, field->name, field->n_name - strlen(suffix), NULL, 0, &token, err));
    (void)snprintf(name.text, sizeof name.text, "%s%s", token.text, suffix);
    plain.name = name.text;
    plain.n_name = strlen(name.text);
    return mer_field_copy(arena, &plain, ret_field, err);
}

static mer_status make_schema(const struct mer_table *table, const bool *keep,
                              const struct tokens *tokens, struct mer_schema *schema, mer_err *err)
{
    const struct mer_schema *const old = &table->schema;
    const struct mer_field *last = NULL;
    const char **missing;
    MER_GUARD(mer_arena_zero(&schema->arena, table->frame.n_columns, sizeof *schema->fields,
                             &schema->fields, err));
    for (size_t c = 0; c < table->frame.n_columns; c++) {
        unsigned part;
        const struct mer_field *const field =
            mer_schema_field_of_column(old, table->frame.columns[c].name, c, &part);
        /* The halves of a geopoint are side by side, and one field. */
        if (keep[c] && field && field != last)
            MER_GUARD(make_field(tokens, &schema->arena, &table->frame.columns[c], field,
                                 &schema->fields[schema->n_fields++], err));
        last = field;
    }
    MER_GUARD(
        mer_arena_zero(&schema->arena, old->n_missing_values, sizeof *missing, &missing, err));
    for (size_t i = 0; i < old->n_missing_values; i++)
        MER_GUARD(mer_arena_text(&schema->arena, old->missing_values[i],
                                 strlen(old->missing_values[i]), &missing[i], err));
    schema->missing_values = missing;
    schema->n_missing_values = old->n_missing_values;
    schema->match = old->match;
    return mer_schema_compile(schema, err);
}

/* The names of columns in what is told of bad rows; the schema's arena keeps them. */
static mer_status rename_reasons(struct mer_table *table, const struct tokens *tokens,
                                 struct mer_arena *arena, mer_err *err)
{
    struct mer_bad_rows *const bad = &table->bad;
    for (size_t i = 0; i < bad->n_reasons; i++) {
        struct mer_bad_reason *const reason = &bad->reasons[i];
        struct mer_token token;
        if (!reason->column)
            continue;
        MER_GUARD(token_of(tokens, reason->column, reason->n_column, NULL, 0, &token, err));
        MER_GUARD(mer_arena_text(arena, token.text, MER_TOKEN_CHARS, &reason->column, err));
        reason->n_column = MER_TOKEN_CHARS;
    }
    return mer_ok();
}

static mer_status replace_all(struct mer_table *table, const bool *keep, struct tokens *tokens,
                              mer_err *err)
{
    struct mer_schema schema;
    struct mer_frame frame;
    int fd;
    mer_schema_init(&schema, &table->context->alloc);
    mer_status status = make_schema(table, keep, tokens, &schema, err);
    if (mer_is_ok(status))
        status = rename_reasons(table, tokens, &schema.arena, err);
    if (!mer_is_ok(status)) {
        mer_schema_release(&schema);
        return status;
    }
    status = mer_memory_file_new("merlon-table", &fd, err);
    if (mer_is_ok(status)) {
        status = make_frame(table, keep, tokens, fd, &frame, err);
        if (!mer_is_ok(status))
            mer_descriptor_close(fd);
    }
    if (!mer_is_ok(status)) {
        mer_schema_release(&schema);
        return status;
    }
    mer_frame_release(&table->frame);
    mer_descriptor_close(table->image);
    mer_schema_release(&table->schema);
    table->frame = frame;
    table->image = fd;
    table->schema = schema;
    table->pseudonyms = tokens->pseudonyms;
    return mer_ok();
}

mer_status mer_table_pseudonymize(struct mer_table *table, struct mer_pseudonyms *pseudonyms,
                                  const struct mer_schema *asked, mer_err *err)
{
    struct tokens tokens = {pseudonyms, asked ? asked : &table->schema, !asked};
    struct mer_alloc *const alloc = &table->context->alloc;
    bool *keep;
    MER_GUARD(mer_alloc_zero(alloc, table->frame.n_columns, sizeof *keep, &keep, err));
    mer_status status = choose_columns(table, keep, err);
    if (mer_is_ok(status))
        status = replace_all(table, keep, &tokens, err);
    mer_free(alloc, keep);
    return mer_is_ok(status) ? mer_book_save(&pseudonyms->book, err) : status;
}

mer_status mer_pseudonyms_withhold(const struct mer_table *table, mer_status status, mer_err *err)
{
    if (status.code != MER_ERR_DATA || table->has_frame)
        return status;
    const mer_status told = mer_fail(
        err, MER_ERR_DATA, "%s is not a table as it should be; what is wrong names columns",
        mer_quote(table->path ? table->path : "the input").text);
    return mer_hint(err, told, "merlon schema check, where names may be seen, tells more");
}

mer_status mer_table_column_token(const struct mer_table *table, const char *name,
                                  struct mer_column_token *token, const char **ret_name,
                                  mer_err *err)
{
    *ret_name = name;
    if (!table->pseudonyms || !name || mer_frame_find(&table->frame, name) != SIZE_MAX)
        return mer_ok();
    const char *const suffix = mer_part_suffix(mer_part_of_name(name, strlen(name)));
    const size_t n_point = strlen(name) - strlen(suffix);
    struct mer_token plain;
    if (*suffix) {
        MER_GUARD(mer_book_token(&table->pseudonyms->book, name, n_point, NULL, 0, &plain, err));
        (void)snprintf(token->text, sizeof token->text, "%s%s", plain.text, suffix);
        *ret_name = token->text;
        if (mer_frame_find(&table->frame, token->text) != SIZE_MAX)
            return mer_ok();
    }
    MER_GUARD(mer_book_token(&table->pseudonyms->book, name, strlen(name), NULL, 0, &plain, err));
    memcpy(token->text, plain.text, sizeof plain.text);
    *ret_name = token->text;
    return mer_ok();
}

/* ---- Models ---- */

bool mer_model_is_pseudonymous(const struct mer_fitted *model)
{
    return mer_token_is(model->facts->target, strlen(model->facts->target));
}

mer_status mer_model_set_pseudonyms(struct mer_fitted *model, struct mer_pseudonyms *pseudonyms,
                                    mer_err *err)
{
    if (!mer_model_is_pseudonymous(model))
        return mer_fail(err, MER_ERR_USAGE, "the model has names, not pseudonyms");
    if (!mer_pseudonym_name(pseudonyms, model->facts->target))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_TRUST,
                                 "the project %s does not know the names of this model",
                                 mer_quote(pseudonyms->book.project).text),
                        "name the project that it was made in (--project)");
    model->pseudonyms = pseudonyms;
    return mer_ok();
}

const char *mer_model_name(const struct mer_fitted *model, const char *text)
{
    const char *const name = model->pseudonyms ? mer_pseudonym_name(model->pseudonyms, text) : NULL;
    return name ? name : text;
}

/* A model's field of half a geopoint has the half's name. */
static mer_status name_part(const struct mer_fitted *model, struct mer_arena *arena,
                            struct mer_field *field, mer_err *err)
{
    const char *const suffix = mer_part_suffix(field->parts);
    const char *half;
    char *name;
    MER_GUARD(mer_arena_text(arena, field->name, field->n_name - strlen(suffix), &half, err));
    const char *const point = mer_model_name(model, half);
    MER_GUARD(mer_arena_zero(arena, strlen(point) + sizeof MER_LONGITUDE_SUFFIX, 1, &name, err));
    memcpy(name, point, strlen(point));
    memcpy(name + strlen(point), suffix, strlen(suffix));
    field->name = name;
    field->n_name = strlen(name);
    return mer_ok();
}

mer_status mer_model_name_fields(const struct mer_fitted *model, struct mer_arena *arena,
                                 struct mer_field *fields, size_t n_fields, mer_err *err)
{
    if (!mer_model_is_pseudonymous(model))
        return mer_ok();
    if (!model->pseudonyms)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "the model's names are pseudonyms"),
                        "name the project whose key turns them back (--project)");
    for (size_t i = 0; i < n_fields; i++) {
        if (*mer_part_suffix(fields[i].parts)) {
            MER_GUARD(name_part(model, arena, &fields[i], err));
            continue;
        }
        fields[i].name = mer_model_name(model, fields[i].name);
        fields[i].n_name = strlen(fields[i].name);
    }
    return mer_ok();
}
