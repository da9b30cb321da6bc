#include "cell/jobs.h"

#include "cell/confine.h"
#include "cell/schema_notes.h"
#include "os/memory_file.h"

mer_status mer_cell_load(const struct mer_cell_request *request, const char *inline_bytes,
                         struct mer_cell_inputs *ret_inputs, mer_err *err)
{
    struct mer_cell_inputs inputs = {.optional_field =
                                         request->has_optional_field ? inline_bytes : NULL};

    MER_GUARD(mer_memory_file_map(MER_CELL_INPUT, request->n_input, &inputs.input, err));
    MER_GUARD(mer_memory_file_map(MER_CELL_SIDE, request->n_side, &inputs.side, err));
    *ret_inputs = inputs;
    return mer_ok();
}

static struct mer_cell_csv_report wire_report(const struct mer_csv_report *report)
{
    struct mer_cell_csv_report wire = {.n_rows = report->n_rows,
                                       .n_columns = report->n_columns,
                                       .delimiter = (uint8_t)report->delimiter,
                                       .has_header = report->has_header,
                                       .had_bom = report->had_bom,
                                       .was_gzip = report->was_gzip};
    for (size_t i = 0; i < MER_CELL_MISSING_MAX; i++)
        wire.missing_counts[i] = report->missing_counts[i];
    return wire;
}

static mer_status read_csv(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                           const struct mer_cell_inputs *inputs, struct mer_cell_answer *answer,
                           struct mer_cell_outputs *outputs, mer_err *err)
{
    struct mer_schema schema;
    struct mer_file_region output;
    struct mer_csv_report report;
    struct mer_csv_options options = {
        .delimiter = request->delimiter,
        .header = (enum mer_csv_header)request->header,
        .allow_extra = request->allow_extra,
        .allow_new_levels = request->allow_new_levels,
        .optional_field = inputs->optional_field,
    };
    if (request->has_schema) {
        answer->part = MER_CELL_PART_SIDE;
        MER_GUARD(mer_schema_parse(ctx, (const char *)inputs->side, request->n_side, &schema, err));
        answer->part = MER_CELL_PART_INPUT;
        options.schema = &schema;
    }
    mer_region_init_memory_file(&output, ctx->alloc, MER_CELL_OUTPUT, request->max_memory_bytes);
    MER_GUARD(mer_csv_write_image(ctx, inputs->input, request->n_input, &options, &output.region,
                                  &report, err));
    answer->n_output = output.region.n;
    answer->report = wire_report(&report);
    if (request->has_schema && request->wants_notes)
        MER_GUARD(mer_schema_notes_write(ctx, &schema, output.region.base, &outputs->notes, err));
    /* The parent seals it as soon as it hears of it, which no writer may stand in the way of. */
    mer_region_release(&output.region);
    return mer_ok();
}

mer_status mer_cell_compute(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                            const struct mer_cell_inputs *inputs, struct mer_cell_answer *answer,
                            struct mer_cell_outputs *outputs, mer_err *err)
{
    switch ((enum mer_cell_job)request->job) {
    case MER_CELL_JOB_PING:
        return mer_ok();
    case MER_CELL_JOB_READ_CSV:
        return read_csv(ctx, request, inputs, answer, outputs, err);
    default:
        return mer_fail(err, MER_ERR_INTERNAL,
                        "a cell was asked for job %u, which it does not know", request->job);
    }
}
