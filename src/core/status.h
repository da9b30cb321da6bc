/* Inside the library: raising, passing on and cleaning up after errors.
 *
 *     MER_GUARD(mer_frame_read(ctx, ...));             passes a failure on
 *     return mer_fail(err, MER_ERR_DATA, "...", ...);   raises one
 *
 * Nothing here prints or exits.
 */
#ifndef MER_CORE_STATUS_H
#define MER_CORE_STATUS_H

#include "merlon/status.h"

static inline mer_status mer_ok(void)
{
    return (mer_status){MER_OK};
}

static inline bool mer_is_ok(mer_status status)
{
    return status.code == MER_OK;
}

/* Passes a failure on to the caller. */
#define MER_GUARD(expression)                                                                      \
    do {                                                                                           \
        const mer_status mer_guard_status_ = (expression);                                         \
        if (mer_guard_status_.code != MER_OK)                                                      \
            return mer_guard_status_;                                                              \
    } while (0)

/* The same where there is something to clean up: `status` is the function's own variable. */
#define MER_GUARD_GOTO(expression, label)                                                          \
    do {                                                                                           \
        status = (expression);                                                                     \
        if (status.code != MER_OK)                                                                 \
            goto label;                                                                            \
    } while (0)

/* Runs `function(&variable)` when the variable's scope ends, in whichever way. */
#define MER_CLEANUP(function) __attribute__((cleanup(function)))

/* Fills err (NULL allowed) and returns the code as a status. The text is one sentence without a
 * final full stop; outside text in it must have gone through mer_quote(). */
MER_MUST_CHECK mer_status mer_fail(mer_err *err, enum mer_code code, const char *format, ...)
    MER_PRINTF(3, 4);

/* Adds what to do next to an error raised before; returns err's code, so that
 * `(void)mer_fail(...); return mer_hint(err, code, "...")` reads in one go. */
MER_MUST_CHECK mer_status mer_hint(mer_err *err, mer_status status, const char *format, ...)
    MER_PRINTF(3, 4);

/* Puts "prefix: " in front of a message raised below, to say where it happened. */
MER_MUST_CHECK mer_status mer_prefix(mer_err *err, mer_status status, const char *format, ...)
    MER_PRINTF(3, 4);

/* Empties err (NULL allowed). */
void mer_err_clear(mer_err *err);

/* Outside text (a path, a column name, an option) made safe for messages: quoted, control
 * characters, invalid UTF-8 and bidirectional overrides as \xNN, at most 120 bytes with "..." after
 * a cut. The result lives in the caller's struct: mer_quote(path).text */
struct mer_quoted {
    char text[160];
};
struct mer_quoted mer_quote(const char *text);
struct mer_quoted mer_quote_n(const char *bytes, size_t n);

#endif
