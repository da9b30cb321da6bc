/* Audits of files that strangers made: what a file is, what it holds, what its usual loader would
 * do with it, whether it is well formed. Pure: bytes in, findings out. Nothing is ever executed,
 * and no structure leaves a reader: only sentences.
 *
 * A reader is one file and one line in the registry (audit.c). It says what it finds with
 * mer_audit_add, counts its work with mer_audit_step, and goes on behind what is broken as far as
 * that is safe: a loader may have done harm before it noticed. Its status is a failure only where
 * memory ran out. Time is bounded by steps, memory by the allocator's budget and, in a cell, by the
 * cell.
 *
 * The bytes of a large file may change while they are read (it is mapped), and then a reader may go
 * wrong: one more reason why it runs in a cell.
 */
#ifndef MER_AUDIT_AUDIT_H
#define MER_AUDIT_AUDIT_H

#include "audit/audit_format.h"
#include "audit/audit_report.h"

enum {
    MER_AUDIT_STEPS = 400000000,      /* some seconds */
    MER_AUDIT_ADD_STEPS = 1000,       /* what a finding costs */
    MER_AUDIT_DEPTH_MAX = 8,          /* archives in archives, pickles in pickles */
    MER_AUDIT_INFLATED_MAX = 1 << 28, /* an entry that is kept in memory as a whole */
};
#define MER_AUDIT_INFLATE_TOTAL ((uint64_t)4 << 30) /* all that is decompressed */

/* One file, or an entry of one. */
struct mer_audit_bytes {
    const unsigned char *bytes;
    size_t n;
    uint64_t n_total; /* more than n where only the beginning is there */
};

struct mer_audit {
    const struct mer_ctx *ctx;
    struct mer_audit_report *report;
    uint64_t steps_left;
    uint64_t inflate_left;
    unsigned depth;
    bool out_of_steps; /* which was told */
    bool in_script;    /* in a TorchScript archive, whose loader is no loader of pickles */
    char where[MER_AUDIT_WHERE_MAX];
};

/* Audits a whole file. The report is the caller's, 160 KB. Never fails. */
void mer_audit_run(const struct mer_ctx *ctx, const void *bytes, size_t n,
                   struct mer_audit_report *ret_report);

/* ---- For readers ---- */

/* Adds a finding, or counts it where the same is there already. Outside text in it must have gone
 * through mer_quote. */
void mer_audit_add(struct mer_audit *audit, enum mer_audit_kind kind, uint64_t offset,
                   const char *format, ...) MER_PRINTF(4, 5);
/* Memory that ran out in a place that cannot fail is a finding, lest what was not looked at be
 * clean. True where it did not. */
bool mer_audit_went_well(struct mer_audit *audit, mer_status status);
/* False once the budget is used up, which is then a finding: the reader ends. */
bool mer_audit_step(struct mer_audit *audit, uint64_t n);

/* Goes into an entry: findings carry its name until mer_audit_leave is given what this returns.
 * False where it would be too deep, which is a finding. */
bool mer_audit_enter(struct mer_audit *audit, const char *name, size_t n_name, size_t *ret_before);
void mer_audit_leave(struct mer_audit *audit, size_t before);

/* Finds the format of an entry's bytes and reads them; *ret_format may be NULL. */
MER_MUST_CHECK mer_status mer_audit_content(struct mer_audit *audit, struct mer_audit_bytes file,
                                            unsigned *ret_format, mer_err *err);

typedef mer_status mer_audit_reader(struct mer_audit *audit, struct mer_audit_bytes file,
                                    mer_err *err);
mer_audit_reader mer_audit_compressed, mer_audit_joblib, mer_audit_lightgbm, mer_audit_mxnet_params,
    mer_audit_mxnet_symbol, mer_audit_numpy, mer_audit_onnx, mer_audit_pickle,
    mer_audit_safetensors, mer_audit_tar, mer_audit_torch, mer_audit_torch_legacy,
    mer_audit_torch_tar, mer_audit_torchscript, mer_audit_xgboost, mer_audit_zip;

/* Does it look like one? These may be asked about any bytes. */
bool mer_audit_is_safetensors(struct mer_audit_bytes file);
/* Whatever stands at its beginning, its header names tensors. */
bool mer_audit_names_tensors(struct mer_audit_bytes file);
bool mer_audit_is_onnx(struct mer_audit_bytes file);

/* "12.3 MB" for people. */
struct mer_audit_size {
    char text[32];
};
struct mer_audit_size mer_audit_show_size(uint64_t n);

#endif
