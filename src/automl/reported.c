#include "automl/reported.h"

#include <math.h>
#include <string.h>

#include "core/nearest.h"

bool mer_metric_fits(const struct mer_metric *metric, enum mer_task task)
{
    static const unsigned wanted[] = {[MER_TASK_REGRESSION] = MER_METRIC_REGRESSION,
                                      [MER_TASK_BINARY] = MER_METRIC_BINARY,
                                      [MER_TASK_MULTICLASS] = MER_METRIC_MULTICLASS};
    return (metric->tasks & wanted[task]) != 0;
}

static void add(struct mer_reported *reported, const struct mer_metric *metric)
{
    for (size_t i = 0; i < reported->n; i++)
        if (reported->metrics[i] == metric)
            return;
    reported->scores[reported->n] = (double)NAN;
    reported->metrics[reported->n++] = metric;
}

void mer_reported_usual(enum mer_task task, const struct mer_metric *deciding,
                        struct mer_reported *ret)
{
    static const char *const usual[][5] = {
        [MER_TASK_REGRESSION] = {"rmse", "mae", "r2"},
        [MER_TASK_BINARY] = {"log_loss", "accuracy", "auc", "f1"},
        [MER_TASK_MULTICLASS] = {"log_loss", "accuracy", "auc", "f1_macro"}};

    *ret = (struct mer_reported){.n = 0};
    for (size_t i = 0; usual[task][i]; i++)
        if (strcmp(usual[task][i], deciding->name) != 0)
            add(ret, mer_metric_find(usual[task][i]));
}

static mer_status unknown(const char *name, size_t n, mer_err *err)
{
    struct mer_nearest nearest;

    mer_nearest_init(&nearest, name, n);
    for (size_t i = 0; i < MER_N_METRICS; i++)
        mer_nearest_offer(&nearest, MER_METRICS[i].name, strlen(MER_METRICS[i].name));
    const mer_status status =
        mer_fail(err, MER_ERR_USAGE, "there is no metric %s", mer_quote_n(name, n).text);
    return nearest.name ? mer_hint(err, status, "did you mean %s?", nearest.name) : status;
}

mer_status mer_reported_parse(const char *list, struct mer_reported *ret, mer_err *err)
{
    struct mer_reported reported = {.n = 0};

    for (const char *at = list; strcmp(list, "none") != 0 && *at;) {
        const size_t n = strcspn(at, ",");
        const struct mer_metric *metric = NULL;
        for (size_t i = 0; i < MER_N_METRICS && !metric; i++)
            if (strlen(MER_METRICS[i].name) == n && memcmp(MER_METRICS[i].name, at, n) == 0)
                metric = &MER_METRICS[i];
        if (!metric)
            return unknown(at, n, err);
        if (reported.n == MER_REPORTED_MAX)
            return mer_fail(err, MER_ERR_USAGE, "at most %d metrics are reported",
                            MER_REPORTED_MAX);
        add(&reported, metric);
        at += n + (at[n] == ',');
    }
    *ret = reported;
    return mer_ok();
}
