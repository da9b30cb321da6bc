/* Chooses a sheet and turns its cells, as they come by, into rows of a loose table. */
#include "intake/xlsx.h"

#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "frame/image.h"
#include "frame/infer.h"
#include "intake/loose_table.h"
#include "intake/xlsx_book.h"

enum { MILLISECOND = 1000 };

/* A table may have so many cells per byte of the sheet that hold nothing: a row of one cell takes
 * some forty. */
enum { EMPTY_CELLS_FREE = 1 << 20, EMPTY_CELLS_PER_BYTE = 16 };

/* What is known of the cell that is being read. */
struct open_cell {
    const char *type; /* one of the constants below */
    size_t column;    /* from 0 */
    enum mer_xlsx_format format;
    bool has_value;
    bool has_formula;
    size_t begin; /* of its text in sheet->text */
};

/* #N/A: no value, but there is something in the cell. */
static const struct mer_loose_cell not_available = {.kind = MER_LOOSE_MISSING, .value = 1};

static bool is_blank(const struct mer_loose_cell *cell)
{
    return cell->kind == MER_LOOSE_MISSING && cell->value == 0;
}

static const char *const types[] = {"n", "s", "str", "inlineStr", "b", "e", "d"};

struct sheet {
    const struct mer_xlsx_book *book;
    const struct mer_zip_entry *entry;
    struct mer_loose_table table;
    struct mer_loose_cell *cells; /* of the row, by column; owned */
    size_t capacity;
    size_t n_cells;
    struct mer_buf text; /* of the row's cells */
    struct open_cell cell;
    bool in_row;
    bool in_cell;
    bool taking;      /* the text that comes is the cell's */
    size_t row;       /* from 1, the number of the one that is being read */
    size_t first_row; /* of the table; 0: not found yet */
    size_t last_row;
    size_t first_column;
    size_t end_column; /* behind the last one with a value */
};

/* "B12"; columns from 0, rows from 1. */
static const char *cell_name(size_t column, size_t row, char text[32])
{
    char letters[8];
    size_t n = 0;
    for (size_t c = column + 1; c > 0 && n < sizeof letters; c = (c - 1) / 26)
        letters[n++] = (char)('A' + (c - 1) % 26);
    size_t at = 0;
    while (n > 0)
        text[at++] = letters[--n];
    (void)snprintf(text + at, 32 - at, "%zu", row);
    return text;
}

/* Reads "B12"; the end of it, or NULL. */
static const char *read_name(const char *s, size_t *ret_column, size_t *ret_row)
{
    size_t column = 0, row = 0;
    const char *begin = s;
    for (; *s >= 'A' && *s <= 'Z'; s++) {
        column = column * 26 + (size_t)(*s - 'A') + 1;
        if (column > MER_XLSX_COLUMNS_MAX)
            return NULL;
    }
    if (s == begin)
        return NULL;
    for (begin = s; *s >= '0' && *s <= '9'; s++) {
        row = row * 10 + (size_t)(*s - '0');
        if (row > MER_XLSX_ROWS_MAX)
            return NULL;
    }
    if (s == begin || row == 0)
        return NULL;
    *ret_column = column - 1;
    *ret_row = row;
    return s;
}

static mer_status cell_fail(const struct sheet *sheet, mer_err *err, const char *what)
{
    char name[32];
    return mer_fail(err, MER_ERR_DATA, "cell %s: %s",
                    cell_name(sheet->cell.column, sheet->row, name), what);
}

static mer_status damaged(mer_err *err, const char *what)
{
    return mer_fail(err, MER_ERR_DATA, "the sheet is damaged: %s", what);
}

static mer_status open_row(struct sheet *sheet, const char **attributes, mer_err *err)
{
    const char *number = mer_xlsx_attribute(attributes, "r");
    int64_t row = (int64_t)sheet->row + 1;
    if (number && !mer_integer_parse(number, strlen(number), &row))
        return damaged(err, "a row has a number that is none");
    if (row <= (int64_t)sheet->row || row > MER_XLSX_ROWS_MAX)
        return damaged(err, "its rows are not in order");
    sheet->row = (size_t)row;
    sheet->in_row = true;
    sheet->n_cells = 0;
    mer_buf_clear(&sheet->text);
    return mer_ok();
}

static mer_status open_cell(struct sheet *sheet, const char **attributes, mer_err *err)
{
    struct open_cell cell = {.type = types[0], .column = sheet->n_cells, .begin = sheet->text.n};
    const char *name = mer_xlsx_attribute(attributes, "r");
    const char *style = mer_xlsx_attribute(attributes, "s");
    const char *type = mer_xlsx_attribute(attributes, "t");
    size_t row = sheet->row;
    const char *end = name ? read_name(name, &cell.column, &row) : "";
    if (!end || *end)
        return damaged(err, "a cell has a name that is none");
    if (row != sheet->row || cell.column < sheet->n_cells || cell.column >= MER_XLSX_COLUMNS_MAX)
        return damaged(err, "its cells are not in order");
    if (style) {
        int64_t index;
        if (!mer_integer_parse(style, strlen(style), &index) || index < 0 ||
            (size_t)index >= sheet->book->n_formats)
            return damaged(err, "a cell has a style that is none");
        cell.format = sheet->book->formats[index];
    }
    if (type) {
        cell.type = NULL;
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            if (strcmp(types[i], type) == 0)
                cell.type = types[i];
        if (!cell.type)
            return damaged(err, "a cell has a type that is none");
    }
    sheet->cell = cell;
    sheet->in_cell = true;
    return mer_ok();
}

static bool is_type(const struct sheet *sheet, const char *type)
{
    return strcmp(sheet->cell.type, type) == 0;
}

/* A text in sheet->text, which may still move: its place is kept until the row's end. */
static struct mer_loose_cell moving(enum mer_loose_kind kind, size_t at, size_t n)
{
    return (struct mer_loose_cell){.kind = kind, .value = (int64_t)at, .n = n};
}

static mer_status take_shared(struct sheet *sheet, const char *bytes, size_t n,
                              struct mer_loose_cell *ret, mer_err *err)
{
    const struct mer_xlsx_book *book = sheet->book;
    int64_t index;
    if (!mer_integer_parse(bytes, n, &index) || index < 0 || (size_t)index >= book->n_texts)
        return cell_fail(sheet, err, "its shared text does not exist");
    const size_t begin = index > 0 ? book->text_ends[index - 1] : 0;
    const size_t n_text = book->text_ends[index] - begin;
    if (n_text > MER_XLSX_CELL_MAX)
        return cell_fail(sheet, err, "its text is too long");
    if (n_text > 0)
        *ret = (struct mer_loose_cell){
            .kind = MER_LOOSE_TEXT, .bytes = (const char *)book->texts.bytes + begin, .n = n_text};
    return mer_ok();
}

static mer_status take_date(struct sheet *sheet, double serial, struct mer_loose_cell *ret,
                            mer_err *err)
{
    int64_t days = 0, milliseconds;
    if (sheet->cell.format == MER_XLSX_TIME) {
        if (!mer_xlsx_serial_to_time(serial, &milliseconds))
            return cell_fail(sheet, err, "a time of day that is less than 0:00 or a day or more");
        *ret = (struct mer_loose_cell){.kind = MER_LOOSE_TIME, .value = milliseconds * MILLISECOND};
        return mer_ok();
    }
    if (!mer_xlsx_serial_to_date(serial, sheet->book->is_1904, &days, &milliseconds))
        return mer_hint(err, cell_fail(sheet, err, "a date that does not exist"),
                        "a number shown as a date lies outside the calendar, or on 1900-02-29");
    if (sheet->cell.format == MER_XLSX_DATE && milliseconds == 0)
        *ret = (struct mer_loose_cell){.kind = MER_LOOSE_DATE, .value = days};
    else
        *ret = (struct mer_loose_cell){.kind = MER_LOOSE_DATETIME,
                                       .value = days * MER_DAY_MICROSECONDS +
                                                milliseconds * MILLISECOND};
    return mer_ok();
}

static mer_status take_number(struct sheet *sheet, size_t at, size_t n, struct mer_loose_cell *ret,
                              mer_err *err)
{
    const char *bytes = (const char *)sheet->text.bytes + at;
    double value;
    if (!mer_number_parse(bytes, n, false, &value) || value - value != 0)
        return cell_fail(sheet, err, "what is stored as a number is none");
    if (sheet->cell.format != MER_XLSX_NUMBER)
        return take_date(sheet, value, ret, err);
    unsigned may = mer_infer_narrow(MER_MAY(MER_TYPE_INTEGER) | MER_MAY(MER_TYPE_NUMBER), bytes, n);
    if (!may) {
        /* Written in a way of its own, with leading zeros. */
        char text[MER_NUMBER_TEXT_MAX];
        n = mer_number_format(value, text);
        sheet->text.n = at;
        MER_GUARD(mer_buf_append(&sheet->text, text, n, err));
        may = mer_infer_narrow(MER_MAY(MER_TYPE_INTEGER) | MER_MAY(MER_TYPE_NUMBER), text, n);
    }
    *ret = moving(may & MER_MAY(MER_TYPE_INTEGER) ? MER_LOOSE_INTEGER : MER_LOOSE_NUMBER, at, n);
    return mer_ok();
}

static mer_status take_truth(struct sheet *sheet, const char *bytes, size_t n,
                             struct mer_loose_cell *ret, mer_err *err)
{
    if (n != 1 || (*bytes != '0' && *bytes != '1'))
        return cell_fail(sheet, err, "what is stored as a truth value is none");
    *ret = (struct mer_loose_cell){.kind = MER_LOOSE_BOOLEAN, .value = *bytes == '1'};
    return mer_ok();
}

/* Only the errors that ECMA-376 knows are repeated. */
static mer_status take_error(struct sheet *sheet, const char *bytes, size_t n,
                             struct mer_loose_cell *ret, mer_err *err)
{
    static const char *const errors[] = {"#DIV/0!", "#NAME?", "#NULL!",
                                         "#NUM!",   "#REF!",  "#VALUE!"};
    const char *known = "";
    if (n == 4 && memcmp(bytes, "#N/A", 4) == 0) {
        *ret = not_available;
        return mer_ok();
    }
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strlen(errors[i]) == n && memcmp(errors[i], bytes, n) == 0)
            known = errors[i];
    char what[64];
    (void)snprintf(what, sizeof what, "it holds an error%s%s", *known ? ", " : "", known);
    return mer_hint(err, cell_fail(sheet, err, what),
                    "correct the formula, or empty the cell; #N/A is read as missing");
}

static mer_status take_iso_date(struct sheet *sheet, size_t at, size_t n,
                                struct mer_loose_cell *ret, mer_err *err)
{
    const char *bytes = (const char *)sheet->text.bytes + at;
    const unsigned may = mer_infer_narrow(
        MER_MAY(MER_TYPE_DATE) | MER_MAY(MER_TYPE_TIME) | MER_MAY(MER_TYPE_DATETIME), bytes, n);
    if (!may)
        return cell_fail(sheet, err, "what is stored as a date is none");
    *ret = moving(MER_LOOSE_TEXT, at, n);
    return mer_ok();
}

static mer_status take_value(struct sheet *sheet, struct mer_loose_cell *ret, mer_err *err)
{
    const size_t at = sheet->cell.begin;
    const size_t n = sheet->text.n - at;
    char *bytes = n > 0 ? (char *)sheet->text.bytes + at : NULL;
    if (n == 0 || !sheet->cell.has_value) {
        if (sheet->cell.has_formula && !sheet->cell.has_value)
            return mer_hint(err,
                            cell_fail(sheet, err, "a formula without the value that it computed"),
                            "open the workbook in a spreadsheet program and save it there");
        return mer_ok();
    }
    if (is_type(sheet, "n"))
        return take_number(sheet, at, n, ret, err);
    if (is_type(sheet, "s"))
        return take_shared(sheet, bytes, n, ret, err);
    if (is_type(sheet, "b"))
        return take_truth(sheet, bytes, n, ret, err);
    if (is_type(sheet, "e"))
        return take_error(sheet, bytes, n, ret, err);
    if (is_type(sheet, "d"))
        return take_iso_date(sheet, at, n, ret, err);
    *ret = moving(MER_LOOSE_TEXT, at, mer_xlsx_unescape(bytes, n));
    return mer_ok();
}

static mer_status make_room(struct sheet *sheet, size_t n, mer_err *err)
{
    if (n <= sheet->capacity)
        return mer_ok();
    size_t capacity = sheet->capacity ? sheet->capacity : 16;
    while (capacity < n)
        capacity *= 2;
    MER_GUARD(mer_alloc_resize(sheet->book->ctx->alloc, capacity * sizeof *sheet->cells,
                               &sheet->cells, err));
    sheet->capacity = capacity;
    return mer_ok();
}

static mer_status close_cell(struct sheet *sheet, mer_err *err)
{
    const size_t c = sheet->cell.column;
    MER_GUARD(make_room(sheet, c + 1, err));
    for (; sheet->n_cells <= c; sheet->n_cells++)
        sheet->cells[sheet->n_cells] = (struct mer_loose_cell){.kind = MER_LOOSE_MISSING};
    const mer_status status = take_value(sheet, &sheet->cells[c], err);
    if (status.code != MER_ERR_DATA || !sheet->table.bad)
        return status;
    mer_err_clear(err);
    const size_t n = sheet->text.n - sheet->cell.begin;
    sheet->cells[c] = moving(MER_LOOSE_BROKEN, sheet->cell.begin, n);
    if (n == 0)
        sheet->cells[c].bytes = "";
    return mer_ok();
}

/* A sheet may name rows and columns that it has nothing in, at no cost to whoever writes it. */
static mer_status check_sparseness(const struct sheet *sheet, mer_err *err)
{
    const size_t n_rows = sheet->row - sheet->first_row + 1;
    const size_t n_columns = sheet->end_column - sheet->first_column;
    if (n_rows * n_columns <= EMPTY_CELLS_FREE + EMPTY_CELLS_PER_BYTE * sheet->entry->n)
        return mer_ok();
    return mer_hint(
        err,
        mer_fail(err, MER_ERR_DATA,
                 "the sheet is all but empty: %zu rows and %zu columns around few cells", n_rows,
                 n_columns),
        "delete what lies apart from the table");
}

/* The table begins with the first row that holds anything, at its first cell that does. */
static mer_status place_row(struct sheet *sheet, size_t first, size_t end, mer_err *err)
{
    if (!sheet->first_row) {
        sheet->first_row = sheet->row;
        sheet->first_column = first;
        sheet->last_row = sheet->row - 1;
    }
    if (first < sheet->first_column) {
        sheet->cell.column = first;
        return mer_hint(err, cell_fail(sheet, err, "a value stands before the first column"),
                        "the table's first row must begin in its first column");
    }
    if (end > sheet->end_column)
        sheet->end_column = end;
    return check_sparseness(sheet, err);
}

static mer_status close_row(struct sheet *sheet, mer_err *err)
{
    size_t first = 0, end = sheet->n_cells;
    while (end > 0 && is_blank(&sheet->cells[end - 1]))
        end--;
    if (end == 0)
        return mer_ok();
    while (is_blank(&sheet->cells[first]))
        first++;
    MER_GUARD(place_row(sheet, first, end, err));
    while (++sheet->last_row < sheet->row)
        MER_GUARD(mer_loose_add_row(&sheet->table, NULL, 0, sheet->last_row, err));
    for (size_t c = first; c < end; c++) {
        struct mer_loose_cell *cell = &sheet->cells[c];
        if (cell->n > 0 && !cell->bytes)
            cell->bytes = (const char *)sheet->text.bytes + cell->value;
    }
    return mer_loose_add_row(&sheet->table, sheet->cells + sheet->first_column,
                             end - sheet->first_column, sheet->row, err);
}

static mer_status check_merge(const struct sheet *sheet, const char **attributes, mer_err *err)
{
    const char *range = mer_xlsx_attribute(attributes, "ref");
    size_t column, row, last_column, last_row;
    const char *end = range ? read_name(range, &column, &row) : NULL;
    if (!end || *end != ':' || !(end = read_name(end + 1, &last_column, &last_row)) || *end)
        return damaged(err, "merged cells have a name that is none");
    if (!sheet->first_row || row > sheet->last_row || last_row < sheet->first_row ||
        column >= sheet->end_column || last_column < sheet->first_column ||
        (row == last_row && column == last_column))
        return mer_ok();
    char from[32], to[32];
    return mer_hint(err,
                    mer_fail(err, MER_ERR_DATA,
                             "the cells %s to %s are merged: all but the first hold nothing",
                             cell_name(column, row, from), cell_name(last_column, last_row, to)),
                    "unmerge them and give each its value");
}

/* An element within a cell. */
static void open_inside(struct sheet *sheet, enum mer_xlsx_element parent,
                        enum mer_xlsx_element element)
{
    const bool is_inline = is_type(sheet, "inlineStr");
    if (element == MER_XLSX_F && parent == MER_XLSX_C)
        sheet->cell.has_formula = true;
    if (parent == MER_XLSX_C && element == (is_inline ? MER_XLSX_IS : MER_XLSX_V))
        sheet->cell.has_value = true;
    sheet->taking = is_inline
                        ? element == MER_XLSX_T && (parent == MER_XLSX_IS || parent == MER_XLSX_R)
                        : element == MER_XLSX_V && parent == MER_XLSX_C;
}

static mer_status on_open(void *self, enum mer_xlsx_element parent, enum mer_xlsx_element element,
                          const char **attributes, mer_err *err)
{
    struct sheet *sheet = self;
    if (sheet->in_cell)
        open_inside(sheet, parent, element);
    else if (element == MER_XLSX_ROW && parent == MER_XLSX_SHEET_DATA)
        return open_row(sheet, attributes, err);
    else if (element == MER_XLSX_C && parent == MER_XLSX_ROW && sheet->in_row)
        return open_cell(sheet, attributes, err);
    else if (element == MER_XLSX_MERGE_CELL && parent == MER_XLSX_MERGE_CELLS)
        return check_merge(sheet, attributes, err);
    return mer_ok();
}

static mer_status on_close(void *self, enum mer_xlsx_element parent, enum mer_xlsx_element element,
                           mer_err *err)
{
    struct sheet *sheet = self;
    sheet->taking = false;
    if (sheet->in_cell && element == MER_XLSX_C && parent == MER_XLSX_ROW) {
        sheet->in_cell = false;
        return close_cell(sheet, err);
    }
    if (sheet->in_row && element == MER_XLSX_ROW && parent == MER_XLSX_SHEET_DATA) {
        sheet->in_row = false;
        return close_row(sheet, err);
    }
    return mer_ok();
}

static mer_status on_text(void *self, enum mer_xlsx_element element, const char *bytes, size_t n,
                          mer_err *err)
{
    struct sheet *sheet = self;
    (void)element;
    if (!sheet->taking)
        return mer_ok();
    if (sheet->text.n - sheet->cell.begin + n > MER_XLSX_CELL_MAX)
        return cell_fail(sheet, err, "its text is too long");
    return mer_buf_append(&sheet->text, bytes, n, err);
}

static mer_status read_sheet(const struct mer_xlsx_book *book, const struct mer_xlsx_sheet *chosen,
                             const struct mer_table_reading *reading, struct mer_region *region,
                             struct mer_csv_report *ret_report, mer_err *err)
{
    static const struct mer_xlsx_events events = {
        .open = on_open, .close = on_close, .text = on_text};
    struct sheet sheet = {.book = book};
    MER_GUARD(mer_xlsx_book_find(book, chosen, &sheet.entry, err));
    mer_buf_init(&sheet.text, book->ctx->alloc, SIZE_MAX / 2);
    mer_status status = mer_loose_init(&sheet.table, book->ctx, &reading->csv, "sheet row", err);
    if (reading->sets_aside)
        mer_loose_set_aside(&sheet.table, reading->bad);
    if (mer_is_ok(status))
        status = mer_xlsx_read_part(&book->zip, sheet.entry, book->salt, &events, &sheet, err);
    if (mer_is_ok(status))
        status = mer_loose_write_image(&sheet.table, region, ret_report, err);
    mer_loose_release(&sheet.table);
    mer_buf_release(&sheet.text);
    mer_free(book->ctx->alloc, sheet.cells);
    return status;
}

static mer_status no_such_sheet(const struct mer_xlsx_book *book, const char *name, mer_err *err)
{
    mer_status status =
        mer_fail(err, MER_ERR_USAGE, "the workbook has no sheet %s", mer_quote(name).text);
    return mer_hint(err, status, "its first sheet is %s, of %zu",
                    mer_quote(book->sheets[0].name).text, book->n_sheets);
}

static mer_status choose(const struct mer_xlsx_book *book, const char *name,
                         const struct mer_xlsx_sheet **ret_sheet, mer_err *err)
{
    for (size_t i = 0; i < book->n_sheets; i++) {
        const struct mer_xlsx_sheet *sheet = &book->sheets[i];
        if (name ? strcmp(sheet->name, name) == 0 : mer_xlsx_book_has_cells(book, sheet)) {
            *ret_sheet = sheet;
            return mer_ok();
        }
    }
    return name ? no_such_sheet(book, name, err)
                : mer_fail(err, MER_ERR_DATA, "the workbook has no sheet with cells");
}

static mer_status write_image(const struct mer_ctx *ctx, const void *bytes, size_t n,
                              const struct mer_table_reading *reading, struct mer_region *region,
                              struct mer_csv_report *ret_report, mer_err *err)
{
    struct mer_xlsx_book book;
    const struct mer_xlsx_sheet *sheet = NULL;
    MER_GUARD(mer_xlsx_book_open(&book, ctx, bytes, n, err));
    mer_status status = choose(&book, reading->part, &sheet, err);
    if (mer_is_ok(status))
        status = read_sheet(&book, sheet, reading, region, ret_report, err);
    if (mer_is_ok(status))
        mer_table_report_part(ret_report, sheet->name, book.n_sheets);
    mer_xlsx_book_release(&book);
    return status;
}

const struct mer_table_reader MER_TABLE_READER_XLSX = {.write_image = write_image};
