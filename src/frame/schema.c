/* Table Schema: names of things, the schema of a table, fields and columns. Reading is in
 * schema_parse.c and schema_field.c, writing in schema_write.c. */
#include "frame/schema.h"

#include <string.h>

void mer_schema_init(struct mer_schema *schema, struct mer_alloc *alloc)
{
    *schema = (struct mer_schema){0};
    mer_arena_init(&schema->arena, alloc);
}

void mer_schema_release(struct mer_schema *schema)
{
    struct mer_alloc *alloc = schema->arena.alloc;
    if (!alloc)
        return;
    mer_arena_release(&schema->arena);
    mer_schema_init(schema, alloc);
}

const char *mer_kind_name(enum mer_kind kind)
{
    static const char *const names[MER_KIND_COUNT] = {
        "any",    "string",   "number",  "integer",   "boolean",  "date",
        "time",   "datetime", "year",    "yearmonth", "duration", "list",
        "object", "array",    "geojson", "geopoint",  "any"};
    return (unsigned)kind < MER_KIND_COUNT ? names[kind] : "any";
}

const char *mer_role_name(enum mer_role role)
{
    static const char *const names[MER_ROLE_COUNT] = {"none", "feature", "target", "identifier",
                                                      "ignore"};
    return (unsigned)role < MER_ROLE_COUNT ? names[role] : "none";
}

const char *mer_field_flag_name(unsigned flags, size_t i)
{
    static const char *const names[] = {"weight", "group", "time", "text", "sensitive"};
    for (size_t bit = 0; bit < sizeof names / sizeof names[0]; bit++)
        if (flags & (1U << bit) && i-- == 0)
            return names[bit];
    return NULL;
}

const char *mer_bound_name(enum mer_bound_kind kind)
{
    static const char *const names[MER_BOUND_COUNT] = {"minimum", "maximum", "exclusiveMinimum",
                                                       "exclusiveMaximum"};
    return (unsigned)kind < MER_BOUND_COUNT ? names[kind] : "";
}

const char *mer_fields_match_name(enum mer_fields_match match)
{
    static const char *const names[MER_MATCH_COUNT] = {"",       "exact",    "equal",
                                                       "subset", "superset", "partial"};
    return (unsigned)match < MER_MATCH_COUNT ? names[match] : "";
}

const char *mer_format_name(enum mer_format format)
{
    static const char *const names[MER_FORMAT_COUNT] = {
        [MER_FORMAT_ANY] = "any",       [MER_FORMAT_EMAIL] = "email",
        [MER_FORMAT_URI] = "uri",       [MER_FORMAT_BINARY] = "binary",
        [MER_FORMAT_UUID] = "uuid",     [MER_FORMAT_ARRAY] = "array",
        [MER_FORMAT_OBJECT] = "object", [MER_FORMAT_TOPOJSON] = "topojson"};
    return (unsigned)format < MER_FORMAT_COUNT ? names[format] : NULL;
}

enum mer_kind mer_field_kind(const struct mer_field *field)
{
    static const enum mer_kind kinds[MER_TYPE_COUNT] = {
        [MER_TYPE_BOOLEAN] = MER_KIND_BOOLEAN, [MER_TYPE_INTEGER] = MER_KIND_INTEGER,
        [MER_TYPE_NUMBER] = MER_KIND_NUMBER,   [MER_TYPE_CATEGORICAL] = MER_KIND_STRING,
        [MER_TYPE_TEXT] = MER_KIND_STRING,     [MER_TYPE_DATE] = MER_KIND_DATE,
        [MER_TYPE_TIME] = MER_KIND_TIME,       [MER_TYPE_DATETIME] = MER_KIND_DATETIME};
    if (field->kind != MER_KIND_UNSTATED)
        return field->kind;
    return (unsigned)field->type < MER_TYPE_COUNT ? kinds[field->type] : MER_KIND_ANY;
}

enum mer_type mer_field_storage(const struct mer_field *field, bool is_categorical)
{
    static const enum mer_type types[MER_KIND_COUNT] = {
        [MER_KIND_UNSTATED] = MER_TYPE_TEXT,   [MER_KIND_STRING] = MER_TYPE_TEXT,
        [MER_KIND_NUMBER] = MER_TYPE_NUMBER,   [MER_KIND_INTEGER] = MER_TYPE_INTEGER,
        [MER_KIND_BOOLEAN] = MER_TYPE_BOOLEAN, [MER_KIND_DATE] = MER_TYPE_DATE,
        [MER_KIND_TIME] = MER_TYPE_TIME,       [MER_KIND_DATETIME] = MER_TYPE_DATETIME,
        [MER_KIND_YEAR] = MER_TYPE_INTEGER,    [MER_KIND_YEARMONTH] = MER_TYPE_DATE,
        [MER_KIND_DURATION] = MER_TYPE_NUMBER, [MER_KIND_LIST] = MER_TYPE_TEXT,
        [MER_KIND_OBJECT] = MER_TYPE_TEXT,     [MER_KIND_ARRAY] = MER_TYPE_TEXT,
        [MER_KIND_GEOJSON] = MER_TYPE_TEXT,    [MER_KIND_GEOPOINT] = MER_TYPE_TEXT,
        [MER_KIND_ANY] = MER_TYPE_TEXT};
    return is_categorical ? MER_TYPE_CATEGORICAL : types[mer_field_kind(field)];
}

static mer_status copy_texts(struct mer_arena *arena, const char *const *from, size_t n,
                             const char *const **ret_texts, mer_err *err)
{
    const char **texts;
    *ret_texts = NULL;
    if (n == 0)
        return mer_ok();
    MER_GUARD(mer_arena_zero(arena, n, sizeof *texts, &texts, err));
    for (size_t i = 0; i < n; i++)
        MER_GUARD(mer_arena_text(arena, from[i], strlen(from[i]), &texts[i], err));
    *ret_texts = texts;
    return mer_ok();
}

static mer_status copy_text(struct mer_arena *arena, const char **text, mer_err *err)
{
    return *text ? mer_arena_text(arena, *text, strlen(*text), text, err) : mer_ok();
}

mer_status mer_field_copy(struct mer_arena *arena, const struct mer_field *field,
                          struct mer_field *ret_field, mer_err *err)
{
    struct mer_field copy = *field;
    copy.plain = false;
    copy.program = NULL;
    copy.allowed_values = NULL;
    MER_GUARD(mer_arena_text(arena, field->name, field->n_name, &copy.name, err));
    MER_GUARD(copy_texts(arena, field->categories, field->n_categories, &copy.categories, err));
    MER_GUARD(copy_text(arena, &copy.format_text, err));
    MER_GUARD(copy_text(arena, &copy.decimal_char, err));
    MER_GUARD(copy_text(arena, &copy.group_char, err));
    MER_GUARD(copy_text(arena, &copy.delimiter, err));
    MER_GUARD(copy_text(arena, &copy.pattern, err));
    for (int kind = 0; kind < MER_BOUND_COUNT; kind++)
        MER_GUARD(copy_text(arena, &copy.bounds[kind].text, err));
    struct mer_texts *const lists[] = {&copy.true_values, &copy.false_values, &copy.missing_values,
                                       &copy.allowed};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        MER_GUARD(copy_texts(arena, lists[i]->texts, lists[i]->n, &lists[i]->texts, err));
    *ret_field = copy;
    return mer_ok();
}

const char *mer_part_suffix(unsigned part)
{
    return part == MER_PART_LONGITUDE  ? MER_LONGITUDE_SUFFIX
           : part == MER_PART_LATITUDE ? MER_LATITUDE_SUFFIX
                                       : "";
}

unsigned mer_part_of_name(const char *name, size_t n_name)
{
    for (unsigned part = MER_PART_LONGITUDE; part <= MER_PART_LATITUDE; part++) {
        const size_t n = strlen(mer_part_suffix(part));
        if (n_name > n && memcmp(name + n_name - n, mer_part_suffix(part), n) == 0)
            return part;
    }
    return 0;
}

/* ".longitude" or ".latitude" behind the name of the field? */
static unsigned part_of(const struct mer_field *field, const char *name)
{
    const size_t n_name = strlen(name);
    const unsigned part = mer_part_of_name(name, n_name);
    if (field->kind != MER_KIND_GEOPOINT ||
        n_name != field->n_name + strlen(mer_part_suffix(part)) ||
        memcmp(name, field->name, field->n_name) != 0)
        return 0;
    return part & field->parts;
}

const struct mer_field *mer_schema_field_of_column(const struct mer_schema *schema,
                                                   const char *name, size_t hint,
                                                   unsigned *ret_part)
{
    *ret_part = 0;
    if (hint < schema->n_fields && strcmp(schema->fields[hint].name, name) == 0)
        return &schema->fields[hint];
    for (size_t f = 0; f < schema->n_fields; f++)
        if (strcmp(schema->fields[f].name, name) == 0)
            return &schema->fields[f];
    for (size_t f = 0; f < schema->n_fields; f++) {
        *ret_part = part_of(&schema->fields[f], name);
        if (*ret_part)
            return &schema->fields[f];
    }
    return NULL;
}

static mer_status copy_levels(struct mer_arena *arena, const struct mer_column *column,
                              struct mer_field *field, mer_err *err)
{
    const char **categories;
    MER_GUARD(mer_arena_zero(arena, column->n_levels, sizeof *categories, &categories, err));
    for (size_t k = 0; k < column->n_levels; k++) {
        const struct mer_cell level = mer_column_level(column, k);
        MER_GUARD(mer_arena_text(arena, level.bytes, level.n, &categories[k], err));
    }
    field->categories = categories;
    field->n_categories = column->n_levels;
    return mer_ok();
}

static mer_status describe(const struct mer_frame *frame, const char *const *missing_values,
                           size_t n_missing_values, struct mer_schema *schema, mer_err *err)
{
    struct mer_arena *arena = &schema->arena;
    MER_GUARD(copy_texts(arena, missing_values, n_missing_values, &schema->missing_values, err));
    schema->n_missing_values = n_missing_values;

    MER_GUARD(
        mer_arena_zero(arena, frame->n_columns, sizeof *schema->fields, &schema->fields, err));
    schema->n_fields = frame->n_columns;
    for (size_t c = 0; c < frame->n_columns; c++) {
        const struct mer_column *column = &frame->columns[c];
        struct mer_field *field = &schema->fields[c];
        field->type = column->type;
        field->kind = mer_field_kind(field);
        field->plain = true;
        field->n_name = column->n_name;
        MER_GUARD(mer_arena_text(arena, column->name, column->n_name, &field->name, err));
        if (column->type == MER_TYPE_CATEGORICAL && column->n_levels <= MER_SCHEMA_LISTED_LEVELS)
            MER_GUARD(copy_levels(arena, column, field, err));
    }
    return mer_ok();
}

mer_status mer_schema_of_frame(const struct mer_ctx *ctx, const struct mer_frame *frame,
                               const char *const *missing_values, size_t n_missing_values,
                               struct mer_schema *ret_schema, mer_err *err)
{
    struct mer_schema schema;
    mer_schema_init(&schema, ctx->alloc);
    mer_status status = describe(frame, missing_values, n_missing_values, &schema, err);
    if (!mer_is_ok(status)) {
        mer_schema_release(&schema);
        return status;
    }
    *ret_schema = schema;
    return status;
}

bool mer_schema_may_lack(const struct mer_schema *schema, const struct mer_field *field,
                         const char *optional_field)
{
    return (optional_field && strcmp(optional_field, field->name) == 0) ||
           schema->match == MER_MATCH_SUPERSET || schema->match == MER_MATCH_PARTIAL;
}

bool mer_schema_infers_others(const struct mer_schema *schema)
{
    return schema->match == MER_MATCH_SUBSET || schema->match == MER_MATCH_PARTIAL;
}
