#include "audit/audit_format.h"

static const struct {
    const char *name;
    const char *title;
    const char *loader;
} formats[] = {
#define FORMAT_ROW(constant, name, title, loader) {name, title, loader},
    MER_AUDIT_FORMATS(FORMAT_ROW)
#undef FORMAT_ROW
        {"unknown", "unknown format", "unknown"},
};

static unsigned known(unsigned format)
{
    return format < MER_AUDIT_N_FORMATS ? format : MER_AUDIT_N_FORMATS;
}

const char *mer_audit_format_name(unsigned format)
{
    return formats[known(format)].name;
}

const char *mer_audit_format_title(unsigned format)
{
    return formats[known(format)].title;
}

const char *mer_audit_format_loader(unsigned format)
{
    return formats[known(format)].loader;
}
