/* A log that ends read-only, scratch space without a name, progress, and a stop on request.
 *
 *     log_and_scratch FOLDER */
#include "example.h"

#include <unistd.h>

static void show_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    size_t *const n_reports = self;
    ++*n_reports;
    (void)phase;
    (void)done;
    (void)total;
}

int main(int argc, char **argv)
{
    const char *const folder = argc > 1 ? argv[1] : ".";
    char log[4096], data[4096];
    size_t n_reports = 0;
    struct mer_context *context;
    struct mer_table *table;
    int fd;
    mer_err err;

    /* At most 256 MB and two threads. */
    const struct mer_context_options options = {
        .size = sizeof options,
        .memory_bytes = (size_t)256 << 20,
        .n_threads = 2,
        .on_progress = show_progress,
        .self = &n_reports,
    };
    check(mer_context_new(&options, &context, &err), &err);

    /* A log file is always a new one: created 0600, sealed to 0400 at the end. */
    path_in(folder, "example.log", log);
    remove(log);
    const struct mer_log_config config = {
        .size = sizeof config, .console = MER_SEVERITY_WARNING, .file = log};
    check(mer_log_open(context, &config, &err), &err);
    mer_log_line(context, MER_SEVERITY_INFO, "line breaks\nin a text stay in its line");

    /* A file that vanishes with the program, however it ends. */
    check(mer_scratch_open(context, folder, &err), &err);
    check(mer_scratch_file(context, &fd, &err), &err);
    if (write(fd, "intermediate", 12) != 12 || close(fd) != 0)
        return 74;

    /* Another thread or a signal handler may stop what runs in the context. */
    write_flats(path_in(folder, "stopped.csv", data));
    check(mer_table_read(context, data, NULL, &table, &err), &err);
    const struct mer_fit_options fit = {.size = sizeof fit, .target = "price"};
    struct mer_fitted *model;
    mer_context_cancel(context, 2);
    if (mer_fit(context, table, &fit, &model, &err).code != MER_ERR_CANCELLED)
        return 1;
    printf("%s; peak %zu bytes, %zu reports of progress\n", err.message,
           mer_context_peak_bytes(context), n_reports);

    mer_table_free(table);
    mer_context_free(context);
    return access(log, W_OK) == 0 && getuid() != 0;
}
