/* The provenance record beside a model: an in-toto Statement v1 with the predicate SLSA Provenance
 * v1 (https://slsa.dev/spec/v1.0/provenance), in a signature file of its own. Here it is checked
 * and found; what it tells of how the model came to be is its reader's business.
 */
#ifndef MER_GUARD_PROVENANCE_H
#define MER_GUARD_PROVENANCE_H

#include "core/buf.h"
#include "guard/trusted_keys.h"

enum { MER_PROVENANCE_MAX = 16 << 20 };

extern const char MER_PROVENANCE_SUFFIX[]; /* ".provenance.json" */
extern const char MER_STATEMENT_TYPE[];
extern const char MER_PROVENANCE_TYPE[];

/* Is the text a statement of SLSA provenance about exactly one subject, of that SHA-256 in hex?
 * Pure. MER_ERR_TRUST names what does not hold. */
MER_MUST_CHECK mer_status mer_provenance_check(struct mer_alloc *alloc, const void *bytes, size_t n,
                                               const char *digest, mer_err *err);

/* Finds the record of the file at `path` that has that digest, there or where it waits while both
 * are replaced, verifies it against the trusted keys and appends its statement. MER_ERR_NO_INPUT
 * when there is none, MER_ERR_TRUST when it does not hold. ret_verified may be NULL. */
MER_MUST_CHECK mer_status mer_guard_verify_provenance(
    struct mer_alloc *alloc, const struct mer_trusted_keys *trusted, const char *path,
    const char *digest, struct mer_buf *buf, struct mer_verified *ret_verified, mer_err *err);

#endif
