/* Any bytes: recognised, read, and told of in a report that is sound. Bytes that are taken for a
 * report are refused or can be shown. */
#include <string.h>

#include "audit_bytes.h"

static mer_status read_any(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    return mer_audit_content(audit, file, NULL, err);
}

static void take_for_report(const uint8_t *bytes, size_t n)
{
    static struct mer_audit_report report;
    size_t n_shown = 0;
    if (n > sizeof report)
        return;
    memset(&report, 0, sizeof report);
    memcpy(&report, bytes, n);
    if (!mer_audit_report_is_sound(&report, n))
        return;
    for (size_t i = 0; i < report.n_findings; i++)
        n_shown += strlen(report.findings[i].detail) + strlen(report.findings[i].where) +
                   strlen(mer_audit_kind_what((enum mer_audit_kind)report.findings[i].kind));
    if (mer_audit_worst(&report) > MER_AUDIT_HARM || (report.n_findings > 0 && n_shown == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n > 1 << 16)
        return 0;
    take_for_report(bytes, n);
    return fuzz_audit(read_any, MER_AUDIT_N_FORMATS, bytes, n);
}
