/* Status codes and the error object: what every fallible function of Merlon returns and fills.
 *
 * A function that can fail returns `mer_status`, a struct of one field, so that it cannot be taken
 * for a boolean or a count, and a forgotten check is a compiler warning. Its outputs (`ret_*`) are
 * untouched on failure. The last argument is `mer_err *err`, owned by the caller, NULL allowed.
 */
#ifndef MERLON_STATUS_H
#define MERLON_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MER_API __attribute__((visibility("default")))
#define MER_MUST_CHECK __attribute__((warn_unused_result))
#define MER_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/* What went wrong. Each code has a category, and the exit code of the program follows from it. */
enum mer_code {
    MER_OK = 0,
    MER_ERR_USAGE,     /* an argument, option or parameter is wrong: exit 64 */
    MER_ERR_DATA,      /* input was read but is not what it should be: exit 65 */
    MER_ERR_NO_INPUT,  /* input is missing or unreadable: exit 66 */
    MER_ERR_ABSENT,    /* a needed facility is absent on this machine: exit 69 */
    MER_ERR_INTERNAL,  /* a defect in Merlon: exit 70 */
    MER_ERR_EXISTS,    /* an output exists or cannot be made: exit 73 */
    MER_ERR_IO,        /* reading or writing failed, disk full: exit 74 */
    MER_ERR_BUDGET,    /* time or work budget used up before there was a result: exit 75 */
    MER_ERR_MEMORY,    /* byte budget or memory used up: exit 75 */
    MER_ERR_TRUST,     /* refused: unknown signer, broken signature, loose permissions: exit 77 */
    MER_ERR_CANCELLED, /* stopped on request: exit 130 (SIGINT) or 143 (SIGTERM) */
    MER_CODE_COUNT
};

enum mer_category {
    MER_CATEGORY_NONE,
    MER_CATEGORY_USAGE,
    MER_CATEGORY_INPUT,
    MER_CATEGORY_IO,
    MER_CATEGORY_TRUST,
    MER_CATEGORY_RESOURCE,
    MER_CATEGORY_CANCELLED,
    MER_CATEGORY_INTERNAL
};

typedef struct mer_status {
    enum mer_code code;
} mer_status;

#define MER_ERR_TEXT_MAX 600

/* One sentence of what happened and where, and one of what to do next (may be empty). Neither ever
 * holds a record's contents; control characters from outside are escaped before they enter. */
typedef struct mer_err {
    enum mer_code code;
    char message[MER_ERR_TEXT_MAX];
    char hint[MER_ERR_TEXT_MAX];
} mer_err;

/* The short name ("data"), the category and the exit code of a code. Never fail. */
MER_API const char *mer_code_name(enum mer_code code);
MER_API enum mer_category mer_code_category(enum mer_code code);
MER_API int mer_code_exit(enum mer_code code);

#ifdef __cplusplus
}
#endif
#endif
