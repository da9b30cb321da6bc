/* What stands behind struct mer_description, and what a model's report is drawn from. */
#ifndef MER_API_REPORT_HANDLES_H
#define MER_API_REPORT_HANDLES_H

#include "api/handles.h"
#include "explain/profile_page.h"
#include "explain/study_page.h"

/* Over a table that outlives it. */
struct mer_description {
    const struct mer_table *table;
    struct mer_profile profile;
};

/* Before and after a search that is studied; frees what began too. */
MER_MUST_CHECK mer_status mer_study_begin(struct mer_fitted *model, const struct mer_table *table,
                                          const char *target, mer_err *err);
void mer_study_free(struct mer_fitted *model);

#endif
