/* Pickles: whatever the instructions, each is followed or told. */
#include "audit_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0 || n > 1 << 16)
        return 0;
    return bytes[0] & 1 ? fuzz_audit(mer_audit_pickle, MER_AUDIT_FORMAT_PICKLE, bytes + 1, n - 1)
                        : fuzz_audit(mer_audit_torch_legacy, MER_AUDIT_FORMAT_TORCH_LEGACY,
                                     bytes + 1, n - 1);
}
