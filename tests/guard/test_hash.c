/* Digests: the values of FIPS 180-2 and RFC 7693, in one piece and in many. */
#include "guard/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char ABC_SHA256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char ABC_BLAKE2B[] =
    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923";
static const char EMPTY_SHA256[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char MILLION_SHA256[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void assert_digest(enum mer_hash_kind kind, const void *bytes, size_t n,
                          const char *expected)
{
    struct mer_digest digest;
    char hex[MER_HASH_HEX_MAX];
    assert_int_equal(mer_hash_bytes(kind, bytes, n, &digest, NULL).code, MER_OK);
    assert_int_equal(digest.n, mer_hash_size(kind));
    mer_hash_hex(digest.bytes, digest.n, hex);
    assert_string_equal(hex, expected);
}

static void published_values_hold(void **state)
{
    char *million = malloc(1000000);
    (void)state;
    assert_non_null(million);
    memset(million, 'a', 1000000);
    assert_digest(MER_HASH_SHA256, "abc", 3, ABC_SHA256);
    assert_digest(MER_HASH_SHA256, "", 0, EMPTY_SHA256);
    assert_digest(MER_HASH_SHA256, million, 1000000, MILLION_SHA256);
    assert_digest(MER_HASH_BLAKE2B, "abc", 3, ABC_BLAKE2B);
    free(million);
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
    struct mer_hash hash;
    struct mer_digest whole, pieces;
    unsigned char bytes[1000];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(mer_hash_bytes(MER_HASH_SHA256, bytes, sizeof bytes, &whole, NULL).code,
                     MER_OK);
    assert_int_equal(mer_hash_init(&hash, MER_HASH_SHA256, NULL).code, MER_OK);
    for (size_t at = 0; at < sizeof bytes; at += 125)
        assert_int_equal(mer_hash_update(&hash, bytes + at, 125, NULL).code, MER_OK);
    assert_int_equal(mer_hash_final(&hash, &pieces, NULL).code, MER_OK);
    assert_true(mer_digest_equal(&whole, &pieces));
    pieces.bytes[31] ^= 1;
    assert_false(mer_digest_equal(&whole, &pieces));
}

static void only_lower_case_hex_of_the_right_length_is_read(void **state)
{
    unsigned char bytes[2] = {0};
    (void)state;
    assert_true(mer_hash_unhex("09af", 2, bytes));
    assert_int_equal(bytes[0], 0x09);
    assert_int_equal(bytes[1], 0xaf);
    assert_false(mer_hash_unhex("09aF", 2, bytes));
    assert_false(mer_hash_unhex("09a", 2, bytes));
    assert_false(mer_hash_unhex("09af0", 2, bytes));
    assert_false(mer_hash_unhex("09ag", 2, bytes));
    assert_false(mer_hash_unhex("", 2, bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values_hold),
        cmocka_unit_test(pieces_give_the_digest_of_the_whole),
        cmocka_unit_test(only_lower_case_hex_of_the_right_length_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
