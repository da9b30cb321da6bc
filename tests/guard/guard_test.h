/* What the tests of guard share: an allocator that must end empty, a folder of their own that
 * vanishes with the test, small files, a key. */
#ifndef MER_TESTS_GUARD_GUARD_TEST_H
#define MER_TESTS_GUARD_GUARD_TEST_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/alloc.h"
#include "guard/sign.h"
#include "guard/trusted_keys.h"
#include "guard/verify.h"

static struct mer_alloc alloc;
static char folder[64];

static inline void assert_ok(mer_status status, const mer_err *err)
{
    if (status.code != MER_OK)
        fail_msg("%s: %s", mer_code_name(status.code), err->message);
}

/* Refused with that code and these words. */
static inline void assert_refused(mer_status status, enum mer_code code, const mer_err *err,
                                  const char *words)
{
    if (status.code != code || !strstr(err->message, words))
        fail_msg("%s: %s, not %s: ...%s...", mer_code_name(status.code),
                 status.code == MER_OK ? "accepted" : err->message, mer_code_name(code), words);
}

/* A path below the test's folder; the thread's last four stay valid. */
static inline const char *in_folder(const char *name)
{
    static _Thread_local char paths[4][512];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void write_file(const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static inline void make_folder(const char *name)
{
    assert_int_equal(mkdir(in_folder(name), 0700), 0);
}

static inline int remove_entry(const char *path, const struct stat *info, int kind,
                               struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

static inline int set_up(void **state)
{
    const char *parent = getenv("TMPDIR");
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    snprintf(folder, sizeof folder, "%s/merlon-test-XXXXXX",
             parent && strlen(parent) < 40 ? parent : "/tmp");
    return mkdtemp(folder) ? 0 : 1;
}

static inline int tear_down(void **state)
{
    (void)state;
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(atomic_load(&alloc.used), 0);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A signer in key mode that borrows the key; valid until the thread's next. */
static inline const struct mer_guard_signer *signer_of(const struct mer_signing_key *key)
{
    static _Thread_local struct mer_guard_signer signer;
    signer = (struct mer_guard_signer){.key = *key};
    return &signer;
}

/* A fresh key and the set that trusts it under the name "tester". */
static inline void make_trusted_key(struct mer_signing_key *key, struct mer_trusted_keys *trusted)
{
    struct mer_public_key public_key;
    struct mer_buf pem;
    mer_err err;
    assert_ok(mer_signing_key_generate(key, &err), &err);
    mer_buf_init(&pem, &alloc, MER_KEY_PEM_MAX);
    assert_ok(mer_public_key_write(&key->public_key, &pem, &err), &err);
    assert_ok(mer_public_key_parse(pem.bytes, pem.n, "key", &public_key, &err), &err);
    mer_buf_release(&pem);
    mer_trusted_keys_init(trusted, &alloc);
    assert_ok(mer_trusted_keys_add(trusted, "tester", &public_key, false, &err), &err);
}

#endif
