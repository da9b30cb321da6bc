/* Stands in, by the linker, for the parser that HIJACKED_* names, in a cell that is the real thing
 * otherwise: when the parser is reached, it does what its input says. A table and a schema are the
 * probe; a model has it behind its own bytes. That the call came back is told in an error, with its
 * result. */
#include <string.h>

#include "audit/audit.h"
#include "automl/pipeline.h"
#include "formats/safetensors.h"
#include "frame/csv.h"
#include "intake/arrow_file.h"
#include "intake/parquet_footer.h"
#include "intake/sqlite_vfs.h"
#include "intake/xlsx_book.h"
#include "probes.h"

static struct probe probe;

/* What the input ends with. */
static mer_status hear(const void *bytes, size_t n, mer_err *err)
{
    if (n < sizeof probe)
        return mer_fail(err, MER_ERR_IO, "no probe");
    memcpy(&probe, (const char *)bytes + n - sizeof probe, sizeof probe);
    return mer_ok();
}

static mer_status obey(mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "came back with %ld", probe_run(&probe));
}

#if defined(HIJACKED_CSV)

mer_status __wrap_mer_csv_write_image(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                      const struct mer_csv_options *options,
                                      struct mer_region *region, struct mer_csv_report *ret_report,
                                      mer_err *err);
mer_status __wrap_mer_csv_write_image(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                      const struct mer_csv_options *options,
                                      struct mer_region *region, struct mer_csv_report *ret_report,
                                      mer_err *err)
{
    (void)ctx, (void)options, (void)region, (void)ret_report;
    MER_GUARD(hear(bytes, n, err));
    return obey(err);
}

#elif defined(HIJACKED_SCHEMA)

mer_status __wrap_mer_schema_parse(const struct mer_ctx *ctx, const char *bytes, size_t n,
                                   struct mer_schema *ret_schema, mer_err *err);
mer_status __wrap_mer_schema_parse(const struct mer_ctx *ctx, const char *bytes, size_t n,
                                   struct mer_schema *ret_schema, mer_err *err)
{
    (void)ctx, (void)ret_schema;
    MER_GUARD(hear(bytes, n, err));
    return obey(err);
}

#elif defined(HIJACKED_PARQUET)

mer_status __wrap_mer_parquet_open(const struct mer_ctx *ctx, const unsigned char *bytes, size_t n,
                                   struct mer_parquet *ret_parquet, mer_err *err);
mer_status __wrap_mer_parquet_open(const struct mer_ctx *ctx, const unsigned char *bytes, size_t n,
                                   struct mer_parquet *ret_parquet, mer_err *err)
{
    (void)ctx, (void)ret_parquet;
    MER_GUARD(hear(bytes, n, err));
    return obey(err);
}

#elif defined(HIJACKED_ARROW)

mer_status __wrap_mer_arrow_file_open(const struct mer_ctx *ctx, const unsigned char *bytes,
                                      size_t n, struct mer_arrow_file *ret_file, mer_err *err);
mer_status __wrap_mer_arrow_file_open(const struct mer_ctx *ctx, const unsigned char *bytes,
                                      size_t n, struct mer_arrow_file *ret_file, mer_err *err)
{
    (void)ctx, (void)ret_file;
    MER_GUARD(hear(bytes, n, err));
    return obey(err);
}

#elif defined(HIJACKED_XLSX)

mer_status __wrap_mer_xlsx_book_open(struct mer_xlsx_book *book, const struct mer_ctx *ctx,
                                     const void *bytes, size_t n, mer_err *err);
mer_status __wrap_mer_xlsx_book_open(struct mer_xlsx_book *book, const struct mer_ctx *ctx,
                                     const void *bytes, size_t n, mer_err *err)
{
    (void)ctx, (void)book;
    MER_GUARD(hear(bytes, n, err));
    return obey(err);
}

#elif defined(HIJACKED_SQLITE)

mer_status __wrap_mer_sqlite_vfs_begin(struct mer_sqlite_vfs *vfs, const void *bytes, size_t n,
                                       mer_err *err);
mer_status __wrap_mer_sqlite_vfs_begin(struct mer_sqlite_vfs *vfs, const void *bytes, size_t n,
                                       mer_err *err)
{
    (void)vfs;
    MER_GUARD(hear(bytes, n, err));
    return obey(err);
}

#elif defined(HIJACKED_AUDIT)

void __wrap_mer_audit_run(const struct mer_ctx *ctx, const void *bytes, size_t n,
                          struct mer_audit_report *ret_report);
void __wrap_mer_audit_run(const struct mer_ctx *ctx, const void *bytes, size_t n,
                          struct mer_audit_report *ret_report)
{
    struct mer_audit_finding *const finding = &ret_report->findings[0];
    mer_err err = {.code = MER_OK};
    mer_status status = hear(bytes, n, &err);
    (void)ctx;
    if (mer_is_ok(status))
        status = obey(&err);
    ret_report->n_findings = (uint32_t)!mer_is_ok(status);
    finding->count = 1;
    memcpy(finding->detail, err.message, sizeof finding->detail - 1);
}

#else

mer_status __real_mer_safetensors_read(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                       struct mer_bundle *ret_bundle, mer_err *err);
mer_status __wrap_mer_safetensors_read(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                       struct mer_bundle *ret_bundle, mer_err *err);
mer_status __wrap_mer_safetensors_read(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                       struct mer_bundle *ret_bundle, mer_err *err)
{
    MER_GUARD(hear(bytes, n, err));
#if defined(HIJACKED_SAFETENSORS)
    (void)ctx, (void)ret_bundle;
    return obey(err);
#else
    return __real_mer_safetensors_read(ctx, bytes, n - sizeof probe, ret_bundle, err);
#endif
}

#if defined(HIJACKED_PIPELINE)

mer_status __wrap_mer_pipeline_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                                    struct mer_pipeline **ret_pipeline, mer_err *err);
mer_status __wrap_mer_pipeline_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                                    struct mer_pipeline **ret_pipeline, mer_err *err)
{
    (void)ctx, (void)bundle, (void)ret_pipeline;
    return obey(err);
}

#elif defined(HIJACKED_PREDICT)

mer_status __wrap_mer_pipeline_predict_into(const struct mer_ctx *ctx,
                                            const struct mer_pipeline *pipeline,
                                            const struct mer_frame *frame, double *predictions,
                                            mer_err *err);
mer_status __wrap_mer_pipeline_predict_into(const struct mer_ctx *ctx,
                                            const struct mer_pipeline *pipeline,
                                            const struct mer_frame *frame, double *predictions,
                                            mer_err *err)
{
    (void)ctx, (void)pipeline, (void)frame, (void)predictions;
    return obey(err);
}

#endif
#endif
