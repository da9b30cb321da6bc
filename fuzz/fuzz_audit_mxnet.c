/* MXNet's symbols and parameters: the first byte chooses. */
#include "audit_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0 || n > 1 << 16)
        return 0;
    return bytes[0] & 1
               ? fuzz_audit(mer_audit_mxnet_symbol, MER_AUDIT_FORMAT_MXNET_SYMBOL, bytes + 1, n - 1)
               : fuzz_audit(mer_audit_mxnet_params, MER_AUDIT_FORMAT_MXNET_PARAMS, bytes + 1,
                            n - 1);
}
