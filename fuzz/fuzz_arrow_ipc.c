/* Arrow IPC files: whatever is read is a table image that opens. */
#include "table_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    return fuzz_table("arrow", bytes, n);
}
