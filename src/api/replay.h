/* A fit that is repeated: what made a model, read from the model and its record, and whether the
 * same came of it again. For the program.
 */
#ifndef MER_API_REPLAY_H
#define MER_API_REPLAY_H

#include "api/handles.h"

struct mer_replay; /* opaque */

/* What was asked for, as lines "name=value" for the record. */
MER_MUST_CHECK mer_status mer_replay_note(const struct mer_fit_options *options, char **ret_lines,
                                          mer_err *err);
/* Writes them as a member "asked", an array, of the JSON object that the writer is in. */
void mer_replay_put(const char *lines, struct mer_json_writer *writer);

/* Loads the model and its record (PATH.provenance.json), both verified. MER_ERR_DATA for a record
 * that tells too little. */
MER_MUST_CHECK mer_status mer_replay_open(struct mer_context *context, const char *path,
                                          const struct mer_trust *trust,
                                          struct mer_replay **ret_replay, mer_err *err);
void mer_replay_free(struct mer_replay *replay);
/* Sets what decides the model: target, task, metric, family, parameters, folds, seed, work units.
 */
void mer_replay_apply(const struct mer_replay *replay, struct mer_fit_options *options);
/* The model has the bytes of the one that was replayed; MER_ERR_DATA otherwise, with what is
 * another: the table, the version, the first trial. */
MER_MUST_CHECK mer_status mer_replay_check(const struct mer_replay *replay,
                                           const struct mer_fitted *model, mer_err *err);

#endif
