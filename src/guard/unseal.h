/* Opening sealed files (seal.h): bytes that were read, so that what a signature was checked over is
 * what is opened.
 *
 * Nothing of the payload is looked at before the header is authenticated, and no byte of it is
 * given on before its chunk is. Who is given bytes must still not use them before mer_unseal_bytes
 * has succeeded: only then is it known that none is missing.
 */
#ifndef MER_GUARD_UNSEAL_H
#define MER_GUARD_UNSEAL_H

#include "guard/seal.h"
#include "merlon/trust.h"

/* What opens it: identities, or a passphrase, which is asked for when the file was sealed to one.
 */
struct mer_unseal_with {
    const struct mer_identities *identities; /* NULL: none */
    mer_passphrase_fn *ask;                  /* NULL: nobody can be asked */
    void *self;
    const char *name; /* what is opened, for messages and for who is asked */
};

/* Where a file was found wrong. */
enum mer_unseal_fault {
    MER_UNSEAL_FINE,
    MER_UNSEAL_ARMOR,    /* MER_ERR_DATA */
    MER_UNSEAL_HEADER,   /* MER_ERR_DATA */
    MER_UNSEAL_NO_MATCH, /* MER_ERR_TRUST: nothing that was given opens it */
    MER_UNSEAL_MAC,      /* MER_ERR_TRUST: the header was changed */
    MER_UNSEAL_PAYLOAD   /* MER_ERR_TRUST: changed, reordered or cut short */
};

/* Whether the bytes begin like a sealed file, armored or not. */
bool mer_unseal_is_sealed(const void *bytes, size_t n);

/* Opens the n bytes; the payload goes to the sink. ret_fault may be NULL; where it is
 * MER_UNSEAL_FINE, the failure (memory, the sink's) says nothing about the file. */
MER_MUST_CHECK mer_status mer_unseal_bytes(struct mer_alloc *alloc,
                                           const struct mer_unseal_with *with, const void *bytes,
                                           size_t n, struct mer_seal_sink sink,
                                           enum mer_unseal_fault *ret_fault, mer_err *err);

/* The size of what n bytes of a payload, its nonce left out, hold: less than that by a tag for each
 * chunk; 0 where no payload has that size. */
uint64_t mer_unseal_size(uint64_t n);

#endif
