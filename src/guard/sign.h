/* Signing with a key, or with a key and its certificates: OpenSSF Model Signing v1.0, method
 * "files", SHA-256.
 *
 * A single file is signed under the name "." (statement.h), so it may be renamed; a folder is
 * signed with every file in it but the signature itself and .git, .gitattributes, .github,
 * .gitignore at its top.
 */
#ifndef MER_GUARD_SIGN_H
#define MER_GUARD_SIGN_H

#include "guard/certificate.h"
#include "guard/hash.h"

/* Who signs: the key, and in certificate mode the chain that certifies it. */
struct mer_guard_signer {
    struct mer_signing_key key;
    struct mer_chain chain; /* empty: key mode */
    uint64_t serial;        /* of what is signed; 0: none */
};
void mer_guard_signer_release(struct mer_guard_signer *signer);
/* Reads the chain of the signer's key from a PEM file. MER_ERR_TRUST when it certifies another key,
 * is not valid now or is not for signing. */
MER_MUST_CHECK mer_status mer_guard_signer_certify(struct mer_guard_signer *signer,
                                                   struct mer_alloc *alloc, const char *pem_file,
                                                   mer_err *err);

/* Appends the signature file's text for a file that has these bytes; `name` is for people. */
MER_MUST_CHECK mer_status mer_guard_sign_bytes(const struct mer_guard_signer *signer,
                                               const char *name, const void *bytes, size_t n,
                                               struct mer_buf *buf, mer_err *err);
/* The same for bytes that went by: their SHA-256. */
MER_MUST_CHECK mer_status mer_guard_sign_digest(const struct mer_guard_signer *signer,
                                                const char *name, const struct mer_digest *digest,
                                                struct mer_buf *buf, mer_err *err);
/* Signs the file or folder at `path`; the bundle goes to `signature` (NULL: PATH.sig, or
 * PATH/model.sig for a folder), which appears whole or not at all. MER_ERR_EXISTS unless `replace`.
 */
MER_MUST_CHECK mer_status mer_guard_sign_path(struct mer_alloc *alloc,
                                              const struct mer_guard_signer *signer,
                                              const char *path, const char *signature, bool replace,
                                              mer_err *err);

/* Where the signature of `path` lies by default: malloc, free with free; NULL when out of memory.
 */
char *mer_guard_signature_path(const char *path, bool is_folder);

#endif
