/* How long it takes to verify and load a model of about 10 MB: a deep tree of ten classes on noise,
 * signed, then loaded again and again through the public API, which reads, seals, hashes, checks
 * the signature and parses it each time.
 *
 *   bench_load FOLDER CELL [ROWS] CELL is merlon-cell; prints the model's size and the median and
 * best time
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "merlon/merlon.h"

enum { REPEATS = 31, CLASSES = 10, COLUMNS = 6, TEXT_MAX = 4096 };

static void check(mer_status status, const mer_err *err)
{
    if (status.code == MER_OK)
        return;
    fprintf(stderr, "bench_load: %s\n", err->message);
    exit(mer_code_exit(status.code));
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Numbers from a fixed linear congruential generator: the same table every time. */
static unsigned next(unsigned long long *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(*state >> 40);
}

static char *make_table(size_t n_rows, size_t *ret_n)
{
    unsigned long long state = 1;
    const size_t capacity = 64 + n_rows * (COLUMNS * 12 + 8);
    char *text = malloc(capacity);
    if (!text)
        exit(75);
    size_t n = (size_t)sprintf(text, "a,b,c,d,e,f,y\n");
    for (size_t i = 0; i < n_rows; i++) {
        for (int c = 0; c < COLUMNS; c++)
            n += (size_t)sprintf(text + n, "%u.5,", next(&state) % 1000003);
        n += (size_t)sprintf(text + n, "k%u\n", next(&state) % CLASSES);
    }
    *ret_n = n;
    return text;
}

static void make_model(struct mer_context *context, const char *folder, const char *path,
                       size_t n_rows)
{
    static const struct mer_setting settings[] = {
        {"max_depth", "64"}, {"min_samples_leaf", "1"}, {"smoothing", "1"}};
    const uint64_t seed = 1;
    const struct mer_fit_options options = {.size = sizeof options,
                                            .target = "y",
                                            .family = "tree",
                                            .settings = settings,
                                            .n_settings = 3,
                                            .n_folds = 2,
                                            .seed = &seed};
    struct mer_table *table;
    struct mer_fitted *model;
    struct mer_signer *signer;
    mer_err err;
    size_t n;
    char *text = make_table(n_rows, &n);

    check(mer_table_parse(context, text, n, NULL, &table, &err), &err);
    free(text);
    check(mer_fit(context, table, &options, &model, &err), &err);
    mer_status made = mer_keys_new(folder, "bench", NULL, NULL, &err);
    if (made.code != MER_ERR_EXISTS)
        check(made, &err);
    check(mer_signer_open(folder, "bench", NULL, NULL, &signer, &err), &err);
    check(mer_model_save(model, path, signer, true, NULL, &err), &err);
    mer_signer_free(signer);
    mer_fitted_free(model);
    mer_table_free(table);
}

int main(int argc, char **argv)
{
    char path[TEXT_MAX];
    double times[REPEATS];
    struct mer_context *context;
    struct mer_trust *trust;
    struct mer_fitted *model;
    mer_err err;

    if (argc < 3) {
        fprintf(stderr, "usage: bench_load FOLDER CELL [ROWS]\n");
        return 64;
    }
    const size_t n_rows = argc > 3 ? (size_t)strtoull(argv[3], NULL, 10) : 80000;
    if (snprintf(path, sizeof path, "%s/large.safetensors", argv[1]) >= (int)sizeof path)
        return 64;
    const struct mer_context_options options = {.size = sizeof options, .cell_program = argv[2]};
    check(mer_context_new(&options, &context, &err), &err);
    make_model(context, argv[1], path, n_rows);
    for (int i = 0; i < REPEATS; i++) {
        const double start = now_ms();
        check(mer_trust_open(argv[1], &trust, &err), &err);
        check(mer_model_load(context, path, trust, &model, &err), &err);
        times[i] = now_ms() - start;
        mer_fitted_free(model);
        mer_trust_free(trust);
    }
    mer_context_free(context);
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return 74;
    const double megabytes = (double)ftell(file) / 1e6;
    (void)fclose(file);
    qsort(times, REPEATS, sizeof times[0], compare);
    printf("verify + load of %.1f MB: median %.2f ms, best %.2f ms\n", megabytes,
           times[REPEATS / 2], times[0]);
    return 0;
}
