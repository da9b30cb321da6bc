#include "core/status.h"

#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

/* One row a code; the exit codes follow sysexits.h where it has one. */
static const struct {
    const char *name;
    enum mer_category category;
    int exit_code;
} code_table[MER_CODE_COUNT] = {
    [MER_OK] = {"ok", MER_CATEGORY_NONE, 0},
    [MER_ERR_USAGE] = {"usage", MER_CATEGORY_USAGE, 64},
    [MER_ERR_DATA] = {"data", MER_CATEGORY_INPUT, 65},
    [MER_ERR_NO_INPUT] = {"no_input", MER_CATEGORY_INPUT, 66},
    [MER_ERR_ABSENT] = {"absent", MER_CATEGORY_RESOURCE, 69},
    [MER_ERR_INTERNAL] = {"internal", MER_CATEGORY_INTERNAL, 70},
    [MER_ERR_EXISTS] = {"exists", MER_CATEGORY_IO, 73},
    [MER_ERR_IO] = {"io", MER_CATEGORY_IO, 74},
    [MER_ERR_BUDGET] = {"budget", MER_CATEGORY_RESOURCE, 75},
    [MER_ERR_MEMORY] = {"memory", MER_CATEGORY_RESOURCE, 75},
    [MER_ERR_TRUST] = {"trust", MER_CATEGORY_TRUST, 77},
    [MER_ERR_CANCELLED] = {"cancelled", MER_CATEGORY_CANCELLED, 130},
};

static enum mer_code known(enum mer_code code)
{
    return (unsigned)code < MER_CODE_COUNT ? code : MER_ERR_INTERNAL;
}

const char *mer_code_name(enum mer_code code)
{
    return code_table[known(code)].name;
}

enum mer_category mer_code_category(enum mer_code code)
{
    return code_table[known(code)].category;
}

int mer_code_exit(enum mer_code code)
{
    return code_table[known(code)].exit_code;
}

void mer_err_clear(mer_err *err)
{
    if (err)
        *err = (mer_err){.code = MER_OK};
}

mer_status mer_fail(mer_err *err, enum mer_code code, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        err->code = code;
        err->hint[0] = '\0';
        (void)vsnprintf(err->message, sizeof err->message, format, arguments);
        va_end(arguments);
    }
    return (mer_status){code};
}

mer_status mer_hint(mer_err *err, mer_status status, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(err->hint, sizeof err->hint, format, arguments);
        va_end(arguments);
    }
    return status;
}

mer_status mer_prefix(mer_err *err, mer_status status, const char *format, ...)
{
    if (err) {
        char joined[MER_ERR_TEXT_MAX];
        va_list arguments;
        va_start(arguments, format);
        const int n = vsnprintf(joined, sizeof joined, format, arguments);
        va_end(arguments);
        if (n >= 0 && (size_t)n < sizeof joined) {
            (void)snprintf(joined + n, sizeof joined - (size_t)n, ": %s", err->message);
            memcpy(err->message, joined, sizeof joined);
        }
    }
    return status;
}

struct mer_quoted mer_quote_n(const char *bytes, size_t n)
{
    enum { SHOWN_MAX = 120 };
    static const char hex[] = "0123456789abcdef";
    const unsigned char *s = (const unsigned char *)bytes;
    struct mer_quoted quoted;
    char *out = quoted.text;
    size_t i = 0;
    *out++ = '\'';
    while (i < n && (size_t)(out - quoted.text) < SHOWN_MAX) {
        const size_t length = mer_utf8_length(s + i, n - i);
        if (length == 0 || !mer_utf8_printable(s + i, length)) {
            const size_t escaped = length == 0 ? 1 : length;
            for (size_t k = 0; k < escaped; k++) {
                *out++ = '\\';
                *out++ = 'x';
                *out++ = hex[s[i + k] >> 4];
                *out++ = hex[s[i + k] & 15];
            }
            i += escaped;
            continue;
        }
        if (s[i] == '\'' || s[i] == '\\')
            *out++ = '\\';
        memcpy(out, s + i, length);
        out += length;
        i += length;
    }
    if (i < n) {
        memcpy(out, "...", 3);
        out += 3;
    }
    *out++ = '\'';
    *out = '\0';
    return quoted;
}

struct mer_quoted mer_quote(const char *text)
{
    return text ? mer_quote_n(text, strlen(text)) : mer_quote_n("", 0);
}
