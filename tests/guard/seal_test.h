/* What the tests of sealed files share: sealing and opening in memory. */
#ifndef MER_TESTS_GUARD_SEAL_TEST_H
#define MER_TESTS_GUARD_SEAL_TEST_H

#include "guard/guard_test.h"
#include "guard/unseal.h"

static inline mer_status append(void *self, const void *bytes, size_t n, mer_err *err)
{
    return mer_buf_append(self, bytes, n, err);
}

static inline struct mer_seal_sink into(struct mer_buf *buf)
{
    return (struct mer_seal_sink){append, buf};
}

/* Seals in pieces of at most `piece` bytes. */
static inline mer_status seal_to(const struct mer_seal_to *to, const void *bytes, size_t n,
                                 size_t piece, struct mer_buf *buf, mer_err *err)
{
    struct mer_sealer sealer;
    mer_status status = mer_sealer_init(&sealer, buf->alloc, to, into(buf), err);
    for (size_t i = 0; mer_is_ok(status) && i < n; i += piece)
        status = mer_sealer_write(&sealer, (const unsigned char *)bytes + i,
                                  n - i < piece ? n - i : piece, err);
    if (mer_is_ok(status))
        status = mer_sealer_end(&sealer, err);
    mer_sealer_release(&sealer);
    return status;
}

static inline mer_status open_with(const struct mer_identities *identities, const void *bytes,
                                   size_t n, struct mer_buf *plain, enum mer_unseal_fault *fault,
                                   mer_err *err)
{
    const struct mer_unseal_with with = {.identities = identities};
    return mer_unseal_bytes(plain->alloc, &with, bytes, n, into(plain), fault, err);
}

/* A passphrase for mer_passphrase_fn: the text at self. */
static inline int answer(void *self, const char *name, bool confirm, char *ret_bytes, size_t max)
{
    const size_t n = strlen(self);
    (void)name, (void)confirm;
    assert_true(n <= max);
    memcpy(ret_bytes, self, n);
    return (int)n;
}

#endif
