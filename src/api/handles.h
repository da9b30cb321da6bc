/* What stands behind the public API's opaque types. For the files of this room and for the program,
 * which shows more than the public functions tell. */
#ifndef MER_API_HANDLES_H
#define MER_API_HANDLES_H

#include "automl/facts.h"
#include "cell/client.h"
#include "cell/pool.h"
#include "core/ctx.h"
#include "core/log.h"
#include "frame/bad_rows.h"
#include "frame/csv.h"
#include "merlon/merlon.h"
#include "os/log_file.h"
#include "os/memory_file.h"
#include "os/sealed.h"

struct mer_study;   /* report_handles.h */
struct mer_journal; /* engine/journal.h */

struct mer_context {
    struct mer_ctx ctx; /* what the rooms are given; points into the fields below */
    struct mer_alloc alloc;
    struct mer_cancel cancel;
    struct mer_progress progress;
    struct mer_log_file log_file;
    struct mer_log_config log_config; /* its texts are not kept */
    char *scratch_folder;             /* owned; NULL: not chosen */
    char *cell_program;               /* owned; NULL: not looked for yet */
    bool require_full_cell;
};

struct mer_table {
    struct mer_context *context;
    _Atomic size_t n_holders; /* the caller, and what was exported and not released */
    char *path;               /* owned; NULL: from memory */
    struct mer_frame frame;
    bool has_frame;
    int image;                /* the frame's bytes as a sealed memory file, for cells; -1: none */
    struct mer_schema schema; /* of the schema file, or what was inferred; else empty */
    bool schema_given;
    char schema_digest[65]; /* of the schema file; empty when there was none */
    char *schema_path;      /* owned: of that file; NULL: there was none */
    bool schema_was_beside;
    struct mer_bad_rows bad;           /* rows that did not fit */
    char *quarantine;                  /* owned: where they are kept; NULL: nowhere */
    struct mer_pseudonyms *pseudonyms; /* borrowed: whose tokens its names are; NULL: names */
    struct mer_csv_report report;
    struct mer_origin origin;
    double read_seconds;  /* from the disk */
    double check_seconds; /* digest and signature */
    double parse_seconds;
};

/* A table with the rows of a validation table behind its own; image -1: none. */
struct mer_joined {
    struct mer_frame frame;
    int image; /* the frame's bytes as a sealed memory file, for cells */
};

/* The columns by which a fit's rows are cut, by their place in the table; SIZE_MAX: none. */
struct mer_role_columns {
    size_t group;
    size_t time;
    size_t folds;
};

/* What the provenance record tells about how a model was made. */
struct mer_making {
    char *path;             /* owned copy of data.path; NULL: from memory */
    struct mer_origin data; /* without its path */
    bool schema_given;
    char schema_digest[65];
    size_t n_rows;
    size_t n_columns;
    bool has_valid;          /* a table that trials were scored on: */
    char *valid_path;        /* owned; NULL: from memory */
    struct mer_origin valid; /* without its path */
    size_t n_valid_rows;
    struct mer_bad_rows bad; /* what was left out; zero when nothing was */
    double budget_seconds;   /* as asked for; 0: none */
    uint64_t units;
    size_t max_trials;
    size_t n_folds;
    bool seed_given;
    bool family_given;
    bool task_given;
    bool classes_balanced;
    bool leaks_left_out;
    struct mer_role_columns roles;
    char *monotone; /* owned: "age=increasing ..."; NULL: none */
    char *asked;    /* owned: lines of what was asked for (replay.h) */
    size_t n_threads;
    enum mer_cpu_level cpu;
    uint64_t started_ns; /* wall clock */
    uint64_t ended_ns;
    double prepare_seconds; /* the target read, the folds cut, their preprocessing learned */
    double search_seconds;  /* the trials */
    double train_seconds;   /* the best again on all rows */
};

struct mer_fitted {
    struct mer_context *context;
    /* What the model tells about itself: whoever shows it, scores with it or reads a table for it
     * needs nothing else. */
    const struct mer_facts *facts;
    /* One of the two, and only api_predict.c and saving look at which: */
    struct mer_pipeline *pipeline;     /* one that was fitted here or verified */
    struct mer_cell_pool *cells;       /* a stranger's */
    struct mer_facts own_facts;        /* of the pipeline */
    char digest[65];                   /* of a loaded model's bytes */
    bool is_new;                       /* fitted here, not loaded */
    struct mer_making making;          /* when new */
    struct mer_study *study;           /* owned; NULL: not asked for */
    struct mer_pseudonyms *pseudonyms; /* borrowed: what its tokens stand for; NULL: not given */
    struct mer_journal *journal;       /* owned; of the run that made it; NULL: none was kept */
    bool was_resumed;
    /* When loaded: the bytes that were verified, which the pipeline may borrow from. */
    struct mer_sealed sealed;
    struct mer_bundle bundle;
    struct mer_buf copied;        /* when it goes on with another: the bytes of that one, instead */
    struct mer_verified verified; /* a stranger's: empty */
    double verify_seconds;
    double parse_seconds;
};

/* Copies a struct of options that begins with its size. A size other than `known` is
 * MER_ERR_USAGE: too small is a field that was not set, too large a program built for a later
 * version. */
MER_MUST_CHECK mer_status mer_options_copy(const void *options, size_t known, const char *what,
                                           void *ret_options, mer_err *err);

/* Reads a table with CSV options that the public ones are laid over. */
MER_MUST_CHECK mer_status mer_table_read_with(struct mer_context *context, const char *path,
                                              const struct mer_table_options *options,
                                              const struct mer_csv_options *base,
                                              struct mer_table **ret_table, mer_err *err);

/* The format (a row of the registry) that a table would be written to a path in: the one that is
 * named, or by the path's end. MER_ERR_USAGE when there is none, or it is only read. */
MER_MUST_CHECK mer_status mer_table_choose_format(const char *path, const char *name,
                                                  size_t *ret_format, mer_err *err);

/* Puts the rows of `valid` behind those of `table`, in sealed memory. MER_ERR_DATA where it has not
 * all columns, or others than it should. */
MER_MUST_CHECK mer_status mer_table_join(const struct mer_table *table,
                                         const struct mer_table *valid,
                                         struct mer_joined *ret_joined, mer_err *err);
void mer_joined_release(struct mer_joined *joined);
/* Releases a region in the memory file fd after its image was written (with `status`), seals the
 * file and opens the frame in it; fd stays the caller's. */
MER_MUST_CHECK mer_status mer_table_adopt_written(const struct mer_ctx *ctx,
                                                  struct mer_file_region *file, int fd,
                                                  mer_status status, struct mer_frame *ret_frame,
                                                  mer_err *err);
/* What a table is known by: the digest of the bytes that it was read from, or else of its image. */
MER_MUST_CHECK mer_status mer_table_digest(const struct mer_table *table, char ret_hex[65],
                                           mer_err *err);

/* A new table without rows, and the options checked, those that were not given filled in. */
MER_MUST_CHECK mer_status mer_table_begin(struct mer_context *context,
                                          const struct mer_table_options *options,
                                          struct mer_table_options *ret_options,
                                          struct mer_table **ret_table, mer_err *err);

/* How the context's cells are started; finds their program. The settings point into the context. */
MER_MUST_CHECK mer_status mer_context_cell_settings(struct mer_context *context,
                                                    struct mer_cell_settings *ret_settings,
                                                    mer_err *err);

/* What a fit sees of a table whose schema gives roles to columns: without those that it leaves out,
 * and with the weights of its rows (NULL: none). The columns are borrowed from `frame`: the table's
 * own, or one with further rows. */
struct mer_fit_view {
    struct mer_frame frame;
    double *weights;
    struct mer_role_columns roles;
};
MER_MUST_CHECK mer_status mer_fit_view_init(const struct mer_ctx *ctx,
                                            const struct mer_table *table,
                                            const struct mer_frame *frame,
                                            const struct mer_fit_options *options,
                                            struct mer_fit_view *ret_view, mer_err *err);
void mer_fit_view_release(struct mer_alloc *alloc, struct mer_fit_view *view);
/* Why a column of a table is left out of a fit that has another target and cuts rows by such
 * columns; NULL: it is not. */
const char *mer_role_left_out(const struct mer_table *table, const struct mer_role_columns *roles,
                              size_t column);
/* The gap of a time column: in seconds, or in the column's own unit. MER_ERR_USAGE. */
MER_MUST_CHECK mer_status mer_role_gap(const char *text, const struct mer_column *time,
                                       double *ret_gap, mer_err *err);
/* The column that the schema calls the target; NULL: none. */
const char *mer_role_target(const struct mer_table *table);

/* What is done about bad rows, by its name; MER_ERR_USAGE. */
MER_MUST_CHECK mer_status mer_on_bad_row_parse(const char *name, enum mer_on_bad_row *ret_mode,
                                               mer_err *err);
/* Keeps and tells of a table's bad rows, once the others have been read. */
MER_MUST_CHECK mer_status mer_bad_rows_keep(struct mer_table *table,
                                            const struct mer_table_options *options, mer_err *err);
/* Of a table that was refused: adds to the error how many rows are bad, where and why. */
MER_MUST_CHECK mer_status mer_bad_rows_explain(const struct mer_table *table, mer_status status,
                                               mer_err *err);
/* Writes them as a member "bad_rows" of the JSON object that the writer is in: counts by column and
 * reason, and the rows' numbers as far as they were kept in mind. */
void mer_bad_rows_put(const struct mer_bad_rows *bad, const char *quarantine_file,
                      struct mer_json_writer *writer);

/* Begins the journal of a fit, or goes on with one, and puts it between the search and its engine.
 * `settings` is what decides which trials are run, but for the seed. What is known of the run's
 * seed and time goes into the search. */
struct mer_search_options;
struct mer_journaled_engine;
MER_MUST_CHECK mer_status mer_fit_journal_open(struct mer_fitted *model,
                                               const struct mer_table *table,
                                               const struct mer_fit_options *options,
                                               struct mer_search_options *search,
                                               struct mer_journaled_engine *engine, mer_err *err);
/* Notes what became of it: a failure, or a model, saved where a digest is given. */
void mer_fit_journal_end(const struct mer_fitted *model, mer_status status,
                         const char *model_digest);

/* SHA-256 in hex of the bytes that a new model would be saved as. */
MER_MUST_CHECK mer_status mer_model_digest(const struct mer_fitted *model, char ret_hex[65],
                                           mer_err *err);

/* SHA-256 in hex. */
MER_MUST_CHECK mer_status mer_digest_hex(const void *bytes, size_t n, char ret_hex[65],
                                         mer_err *err);

/* Writes what is known about the model as members of the JSON object that the writer is in. */
void mer_describe_into(const struct mer_fitted *model, struct mer_json_writer *writer);
/* "reported": the metrics beside the one that decided, and `scores` of them. */
void mer_describe_reported(const struct mer_facts *facts, const double *scores,
                           struct mer_json_writer *writer);
/* "params" of a single model, or "members" of an ensemble, as members of the writer's object. */
void mer_describe_members(const struct mer_facts *facts, struct mer_json_writer *writer);

/* The buffer's contents as a text that mer_text_free frees. */
MER_MUST_CHECK mer_status mer_text_of_buf(const struct mer_buf *buf, char **ret_text, mer_err *err);

/* "FILE" and a suffix, malloc; free with free. */
MER_MUST_CHECK mer_status mer_path_with_suffix(const char *path, const char *suffix,
                                               char **ret_path, mer_err *err);

#endif
