/* The keys of sealed files: whoever has the identity opens what was sealed to its recipient. Both
 * are X25519 keys, spelled as age spells them: AGE-SECRET-KEY-1... and age1... .
 */
#ifndef MER_GUARD_SEAL_KEY_H
#define MER_GUARD_SEAL_KEY_H

#include "core/buf.h"
#include "guard/seal_crypto.h"
#include "guard/secret.h"

enum {
    MER_RECIPIENT_TEXT_MAX = 63, /* with the final zero */
    MER_IDENTITIES_MAX = 64,
    MER_IDENTITY_FILE_MAX = 1 << 16
};

struct mer_recipient {
    unsigned char key[MER_SEAL_KEY_BYTES];
};

/* Reads "age1..."; MER_ERR_DATA when it is none. Recipients of other kinds (post-quantum, plugins,
 * SSH) are told apart and not supported. */
MER_MUST_CHECK mer_status mer_recipient_parse(const char *text, size_t n,
                                              struct mer_recipient *ret_recipient, mer_err *err);
void mer_recipient_text(const struct mer_recipient *recipient,
                        char ret_text[MER_RECIPIENT_TEXT_MAX]);

/* A set of identities in secret memory; while there is one, the process is hidden
 * (os/secret_memory.h). */
struct mer_identities {
    struct mer_secret keys; /* MER_SEAL_KEY_BYTES each */
    size_t n;
    struct mer_recipient recipients[MER_IDENTITIES_MAX]; /* of each */
};
MER_MUST_CHECK mer_status mer_identities_init(struct mer_identities *identities, mer_err *err);
/* Wipes them; nothing for a zeroed struct. */
void mer_identities_release(struct mer_identities *identities);
const unsigned char *mer_identities_key(const struct mer_identities *identities, size_t i);

/* Adds a new one, from the kernel's randomness. */
MER_MUST_CHECK mer_status mer_identities_generate(struct mer_identities *identities, mer_err *err);
/* Adds those of an identity file's text: one a line, empty lines and those with "#" passed over.
 * MER_ERR_DATA when there is none or a line is none; `what` names the text in messages, which never
 * repeat it. */
MER_MUST_CHECK mer_status mer_identities_parse(struct mer_identities *identities, const char *text,
                                               size_t n, const char *what, mer_err *err);
/* Identity `i` as an identity file's text, appended to a secret that has room for 200 bytes. */
void mer_identities_write(const struct mer_identities *identities, size_t i,
                          struct mer_secret *text);

#endif
