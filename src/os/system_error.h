/* Errors of the operating system as statuses. */
#ifndef MER_OS_SYSTEM_ERROR_H
#define MER_OS_SYSTEM_ERROR_H

#include "core/status.h"

/* "TEXT: REASON" with the system's constant English words for errno value `error`. A full disk says
 * what to do next. */
MER_MUST_CHECK mer_status mer_fail_system(mer_err *err, enum mer_code code, int error,
                                          const char *format, ...) MER_PRINTF(4, 5);

/* For an input that could not be opened: MER_ERR_NO_INPUT, with missing, no permission and others
 * told apart. */
MER_MUST_CHECK mer_status mer_fail_input(mer_err *err, int error, const char *path);

#endif
