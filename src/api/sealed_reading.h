/* A sealed file on its way to being opened, of any size.
 *
 * One that somebody must have signed is read twice: to verify the signature, and to open it. What
 * the keys are tried on, its header, is kept from the first reading; of the rest the second must
 * find what the first did, or mer_sealed_reading_check says so, and nothing of it may be used. One
 * that may be anybody's is read once, and can be a pipe.
 */
#ifndef MER_API_SEALED_READING_H
#define MER_API_SEALED_READING_H

#include "core/ctx.h"
#include "guard/seal_crypto.h"
#include "guard/unseal.h"
#include "guard/verify.h"
#include "os/file_stream.h"
#include "os/input.h"

struct mer_sealed_reading {
    const struct mer_ctx *ctx;
    const char *path;
    struct mer_file_stream stream; /* where it is read twice, else closed */
    struct mer_input input;        /* where it is read once */
    struct mer_buf head;           /* the first bytes: the header's, at least */
    size_t n_given;                /* of the head */
    size_t n_read;                 /* of the input */
    unsigned char key[MER_SEAL_KEY_BYTES];
    unsigned char code[MER_POLY1305_BYTES]; /* of what is behind the head */
    struct mer_poly1305 mac;
};

void mer_sealed_reading_init(struct mer_sealed_reading *reading, const struct mer_ctx *ctx,
                             struct mer_alloc *alloc, const char *path);
void mer_sealed_reading_release(struct mer_sealed_reading *reading);

/* Opens the file, a regular one, and verifies its signature; or opens it for whoever has made it.
 * MER_ERR_DATA where it does not begin like a sealed file. */
MER_MUST_CHECK mer_status mer_sealed_reading_verify(struct mer_sealed_reading *reading,
                                                    const struct mer_trusted_keys *trusted,
                                                    struct mer_verified *ret_verified,
                                                    mer_err *err);
MER_MUST_CHECK mer_status mer_sealed_reading_open(struct mer_sealed_reading *reading, mer_err *err);

struct mer_seal_source mer_sealed_reading_source(struct mer_sealed_reading *reading);
/* Once all of it was read: MER_ERR_TRUST where it is not what was verified. */
MER_MUST_CHECK mer_status mer_sealed_reading_check(struct mer_sealed_reading *reading,
                                                   mer_err *err);

#endif
