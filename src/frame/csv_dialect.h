/* Finds out how a CSV text is written: byte-order mark, delimiter, header. */
#ifndef MER_FRAME_CSV_DIALECT_H
#define MER_FRAME_CSV_DIALECT_H

#include "frame/csv.h"
#include "frame/csv_missing.h"

struct mer_csv_dialect {
    char delimiter;
    bool has_header;
    bool had_bom;
    const char *text; /* behind the mark */
    size_t n_text;
};

/* Takes what the options state and detects the rest. MER_ERR_DATA when the text is empty or in
 * another encoding, MER_ERR_USAGE for a delimiter that cannot be one.
 *
 * Delimiter: of comma, semicolon, tab and bar the one that cuts the first records (up to 100,
 * within 64 KB) into the same number of cells, the largest such number above 1; else the one with
 * the most cells in the first record; else the comma.
 *
 * Header: the first record is one unless it looks like data. A column speaks for a header when its
 * first cell is text and every other cell sampled (up to 20) is a number, a date, a time or a truth
 * value; it speaks against one when the first cell is of that kind too. One vote for a header
 * decides; without any, one against it does; without votes there is a header. */
MER_MUST_CHECK mer_status mer_csv_detect(const struct mer_ctx *ctx, const char *bytes, size_t n,
                                         const struct mer_csv_options *options,
                                         const struct mer_missing *missing,
                                         struct mer_csv_dialect *ret_dialect, mer_err *err);

#endif
