#include "audit/audit_report.h"

#include <assert.h>
#include <string.h>

#include "audit/audit_format.h"
#include "core/utf8.h"

static const struct {
    const char *name;
    const char *what;
    enum mer_audit_level level;
} kinds[] = {
#define KIND_ROW(constant, name, level, what) {name, what, MER_AUDIT_##level},
    MER_AUDIT_KINDS(KIND_ROW)
#undef KIND_ROW
};
static_assert(sizeof kinds / sizeof kinds[0] == MER_AUDIT_KIND_COUNT, "one row a kind");
static_assert(sizeof(struct mer_audit_finding) == 16 + MER_AUDIT_WHERE_MAX + MER_AUDIT_DETAIL_MAX,
              "no byte without a name travels");

const char *mer_audit_kind_name(enum mer_audit_kind kind)
{
    return (unsigned)kind < MER_AUDIT_KIND_COUNT ? kinds[kind].name : NULL;
}

const char *mer_audit_kind_what(enum mer_audit_kind kind)
{
    return (unsigned)kind < MER_AUDIT_KIND_COUNT ? kinds[kind].what : NULL;
}

enum mer_audit_level mer_audit_kind_level(enum mer_audit_kind kind)
{
    return (unsigned)kind < MER_AUDIT_KIND_COUNT ? kinds[kind].level : MER_AUDIT_HARM;
}

enum mer_audit_level mer_audit_worst(const struct mer_audit_report *report)
{
    enum mer_audit_level worst = MER_AUDIT_NOTE;
    for (int level = MER_AUDIT_NOTE; level <= MER_AUDIT_HARM; level++)
        if (report->n_left_out[level] > 0)
            worst = (enum mer_audit_level)level;
    for (size_t i = 0; i < report->n_findings; i++) {
        const enum mer_audit_level level =
            mer_audit_kind_level((enum mer_audit_kind)report->findings[i].kind);
        if (level > worst)
            worst = level;
    }
    return worst;
}

size_t mer_audit_report_size(const struct mer_audit_report *report)
{
    return offsetof(struct mer_audit_report, findings) +
           report->n_findings * sizeof report->findings[0];
}

/* One line of valid, printable UTF-8 that ends inside its field. */
static bool is_text(const char *field, size_t size)
{
    const size_t n = strnlen(field, size);
    if (n == size)
        return false;
    for (size_t i = 0; i < n;) {
        const size_t length = mer_utf8_length((const unsigned char *)field + i, n - i);
        if (length == 0 || !mer_utf8_printable((const unsigned char *)field + i, length))
            return false;
        i += length;
    }
    return true;
}

void mer_audit_clean_text(char *text)
{
    const size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        const size_t length = mer_utf8_length((const unsigned char *)text + i, n - i);
        const bool shown =
            length > 0 && mer_utf8_printable((const unsigned char *)text + i, length);
        if (!shown)
            text[i] = '?';
        i += shown ? length : 1;
    }
}

bool mer_audit_report_is_sound(const struct mer_audit_report *report, size_t n)
{
    if (n < offsetof(struct mer_audit_report, findings) ||
        report->n_findings > MER_AUDIT_FINDINGS_MAX || mer_audit_report_size(report) != n ||
        report->format > MER_AUDIT_N_FORMATS)
        return false;
    for (size_t i = 0; i < report->n_findings; i++) {
        const struct mer_audit_finding *const finding = &report->findings[i];
        if (finding->kind >= MER_AUDIT_KIND_COUNT || finding->count == 0 ||
            !is_text(finding->where, sizeof finding->where) ||
            !is_text(finding->detail, sizeof finding->detail))
            return false;
    }
    return true;
}
