/* How fast files are sealed and opened, tmpfs to tmpfs, on one core, beside what limits that:
 * libcrypto's cipher by itself, and reading and writing by themselves; and beside the program age,
 * which may use as many cores as it likes.
 *
 *     bench_seal [MEGABYTES] [ROUNDS] [FOLDER]     1024, 5, /dev/shm
 *
 * Pages of 4 KiB bound it there; mount -t tmpfs -o huge=always makes a folder with large ones.
 *
 * All are interleaved, round by round, and each writes a new file. Best and median, on the clock
 * and, what other programs on the machine hardly lengthen, of processors (of age's too).
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cell/bench_times.h"
#include "merlon/merlon.h"

enum { CHUNK = 64 << 10, ROUNDS_MAX = 50, PATH_BYTES = 512 };

enum what { RAW, COPY, SEAL, SEAL_SIGNED, UNSEAL, AGE, AGE_OPEN, WHAT_COUNT };
static const char *const NAMES[] = {
    "cipher alone, in memory", "copying alone", "seal", "seal and sign", "open", "age", "age -d"};

static char folder[PATH_BYTES];
static char paths[8][PATH_BYTES];
static char recipient[MER_RECIPIENT_MAX];
static size_t n_bytes;
static struct mer_context *context;
static struct mer_signer *signer;
static struct mer_trust *trust;
static mer_err err;

static const char *at(const char *name)
{
    static unsigned next;
    char *const path = paths[next++ % 8];
    (void)snprintf(path, PATH_BYTES, "%.400s/%.60s", folder, name);
    return path;
}

/* The cipher, set up once, over chunks as they are in a file, which stay in the cache. */
static void run_raw(void)
{
    static unsigned char plain[CHUNK], sealed[CHUNK + 16], key[32], nonce[12];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    bool fine = EVP_EncryptInit_ex2(c, cipher, key, NULL, NULL) == 1;
    for (size_t i = 0; fine && i < n_bytes / CHUNK; i++) {
        memcpy(nonce, &i, sizeof i);
        fine = EVP_EncryptInit_ex2(c, NULL, NULL, nonce, NULL) == 1 &&
               EVP_EncryptUpdate(c, sealed, &n, plain, CHUNK) == 1 &&
               EVP_EncryptFinal_ex(c, sealed + n, &n) == 1 &&
               EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, sealed + CHUNK) == 1;
    }
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(cipher);
    if (!fine)
        exit(1);
}

/* The copy is dropped by the caller. */
static int run_copy(void)
{
    static unsigned char bytes[2 * CHUNK];
    const int in = open(at("plain"), O_RDONLY | O_CLOEXEC);
    const int out = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    ssize_t n;
    if (in < 0 || out < 0)
        exit(1);
    while ((n = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, (size_t)n) != n)
            exit(1);
    (void)close(in);
    return out;
}

static void run_seal(const char *out, const struct mer_signer *by)
{
    const char *const recipients[] = {recipient};
    const struct mer_seal_options options = {.size = sizeof options,
                                             .recipients = recipients,
                                             .n_recipients = 1,
                                             .replace = true,
                                             .signer = by};
    check(mer_seal(context, at("plain"), at(out), &options, NULL, &err), &err);
}

static void run_open(void)
{
    const char *const identities[] = {"mine"};
    const struct mer_unseal_options options = {.size = sizeof options,
                                               .directory = at("keys"),
                                               .identities = identities,
                                               .n_identities = 1,
                                               .trust = trust,
                                               .replace = true};
    check(mer_unseal(context, at("signed.age"), at("opened"), &options, NULL, &err), &err);
}

static bool run_age(bool opens)
{
    char command[4 * PATH_BYTES];
    if (opens)
        (void)snprintf(command, sizeof command,
                       "age -d -i '%s/keys/seal/mine.identity' -o '%s/back' '%s/sealed.age'",
                       folder, folder, folder);
    else
        (void)snprintf(command, sizeof command, "age -r %s -o '%s/by_age' '%s/plain'", recipient,
                       folder, folder);
    return system(command) == 0;
}

static bool run(enum what what, int *copy)
{
    if (what == RAW)
        run_raw();
    else if (what == COPY)
        *copy = run_copy();
    else if (what == SEAL)
        run_seal("sealed.age", NULL);
    else if (what == SEAL_SIGNED)
        run_seal("signed.age", signer);
    else if (what == UNSEAL)
        run_open();
    else
        return run_age(what == AGE_OPEN);
    return true;
}

static void prepare(void)
{
    unsigned char bytes[CHUNK];
    const struct mer_context_options options = {.size = sizeof options, .n_threads = 1};
    FILE *const file = fopen(at("plain"), "wb");
    for (size_t i = 0; file && i < n_bytes; i += CHUNK) {
        memset(bytes, (int)(i / CHUNK), sizeof bytes);
        if (fwrite(bytes, 1, CHUNK, file) != CHUNK)
            exit(1);
    }
    if (!file || fclose(file) != 0)
        exit(1);
    check(mer_context_new(&options, &context, &err), &err);
    check(mer_keys_new(at("keys"), "tester", NULL, NULL, &err), &err);
    check(mer_signer_open(at("keys"), "tester", NULL, NULL, &signer, &err), &err);
    check(mer_trust_open(at("keys"), &trust, &err), &err);
    check(mer_seal_key_new(at("keys"), "mine", NULL, NULL, recipient, &err), &err);
}

/* This process to one core; `age` gets all of them back. */
static void use_cores(const cpu_set_t *all, bool one)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    (void)sched_setaffinity(0, sizeof set, one ? &set : all);
}

int main(int argc, char **argv)
{
    static double seconds[WHAT_COUNT][2][ROUNDS_MAX];
    const size_t megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    size_t n_rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 5;
    bool has_age = true;
    char command[PATH_BYTES + 16];
    cpu_set_t all;
    n_rounds = n_rounds < ROUNDS_MAX ? n_rounds : ROUNDS_MAX;
    n_bytes = megabytes << 20;
    (void)snprintf(folder, sizeof folder, "%.400s/merlon-bench-seal-XXXXXX",
                   argc > 3 ? argv[3] : "/dev/shm");
    if (!mkdtemp(folder))
        return 1;
    (void)sched_getaffinity(0, sizeof all, &all);
    prepare();
    for (size_t r = 0; r < n_rounds; r++) {
        for (enum what what = 0; what < WHAT_COUNT; what++) {
            use_cores(&all, what != AGE && what != AGE_OPEN);
            if (!has_age && what >= AGE)
                continue;
            /* Giving the memory of a file back takes a fifth of sealing one: nobody is timed by it.
             */
            if (what == SEAL)
                (void)unlink(at("sealed.age"));
            if (what == SEAL_SIGNED)
                (void)unlink(at("signed.age"));
            (void)unlink(at("back"));
            (void)unlink(at("by_age"));
            (void)unlink(at("opened"));
            int copy = -1;
            const struct times start = times_now();
            has_age = run(what, &copy) && has_age;
            const struct times took = times_since(start);
            if (copy >= 0)
                (void)close(copy);
            seconds[what][0][r] = took.clock;
            seconds[what][1][r] = took.processor;
        }
    }
    printf("%zu MiB in %s, %zu rounds; GB/s\n%-26s%10s%10s%12s%10s\n", megabytes, folder, n_rounds,
           "", "clock best", "median", "cores best", "median");
    for (enum what what = 0; what < (has_age ? WHAT_COUNT : AGE); what++) {
        printf("%-26s", NAMES[what]);
        for (size_t kind = 0; kind < 2; kind++) {
            const double middle = median(seconds[what][kind], n_rounds); /* sorts them */
            printf("%10.2f%10.2f  ", (double)n_bytes / seconds[what][kind][0] * 1e-9,
                   (double)n_bytes / middle * 1e-9);
        }
        printf("\n");
    }
    mer_signer_free(signer);
    mer_trust_free(trust);
    mer_context_free(context);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}
