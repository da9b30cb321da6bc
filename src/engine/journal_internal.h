/* What the files about journals share: the tables, and where they lie.
 */
#ifndef MER_ENGINE_JOURNAL_INTERNAL_H
#define MER_ENGINE_JOURNAL_INTERNAL_H

#include "engine/database.h"
#include "engine/journal.h"

#define MER_JOURNAL_APPLICATION_ID 0x4d65726c /* "Merl" */
#define MER_JOURNAL_VERSION 3                 /* changes with any table */

extern const char MER_JOURNAL_RUN_TABLE[];
extern const char MER_JOURNAL_TRIAL_TABLE[];
extern const char MER_JOURNAL_HELD_OUT_TABLE[];

/* "searching", ... */
const char *mer_run_state_name(enum mer_run_state state);

/* A run's files, malloc; suffix ".sqlite" or ".lock". */
MER_MUST_CHECK mer_status mer_run_path(const char *runs_folder, const char *id, const char *suffix,
                                       char **ret_path, mer_err *err);
/* STATE/runs, malloc. */
MER_MUST_CHECK mer_status mer_runs_folder(const char *state_folder, char **ret_folder,
                                          mer_err *err);
/* Whether it is what a run may be called. */
bool mer_run_id_is_valid(const char *id);
/* Whether anything was noted of it; without that there is an empty file at most. */
bool mer_run_has_begun(const char *runs_folder, const char *id);
/* Opens a run's database and holds it to what a journal is. */
MER_MUST_CHECK mer_status mer_run_open(const char *runs_folder, const char *id,
                                       struct mer_database *database, mer_err *err);
/* Takes away the files of a run that does not go on; MER_ERR_EXISTS when it does. */
MER_MUST_CHECK mer_status mer_run_remove(const char *runs_folder, const char *id, mer_err *err);

/* The ids of all runs, oldest first. */
struct mer_run_ids {
    char (*ids)[MER_RUN_ID_MAX]; /* owned, malloc */
    size_t n;
};
MER_MUST_CHECK mer_status mer_run_ids_read(const char *runs_folder, struct mer_run_ids *ret_ids,
                                           mer_err *err);
void mer_run_ids_release(struct mer_run_ids *ids);

#endif
