/* Models: fit, save, load, predict, score, inspect. */
#ifndef MERLON_MODEL_H
#define MERLON_MODEL_H

#include "merlon/frame.h"
#include "merlon/trust.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A fitted pipeline. Free with mer_fitted_free. */
struct mer_fitted;

struct mer_setting { /* a family's parameter by name, as text */
    const char *name;
    const char *value;
};

/* How far a search is, after a trial. Texts are borrowed for the time of the call. */
struct mer_fit_state {
    size_t size;     /* sizeof(struct mer_fit_state) */
    size_t n_trials; /* that have ended */
    double share;    /* of the budget, the units or the trials that were asked for: 0 to 1 */
    const char *metric;
    const char *best_family; /* NULL: no trial has a score yet */
    double best_score;
    bool has_improved;   /* this trial is the best so far */
    double seconds;      /* since the search began */
    double seconds_left; /* of the budget; infinite: there is none */
    uint64_t units;      /* work units so far */
    size_t memory_bytes; /* that the context has in use, without what workers have */
    size_t memory_left;  /* of its budget; SIZE_MAX: there is none */
};

struct mer_fit_options {
    size_t size;        /* sizeof(struct mer_fit_options) */
    const char *target; /* column to predict */
    const char *task;   /* "classification" or "regression"; NULL: inferred from the column */
    const char *metric; /* what to optimise; NULL: log_loss or rmse */
    const char *family; /* fix one model family, no search; NULL: search */
    const struct mer_setting *settings; /* parameters of `family` */
    size_t n_settings;
    const char *include; /* families to search, separated by commas; NULL: all that are searched */
    const char *exclude; /* families not to search; NULL: none */
    double budget_seconds; /* 0: none */
    uint64_t units;        /* deterministic work units; 0: no limit */
    size_t max_trials;     /* 0: no limit */
    size_t n_folds;        /* 0: by size */
    const uint64_t *seed;  /* NULL: from the kernel, recorded in the model */
    /* After every finished trial: leaderboard material. NULL: none. */
    void (*on_trial)(void *self, const char *family, double score, double deviation, double seconds,
                     size_t n_done, size_t n_planned);
    /* The same, for whoever shows it. NULL: none. */
    void (*on_state)(void *self, const struct mer_fit_state *state);
    void *self;
    /* Looks at the chosen setting in every fold again, for mer_report_save (report.h): costs about
     * what its trial did, outside of `units`. The model is the same. */
    bool study;
    /* Columns of numbers with which predictions may only rise ("increasing") or only fall
     * ("decreasing"), for a family that can keep to it (gbdt). What rises or falls is the number,
     * or the probability of the second class. */
    const struct mer_setting *monotone;
    size_t n_monotone;
    /* Trials run in so many processes of merlon-cell, 64 at the most, which hold nothing but the
     * table: one that crashes, or uses up its memory, is a failed trial. They share the context's
     * threads and memory. 0: by the size of the table. The model is the same. */
    size_t n_workers;
    /* Keep one setting and not an ensemble: it predicts faster. Forests, a row of which takes some
     * hundred microseconds, are then searched only where `include` or `space` names them. */
    bool single;
    bool in_process; /* trials run in the calling process, where a crash of one ends it */
    /* Keep a journal of the run and its trials in state_folder/runs (runs.h), without a record's
     * value or a column's name. */
    bool journal;
    const char *state_folder; /* NULL: $XDG_STATE_HOME/merlon, or ~/.local/state/merlon */
    const char *makes; /* what the run is found by: the path that the model will be saved to */
    /* Go on with the last run that makes the same and was not saved: its trials are not run again.
     * MER_ERR_USAGE when the table, a setting or the version is another; a new run where there is
     * none. Needs `journal` and `makes`. */
    bool resume;
    /* "balanced": rows weigh more the rarer their class is, in fits and in scores. NULL: they do
     * not.
     */
    const char *class_weight;
    /* Columns that alone nearly tell the target are left out; otherwise the log warns of them. */
    bool leave_out_leaks;
    /* What becomes of the probabilities of classes, learned from rows that were held out: "auto"
     * (what lowers their log loss beyond chance, or nothing), "temperature", "isotonic" (for 1000
     * rows or more) or "none". NULL: "auto". */
    const char *calibrate;
    /* From which probability of the second class on that one is predicted, of two: "auto" (what is
     * best for the metric on held-out rows beyond chance; for balanced accuracy where the metric
     * does not look at decisions) or a number between 0 and 1. NULL: "auto" for such metrics of
     * decisions, else the more probable class. */
    const char *threshold;
    /* Levels of quantiles, rising, in (0, 1), 19 at the most, that are predicted beside a number:
     * mer_predict_quantiles. NULL: none. They are outside of `units`. */
    const double *quantiles;
    size_t n_quantiles;
    /* Goes on with that model, which was fitted here or loaded as for predicting: more trees are
     * added to it, and nothing is searched. It has to be one alone of the family gbdt, and the
     * table to have its columns and its target, and no class but its own; columns are prepared as
     * it prepares them. `settings` change its own (n_estimators: rounds more, else as many as there
     * are), but for the objective. The seed is the model's where none is given. Of the other
     * options target, family, monotone and class_weight are heeded, those of a search are
     * MER_ERR_USAGE. What the model knew from held-out rows (its score, calibration, threshold and
     * intervals) the new one does not know. It is read during the call alone. NULL: a new model. */
    const struct mer_fitted *start;
    /* mer_context_cancel with this number ends the search and not the fit: what has the best score
     * so far is fitted in some seconds. Before there is a score, or with the number once more, the
     * fit fails as with any other. 0: there is no such number. */
    int signal_for_best;
    double spent_seconds; /* of the budget, before the call: for reading the table, for example */
    size_t patience; /* the search ends after so many trials in a row that made neither a setting
                        nor the ensemble better; 0: it does not */
    /* What is searched: JSON as docs/search.md describes it. NULL: the program's own space. The
     * families that `include` and `exclude` name are then among those of the space. */
    const char *space;
    /* Columns by which the table is cut for cross-validation (docs/validation.md); they are no
     * features. NULL: what the schema calls merlon:group or merlon:time, else shuffled rows. Groups
     * are never torn apart; with a time, folds learn from what came before alone; a column of
     * labels says the folds itself. One of the three at most. */
    const char *group_column;
    const char *time_column;
    const char *folds_column;
    /* What lies at most so far before a fold is not learned from in it: "7d", "12h", or a number in
     * the unit of a time column of numbers. NULL: nothing is left out. */
    const char *time_gap;
    size_t n_repeats; /* of cross-validation, each shuffled anew; 0: by size */
    /* What trials are scored on instead of parts of the table: a table with the same columns, best
     * read by mer_table_read_like. Nothing is learned from its rows, the last fits included; what
     * is learned from held-out rows (the ensemble, calibration, the threshold, intervals) is
     * learned from these. It excludes folds of any kind; MER_ERR_DATA for a label of the target
     * that the training table does not have. Borrowed during the call. NULL: cross-validation. */
    const struct mer_table *valid;
    /* Names of metrics, separated by commas, that are measured on the same held-out rows as
     * `metric` and shown beside it, eight at the most; they decide nothing. "none": none. NULL: the
     * usual ones of the task. */
    const char *report_metrics;
    /* 2: models that learn from what those of the first layer say of rows that they have not seen
     * are tried behind the search, and kept where they score better. 0 and 1: there is one layer.
     * An ensemble alone can have two. */
    size_t n_layers;
};

/* Fits and compares pipelines on a table; the best is refitted on all rows. */
MER_API MER_MUST_CHECK mer_status mer_fit(struct mer_context *context,
                                          const struct mer_table *table,
                                          const struct mer_fit_options *options,
                                          struct mer_fitted **ret_model, mer_err *err);
MER_API void mer_fitted_free(struct mer_fitted *model);

/* Writes the model as a safetensors file, a provenance record beside it (PATH.provenance.json,
 * which the signer signs, docs/provenance.md) and, unless `signer` is NULL, its signature
 * (PATH.sig). All are written in full and get their names together. An existing model or signature
 * is MER_ERR_EXISTS unless `replace`; a record without its model, which a stopped run can leave, is
 * replaced. */
struct mer_saved {
    char digest[65]; /* SHA-256 of the model file in hex */
    size_t n_bytes;
};
/* ret_saved may be NULL. */
MER_API MER_MUST_CHECK mer_status mer_model_save(const struct mer_fitted *model, const char *path,
                                                 const struct mer_signer *signer, bool replace,
                                                 struct mer_saved *ret_saved, mer_err *err);
/* Verifies PATH against its signature and the trusted keys, then parses the very bytes that were
 * verified. MER_ERR_TRUST for an unknown signer or a broken signature. */
MER_API MER_MUST_CHECK mer_status mer_model_load(struct mer_context *context, const char *path,
                                                 const struct mer_trust *trust,
                                                 struct mer_fitted **ret_model, mer_err *err);

/* Loads a model that nobody vouches for: its bytes are parsed, and predictions made, in cells alone
 * (merlon-cell), whose every answer is checked before it is used. What such a model predicts is
 * still its maker's choice. All that a verified model can be asked works with it, but
 * mer_model_save. */
struct mer_unsigned_options {
    size_t size;    /* sizeof(struct mer_unsigned_options) */
    size_t n_cells; /* at most so many cells at a time, 64 at the most; 0: one. As many threads can
                       predict with the model at once, others wait */
};
/* options may be NULL. A cell that ends or gives nonsense is replaced; the call during which that
 * happened is MER_ERR_DATA (MER_ERR_MEMORY where it was memory). */
MER_API MER_MUST_CHECK mer_status mer_model_load_unsigned(
    struct mer_context *context, const char *path, const struct mer_unsigned_options *options,
    struct mer_fitted **ret_model, mer_err *err);
/* Whether it was loaded by mer_model_load_unsigned. */
MER_API bool mer_model_is_unsigned(const struct mer_fitted *model);

/* Predictions for each row: outputs columns, row-major, newly allocated: free with
 * mer_numbers_free. One output for regression; for classification the probability of each class in
 * label order. */
MER_API MER_MUST_CHECK mer_status mer_predict(const struct mer_fitted *model,
                                              const struct mer_table *table,
                                              double **ret_predictions, size_t *ret_n_outputs,
                                              mer_err *err);
MER_API void mer_numbers_free(double *numbers);
/* The class that the model predicts, of a row's probabilities: the most probable one, or where
 * mer_model_threshold is above 0, the second from that probability on. */
MER_API size_t mer_model_class_of(const struct mer_fitted *model, const double *probabilities);
/* 0: the more probable class is predicted. */
MER_API double mer_model_threshold(const struct mer_fitted *model);

/* Quantiles beside the predictions, for a model that was fitted with their levels (MER_ERR_USAGE
 * otherwise): [n_rows][n], rising within a row. ret_predictions may be NULL, and receives what
 * mer_predict gives otherwise. Both are newly allocated: free with mer_numbers_free. */
MER_API MER_MUST_CHECK mer_status mer_predict_quantiles(const struct mer_fitted *model,
                                                        const struct mer_table *table,
                                                        double **ret_predictions,
                                                        double **ret_quantiles, mer_err *err);
/* The levels that the model knows: their number, and the i-th. */
MER_API size_t mer_model_n_quantiles(const struct mer_fitted *model);
MER_API double mer_model_quantile(const struct mer_fitted *model, size_t i);

/* How far predictions of mer_predict may be off: what holds the truth in `coverage` (between 0 and
 * 1, such as 0.9) of all rows, as long as they are like those of the training table. For regression
 * the lower and the upper end of an interval, [n_rows][2]; for classification 1 for each class that
 * is in the set of possible ones and 0 for the others, [n_rows][classes], the most probable one
 * always in it. Newly allocated: free with mer_numbers_free. MER_ERR_USAGE for a model that does
 * not know how far its predictions may be off (of earlier versions, or of few rows), or not for
 * such a coverage. */
MER_API MER_MUST_CHECK mer_status mer_predict_interval(const struct mer_fitted *model,
                                                       const double *predictions, size_t n_rows,
                                                       double coverage, double **ret_bounds,
                                                       mer_err *err);

/* Reads a table for prediction: columns by the model's schema, the target may be absent. */
MER_API MER_MUST_CHECK mer_status mer_model_read_table(const struct mer_fitted *model,
                                                       const char *path,
                                                       const struct mer_table_options *options,
                                                       struct mer_table **ret_table, mer_err *err);

/* Scores on labelled data: calls `each` with every metric that fits the task, by its usual name. */
MER_API MER_MUST_CHECK mer_status
mer_score(const struct mer_fitted *model, const struct mer_table *table,
          void (*each)(void *self, const char *metric, double value), void *self, mer_err *err);

/* Quantiles on labelled data: for each level that the model predicts, the mean pinball loss and the
 * share of the values that are not above. Nothing for a model that predicts none. */
MER_API MER_MUST_CHECK mer_status
mer_score_quantiles(const struct mer_fitted *model, const struct mer_table *table,
                    void (*each)(void *self, double level, double pinball_loss, double below),
                    void *self, mer_err *err);

/* The scores of mer_score for each group of rows that a column of categories or truth values makes,
 * which the model uses; missing values are the group "(missing)". Groups of fewer than five rows
 * are passed over. */
typedef void mer_score_group_fn(void *self, const char *group, size_t n_rows, const char *metric,
                                double value);
MER_API MER_MUST_CHECK mer_status mer_score_by(const struct mer_fitted *model,
                                               const struct mer_table *table, const char *column,
                                               mer_score_group_fn *each, void *self, mer_err *err);

/* A score that a card shows. */
struct mer_card_score {
    const char *metric;
    const char *group; /* NULL: of all rows */
    size_t n_rows;
    double value;
};
struct mer_card_options {
    size_t size;            /* sizeof(struct mer_card_options) */
    const char *name;       /* of the model, as people know it; NULL: "model" */
    const char *provenance; /* of mer_provenance_verify; NULL: nothing is known of the data */
    const struct mer_card_score *scores; /* on data that the model was not trained on */
    size_t n_scores;
    const char *group_column; /* what makes the groups of the scores */
};
/* A card of a loaded model, for other people: "cyclonedx" is a bill of materials by CycloneDX 1.6
 * (JSON), "card" a model card in Markdown, in which what only its maker knows is left to be filled
 * in. The same arguments give the same text; free it with mer_text_free. options may be NULL. */
MER_API MER_MUST_CHECK mer_status mer_model_card(const struct mer_fitted *model, const char *format,
                                                 const struct mer_card_options *options,
                                                 char **ret_text, mer_err *err);

MER_API const char *
mer_model_task(const struct mer_fitted *model); /* "binary", "regression", ... */
MER_API const char *mer_model_target(const struct mer_fitted *model);
MER_API const char *mer_model_family(const struct mer_fitted *model);
MER_API size_t mer_model_classes(const struct mer_fitted *model); /* 0 for regression */
MER_API const char *mer_model_label(const struct mer_fitted *model, size_t i);
MER_API uint64_t mer_model_seed(const struct mer_fitted *model);
MER_API uint64_t mer_model_units(const struct mer_fitted *model);
/* Everything known about the model as JSON text; free with mer_text_free. */
MER_API MER_MUST_CHECK mer_status mer_model_describe(const struct mer_fitted *model,
                                                     char **ret_json, mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
