#include "cell/audit_client.h"

#include <stdio.h>
#include <string.h>

#include "audit/audit_format.h"
#include "cell/cell_session.h"

enum {
    MEMORY_MAX = 1 << 30,
    SECONDS_LEAST = 120,       /* an audit's steps take seconds; this is for one that went wild */
    BYTES_A_SECOND = 50000000, /* checksums over large archives */
};

/* What the cell says goes into memory of ours first, and is looked at there. */
static mer_status converse(struct mer_cell_session *session, const struct mer_cell_request *request,
                           struct mer_audit_report *ret_report, mer_err *err)
{
    struct mer_cell_answer answer;
    MER_GUARD(mer_cell_session_ask(session, request, NULL, &answer, err));
    if (answer.n_inline > sizeof *ret_report || answer.n_output != 0 || answer.n_aside != 0)
        return mer_fail(err, MER_ERR_DATA, "the cell that read the input says too much");
    MER_GUARD(mer_cell_session_receive(session, ret_report, answer.n_inline, err));
    if (!mer_audit_report_is_sound(ret_report, answer.n_inline))
        return mer_fail(err, MER_ERR_DATA, "the cell that read the input gave no report");
    return mer_cell_session_await_end(session, err);
}

static void tell_end(struct mer_audit_report *report, const mer_err *problem)
{
    *report = (struct mer_audit_report){.format = MER_AUDIT_N_FORMATS, .n_findings = 1};
    struct mer_audit_finding *const finding = &report->findings[0];
    finding->kind = MER_AUDIT_CELL;
    finding->count = 1;
    (void)snprintf(finding->detail, sizeof finding->detail, "%s", mer_quote(problem->message).text);
}

mer_status mer_cell_audit_file(const struct mer_ctx *ctx, const struct mer_cell_settings *settings,
                               struct mer_cell_input file, struct mer_audit_report *ret_report,
                               mer_err *err)
{
    const size_t memory = mer_cell_memory(ctx->alloc);
    struct mer_cell_settings chosen = *settings;
    mer_err problem = {.code = MER_OK};
    struct mer_cell_session session;
    if (chosen.max_seconds == 0)
        chosen.max_seconds = SECONDS_LEAST + (unsigned)(file.n / BYTES_A_SECOND);
    const struct mer_cell_request request = {
        .magic = MER_CELL_MAGIC,
        .job = MER_CELL_JOB_AUDIT,
        .n_input = file.n,
        .max_memory_bytes = memory < MEMORY_MAX ? memory : MEMORY_MAX,
        .cpu = (uint32_t)ctx->cpu,
    };
    const struct mer_cell_start_options start = {.settings = &chosen,
                                                 .input = file,
                                                 .side = {.fd = -1},
                                                 .max_memory_bytes = request.max_memory_bytes};
    mer_status status = mer_cell_session_start(&session, ctx, &start, err);
    if (mer_is_ok(status)) {
        status = converse(&session, &request, ret_report, &problem);
        if (status.code == MER_ERR_DATA || status.code == MER_ERR_MEMORY) {
            tell_end(ret_report, &problem);
            status = mer_ok();
        } else if (!mer_is_ok(status) && err) {
            *err = problem;
        }
    }
    mer_cell_session_end(&session);
    return status;
}
