/* Pages to look at: what a table holds, and how a model did. One file of HTML each, without scripts
 * and without a reference to anything outside. docs/report.md tells what they show.
 *
 * A page may hold values out of the records, so its file is readable by its owner alone (0600).
 */
#ifndef MERLON_REPORT_H
#define MERLON_REPORT_H

#include "merlon/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a table holds. Free with mer_description_free. */
struct mer_description;

struct mer_describe_options {
    size_t size;     /* sizeof(struct mer_describe_options) */
    size_t min_rows; /* a level that fewer rows have is not named; 0: 5 */
};

/* Counts and measures a table: types, missing values, quartiles, outliers, levels, copies of rows
 * and columns, correlations. options NULL: defaults. The table must outlive the description. */
MER_API MER_MUST_CHECK mer_status mer_describe(const struct mer_table *table,
                                               const struct mer_describe_options *options,
                                               struct mer_description **ret_description,
                                               mer_err *err);
MER_API void mer_description_free(struct mer_description *description);
/* As JSON text; free with mer_text_free. */
MER_API MER_MUST_CHECK mer_status mer_description_json(const struct mer_description *description,
                                                       char **ret_json, mer_err *err);
/* As a page. MER_ERR_EXISTS when there is a file at PATH, unless `replace`. */
MER_API MER_MUST_CHECK mer_status mer_description_save(const struct mer_description *description,
                                                       const char *path, bool replace,
                                                       mer_err *err);

/* How a model did, as a page: leaderboard, scores with intervals, curves, calibration, confusions
 * or residuals, importance of columns, provenance. For a model that was fitted with `study`
 * (MER_ERR_USAGE otherwise). `saved`, of mer_model_save, or NULL: the page names the model's
 * digest. The same model gives the same bytes. MER_ERR_EXISTS when there is a file at PATH, unless
 * `replace`.
 */
MER_API MER_MUST_CHECK mer_status mer_report_save(const struct mer_fitted *model,
                                                  const struct mer_saved *saved, const char *path,
                                                  bool replace, mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
