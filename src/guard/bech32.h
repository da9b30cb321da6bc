/* Bech32 (BIP 173), the spelling of age's recipients and identities: a prefix, "1", the bytes in
 * groups of five bits, six characters of checksum. Encoding, not cryptography. The limit of 90
 * characters is not kept, as age does not keep it. Pure.
 */
#ifndef MER_GUARD_BECH32_H
#define MER_GUARD_BECH32_H

#include "core/status.h"

/* Characters and the final zero for n bytes behind a prefix of n_prefix characters. */
#define MER_BECH32_SIZE(n_prefix, n) ((n_prefix) + 1 + ((n)*8 + 4) / 5 + 6 + 1)

/* Writes the text in lower case. `prefix` is lower case; ret_text has room for MER_BECH32_SIZE. */
void mer_bech32_encode(const char *prefix, const unsigned char *bytes, size_t n, char *ret_text);

/* Exactly n bytes behind that prefix; the text is all lower or all upper case. False for anything
 * else, a wrong checksum and bits that encode nothing among it; ret_bytes is then undefined. */
MER_MUST_CHECK bool mer_bech32_decode(const char *text, size_t n_text, const char *prefix,
                                      unsigned char *ret_bytes, size_t n);

#endif
