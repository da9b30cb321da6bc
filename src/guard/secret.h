/* A secret in memory: private keys as text, passphrases. Locked, not dumped, wiped on release.
 */
#ifndef MER_GUARD_SECRET_H
#define MER_GUARD_SECRET_H

#include "core/status.h"

struct mer_secret {
    unsigned char *bytes; /* owned; `capacity` bytes of secret memory */
    size_t n;
    size_t capacity;
};

/* An empty secret that can hold `capacity` > 0 bytes. Release with mer_secret_release. */
MER_MUST_CHECK mer_status mer_secret_init(struct mer_secret *secret, size_t capacity, mer_err *err);
/* Wipes and gives back; a zeroed struct is nothing. */
void mer_secret_release(struct mer_secret *secret);

#endif
