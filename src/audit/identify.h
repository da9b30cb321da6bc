/* What a file is, by its bytes alone: never by its name. */
#ifndef MER_AUDIT_IDENTIFY_H
#define MER_AUDIT_IDENTIFY_H

#include "audit/audit.h"

/* A row of the table of formats, or MER_AUDIT_N_FORMATS. Tells where it is several at once. */
unsigned mer_audit_identify(struct mer_audit *audit, struct mer_audit_bytes file);

#endif
