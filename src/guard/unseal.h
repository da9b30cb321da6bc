/* Opening sealed files (seal.h), as a stream: a header of a mebibyte at most and a few chunks are
 * all that is held. Whose bytes they are is the caller's to have checked.
 *
 * Nothing of the payload is looked at before the header is authenticated, and no byte of it is
 * given on before its chunk is. Who is given bytes must still not use them before the opening has
 * succeeded: only then is it known that none is missing.
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

/* Where sealed bytes come from, in order: as many as there are, `max` at most; *ret_n is 0 at their
 * end only. */
struct mer_seal_source {
    mer_status (*read)(void *self, void *ret_bytes, size_t max, size_t *ret_n, mer_err *err);
    void *self;
};

/* Bytes in memory as such: mer_seal_memory_read and one of these. */
struct mer_seal_memory {
    const unsigned char *at;
    size_t n;
};
MER_MUST_CHECK mer_status mer_seal_memory_read(void *self, void *ret_bytes, size_t max,
                                               size_t *ret_n, mer_err *err);

/* Opens what the source gives, to its end; the payload goes to the sink. ret_fault may be NULL;
 * where it is MER_UNSEAL_FINE, the failure (memory, the sink's, the source's) says nothing about
 * the file. */
MER_MUST_CHECK mer_status mer_unseal_stream(struct mer_alloc *alloc,
                                            const struct mer_unseal_with *with,
                                            struct mer_seal_source source,
                                            struct mer_seal_sink sink,
                                            enum mer_unseal_fault *ret_fault, mer_err *err);
/* The same of n bytes in memory. */
MER_MUST_CHECK mer_status mer_unseal_bytes(struct mer_alloc *alloc,
                                           const struct mer_unseal_with *with, const void *bytes,
                                           size_t n, struct mer_seal_sink sink,
                                           enum mer_unseal_fault *ret_fault, mer_err *err);

#endif
