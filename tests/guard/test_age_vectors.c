/* The C2SP's test vectors for age, from the shared vectors: every file of X25519, scrypt, armor,
 * header and stream gives the outcome that stands in it; what has post-quantum keys is refused as
 * not supported. Skipped where they are absent. */
#include <dirent.h>
#include <zlib.h>

#include "guard/hash.h"
#include "guard/seal_test.h"
#include "os/file.h"

#define VECTORS MER_SOURCE_DIR "/../shared/vectors/age"

struct vector {
    char expected[64];
    char identities[4][200];
    size_t n_identities;
    char passphrase[200];
    char payload[65]; /* SHA-256 of what is given on */
    bool armored;
    bool compressed;
    unsigned char *bytes; /* owned */
    size_t n;
};

/* Copies what follows "NAME: " in a line. */
static bool take(const char *line, const char *name, char *ret, size_t size)
{
    const size_t n = strlen(name);
    if (strncmp(line, name, n) != 0 || strncmp(line + n, ": ", 2) != 0)
        return false;
    assert_true(strlen(line + n + 2) < size);
    memcpy(ret, line + n + 2, strlen(line + n + 2) + 1);
    return true;
}

static void inflate_vector(struct vector *vector)
{
    uLongf n = 32 << 20;
    unsigned char *bytes = malloc(n);
    assert_non_null(bytes);
    assert_int_equal(uncompress(bytes, &n, vector->bytes, vector->n), Z_OK);
    free(vector->bytes);
    vector->bytes = bytes;
    vector->n = n;
}

static struct vector read_vector(const char *name)
{
    struct vector vector = {.n = 0};
    struct mer_file_bytes file;
    char path[512], line[300], word[32];
    size_t at = 0;
    mer_err err;
    snprintf(path, sizeof path, "%s/%s", VECTORS, name);
    assert_ok(mer_file_read(&alloc, path, 32 << 20, &file, &err), &err);
    for (;;) {
        const unsigned char *stop = memchr(file.bytes + at, '\n', file.n - at);
        const size_t n = (size_t)(stop - file.bytes) - at;
        assert_non_null(stop);
        assert_true(n < sizeof line);
        memcpy(line, file.bytes + at, n);
        line[n] = '\0';
        at += n + 1;
        if (n == 0)
            break;
        if (take(line, "identity", vector.identities[vector.n_identities],
                 sizeof vector.identities[0]))
            vector.n_identities++;
        (void)take(line, "expect", vector.expected, sizeof vector.expected);
        (void)take(line, "passphrase", vector.passphrase, sizeof vector.passphrase);
        (void)take(line, "payload", vector.payload, sizeof vector.payload);
        vector.armored = vector.armored || take(line, "armored", word, sizeof word);
        vector.compressed = vector.compressed || take(line, "compressed", word, sizeof word);
    }
    vector.n = file.n - at;
    vector.bytes = malloc(vector.n + 1);
    assert_non_null(vector.bytes);
    memcpy(vector.bytes, file.bytes + at, vector.n);
    mer_file_release(&file);
    if (vector.compressed)
        inflate_vector(&vector);
    return vector;
}

/* The identity of a vector, or a new one where it has none; false where it is post-quantum. */
static bool take_identities(const struct vector *vector, struct mer_identities *identities)
{
    mer_err err;
    assert_ok(mer_identities_init(identities, &err), &err);
    bool supported = true;
    for (size_t i = 0; i < vector->n_identities; i++) {
        const char *const text = vector->identities[i];
        const mer_status status =
            mer_identities_parse(identities, text, strlen(text), "a vector", &err);
        if (strstr(text, "KEY-PQ-")) {
            assert_refused(status, MER_ERR_DATA, &err, "post-quantum");
            assert_non_null(strstr(err.message, "not supported"));
            supported = false;
        } else {
            assert_ok(status, &err);
        }
    }
    if (identities->n == 0)
        assert_ok(mer_identities_generate(identities, &err), &err);
    return supported;
}

static const char *outcome(enum mer_unseal_fault fault)
{
    static const char *const words[] = {
        [MER_UNSEAL_FINE] = "success",          [MER_UNSEAL_ARMOR] = "armor failure",
        [MER_UNSEAL_HEADER] = "header failure", [MER_UNSEAL_NO_MATCH] = "no match",
        [MER_UNSEAL_MAC] = "HMAC failure",      [MER_UNSEAL_PAYLOAD] = "payload failure"};
    return words[fault];
}

/* What came out of a file that fails later is less than other programs give, who take a chunk that
 * says it is the last one for that before they look behind it. */
static void check_payload(const struct vector *vector, bool opened, const struct mer_buf *plain)
{
    struct mer_digest digest;
    char hex[MER_HASH_HEX_MAX];
    mer_err err;
    assert_ok(mer_hash_bytes(MER_HASH_SHA256, plain->bytes, plain->n, &digest, &err), &err);
    mer_hash_hex(digest.bytes, digest.n, hex);
    if (opened || plain->n % MER_SEAL_CHUNK_BYTES != 0)
        assert_string_equal(hex, vector->payload);
}

/* A file that begins with something else than armor is not taken for armor: then the armor's own
 * reader must refuse it too. */
static bool refused_as_armor(const struct vector *vector)
{
    struct mer_buf buf;
    mer_err err;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    const mer_status status = mer_armor_decode(&buf, vector->bytes, vector->n, &err);
    mer_buf_release(&buf);
    return status.code == MER_ERR_DATA;
}

static void check_vector(const char *name)
{
    struct vector vector = read_vector(name);
    struct mer_identities identities;
    struct mer_buf plain;
    enum mer_unseal_fault fault = MER_UNSEAL_FINE;
    mer_err err = {.code = MER_OK};
    const bool supported = take_identities(&vector, &identities);
    const struct mer_unseal_with with = {.identities = &identities,
                                         .ask = vector.passphrase[0] ? answer : NULL,
                                         .self = vector.passphrase};
    mer_buf_init(&plain, &alloc, SIZE_MAX);
    const mer_status status =
        mer_unseal_bytes(&alloc, &with, vector.bytes, vector.n, into(&plain), &fault, &err);
    const bool is_armor_failure = strcmp(vector.expected, "armor failure") == 0;
    if (is_armor_failure && !refused_as_armor(&vector))
        fail_msg("%s: the armor was accepted", name);
    if (!supported) {
        /* Its identity was refused; with another one the file is of no use. */
        if (mer_is_ok(status) || (fault != MER_UNSEAL_NO_MATCH && fault != MER_UNSEAL_HEADER))
            fail_msg("%s: %s", name, outcome(fault));
    } else if (strcmp(outcome(fault), vector.expected) != 0 &&
               !(is_armor_failure && fault == MER_UNSEAL_HEADER)) {
        fail_msg("%s: %s, not %s (%s)", name, outcome(fault), vector.expected, err.message);
    }
    assert_int_equal(mer_is_ok(status), fault == MER_UNSEAL_FINE);
    if (supported && vector.payload[0])
        check_payload(&vector, mer_is_ok(status), &plain);
    else
        assert_int_equal(plain.n, 0);
    mer_buf_release(&plain);
    mer_identities_release(&identities);
    free(vector.bytes);
}

static void every_vector_gives_its_outcome(void **state)
{
    DIR *directory = opendir(VECTORS);
    struct dirent *entry;
    size_t n = 0;
    (void)state;
    assert_non_null(directory);
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            continue;
        check_vector(entry->d_name);
        n++;
    }
    closedir(directory);
    assert_true(n >= 143);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(every_vector_gives_its_outcome)};
    if (access(VECTORS, R_OK) != 0) {
        fprintf(stderr, "skipped: the shared vectors (%s) are not here\n", VECTORS);
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
