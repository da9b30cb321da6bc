/* Sealed files, by the age v1 format (https://age-encryption.org/v1): whoever has the identity, and
 * nobody else, opens what was sealed to its recipient. The program age opens what is sealed here,
 * and the other way round. docs/sealing.md tells the rest. */
#ifndef MERLON_SEAL_H
#define MERLON_SEAL_H

#include "merlon/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Keys ---- */

enum { MER_RECIPIENT_MAX = 63 }; /* "age1..." with its final zero */

/* Makes an X25519 key seal/NAME.identity (an age identity file, 0600; sealed with the passphrase
 * that `ask` gives, if any) and seal/NAME.recipient in `directory` (NULL: as for mer_keys_new).
 * MER_ERR_EXISTS when the name is taken. ret_recipient may be NULL. */
MER_API MER_MUST_CHECK mer_status mer_seal_key_new(const char *directory, const char *name,
                                                   mer_passphrase_fn *ask, void *self,
                                                   char ret_recipient[MER_RECIPIENT_MAX],
                                                   mer_err *err);
/* Destroys an identity: its file is overwritten and removed, its name never used again. What was
 * sealed to it alone stays closed for ever, and that is how such files are deleted. */
MER_API MER_MUST_CHECK mer_status mer_seal_key_destroy(const char *directory, const char *name,
                                                       mer_err *err);

struct mer_seal_key_info {
    char name[64];
    char recipient[MER_RECIPIENT_MAX];
    bool has_identity;
    bool destroyed;
};
/* Calls each for every key that seals, by name. */
MER_API MER_MUST_CHECK mer_status mer_seal_keys_list(const char *directory,
                                                     void (*each)(void *self,
                                                                  const struct mer_seal_key_info *),
                                                     void *self, mer_err *err);

/* ---- Sealing and opening ---- */

struct mer_seal_options {
    size_t size;           /* sizeof(struct mer_seal_options) */
    const char *directory; /* of the key store; NULL: as for mer_keys_new */
    /* To whom: "age1...", the name of a key in the store, or a file with one recipient a line. */
    const char *const *recipients;
    size_t n_recipients;
    mer_passphrase_fn *ask; /* instead of recipients: a passphrase. NULL: none */
    void *self;
    unsigned work;                   /* of a passphrase: 2^work rounds; 0: 18, about a second */
    bool armored;                    /* as text */
    bool replace;                    /* OUT and its signature may exist */
    const struct mer_signer *signer; /* signs the sealed file (OUT.sig); NULL: nobody */
    /* Where PATH has a signature of its own it is verified with these keys first, so that nobody
     * seals what was changed. NULL: not looked at. */
    const struct mer_trust *trust;
};
/* Seals the file at `path` ("-": standard input) into `out`, which appears whole or not at all.
 * ret_saved may be NULL; its digest is that of the sealed file, empty where nobody signs it. */
MER_API MER_MUST_CHECK mer_status mer_seal(struct mer_context *context, const char *path,
                                           const char *out, const struct mer_seal_options *options,
                                           struct mer_saved *ret_saved, mer_err *err);

struct mer_unseal_options {
    size_t size;           /* sizeof(struct mer_unseal_options) */
    const char *directory; /* of the key store; NULL: as for mer_keys_new */
    /* What opens it: files of identities, or names of keys in the store. */
    const char *const *identities;
    size_t n_identities;
    mer_passphrase_fn *ask; /* for what is sealed with a passphrase, identities too. NULL: none */
    void *self;
    /* Whose signature of the sealed file counts. It is verified before an identity is read. */
    const struct mer_trust *trust;
    bool is_unsigned; /* open it whoever has sealed it */
    bool replace;     /* OUT may exist */
};
/* Opens the sealed file at `path` ("-": standard input, which has no signature) into `out`, mode
 * 0600, which appears only when all of it was found as it was sealed. MER_ERR_TRUST: unsigned,
 * changed, also while it is opened, cut short, or no key fits. A file of any size takes a few
 * hundred kilobytes, up to 3 MiB where it is armored. ret_verified may be NULL; its texts are empty
 * for a file that was not verified. */
MER_API MER_MUST_CHECK mer_status mer_unseal(struct mer_context *context, const char *path,
                                             const char *out,
                                             const struct mer_unseal_options *options,
                                             struct mer_verified *ret_verified, mer_err *err);
/* Loads a sealed model: what is opened is in sealed memory and nowhere else, and is vouched for by
 * the signature of the sealed file. `replace` is not looked at. With is_unsigned, one that nobody
 * trusted has signed runs in a cell (mer_model_load_unsigned). */
MER_API MER_MUST_CHECK mer_status mer_model_load_sealed(struct mer_context *context,
                                                        const char *path,
                                                        const struct mer_unseal_options *options,
                                                        struct mer_fitted **ret_model,
                                                        mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
