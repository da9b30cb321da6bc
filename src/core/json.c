/* Reading JSON. jansson parses; what it leaves open is done here: limits on size, depth and memory
 * before it starts, integers beyond int64, and messages that never quote the document. Its tree is
 * then copied into an arena, where members keep their order and lookups are O(log n). */
#include "core/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/number.h"
#include "core/sort.h"

const struct mer_json_limits MER_JSON_DEFAULT_LIMITS = {.max_bytes = (size_t)16 << 20,
                                                        .max_depth = 64};

enum {
    MAX_DEPTH = 1000,
    SORTED_FROM = 9,          /* objects of so many members get an index */
    JANSSON_VALUE_BYTES = 320 /* most that jansson 2.14 takes for a value, its strings aside */
};

struct member {
    const char *key;
    const struct mer_json *value;
};

struct mer_json {
    enum mer_json_type type;
    bool boolean;
    size_t n; /* bytes of a string, elements, members */
    union {
        int64_t integer;
        double number;
        const char *string;
        const struct mer_json *elements;
        struct {
            const struct member *members;
            const struct member **sorted; /* NULL for small objects */
        };
    };
};

struct mer_json_document {
    struct mer_alloc *alloc;
    struct mer_arena arena;
    struct mer_json root;
};

/* What one pass over the text finds out before it is parsed. */
struct scan {
    size_t max_depth;
    size_t n_values;       /* at least the number of values */
    size_t n_big_integers; /* integers that are not an int64 */
};

static bool is_number_character(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* The end of the run of number characters at `i`; *ret_big when it is an integer beyond int64. */
static size_t skip_number(const char *bytes, size_t n, size_t i, bool *ret_big)
{
    const size_t first = i;
    bool only_digits = true;
    int64_t value;
    for (; i < n && is_number_character(bytes[i]); i++)
        only_digits &= (bytes[i] >= '0' && bytes[i] <= '9') || (i == first && bytes[i] == '-');
    *ret_big =
        only_digits && i - first > 18 && !mer_integer_parse(bytes + first, i - first, &value);
    return i;
}

/* The end of the string whose first quotation mark is at `i`. */
static size_t skip_string(const char *bytes, size_t n, size_t i)
{
    for (i++; i < n && bytes[i] != '"'; i++)
        if (bytes[i] == '\\')
            i++;
    return i < n ? i + 1 : n;
}

/* Copies the text to `ret_copy` on the way (NULL: does not), with ".0" behind big integers, which
 * jansson would refuse: they become doubles. */
static struct scan scan_text(const char *bytes, size_t n, char *ret_copy)
{
    struct scan scan = {.n_values = 1};
    size_t depth = 0;
    char *out = ret_copy;
    size_t i = 0;
    while (i < n) {
        const size_t first = i;
        const char c = bytes[i];
        bool big = false;
        if (c == '"') {
            i = skip_string(bytes, n, i);
        } else if (is_number_character(c)) {
            i = skip_number(bytes, n, i, &big);
        } else {
            i++;
            scan.n_values += c == '[' || c == '{' || c == ',' || c == ':';
            depth += c == '[' || c == '{';
            depth -= (c == ']' || c == '}') && depth > 0;
            if (depth > scan.max_depth)
                scan.max_depth = depth;
        }
        scan.n_big_integers += big;
        if (out) {
            memcpy(out, bytes + first, i - first);
            out += i - first;
            if (big) {
                memcpy(out, ".0", 2);
                out += 2;
            }
        }
    }
    return scan;
}

/* jansson's own texts quote the document, which may hold secrets: only its code is used. */
static const char *reason_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_stack_overflow:
        return "it is nested too deeply";
    case json_error_invalid_utf8:
        return "a text is not valid UTF-8";
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows after its end";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text holds a NUL character";
    case json_error_duplicate_key:
        return "a key is repeated";
    case json_error_numeric_overflow:
        return "a number is too large for a double";
    default:
        return "the syntax is wrong";
    }
}

static mer_status fail_at(const json_error_t *error, const char *what, mer_err *err)
{
    /* Where jansson's own allocations fail, it mostly says nothing at all: no place, no code. */
    if (error->line < 0 || json_error_code(error) == json_error_out_of_memory)
        return mer_fail(err, MER_ERR_MEMORY, "memory ran out while the %s was read", what);
    return mer_fail(err, MER_ERR_DATA, "the %s is not valid JSON: %s (line %d, column %d)", what,
                    reason_of(error), error->line, error->column);
}

static int compare_members(const void *a, const void *b)
{
    const struct member *const *left = a;
    const struct member *const *right = b;
    return strcmp((*left)->key, (*right)->key);
}

static mer_status copy_value(struct mer_arena *arena, const json_t *from, struct mer_json *to,
                             mer_err *err);

static mer_status copy_array(struct mer_arena *arena, const json_t *from, struct mer_json *to,
                             mer_err *err)
{
    struct mer_json *elements;
    const size_t n = json_array_size(from);
    MER_GUARD(mer_arena_zero(arena, n, sizeof *elements, &elements, err));
    for (size_t i = 0; i < n; i++)
        MER_GUARD(copy_value(arena, json_array_get(from, i), &elements[i], err));
    to->n = n;
    to->elements = elements;
    return mer_ok();
}

static mer_status copy_object(struct mer_arena *arena, json_t *from, struct mer_json *to,
                              mer_err *err)
{
    struct member *members;
    struct mer_json *values;
    const char *key;
    json_t *value;
    size_t i = 0;
    const size_t n = json_object_size(from);
    MER_GUARD(mer_arena_zero(arena, n, sizeof *members, &members, err));
    MER_GUARD(mer_arena_zero(arena, n, sizeof *values, &values, err));
    json_object_foreach(from, key, value)
    { /* in the order of the document */
        MER_GUARD(mer_arena_text(arena, key, strlen(key), &members[i].key, err));
        MER_GUARD(copy_value(arena, value, &values[i], err));
        members[i].value = &values[i];
        i++;
    }
    if (n >= SORTED_FROM) {
        MER_GUARD(mer_arena_zero(arena, n, sizeof *to->sorted, &to->sorted, err));
        for (i = 0; i < n; i++)
            to->sorted[i] = &members[i];
        mer_sort(to->sorted, n, sizeof *to->sorted, compare_members);
    }
    to->n = n;
    to->members = members;
    return mer_ok();
}

/* Recursion is bounded by the depth that was checked before. */
static mer_status copy_value(struct mer_arena *arena, const json_t *from, struct mer_json *to,
                             mer_err *err)
{
    switch (json_typeof(from)) {
    case JSON_NULL:
        to->type = MER_JSON_NULL;
        return mer_ok();
    case JSON_TRUE:
    case JSON_FALSE:
        to->type = MER_JSON_BOOLEAN;
        to->boolean = json_typeof(from) == JSON_TRUE;
        return mer_ok();
    case JSON_INTEGER:
        to->type = MER_JSON_INTEGER;
        to->integer = json_integer_value(from);
        return mer_ok();
    case JSON_REAL:
        to->type = MER_JSON_NUMBER;
        to->number = json_real_value(from);
        return mer_ok();
    case JSON_STRING:
        to->type = MER_JSON_STRING;
        to->n = json_string_length(from);
        return mer_arena_text(arena, json_string_value(from), to->n, &to->string, err);
    case JSON_ARRAY:
        to->type = MER_JSON_ARRAY;
        return copy_array(arena, from, to, err);
    case JSON_OBJECT:
        to->type = MER_JSON_OBJECT;
        return copy_object(arena, (json_t *)(uintptr_t)from, to, err);
    }
    return mer_fail(err, MER_ERR_INTERNAL, "jansson gave a value of an unknown type");
}

static mer_status parse_document(struct mer_json_document *document, const char *bytes, size_t n,
                                 const char *what, mer_err *err)
{
    json_error_t error;
    json_t *tree = json_loadb(bytes, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!tree)
        return fail_at(&error, what, err);
    const mer_status status = copy_value(&document->arena, tree, &document->root, err);
    json_decref(tree);
    return status;
}

/* With big integers made doubles, in a copy of the text. */
static mer_status parse_widened(struct mer_json_document *document, const char *bytes, size_t n,
                                size_t n_big, const char *what, mer_err *err)
{
    char *copy;
    const size_t n_copy = n + 2 * n_big; /* n_big < n / 18 */
    MER_GUARD(mer_alloc_bytes(document->alloc, n_copy, &copy, err));
    (void)scan_text(bytes, n, copy);
    const mer_status status = parse_document(document, copy, n_copy, what, err);
    mer_free(document->alloc, copy);
    return status;
}

void mer_json_seed(uint64_t seed)
{
    json_object_seed((size_t)seed);
}

mer_status mer_json_parse(struct mer_alloc *alloc, const char *bytes, size_t n,
                          const struct mer_json_limits *limits, const char *what,
                          struct mer_json_document **ret_document, mer_err *err)
{
    struct mer_json_document *document;
    const size_t max_depth = limits->max_depth < MAX_DEPTH ? limits->max_depth : MAX_DEPTH;
    size_t charge;
    if (n > limits->max_bytes)
        return mer_fail(err, MER_ERR_DATA, "the %s has %zu bytes, more than the %zu allowed", what,
                        n, limits->max_bytes);
    /* jansson passes over a NUL byte behind a number. */
    const char *nul = n > 0 ? memchr(bytes, '\0', n) : NULL;
    if (nul)
        return mer_fail(err, MER_ERR_DATA, "the %s is not valid JSON: byte %zu is NUL", what,
                        (size_t)(nul - bytes) + 1);
    const struct scan scan = scan_text(bytes, n, NULL);
    if (scan.max_depth > max_depth)
        return mer_fail(err, MER_ERR_DATA, "the %s is nested deeper than %zu levels", what,
                        max_depth);
    if (!mer_size_mul(scan.n_values, JANSSON_VALUE_BYTES, &charge) ||
        !mer_size_add(charge, n, &charge))
        return mer_fail(err, MER_ERR_MEMORY, "the %s is too large", what);

    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *document, &document, err));
    document->alloc = alloc;
    mer_arena_init(&document->arena, alloc);
    mer_status status = mer_alloc_charge(alloc, charge, err);
    if (mer_is_ok(status)) {
        status = scan.n_big_integers > 0
                     ? parse_widened(document, bytes, n, scan.n_big_integers, what, err)
                     : parse_document(document, bytes, n, what, err);
        mer_alloc_uncharge(alloc, charge);
    }
    if (!mer_is_ok(status)) {
        mer_json_free(document);
        return status;
    }
    *ret_document = document;
    return mer_ok();
}

void mer_json_free(struct mer_json_document *document)
{
    if (!document)
        return;
    mer_arena_release(&document->arena);
    mer_free(document->alloc, document);
}

const struct mer_json *mer_json_root(const struct mer_json_document *document)
{
    return document ? &document->root : NULL;
}

enum mer_json_type mer_json_type(const struct mer_json *value)
{
    return value ? value->type : MER_JSON_NULL;
}

size_t mer_json_size(const struct mer_json *value)
{
    const enum mer_json_type type = mer_json_type(value);
    return type == MER_JSON_ARRAY || type == MER_JSON_OBJECT ? value->n : 0;
}

const struct mer_json *mer_json_get(const struct mer_json *object, const char *key)
{
    if (mer_json_type(object) != MER_JSON_OBJECT)
        return NULL;
    if (object->sorted) {
        const struct member wanted = {.key = key};
        const struct member *const pointer = &wanted;
        const struct member *const *found =
            bsearch(&pointer, object->sorted, object->n, sizeof *object->sorted, compare_members);
        return found ? (*found)->value : NULL;
    }
    for (size_t i = 0; i < object->n; i++)
        if (strcmp(object->members[i].key, key) == 0)
            return object->members[i].value;
    return NULL;
}

const struct mer_json *mer_json_at(const struct mer_json *array, size_t i)
{
    return mer_json_type(array) == MER_JSON_ARRAY && i < array->n ? &array->elements[i] : NULL;
}

bool mer_json_member(const struct mer_json *object, size_t i, const char **ret_key,
                     const struct mer_json **ret_value)
{
    if (mer_json_type(object) != MER_JSON_OBJECT || i >= object->n)
        return false;
    *ret_key = object->members[i].key;
    *ret_value = object->members[i].value;
    return true;
}

const char *mer_json_string(const struct mer_json *value, size_t *ret_n)
{
    if (mer_json_type(value) != MER_JSON_STRING)
        return NULL;
    if (ret_n)
        *ret_n = value->n;
    return value->string;
}

bool mer_json_boolean(const struct mer_json *value, bool *ret)
{
    if (mer_json_type(value) != MER_JSON_BOOLEAN)
        return false;
    *ret = value->boolean;
    return true;
}

bool mer_json_integer(const struct mer_json *value, int64_t *ret)
{
    if (mer_json_type(value) != MER_JSON_INTEGER)
        return false;
    *ret = value->integer;
    return true;
}

bool mer_json_number(const struct mer_json *value, double *ret)
{
    if (mer_json_type(value) == MER_JSON_INTEGER)
        *ret = (double)value->integer;
    else if (mer_json_type(value) == MER_JSON_NUMBER)
        *ret = value->number;
    else
        return false;
    return true;
}

/* The member, or an error that it is missing. Keys come from the program, not from the document. */
static mer_status want(const struct mer_json *object, const char *key, const char *what,
                       const struct mer_json **ret_value, mer_err *err)
{
    const struct mer_json *value = mer_json_get(object, key);
    if (!value)
        return mer_fail(err, MER_ERR_DATA, "the %s has no \"%s\"", what, key);
    *ret_value = value;
    return mer_ok();
}

static mer_status wrong_type(const char *what, const char *key, const char *wanted, mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "in the %s \"%s\" must be %s", what, key, wanted);
}

mer_status mer_json_want_string(const struct mer_json *object, const char *key, const char *what,
                                const char **ret, mer_err *err)
{
    const struct mer_json *value = NULL;
    MER_GUARD(want(object, key, what, &value, err));
    if (mer_json_type(value) != MER_JSON_STRING)
        return wrong_type(what, key, "a string", err);
    *ret = value->string;
    return mer_ok();
}

mer_status mer_json_want_integer(const struct mer_json *object, const char *key, int64_t minimum,
                                 int64_t maximum, const char *what, int64_t *ret, mer_err *err)
{
    const struct mer_json *value = NULL;
    MER_GUARD(want(object, key, what, &value, err));
    if (mer_json_type(value) != MER_JSON_INTEGER)
        return wrong_type(what, key, "an integer", err);
    if (value->integer < minimum || value->integer > maximum)
        return mer_fail(err, MER_ERR_DATA, "in the %s \"%s\" must lie between %lld and %lld", what,
                        key, (long long)minimum, (long long)maximum);
    *ret = value->integer;
    return mer_ok();
}

mer_status mer_json_want_number(const struct mer_json *object, const char *key, const char *what,
                                double *ret, mer_err *err)
{
    const struct mer_json *value = NULL;
    MER_GUARD(want(object, key, what, &value, err));
    return mer_json_number(value, ret) ? mer_ok() : wrong_type(what, key, "a number", err);
}

mer_status mer_json_want_finite(const struct mer_json *object, const char *key, const char *what,
                                double *ret, mer_err *err)
{
    const struct mer_json *const value = mer_json_get(object, key);
    if (!value || mer_json_type(value) != MER_JSON_NULL)
        return mer_json_want_number(object, key, what, ret, err);
    *ret = (double)NAN;
    return mer_ok();
}

mer_status mer_json_want_array(const struct mer_json *object, const char *key, const char *what,
                               const struct mer_json **ret, mer_err *err)
{
    const struct mer_json *value = NULL;
    MER_GUARD(want(object, key, what, &value, err));
    if (mer_json_type(value) != MER_JSON_ARRAY)
        return wrong_type(what, key, "an array", err);
    *ret = value;
    return mer_ok();
}

mer_status mer_json_want_object(const struct mer_json *object, const char *key, const char *what,
                                const struct mer_json **ret, mer_err *err)
{
    const struct mer_json *value = NULL;
    MER_GUARD(want(object, key, what, &value, err));
    if (mer_json_type(value) != MER_JSON_OBJECT)
        return wrong_type(what, key, "an object", err);
    *ret = value;
    return mer_ok();
}
