/* Sealing: plain bytes in, a sealed file out, by the age v1 format: a header for the recipients,
 * then chunks of 64 KiB, each authenticated by itself and in its place. Streaming: what comes in
 * goes out, and a few chunks of memory are all that it takes.
 *
 * Opening is in unseal.h.
 */
#ifndef MER_GUARD_SEAL_H
#define MER_GUARD_SEAL_H

#include "guard/armor.h"
#include "guard/seal_key.h"

enum {
    MER_SEAL_CHUNK_BYTES = 64 << 10,
    MER_SEAL_FILE_KEY_BYTES = 16,
    MER_SEAL_NONCE_BYTES = 16,  /* of the payload */
    MER_SEAL_SALT_BYTES = 16,   /* of scrypt */
    MER_SEAL_WORK_DEFAULT = 18, /* 2^18: 256 MiB and about a second, as age has it */
    MER_SEAL_WORK_MAX = 20      /* accepted; a file can ask for no more than a gigabyte */
};
#define MER_SEAL_SCRYPT_LABEL "age-encryption.org/v1/scrypt"
#define MER_SEAL_X25519_LABEL "age-encryption.org/v1/X25519"

/* Where bytes go, in order. */
struct mer_seal_sink {
    mer_status (*write)(void *self, const void *bytes, size_t n, mer_err *err);
    void *self;
};

/* To whom: recipients, or a passphrase, which must be alone. */
struct mer_seal_to {
    const struct mer_recipient *recipients;
    size_t n_recipients;
    const struct mer_secret *passphrase; /* NULL: none */
    unsigned work;                       /* 2^work iterations of scrypt; 0: the default */
    bool armored;
};

/* Nonces of chunks: a counter, and whether it is the last. */
struct mer_seal_counter {
    unsigned char nonce[MER_AEAD_NONCE_BYTES];
};
void mer_seal_counter_next(struct mer_seal_counter *counter);

struct mer_sealer {
    struct mer_alloc *alloc;
    struct mer_seal_sink sink;
    struct mer_aead aead;
    struct mer_seal_counter counter;
    struct mer_buf text;    /* the header, then armor */
    struct mer_armor armor; /* when armored */
    bool armored;
    unsigned char *held; /* owned: a chunk that may turn out to be the last */
    size_t n_held;
    unsigned char *sealed; /* owned: chunks on their way out */
    size_t n_sealed;
    bool hides; /* the process, while there are keys */
};

/* Writes the header. Release with mer_sealer_release, whatever comes of it. */
MER_MUST_CHECK mer_status mer_sealer_init(struct mer_sealer *sealer, struct mer_alloc *alloc,
                                          const struct mer_seal_to *to, struct mer_seal_sink sink,
                                          mer_err *err);
MER_MUST_CHECK mer_status mer_sealer_write(struct mer_sealer *sealer, const void *bytes, size_t n,
                                           mer_err *err);
/* The last chunk; without it the file is refused as cut short. */
MER_MUST_CHECK mer_status mer_sealer_end(struct mer_sealer *sealer, mer_err *err);
void mer_sealer_release(struct mer_sealer *sealer);

#endif
