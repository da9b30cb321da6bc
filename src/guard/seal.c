#include "guard/seal.h"

#include <stdio.h>
#include <string.h>

#include "guard/seal_header.h"
#include "os/secret_memory.h"
#include "os/secret_random.h"

enum {
    SEALED_CHUNK_BYTES = MER_SEAL_CHUNK_BYTES + MER_AEAD_TAG_BYTES,
    SEALED_AT_ONCE = 4,
    WRAPPED_BYTES = MER_SEAL_FILE_KEY_BYTES + MER_AEAD_TAG_BYTES,
    HEADER_MAX = 1 << 16
};

/* The secrets of one file's header; in secret memory. */
struct header_keys {
    unsigned char file_key[MER_SEAL_FILE_KEY_BYTES];
    unsigned char ephemeral[MER_SEAL_KEY_BYTES];
    unsigned char shared[MER_SEAL_KEY_BYTES];
    unsigned char wrap[MER_SEAL_KEY_BYTES];
    unsigned char key[MER_SEAL_KEY_BYTES];
};

void mer_seal_counter_next(struct mer_seal_counter *counter)
{
    /* Eleven bytes, big-endian: 2^88 chunks do not come. */
    for (size_t i = MER_AEAD_NONCE_BYTES - 1; i-- > 0 && ++counter->nonce[i] == 0;)
        continue;
}

/* ---- The header ---- */

/* The file key under the wrapping key: a key of one use, so that the nonce can be zero. */
static mer_status wrap(struct header_keys *keys, struct mer_buf *header, const char *arguments,
                       mer_err *err)
{
    static const unsigned char nonce[MER_AEAD_NONCE_BYTES];
    unsigned char wrapped[WRAPPED_BYTES];
    struct mer_aead aead;
    MER_GUARD(mer_aead_init(&aead, keys->wrap, true, err));
    const mer_status status =
        mer_aead_seal(&aead, nonce, keys->file_key, sizeof keys->file_key, wrapped, err);
    mer_aead_release(&aead);
    MER_GUARD(status);
    return mer_seal_header_stanza(header, arguments, wrapped, sizeof wrapped, err);
}

/* "X25519 SHARE": the type and one argument in base64. */
static mer_status name_stanza(struct mer_buf *buf, const char *type, const unsigned char *bytes,
                              size_t n, mer_err *err)
{
    mer_buf_clear(buf);
    MER_GUARD(mer_buf_printf(buf, err, "%s ", type));
    return mer_seal_base64(buf, bytes, n, err);
}

static mer_status add_recipient(struct header_keys *keys, const struct mer_recipient *recipient,
                                struct mer_buf *header, mer_err *err)
{
    unsigned char salt[2 * MER_SEAL_KEY_BYTES]; /* the share, the recipient */
    struct mer_buf arguments;
    const char *text = NULL;
    mer_status status;
    mer_buf_init(&arguments, header->alloc, 256);
    MER_GUARD_GOTO(mer_secret_random(keys->ephemeral, sizeof keys->ephemeral, err), done);
    MER_GUARD_GOTO(mer_x25519_public(keys->ephemeral, salt, err), done);
    memcpy(salt + MER_SEAL_KEY_BYTES, recipient->key, MER_SEAL_KEY_BYTES);
    MER_GUARD_GOTO(mer_x25519_shared(keys->ephemeral, recipient->key, keys->shared, err), done);
    MER_GUARD_GOTO(mer_seal_hkdf(keys->shared, sizeof keys->shared, salt, sizeof salt,
                                 MER_SEAL_X25519_LABEL, keys->wrap, err),
                   done);
    MER_GUARD_GOTO(name_stanza(&arguments, "X25519", salt, MER_SEAL_KEY_BYTES, err), done);
    MER_GUARD_GOTO(mer_buf_cstr(&arguments, &text, err), done);
    MER_GUARD_GOTO(wrap(keys, header, text, err), done);
done:
    mer_buf_release(&arguments);
    return status;
}

static mer_status add_passphrase(struct header_keys *keys, const struct mer_seal_to *to,
                                 struct mer_buf *header, mer_err *err)
{
    enum { N_LABEL = sizeof MER_SEAL_SCRYPT_LABEL - 1 };
    unsigned char salt[N_LABEL + MER_SEAL_SALT_BYTES] = MER_SEAL_SCRYPT_LABEL;
    const unsigned work = to->work ? to->work : MER_SEAL_WORK_DEFAULT;
    const size_t n_memory = (size_t)1024 << work;
    struct mer_buf arguments;
    const char *text = NULL;
    mer_status status;
    MER_GUARD(mer_secret_random(salt + N_LABEL, MER_SEAL_SALT_BYTES, err));
    MER_GUARD(mer_alloc_charge(header->alloc, n_memory, err));
    status = mer_seal_scrypt(to->passphrase->bytes, to->passphrase->n, salt, sizeof salt, work,
                             keys->wrap, err);
    mer_alloc_uncharge(header->alloc, n_memory);
    MER_GUARD(status);
    mer_buf_init(&arguments, header->alloc, 256);
    MER_GUARD_GOTO(name_stanza(&arguments, "scrypt", salt + N_LABEL, MER_SEAL_SALT_BYTES, err),
                   done);
    MER_GUARD_GOTO(mer_buf_printf(&arguments, err, " %u", work), done);
    MER_GUARD_GOTO(mer_buf_cstr(&arguments, &text, err), done);
    MER_GUARD_GOTO(wrap(keys, header, text, err), done);
done:
    mer_buf_release(&arguments);
    return status;
}

static mer_status write_header(struct header_keys *keys, const struct mer_seal_to *to,
                               struct mer_buf *header, mer_err *err)
{
    unsigned char mac[MER_SEAL_MAC_BYTES];
    MER_GUARD(mer_secret_random(keys->file_key, sizeof keys->file_key, err));
    MER_GUARD(mer_seal_header_begin(header, err));
    if (to->passphrase)
        MER_GUARD(add_passphrase(keys, to, header, err));
    for (size_t i = 0; i < to->n_recipients; i++)
        MER_GUARD(add_recipient(keys, &to->recipients[i], header, err));
    MER_GUARD(mer_seal_header_end(header, err));
    MER_GUARD(
        mer_seal_hkdf(keys->file_key, sizeof keys->file_key, NULL, 0, "header", keys->key, err));
    MER_GUARD(mer_seal_hmac(keys->key, header->bytes, header->n, mac, err));
    return mer_seal_header_mac(header, mac, err);
}

/* ---- What goes out ---- */

static mer_status emit(struct mer_sealer *sealer, const void *bytes, size_t n, mer_err *err)
{
    if (!sealer->armored)
        return sealer->sink.write(sealer->sink.self, bytes, n, err);
    MER_GUARD(mer_armor_put(&sealer->armor, bytes, n, &sealer->text, err));
    const mer_status status =
        sealer->sink.write(sealer->sink.self, sealer->text.bytes, sealer->text.n, err);
    mer_buf_clear(&sealer->text);
    return status;
}

static mer_status flush(struct mer_sealer *sealer, mer_err *err)
{
    MER_GUARD(emit(sealer, sealer->sealed, sealer->n_sealed, err));
    sealer->n_sealed = 0;
    return mer_ok();
}

static mer_status seal_chunk(struct mer_sealer *sealer, const unsigned char *bytes, size_t n,
                             mer_err *err)
{
    if (sealer->n_sealed == SEALED_AT_ONCE * (size_t)SEALED_CHUNK_BYTES)
        MER_GUARD(flush(sealer, err));
    MER_GUARD(mer_aead_seal(&sealer->aead, sealer->counter.nonce, bytes, n,
                            sealer->sealed + sealer->n_sealed, err));
    mer_seal_counter_next(&sealer->counter);
    sealer->n_sealed += n + MER_AEAD_TAG_BYTES;
    return mer_ok();
}

/* ---- Sealing ---- */

static mer_status check_to(const struct mer_seal_to *to, mer_err *err)
{
    if (to->passphrase && to->n_recipients > 0)
        return mer_fail(err, MER_ERR_USAGE,
                        "a file is sealed to recipients or to a passphrase, not to both");
    if (!to->passphrase && to->n_recipients == 0)
        return mer_fail(err, MER_ERR_USAGE, "a file is sealed to somebody");
    if (to->passphrase && to->passphrase->n == 0)
        return mer_fail(err, MER_ERR_USAGE, "an empty passphrase seals nothing");
    if (to->work > MER_SEAL_WORK_MAX)
        return mer_fail(err, MER_ERR_USAGE, "a passphrase takes 2^%d iterations at most",
                        MER_SEAL_WORK_MAX);
    return mer_ok();
}

/* The header goes out; what remains of the secrets is the cipher. */
static mer_status begin(struct mer_sealer *sealer, struct header_keys *keys,
                        const struct mer_seal_to *to, mer_err *err)
{
    unsigned char nonce[MER_SEAL_NONCE_BYTES];
    struct mer_buf header;
    mer_status status;
    mer_buf_init(&header, sealer->alloc, HEADER_MAX);
    MER_GUARD_GOTO(write_header(keys, to, &header, err), done);
    MER_GUARD_GOTO(mer_secret_random(nonce, sizeof nonce, err), done);
    MER_GUARD_GOTO(mer_buf_append(&header, nonce, sizeof nonce, err), done);
    MER_GUARD_GOTO(mer_seal_hkdf(keys->file_key, sizeof keys->file_key, nonce, sizeof nonce,
                                 "payload", keys->key, err),
                   done);
    MER_GUARD_GOTO(mer_aead_init(&sealer->aead, keys->key, true, err), done);
    if (sealer->armored)
        MER_GUARD_GOTO(mer_armor_begin(&sealer->armor, &sealer->text, err), done);
    MER_GUARD_GOTO(emit(sealer, header.bytes, header.n, err), done);
done:
    mer_buf_release(&header);
    return status;
}

mer_status mer_sealer_init(struct mer_sealer *sealer, struct mer_alloc *alloc,
                           const struct mer_seal_to *to, struct mer_seal_sink sink, mer_err *err)
{
    struct mer_secret secret = {0};
    *sealer = (struct mer_sealer){.alloc = alloc, .sink = sink, .armored = to->armored};
    mer_buf_init(&sealer->text, alloc, SIZE_MAX);
    MER_GUARD(check_to(to, err));
    MER_GUARD(mer_alloc_bytes(alloc, MER_SEAL_CHUNK_BYTES, &sealer->held, err));
    MER_GUARD(
        mer_alloc_bytes(alloc, SEALED_AT_ONCE * (size_t)SEALED_CHUNK_BYTES, &sealer->sealed, err));
    MER_GUARD(mer_secret_init(&secret, sizeof(struct header_keys), err));
    mer_process_hide();
    sealer->hides = true;
    const mer_status status = begin(sealer, (struct header_keys *)secret.bytes, to, err);
    mer_secret_release(&secret);
    return status;
}

mer_status mer_sealer_write(struct mer_sealer *sealer, const void *bytes, size_t n, mer_err *err)
{
    const unsigned char *at = bytes;
    while (n > 0) {
        /* More comes, so what is held is not the last chunk. */
        if (sealer->n_held == MER_SEAL_CHUNK_BYTES) {
            MER_GUARD(seal_chunk(sealer, sealer->held, MER_SEAL_CHUNK_BYTES, err));
            sealer->n_held = 0;
        }
        if (sealer->n_held == 0 && n > MER_SEAL_CHUNK_BYTES) {
            MER_GUARD(seal_chunk(sealer, at, MER_SEAL_CHUNK_BYTES, err));
            at += MER_SEAL_CHUNK_BYTES;
            n -= MER_SEAL_CHUNK_BYTES;
            continue;
        }
        const size_t space = MER_SEAL_CHUNK_BYTES - sealer->n_held;
        const size_t more = n < space ? n : space;
        memcpy(sealer->held + sealer->n_held, at, more);
        sealer->n_held += more;
        at += more;
        n -= more;
    }
    return mer_ok();
}

mer_status mer_sealer_end(struct mer_sealer *sealer, mer_err *err)
{
    sealer->counter.nonce[MER_AEAD_NONCE_BYTES - 1] = 1;
    MER_GUARD(seal_chunk(sealer, sealer->held, sealer->n_held, err));
    MER_GUARD(flush(sealer, err));
    if (!sealer->armored)
        return mer_ok();
    MER_GUARD(mer_armor_end(&sealer->armor, &sealer->text, err));
    return sealer->sink.write(sealer->sink.self, sealer->text.bytes, sealer->text.n, err);
}

void mer_sealer_release(struct mer_sealer *sealer)
{
    mer_aead_release(&sealer->aead);
    mer_buf_release(&sealer->text);
    if (sealer->held)
        explicit_bzero(sealer->held, MER_SEAL_CHUNK_BYTES);
    mer_free(sealer->alloc, sealer->held);
    mer_free(sealer->alloc, sealer->sealed);
    sealer->held = sealer->sealed = NULL;
    if (sealer->hides)
        mer_process_unhide();
    sealer->hides = false;
}
