#include "os/system_error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

mer_status mer_fail_system(mer_err *err, enum mer_code code, int error, const char *format, ...)
{
    char text[MER_ERR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *reason = strerrordesc_np(error);
    const mer_status status =
        mer_fail(err, code, "%s: %s", text, reason ? reason : "unknown system error");
    if (is_full(error))
        return mer_hint(err, status, "free some space there, or choose another place");
    return status;
}

mer_status mer_fail_input(mer_err *err, int error, const char *path)
{
    const struct mer_quoted quoted = mer_quote(path);
    if (error == ENOENT || error == ENOTDIR)
        return mer_fail(err, MER_ERR_NO_INPUT, "%s does not exist", quoted.text);
    if (error == EACCES || error == EPERM)
        return mer_fail(err, MER_ERR_NO_INPUT, "no permission to read %s", quoted.text);
    return mer_fail_system(err, MER_ERR_NO_INPUT, error, "%s cannot be opened", quoted.text);
}
