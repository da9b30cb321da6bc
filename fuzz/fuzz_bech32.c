/* Bech32, recipients and identity files: what is accepted is written again in its one spelling. */
#include <stdlib.h>
#include <string.h>

#include "guard/bech32.h"
#include "guard/seal_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void try_recipient(const char *text, size_t n)
{
    struct mer_recipient recipient;
    char again[MER_RECIPIENT_TEXT_MAX];
    mer_err err = {.code = MER_OK};
    if (!mer_is_ok(mer_recipient_parse(text, n, &recipient, &err))) {
        require(err.code == MER_ERR_DATA && err.message[0] != '\0');
        return;
    }
    mer_recipient_text(&recipient, again);
    require(strlen(again) == n && strncasecmp(again, text, n) == 0);
}

static void try_identities(const char *text, size_t n)
{
    struct mer_identities identities;
    mer_err err = {.code = MER_OK};
    require(mer_is_ok(mer_identities_init(&identities, NULL)));
    const mer_status status = mer_identities_parse(&identities, text, n, "it", &err);
    require(mer_is_ok(status) ? identities.n > 0
                              : err.code == MER_ERR_DATA && err.message[0] != '\0');
    mer_identities_release(&identities);
}

/* Decoding is the inverse of encoding, and of nothing else. */
static void round_trip(const uint8_t *bytes, size_t n)
{
    char text[MER_BECH32_SIZE(1, 100)];
    unsigned char again[100];
    if (n > sizeof again)
        return;
    mer_bech32_encode("x", bytes, n, text);
    require(mer_bech32_decode(text, strlen(text), "x", again, n));
    require(n == 0 || memcmp(bytes, again, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    try_recipient((const char *)bytes, n);
    try_identities((const char *)bytes, n);
    round_trip(bytes, n);
    return 0;
}
