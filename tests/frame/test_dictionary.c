/* Distinct texts, numbered in order of appearance, whatever they are. */
#include "frame/dictionary.h"

#include "reading.h"

static void siphash_matches_known_answers(void **state)
{
    (void)state;
    /* CPython 3.11 hashes bytes with SipHash-1-3; PYTHONHASHSEED=0 makes the key zero. */
    static const struct {
        const char *text;
        uint64_t hash;
    } known[] = {
        {"a", UINT64_C(0x407448d2b89b1813)},
        {"abc", UINT64_C(0xc03bc3a0042630f2)},
        {"0123456", UINT64_C(0x810aaf7acf670379)},
        {"01234567", UINT64_C(0xda3dcedf84ea6cc6)},
        {"012345678", UINT64_C(0xb79d8581f8552753)},
        {"The quick brown fox jumps over the lazy dog", UINT64_C(0x8df676d3d00c451e)},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_true(mer_siphash13(0, 0, known[i].text, strlen(known[i].text)) == known[i].hash);
}

static void codes_count_up_and_texts_are_found_again(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct mer_alloc alloc;
    struct mer_dictionary dictionary;
    char text[32];
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_dictionary_init(&dictionary, &alloc);
    assert_int_equal(mer_dictionary_find(&dictionary, "x", 1), -1);
    for (int round = 0; round < 2; round++) {
        for (int32_t i = 0; i < N; i++) {
            int32_t code;
            const int n = snprintf(text, sizeof text, "%x", (unsigned)i * 2654435761u);
            assert_int_equal(mer_dictionary_add(&dictionary, text, (size_t)n, &code, NULL).code,
                             MER_OK);
            assert_int_equal(code, i);
        }
    }
    assert_int_equal(dictionary.n, N);
    assert_int_equal(dictionary.n_rekeyed, 0);
    assert_int_equal(mer_dictionary_find(&dictionary, "0", 1), 0);
    assert_int_equal(mer_dictionary_find(&dictionary, "xyz", 3), -1);
    mer_dictionary_release(&dictionary);
    assert_int_equal(atomic_load(&alloc.used), 0);
}

static void the_empty_text_and_prefixes_are_texts_of_their_own(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "aa", "aaaaaaaa", "aaaaaaaaa", "a\xc3\xa4"};
    struct mer_alloc alloc;
    struct mer_dictionary dictionary;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_dictionary_init(&dictionary, &alloc);
    for (int32_t i = 0; i < 6; i++) {
        int32_t code;
        assert_int_equal(
            mer_dictionary_add(&dictionary, texts[i], strlen(texts[i]), &code, NULL).code, MER_OK);
        assert_int_equal(code, i);
    }
    for (int32_t i = 0; i < 6; i++)
        assert_int_equal(mer_dictionary_find(&dictionary, texts[i], strlen(texts[i])), i);
    mer_dictionary_release(&dictionary);
}

/* Texts that all fall into the same slot under the first key, as an attacker would send them. */
static void crafted_collisions_change_the_key(void **state)
{
    (void)state;
    enum { N = 400, SAME_BITS = 4095 };
    struct mer_alloc alloc;
    struct mer_dictionary dictionary;
    char text[24];
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_dictionary_init(&dictionary, &alloc);
    const uint64_t key = dictionary.key;
    char found[N][sizeof text];
    size_t n_found = 0;
    for (unsigned i = 0; n_found < N; i++) {
        const int n = snprintf(text, sizeof text, "text-%u", i);
        if ((mer_siphash13(key, ~key, text, (size_t)n) & SAME_BITS) == 0)
            memcpy(found[n_found++], text, sizeof text);
    }
    for (int32_t i = 0; i < N; i++) {
        int32_t code;
        assert_int_equal(
            mer_dictionary_add(&dictionary, found[i], strlen(found[i]), &code, NULL).code, MER_OK);
        assert_int_equal(code, i);
    }
    assert_int_equal(dictionary.n_rekeyed, 1);
    assert_true(dictionary.key != key);
    for (int32_t i = 0; i < N; i++)
        assert_int_equal(mer_dictionary_find(&dictionary, found[i], strlen(found[i])), i);
    mer_dictionary_release(&dictionary);
    assert_int_equal(atomic_load(&alloc.used), 0);
}

static void a_failed_allocation_leaves_it_usable(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_dictionary dictionary;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_dictionary_init(&dictionary, &alloc);
    size_t n_failures = 0;
    for (unsigned i = 0; i < 1000; i++) {
        char text[16];
        int32_t code;
        const int n = snprintf(text, sizeof text, "%u", i);
        alloc.fail_at = atomic_load(&alloc.requests) + 1;
        if (mer_dictionary_add(&dictionary, text, (size_t)n, &code, NULL).code != MER_OK) {
            n_failures++;
            alloc.fail_at = 0;
            assert_int_equal(mer_dictionary_find(&dictionary, text, (size_t)n), -1);
            assert_int_equal(mer_dictionary_add(&dictionary, text, (size_t)n, &code, NULL).code,
                             MER_OK);
        }
        assert_int_equal(code, i);
    }
    assert_true(n_failures > 10);
    mer_dictionary_release(&dictionary);
    assert_int_equal(atomic_load(&alloc.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_matches_known_answers),
        cmocka_unit_test(codes_count_up_and_texts_are_found_again),
        cmocka_unit_test(the_empty_text_and_prefixes_are_texts_of_their_own),
        cmocka_unit_test(crafted_collisions_change_the_key),
        cmocka_unit_test(a_failed_allocation_leaves_it_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
