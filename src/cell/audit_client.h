/* The parent's side of an audit: a file is looked into in a cell of its own.
 */
#ifndef MER_CELL_AUDIT_CLIENT_H
#define MER_CELL_AUDIT_CLIENT_H

#include "audit/audit_report.h"
#include "cell/client.h"

/* The file is a sealed memory file or, where it is large, one that others may change meanwhile,
 * which can spoil the report but nothing else. A cell that ends, lies, or takes too long is a
 * finding (MER_AUDIT_CELL), for the file is what made it do so; a failure is only what has nothing
 * to do with the file: no cell to be had, or cancelled. */
MER_MUST_CHECK mer_status mer_cell_audit_file(const struct mer_ctx *ctx,
                                              const struct mer_cell_settings *settings,
                                              struct mer_cell_input file,
                                              struct mer_audit_report *ret_report, mer_err *err);

#endif
