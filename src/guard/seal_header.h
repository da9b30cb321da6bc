/* The header of a sealed file, by the age v1 format (https://age-encryption.org/v1): who can open
 * it, and a code that authenticates all of that. Pure: bytes to struct or error, and back.
 *
 *     age-encryption.org/v1
 *     -> TYPE ARGUMENT...
 *     body in base64, 64 characters a line, the last line shorter
 *     --- MAC
 *
 * One recipient is one stanza. Stanzas of types that nobody here knows are checked for their form
 * and otherwise passed over.
 */
#ifndef MER_GUARD_SEAL_HEADER_H
#define MER_GUARD_SEAL_HEADER_H

#include "core/buf.h"

enum {
    MER_SEAL_HEADER_MAX = 1 << 20,
    MER_SEAL_STANZAS_MAX = 1024,
    MER_STANZA_ARGUMENTS_KEPT = 3,
    MER_STANZA_BODY_KEPT = 48,
    MER_SEAL_MAC_BYTES = 32
};

struct mer_stanza {
    /* The type first; borrowed from the header's bytes. What is beyond is only counted. */
    struct {
        const char *text;
        size_t n;
    } arguments[MER_STANZA_ARGUMENTS_KEPT];
    size_t n_arguments;
    unsigned char body[MER_STANZA_BODY_KEPT]; /* its first bytes */
    size_t n_body;
};

struct mer_seal_header {
    struct mer_alloc *alloc;
    struct mer_stanza *stanzas; /* owned */
    size_t n_stanzas;
    size_t n_authenticated; /* bytes, from the first on, that the MAC covers */
    unsigned char mac[MER_SEAL_MAC_BYTES];
    size_t n_bytes; /* the payload begins behind them */
};

/* Whether the first n bytes of a file hold all of its header, or what is none any more.
 * *n_searched, 0 at first, is where the next look, at more bytes, has to go on. */
bool mer_seal_header_is_whole(const unsigned char *bytes, size_t n, size_t *n_searched);

/* MER_ERR_DATA says what is wrong and in which line. Release with mer_seal_header_release. */
MER_MUST_CHECK mer_status mer_seal_header_parse(struct mer_alloc *alloc, const unsigned char *bytes,
                                                size_t n, struct mer_seal_header *ret_header,
                                                mer_err *err);
void mer_seal_header_release(struct mer_seal_header *header);

bool mer_stanza_is(const struct mer_stanza *stanza, const char *type);
/* The bytes of argument `i`, spelled as base64 without padding: exactly n, else false. */
MER_MUST_CHECK bool mer_stanza_argument_bytes(const struct mer_stanza *stanza, size_t i,
                                              unsigned char *ret_bytes, size_t n);

/* Writing: begin, stanzas, end; the MAC is over what was written by end, and follows it. */
MER_MUST_CHECK mer_status mer_seal_header_begin(struct mer_buf *buf, mer_err *err);
/* `arguments`: the type and what follows it, as text. */
MER_MUST_CHECK mer_status mer_seal_header_stanza(struct mer_buf *buf, const char *arguments,
                                                 const void *body, size_t n_body, mer_err *err);
MER_MUST_CHECK mer_status mer_seal_header_end(struct mer_buf *buf, mer_err *err);
MER_MUST_CHECK mer_status mer_seal_header_mac(struct mer_buf *buf,
                                              const unsigned char mac[MER_SEAL_MAC_BYTES],
                                              mer_err *err);

/* Base64 as headers spell it: the standard alphabet without padding, bits left over zero. Exactly n
 * bytes, else false. */
MER_MUST_CHECK bool mer_seal_unbase64(const char *text, size_t n_text, unsigned char *ret_bytes,
                                      size_t n);
/* Appends it. */
MER_MUST_CHECK mer_status mer_seal_base64(struct mer_buf *buf, const void *bytes, size_t n,
                                          mer_err *err);

#endif
