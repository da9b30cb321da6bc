/* Pseudonyms: names of columns and levels of categories as tokens ("mer_" and 26 letters), so that
 * models, logs, reports and other processes hold none of them. Predictions are the same, bit for
 * bit. docs/pseudonyms.md tells what is replaced and what is not. */
#ifndef MERLON_PSEUDONYMS_H
#define MERLON_PSEUDONYMS_H

#include "merlon/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opens a project's key and the names that it has replaced: names/PROJECT.key and
 * names/PROJECT.json, both 0600, in `directory` (NULL: $XDG_CONFIG_HOME/merlon or
 * ~/.config/merlon). `make`: a new key where there is none, otherwise that is MER_ERR_NO_INPUT.
 * ret_is_new may be NULL. Names of projects are like those of keys. To be freed, with
 * mer_pseudonyms_free, after whatever was read or loaded with it; to be used by one thread at a
 * time. */
MER_API MER_MUST_CHECK mer_status mer_pseudonyms_open(const char *directory, const char *project,
                                                      bool make,
                                                      struct mer_pseudonyms **ret_pseudonyms,
                                                      bool *ret_is_new, mer_err *err);
MER_API void mer_pseudonyms_free(struct mer_pseudonyms *pseudonyms);

/* Room for a token and its final zero. */
enum { MER_PSEUDONYM_MAX = 31 };
/* The token of a column, or of a level of it (NULL: of the column). */
MER_API MER_MUST_CHECK mer_status mer_pseudonym(const struct mer_pseudonyms *pseudonyms,
                                                const char *column, const char *level,
                                                char ret_token[MER_PSEUDONYM_MAX], mer_err *err);
/* What a token stands for; NULL where the project does not know it. Valid until the pseudonyms are
 * freed or a table is read with them. */
MER_API const char *mer_pseudonym_name(const struct mer_pseudonyms *pseudonyms, const char *token);

/* Whether a model was fitted to a table that was read with pseudonyms. */
MER_API bool mer_model_is_pseudonymous(const struct mer_fitted *model);
/* From now on mer_model_target and mer_model_label give names, and mer_model_read_table reads
 * tables that have names. MER_ERR_TRUST where the project does not know the model's names. */
MER_API MER_MUST_CHECK mer_status mer_model_set_pseudonyms(struct mer_fitted *model,
                                                           struct mer_pseudonyms *pseudonyms,
                                                           mer_err *err);

/* A text with its tokens turned back: as a new text, to be freed with mer_text_free. `kind` is
 * "csv", "json", "html" or "text", which decides how names are quoted; NULL: by how the text
 * begins. *ret_n_known and *ret_n_unknown (NULL allowed) count the tokens that were and were not.
 */
MER_API MER_MUST_CHECK mer_status mer_pseudonyms_turn_back(const struct mer_pseudonyms *pseudonyms,
                                                           const char *kind, const char *text,
                                                           size_t n, char **ret_text,
                                                           size_t *ret_n_known,
                                                           size_t *ret_n_unknown, mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
