/* The keys of sealed files on disk, in the key store's folder (key_store.h):
 *
 *     DIRECTORY/seal/NAME.identity    what opens: an age identity file, 0600, or such a file that
 *                                     is itself sealed with a passphrase
 *     DIRECTORY/seal/NAME.recipient   what seals: age1...
 *     DIRECTORY/seal/NAME.destroyed   the recipient of an identity that was destroyed
 *
 * A name stands for one key for ever.
 */
#ifndef MER_GUARD_SEAL_STORE_H
#define MER_GUARD_SEAL_STORE_H

#include "guard/key_store.h"
#include "guard/unseal.h"
#include "merlon/seal.h"

/* Makes one; `ask` may give a passphrase for its file, as for mer_key_store_make. */
MER_MUST_CHECK mer_status mer_seal_store_make(struct mer_alloc *alloc, const char *directory,
                                              const char *name, mer_passphrase_fn *ask, void *self,
                                              struct mer_recipient *ret_recipient, mer_err *err);
/* Overwrites and removes an identity: what was sealed to it alone stays closed for ever.
 * MER_ERR_NO_INPUT when there is none. */
MER_MUST_CHECK mer_status mer_seal_store_destroy(const char *directory, const char *name,
                                                 mer_err *err);
/* Calls each for every key, sorted by name. */
MER_MUST_CHECK mer_status mer_seal_store_list(const char *directory,
                                              void (*each)(void *self,
                                                           const struct mer_seal_key_info *key),
                                              void *self, mer_err *err);

/* Adds the identities that a text names: a key in the store, else a file, which nobody else may
 * read. Where it is sealed, `ask` is asked for its passphrase. */
MER_MUST_CHECK mer_status mer_seal_store_identities(struct mer_alloc *alloc, const char *directory,
                                                    const char *which, mer_passphrase_fn *ask,
                                                    void *self, struct mer_identities *identities,
                                                    mer_err *err);

enum { MER_RECIPIENTS_MAX = 64 };
struct mer_recipients {
    struct mer_recipient items[MER_RECIPIENTS_MAX];
    size_t n;
};
/* Adds the recipients that a text names: one by itself (age1...), else a key in the store, else a
 * file with one a line. */
MER_MUST_CHECK mer_status mer_seal_store_recipients(struct mer_alloc *alloc, const char *directory,
                                                    const char *which,
                                                    struct mer_recipients *recipients,
                                                    mer_err *err);

#endif
