/* The parent's side of a cell: start one, ask it, check what it says, let it end.
 */
#ifndef MER_CELL_CLIENT_H
#define MER_CELL_CLIENT_H

#include "cell/protocol.h"

struct mer_cell_settings {
    const char *program; /* absolute path of merlon-cell */
    bool without_namespaces;
    bool require_full;    /* refuse a cell that lacks Landlock or namespaces: MER_ERR_ABSENT */
    unsigned max_seconds; /* on the clock and of the processor; 0: by the size of the input */
};

/* Untrusted bytes in a sealed memory file (os/sealed.h, os/memory_file.h). */
struct mer_cell_input {
    int fd; /* -1: none */
    size_t n;
};

/* What mer_table_write_image does, in a cell. The schema that options->schema would hold is given
 * as the bytes of its file (fd -1: none) and read in the cell too; ret_schema, unless NULL,
 * receives it (with the table's levels for categories). The image comes back without a copy, sealed
 * and validated, charged to ctx->alloc. ret_schema_failed tells of a failure that it is the
 * schema's.
 */
struct mer_cell_csv {
    struct mer_cell_input table;
    struct mer_cell_input schema;
    const struct mer_csv_options *options;
    size_t format; /* row of the registry of formats + 1; 0: recognise it */
    const char *part;
    const char *query;
    /* Unless NULL: what is done about rows that do not fit is its mode, and it is told of them, of
     * a failure too. Initialised by the caller, and released by him. */
    struct mer_bad_rows *bad;
    int *ret_image; /* unless NULL: the image as a sealed memory file, for the caller to close */
    /* Called, unless NULL, as soon as the cell has the table: whoever does not need it any more may
     * let go of it, and its memory goes back when the cell ends, not after that. */
    void (*given)(void *self);
    void *given_self;
    bool keep_texts; /* of mer_table_reading */
    bool is_file;    /* the table is a file that others may change: the cell makes its own copy */
};
MER_MUST_CHECK mer_status mer_cell_read_csv(
    const struct mer_ctx *ctx, const struct mer_cell_settings *settings,
    const struct mer_cell_csv *what, struct mer_frame *ret_frame, struct mer_csv_report *ret_report,
    struct mer_schema *ret_schema, bool *ret_schema_failed, mer_err *err);

/* What a cell may use: what is left of the budget, and of the machine. */
size_t mer_cell_memory(const struct mer_alloc *alloc);

/* Starts a cell that does nothing and tells what holds it (bits of cell/confine.h) and how long it
 * took until it was ready. */
MER_MUST_CHECK mer_status mer_cell_ping(const struct mer_ctx *ctx,
                                        const struct mer_cell_settings *settings,
                                        unsigned *ret_level, uint64_t *ret_ready_ns, mer_err *err);

#endif
