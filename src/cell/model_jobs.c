/* A stranger's model in a cell: opened once, then asked for predictions. */
#include "automl/facts.h"
#include "cell/confine.h"
#include "cell/facts_notes.h"
#include "cell/jobs.h"
#include "formats/safetensors.h"
#include "os/channel.h"

mer_status mer_cell_open_model(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                               const struct mer_cell_inputs *inputs,
                               struct mer_cell_outputs *outputs, struct mer_cell_model *model,
                               mer_err *err)
{
    static struct mer_bundle bundle; /* the pipeline may borrow from it */
    struct mer_facts facts;
    MER_GUARD(mer_safetensors_read(ctx, inputs->input, request->n_input, &bundle, err));
    MER_GUARD(mer_pipeline_load(ctx, &bundle, &model->pipeline, err));
    mer_region_init_memory_file(&model->output, ctx->alloc, MER_CELL_OUTPUT,
                                request->max_memory_bytes);
    MER_GUARD(mer_facts_of_pipeline(ctx, model->pipeline, &facts, err));
    const mer_status status = mer_facts_notes_write(&facts, &outputs->notes, err);
    mer_facts_release(&facts);
    return status;
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_frame *table,
                          struct mer_cell_model *model, struct mer_cell_answer *answer,
                          mer_err *err)
{
    const struct mer_pipeline *const pipeline = model->pipeline;
    struct mer_region *const output = &model->output.region;
    size_t n_bytes;
    if (!mer_size_mul(table->n_rows, mer_pipeline_width(pipeline), &n_bytes) ||
        !mer_size_mul(n_bytes, sizeof(double), &n_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
    if (n_bytes > output->capacity)
        MER_GUARD(output->grow(output, n_bytes, err));
    MER_GUARD(mer_pipeline_predict_into(ctx, pipeline, table, (double *)(void *)output->base, err));
    answer->n_output = n_bytes;
    return mer_ok();
}

/* The parent has sealed and checked the table; this side need not, and could not say so to anybody.
 */
static mer_status map_table(struct mer_cell_model *model, int fd, size_t n, mer_err *err)
{
    const unsigned char *bytes;
    MER_GUARD(mer_memory_file_map_lazily(fd, n, &bytes, err));
    model->former = model->table;
    model->table = (struct mer_cell_table){bytes, n};
    return mer_ok();
}

mer_status mer_cell_predict(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                            int table, struct mer_cell_model *model, struct mer_cell_answer *answer,
                            mer_err *err)
{
    enum { AHEAD_BYTES = 1 << 20 }; /* less is not worth waking a thread */
    const bool again = request->job == MER_CELL_JOB_PREDICT_AGAIN;
    struct mer_frame frame;
    if (!model->pipeline || table != (again ? -1 : MER_CELL_TABLE) ||
        (again ? model->table.n == 0 : request->job != MER_CELL_JOB_PREDICT)) {
        mer_descriptor_close(table);
        return mer_fail(err, MER_ERR_INTERNAL, "a cell was asked for what it cannot do");
    }
    if (!again) {
        const mer_status status = map_table(model, table, request->n_side, err);
        mer_descriptor_close(table);
        MER_GUARD(status);
        if (model->table.n >= AHEAD_BYTES)
            mer_ahead_walk(model->ahead, model->table.bytes, model->table.n);
    }
    mer_status status =
        mer_frame_open_checked(ctx, model->table.bytes, model->table.n, &frame, err);
    if (mer_is_ok(status)) {
        status = predict(ctx, &frame, model, answer, err);
        mer_frame_release(&frame);
    }
    mer_ahead_stop(model->ahead);
    return status;
}

static void forget(struct mer_cell_table *table)
{
    mer_memory_file_unmap(table->bytes, table->n);
    table->n = 0;
}

void mer_cell_forget_tables(struct mer_cell_model *model)
{
    forget(&model->former);
    if (model->table.n > MER_CELL_KEPT_MAX)
        forget(&model->table);
}
