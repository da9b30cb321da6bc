/* The formats that a table may come in, by name: one row each. What reads them is in
 * table_reader.h, which only a cell needs: a program that asks for a format by its name carries no
 * reader.
 */
#ifndef MER_INTAKE_TABLE_FORMAT_H
#define MER_INTAKE_TABLE_FORMAT_H

#include "frame/bad_rows.h"
#include "frame/csv.h"

/* How a table is read. */
struct mer_table_reading {
    /* The schema and what goes with it hold for every format, delimiter and header for CSV alone.
     */
    struct mer_csv_options csv;
    /* Which table of a file that holds several: the name of a sheet or a table; NULL: the only one,
     * or the first, as the format says. */
    const char *part;
    const char *query; /* SQL that makes the table, where the format has that; NULL: none */
    /* Rows that do not fit are told of here, and left out unless its mode is to fail. NULL: the
     * first one ends the reading. */
    struct mer_bad_rows *bad;
    bool sets_aside; /* of table_reader.c: the table was refused, and rows go into `bad` now */
    /* Without a schema, texts such as NA are values where the format says missing by itself. */
    bool keep_texts;
};

enum { MER_TABLE_COMPANIONS_MAX = 2 };

struct mer_table_format {
    const char *name;       /* as in --format, "csv" */
    const char *extensions; /* of file names, in lower case, separated by spaces: "csv tsv" */
    bool has_parts;         /* mer_table_reading's `part` means something */
    bool has_queries;       /* so does its `query` */
    const char *magic;      /* n_magic bytes that a file begins with; or none: its reader tells */
    size_t n_magic;
    /* What is added to a file's name to get those beside it that hold what it does not hold yet. */
    const char *companions[MER_TABLE_COMPANIONS_MAX];
};

/* Static; CSV is the first row. */
extern const struct mer_table_format MER_TABLE_FORMATS[];
extern const size_t MER_N_TABLE_FORMATS;

/* The row of that name, or of a file name's extension; SIZE_MAX: none. */
size_t mer_table_format_find(const char *name);
size_t mer_table_format_of_path(const char *path);
/* Whether a file begins as one of this row does. */
bool mer_table_format_has_magic(const struct mer_table_format *format, const void *bytes, size_t n);

#endif
