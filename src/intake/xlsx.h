/* Reads a sheet of an Excel workbook (.xlsx, ECMA-376, ISO/IEC 29500; transitional and strict) into
 * a table image. Pure: bytes in, image or error out; nothing in the workbook is computed or run.
 *
 *   table     one sheet: the one that is named, else the first that has cells. It begins with the
 *             first row that holds anything, and ends with the last; rows between that hold nothing
 *             are rows of missing values, columns before the first that holds anything are left out
 *   numbers   exact, as stored; with a date's or a time's format they are dates and times, in the
 *             1900 system (in which 1900-02-29, which never was, is refused) or the 1904 one
 *   formulas  the value that was stored with them; one without is an error
 *   errors    #N/A is a missing value, any other is an error
 *   merged    cells that are merged within the table are an error: all but the first hold nothing
 *   header    as in CSV
 *
 * Formats, hidden rows and columns, filters, comments, charts and macros mean nothing to it.
 */
#ifndef MER_INTAKE_XLSX_H
#define MER_INTAKE_XLSX_H

#include "intake/table_reader.h"

enum {
    MER_XLSX_ROWS_MAX = 1 << 20,
    MER_XLSX_COLUMNS_MAX = 1 << 14,
    /* Bytes of a cell's text. Excel's own bound is 32767 characters. */
    MER_XLSX_CELL_MAX = 1 << 20
};

#endif
