/* A table's profile as a page (page.h) and as JSON. What either shows of the records is told in
 * docs/report.md.
 */
#ifndef MER_EXPLAIN_PROFILE_PAGE_H
#define MER_EXPLAIN_PROFILE_PAGE_H

#include "core/json.h"
#include "explain/page.h"
#include "explain/profile.h"

/* Where the table came from; texts may be NULL. */
struct mer_profile_source {
    const char *title;  /* the file's name */
    const char *digest; /* SHA-256 in hex */
    uint64_t n_bytes;
    const char *signer;  /* whose signature was verified */
    const char *version; /* of Merlon */
};

MER_MUST_CHECK mer_status mer_profile_page(const struct mer_profile *profile,
                                           const struct mer_profile_source *source,
                                           struct mer_buf *buf, mer_err *err);
/* As members of the object that the writer is in. */
void mer_profile_write(const struct mer_profile *profile, struct mer_json_writer *writer);

/* What is worth telling about a table before anything else; calls `each` for every finding, the
 * gravest first. */
enum mer_finding {
    MER_FINDING_NO_ROWS,
    MER_FINDING_COPIES,      /* of rows */
    MER_FINDING_SAME_COLUMN, /* a column as another */
    MER_FINDING_NO_VALUE,    /* all missing */
    MER_FINDING_CONSTANT,
    MER_FINDING_IDENTIFIER,
    MER_FINDING_MISSING, /* a fifth or more */
    MER_FINDING_INFINITE,
    MER_FINDING_OUTLIERS,    /* some, but few: a hundredth at most */
    MER_FINDING_MANY_LEVELS, /* of a category: more than 100 */
    MER_FINDING_CORRELATED,  /* at 0.95 or more */
    MER_FINDING_COUNT
};
struct mer_found {
    enum mer_finding what;
    size_t column; /* SIZE_MAX: the table */
    size_t other;  /* same column, correlated with */
    size_t n;      /* rows, levels or cells */
    double value;  /* a share, a correlation */
};
void mer_findings_each(const struct mer_profile *profile,
                       void (*each)(void *self, const struct mer_found *found), void *self);

/* For the files of this room: the cards of columns, the matrices. */
enum { MER_PAGE_CARDS_MAX = 120, MER_PAGE_ROWS_MAX = 2000 };
void mer_profile_cards(struct mer_page *page, const struct mer_profile *profile);
void mer_profile_gap_map(struct mer_page *page, const struct mer_profile *profile);
void mer_profile_matrix(struct mer_page *page, const struct mer_profile *profile);
/* The column's name as a link to its card, where it has one. */
void mer_profile_link(struct mer_page *page, const struct mer_profile *profile, size_t column);

#endif
