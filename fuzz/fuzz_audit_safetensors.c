/* safetensors: a header of any kind. */
#include "audit_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct mer_audit_bytes file = {bytes, n, n};
    if (n > 1 << 16 || !mer_audit_is_safetensors(file))
        return 0;
    return fuzz_audit(mer_audit_safetensors, MER_AUDIT_FORMAT_SAFETENSORS, bytes, n);
}
