/* Pickles as files, and as the part of a PyTorch archive that is one. */
#ifndef MER_AUDIT_PICKLE_FILE_H
#define MER_AUDIT_PICKLE_FILE_H

#include "audit/audit.h"

struct mer_pickle;

/* Follows it without telling anything: it ends as a pickle, or imports what is no constructor of
 * data (which ret_harm, unless NULL, says). For bytes that do not begin as pickles of protocol 2
 * and later do. */
bool mer_audit_is_pickle(struct mer_audit *audit, struct mer_audit_bytes file, bool *ret_harm);

/* data.pkl of an archive; its storages, sorted by key, are for the caller to compare. Release
 * ret_pickle in any case. */
MER_MUST_CHECK mer_status mer_audit_torch_pickle(struct mer_audit *audit,
                                                 struct mer_audit_bytes file,
                                                 struct mer_pickle *ret_pickle, mer_err *err);

#endif
