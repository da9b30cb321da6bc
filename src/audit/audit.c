#include "audit/audit.h"

#include <stdio.h>
#include <string.h>

#include "audit/identify.h"
#include "audit/pickle_file.h"
#include "audit/zip_audit.h"

/* One line a reader. */
static mer_audit_reader *const readers[MER_AUDIT_N_FORMATS] = {
    [MER_AUDIT_FORMAT_SAFETENSORS] = mer_audit_safetensors,
    [MER_AUDIT_FORMAT_PICKLE] = mer_audit_pickle,
    [MER_AUDIT_FORMAT_JOBLIB] = mer_audit_joblib,
    [MER_AUDIT_FORMAT_NUMPY] = mer_audit_numpy,
    [MER_AUDIT_FORMAT_NPZ] = mer_audit_zip,
    [MER_AUDIT_FORMAT_ZIP] = mer_audit_zip,
    [MER_AUDIT_FORMAT_TORCH] = mer_audit_torch,
    [MER_AUDIT_FORMAT_TORCHSCRIPT] = mer_audit_torchscript,
    [MER_AUDIT_FORMAT_TORCH_TAR] = mer_audit_torch_tar,
    [MER_AUDIT_FORMAT_TAR] = mer_audit_tar,
    [MER_AUDIT_FORMAT_COMPRESSED] = mer_audit_compressed,
    [MER_AUDIT_FORMAT_ONNX] = mer_audit_onnx,
    [MER_AUDIT_FORMAT_MXNET_SYMBOL] = mer_audit_mxnet_symbol,
    [MER_AUDIT_FORMAT_MXNET_PARAMS] = mer_audit_mxnet_params,
    [MER_AUDIT_FORMAT_XGBOOST] = mer_audit_xgboost,
    [MER_AUDIT_FORMAT_LIGHTGBM] = mer_audit_lightgbm,
    [MER_AUDIT_FORMAT_TORCH_LEGACY] = mer_audit_torch_legacy,
};

static bool same(const struct mer_audit_finding *a, const struct mer_audit_finding *b)
{
    return a->kind == b->kind && strcmp(a->detail, b->detail) == 0 &&
           strcmp(a->where, b->where) == 0;
}

/* The room for notes is limited, so that they cannot crowd out what matters. */
static bool has_room(const struct mer_audit_report *report, enum mer_audit_level level)
{
    size_t n_notes = 0;
    if (report->n_findings == MER_AUDIT_FINDINGS_MAX)
        return false;
    if (level != MER_AUDIT_NOTE)
        return true;
    for (size_t i = 0; i < report->n_findings; i++)
        n_notes +=
            mer_audit_kind_level((enum mer_audit_kind)report->findings[i].kind) == MER_AUDIT_NOTE;
    return n_notes < MER_AUDIT_NOTES_MAX;
}

static void add(struct mer_audit_report *report, const struct mer_audit_finding *finding)
{
    const enum mer_audit_level level = mer_audit_kind_level((enum mer_audit_kind)finding->kind);
    for (size_t i = 0; i < report->n_findings; i++) {
        if (same(&report->findings[i], finding)) {
            report->findings[i].count += report->findings[i].count < UINT32_MAX;
            return;
        }
    }
    if (has_room(report, level))
        report->findings[report->n_findings++] = *finding;
    else
        report->n_left_out[level]++;
}

void mer_audit_add(struct mer_audit *audit, enum mer_audit_kind kind, uint64_t offset,
                   const char *format, ...)
{
    struct mer_audit_finding finding = {.kind = kind, .count = 1, .offset = offset};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding.detail, sizeof finding.detail, format, arguments);
    va_end(arguments);
    mer_audit_clean_text(finding.detail);
    memcpy(finding.where, audit->where, sizeof finding.where);
    add(audit->report, &finding);
    (void)mer_audit_step(audit, MER_AUDIT_ADD_STEPS);
}

bool mer_audit_went_well(struct mer_audit *audit, mer_status status)
{
    if (!mer_is_ok(status))
        mer_audit_add(audit, MER_AUDIT_BUDGET, 0, "memory");
    return mer_is_ok(status);
}

bool mer_audit_step(struct mer_audit *audit, uint64_t n)
{
    if (audit->steps_left >= n) {
        audit->steps_left -= n;
        return true;
    }
    audit->steps_left = 0;
    if (!audit->out_of_steps) {
        audit->out_of_steps = true;
        mer_audit_add(audit, MER_AUDIT_BUDGET, 0, "steps");
    }
    return false;
}

bool mer_audit_enter(struct mer_audit *audit, const char *name, size_t n_name, size_t *ret_before)
{
    const size_t before = strlen(audit->where);
    if (audit->depth >= MER_AUDIT_DEPTH_MAX) {
        mer_audit_add(audit, MER_AUDIT_DEPTH, 0, "%u levels of archives in archives", audit->depth);
        return false;
    }
    const struct mer_quoted quoted = mer_quote_n(name, n_name);
    (void)snprintf(audit->where + before, sizeof audit->where - before, "%s%s", before ? " > " : "",
                   quoted.text);
    mer_audit_clean_text(audit->where);
    audit->depth++;
    *ret_before = before;
    return true;
}

void mer_audit_leave(struct mer_audit *audit, size_t before)
{
    audit->depth--;
    audit->where[before < sizeof audit->where ? before : 0] = '\0';
}

static bool is_zip(unsigned format)
{
    return format == MER_AUDIT_FORMAT_ZIP || format == MER_AUDIT_FORMAT_NPZ ||
           format == MER_AUDIT_FORMAT_TORCH || format == MER_AUDIT_FORMAT_TORCHSCRIPT;
}

/* Readers of archives look at a file's end, others at its beginning. */
static mer_status read_as_zip_too(struct mer_audit *audit, struct mer_audit_bytes file,
                                  mer_err *err)
{
    mer_audit_add(audit, MER_AUDIT_POLYGLOT, 0, "it ends as a ZIP archive");
    return readers[mer_audit_zip_format(audit, file)](audit, file, err);
}

static bool is_pickle(unsigned format)
{
    return format == MER_AUDIT_FORMAT_PICKLE || format == MER_AUDIT_FORMAT_JOBLIB ||
           format == MER_AUDIT_FORMAT_TORCH_LEGACY;
}

/* Any bytes do for a loader of pickles as long as they are instructions. */
static mer_status read_as_others_too(struct mer_audit *audit, struct mer_audit_bytes file,
                                     unsigned format, mer_err *err)
{
    if (!is_zip(format) && mer_audit_ends_as_zip(audit, file))
        MER_GUARD(read_as_zip_too(audit, file, err));
    bool harm = false;
    if (!is_pickle(format) && format != MER_AUDIT_FORMAT_EMPTY)
        (void)mer_audit_is_pickle(audit, file, &harm);
    if (!harm)
        return mer_ok();
    mer_audit_add(audit, MER_AUDIT_POLYGLOT, 0, "it begins as a pickle");
    return mer_audit_pickle(audit, file, err);
}

mer_status mer_audit_content(struct mer_audit *audit, struct mer_audit_bytes file,
                             unsigned *ret_format, mer_err *err)
{
    const unsigned format = mer_audit_identify(audit, file);
    if (ret_format)
        *ret_format = format;
    MER_GUARD(read_as_others_too(audit, file, format, err));
    if (format == MER_AUDIT_FORMAT_EXECUTABLE)
        mer_audit_add(audit, MER_AUDIT_PROGRAM, 0, "it begins as programs do");
    else if (format == MER_AUDIT_FORMAT_EMPTY)
        mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "nothing");
    else if (format == MER_AUDIT_N_FORMATS)
        mer_audit_add(audit, MER_AUDIT_UNKNOWN, 0, "%s", mer_audit_show_size(file.n_total).text);
    else if (!readers[format])
        mer_audit_add(audit, MER_AUDIT_NOT_READ, 0, "%s", mer_audit_format_title(format));
    else
        return readers[format](audit, file, err);
    return mer_ok();
}

void mer_audit_run(const struct mer_ctx *ctx, const void *bytes, size_t n,
                   struct mer_audit_report *ret_report)
{
    mer_err err = {.code = MER_OK};
    struct mer_audit audit = {.ctx = ctx,
                              .report = ret_report,
                              .steps_left = MER_AUDIT_STEPS,
                              .inflate_left = MER_AUDIT_INFLATE_TOTAL};
    memset(ret_report, 0, sizeof *ret_report);
    ret_report->format = MER_AUDIT_N_FORMATS;
    const mer_status status =
        mer_audit_content(&audit, (struct mer_audit_bytes){bytes, n, n}, &ret_report->format, &err);
    audit.where[0] = '\0';
    if (!mer_is_ok(status))
        mer_audit_add(&audit, MER_AUDIT_BUDGET, 0, "memory");
}

struct mer_audit_size mer_audit_show_size(uint64_t n)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    struct mer_audit_size shown;
    double value = (double)n;
    size_t unit = 0;
    for (; value >= 1000 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        value /= 1000;
    (void)snprintf(shown.text, sizeof shown.text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return shown;
}
