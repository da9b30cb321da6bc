/* What a parent and its cell say to each other: fixed-layout messages over one stream socket. Both
 * ends run on one machine and come from one build, so integers are native. The parent believes
 * nothing: every size, code and text of an answer is checked before use (client.c), for by then the
 * cell may be anybody.
 *
 *   parent -> cell   struct mer_cell_start, before anything else happens
 *   cell -> parent   READY, once it is confined and before it has seen a byte of the input
 *   parent -> cell   struct mer_cell_request, then n_inline bytes
 *   cell -> parent   any number of PROGRESS, then one RESULT, then n_inline bytes
 *
 * A cell that cannot confine itself sends a RESULT instead of READY and ends. After its RESULT a
 * cell ends too, but for two that go on to hear requests until their parent closes the socket: one
 * that has opened a model hears requests to PREDICT, each with the descriptor of a table beside it
 * (and tells as PROGRESS how many rows' predictions are in OUTPUT to stay); one that has opened a
 * table (a worker, worker.h) hears requests for a TRIAL, each followed by a struct mer_cell_trial.
 */
#ifndef MER_CELL_PROTOCOL_H
#define MER_CELL_PROTOCOL_H

#include <assert.h>

#include "intake/table_format.h"

#define MER_CELL_MAGIC 0x364c4c4543524d4dULL /* changes with any layout here */

enum mer_cell_job {
    MER_CELL_JOB_PING,     /* answers at once: start-up time, doctor */
    MER_CELL_JOB_READ_CSV, /* INPUT: a table; SIDE: a schema, or nothing; OUTPUT: the image; inline
                              answer: notes on the schema (schema_notes.h) */
    MER_CELL_JOB_OPEN_MODEL, /* INPUT: a model's file; inline answer: its facts (facts_notes.h) */
    MER_CELL_JOB_PREDICT, /* of the model that is open; beside the request: a table's image, n_side
                             bytes, sealed and checked by the parent; OUTPUT: the predictions, from
                             its start, [n_rows][outputs] doubles */
    MER_CELL_JOB_OPEN_TABLE, /* INPUT: a table's image, checked by the parent; SIDE: what trials
                                score on it (trial_notes.h) */
    MER_CELL_JOB_TRIAL, /* on the table that is open; behind the request: a struct mer_cell_trial
                           (trial_protocol.h);
                           OUTPUT: a struct mer_cell_trial_result, then [n_held_out][n_outputs]
                           doubles */
    MER_CELL_JOB_AUDIT, /* INPUT: any file, perhaps one that others may still change; inline
                           answer: a report (audit/audit_report.h) */
    MER_CELL_JOB_READ_FILE, /* as READ_CSV; INPUT is a file that others may still change, which the
                               cell copies before it looks at it */
    MER_CELL_JOB_PREDICT_AGAIN, /* for the table that came last, of MER_CELL_KEPT_MAX bytes at most;
                                   no descriptor comes with it */
    MER_CELL_JOB_COUNT
};

enum {
    MER_CELL_INLINE_MAX = 1 << 16, /* of a request */
    MER_CELL_NOTES_MAX = 1 << 22,  /* of an answer about a schema */
    MER_CELL_FACTS_MAX = 1 << 26,  /* of an answer about a model */
    MER_CELL_PHASE_MAX = 24,
    MER_CELL_KEPT_MAX = 1 << 26, /* bytes of a table that stays mapped until the next one comes */
};

/* What a cell has to know before it gives up everything. */
struct mer_cell_start {
    uint64_t magic;
    uint32_t n_threads; /* of its team, its own thread counted */
    uint32_t serves;    /* it will hold a model and be asked again and again */
};
enum { MER_CELL_THREADS_MAX = 256 };

struct mer_cell_request {
    uint64_t magic;
    uint64_t n_input; /* bytes of INPUT and SIDE, which are sealed */
    uint64_t n_side;
    uint64_t max_memory_bytes; /* of the cell's own memory, its output included */
    uint32_t job;
    uint32_t cpu;      /* enum mer_cpu_level */
    uint32_t n_inline; /* READ_CSV: those of the optional field's name, the part and the query that
                          there are, each with its final zero */
    /* READ_CSV */
    char delimiter;
    uint8_t header;
    uint8_t has_schema;
    uint8_t wants_notes;
    uint8_t allow_extra;
    uint8_t allow_new_levels;
    uint8_t has_optional_field;
    uint8_t format; /* row of the registry of formats + 1; 0: recognise it */
    uint8_t has_part;
    uint8_t has_query;
    uint8_t on_bad_row; /* enum mer_on_bad_row + 1; 0: tell of the first alone */
    uint8_t keep_texts;
};

enum mer_cell_answer_kind { MER_CELL_READY, MER_CELL_PROGRESS, MER_CELL_RESULT };
enum mer_cell_part { MER_CELL_PART_INPUT, MER_CELL_PART_SIDE };
enum { MER_CELL_MISSING_MAX = 16, MER_CELL_PART_NAME_MAX = 64 };

/* struct mer_csv_report without types whose bits can be invalid. */
struct mer_cell_csv_report {
    uint64_t n_rows;
    uint64_t n_columns;
    uint64_t missing_counts[MER_CELL_MISSING_MAX];
    uint64_t n_parts;
    char part[MER_CELL_PART_NAME_MAX]; /* zero-terminated */
    uint8_t delimiter;
    uint8_t has_header;
    uint8_t had_bom;
    uint8_t was_gzip;
    uint8_t format;
    uint8_t padding[3];
};

struct mer_cell_answer {
    uint64_t magic;
    uint32_t kind;
    uint32_t code;     /* enum mer_code */
    uint32_t level;    /* READY: what holds the cell */
    uint32_t part;     /* of a failure: what is wrong, enum mer_cell_part */
    uint64_t done;     /* PROGRESS */
    uint64_t total;    /* PROGRESS */
    uint64_t n_output; /* bytes in OUTPUT */
    uint64_t
        n_aside; /* READ_CSV, of a failure too: bytes behind them, a block of frame/bad_rows.h */
    uint64_t n_inline;
    struct mer_cell_csv_report report;
    char phase[MER_CELL_PHASE_MAX]; /* PROGRESS */
    char message[MER_ERR_TEXT_MAX]; /* of a failure; zero-terminated */
    char hint[MER_ERR_TEXT_MAX];
};

static_assert(sizeof(struct mer_cell_start) == 16, "no byte without a name travels");
static_assert(sizeof(struct mer_cell_request) == 56, "no byte without a name travels");
static_assert(sizeof(struct mer_cell_answer) == 64 + 32 + 8 * MER_CELL_MISSING_MAX +
                                                    MER_CELL_PART_NAME_MAX + MER_CELL_PHASE_MAX +
                                                    2 * MER_ERR_TEXT_MAX,
              "no byte without a name travels");

#endif
