/* What a worker is told about its trials: whatever is believed fits the table, and is told the same
 * again. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cell/trial_notes.h"
#include "frame/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char CSV[] = "x,colour,w,y\n1,red,1,2.5\n2,blue,1,3\n3,red,2,4\n4,,1,5\n5,red,1,6\n"
                          "6,blue,0,7\n7,red,1,8\n8,blue,1,9\n9,red,1,1.5\n10,blue,1,11\n";

static void check(const struct mer_evaluation_notes *notes)
{
    const struct mer_evaluation_data *const data = &notes->data;
    if (data->frame->n_columns > notes->table.n_columns ||
        data->target_column >= data->frame->n_columns || data->n_folds == 0 ||
        data->n_folds > data->frame->n_rows || !data->target->values == !data->target->classes)
        __builtin_trap();
    for (size_t i = 0; data->weights && i < data->frame->n_rows; i++)
        if (!(data->weights[i] >= 0) || isinf(data->weights[i]))
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct mer_csv_options options = {.header = MER_CSV_HEADER_YES};
    struct mer_evaluation_notes notes;
    struct mer_alloc alloc;
    struct mer_frame frame;
    struct mer_buf again;
    mer_alloc_init(&alloc, (size_t)64 << 20);
    const struct mer_ctx ctx = {.alloc = &alloc};
    if (!mer_is_ok(mer_csv_read(&ctx, CSV, sizeof CSV - 1, &options, &frame, NULL, NULL)))
        __builtin_trap();
    if (!mer_is_ok(mer_evaluation_notes_read(&ctx, &frame, bytes, n, &notes, NULL))) {
        mer_frame_release(&frame);
        goto done;
    }
    check(&notes);
    mer_buf_init(&again, &alloc, SIZE_MAX);
    if (!mer_is_ok(mer_evaluation_notes_write(&notes.data, &again, NULL)) || again.n != n ||
        memcmp(again.bytes, bytes, n) != 0)
        __builtin_trap();
    mer_buf_release(&again);
    mer_evaluation_notes_release(&ctx, &notes);
done:
    if (atomic_load(&alloc.used) != 0)
        __builtin_trap();
    return 0;
}
