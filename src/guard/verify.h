/* Verifying signatures: OpenSSF Model Signing v1.0, key mode and certificate mode (ECDSA on P-256,
 * P-384, P-521), methods "files" and "shards", SHA-256 and BLAKE2b. Certificates must be valid now:
 * nothing that is trusted says when a signature was made.
 *
 * Where there is a policy, its first rule for the file's name must allow the signer and what is
 * signed.
 *
 * Everything that does not hold is MER_ERR_TRUST, a missing signature included; the message names
 * the first difference. A folder must hold exactly the signed files.
 */
#ifndef MER_GUARD_VERIFY_H
#define MER_GUARD_VERIFY_H

#include "guard/hash.h"
#include "guard/trusted_keys.h"
#include "os/file_stream.h"
#include "os/sealed.h"

/* Verifies a file or folder on disk as it is at that moment. `signature` NULL: PATH.sig, or
 * PATH/model.sig for a folder. `ignored` are relative paths in a folder that may be there unsigned,
 * beside those that the signature itself leaves out. ret_verified may be NULL. */
MER_MUST_CHECK mer_status mer_guard_verify_path(struct mer_alloc *alloc,
                                                const struct mer_trusted_keys *trusted,
                                                const char *path, const char *signature,
                                                const char *const *ignored, size_t n_ignored,
                                                struct mer_verified *ret_verified, mer_err *err);

/* Verifies bytes against the signature file's bytes: for a file that was read already. It has no
 * name that a policy could have a rule for but `*`. */
MER_MUST_CHECK mer_status mer_guard_verify_bytes(struct mer_alloc *alloc,
                                                 const struct mer_trusted_keys *trusted,
                                                 const void *signature, size_t n_signature,
                                                 const void *bytes, size_t n,
                                                 struct mer_verified *ret_verified, mer_err *err);

/* Is there a signature of the file at `path`, PATH.sig or where one waits while both are replaced?
 */
bool mer_guard_is_signed(const char *path);

/* Verifies bytes that were read from `path` against its signature file, or, where that does not fit
 * them, against one that waits: a model and its signature are two names, and whoever replaces both
 * can be stopped in between (os/file.h, mer_output_publish_group). */
MER_MUST_CHECK mer_status mer_guard_verify_read(struct mer_alloc *alloc,
                                                const struct mer_trusted_keys *trusted,
                                                const char *path, const char *signature,
                                                const void *bytes, size_t n,
                                                struct mer_verified *ret_verified, mer_err *err);

/* Looks at a file and its signature, which somebody may replace between our reading the one and the
 * other: what did not verify is looked at once more, where either is no longer what it was at
 * first. Begin before anything is read. Paths are borrowed; `signature` may be NULL. */
enum { MER_LOOKS_AT = 4 };
struct mer_looks {
    const char *path;
    const char *signature;
    struct mer_path_stamp before[MER_LOOKS_AT];
    bool is_last;
};
void mer_looks_begin(struct mer_looks *looks, const char *path, const char *signature);
/* Is another look worth while after that one's outcome? */
bool mer_looks_again(struct mer_looks *looks, mer_status status);

/* What reads a file from its beginning to its end, as often as it is asked. */
struct mer_digest_source {
    mer_status (*digest)(void *self, enum mer_hash_kind kind, struct mer_digest *ret_digest,
                         mer_err *err);
    void *self;
};
/* The same of a file of any size, of which the caller gives digests. */
MER_MUST_CHECK mer_status mer_guard_verify_source(struct mer_alloc *alloc,
                                                  const struct mer_trusted_keys *trusted,
                                                  const char *path, const char *signature,
                                                  const struct mer_digest_source *source,
                                                  struct mer_verified *ret_verified, mer_err *err);

/* Reads the file at `path` into a sealed memfd and verifies those bytes: what is parsed afterwards
 * is what was verified. Release *ret_sealed with mer_sealed_release. */
MER_MUST_CHECK mer_status mer_guard_verify_sealed(struct mer_alloc *alloc,
                                                  const struct mer_trusted_keys *trusted,
                                                  const char *path, const char *signature,
                                                  size_t max_bytes, struct mer_sealed *ret_sealed,
                                                  struct mer_verified *ret_verified, mer_err *err);

#endif
