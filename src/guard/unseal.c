#include "guard/unseal.h"

#include <string.h>

#include "guard/seal_header.h"
#include "os/secret_memory.h"

enum {
    PIECE_BYTES = 64 << 10, /* read at once; armor with the white space before it is known by it */
    SEALED_CHUNK_BYTES = MER_SEAL_CHUNK_BYTES + MER_AEAD_TAG_BYTES,
    WRAPPED_BYTES = MER_SEAL_FILE_KEY_BYTES + MER_AEAD_TAG_BYTES
};

/* The secrets of one opening; in secret memory. */
struct open_keys {
    unsigned char file_key[MER_SEAL_FILE_KEY_BYTES];
    unsigned char shared[MER_SEAL_KEY_BYTES];
    unsigned char wrap[MER_SEAL_KEY_BYTES];
    unsigned char key[MER_SEAL_KEY_BYTES];
    char passphrase[1024];
};

struct opening {
    struct mer_alloc *alloc;
    const struct mer_unseal_with *with;
    struct mer_seal_source source;
    struct mer_seal_sink sink;
    unsigned char *piece;          /* owned: what was read last */
    struct mer_armor_reader armor; /* where it is armored */
    bool armored;
    struct mer_buf binary;   /* what a piece of armor holds */
    const unsigned char *at; /* what was read and not looked at, less its armor */
    size_t n;
    bool ended; /* nothing comes behind that */
    struct open_keys *keys;
    struct mer_buf header_bytes; /* and what was read with them */
    struct mer_seal_header header;
    unsigned char *chunk; /* owned: sealed, then opened in its place */
    enum mer_unseal_fault fault;
};

static mer_status refuse(struct opening *opening, enum mer_unseal_fault fault, const char *what,
                         mer_err *err)
{
    const enum mer_code code = fault == MER_UNSEAL_HEADER ? MER_ERR_DATA : MER_ERR_TRUST;
    opening->fault = fault;
    return mer_fail(err, code, "%s", what);
}

/* ---- What is read ---- */

/* A piece, a full one unless the source ends. */
static mer_status read_piece(struct opening *opening, size_t *ret_n, mer_err *err)
{
    size_t n = 0;
    for (size_t got = 1; got > 0 && n < PIECE_BYTES; n += got)
        MER_GUARD(opening->source.read(opening->source.self, opening->piece + n, PIECE_BYTES - n,
                                       &got, err));
    opening->ended = n < PIECE_BYTES;
    *ret_n = n;
    return mer_ok();
}

/* Takes the armor off. */
static mer_status disarm(struct opening *opening, size_t n, mer_err *err)
{
    mer_buf_clear(&opening->binary);
    mer_status status = mer_armor_read(&opening->armor, opening->piece, n, &opening->binary, err);
    if (mer_is_ok(status) && opening->ended)
        status = mer_armor_read_end(&opening->armor, &opening->binary, err);
    if (status.code == MER_ERR_DATA)
        opening->fault = MER_UNSEAL_ARMOR;
    return status;
}

/* Goes on where all that was read has been looked at. */
static mer_status read_on(struct opening *opening, mer_err *err)
{
    while (opening->n == 0 && !opening->ended) {
        size_t n = 0;
        MER_GUARD(read_piece(opening, &n, err));
        if (opening->armored)
            MER_GUARD(disarm(opening, n, err));
        opening->at = opening->armored ? opening->binary.bytes : opening->piece;
        opening->n = opening->armored ? opening->binary.n : n;
    }
    return mer_ok();
}

/* Up to n bytes, fewer only at the end. */
static mer_status take(struct opening *opening, unsigned char *space, size_t n, size_t *ret_n,
                       mer_err *err)
{
    size_t n_taken = 0;
    while (n_taken < n) {
        MER_GUARD(read_on(opening, err));
        const size_t left = n - n_taken;
        const size_t more = opening->n < left ? opening->n : left;
        if (more == 0)
            break;
        memcpy(space + n_taken, opening->at, more);
        n_taken += more;
        opening->at += more;
        opening->n -= more;
    }
    *ret_n = n_taken;
    return mer_ok();
}

/* ---- The file key ---- */

/* Opens a stanza's body with the wrapping key; *ret_fits is whether that was it. */
static mer_status unwrap(struct opening *opening, const struct mer_stanza *stanza, bool *ret_fits,
                         mer_err *err)
{
    static const unsigned char nonce[MER_AEAD_NONCE_BYTES];
    struct mer_aead aead;
    MER_GUARD(mer_aead_init(&aead, opening->keys->wrap, false, err));
    const mer_status status = mer_aead_open(&aead, nonce, stanza->body, stanza->n_body,
                                            opening->keys->file_key, ret_fits, err);
    mer_aead_release(&aead);
    return status;
}

static mer_status try_identity(struct opening *opening, const struct mer_stanza *stanza, size_t i,
                               bool *ret_fits, mer_err *err)
{
    const struct mer_identities *const identities = opening->with->identities;
    struct open_keys *const keys = opening->keys;
    unsigned char salt[2 * MER_SEAL_KEY_BYTES]; /* the share, the recipient */
    if (stanza->n_arguments != 2 || stanza->n_body != WRAPPED_BYTES ||
        !mer_stanza_argument_bytes(stanza, 1, salt, MER_SEAL_KEY_BYTES))
        return refuse(opening, MER_UNSEAL_HEADER,
                      "an X25519 recipient in the header has not its "
                      "form",
                      err);
    memcpy(salt + MER_SEAL_KEY_BYTES, identities->recipients[i].key, MER_SEAL_KEY_BYTES);
    const mer_status status =
        mer_x25519_shared(mer_identities_key(identities, i), salt, keys->shared, err);
    if (status.code == MER_ERR_DATA)
        opening->fault = MER_UNSEAL_HEADER;
    MER_GUARD(status);
    MER_GUARD(mer_seal_hkdf(keys->shared, sizeof keys->shared, salt, sizeof salt,
                            MER_SEAL_X25519_LABEL, keys->wrap, err));
    return unwrap(opening, stanza, ret_fits, err);
}

/* "18": no sign, no zero in front; 0 when it is no such number or too large to be one of ours. */
static unsigned parse_work(const struct mer_stanza *stanza)
{
    const char *const text = stanza->arguments[2].text;
    const size_t n = stanza->arguments[2].n;
    unsigned work = 0;
    if (n == 0 || n > 2 || text[0] == '0')
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        work = 10 * work + (unsigned)(text[i] - '0');
    }
    return work;
}

static mer_status ask_passphrase(struct opening *opening, size_t *ret_n, mer_err *err)
{
    const struct mer_unseal_with *const with = opening->with;
    struct open_keys *const keys = opening->keys;
    const char *const name = with->name ? with->name : "a sealed file";
    const int n =
        with->ask ? with->ask(with->self, name, false, keys->passphrase, sizeof keys->passphrase)
                  : -1;
    if (n < 0 || (size_t)n > sizeof keys->passphrase) {
        opening->fault = MER_UNSEAL_NO_MATCH;
        const mer_status status =
            mer_fail(err, MER_ERR_TRUST, "it is sealed with a passphrase, and none was given");
        return mer_hint(err, status, "run the command on a terminal, or give --passphrase-file");
    }
    *ret_n = (size_t)n;
    return mer_ok();
}

static mer_status try_passphrase(struct opening *opening, const struct mer_stanza *stanza,
                                 bool *ret_fits, mer_err *err)
{
    enum { N_LABEL = sizeof MER_SEAL_SCRYPT_LABEL - 1 };
    unsigned char salt[N_LABEL + MER_SEAL_SALT_BYTES] = MER_SEAL_SCRYPT_LABEL;
    struct open_keys *const keys = opening->keys;
    size_t n_passphrase = 0;
    if (stanza->n_arguments != 3 || stanza->n_body != WRAPPED_BYTES ||
        !mer_stanza_argument_bytes(stanza, 1, salt + N_LABEL, MER_SEAL_SALT_BYTES))
        return refuse(opening, MER_UNSEAL_HEADER,
                      "the passphrase's part of the header has not its form", err);
    const unsigned work = parse_work(stanza);
    if (work == 0 || work > MER_SEAL_WORK_MAX) {
        opening->fault = MER_UNSEAL_HEADER;
        return mer_fail(err, MER_ERR_DATA,
                        "its passphrase asks for other work than 2^1 to 2^%d iterations",
                        MER_SEAL_WORK_MAX);
    }
    MER_GUARD(ask_passphrase(opening, &n_passphrase, err));
    const size_t n_memory = (size_t)1024 << work;
    MER_GUARD(mer_alloc_charge(opening->alloc, n_memory, err));
    const mer_status status = mer_seal_scrypt((const unsigned char *)keys->passphrase, n_passphrase,
                                              salt, sizeof salt, work, keys->wrap, err);
    mer_alloc_uncharge(opening->alloc, n_memory);
    MER_GUARD(status);
    return unwrap(opening, stanza, ret_fits, err);
}

static mer_status refuse_no_match(struct opening *opening, mer_err *err)
{
    const struct mer_seal_header *const header = &opening->header;
    for (size_t i = 0; i < header->n_stanzas; i++) {
        if (mer_stanza_is(&header->stanzas[i], "mlkem768x25519"))
            return mer_hint(err,
                            refuse(opening, MER_UNSEAL_NO_MATCH,
                                   "none of the keys that were given opens it", err),
                            "it is sealed to post-quantum recipients too, which are not supported");
    }
    if (!opening->with->identities)
        return mer_hint(
            err,
            refuse(opening, MER_UNSEAL_NO_MATCH, "it is sealed to keys, and none was given", err),
            "give the file with yours, or its name in the key store: --identity");
    return mer_hint(
        err, refuse(opening, MER_UNSEAL_NO_MATCH, "none of the keys that were given opens it", err),
        "it was sealed to somebody else, or with a passphrase");
}

static mer_status find_file_key(struct opening *opening, mer_err *err)
{
    const struct mer_seal_header *const header = &opening->header;
    const struct mer_identities *const identities = opening->with->identities;
    bool fits = false;
    for (size_t i = 0; i < header->n_stanzas; i++) {
        const struct mer_stanza *const stanza = &header->stanzas[i];
        if (!mer_stanza_is(stanza, "scrypt"))
            continue;
        if (header->n_stanzas > 1)
            return refuse(opening, MER_UNSEAL_HEADER,
                          "a passphrase stands in the header and is not alone there", err);
        MER_GUARD(try_passphrase(opening, stanza, &fits, err));
        return fits ? mer_ok()
                    : refuse(opening, MER_UNSEAL_NO_MATCH, "it does not open with that passphrase",
                             err);
    }
    for (size_t k = 0; identities && k < identities->n; k++) {
        for (size_t i = 0; i < header->n_stanzas && !fits; i++)
            if (mer_stanza_is(&header->stanzas[i], "X25519"))
                MER_GUARD(try_identity(opening, &header->stanzas[i], k, &fits, err));
        if (fits)
            return mer_ok();
    }
    return refuse_no_match(opening, err);
}

static mer_status check_mac(struct opening *opening, mer_err *err)
{
    struct open_keys *const keys = opening->keys;
    unsigned char mac[MER_SEAL_MAC_BYTES];
    MER_GUARD(
        mer_seal_hkdf(keys->file_key, sizeof keys->file_key, NULL, 0, "header", keys->key, err));
    MER_GUARD(mer_seal_hmac(keys->key, opening->header_bytes.bytes, opening->header.n_authenticated,
                            mac, err));
    if (!mer_secret_equal(mac, opening->header.mac, sizeof mac))
        return refuse(opening, MER_UNSEAL_MAC, "its header was changed after it was sealed", err);
    return mer_ok();
}

/* ---- The payload ---- */

/* Is the chunk what its place says? Then its bytes go on. */
static mer_status open_chunk(struct opening *opening, struct mer_aead *aead,
                             const struct mer_seal_counter *counter, size_t n, mer_err *err)
{
    unsigned char *const chunk = opening->chunk;
    bool fits = false;
    MER_GUARD(mer_aead_open(aead, counter->nonce, chunk, n, chunk, &fits, err));
    if (!fits)
        return refuse(opening, MER_UNSEAL_PAYLOAD, "it was changed or cut after it was sealed",
                      err);
    return opening->sink.write(opening->sink.self, chunk, n - MER_AEAD_TAG_BYTES, err);
}

static mer_status open_chunks(struct opening *opening, struct mer_aead *aead, mer_err *err)
{
    struct mer_seal_counter counter = {{0}};
    for (bool is_first = true;; is_first = false) {
        size_t n = 0;
        MER_GUARD(take(opening, opening->chunk, SEALED_CHUNK_BYTES, &n, err));
        MER_GUARD(read_on(opening, err));
        const bool is_last = opening->n == 0;
        /* The last chunk may be empty only where all of it is. */
        if (n < MER_AEAD_TAG_BYTES || (n == MER_AEAD_TAG_BYTES && !is_first))
            return refuse(opening, MER_UNSEAL_PAYLOAD, "it was cut short", err);
        counter.nonce[MER_AEAD_NONCE_BYTES - 1] = is_last;
        MER_GUARD(open_chunk(opening, aead, &counter, n, err));
        if (is_last)
            return mer_ok();
        mer_seal_counter_next(&counter);
    }
}

static mer_status open_payload(struct opening *opening, mer_err *err)
{
    struct open_keys *const keys = opening->keys;
    unsigned char nonce[MER_SEAL_NONCE_BYTES];
    struct mer_aead aead = {NULL};
    size_t n = 0;
    MER_GUARD(take(opening, nonce, sizeof nonce, &n, err));
    if (n < sizeof nonce)
        return refuse(opening, MER_UNSEAL_HEADER, "it ends behind its header", err);
    MER_GUARD(mer_seal_hkdf(keys->file_key, sizeof keys->file_key, nonce, sizeof nonce, "payload",
                            keys->key, err));
    MER_GUARD(mer_alloc_bytes(opening->alloc, SEALED_CHUNK_BYTES, &opening->chunk, err));
    MER_GUARD(mer_aead_init(&aead, keys->key, false, err));
    const mer_status status = open_chunks(opening, &aead, err);
    mer_aead_release(&aead);
    return status;
}

/* ---- All of it ---- */

/* The header, and what was read with it. */
static mer_status gather_header(struct opening *opening, mer_err *err)
{
    struct mer_buf *const bytes = &opening->header_bytes;
    size_t n_searched = 0;
    do {
        MER_GUARD(read_on(opening, err));
        if (opening->n == 0)
            break;
        MER_GUARD(mer_buf_append(bytes, opening->at, opening->n, err));
        opening->n = 0;
    } while (!mer_seal_header_is_whole(bytes->bytes, bytes->n, &n_searched));
    return mer_ok();
}

static mer_status open_binary(struct opening *opening, mer_err *err)
{
    const struct mer_buf *const bytes = &opening->header_bytes;
    MER_GUARD(gather_header(opening, err));
    const mer_status status =
        mer_seal_header_parse(opening->alloc, bytes->bytes, bytes->n, &opening->header, err);
    if (status.code == MER_ERR_DATA)
        opening->fault = MER_UNSEAL_HEADER;
    MER_GUARD(status);
    opening->at = bytes->bytes + opening->header.n_bytes;
    opening->n = bytes->n - opening->header.n_bytes;
    MER_GUARD(find_file_key(opening, err));
    MER_GUARD(check_mac(opening, err));
    return open_payload(opening, err);
}

/* Reads the first piece, by which armor is known. */
static mer_status begin(struct opening *opening, mer_err *err)
{
    size_t n = 0;
    MER_GUARD(mer_alloc_bytes(opening->alloc, PIECE_BYTES, &opening->piece, err));
    MER_GUARD(read_piece(opening, &n, err));
    opening->armored = mer_armor_is(opening->piece, n);
    if (opening->armored) {
        mer_armor_reader_init(&opening->armor);
        MER_GUARD(disarm(opening, n, err));
    }
    opening->at = opening->armored ? opening->binary.bytes : opening->piece;
    opening->n = opening->armored ? opening->binary.n : n;
    return mer_ok();
}

static mer_status open_hidden(struct opening *opening, mer_err *err)
{
    struct mer_secret secret;
    MER_GUARD(begin(opening, err));
    MER_GUARD(mer_secret_init(&secret, sizeof *opening->keys, err));
    mer_process_hide();
    opening->keys = (struct open_keys *)secret.bytes;
    const mer_status status = open_binary(opening, err);
    mer_secret_release(&secret);
    mer_process_unhide();
    return status;
}

mer_status mer_unseal_stream(struct mer_alloc *alloc, const struct mer_unseal_with *with,
                             struct mer_seal_source source, struct mer_seal_sink sink,
                             enum mer_unseal_fault *ret_fault, mer_err *err)
{
    struct opening opening = {
        .alloc = alloc, .with = with, .source = source, .sink = sink, .header.alloc = alloc};
    mer_buf_init(&opening.binary, alloc, PIECE_BYTES);
    mer_buf_init(&opening.header_bytes, alloc, MER_SEAL_HEADER_MAX + PIECE_BYTES);
    const mer_status status = open_hidden(&opening, err);
    if (opening.chunk)
        explicit_bzero(opening.chunk, SEALED_CHUNK_BYTES);
    mer_free(alloc, opening.chunk);
    mer_free(alloc, opening.piece);
    mer_buf_release(&opening.binary);
    mer_buf_release(&opening.header_bytes);
    mer_seal_header_release(&opening.header);
    if (ret_fault)
        *ret_fault = opening.fault;
    return status;
}

mer_status mer_seal_memory_read(void *self, void *ret_bytes, size_t max, size_t *ret_n,
                                mer_err *err)
{
    struct mer_seal_memory *const memory = self;
    const size_t n = memory->n < max ? memory->n : max;
    (void)err;
    if (n > 0) {
        memcpy(ret_bytes, memory->at, n);
        memory->at += n;
    }
    memory->n -= n;
    *ret_n = n;
    return mer_ok();
}

mer_status mer_unseal_bytes(struct mer_alloc *alloc, const struct mer_unseal_with *with,
                            const void *bytes, size_t n, struct mer_seal_sink sink,
                            enum mer_unseal_fault *ret_fault, mer_err *err)
{
    struct mer_seal_memory memory = {.at = bytes, .n = n};
    return mer_unseal_stream(alloc, with, (struct mer_seal_source){mer_seal_memory_read, &memory},
                             sink, ret_fault, err);
}

bool mer_unseal_is_sealed(const void *bytes, size_t n)
{
    static const char begins[] = "age-encryption.org/";
    return mer_armor_is(bytes, n) ||
           (n >= sizeof begins - 1 && memcmp(bytes, begins, sizeof begins - 1) == 0);
}
