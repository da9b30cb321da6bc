/* Keys on disk, as files that one can look at, move and delete:
 *
 *     DIRECTORY/keys/NAME.key      private key, PKCS#8 PEM, 0600
 *     DIRECTORY/keys/NAME.pub      its public key
 *     DIRECTORY/trusted/NAME.pem   public keys that verification accepts
 *     DIRECTORY/revoked/NAME.pem   public keys that it refuses for good, whatever trusts them
 *     DIRECTORY/policy.json        which of them for what (policy.h), if it is there
 *
 * and beside them the keys of sealed files (seal_store.h).
 *
 * Whoever can write here decides whom to trust: folders and files that others could change are
 * refused. A name is 1 to 63 characters of a-z, 0-9, ".", "_" and "-", beginning with a letter or a
 * digit, and stands for one key for ever.
 */
#ifndef MER_GUARD_KEY_STORE_H
#define MER_GUARD_KEY_STORE_H

#include "guard/trusted_keys.h"

/* `directory` or, where it is NULL, $XDG_CONFIG_HOME/merlon, else $HOME/.config/merlon; malloc,
 * free with free. */
MER_MUST_CHECK mer_status mer_key_store_folder(const char *directory, char **ret_folder,
                                               mer_err *err);

/* A name for a key: what the comment above says; MER_ERR_USAGE otherwise. */
MER_MUST_CHECK mer_status mer_key_name_check(const char *name, mer_err *err);
bool mer_key_name_is_valid(const char *name);

/* A new passphrase for what is called `name`, into an empty secret of MER_PASSPHRASE_MAX bytes;
 * none where nobody can be asked. MER_ERR_TRUST when the answer is negative. */
MER_MUST_CHECK mer_status mer_key_ask_new(mer_passphrase_fn *ask, void *self, const char *name,
                                          struct mer_secret *passphrase, mer_err *err);

/* Makes a P-256 key of that name and trusts it. `ask` (confirm true) may give a passphrase; an
 * empty one is none, a negative answer ends with MER_ERR_TRUST; NULL: no passphrase. MER_ERR_EXISTS
 * when the name is taken. */
MER_MUST_CHECK mer_status mer_key_store_make(struct mer_alloc *alloc, const char *directory,
                                             const char *name, mer_passphrase_fn *ask, void *self,
                                             mer_err *err);
/* Is there a private key of that name, whether it can be read or not? */
bool mer_key_store_has_private(const char *directory, const char *name);

/* Opens a private key. MER_ERR_NO_INPUT when there is none of that name, MER_ERR_TRUST when others
 * can read it, it was revoked or its passphrase is not right. */
MER_MUST_CHECK mer_status mer_key_store_open(struct mer_alloc *alloc, const char *directory,
                                             const char *name, mer_passphrase_fn *ask, void *self,
                                             struct mer_signing_key *ret_key, mer_err *err);
/* Trusts the public key of a PEM file under a name. MER_ERR_EXISTS when the name is taken or the
 * key is trusted, MER_ERR_TRUST when it was revoked. */
MER_MUST_CHECK mer_status mer_key_store_trust(struct mer_alloc *alloc, const char *directory,
                                              const char *name, const char *pem_file, mer_err *err);
/* Takes trust in the key of that name away for good; its private key stops signing. */
MER_MUST_CHECK mer_status mer_key_store_revoke(struct mer_alloc *alloc, const char *directory,
                                               const char *name, mer_err *err);
/* Calls each for every key, sorted by name. A store that does not exist is an empty one. */
MER_MUST_CHECK mer_status mer_key_store_list(struct mer_alloc *alloc, const char *directory,
                                             void (*each)(void *self,
                                                          const struct mer_key_info *key),
                                             void *self, mer_err *err);
/* Appends the public key of that name as canonical PEM text. */
MER_MUST_CHECK mer_status mer_key_store_public(const char *directory, const char *name,
                                               struct mer_buf *buf, mer_err *err);
/* Reads the policy file DIRECTORY/policy.json into the set, if there is one. */
MER_MUST_CHECK mer_status mer_key_store_policy(const char *directory,
                                               struct mer_trusted_keys *trusted, mer_err *err);
/* Adds every revoked key to the set. */
MER_MUST_CHECK mer_status mer_key_store_revoked(const char *directory,
                                                struct mer_trusted_keys *trusted, mer_err *err);
/* Adds every trusted and every revoked key to the set. */
MER_MUST_CHECK mer_status mer_key_store_trusted(const char *directory,
                                                struct mer_trusted_keys *trusted, mer_err *err);

#endif
