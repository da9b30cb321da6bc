/* Bech32: the vectors of BIP 173, every single mistake, both cases. */
#include "guard/bech32.h"

#include "guard/guard_test.h"

static const char IDENTITY[] =
    "AGE-SECRET-KEY-1WDX5YPA0XAMN606HDFJ0LN7JRH698UH6D2NX46TS3PRHD3QRNMHQ9DTNMY";

static bool decode_key(const char *text, unsigned char bytes[32])
{
    return mer_bech32_decode(text, strlen(text), "age-secret-key-", bytes, 32);
}

static void what_is_encoded_is_decoded(void **state)
{
    unsigned char bytes[40], again[40];
    char text[MER_BECH32_SIZE(3, sizeof bytes)];
    (void)state;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = (unsigned char)(i * 37 + n);
        mer_bech32_encode("age", bytes, n, text);
        assert_int_equal(strlen(text) + 1, MER_BECH32_SIZE(3, n));
        assert_true(mer_bech32_decode(text, strlen(text), "age", again, n));
        assert_memory_equal(again, bytes, n);
        assert_false(mer_bech32_decode(text, strlen(text), "agf", again, n));
        assert_false(mer_bech32_decode(text, strlen(text) - 1, "age", again, n));
    }
}

static void texts_of_the_specification_are_read_and_written(void **state)
{
    static const struct {
        const char *prefix;
        const char *text;
        size_t n;
        unsigned char first;
    } cases[] = {
        {"a", "a12uel5l", 0, 0},
        {"abcdef", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", 20, 0x00},
        {"split", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", 30, 0xc5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[32] = {0};
        char text[100];
        assert_true(mer_bech32_decode(cases[i].text, strlen(cases[i].text), cases[i].prefix, bytes,
                                      cases[i].n));
        assert_int_equal(bytes[0], cases[i].first);
        mer_bech32_encode(cases[i].prefix, bytes, cases[i].n, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void every_single_wrong_character_is_refused(void **state)
{
    unsigned char bytes[32];
    char text[sizeof IDENTITY];
    (void)state;
    assert_true(decode_key(IDENTITY, bytes));
    for (size_t i = 0; i < sizeof IDENTITY - 1; i++) {
        for (int c = 1; c < 256; c++) {
            memcpy(text, IDENTITY, sizeof text);
            if (text[i] == (char)c)
                continue;
            text[i] = (char)c;
            assert_false(decode_key(text, bytes));
        }
    }
}

static void two_characters_in_each_others_place_are_refused(void **state)
{
    unsigned char bytes[32];
    char text[sizeof IDENTITY];
    (void)state;
    for (size_t i = 0; i + 2 < sizeof IDENTITY; i++) {
        memcpy(text, IDENTITY, sizeof text);
        text[i] = IDENTITY[i + 1];
        text[i + 1] = IDENTITY[i];
        if (text[i] != text[i + 1])
            assert_false(decode_key(text, bytes));
    }
}

static void one_case_is_read_and_a_mixture_is_not(void **state)
{
    unsigned char upper[32], lower[32];
    char text[sizeof IDENTITY];
    (void)state;
    for (size_t i = 0; i < sizeof IDENTITY; i++)
        text[i] = IDENTITY[i] >= 'A' && IDENTITY[i] <= 'Z' ? (char)(IDENTITY[i] + 32) : IDENTITY[i];
    assert_true(decode_key(IDENTITY, upper));
    assert_true(decode_key(text, lower));
    assert_memory_equal(upper, lower, sizeof upper);
    text[sizeof IDENTITY - 2] = 'M';
    assert_false(decode_key(text, lower));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_encoded_is_decoded),
        TEST(texts_of_the_specification_are_read_and_written),
        TEST(every_single_wrong_character_is_refused),
        TEST(two_characters_in_each_others_place_are_refused),
        TEST(one_case_is_read_and_a_mixture_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
