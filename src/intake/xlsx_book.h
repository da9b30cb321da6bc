/* A workbook but for its sheets' cells: which sheets there are, which formats mean dates, and the
 * texts that cells share.
 */
#ifndef MER_INTAKE_XLSX_BOOK_H
#define MER_INTAKE_XLSX_BOOK_H

#include "core/arena.h"
#include "core/buf.h"
#include "intake/xlsx_format.h"
#include "intake/xlsx_xml.h"

enum {
    MER_XLSX_SHEETS_MAX = 4096,
    MER_XLSX_RELATIONSHIPS_MAX = 8192,
    MER_XLSX_FORMATS_MAX = 1 << 16
};

struct mer_xlsx_sheet {
    const char *name;
    const char *relationship;
};

struct mer_xlsx_relationship {
    const char *id;
    const char *type; /* the last part of its address: "worksheet" */
    const char *path; /* in the archive; NULL: outside */
};

struct mer_xlsx_book {
    const struct mer_ctx *ctx;
    struct mer_zip zip;
    uint64_t salt;
    struct mer_arena arena; /* names, paths */
    bool is_1904;
    struct mer_xlsx_sheet *sheets; /* owned */
    size_t n_sheets;
    struct mer_xlsx_relationship *relationships; /* of the part that was read last; owned */
    size_t n_relationships;
    enum mer_xlsx_format *formats; /* by cell style; owned */
    size_t n_formats;
    struct mer_buf texts; /* shared, one behind the other */
    size_t *text_ends;    /* [n_texts], owned */
    size_t n_texts;
};

/* Opens a workbook in memory, which is borrowed. MER_ERR_DATA when it is none, or is damaged, or
 * hostile. Release with mer_xlsx_book_release. */
MER_MUST_CHECK mer_status mer_xlsx_book_open(struct mer_xlsx_book *book, const struct mer_ctx *ctx,
                                             const void *bytes, size_t n, mer_err *err);
void mer_xlsx_book_release(struct mer_xlsx_book *book);

/* The entry of a sheet's cells. MER_ERR_DATA when the sheet is a chart or the like. */
MER_MUST_CHECK mer_status mer_xlsx_book_find(const struct mer_xlsx_book *book,
                                             const struct mer_xlsx_sheet *sheet,
                                             const struct mer_zip_entry **ret_entry, mer_err *err);
bool mer_xlsx_book_has_cells(const struct mer_xlsx_book *book, const struct mer_xlsx_sheet *sheet);

/* Replaces _xHHHH_ by the character that it stands for, in place (ECMA-376 Part 1, 22.9.2.19);
 * returns the new length. Zero and surrogates stay as they are. */
size_t mer_xlsx_unescape(char *text, size_t n);

#endif
