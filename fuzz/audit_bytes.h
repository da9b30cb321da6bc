/* What the fuzz targets of the audit's readers share: any bytes give a report that is sound, leave
 * no memory behind, and take time and memory in proportion. */
#ifndef MER_FUZZ_AUDIT_BYTES_H
#define MER_FUZZ_AUDIT_BYTES_H

#include <stdlib.h>

#include "audit/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { FUZZ_MEMORY = 64 << 20, FUZZ_STEPS = 2000000 };

static inline int fuzz_audit(mer_audit_reader *read, unsigned format, const uint8_t *bytes,
                             size_t n)
{
    static struct mer_audit_report report;
    struct mer_alloc alloc;
    mer_err err = {.code = MER_OK};
    const struct mer_ctx ctx = {.alloc = &alloc};
    mer_alloc_init(&alloc, FUZZ_MEMORY);
    report = (struct mer_audit_report){.format = format};
    struct mer_audit audit = {
        .ctx = &ctx, .report = &report, .steps_left = FUZZ_STEPS, .inflate_left = FUZZ_MEMORY};
    const mer_status status = read(&audit, (struct mer_audit_bytes){bytes, n, n}, &err);
    if (!mer_is_ok(status) && status.code != MER_ERR_MEMORY)
        abort();
    if (alloc.used != 0 || audit.depth != 0 || audit.where[0] != '\0' ||
        !mer_audit_report_is_sound(&report, mer_audit_report_size(&report)))
        abort();
    return 0;
}

#endif
