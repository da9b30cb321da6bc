#include "cell/jobs.h"

#include <string.h>

#include "cell/confine.h"
#include "cell/schema_notes.h"
#include "intake/table_reader.h"
#include "os/input.h"
#include "os/memory_file.h"

/* The next of the request's texts, if it is there. */
static const char *next_text(bool is_there, const char **next)
{
    const char *const text = *next;
    if (!is_there)
        return NULL;
    *next += strlen(text) + 1;
    return text;
}

static mer_status load_input(struct mer_team *team, const struct mer_cell_request *request,
                             const unsigned char **ret_input, mer_err *err)
{
    switch ((enum mer_cell_job)request->job) {
    case MER_CELL_JOB_READ_FILE:
        return mer_input_copy(team, MER_CELL_INPUT, request->n_input, ret_input, err);
    case MER_CELL_JOB_AUDIT: /* need not look at all of a file, which may not fit into memory */
        return mer_memory_file_map_lazily(MER_CELL_INPUT, request->n_input, ret_input, err);
    default:
        return mer_memory_file_map(MER_CELL_INPUT, request->n_input, ret_input, err);
    }
}

mer_status mer_cell_load(struct mer_team *team, const struct mer_cell_request *request,
                         const char *inline_bytes, struct mer_cell_inputs *ret_inputs, mer_err *err)
{
    const char *next = inline_bytes;
    struct mer_cell_inputs inputs = {.optional_field =
                                         next_text(request->has_optional_field, &next)};
    inputs.part = next_text(request->has_part, &next);
    inputs.query = next_text(request->has_query, &next);

    MER_GUARD(load_input(team, request, &inputs.input, err));
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
                                       .was_gzip = report->was_gzip,
                                       .format = (uint8_t)report->format,
                                       .n_parts = report->n_parts};
    memcpy(wire.part, report->part, sizeof wire.part);
    for (size_t i = 0; i < MER_CELL_MISSING_MAX; i++)
        wire.missing_counts[i] = report->missing_counts[i];
    return wire;
}

/* The rows that did not fit, behind the image. */
static mer_status put_aside(const struct mer_bad_rows *bad, struct mer_file_region *output,
                            struct mer_cell_answer *answer, mer_err *err)
{
    size_t n;
    if (!bad || bad->n_rows == 0)
        return mer_ok();
    MER_GUARD(mer_bad_rows_write(bad, &output->region, &n, err));
    answer->n_aside = n;
    return mer_ok();
}

/* The same in place of an image that there is none of. That it fails is not told: something else
 * has failed before. */
static void tell_aside(const struct mer_bad_rows *bad, struct mer_file_region *output,
                       struct mer_cell_answer *answer)
{
    mer_region_clear(&output->region);
    if (!mer_is_ok(put_aside(bad, output, answer, NULL)))
        answer->n_aside = 0;
    mer_region_release(&output->region);
}

static mer_status read_csv(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                           const struct mer_cell_inputs *inputs, struct mer_cell_answer *answer,
                           struct mer_cell_outputs *outputs, mer_err *err)
{
    struct mer_schema schema;
    struct mer_file_region output;
    struct mer_csv_report report;
    struct mer_table_reading reading = {
        .csv = {.delimiter = request->delimiter,
                .header = (enum mer_csv_header)request->header,
                .allow_extra = request->allow_extra,
                .allow_new_levels = request->allow_new_levels,
                .optional_field = inputs->optional_field},
        .part = inputs->part,
        .query = inputs->query,
        .keep_texts = request->keep_texts != 0,
    };
    if (request->has_schema) {
        answer->part = MER_CELL_PART_SIDE;
        MER_GUARD(mer_schema_parse(ctx, (const char *)inputs->side, request->n_side, &schema, err));
        answer->part = MER_CELL_PART_INPUT;
        reading.csv.schema = &schema;
    }
    struct mer_bad_rows bad;
    if (request->on_bad_row > MER_ON_BAD_ROW_QUARANTINE + 1)
        return mer_fail(err, MER_ERR_INTERNAL, "a cell was asked for what it does not know");
    if (request->on_bad_row) {
        mer_bad_rows_init(&bad, ctx->alloc, (enum mer_on_bad_row)(request->on_bad_row - 1));
        reading.bad = &bad;
    }
    mer_region_init_memory_file(&output, ctx->alloc, MER_CELL_OUTPUT, request->max_memory_bytes);
    const mer_status status =
        mer_table_write_image(ctx, request->format ? request->format - 1U : SIZE_MAX, inputs->input,
                              request->n_input, &reading, &output.region, &report, err);
    if (!mer_is_ok(status)) {
        tell_aside(reading.bad, &output, answer);
        return status;
    }
    answer->n_output = output.region.n;
    MER_GUARD(put_aside(reading.bad, &output, answer, err));
    MER_GUARD(mer_region_trim(&output.region, err));
    answer->report = wire_report(&report);
    if (request->has_schema && request->wants_notes)
        MER_GUARD(mer_schema_notes_write(ctx, &schema, output.region.base, &outputs->notes, err));
    /* The parent seals it as soon as it hears of it, which no writer may stand in the way of. */
    mer_region_release(&output.region);
    return mer_ok();
}

mer_status mer_cell_compute(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                            const struct mer_cell_inputs *inputs, struct mer_cell_answer *answer,
                            struct mer_cell_outputs *outputs, struct mer_cell_model *model,
                            struct mer_cell_bench *bench, mer_err *err)
{
    switch ((enum mer_cell_job)request->job) {
    case MER_CELL_JOB_PING:
        return mer_ok();
    case MER_CELL_JOB_READ_CSV:
    case MER_CELL_JOB_READ_FILE:
        return read_csv(ctx, request, inputs, answer, outputs, err);
    case MER_CELL_JOB_OPEN_MODEL:
        return mer_cell_open_model(ctx, request, inputs, outputs, model, err);
    case MER_CELL_JOB_OPEN_TABLE:
        return mer_cell_open_table(ctx, request, inputs, bench, err);
    case MER_CELL_JOB_AUDIT:
        return mer_cell_audit(ctx, request, inputs, outputs, err);
    default:
        return mer_fail(err, MER_ERR_INTERNAL,
                        "a cell was asked for job %u, which it does not know", request->job);
    }
}
