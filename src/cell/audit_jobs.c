/* A stranger's file in a cell: looked into, and what was found told in a fixed layout. */
#include "audit/audit.h"
#include "cell/jobs.h"

mer_status mer_cell_audit(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                          const struct mer_cell_inputs *inputs, struct mer_cell_outputs *outputs,
                          mer_err *err)
{
    struct mer_audit_report *report;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *report, &report, err));
    mer_audit_run(ctx, inputs->input, request->n_input, report);
    const mer_status status =
        mer_buf_append(&outputs->notes, report, mer_audit_report_size(report), err);
    mer_free(ctx->alloc, report);
    return status;
}
