/* Each parser of a stranger's bytes taken over, one after the other: the readers of CSV, Parquet,
 * Arrow files, workbooks, databases, schemas, of files that are audited, of safetensors, of the
 * pipeline in it, and what predicts with it. Wherever it happens, every hostile system call, in
 * three ways, is the cell's end; in the twins without the confinement it comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/handles.h"
#include "cell/audit_client.h"
#include "formats/safetensors.h"
#include "os/memory_file.h"
#include "probes.h"

enum parser { CSV, PARQUET, XLSX, SQLITE, ARROW, SCHEMA, AUDIT, SAFETENSORS, PIPELINE, PREDICT };
/* Those of tables under the names of their formats. */
static const char *const parsers[] = {"csv",    "parquet", "xlsx",        "sqlite",   "arrow",
                                      "schema", "audit",   "safetensors", "pipeline", "predict"};
static const char *const ways[PROBE_WAYS] = {"syscall", "int 0x80", "x32"};
static bool is_offered[PROBE_WAYS]; /* by this kernel */

static struct mer_context *context;
static struct mer_table *table;
static struct mer_buf model; /* a file */
static mer_err err;

static void assert_ok(mer_status status)
{
    if (!mer_is_ok(status))
        fail_msg("%s", err.message);
}

static int make_model(void **state)
{
    static char csv[2000];
    static const uint64_t seed = 1;
    struct mer_fitted *fitted;
    struct mer_bundle bundle;
    (void)state;
    size_t n = (size_t)snprintf(csv, sizeof csv, "x,y\n");
    for (int i = 0; i < 60; i++)
        n += (size_t)snprintf(csv + n, sizeof csv - n, "%d.5,%d.25\n", i, i % 11);
    const struct mer_context_options options = {
        .size = sizeof options, .n_threads = 1, .cell_program = MER_BINARY_DIR "/merlon-cell"};
    assert_ok(mer_context_new(&options, &context, &err));
    assert_ok(mer_table_parse(context, csv, n, NULL, &table, &err));
    const struct mer_fit_options fit = {
        .size = sizeof fit, .target = "y", .family = "baseline", .n_folds = 2, .seed = &seed};
    assert_ok(mer_fit(context, table, &fit, &fitted, &err));
    mer_bundle_init(&bundle, &context->alloc);
    mer_buf_init(&model, &context->alloc, SIZE_MAX);
    assert_ok(mer_pipeline_save(&context->ctx, fitted->pipeline, &bundle, &err));
    assert_ok(mer_safetensors_write(&bundle, &model, &err));
    mer_bundle_release(&bundle);
    mer_fitted_free(fitted);
    return 0;
}

static int free_model(void **state)
{
    (void)state;
    mer_buf_release(&model);
    mer_table_free(table);
    mer_context_free(context);
    return 0;
}

static mer_status read_table(const struct mer_cell_settings *settings, const struct probe *probe,
                             enum parser parser)
{
    const struct mer_csv_options options = {.header = MER_CSV_HEADER_YES};
    struct mer_cell_csv what = {
        .table = {-1, sizeof *probe}, .schema = {.fd = -1}, .options = &options};
    struct mer_frame frame;
    struct mer_csv_report report;
    bool schema_failed;
    assert_ok(mer_memory_file_of("probe", probe, sizeof *probe, &what.table.fd, &err));
    if (parser == SCHEMA)
        what.schema = what.table;
    else
        what.format = mer_table_format_find(parsers[parser]) + 1;
    const mer_status status = mer_cell_read_csv(&context->ctx, settings, &what, &frame, &report,
                                                NULL, &schema_failed, &err);
    (void)close(what.table.fd);
    return status;
}

/* What it says in its report, as an error; that it was ended is a finding. */
static mer_status audit(const struct mer_cell_settings *settings, const struct probe *probe)
{
    static struct mer_audit_report report;
    struct mer_cell_input file = {.n = sizeof *probe};
    assert_ok(mer_memory_file_of("probe", probe, sizeof *probe, &file.fd, &err));
    assert_ok(mer_cell_audit_file(&context->ctx, settings, file, &report, &err));
    (void)close(file.fd);
    assert_int_equal(report.n_findings, 1);
    return mer_fail(&err, MER_ERR_DATA, "%s", report.findings[0].detail);
}

static mer_status use_model(const struct mer_cell_settings *settings, const struct probe *probe)
{
    struct mer_cell_input file = {.n = model.n + sizeof *probe};
    const size_t n = model.n;
    struct mer_cell_pool *pool;
    double predictions[60];
    assert_ok(mer_buf_append(&model, probe, sizeof *probe, &err));
    assert_ok(mer_memory_file_of("model", model.bytes, model.n, &file.fd, &err));
    model.n = n;
    mer_status status = mer_cell_pool_new(&context->ctx, settings, file, 1, &pool, &err);
    if (mer_is_ok(status)) {
        const struct mer_cell_input image = {table->image, table->frame.n_image};
        status = mer_cell_pool_predict(pool, image, table->frame.n_rows, predictions, &err);
        mer_cell_pool_free(pool);
    }
    (void)close(file.fd);
    return status;
}

/* True when the cell was ended for it; false when the call came back. */
static bool is_ended(enum parser parser, const char *confinement, const struct probe *probe)
{
    char program[512];
    long result;
    (void)snprintf(program, sizeof program, "%s/merlon-cell-%s-%s", MER_BINARY_DIR, parsers[parser],
                   confinement);
    const struct mer_cell_settings settings = {.program = program};
    const mer_status status = parser <= SCHEMA  ? read_table(&settings, probe, parser)
                              : parser == AUDIT ? audit(&settings, probe)
                                                : use_model(&settings, probe);
    assert_int_equal(status.code, MER_ERR_DATA);
    if (sscanf(err.message, "came back with %ld", &result) == 1)
        return false;
    if (!strstr(err.message, "something forbidden"))
        fail_msg("%s", err.message);
    return true;
}

/* Whether the kernel answers getpid this way, to somebody whom nothing keeps from asking. */
static void ask_kernel(enum probe_way way)
{
    enum { GETPID_64 = 39, GETPID_32 = 20 };
    const struct mer_cell_settings settings = {.program = MER_BINARY_DIR "/merlon-cell-csv-twin"};
    const struct probe probe = {.way = way, .number = way == PROBE_INT80 ? GETPID_32 : GETPID_64};
    long result;
    const mer_status status = read_table(&settings, &probe, CSV);
    assert_int_equal(status.code, MER_ERR_DATA);
    is_offered[way] = sscanf(err.message, "came back with %ld", &result) == 1 && result > 0;
    print_message("%s: %s\n", ways[way],
                  is_offered[way] ? "offered by this kernel, tried in the twins too"
                                  : "not offered by this kernel: twins have nothing to show there");
}

static void a_call_comes_back_to_whoever_is_not_confined(void **state)
{
    (void)state;
    for (enum probe_way way = 0; way < PROBE_WAYS; way++)
        ask_kernel(way);
    assert_true(is_offered[PROBE_SYSCALL]);
}

/* Two calls end or stop whoever is not confined. */
static bool is_for_cells_only(size_t i)
{
    return strcmp(probe_names[i], "fork") == 0 || strcmp(probe_names[i], "vfork") == 0;
}

static void try_all(enum parser parser)
{
    for (enum probe_way way = 0; way < PROBE_WAYS; way++)
        for (size_t i = 0; i < n_probes; i++) {
            const struct probe probe = {.way = way,
                                        .number = way == PROBE_INT80 ? probe_numbers_32[i]
                                                                     : probe_numbers_64[i],
                                        .arguments = {-1, -1, -1, -1, -1, -1}};
            if (!is_ended(parser, "hijacked", &probe))
                fail_msg("%s, way %d: came back from a cell", probe_names[i], way);
            if (is_offered[way] && !is_for_cells_only(i) && is_ended(parser, "twin", &probe))
                fail_msg("%s, way %d: the twin was ended", probe_names[i], way);
        }
    print_message("%s: %zu calls in %d ways, no escape\n", parsers[parser], n_probes, PROBE_WAYS);
}

static void a_reader_of_csv_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(CSV);
}

static void a_reader_of_parquet_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(PARQUET);
}

static void a_reader_of_arrow_files_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(ARROW);
}

static void a_reader_of_workbooks_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(XLSX);
}

static void a_reader_of_databases_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(SQLITE);
}

static void a_reader_of_schemas_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(SCHEMA);
}

static void an_audit_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(AUDIT);
}

static void a_reader_of_safetensors_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(SAFETENSORS);
}

static void a_loader_of_pipelines_that_was_taken_over_escapes_nowhere(void **state)
{
    (void)state;
    try_all(PIPELINE);
}

static void a_model_that_took_over_what_predicts_escapes_nowhere(void **state)
{
    (void)state;
    try_all(PREDICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_comes_back_to_whoever_is_not_confined),
        cmocka_unit_test(a_reader_of_csv_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(a_reader_of_parquet_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(a_reader_of_arrow_files_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(a_reader_of_workbooks_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(a_reader_of_databases_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(a_reader_of_schemas_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(an_audit_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(a_reader_of_safetensors_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(a_loader_of_pipelines_that_was_taken_over_escapes_nowhere),
        cmocka_unit_test(a_model_that_took_over_what_predicts_escapes_nowhere),
    };
    return cmocka_run_group_tests(tests, make_model, free_model);
}
