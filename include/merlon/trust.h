/* Keys, signatures and whom to trust: OpenSSF Model Signing v1.0, with keys and with certificates.
 */
#ifndef MERLON_TRUST_H
#define MERLON_TRUST_H

#include "merlon/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The keys that verification accepts. Free with mer_trust_free. */
struct mer_trust;
/* A private key, in locked memory. Free with mer_signer_free. */
struct mer_signer;

/* Asks for a passphrase: writes at most `max` bytes without a final zero, returns their number or a
 * negative value when there is none. */
typedef int mer_passphrase_fn(void *self, const char *key_name, bool confirm, char *ret_bytes,
                              size_t max);

/* Where keys live: directory NULL is $XDG_CONFIG_HOME/merlon (or ~/.config/merlon). */
MER_API MER_MUST_CHECK mer_status mer_trust_open(const char *directory,
                                                 struct mer_trust **ret_trust, mer_err *err);
/* Trust one public key file (PEM) and nothing else. */
MER_API MER_MUST_CHECK mer_status mer_trust_open_key(const char *pem_file,
                                                     struct mer_trust **ret_trust, mer_err *err);
/* Trust the certificates of one PEM file as authorities, and no key: signatures in certificate mode
 * are accepted whose chain leads to one of them and is valid now. Keys that were revoked in
 * `directory` (NULL: the usual one) stay refused. Nothing is known of certificates that their
 * issuer has revoked. */
MER_API MER_MUST_CHECK mer_status mer_trust_open_authority(const char *directory,
                                                           const char *pem_file,
                                                           struct mer_trust **ret_trust,
                                                           mer_err *err);
/* Narrows trust to what a policy file allows (docs/signing.md): verification then needs a rule for
 * the file's name that has the signer, and from which serial number on. mer_trust_open does this by
 * itself where policy.json is in its folder. file NULL: the one of `directory` (NULL: the usual
 * one), if it is there. MER_ERR_TRUST when it cannot be followed. */
MER_API MER_MUST_CHECK mer_status mer_trust_obey(struct mer_trust *trust, const char *directory,
                                                 const char *file, mer_err *err);
MER_API void mer_trust_free(struct mer_trust *trust);

/* Makes a P-256 key keys/NAME.key (PKCS#8 PEM, 0600) and keys/NAME.pub in `directory`, and trusts
 * it (trusted/NAME.pem). A name is 1 to 63 characters of a-z, 0-9, '.', '_' and '-', beginning with
 * a letter or digit. ask NULL, or an empty answer: no passphrase. MER_ERR_EXISTS when the name is
 * taken. */
MER_API MER_MUST_CHECK mer_status mer_keys_new(const char *directory, const char *name,
                                               mer_passphrase_fn *ask, void *self, mer_err *err);
/* Opens NAME's private key. MER_ERR_TRUST when its file is readable by others. MER_ERR_NO_INPUT
 * when there is none. */
MER_API MER_MUST_CHECK mer_status mer_signer_open(const char *directory, const char *name,
                                                  mer_passphrase_fn *ask, void *self,
                                                  struct mer_signer **ret_signer, mer_err *err);
/* From now on the signer signs in certificate mode: the PEM file holds the certificate of its key,
 * then those that lead to an authority (roots are left out). MER_ERR_TRUST when it certifies
 * another key, is not valid now or is not for signing. */
MER_API MER_MUST_CHECK mer_status mer_signer_certify(struct mer_signer *signer,
                                                     const char *pem_file, mer_err *err);
/* From now on what it signs has this serial number, up to 2^53, which a policy can ask for: give
 * each release a higher one, and nobody can put an older one in its place. 0: none, MER_ERR_USAGE
 * when it is too large. */
MER_API MER_MUST_CHECK mer_status mer_signer_set_serial(struct mer_signer *signer, uint64_t serial,
                                                        mer_err *err);
MER_API void mer_signer_free(struct mer_signer *signer);

enum { MER_KEY_ID_MAX = 65 };
struct mer_key_info {
    char name[64];
    char id[MER_KEY_ID_MAX]; /* hex SHA-256 of the public key's PEM text: the `hint` of a bundle */
    char curve[16];          /* "P-256" */
    bool trusted;
    bool revoked;
    bool has_private;
};
/* Calls each for every known key, by name. */
MER_API MER_MUST_CHECK mer_status mer_keys_list(const char *directory,
                                                void (*each)(void *self,
                                                             const struct mer_key_info *key),
                                                void *self, mer_err *err);
/* Adds a public key from a PEM file under a name; takes a key's trust away for good: a revoked key
 * signs and verifies nothing any more, whatever name it is trusted under. */
MER_API MER_MUST_CHECK mer_status mer_keys_trust(const char *directory, const char *name,
                                                 const char *pem_file, mer_err *err);
MER_API MER_MUST_CHECK mer_status mer_keys_revoke(const char *directory, const char *name,
                                                  mer_err *err);
/* The public key of that name as PEM text; free with mer_text_free. */
MER_API MER_MUST_CHECK mer_status mer_keys_public(const char *directory, const char *name,
                                                  char **ret_pem, mer_err *err);

/* Signs a file or folder; the bundle goes to `signature` (NULL: PATH.sig, or PATH/model.sig for a
 * folder), replaced atomically. MER_ERR_EXISTS unless `replace`. */
MER_API MER_MUST_CHECK mer_status mer_sign(const struct mer_signer *signer, const char *path,
                                           const char *signature, bool replace, mer_err *err);

struct mer_verified {
    char
        signer_name[64]; /* as in the key store; of a certificate its subject, cut to this length */
    char signer_id[MER_KEY_ID_MAX];
    char subject[256]; /* of the signer's certificate, as in RFC 2253; empty: signed with a key */
    uint64_t serial;   /* that the signer gave it; 0: none */
    char digest[65];   /* SHA-256 of the file, or of the folder's resource digests, in hex */
    size_t n_files;
};
/* Verifies a file or folder; a folder must hold exactly the signed files. MER_ERR_TRUST says what
 * does not hold, a missing signature included; MER_ERR_NO_INPUT when there is nothing at `path`.
 * ret_verified may be NULL. */
MER_API MER_MUST_CHECK mer_status mer_verify(const struct mer_trust *trust, const char *path,
                                             const char *signature,
                                             struct mer_verified *ret_verified, mer_err *err);
/* The same, where these paths (relative to a folder `path`) may be there unsigned besides what the
 * signature itself names. */
MER_API MER_MUST_CHECK mer_status mer_verify_ignoring(const struct mer_trust *trust,
                                                      const char *path, const char *signature,
                                                      const char *const *ignored, size_t n_ignored,
                                                      struct mer_verified *ret_verified,
                                                      mer_err *err);

/* The provenance record beside the file at `path` (docs/provenance.md): verifies that a trusted
 * signer signed it and that it is about the file of that digest (of struct mer_verified; NULL: what
 * is at `path`), and gives its statement as JSON text, to be freed with mer_text_free.
 * MER_ERR_NO_INPUT when there is none. ret_json and ret_verified may be NULL. */
MER_API MER_MUST_CHECK mer_status mer_provenance_verify(const struct mer_trust *trust,
                                                        const char *path, const char *digest,
                                                        char **ret_json,
                                                        struct mer_verified *ret_verified,
                                                        mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
