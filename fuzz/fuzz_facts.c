/* What a cell tells about a stranger's model: whatever is believed is safe to use, and tells the
 * same again. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cell/facts_notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static size_t look_at(const struct mer_facts *facts)
{
    size_t sum = strlen(facts->target) + strlen(mer_facts_title(facts));
    for (size_t i = 0; i < facts->n_fields; i++)
        sum += strlen(facts->fields[i].name) + strlen(mer_type_name(facts->fields[i].type));
    for (size_t i = 0; i + 1 < facts->n_fields; i++)
        sum += strlen(mer_left_out_reason(facts->columns[i].left_out));
    for (size_t k = 0; k < facts->n_classes; k++)
        sum += strlen(facts->labels[k]);
    for (size_t i = 0; i < facts->n_missing_values; i++)
        sum += strlen(facts->missing_values[i]);
    for (size_t i = 0; i < facts->n_trials; i++)
        if (isinf(facts->trials[i].score) || !mer_family_find(facts->trials[i].family->name))
            __builtin_trap();
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_facts facts;
    struct mer_buf again;
    mer_alloc_init(&alloc, (size_t)256 << 20);
    const struct mer_ctx ctx = {.alloc = &alloc};
    if (!mer_is_ok(mer_facts_notes_read(&ctx, bytes, n, &facts, NULL)))
        goto done;
    if (look_at(&facts) == SIZE_MAX)
        __builtin_trap();
    mer_buf_init(&again, &alloc, SIZE_MAX);
    /* A boolean is told as 0 or 1, a NaN in one way of many: the length is all that must agree. */
    if (!mer_is_ok(mer_facts_notes_write(&facts, &again, NULL)) || again.n != n)
        __builtin_trap();
    mer_buf_release(&again);
    mer_facts_release(&facts);
done:
    if (atomic_load(&alloc.used) != 0)
        __builtin_trap();
    return 0;
}
