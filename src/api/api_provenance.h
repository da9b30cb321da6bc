/* Writing the provenance record. */
#ifndef MER_API_API_PROVENANCE_H
#define MER_API_API_PROVENANCE_H

#include "api/handles.h"

/* What the record is about. */
struct mer_recorded {
    const char *path;
    const char *digest; /* SHA-256 in hex */
    size_t n_bytes;
    uint64_t serial; /* 0: none */
};

/* Appends the statement, without white space. */
MER_MUST_CHECK mer_status mer_provenance_write(const struct mer_fitted *model,
                                               const struct mer_recorded *recorded,
                                               struct mer_buf *buf, mer_err *err);

#endif
