/* What stands behind struct mer_trust and struct mer_signer. */
#ifndef MER_API_TRUST_HANDLES_H
#define MER_API_TRUST_HANDLES_H

#include "guard/sign.h"
#include "guard/trusted_keys.h"
#include "guard/verify.h"

struct mer_trust {
    struct mer_alloc alloc; /* of its own: trust outlives contexts */
    struct mer_trusted_keys keys;
};

struct mer_signer {
    struct mer_guard_signer signer;
};

#endif
