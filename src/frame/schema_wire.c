#include "frame/schema_wire.h"
#include <assert.h>

#include <string.h>

#include "core/utf8.h"

/* Behind the bits of a field that has more to say. */
struct wire_field {
    uint8_t kind;
    uint8_t format;
    uint8_t item;
    uint8_t role;
    uint8_t flags;
    uint8_t parts;
    uint8_t switches;
    uint8_t padding;
    uint64_t min_length;
    uint64_t max_length;
};

enum {
    IS_UNIQUE = 1,
    IS_DECORATED = 2,
    IS_ORDERED = 4,
    HAS_MISSING = 8,
    HAS_MAX_LENGTH = 16,
    ALL_SWITCHES = 31
};

static_assert(sizeof(struct wire_field) == 24, "no byte without a name travels");

#define NO_TEXT UINT32_MAX
#define N_TEXTS (5 + MER_BOUND_COUNT)
enum { N_LISTS = 4 };

/* The texts that a field may have, in the order of the layout. */
static void texts_of(struct mer_field *field, const char **ret_texts[N_TEXTS])
{
    size_t n = 0;
    ret_texts[n++] = &field->format_text;
    ret_texts[n++] = &field->decimal_char;
    ret_texts[n++] = &field->group_char;
    ret_texts[n++] = &field->delimiter;
    ret_texts[n++] = &field->pattern;
    for (int kind = 0; kind < MER_BOUND_COUNT; kind++)
        ret_texts[n++] = &field->bounds[kind].text;
}

static void lists_of(struct mer_field *field, struct mer_texts *ret_lists[N_LISTS])
{
    ret_lists[0] = &field->true_values;
    ret_lists[1] = &field->false_values;
    ret_lists[2] = &field->missing_values;
    ret_lists[3] = &field->allowed;
}

mer_status mer_wire_put_number(struct mer_buf *buf, size_t number, mer_err *err)
{
    const uint32_t stored = (uint32_t)number;
    return mer_buf_append(buf, &stored, sizeof stored, err);
}

mer_status mer_wire_put_text(struct mer_buf *buf, const char *text, mer_err *err)
{
    const size_t n = strlen(text);
    if (n >= NO_TEXT)
        return mer_fail(err, MER_ERR_DATA, "schema: a text of %zu bytes is too long", n);
    MER_GUARD(mer_wire_put_number(buf, n, err));
    return mer_buf_append(buf, text, n, err);
}

static bool take(struct mer_wire_cursor *cursor, size_t n, const char **ret_bytes)
{
    if (n > cursor->left)
        return false;
    *ret_bytes = cursor->at;
    cursor->at += n;
    cursor->left -= n;
    return true;
}

bool mer_wire_take_number(struct mer_wire_cursor *cursor, uint32_t *ret_number)
{
    const char *bytes;
    if (!take(cursor, sizeof *ret_number, &bytes))
        return false;
    memcpy(ret_number, bytes, sizeof *ret_number);
    return true;
}

mer_status mer_wire_take_text(struct mer_wire_cursor *cursor, struct mer_arena *arena,
                              const char **ret_text, bool *ret_good, mer_err *err)
{
    const char *bytes;
    uint32_t n;
    *ret_good = mer_wire_take_number(cursor, &n) && take(cursor, n, &bytes) &&
                mer_utf8_valid(bytes, n) && memchr(bytes, '\0', n) == NULL;
    return *ret_good ? mer_arena_text(arena, bytes, n, ret_text, err) : mer_ok();
}

bool mer_wire_has_more(const struct mer_field *field)
{
    struct mer_field copy = *field;
    const char **texts[N_TEXTS];
    struct mer_texts *lists[N_LISTS];
    const struct mer_field plain = {.type = field->type};
    bool more = mer_field_kind(field) != mer_field_kind(&plain) || field->unique ||
                field->format != MER_FORMAT_DEFAULT || field->item != MER_KIND_UNSTATED ||
                field->decorated || field->categories_ordered || field->has_missing_values ||
                field->has_max_length || field->min_length > 0 || field->role != MER_ROLE_NONE ||
                field->flags != 0;
    texts_of(&copy, texts);
    for (size_t i = 0; i < N_TEXTS; i++)
        more |= *texts[i] != NULL;
    lists_of(&copy, lists);
    for (size_t i = 0; i < N_LISTS; i++)
        more |= lists[i]->n > 0;
    return more;
}

mer_status mer_wire_put_field(struct mer_buf *buf, const struct mer_field *field, mer_err *err)
{
    struct mer_field copy = *field;
    const char **texts[N_TEXTS];
    struct mer_texts *lists[N_LISTS];
    const bool more = mer_wire_has_more(field);
    const bool unlisted = field->type == MER_TYPE_CATEGORICAL && field->n_categories == 0;
    const uint8_t bits = (uint8_t)((field->required ? MER_WIRE_REQUIRED : 0) |
                                   (unlisted ? MER_WIRE_UNLISTED : 0) | (more ? MER_WIRE_MORE : 0));
    MER_GUARD(mer_buf_append(buf, &bits, 1, err));
    if (!more)
        return mer_ok();
    const struct wire_field wire = {
        .kind = (uint8_t)mer_field_kind(field),
        .format = (uint8_t)field->format,
        .item = (uint8_t)field->item,
        .role = (uint8_t)field->role,
        .flags = (uint8_t)field->flags,
        .parts = (uint8_t)field->parts,
        .switches =
            (uint8_t)((field->unique ? IS_UNIQUE : 0) | (field->decorated ? IS_DECORATED : 0) |
                      (field->categories_ordered ? IS_ORDERED : 0) |
                      (field->has_missing_values ? HAS_MISSING : 0) |
                      (field->has_max_length ? HAS_MAX_LENGTH : 0)),
        .min_length = field->min_length,
        .max_length = field->max_length,
    };
    MER_GUARD(mer_buf_append(buf, &wire, sizeof wire, err));
    texts_of(&copy, texts);
    for (size_t i = 0; i < N_TEXTS; i++)
        MER_GUARD(*texts[i] ? mer_wire_put_text(buf, *texts[i], err)
                            : mer_wire_put_number(buf, NO_TEXT, err));
    lists_of(&copy, lists);
    for (size_t i = 0; i < N_LISTS; i++) {
        MER_GUARD(mer_wire_put_number(buf, lists[i]->n, err));
        for (size_t k = 0; k < lists[i]->n; k++)
            MER_GUARD(mer_wire_put_text(buf, lists[i]->texts[k], err));
    }
    return mer_ok();
}

static mer_status take_optional_text(struct mer_wire_cursor *cursor, struct mer_arena *arena,
                                     const char **ret_text, bool *ret_good, mer_err *err)
{
    uint32_t n;
    struct mer_wire_cursor ahead = *cursor;
    if (mer_wire_take_number(&ahead, &n) && n == NO_TEXT) {
        *cursor = ahead;
        *ret_text = NULL;
        return mer_ok();
    }
    return mer_wire_take_text(cursor, arena, ret_text, ret_good, err);
}

static mer_status take_list(struct mer_wire_cursor *cursor, struct mer_arena *arena,
                            struct mer_texts *list, bool *ret_good, mer_err *err)
{
    const char **texts;
    uint32_t n;
    /* Every text takes four bytes at least, which bounds the allocation. */
    *ret_good = mer_wire_take_number(cursor, &n) && n <= cursor->left / sizeof n;
    if (!*ret_good)
        return mer_ok();
    MER_GUARD(mer_arena_zero(arena, n, sizeof *texts, &texts, err));
    for (uint32_t i = 0; i < n && *ret_good; i++)
        MER_GUARD(mer_wire_take_text(cursor, arena, &texts[i], ret_good, err));
    *list = (struct mer_texts){texts, n};
    return mer_ok();
}

static bool take_switches(const struct wire_field *wire, struct mer_field *field)
{
    if (wire->kind >= MER_KIND_COUNT || wire->format >= MER_FORMAT_COUNT ||
        wire->item >= MER_KIND_COUNT || wire->role >= MER_ROLE_COUNT ||
        wire->flags & ~MER_FIELD_FLAGS || wire->parts & ~MER_PART_BOTH ||
        wire->switches & ~ALL_SWITCHES || wire->padding)
        return false;
    field->kind = (enum mer_kind)wire->kind;
    field->format = (enum mer_format)wire->format;
    field->item = (enum mer_kind)wire->item;
    field->role = (enum mer_role)wire->role;
    field->flags = wire->flags;
    field->parts = wire->parts;
    field->unique = wire->switches & IS_UNIQUE;
    field->decorated = wire->switches & IS_DECORATED;
    field->categories_ordered = wire->switches & IS_ORDERED;
    field->has_missing_values = wire->switches & HAS_MISSING;
    field->has_max_length = wire->switches & HAS_MAX_LENGTH;
    field->min_length = wire->min_length;
    field->max_length = wire->max_length;
    return true;
}

/* Can what the field says be stored as its column is? */
static bool is_stored_so(const struct mer_field *field)
{
    if (field->kind == MER_KIND_GEOPOINT)
        return (field->parts == MER_PART_LONGITUDE || field->parts == MER_PART_LATITUDE) &&
               field->type == MER_TYPE_NUMBER;
    const bool categorical = field->type == MER_TYPE_CATEGORICAL &&
                             (field->kind == MER_KIND_STRING || field->kind == MER_KIND_INTEGER);
    return field->parts == 0 && (categorical || mer_field_storage(field, false) == field->type) &&
           (field->format != MER_FORMAT_PATTERN || field->format_text);
}

mer_status mer_wire_take_field(struct mer_wire_cursor *cursor, struct mer_arena *arena,
                               struct mer_field *field, bool *ret_good, mer_err *err)
{
    struct wire_field wire;
    struct mer_field found = *field;
    const char **texts[N_TEXTS];
    struct mer_texts *lists[N_LISTS];
    const char *bytes;
    *ret_good = take(cursor, 1, &bytes) && !((unsigned char)*bytes & ~(unsigned)MER_WIRE_BITS);
    if (!*ret_good)
        return mer_ok();
    const unsigned bits = (unsigned char)*bytes;
    found.required = bits & MER_WIRE_REQUIRED;
    if (bits & MER_WIRE_UNLISTED)
        found.n_categories = 0;
    if (bits & MER_WIRE_MORE) {
        *ret_good = take(cursor, sizeof wire, &bytes);
        if (*ret_good) {
            memcpy(&wire, bytes, sizeof wire);
            *ret_good = take_switches(&wire, &found);
        }
        texts_of(&found, texts);
        for (size_t i = 0; i < N_TEXTS && *ret_good; i++)
            MER_GUARD(take_optional_text(cursor, arena, texts[i], ret_good, err));
        lists_of(&found, lists);
        for (size_t i = 0; i < N_LISTS && *ret_good; i++)
            MER_GUARD(take_list(cursor, arena, lists[i], ret_good, err));
        *ret_good = *ret_good && is_stored_so(&found);
    }
    if (*ret_good)
        *field = found;
    return mer_ok();
}
