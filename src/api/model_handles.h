/* Steps of loading a model that more than one way of loading shares. */
#ifndef MER_API_MODEL_HANDLES_H
#define MER_API_MODEL_HANDLES_H

#include "api/handles.h"

/* One that holds nothing yet; free with mer_fitted_free. */
MER_MUST_CHECK mer_status mer_model_new(struct mer_context *context, struct mer_fitted **ret_model,
                                        mer_err *err);
/* Fills a new one with a copy of another, on bytes of its own, and tells their digest. */
MER_MUST_CHECK mer_status mer_model_copy(const struct mer_fitted *from, struct mer_fitted *model,
                                         mer_err *err);
/* Parses model->sealed, whose signer is trusted. */
MER_MUST_CHECK mer_status mer_model_parse(struct mer_fitted *model, const char *path, mer_err *err);
/* Hands model->sealed, for which nobody vouches, to n_cells > 0 cells. */
MER_MUST_CHECK mer_status mer_model_into_cells(struct mer_fitted *model, const char *path,
                                               size_t n_cells, mer_err *err);

#endif
