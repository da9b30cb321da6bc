/* Shared by the tests of workbooks and databases: what a table must be, or is refused for; ZIP
 * archives and workbooks made in memory, good ones and others. */
#ifndef TESTS_INTAKE_TAKING_H
#define TESTS_INTAKE_TAKING_H

#include "frame/reading.h"
#include "intake_table.h"

/* Reads and compares with reading_show's text. */
void taking_expect(const void *bytes, size_t n, const char *expected);
/* Reads and compares the error's message with the text that it must hold. */
void taking_refuse(const void *bytes, size_t n, enum mer_code code, const char *message);
/* The same under a schema, which is JSON. */
enum mer_code taking_under(struct intake *intake, const void *bytes, size_t n, const char *schema);

/* Lets the first, second, third ... allocation fail: each run gives everything back and tells. */
void taking_every_failure(const struct mer_table_reading *reading, const void *bytes, size_t n);

enum { ARCHIVE_ENTRIES = 16 };

struct archive {
    unsigned char *bytes; /* malloc */
    size_t n;
    size_t n_entries;
    size_t local_at[ARCHIVE_ENTRIES];
    size_t n_data[ARCHIVE_ENTRIES];
    size_t central_at[ARCHIVE_ENTRIES]; /* once ended */
    size_t end_at;
};

void archive_add(struct archive *archive, const char *name, const void *bytes, size_t n,
                 bool deflated);
void archive_text(struct archive *archive, const char *name, const char *text);
void archive_end(struct archive *archive);
void archive_release(struct archive *archive);
void archive_put_word(struct archive *archive, size_t at, unsigned value);
void archive_put_wide(struct archive *archive, size_t at, unsigned long value);

/* A workbook with one sheet "Data" whose sheetData holds `rows`; parts that are NULL are left out.
 * Styles 0 to 5: number, date, time, date and time, elapsed time, "0.00". */
struct book {
    const char *rows;
    const char *behind;  /* behind sheetData */
    const char *strings; /* the si elements */
    const char *sheet;   /* the whole part instead */
    bool is_1904;
};
void book_make(struct archive *archive, const struct book *book);

#endif
