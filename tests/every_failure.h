/* Runs a scenario again and again, and lets its first, second, third ... allocation fail, until one
 * run needs no more: each run must give everything back, and fail if and only if one failed. */
#ifndef MER_TESTS_EVERY_FAILURE_H
#define MER_TESTS_EVERY_FAILURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/alloc.h"

typedef mer_status mer_scenario(struct mer_alloc *alloc, mer_err *err);

static inline void mer_test_every_failure(mer_scenario *scenario)
{
    uint64_t n_failed = 0;
    for (uint64_t n = 1;; n++) {
        struct mer_alloc alloc;
        mer_err err = {.code = MER_OK};
        mer_alloc_init(&alloc, SIZE_MAX);
        alloc.fail_at = n;
        const mer_status status = scenario(&alloc, &err);
        assert_int_equal(alloc.used, 0);
        if (alloc.requests < n) {
            assert_int_equal(status.code, MER_OK);
            break;
        }
        assert_int_equal(status.code, MER_ERR_MEMORY);
        assert_int_equal(err.code, MER_ERR_MEMORY);
        assert_true(err.message[0] != '\0');
        n_failed++;
    }
    assert_true(n_failed > 0);
}

#endif
