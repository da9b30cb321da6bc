/* ZIP and tar archives, NumPy's files and compressed ones. */
#include "audit_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const struct {
        mer_audit_reader *read;
        unsigned format;
    } readers[] = {
        {mer_audit_zip, MER_AUDIT_FORMAT_ZIP},
        {mer_audit_torch, MER_AUDIT_FORMAT_TORCH},
        {mer_audit_numpy, MER_AUDIT_FORMAT_NUMPY},
        {mer_audit_torch_tar, MER_AUDIT_FORMAT_TORCH_TAR},
        {mer_audit_tar, MER_AUDIT_FORMAT_TAR},
        {mer_audit_compressed, MER_AUDIT_FORMAT_COMPRESSED},
    };
    if (n == 0 || n > 1 << 16)
        return 0;
    const size_t which = bytes[0] % (sizeof readers / sizeof readers[0]);
    return fuzz_audit(readers[which].read, readers[which].format, bytes + 1, n - 1);
}
