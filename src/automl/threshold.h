/* From which probability of the second class on that class is predicted, of two. 0.5 is right where
 * only the number of mistakes counts; other metrics of decisions (F1, balanced accuracy, ...) are
 * best elsewhere, and on few rows nobody knows where (Lipton, Elkan, Naryanaswamy, "Optimal
 * Thresholding of Classifiers to Maximize F1 Measure", ECML 2014).
 */
#ifndef MER_AUTOML_THRESHOLD_H
#define MER_AUTOML_THRESHOLD_H

#include "core/json.h"
#include "metric/metric.h"

struct mer_threshold {
    double value; /* in (0, 1); 0: the more probable class is predicted */
    /* What it is best for, a name in MER_METRICS, or NULL; and that metric over the held-out rows:
     * of the more probable class, and of a threshold learned from other rows. NaN: not known. */
    const char *metric;
    double score_before;
    double score_after;
};

enum mer_threshold_choice {
    MER_THRESHOLD_BY_METRIC, /* learned where the search's metric looks at decisions */
    MER_THRESHOLD_AUTO,      /* learned; for balanced accuracy where that metric does not */
    MER_THRESHOLD_GIVEN
};

struct mer_thresholding {
    enum mer_threshold_choice choice;
    double given;
    const struct mer_metric *metric; /* of the search */
    struct mer_scored scored;        /* two classes, the held-out rows */
    uint64_t seed;                   /* of the parts that rows are dealt into */
};

/* A learned threshold is kept where it is better than the more probable class, on rows that it was
 * not learned from, by more than the standard error over five parts of them. */
MER_MUST_CHECK mer_status mer_threshold_learn(const struct mer_ctx *ctx,
                                              const struct mer_thresholding *from,
                                              struct mer_threshold *ret, mer_err *err);

bool mer_threshold_is_sound(const struct mer_threshold *threshold, size_t n_classes);

/* As a member "threshold" of the writer's object; none where there is none. Loading refuses what is
 * not sound; names are constants. */
void mer_threshold_save(const struct mer_threshold *threshold, struct mer_json_writer *writer);
MER_MUST_CHECK mer_status mer_threshold_load(const struct mer_json *root, size_t n_classes,
                                             struct mer_threshold *ret, mer_err *err);

/* The class that is predicted: the first of the most probable ones, or by the threshold. */
static inline size_t mer_threshold_class(double threshold, const double *p, size_t n_classes)
{
    size_t best = 0;
    if (threshold > 0 && n_classes == 2)
        return p[1] >= threshold;
    for (size_t k = 1; k < n_classes; k++)
        if (p[k] > p[best])
            best = k;
    return best;
}

#endif
