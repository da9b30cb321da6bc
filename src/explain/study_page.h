/* How a model did, as a page (page.h): docs/report.md tells what it shows. */
#ifndef MER_EXPLAIN_STUDY_PAGE_H
#define MER_EXPLAIN_STUDY_PAGE_H

#include "explain/page.h"
#include "explain/study.h"

/* What the page tells of where the model came from; texts may be NULL. Nothing that differs between
 * two runs that give the same model. */
struct mer_study_source {
    const char *model_digest; /* SHA-256 in hex */
    uint64_t n_model_bytes;
    const char *data_digest;
    uint64_t n_data_bytes;
    const char *signer; /* whose signature the table had */
    const char *schema_digest;
    const char *version; /* of Merlon */
};

MER_MUST_CHECK mer_status mer_study_page(const struct mer_ctx *ctx, const struct mer_study *study,
                                         const struct mer_facts *facts,
                                         const struct mer_study_source *source, struct mer_buf *buf,
                                         mer_err *err);

/* For the files of this room. */
struct mer_study_view {
    const struct mer_ctx *ctx;
    const struct mer_study *study;
    const struct mer_facts *facts;
    const struct mer_study_source *source;
};
void mer_study_put_label(struct mer_page *page, const struct mer_study_view *view, size_t k);
/* Of two classes, of more, of values. */
MER_MUST_CHECK mer_status mer_study_put_binary(struct mer_page *page,
                                               const struct mer_study_view *view);
MER_MUST_CHECK mer_status mer_study_put_calibration(struct mer_page *page,
                                                    const struct mer_study_view *view);
MER_MUST_CHECK mer_status mer_study_put_values(struct mer_page *page,
                                               const struct mer_study_view *view);
MER_MUST_CHECK mer_status mer_study_put_confusion(struct mer_page *page,
                                                  const struct mer_study_view *view);
/* How the search went: the best so far, families compared, shares of the rows (study_search.c). */
void mer_study_put_search(struct mer_page *page, const struct mer_study_view *view);
/* Losses by rounds of boosting, of the boosted models (study_rounds_page.c). */
void mer_study_put_rounds(struct mer_page *page, const struct mer_study_view *view);
/* What became of each column, and what to know before using the model (study_columns.c). */
void mer_study_put_columns(struct mer_page *page, const struct mer_study_view *view);
void mer_study_put_warnings(struct mer_page *page, const struct mer_study_view *view);
MER_MUST_CHECK mer_status mer_study_put_importance(struct mer_page *page,
                                                   const struct mer_study_view *view);

#endif
