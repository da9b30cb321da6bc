/* Table Schema: whatever is accepted can be written, and what was written is read as the same. */
#include <stdlib.h>
#include <string.h>

#include "frame/schema.h"

enum { MEMORY = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_schema schema, again;
    struct mer_buf first, second;
    mer_err err = {0};
    mer_alloc_init(&alloc, MEMORY);
    if (mer_schema_parse(&ctx, (const char *)bytes, n, &schema, &err).code != MER_OK) {
        must(err.message[0] != '\0');
        must(atomic_load(&alloc.used) == 0);
        return 0;
    }
    mer_buf_init(&first, &alloc, MEMORY);
    mer_buf_init(&second, &alloc, MEMORY);
    must(mer_schema_write(&schema, &first, &err).code == MER_OK);
    must(mer_schema_parse(&ctx, (const char *)first.bytes, first.n, &again, &err).code == MER_OK);
    must(mer_schema_write(&again, &second, &err).code == MER_OK);
    must(first.n == second.n && memcmp(first.bytes, second.bytes, first.n) == 0);
    must(schema.n_fields == again.n_fields);
    for (size_t f = 0; f < schema.n_fields; f++)
        must(schema.fields[f].type == again.fields[f].type &&
             schema.fields[f].required == again.fields[f].required);
    mer_buf_release(&first);
    mer_buf_release(&second);
    mer_schema_release(&schema);
    mer_schema_release(&again);
    must(atomic_load(&alloc.used) == 0);
    return 0;
}
