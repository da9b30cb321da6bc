/* Fits one linear model on arrays in raw files, and prints how long each repetition took.
 *
 *   bench_linear FOLDER TASK N_ROWS N_DENSE N_CLASSES OUT [--threads N] [--level plain|avx2|avx512]
 *                [--repeat N] [NAME=VALUE ...]
 *
 * FOLDER holds dense.f64 [n_rows][n_dense], codes.i32 [n_rows][n_groups] and group_start.u32
 * [n_groups + 1] (both absent without groups), and target.f64 or target.i32. OUT receives the
 * coefficients [n_outputs][n_features] and then the intercepts, in doubles. run.py makes the files
 * and compares with scikit-learn.
 */
#include "../raw_files.h"
#include "core/json.h"
#include "core/log.h"
#include "core/team.h"
#include "learn/family.h"

struct arguments {
    const char *folder;
    enum mer_task task;
    size_t n_rows;
    size_t n_dense;
    size_t n_classes;
    const char *out;
    size_t n_threads;
    size_t n_repeats;
    enum mer_cpu_level level;
    struct mer_params params;
};

static void parse_option(struct arguments *arguments, const char *name, const char *value)
{
    if (strcmp(name, "--threads") == 0)
        arguments->n_threads = parse_count(value);
    else if (strcmp(name, "--repeat") == 0)
        arguments->n_repeats = parse_count(value);
    else if (strcmp(name, "--level") == 0)
        arguments->level = parse_level(value);
    else
        stop("unknown option", name);
}

static void parse(int argc, char **argv, const struct mer_family *family,
                  struct arguments *arguments)
{
    mer_err err;
    if (argc < 7)
        stop("usage", "FOLDER TASK N_ROWS N_DENSE N_CLASSES OUT [options] [NAME=VALUE ...]");
    arguments->folder = argv[1];
    arguments->task = strcmp(argv[2], "regression") == 0 ? MER_TASK_REGRESSION
                      : strcmp(argv[2], "binary") == 0   ? MER_TASK_BINARY
                                                         : MER_TASK_MULTICLASS;
    arguments->n_rows = parse_count(argv[3]);
    arguments->n_dense = parse_count(argv[4]);
    arguments->n_classes = parse_count(argv[5]);
    arguments->out = argv[6];
    arguments->level = mer_cpu_detect();
    mer_params_default(family->params, family->n_params, &arguments->params);
    for (int i = 7; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (argv[i][0] == '-' && i + 1 < argc) {
            parse_option(arguments, argv[i], argv[i + 1]);
            i++;
        } else if (value) {
            *value = '\0';
            check_status(mer_params_set(family->params, family->n_params, argv[i], value + 1,
                                        &arguments->params, &err),
                         &err);
        } else
            stop("unknown argument", argv[i]);
    }
}

static void read_data(const struct arguments *arguments, struct mer_design *design,
                      struct mer_target *target)
{
    const size_t n_rows = arguments->n_rows;
    size_t n_bytes;
    *design = (struct mer_design){.n_rows = n_rows, .n_dense = arguments->n_dense};
    *target = (struct mer_target){.task = arguments->task, .n_classes = arguments->n_classes};
    design->dense = read_file(arguments->folder, "dense.f64", &n_bytes);
    if (n_bytes != n_rows * design->n_dense * sizeof(double))
        stop("wrong size", "dense.f64");
    design->group_start = read_file(arguments->folder, "group_start.u32", &n_bytes);
    design->n_groups = n_bytes ? n_bytes / sizeof(uint32_t) - 1 : 0;
    design->codes = read_file(arguments->folder, "codes.i32", &n_bytes);
    if (n_bytes != n_rows * design->n_groups * sizeof(int32_t))
        stop("wrong size", "codes.i32");
    const bool classes = arguments->task != MER_TASK_REGRESSION;
    void *values = read_file(arguments->folder, classes ? "target.i32" : "target.f64", &n_bytes);
    if (n_bytes != n_rows * (classes ? sizeof(int32_t) : sizeof(double)))
        stop("wrong size", "target");
    target->classes = classes ? values : NULL;
    target->values = classes ? NULL : values;
}

static void print_line(void *self, const char *line, size_t n)
{
    (void)self;
    fwrite(line, 1, n, stderr);
}

/* The arrays as the model saves them. */
static void write_model(struct mer_alloc *alloc, const struct mer_family *family,
                        const struct mer_model *model, const char *path)
{
    struct mer_bundle bundle;
    struct mer_buf text;
    struct mer_json_writer writer;
    mer_err err;
    FILE *file = fopen(path, "wb");
    if (!file)
        stop("cannot write", path);
    mer_bundle_init(&bundle, alloc);
    mer_buf_init(&text, alloc, 1 << 20);
    mer_json_writer_init(&writer, &text, 0, &err);
    mer_json_begin_object(&writer);
    check_status(family->save(model, "model/", &bundle, &writer, &err), &err);
    for (size_t i = 0; i < bundle.n_arrays; i++)
        fwrite(bundle.arrays[i].data, 1, bundle.arrays[i].n_bytes, file);
    if (fclose(file) != 0)
        stop("cannot write", path);
    mer_buf_release(&text);
    mer_bundle_release(&bundle);
}

int main(int argc, char **argv)
{
    const struct mer_family *family = mer_family_find("linear");
    struct arguments arguments = {.n_threads = 1, .n_repeats = 1};
    struct mer_alloc alloc;
    struct mer_log *log = NULL;
    struct mer_team *team = NULL;
    struct mer_design design;
    struct mer_target target;
    mer_err err;

    parse(argc, argv, family, &arguments);
    read_data(&arguments, &design, &target);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_log_options options = {0};
    check_status(mer_log_new(&alloc, &options, &log, &err), &err);
    const struct mer_log_sink sink = {.level = MER_LOG_DEBUG, .write = print_line};
    check_status(mer_log_add_sink(log, &sink, &err), &err);
    check_status(mer_team_new(&alloc, arguments.n_threads, &team, &err), &err);
    const struct mer_ctx ctx = {.alloc = &alloc, .team = team, .log = log, .cpu = arguments.level};
    const struct mer_fit_data data = {.design = &design, .target = &target};
    printf("{\"cost\": %llu, \"seconds\": [",
           (unsigned long long)family->cost(&arguments.params, &design, &target));
    for (size_t i = 0; i < arguments.n_repeats; i++) {
        struct mer_model *model = NULL;
        const double start = now_s();
        check_status(family->fit(&ctx, &arguments.params, &data, &model, &err), &err);
        printf("%s%.6f", i ? ", " : "", now_s() - start);
        write_model(&alloc, family, model, arguments.out);
        family->free(&ctx, model);
    }
    printf("]}\n");
    mer_team_free(team);
    mer_log_free(log);
    return 0;
}
