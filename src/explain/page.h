/* A page of HTML that stands for itself: no script, no reference to anything outside, a style of
 * its own that the page's content security policy names by its hash. It is well-formed XML too, so
 * that any XML parser can check it.
 *
 * Text from outside goes through mer_page_text, which escapes markup and shows what is not
 * printable (control characters, bidirectional overrides, invalid UTF-8) as \xNN, as messages do.
 * Names are isolated (<bdi>), so that one of them cannot turn its neighbours around.
 *
 * A page remembers its first failure, so that calls chain without checks; mer_page_end tells.
 */
#ifndef MER_EXPLAIN_PAGE_H
#define MER_EXPLAIN_PAGE_H

#include "core/buf.h"
#include "frame/frame.h"

struct mer_page {
    struct mer_buf *buf;
    mer_err *err;
    mer_status status;
    unsigned n_charts; /* their titles need ids */
};

enum { MER_PAGE_NAME_BYTES = 160 }; /* of a name or level that are shown */

/* The style sheet and the base64 of its SHA-256: what the policy allows. */
extern const char MER_PAGE_STYLE[];
extern const char MER_PAGE_STYLE_SHA256[];

/* Everything up to <main>; the title is text from outside, the kind is ours ("Table"). */
void mer_page_begin(struct mer_page *page, struct mer_buf *buf, const char *kind, const char *title,
                    mer_err *err);
MER_MUST_CHECK mer_status mer_page_end(struct mer_page *page);

/* Markup of our own, as it is. */
void mer_page_put(struct mer_page *page, const char *markup);
void mer_page_format(struct mer_page *page, const char *format, ...) MER_PRINTF(2, 3);
/* Text from outside, at most `max` bytes of it, "..." where it was cut. */
void mer_page_text(struct mer_page *page, const char *bytes, size_t n, size_t max);
/* The same, isolated, as the name of a column or level. */
void mer_page_name(struct mer_page *page, const char *bytes, size_t n);

/* Numbers for people. */
struct mer_numeral {
    char text[48];
};
struct mer_numeral mer_numeral(double value, int digits); /* 4 significant digits, say */
struct mer_numeral mer_numeral_count(uint64_t n);         /* 1,234,567 */
struct mer_numeral mer_numeral_share(double share);       /* 12.3 %, <0.1 % */
/* A value of a column: a number to 5 digits, a date, a time. */
struct mer_numeral mer_numeral_value(enum mer_type type, double value);

/* A section with a heading of its own, and the end of it. */
void mer_page_section(struct mer_page *page, const char *id, const char *heading);
void mer_page_section_end(struct mer_page *page);
/* A tile: a figure and what it counts, both ours. */
void mer_page_tile(struct mer_page *page, const char *figure, const char *label);

/* A table with headings (ours, NULL behind the last; one that begins with '#' heads numbers); rows
 * are the caller's. It scrolls by itself where it is wider than the page. */
void mer_page_table(struct mer_page *page, const char *caption, const char *const *headings);
void mer_page_table_end(struct mer_page *page);
/* A cell with a number in it. */
void mer_page_cell(struct mer_page *page, const char *text);
/* The table behind a plot, folded away. */
void mer_page_data(struct mer_page *page, const char *caption, const char *const *headings);
void mer_page_data_end(struct mer_page *page);

#endif
