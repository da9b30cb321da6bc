#include "cell/client.h"

#include <string.h>

#include "cell/cell_session.h"
#include "cell/schema_notes.h"
#include "os/clock.h"
#include "os/memory_file.h"

/* Smaller tables are read before threads have started. */
enum { TEAM_BYTES = 4 << 20 };

mer_status mer_cell_ping(const struct mer_ctx *ctx, const struct mer_cell_settings *settings,
                         unsigned *ret_level, uint64_t *ret_ready_ns, mer_err *err)
{
    enum { MEMORY = 1 << 20 };
    const struct mer_cell_request request = {
        .magic = MER_CELL_MAGIC, .job = MER_CELL_JOB_PING, .max_memory_bytes = MEMORY};
    struct mer_cell_session session;
    struct mer_cell_answer answer;
    mer_status status;

    const struct mer_cell_start_options options = {
        .settings = settings, .input = {.fd = -1}, .side = {.fd = -1}, .max_memory_bytes = MEMORY};
    MER_GUARD_GOTO(mer_cell_session_start(&session, ctx, &options, err), done);
    *ret_ready_ns = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self) - session.start_ns;
    *ret_level = session.level;
    MER_GUARD_GOTO(mer_cell_session_ask(&session, &request, NULL, &answer, err), done);
    status = mer_cell_session_await_end(&session, err);
done:
    mer_cell_session_end(&session);
    return status;
}

/* What the report says of the file's form is shown to people only; still, it may not be nonsense.
 */
static bool take_report(const struct mer_cell_csv_report *report, const struct mer_frame *frame,
                        struct mer_csv_report *ret_report)
{
    const bool is_csv = report->format == 0;
    if (report->n_rows != frame->n_rows || report->n_columns < frame->n_columns ||
        report->n_columns > SIZE_MAX / sizeof(double) || report->delimiter >= 0x80 ||
        report->format >= MER_N_TABLE_FORMATS || is_csv != (report->delimiter != '\0') ||
        report->part[MER_CELL_PART_NAME_MAX - 1] != '\0')
        return false;
    *ret_report = (struct mer_csv_report){.delimiter = (char)report->delimiter,
                                          .has_header = report->has_header != 0,
                                          .had_bom = report->had_bom != 0,
                                          .was_gzip = report->was_gzip != 0,
                                          .n_rows = report->n_rows,
                                          .n_columns = report->n_columns,
                                          .format = report->format,
                                          .n_parts = report->n_parts};
    static_assert(sizeof ret_report->part == sizeof report->part, "a name fits into the report");
    memcpy(ret_report->part, report->part, sizeof report->part);
    for (size_t i = 0; i < MER_CELL_MISSING_MAX; i++)
        ret_report->missing_counts[i] = report->missing_counts[i];
    return true;
}

/* The image, which nobody can change once it is sealed: that fails while anybody has it mapped for
 * writing, and forbids it from then on. So the cell need not have ended yet, which takes it a while
 * after a large table. */
static mer_status take_image(struct mer_cell_session *session, const struct mer_cell_answer *answer,
                             struct mer_frame *ret_frame, struct mer_csv_report *ret_report,
                             mer_err *err)
{
    struct mer_region region;
    MER_GUARD(mer_memory_file_seal(session->output, err));
    MER_GUARD(mer_region_init_sealed(&region, session->ctx->alloc, session->output,
                                     answer->n_output, err));
    const mer_status status = mer_frame_adopt(session->ctx, &region, ret_frame, err);
    if (!mer_is_ok(status)) {
        mer_region_release(&region);
        return status;
    }
    if (take_report(&answer->report, ret_frame, ret_report))
        return mer_ok();
    mer_frame_release(ret_frame);
    return mer_fail(err, MER_ERR_DATA, "the cell that read the input contradicts itself");
}

/* The rows that did not fit, which lie behind the image and are cut off it. */
static mer_status take_aside(struct mer_cell_session *session, const struct mer_cell_answer *answer,
                             struct mer_bad_rows *bad, mer_err *err)
{
    unsigned char *block;
    if (answer->n_aside == 0)
        return mer_ok();
    if (!bad)
        return mer_fail(err, MER_ERR_DATA, "the cell that read the input says too much");
    MER_GUARD(mer_alloc_bytes(bad->alloc, answer->n_aside, &block, err));
    mer_status status =
        mer_memory_file_read_at(session->output, answer->n_output, block, answer->n_aside, err);
    if (mer_is_ok(status))
        status = mer_bad_rows_read(bad, block, answer->n_aside, err);
    if (!mer_is_ok(status)) {
        mer_free(bad->alloc, block);
        return status;
    }
    status = mer_memory_file_cut(session->output, answer->n_output, err);
    if (!mer_is_ok(status))
        mer_bad_rows_release(bad);
    return status;
}

/* What comes behind the answer; *ret_notes is released by the caller. */
static mer_status take_notes(struct mer_cell_session *session, const struct mer_cell_answer *answer,
                             char **ret_notes, mer_err *err)
{
    if (answer->n_inline > MER_CELL_NOTES_MAX)
        return mer_fail(err, MER_ERR_DATA, "the cell that read the input says too much");
    MER_GUARD(mer_alloc_bytes(session->ctx->alloc, answer->n_inline, ret_notes, err));
    return mer_cell_session_receive(session, *ret_notes, answer->n_inline, err);
}

size_t mer_cell_memory(const struct mer_alloc *alloc)
{
    const size_t used = atomic_load(&alloc->used);
    const size_t left = alloc->budget > used ? alloc->budget - used : 0;
    const size_t most = mer_memory_of_machine();
    return left < most ? left : most;
}

static mer_status converse(struct mer_cell_session *session, const struct mer_cell_request *request,
                           const char *inline_bytes, bool wants_notes,
                           struct mer_cell_answer *answer, char **ret_notes, mer_err *err)
{
    MER_GUARD(mer_cell_session_ask(session, request, inline_bytes, answer, err));
    if (answer->n_inline > 0 && !wants_notes)
        return mer_fail(err, MER_ERR_DATA, "the cell that read the input says too much");
    return take_notes(session, answer, ret_notes, err);
}

/* The texts of a request, one behind the other, each with its zero. */
static mer_status build_inline(const struct mer_cell_csv *what, struct mer_buf *buf, mer_err *err)
{
    const char *const texts[] = {what->options->optional_field, what->part, what->query};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!texts[i])
            continue;
        const size_t n = strlen(texts[i]) + 1;
        if (n > MER_CELL_INLINE_MAX - buf->n)
            return mer_fail(err, MER_ERR_USAGE,
                            "a column name, part or query of %zu bytes is too "
                            "long",
                            n - 1);
        MER_GUARD(mer_buf_append(buf, texts[i], n, err));
    }
    return mer_ok();
}

static struct mer_cell_request build_request(const struct mer_cell_csv *what, bool wants_notes,
                                             const struct mer_ctx *ctx, size_t n_inline)
{
    const struct mer_csv_options *const options = what->options;
    return (struct mer_cell_request){
        .magic = MER_CELL_MAGIC,
        .n_input = what->table.n,
        .n_side = what->schema.n,
        .max_memory_bytes = mer_cell_memory(ctx->alloc),
        .job = what->is_file ? MER_CELL_JOB_READ_FILE : MER_CELL_JOB_READ_CSV,
        .cpu = ctx->cpu,
        .n_inline = (uint32_t)n_inline,
        .delimiter = options->delimiter,
        .header = (uint8_t)options->header,
        .has_schema = what->schema.fd >= 0,
        .wants_notes = wants_notes,
        .allow_extra = options->allow_extra,
        .allow_new_levels = options->allow_new_levels,
        .has_optional_field = options->optional_field != NULL,
        .format = (uint8_t)what->format,
        .has_part = what->part != NULL,
        .has_query = what->query != NULL,
        .on_bad_row = (uint8_t)(what->bad ? what->bad->mode + 1 : 0),
        .keep_texts = what->keep_texts,
    };
}

mer_status mer_cell_read_csv(const struct mer_ctx *ctx, const struct mer_cell_settings *settings,
                             const struct mer_cell_csv *what, struct mer_frame *ret_frame,
                             struct mer_csv_report *ret_report, struct mer_schema *ret_schema,
                             bool *ret_schema_failed, mer_err *err)
{
    const bool wants_notes = ret_schema != NULL && what->schema.fd >= 0;
    struct mer_cell_session session;
    struct mer_cell_request request;
    struct mer_cell_answer answer = {.part = MER_CELL_PART_INPUT};
    struct mer_csv_report report;
    struct mer_frame frame;
    struct mer_buf texts;
    char *notes = NULL;
    mer_status status;

    *ret_schema_failed = false;
    mer_buf_init(&texts, ctx->alloc, MER_CELL_INLINE_MAX);
    status = build_inline(what, &texts, err);
    if (!mer_is_ok(status)) {
        mer_buf_release(&texts);
        return status;
    }
    request = build_request(what, wants_notes, ctx, texts.n);
    const struct mer_cell_start_options start = {.settings = settings,
                                                 .input = what->table,
                                                 .side = what->schema,
                                                 .max_memory_bytes = request.max_memory_bytes,
                                                 .with_team = what->table.n >= TEAM_BYTES};
    MER_GUARD_GOTO(mer_cell_session_start(&session, ctx, &start, err), done);
    if (what->given)
        what->given(what->given_self);
    status =
        converse(&session, &request, (const char *)texts.bytes, wants_notes, &answer, &notes, err);
    if (status.code == MER_ERR_DATA && what->bad) {
        /* Of a failure, what the rows are is only told in addition. */
        const mer_status aside = take_aside(&session, &answer, what->bad, NULL);
        (void)aside;
    }
    MER_GUARD_GOTO(status, done);
    MER_GUARD_GOTO(take_aside(&session, &answer, what->bad, err), done);
    MER_GUARD_GOTO(take_image(&session, &answer, &frame, &report, err), done);
    status = mer_cell_session_await_end(&session, err);
    if (mer_is_ok(status) && wants_notes)
        status = mer_schema_notes_apply(ctx, notes, answer.n_inline, &frame, ret_schema, err);
    if (!mer_is_ok(status)) {
        mer_frame_release(&frame);
        goto done;
    }
    *ret_frame = frame;
    *ret_report = report;
    if (what->ret_image) {
        *what->ret_image = session.output;
        session.output = -1;
    }
done:
    *ret_schema_failed = !mer_is_ok(status) && answer.part == MER_CELL_PART_SIDE;
    mer_free(ctx->alloc, notes);
    mer_buf_release(&texts);
    mer_cell_session_end(&session);
    return status;
}
