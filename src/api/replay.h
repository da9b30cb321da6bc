/* A fit that is repeated: what made a model, read from the model and its record, and whether the
 * same came of it again. The public part is in merlon/runs.h.
 */
#ifndef MER_API_REPLAY_H
#define MER_API_REPLAY_H

#include "api/handles.h"
#include "merlon/runs.h"

/* What was asked for, as lines "name=value" for the record. */
MER_MUST_CHECK mer_status mer_replay_note(const struct mer_fit_options *options, char **ret_lines,
                                          mer_err *err);
/* Writes them as a member "asked", an array, of the JSON object that the writer is in. */
void mer_replay_put(const char *lines, struct mer_json_writer *writer);

#endif
