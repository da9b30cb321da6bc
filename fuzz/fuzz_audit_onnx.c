/* ONNX models, well formed or not. */
#include "audit_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    return n > 1 << 16 ? 0 : fuzz_audit(mer_audit_onnx, MER_AUDIT_FORMAT_ONNX, bytes, n);
}
