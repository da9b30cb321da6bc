/* Audits: what a stranger's model file is, what it holds and whether loading it could do harm,
 * found out without running anything of it, in a process that can reach nothing (merlon-cell).
 * docs/audit.md tells what is looked for and what each finding means.
 */
#ifndef MERLON_AUDIT_H
#define MERLON_AUDIT_H

#include "merlon/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Also the exit codes of `merlon audit`. The worst counts: FOUND, then UNSURE. */
enum mer_audit_result {
    MER_AUDIT_RESULT_CLEAN = 0,  /* well formed, and its usual loader only makes data of it */
    MER_AUDIT_RESULT_FOUND = 1,  /* it could do harm, or is not well formed */
    MER_AUDIT_RESULT_UNSURE = 2, /* could not tell */
};

/* What was found out about a file, or the files of a folder. Free with mer_audited_free. */
struct mer_audited;

/* Audits a file ("-" is standard input) or each regular file in a folder and the folders in it;
 * symbolic links in a folder are not followed. Whatever a file holds, however large, is a result;
 * a failure is that PATH cannot be read, that there is no cell to be had, or a stop. */
MER_API MER_MUST_CHECK mer_status mer_audit(struct mer_context *context, const char *path,
                                            struct mer_audited **ret_audited, mer_err *err);
MER_API void mer_audited_free(struct mer_audited *audited);

/* The worst result of all files. */
MER_API enum mer_audit_result mer_audited_result(const struct mer_audited *audited);
MER_API size_t mer_audited_files(const struct mer_audited *audited);

/* Texts live as long as what they are of. */
struct mer_audited_file {
    const char *path;
    const char *format; /* "pickle", "unknown", ...: one word, docs/audit.md lists them */
    const char *title;  /* "Python pickle" */
    const char *loader; /* what its usual loader does with it: a sentence */
    char digest[65];    /* SHA-256 in hex; empty where it could not be read */
    uint64_t n_bytes;
    enum mer_audit_result result;
    size_t n_findings;
    uint64_t n_left_out; /* findings that there was no room for */
};
/* False when there is no i-th file. */
MER_API bool mer_audited_get_file(const struct mer_audited *audited, size_t i,
                                  struct mer_audited_file *ret_file);

struct mer_audited_finding {
    const char *kind;   /* "pickle-call", ...: one word, docs/audit.md lists them */
    const char *level;  /* "note": what is there; "doubt": could not tell; "harm" */
    const char *what;   /* what the kind means */
    const char *detail; /* of this one; text of the file's is quoted and escaped in it */
    const char *where;  /* path inside archives, quoted; empty: the file itself */
    uint64_t offset;    /* of the first */
    uint32_t count;     /* how often */
};
MER_API bool mer_audited_get_finding(const struct mer_audited *audited, size_t file, size_t i,
                                     struct mer_audited_finding *ret_finding);
/* All of it as JSON text; free with mer_text_free. */
MER_API MER_MUST_CHECK mer_status mer_audited_json(const struct mer_audited *audited,
                                                   char **ret_json, mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
