/* What stands behind the API's audits. */
#ifndef MER_API_AUDIT_HANDLES_H
#define MER_API_AUDIT_HANDLES_H

#include "api/handles.h"
#include "audit/audit_report.h"

struct mer_audit_entry {
    char *path; /* owned */
    char digest[65];
    uint64_t n_bytes;
    struct mer_audit_report *report; /* owned; as large as it has findings */
};

struct mer_audited {
    struct mer_context *context;
    char *path; /* owned: what was asked for */
    bool is_folder;
    struct mer_audit_entry *entries; /* owned */
    size_t n_entries;
    size_t capacity;
};

/* "clean", "found", "unsure" */
const char *mer_audit_result_name(enum mer_audit_result result);
/* Writes it as members of the JSON object that the writer is in. */
void mer_audit_put(const struct mer_audited *audited, struct mer_json_writer *writer);

#endif
