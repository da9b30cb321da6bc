/* What it costs that a model lives in a cell: predictions for 100,000 rows by a model that stays
 * open in one, beside the same model in the process itself: for a table that is asked about again
 * and again, and for one that the cell has not seen last; and the time until the model is open.
 *
 *   bench_cell_predict [ROWS [TIMES [THREADS [FAMILY]]]]
 */
#include <string.h>
#include <unistd.h>

#include "bench_times.h"
#include "learn/family.h"
#include "merlon/merlon.h"

enum { ROW_MAX = 160, TIMES_MAX = 512, FIT_ROWS = 5000, N_TABLES = 2 };

static mer_err err;

/* Twelve numbers, two categories, and a class that depends on some of them. */
static struct mer_table *make_table(struct mer_context *context, size_t n_rows)
{
    static const char *const colours[] = {"red", "green", "blue", "yellow"};
    char *const text = malloc((n_rows + 1) * ROW_MAX);
    struct mer_table *table;
    if (!text)
        exit(75);
    size_t n = (size_t)snprintf(text, ROW_MAX, "a,b,c,d,e,f,g,h,i,j,k,l,colour,kind,class\n");
    for (size_t row = 0; row < n_rows; row++) {
        unsigned r = (unsigned)row * 2654435761u, sum = 0;
        for (int column = 0; column < 12; column++) {
            r = r * 1664525u + 1013904223u;
            sum += column < 4 ? r >> 24 : 0;
            n += (size_t)snprintf(text + n, ROW_MAX, "%u.%02u,", r >> 22, r >> 8 & 63);
        }
        n += (size_t)snprintf(text + n, ROW_MAX, "%s,k%u,%s\n", colours[r >> 30], r >> 20 & 15,
                              sum % 200 < 60 ? "low"
                              : sum > 500    ? "high"
                                             : "middle");
    }
    check(mer_table_parse(context, text, n, NULL, &table, &err), &err);
    free(text);
    return table;
}

static struct times predict(const struct mer_fitted *model, const struct mer_table *table,
                            double **ret_predictions, size_t *ret_n_outputs)
{
    const struct times start = times_now();
    check(mer_predict(model, table, ret_predictions, ret_n_outputs, &err), &err);
    return times_since(start);
}

/* The same rows through the model here and a cell that is opened for it, one table or several in
 * turns. */
static void compare(struct mer_context *context, const struct mer_fitted *model, const char *file,
                    struct mer_table *const *tables, size_t n_tables, size_t n_times,
                    const char *what)
{
    static struct times here[TIMES_MAX], cell[TIMES_MAX];
    struct mer_fitted *stranger;
    double *expected = NULL, *predictions = NULL;
    size_t n_outputs = 0;
    const struct times start = times_now();
    check(mer_model_load_unsigned(context, file, NULL, &stranger, &err), &err);
    const double opened = times_since(start).clock;
    for (size_t i = 0; i < n_times; i++) { /* in turns, so that a busy machine slows both */
        const struct mer_table *const table = tables[i % n_tables];
        mer_numbers_free(expected);
        mer_numbers_free(predictions);
        here[i] = predict(model, table, &expected, &n_outputs);
        cell[i] = predict(stranger, table, &predictions, &n_outputs);
        if (memcmp(expected, predictions, mer_table_rows(table) * n_outputs * sizeof *expected) !=
            0)
            exit(70);
    }
    mer_fitted_free(stranger); /* the cell's processor time is known when it has ended */
    double processor = times_since(start).processor, processor_here = 0;
    for (size_t i = 0; i < n_times; i++)
        processor_here += here[i].processor;
    for (size_t i = 0; i < n_times; i++)
        cell[i].processor = (processor - processor_here) / (double)n_times;
    for (size_t i = 0; i < n_times; i++)
        here[i].processor = processor_here / (double)n_times;
    print_comparison(what, here, cell, n_times);
    printf("  opened in a cell in %.2f ms\n", opened * 1e3);
    mer_numbers_free(expected);
    mer_numbers_free(predictions);
}

static void measure(struct mer_context *context, const struct mer_family *family,
                    const struct mer_table *training, struct mer_table *const *tables,
                    size_t n_times)
{
    static const uint64_t seed = 1;
    const struct mer_fit_options options = {.size = sizeof options,
                                            .target = "class",
                                            .family = family->name,
                                            .seed = &seed,
                                            .n_folds = 2};
    const size_t n_rows = mer_table_rows(tables[0]);
    char path[] = "/tmp/merlon-bench-XXXXXX", file[64], what[96];
    struct mer_fitted *model;
    if (!mkdtemp(path))
        exit(73);
    (void)snprintf(file, sizeof file, "%s/m", path);
    check(mer_fit(context, training, &options, &model, &err), &err);
    check(mer_model_save(model, file, NULL, false, NULL, &err), &err);
    (void)snprintf(what, sizeof what, "%s, %zu rows", family->name, n_rows);
    compare(context, model, file, tables, 1, n_times, what);
    (void)snprintf(what, sizeof what, "%s, %zu rows, another table each time", family->name,
                   n_rows);
    compare(context, model, file, tables, N_TABLES, n_times, what);
    mer_fitted_free(model);
    (void)unlink(file);
    (void)snprintf(file, sizeof file, "%s/m.provenance.json", path);
    (void)unlink(file);
    (void)rmdir(path);
}

int main(int argc, char **argv)
{
    const long rows = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
    const long times = argc > 2 ? strtol(argv[2], NULL, 10) : 21;
    const long threads = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
    const char *const family = argc > 4 ? argv[4] : NULL;
    struct mer_context *context;
    if (rows < 1 || times < 1 || times > TIMES_MAX || threads < 1) {
        fprintf(stderr, "usage: bench_cell_predict [ROWS [TIMES [THREADS [FAMILY]]]]\n");
        return 64;
    }
    const struct mer_context_options options = {.size = sizeof options,
                                                .n_threads = (unsigned)threads,
                                                .cell_program = MER_BINARY_DIR "/merlon-cell"};
    check(mer_context_new(&options, &context, &err), &err);
    struct mer_table *const training = make_table(context, FIT_ROWS);
    struct mer_table *tables[N_TABLES];
    for (size_t i = 0; i < N_TABLES; i++)
        tables[i] = make_table(context, (size_t)rows);
    for (size_t i = 0; i < MER_N_FAMILIES; i++)
        if (!family || strcmp(family, MER_FAMILIES[i]->name) == 0)
            measure(context, MER_FAMILIES[i], training, tables, (size_t)times);
    mer_table_free(training);
    for (size_t i = 0; i < N_TABLES; i++)
        mer_table_free(tables[i]);
    mer_context_free(context);
    return 0;
}
