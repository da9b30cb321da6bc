/* Tables: reading CSV, schemas, and a look at the columns. */
#ifndef MERLON_FRAME_H
#define MERLON_FRAME_H

#include "merlon/trust.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A project's key and names for pseudonyms (pseudonyms.h). */
struct mer_pseudonyms;

/* A table in memory; immutable. Free with mer_table_free. */
struct mer_table;

struct mer_table_options {
    size_t size;             /* sizeof(struct mer_table_options) */
    char delimiter;          /* 0: detect */
    int has_header;          /* 1 yes, 0 no (columns are then named column_1, ...), -1 detect */
    const char *schema_file; /* Table Schema to enforce; NULL: infer types */
    /* Where trust is given, the signature PATH.sig is verified when there is one, over the very
     * bytes that are then parsed: MER_ERR_TRUST when it does not hold. */
    const struct mer_trust *trust;
    bool require_signature; /* no signature is MER_ERR_TRUST too */
    /* A name of mer_table_format_name; NULL: by what the bytes are, never by the file's name. */
    const char *format;
    const char *part;  /* which table of a file that holds several; NULL: as the format says */
    const char *query; /* SQL that makes the table, where the format has that; NULL: none */
    /* Without a schema_file, the Table Schema NAME.schema.json beside a table NAME.csv
     * (NAME.csv.gz,
     * ...) is enforced when it is there, unless this is set. */
    bool ignore_schema_beside;
    /* What is done about a row of CSV that does not fit: "fail" (NULL too) tells of all of them and
     * reads nothing; "skip" leaves them out; "quarantine" also keeps them in a file of mode 0600
     * that must not exist yet. */
    const char *on_bad_row;
    const char *quarantine_file; /* NULL: NAME.quarantine.csv in the working folder */
    /* Seals that file (seal.h): "age1...", the name of a key in the usual key store, or a file with
     * recipients. NULL: it is not sealed. */
    const char *quarantine_recipient;
    /* Leaves the digest of mer_table_origin empty where no signature needs it, which saves its
     * time. */
    bool without_digest;
    /* Without a schema, texts such as NA stay texts where the format says missing by itself. */
    bool keep_texts;
    /* The table's names and levels are replaced by this project's tokens before anything else sees
     * them; columns that the schema leaves out are dropped, others of free text are MER_ERR_DATA,
     * and messages name no column. NULL: names stay. */
    struct mer_pseudonyms *pseudonyms;
};

/* Where a table's bytes came from. */
struct mer_origin {
    const char *path;              /* as given, "-" for standard input; NULL: from memory */
    uint64_t n_bytes;              /* as read, still compressed */
    char digest[65];               /* SHA-256 of those bytes in hex; empty: not wanted */
    bool is_signed;                /* a signature was verified */
    struct mer_verified signature; /* when is_signed */
};

/* Reads a table of any format that mer_table_format_name lists (CSV may be compressed with gzip or
 * zstd);
 * "-" is standard input. It is parsed in a process of its own that
 * can reach nothing (context.h); MER_ERR_ABSENT where there can be none. options NULL: detect
 * everything. Errors name row and column, never a value. The table belongs to the context and must
 * be freed before it.
 */
MER_API MER_MUST_CHECK mer_status mer_table_read(struct mer_context *context, const char *path,
                                                 const struct mer_table_options *options,
                                                 struct mer_table **ret_table, mer_err *err);
/* The same from memory; the bytes are not kept. */
MER_API MER_MUST_CHECK mer_status mer_table_parse(struct mer_context *context, const void *bytes,
                                                  size_t n, const struct mer_table_options *options,
                                                  struct mer_table **ret_table, mer_err *err);
/* Reads a table that goes with another, to validate on: held to the schema of that one, or where it
 * has none to the types that were found in it (then levels may be new, and further columns are
 * passed over). Pseudonyms are those of the other; `schema_file` must not be given. */
MER_API MER_MUST_CHECK mer_status mer_table_read_like(struct mer_context *context, const char *path,
                                                      const struct mer_table_options *options,
                                                      const struct mer_table *like,
                                                      struct mer_table **ret_table, mer_err *err);
MER_API void mer_table_free(struct mer_table *table);

/* The i-th format that tables may have ("csv", ...); NULL when i is out of range. */
MER_API const char *mer_table_format_name(size_t i);
/* That of a table that was read. */
MER_API const char *mer_table_format(const struct mer_table *table);

struct mer_table_write_options {
    size_t size;            /* sizeof(struct mer_table_write_options) */
    const char *format;     /* "csv", "parquet", "arrow"; NULL: by the end of the file's name */
    char delimiter;         /* of CSV; 0: a comma */
    bool replace;           /* existing files */
    const char *schema_out; /* where the schema goes by which the file reads back; NULL: nowhere */
};

/* What was written. */
struct mer_table_written {
    const char *format; /* a constant */
    uint64_t n_bytes;
    /* CSV: the text that means missing in it (a constant), NULL: nothing is missing; and how many
     * texts are words like NA, so that they read as missing without the schema. */
    const char *missing;
    uint64_t n_texts_lost;
};

/* Writes a table to a file that appears whole or not at all; the same table gives the same bytes.
 * CSV holds the shortest texts that mean the same values. MER_ERR_EXISTS where a file stands and is
 * not to be replaced. options and ret_written may be NULL. */
MER_API MER_MUST_CHECK mer_status mer_table_write(const struct mer_table *table, const char *path,
                                                  const struct mer_table_write_options *options,
                                                  struct mer_table_written *ret_written,
                                                  mer_err *err);

/* Valid as long as the table. */
MER_API const struct mer_origin *mer_table_origin(const struct mer_table *table);
MER_API size_t mer_table_rows(const struct mer_table *table);
MER_API size_t mer_table_columns(const struct mer_table *table);
/* Name and type ("integer", "categorical", ...) of column i; NULL when i is out of range. */
MER_API const char *mer_table_column_name(const struct mer_table *table, size_t i);
MER_API const char *mer_table_column_type(const struct mer_table *table, size_t i);
MER_API size_t mer_table_column_missing(const struct mer_table *table, size_t i);

/* The file of the schema that the table was held to; NULL: none. */
MER_API const char *mer_table_schema_file(const struct mer_table *table);
/* Rows that were left out, and where they are kept (NULL: nowhere). */
MER_API uint64_t mer_table_bad_rows(const struct mer_table *table);
MER_API const char *mer_table_quarantine_file(const struct mer_table *table);
/* What was wrong with them: the i-th pair of column (NULL: the row as a whole) and reason
 * ("not_integer", ...), and how many rows it holds for. Each row counts once, for what was wrong
 * first. False when i is out of range. */
MER_API bool mer_table_bad_reason(const struct mer_table *table, size_t i, const char **ret_column,
                                  const char **ret_reason, uint64_t *ret_rows);

/* The table's schema as JSON text, zero-terminated; free with mer_text_free. */
MER_API MER_MUST_CHECK mer_status mer_table_schema(const struct mer_table *table, char **ret_json,
                                                   mer_err *err);
/* Frees any text that a function of this library returned as `char **ret_...`. */
MER_API void mer_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
