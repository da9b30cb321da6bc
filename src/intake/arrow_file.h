/* The metadata of an Arrow IPC file (https://arrow.apache.org/docs/format/Columnar.html, "IPC File
 * Format"; Feather version 2 is the same): its columns, and where its batches lie.
 */
#ifndef MER_INTAKE_ARROW_FILE_H
#define MER_INTAKE_ARROW_FILE_H

#include "core/arena.h"
#include "intake/arrow_decode.h"
#include "intake/decompress.h"
#include "intake/flat_read.h"

#define MER_ARROW_MAGIC "ARROW1"
enum { MER_ARROW_MAGIC_BYTES = 6 };

struct mer_arrow_field {
    const char *name; /* n_name bytes in the file */
    size_t n_name;
    struct mer_arrow_type type;
    int64_t dictionary_id;
};

/* The message of a record batch, or of a dictionary, and its body. */
struct mer_arrow_batch {
    struct mer_flat flat;
    mer_flat_table table; /* RecordBatch */
    const unsigned char *body;
    size_t n_body;
    int64_t dictionary_id; /* of a dictionary */
    bool is_delta;
};

struct mer_arrow_file {
    struct mer_arena arena;
    const unsigned char *bytes;
    size_t n;
    struct mer_flat footer;
    struct mer_arrow_field *fields;
    size_t n_fields;
    struct mer_flat_vector dictionaries; /* Blocks */
    struct mer_flat_vector batches;
};

bool mer_arrow_file_applies(const unsigned char *bytes, size_t n);

/* Borrows the bytes; release with mer_arrow_file_close, also after a failure. Nested columns are
 * refused by name. */
MER_MUST_CHECK mer_status mer_arrow_file_open(const struct mer_ctx *ctx, const unsigned char *bytes,
                                              size_t n, struct mer_arrow_file *ret_file,
                                              mer_err *err);
void mer_arrow_file_close(struct mer_arrow_file *file);

/* The i-th block of one of the two vectors. */
MER_MUST_CHECK mer_status mer_arrow_file_batch(struct mer_arrow_file *file,
                                               struct mer_flat_vector blocks, size_t i,
                                               bool is_dictionary, struct mer_arrow_batch *ret,
                                               mer_err *err);

#endif
