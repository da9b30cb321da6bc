/* A field and a cell: any bytes as the cell of any field are a value or not, within the cell; and a
 * value that is within the bounds is one that could be stored. Input: a schema's JSON, a zero byte,
 * the cell. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "frame/field_value.h"
#include "frame/image.h"
#include "frame/schema_wire.h"

enum { MEMORY = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check_value(const struct mer_field *field, const char *cell, size_t n)
{
    union mer_value value;
    const enum mer_value_fault fault = mer_field_value(field, cell, n, &value);
    must((unsigned)fault < MER_VALUE_FAULT_COUNT);
    if (fault != MER_VALUE_FINE)
        return;
    if (field->type == MER_TYPE_NUMBER)
        must(!isnan(value.number));
    if (field->type == MER_TYPE_DATE)
        must(value.integer >= MER_DATE_MIN && value.integer <= MER_DATE_MAX);
    if (field->type == MER_TYPE_TIME)
        must(value.integer >= 0 && value.integer < MER_DAY_MICROSECONDS);
    if (field->type == MER_TYPE_DATETIME)
        must(value.integer >= MER_DATETIME_MIN && value.integer <= MER_DATETIME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_schema schema;
    mer_err err = {0};
    const uint8_t *const zero = n > 0 ? memchr(bytes, '\0', n) : NULL;
    const size_t n_schema = zero ? (size_t)(zero - bytes) : n;
    const char *const cell = (const char *)bytes + n_schema + (zero != NULL);
    const size_t n_cell = n - n_schema - (zero != NULL);
    mer_alloc_init(&alloc, MEMORY);
    /* The whole as a field on the wire, which nobody vouches for either. */
    for (int type = 0; type < MER_TYPE_COUNT; type++) {
        struct mer_arena arena;
        bool good;
        struct mer_field field = {.name = "a", .n_name = 1, .type = (enum mer_type)type};
        struct mer_wire_cursor cursor = {(const char *)bytes, n};
        mer_arena_init(&arena, &alloc);
        if (mer_wire_take_field(&cursor, &arena, &field, &good, &err).code == MER_OK && good &&
            mer_field_compile(&arena, &field, &err).code == MER_OK && mer_utf8_valid(cell, n_cell))
            check_value(&field, cell, n_cell);
        mer_arena_release(&arena);
    }
    if (mer_schema_parse(&ctx, (const char *)bytes, n_schema, &schema, &err).code == MER_OK) {
        for (size_t f = 0; f < schema.n_fields && mer_utf8_valid(cell, n_cell); f++)
            check_value(&schema.fields[f], cell, n_cell);
        mer_schema_release(&schema);
    }
    must(atomic_load(&alloc.used) == 0);
    return 0;
}
