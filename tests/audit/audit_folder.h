/* Tests of readers over folders of files (make_files.py): each hostile one has its finding, each
 * clean one has none.
 */
#ifndef MER_TESTS_AUDIT_AUDIT_FOLDER_H
#define MER_TESTS_AUDIT_AUDIT_FOLDER_H

#include "audit/audit.h"

/* Fails unless each file of hostile/FORMAT/ stands in hostile/FORMAT.tsv and has the finding
 * that stands there, and there are 20 of them at least. */
void hostile_files_are_found(const char *format);
/* Fails unless each file of clean/FORMAT/ is clean and one of the formats whose names are
 * given (up to NULL), and there are 20 of them at least. */
void real_files_are_clean(const char *format, const char *const *names);
/* Fails unless each file that stands in other.tsv, with the name of its format, has that format, is
 * no more than doubted, and for a format that is not read. */
void recognised_files_are_doubted(void);
/* Prefixes of each file (of at most `most` bytes, each one up to 100) are read without harm to the
 * reader, whatever comes out. */
void cut_files_are_read(const char *format, size_t most);

/* Each allocation fails once for each of the folder's clean files: never is one clean then, and
 * nothing leaks. */
void failed_allocations_are_doubts(const char *format);

/* Audits bytes; the report lives until the next call. */
const struct mer_audit_report *audit_bytes(const void *bytes, size_t n);
bool has_finding(const struct mer_audit_report *report, const char *kind, const char *detail);

#endif
