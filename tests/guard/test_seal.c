/* Sealed files: round trips of every length that matters, every bit flipped, every truncation,
 * chunks in other places, keys that do not fit, lack of memory. */
#include "guard/seal.h"

#include "every_failure.h"
#include "guard/seal_header.h"
#include "guard/seal_test.h"

enum { CHUNK = MER_SEAL_CHUNK_BYTES, SEALED_CHUNK = CHUNK + MER_AEAD_TAG_BYTES };

static unsigned char plain_bytes[4 * CHUNK + 100];

/* A new identity and bytes that are not all the same. */
static void make_identity(struct mer_identities *identities)
{
    mer_err err;
    assert_ok(mer_identities_init(identities, &err), &err);
    assert_ok(mer_identities_generate(identities, &err), &err);
    for (size_t i = 0; i < sizeof plain_bytes; i++)
        plain_bytes[i] = (unsigned char)(i * 31 + i / 251);
}

static struct mer_seal_to to_identity(const struct mer_identities *identities, bool armored)
{
    return (struct mer_seal_to){
        .recipients = identities->recipients, .n_recipients = identities->n, .armored = armored};
}

static void assert_opens(const struct mer_identities *identities, const struct mer_buf *sealed,
                         size_t n)
{
    struct mer_buf plain;
    mer_err err;
    mer_buf_init(&plain, &alloc, SIZE_MAX);
    assert_ok(open_with(identities, sealed->bytes, sealed->n, &plain, NULL, &err), &err);
    assert_int_equal(plain.n, n);
    if (n > 0)
        assert_memory_equal(plain.bytes, plain_bytes, n);
    mer_buf_release(&plain);
}

static void what_is_sealed_is_opened_whatever_its_length(void **state)
{
    static const size_t lengths[] = {0,
                                     1,
                                     47,
                                     48,
                                     49,
                                     CHUNK - 1,
                                     CHUNK,
                                     CHUNK + 1,
                                     2 * CHUNK,
                                     2 * CHUNK + 1,
                                     3 * CHUNK,
                                     4 * CHUNK,
                                     4 * CHUNK + 99};
    static const size_t pieces[] = {1000, CHUNK - 1, CHUNK, 5 * CHUNK};
    struct mer_identities identities;
    (void)state;
    make_identity(&identities);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t k = 0; k < 2 * sizeof pieces / sizeof *pieces; k++) {
            const struct mer_seal_to to = to_identity(&identities, k % 2);
            struct mer_buf sealed;
            mer_err err;
            mer_buf_init(&sealed, &alloc, SIZE_MAX);
            assert_ok(seal_to(&to, plain_bytes, lengths[i], pieces[k / 2], &sealed, &err), &err);
            assert_opens(&identities, &sealed, lengths[i]);
            mer_buf_release(&sealed);
        }
    }
    mer_identities_release(&identities);
}

static void each_of_several_recipients_opens_it_and_nobody_else(void **state)
{
    struct mer_identities all, one, other;
    struct mer_buf sealed, plain;
    enum mer_unseal_fault fault;
    mer_err err;
    (void)state;
    make_identity(&all);
    make_identity(&other);
    for (size_t i = 1; i < 3; i++)
        assert_ok(mer_identities_generate(&all, &err), &err);
    mer_buf_init(&sealed, &alloc, SIZE_MAX);
    mer_buf_init(&plain, &alloc, SIZE_MAX);
    const struct mer_seal_to to = to_identity(&all, false);
    assert_ok(seal_to(&to, plain_bytes, 1000, 1000, &sealed, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        struct mer_secret text;
        assert_ok(mer_secret_init(&text, 1000, &err), &err);
        mer_identities_write(&all, i, &text);
        assert_ok(mer_identities_init(&one, &err), &err);
        assert_ok(mer_identities_parse(&one, (char *)text.bytes, text.n, "it", &err), &err);
        assert_int_equal(one.n, 1);
        assert_opens(&one, &sealed, 1000);
        mer_identities_release(&one);
        mer_secret_release(&text);
    }
    assert_refused(open_with(&other, sealed.bytes, sealed.n, &plain, &fault, &err), MER_ERR_TRUST,
                   &err, "none of the keys");
    assert_int_equal(fault, MER_UNSEAL_NO_MATCH);
    assert_refused(open_with(NULL, sealed.bytes, sealed.n, &plain, &fault, &err), MER_ERR_TRUST,
                   &err, "none was given");
    assert_int_equal(plain.n, 0);
    mer_buf_release(&sealed);
    mer_identities_release(&all);
    mer_identities_release(&other);
}

static void a_passphrase_opens_it_and_no_other(void **state)
{
    struct mer_secret passphrase;
    struct mer_buf sealed, plain;
    mer_err err;
    (void)state;
    assert_ok(mer_secret_init(&passphrase, 100, &err), &err);
    memcpy(passphrase.bytes, "correct horse", passphrase.n = 13);
    mer_buf_init(&sealed, &alloc, SIZE_MAX);
    mer_buf_init(&plain, &alloc, SIZE_MAX);
    const struct mer_seal_to to = {.passphrase = &passphrase, .work = 4};
    char right[] = "correct horse", wrong[] = "correct horsf";
    struct mer_unseal_with with = {.ask = answer, .self = right};
    assert_ok(seal_to(&to, "model", 5, 5, &sealed, &err), &err);
    assert_ok(mer_unseal_bytes(&alloc, &with, sealed.bytes, sealed.n, into(&plain), NULL, &err),
              &err);
    assert_int_equal(plain.n, 5);
    assert_memory_equal(plain.bytes, "model", 5);
    with.self = wrong;
    assert_refused(
        mer_unseal_bytes(&alloc, &with, sealed.bytes, sealed.n, into(&plain), NULL, &err),
        MER_ERR_TRUST, &err, "that passphrase");
    with.ask = NULL;
    assert_refused(
        mer_unseal_bytes(&alloc, &with, sealed.bytes, sealed.n, into(&plain), NULL, &err),
        MER_ERR_TRUST, &err, "none was given");
    mer_buf_release(&plain);
    mer_buf_release(&sealed);
    mer_secret_release(&passphrase);
}

static void a_passphrase_may_not_ask_for_more_memory_than_the_budget_has(void **state)
{
    struct mer_secret passphrase;
    struct mer_buf sealed, plain;
    struct mer_alloc small;
    mer_err err;
    (void)state;
    assert_ok(mer_secret_init(&passphrase, 100, &err), &err);
    memcpy(passphrase.bytes, "word", passphrase.n = 4);
    mer_buf_init(&sealed, &alloc, SIZE_MAX);
    const struct mer_seal_to to = {.passphrase = &passphrase, .work = 14}; /* 16 MiB */
    char right[] = "word";
    const struct mer_unseal_with with = {.ask = answer, .self = right};
    assert_ok(seal_to(&to, "model", 5, 5, &sealed, &err), &err);
    mer_alloc_init(&small, 8 << 20);
    mer_buf_init(&plain, &small, SIZE_MAX);
    assert_int_equal(
        mer_unseal_bytes(&small, &with, sealed.bytes, sealed.n, into(&plain), NULL, &err).code,
        MER_ERR_MEMORY);
    assert_int_equal(small.used, 0);
    mer_buf_release(&sealed);
    mer_secret_release(&passphrase);
}

/* Refused, and nothing but whole chunks in their places has come out. */
static void assert_changed_is_refused(const struct mer_identities *identities, const void *bytes,
                                      size_t n, size_t what)
{
    static unsigned char came[4 * CHUNK + 100];
    struct mer_alloc own;
    struct mer_buf plain;
    mer_err err;
    mer_alloc_init(&own, SIZE_MAX);
    mer_buf_init(&plain, &own, sizeof came);
    const mer_status status = open_with(identities, bytes, n, &plain, NULL, &err);
    if (status.code != MER_ERR_TRUST && status.code != MER_ERR_DATA)
        fail_msg("%zu: %s", what, mer_is_ok(status) ? "accepted" : err.message);
    if (plain.n % CHUNK != 0 || (plain.n > 0 && memcmp(plain.bytes, plain_bytes, plain.n) != 0))
        fail_msg("%zu: %zu bytes came out", what, plain.n);
    mer_buf_release(&plain);
    assert_int_equal(own.used, 0);
}

/* Bits first, first + every, ...: all of them where there is time (MERLON_SEAL=full). */
static void flip_bits(const struct mer_identities *identities, struct mer_buf *sealed,
                      size_t n_whole, size_t every)
{
    const size_t n_bits = 8 * sealed->n;
    for (size_t bit = 0; bit < n_bits; bit += bit < 8 * n_whole ? 1 : every) {
        sealed->bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_changed_is_refused(identities, sealed->bytes, sealed->n, bit);
        sealed->bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

static void a_sealed_file_with_any_bit_flipped_is_refused(void **state)
{
    const char *const wanted = getenv("MERLON_SEAL");
    struct mer_identities identities;
    struct mer_buf sealed;
    mer_err err;
    (void)state;
    make_identity(&identities);
    mer_buf_init(&sealed, &alloc, SIZE_MAX);
    const struct mer_seal_to to = to_identity(&identities, false);
    assert_ok(seal_to(&to, plain_bytes, CHUNK - 200, CHUNK, &sealed, &err), &err);
    assert_int_equal(sealed.n, CHUNK); /* 64 KiB with all that is around it */
    flip_bits(&identities, &sealed, 300, wanted && strcmp(wanted, "full") == 0 ? 1 : 61);
    assert_opens(&identities, &sealed, CHUNK - 200);
    mer_buf_release(&sealed);
    mer_identities_release(&identities);
}

static void a_small_sealed_file_with_any_bit_flipped_is_refused(void **state)
{
    struct mer_identities identities;
    struct mer_buf sealed;
    mer_err err;
    (void)state;
    make_identity(&identities);
    mer_buf_init(&sealed, &alloc, SIZE_MAX);
    const struct mer_seal_to to = to_identity(&identities, false);
    assert_ok(seal_to(&to, plain_bytes, 1000, CHUNK, &sealed, &err), &err);
    flip_bits(&identities, &sealed, sealed.n, 1);
    mer_buf_release(&sealed);
    mer_identities_release(&identities);
}

static void a_sealed_file_cut_at_any_byte_is_refused(void **state)
{
    static const size_t lengths[] = {1000, CHUNK, 2 * CHUNK + 50};
    struct mer_identities identities;
    struct mer_buf sealed;
    mer_err err;
    (void)state;
    make_identity(&identities);
    for (size_t k = 0; k < 3; k++) {
        const struct mer_seal_to to = to_identity(&identities, false);
        mer_buf_init(&sealed, &alloc, SIZE_MAX);
        assert_ok(seal_to(&to, plain_bytes, lengths[k], CHUNK, &sealed, &err), &err);
        /* Every byte of the header and around the chunks' ends, and one of 61 of the rest. */
        for (size_t n = 0; n < sealed.n; n++) {
            const size_t in_chunk = (n + SEALED_CHUNK - 216) % SEALED_CHUNK;
            if (n < 400 || n + 400 > sealed.n || in_chunk < 40 || SEALED_CHUNK - in_chunk < 40 ||
                n % 61 == 0)
                assert_changed_is_refused(&identities, sealed.bytes, n, n);
        }
        mer_buf_release(&sealed);
    }
    mer_identities_release(&identities);
}

/* A sealed file of four whole chunks and a bit, and where its chunks begin. */
static size_t seal_chunks(const struct mer_identities *identities, struct mer_buf *sealed)
{
    struct mer_seal_header header;
    mer_err err;
    const struct mer_seal_to to = to_identity(identities, false);
    mer_buf_init(sealed, &alloc, SIZE_MAX);
    assert_ok(seal_to(&to, plain_bytes, sizeof plain_bytes, CHUNK, sealed, &err), &err);
    assert_ok(mer_seal_header_parse(&alloc, sealed->bytes, sealed->n, &header, &err), &err);
    const size_t begin = header.n_bytes + MER_SEAL_NONCE_BYTES;
    mer_seal_header_release(&header);
    return begin;
}

static void chunks_in_other_places_are_refused(void **state)
{
    static unsigned char other[8 * SEALED_CHUNK];
    struct mer_identities identities;
    struct mer_buf sealed;
    (void)state;
    make_identity(&identities);
    const size_t begin = seal_chunks(&identities, &sealed);
    const size_t n_last = sealed.n - begin - 4 * (size_t)SEALED_CHUNK;
    for (size_t i = 0; i < 4; i++) {
        unsigned char *const a = other + begin + i * SEALED_CHUNK;
        const unsigned char *const own = sealed.bytes + begin + i * SEALED_CHUNK;
        for (size_t j = 0; j < 4; j++) {
            unsigned char *const b = other + begin + j * SEALED_CHUNK;
            if (i == j)
                continue;
            memcpy(other, sealed.bytes, sealed.n); /* swapped */
            memcpy(a, sealed.bytes + begin + j * SEALED_CHUNK, SEALED_CHUNK);
            memcpy(b, own, SEALED_CHUNK);
            assert_changed_is_refused(&identities, other, sealed.n, 10 * i + j);
            memcpy(other, sealed.bytes, sealed.n); /* replayed in another's place */
            memcpy(b, own, SEALED_CHUNK);
            assert_changed_is_refused(&identities, other, sealed.n, 10 * i + j);
        }
        memcpy(other, sealed.bytes, sealed.n); /* dropped */
        memcpy(a, own + SEALED_CHUNK, (3 - i) * SEALED_CHUNK + n_last);
        assert_changed_is_refused(&identities, other, sealed.n - SEALED_CHUNK, i);
        memcpy(other, sealed.bytes, sealed.n); /* twice */
        memcpy(a + SEALED_CHUNK, own, (4 - i) * SEALED_CHUNK + n_last);
        assert_changed_is_refused(&identities, other, sealed.n + SEALED_CHUNK, i);
    }
    mer_buf_release(&sealed);
    mer_identities_release(&identities);
}

static void chunks_and_headers_of_another_file_are_refused(void **state)
{
    static unsigned char mixed[8 * SEALED_CHUNK];
    struct mer_identities identities;
    struct mer_buf sealed, older;
    (void)state;
    make_identity(&identities);
    const size_t begin = seal_chunks(&identities, &sealed);
    assert_int_equal(seal_chunks(&identities, &older), begin);
    for (size_t i = 0; i < 5; i++) {
        const size_t at = begin + i * SEALED_CHUNK;
        memcpy(mixed, sealed.bytes, sealed.n);
        memcpy(mixed + at, older.bytes + at,
               sealed.n - at < SEALED_CHUNK ? sealed.n - at : SEALED_CHUNK);
        assert_changed_is_refused(&identities, mixed, sealed.n, i);
    }
    memcpy(mixed, sealed.bytes, sealed.n);
    memcpy(mixed, older.bytes, begin - MER_SEAL_NONCE_BYTES);
    assert_changed_is_refused(&identities, mixed, sealed.n, 100);
    memcpy(mixed, sealed.bytes, begin);
    memcpy(mixed + begin, older.bytes + begin, sealed.n - begin);
    assert_changed_is_refused(&identities, mixed, sealed.n, 101);
    mer_buf_release(&older);
    mer_buf_release(&sealed);
    mer_identities_release(&identities);
}

static void files_of_the_same_bytes_have_nothing_in_common(void **state)
{
    struct mer_identities identities;
    struct mer_buf first, second;
    (void)state;
    make_identity(&identities);
    const size_t begin = seal_chunks(&identities, &first);
    (void)seal_chunks(&identities, &second);
    size_t n_same = 0;
    for (size_t i = begin; i < first.n; i++)
        n_same += first.bytes[i] == second.bytes[i];
    assert_true(n_same < first.n / 200); /* one of 256 by chance */
    mer_buf_release(&first);
    mer_buf_release(&second);
    mer_identities_release(&identities);
}

static void a_seal_to_nobody_to_both_kinds_or_with_no_words_is_refused(void **state)
{
    struct mer_identities identities;
    struct mer_secret passphrase;
    struct mer_buf sealed;
    mer_err err;
    (void)state;
    make_identity(&identities);
    assert_ok(mer_secret_init(&passphrase, 100, &err), &err);
    mer_buf_init(&sealed, &alloc, SIZE_MAX);
    struct mer_seal_to to = {.n_recipients = 0};
    assert_refused(seal_to(&to, "a", 1, 1, &sealed, &err), MER_ERR_USAGE, &err, "to somebody");
    to = to_identity(&identities, false);
    to.passphrase = &passphrase;
    assert_refused(seal_to(&to, "a", 1, 1, &sealed, &err), MER_ERR_USAGE, &err, "not to both");
    to.n_recipients = 0;
    assert_refused(seal_to(&to, "a", 1, 1, &sealed, &err), MER_ERR_USAGE, &err, "empty");
    assert_int_equal(sealed.n, 0);
    mer_secret_release(&passphrase);
    mer_identities_release(&identities);
}

static void recipients_of_other_kinds_are_named_and_not_supported(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"age1pq1qqqqqqqqqq", "post-quantum"},
        {"age1yubikey1qwertyuiop", "plugin"},
        {"ssh-ed25519 AAAA", "SSH"},
        {"age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", "wrong or missing"},
        {"bob", "'bob' is not a recipient"},
    };
    struct mer_recipient recipient;
    mer_err err;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(mer_recipient_parse(cases[i].text, strlen(cases[i].text), &recipient, &err),
                       MER_ERR_DATA, &err, cases[i].words);
    static const char secret[] =
        "AGE-SECRET-KEY-1WDX5YPA0XAMN606HDFJ0LN7JRH698UH6D2NX46TS3PRHD3QRNMHQ9DTNMY";
    assert_refused(mer_recipient_parse(secret, sizeof secret - 1, &recipient, &err), MER_ERR_DATA,
                   &err, "secret");
    assert_null(strstr(err.message, "WDX5YPA0"));
}

static mer_status seal_and_open(struct mer_alloc *from, mer_err *err)
{
    static struct mer_identities identities;
    struct mer_buf sealed, plain;
    MER_GUARD(mer_identities_init(&identities, err));
    mer_buf_init(&sealed, from, SIZE_MAX);
    mer_buf_init(&plain, from, SIZE_MAX);
    mer_status status = mer_identities_generate(&identities, err);
    const struct mer_seal_to to = to_identity(&identities, true);
    if (mer_is_ok(status))
        status = seal_to(&to, plain_bytes, 2 * CHUNK, CHUNK, &sealed, err);
    if (mer_is_ok(status))
        status = open_with(&identities, sealed.bytes, sealed.n, &plain, NULL, err);
    mer_buf_release(&plain);
    mer_buf_release(&sealed);
    mer_identities_release(&identities);
    return status;
}

static void lack_of_memory_at_any_request_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    mer_test_every_failure(seal_and_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_sealed_is_opened_whatever_its_length),
        TEST(each_of_several_recipients_opens_it_and_nobody_else),
        TEST(a_passphrase_opens_it_and_no_other),
        TEST(a_passphrase_may_not_ask_for_more_memory_than_the_budget_has),
        TEST(a_sealed_file_with_any_bit_flipped_is_refused),
        TEST(a_small_sealed_file_with_any_bit_flipped_is_refused),
        TEST(a_sealed_file_cut_at_any_byte_is_refused),
        TEST(chunks_in_other_places_are_refused),
        TEST(chunks_and_headers_of_another_file_are_refused),
        TEST(files_of_the_same_bytes_have_nothing_in_common),
        TEST(a_seal_to_nobody_to_both_kinds_or_with_no_words_is_refused),
        TEST(recipients_of_other_kinds_are_named_and_not_supported),
        TEST(lack_of_memory_at_any_request_is_told_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
