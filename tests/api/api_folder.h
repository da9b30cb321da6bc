/* What tests of the API share that work in a folder of their own: its paths, the last error. */
#ifndef MER_TESTS_API_API_FOLDER_H
#define MER_TESTS_API_API_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "merlon/merlon.h"

enum { PATH_BYTES = 128 };

static char folder[] = "/tmp/merlon-api-XXXXXX";
static mer_err err;

static inline void assert_ok(mer_status status)
{
    if (status.code != MER_OK)
        fail_msg("%s", err.message);
}

/* The last four stay valid. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][PATH_BYTES + 32];
    static unsigned next;
    char *const path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

#endif
