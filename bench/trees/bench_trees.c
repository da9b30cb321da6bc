/* Fits a family of tree models on arrays in raw files and predicts, and prints how long that took.
 *
 *   bench_trees FAMILY FOLDER TASK N_DENSE N_CLASSES [--threads N] [--level plain|avx2|avx512]
 *               [--repeat N] [--seed N] [--hash yes] [NAME=VALUE ...]
 *
 * FOLDER holds train_x.f64 [n_rows][n_dense] and train_y.f64, for classification train_y.i32, and
 * test_x.f64. Predictions of the last repetition go to predictions.f64 [n_rows][outputs]. Printed
 * is a JSON object of seconds; what is prepared ends with the first progress report. peak_bytes is
 * the most memory above what the data take. --hash yes prints a hash of the model's arrays.
 */
#include "../raw_files.h"
#include "core/json.h"
#include "core/team.h"
#include "learn/family.h"

enum { SINGLE_ROWS = 300 };

struct arguments {
    const struct mer_family *family;
    const char *folder;
    size_t n_threads;
    size_t n_repeats;
    uint64_t seed;
    bool with_hash;
    enum mer_cpu_level level;
    struct mer_params params;
};

/* When the first round was reported. */
struct first_report {
    double at;
};

static void note_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    struct first_report *first = self;
    (void)phase;
    (void)done;
    (void)total;
    if (first->at == 0)
        first->at = now_s();
}

static void parse_option(struct arguments *arguments, const char *name, const char *value)
{
    if (strcmp(name, "--threads") == 0)
        arguments->n_threads = parse_count(value);
    else if (strcmp(name, "--repeat") == 0)
        arguments->n_repeats = parse_count(value);
    else if (strcmp(name, "--seed") == 0)
        arguments->seed = parse_count(value);
    else if (strcmp(name, "--hash") == 0)
        arguments->with_hash = true;
    else if (strcmp(name, "--level") == 0)
        arguments->level = parse_level(value);
    else
        stop("unknown option", name);
}

static void parse(int argc, char **argv, struct arguments *arguments)
{
    mer_err err;
    const struct mer_family *family = arguments->family;
    mer_params_default(family->params, family->n_params, &arguments->params);
    for (int i = 6; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (argv[i][0] == '-' && i + 1 < argc) {
            parse_option(arguments, argv[i], argv[i + 1]);
            i++;
        } else if (value) {
            *value = '\0';
            check_status(mer_params_set(family->params, family->n_params, argv[i], value + 1,
                                        &arguments->params, &err),
                         &err);
        } else {
            stop("neither an option nor NAME=VALUE", argv[i]);
        }
    }
}

/* FNV-1a over the arrays that the model saves, so that models can be compared. */
static uint64_t model_hash(struct mer_alloc *alloc, const struct mer_family *family,
                           const struct mer_model *model)
{
    struct mer_bundle bundle;
    struct mer_buf text;
    struct mer_json_writer writer;
    mer_err err;
    uint64_t hash = UINT64_C(14695981039346656037);
    mer_bundle_init(&bundle, alloc);
    mer_buf_init(&text, alloc, 1 << 20);
    mer_json_writer_init(&writer, &text, 0, &err);
    mer_json_begin_object(&writer);
    check_status(family->save(model, "model/", &bundle, &writer, &err), &err);
    for (size_t i = 0; i < bundle.n_arrays; i++) {
        const unsigned char *bytes = bundle.arrays[i].data;
        for (size_t k = 0; k < bundle.arrays[i].n_bytes; k++)
            hash = (hash ^ bytes[k]) * UINT64_C(1099511628211);
    }
    mer_buf_release(&text);
    mer_bundle_release(&bundle);
    return hash;
}

static void read_data(const char *folder, const char *task, size_t n_dense, size_t n_classes,
                      struct mer_design *ret_design, struct mer_target *ret_target)
{
    static const uint32_t group_start[] = {0};
    size_t n_numbers, n_targets;
    const double *x = read_array(folder, "train_x.f64", sizeof *x, &n_numbers);
    *ret_design = (struct mer_design){
        .n_rows = n_numbers / n_dense, .n_dense = n_dense, .dense = x, .group_start = group_start};
    *ret_target = (struct mer_target){.n_classes = n_classes};
    if (strcmp(task, "regression") == 0) {
        ret_target->task = MER_TASK_REGRESSION;
        ret_target->values = read_array(folder, "train_y.f64", sizeof(double), &n_targets);
    } else {
        ret_target->task = n_classes == 2 ? MER_TASK_BINARY : MER_TASK_MULTICLASS;
        ret_target->classes = read_array(folder, "train_y.i32", sizeof(int32_t), &n_targets);
    }
    if (n_targets != ret_design->n_rows)
        stop("wrong sizes", folder);
}

static void predict(const struct arguments *arguments, const struct mer_ctx *ctx,
                    const struct mer_model *model, size_t n_dense, size_t n_outputs)
{
    static const uint32_t group_start[] = {0};
    size_t n_numbers;
    mer_err err;
    const double *x = read_array(arguments->folder, "test_x.f64", sizeof *x, &n_numbers);
    struct mer_design design = {
        .n_rows = n_numbers / n_dense, .n_dense = n_dense, .dense = x, .group_start = group_start};
    double *predictions = calloc(design.n_rows * n_outputs + 1, sizeof *predictions);
    if (!predictions)
        stop("no memory", "predictions");
    double start = now_s();
    check_status(arguments->family->predict(ctx, model, &design, predictions, &err), &err);
    printf(", \"predict_s\": %.6f", now_s() - start);
    write_file(arguments->folder, "predictions.f64", predictions,
               design.n_rows * n_outputs * sizeof *predictions);
    const size_t n = design.n_rows < SINGLE_ROWS ? design.n_rows : SINGLE_ROWS;
    struct mer_ctx alone = *ctx;
    alone.team = NULL;
    design.n_rows = 1;
    start = now_s();
    for (size_t row = 0; row < n; row++) {
        design.dense = x + row * n_dense;
        check_status(arguments->family->predict(&alone, model, &design, predictions, &err), &err);
    }
    printf(", \"row_us\": %.3f", 1e6 * (now_s() - start) / (double)n);
}

static void print_list(const char *name, const double *values, size_t n)
{
    printf(", \"%s\": [", name);
    for (size_t i = 0; i < n; i++)
        printf("%s%.6f", i ? ", " : "", values[i]);
    printf("]");
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.n_threads = 2, .n_repeats = 1, .level = mer_cpu_detect()};
    struct mer_alloc alloc;
    struct mer_team *team = NULL;
    struct mer_design design;
    struct mer_target target;
    struct mer_model *model = NULL;
    struct first_report first;
    const struct mer_progress progress = {.report = note_progress, .self = &first};
    double prepare[64], train[64];
    mer_err err;
    if (argc < 6 || !(arguments.family = mer_family_find(argv[1])))
        stop("usage", "bench_trees FAMILY FOLDER TASK N_DENSE N_CLASSES [options] [NAME=VALUE]");
    arguments.folder = argv[2];
    parse(argc, argv, &arguments);
    const size_t n_dense = parse_count(argv[4]);
    read_data(arguments.folder, argv[3], n_dense, parse_count(argv[5]), &design, &target);
    mer_alloc_init(&alloc, SIZE_MAX);
    check_status(mer_team_new(&alloc, arguments.n_threads, &team, &err), &err);
    const struct mer_ctx ctx = {
        .alloc = &alloc, .team = team, .cpu = arguments.level, .progress = &progress};
    const struct mer_fit_data data = {.design = &design, .target = &target, .seed = arguments.seed};
    reset_peak();
    const double data_bytes = status_bytes("VmRSS");
    for (size_t i = 0; i < arguments.n_repeats && i < 64; i++) {
        arguments.family->free(&ctx, model);
        first.at = 0;
        const double start = now_s();
        check_status(arguments.family->fit(&ctx, &arguments.params, &data, &model, &err), &err);
        const double end = now_s();
        prepare[i] = first.at > 0 ? first.at - start : 0;
        train[i] = end - start - prepare[i];
    }
    printf("{\"peak_bytes\": %.0f", status_bytes("VmHWM") - data_bytes);
    print_list("prepare_s", prepare, arguments.n_repeats);
    print_list("train_s", train, arguments.n_repeats);
    predict(&arguments, &ctx, model, n_dense, mer_target_outputs(target.task, target.n_classes));
    if (arguments.with_hash)
        printf(", \"hash\": \"%016llx\"",
               (unsigned long long)model_hash(&alloc, arguments.family, model));
    printf("}\n");
    arguments.family->free(&ctx, model);
    mer_team_free(team);
    return 0;
}
