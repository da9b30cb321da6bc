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

/* Formats through a buffer of its own, so that the arguments may be parts of the error itself, and
 * cuts what is too long between two characters, so that valid UTF-8 stays valid. */
static void format_text(char ret_text[MER_ERR_TEXT_MAX], const char *format, va_list arguments)
{
    char text[MER_ERR_TEXT_MAX];
    const int n = vsnprintf(text, sizeof text, format, arguments);
    if (n < 0) {
        ret_text[0] = '\0';
        return;
    }
    size_t end = (size_t)n;
    if (end >= sizeof text) {
        end = sizeof text - 1;
        size_t first = end; /* of the last character */
        while (first > 0 && end - first < 4 && ((unsigned char)text[first - 1] & 0xc0) == 0x80)
            first--;
        if (first > 0 && (unsigned char)text[first - 1] >= 0xc0)
            first--;
        if (first < end && mer_utf8_length((const unsigned char *)text + first, end - first) == 0)
            end = first;
    }
    text[end] = '\0';
    memcpy(ret_text, text, end + 1);
}

mer_status mer_fail(mer_err *err, enum mer_code code, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        format_text(err->message, format, arguments);
        va_end(arguments);
        err->code = code;
        err->hint[0] = '\0';
    }
    return (mer_status){code};
}

mer_status mer_hint(mer_err *err, mer_status status, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        format_text(err->hint, format, arguments);
        va_end(arguments);
    }
    return status;
}

/* The message itself as an argument of a format. */
static void join(mer_err *err, const char *format, ...) MER_PRINTF(2, 3);
static void join(mer_err *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_text(err->message, format, arguments);
    va_end(arguments);
}

mer_status mer_prefix(mer_err *err, mer_status status, const char *format, ...)
{
    if (err) {
        char prefix[MER_ERR_TEXT_MAX];
        va_list arguments;
        va_start(arguments, format);
        format_text(prefix, format, arguments);
        va_end(arguments);
        join(err, "%s: %s", prefix, err->message);
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
