/* Pseudonyms: names of columns and levels as tokens that only who holds a project's key can make or
 * turn back.
 *
 *     DIRECTORY/names/PROJECT.key     256 random bits in hex, 0600
 *     DIRECTORY/names/PROJECT.json    the names that were given tokens, 0600
 *
 * A token is "mer_" and 26 letters and digits: 128 bits of HMAC-SHA256 under the key, over the
 * column's name and, of a level, its text. So the same level in two columns has two tokens, and one
 * name under two keys has nothing in common.
 */
#ifndef MER_GUARD_PSEUDONYMS_H
#define MER_GUARD_PSEUDONYMS_H

#include "core/buf.h"
#include "guard/signing_key.h"

enum { MER_TOKEN_CHARS = 30, MER_BOOK_FILE_MAX = 256 << 20 };

struct mer_token {
    char text[MER_TOKEN_CHARS + 1];
};
/* Do the n bytes have the form of a token? */
bool mer_token_is(const char *text, size_t n);

struct mer_book_entry {
    struct mer_token token;
    size_t n;
    char *text; /* owned */
};

/* One project's key and names. Not thread-safe. */
struct mer_book {
    struct mer_alloc *alloc;
    struct mer_secret key;
    char *folder;                   /* owned, malloc */
    char *project;                  /* owned, malloc */
    struct mer_book_entry *entries; /* owned; the first n_sorted by token */
    size_t n;
    size_t n_sorted;
    size_t capacity;
};

/* Opens a project; `make` makes a key where there is none, else that is MER_ERR_NO_INPUT.
 * *ret_is_new may be NULL. MER_ERR_TRUST when others can read what is there. Names of projects are
 * like those of keys. */
MER_MUST_CHECK mer_status mer_book_open(struct mer_alloc *alloc, const char *directory,
                                        const char *project, bool make, struct mer_book *ret_book,
                                        bool *ret_is_new, mer_err *err);
void mer_book_release(struct mer_book *book);

/* The token of a column (level NULL) or of one of its levels. */
MER_MUST_CHECK mer_status mer_book_token(const struct mer_book *book, const char *column,
                                         size_t n_column, const char *level, size_t n_level,
                                         struct mer_token *ret_token, mer_err *err);
/* Keeps in mind what a token stands for. */
MER_MUST_CHECK mer_status mer_book_learn(struct mer_book *book, const struct mer_token *token,
                                         const char *text, size_t n, mer_err *err);
/* Writes the names down, with those that others have written meanwhile. */
MER_MUST_CHECK mer_status mer_book_save(struct mer_book *book, mer_err *err);
/* What a token stands for, or NULL. Of names that were opened or saved. */
const char *mer_book_find(const struct mer_book *book, const char *token, size_t n, size_t *ret_n);

/* What the text around a name is, which decides how a name is written into it. */
enum mer_names_text { MER_NAMES_PLAIN, MER_NAMES_CSV, MER_NAMES_JSON, MER_NAMES_HTML };
/* Appends the text with every token that is known replaced by its name. *ret_n_unknown: tokens that
 * are not, which stay. */
MER_MUST_CHECK mer_status mer_book_turn_back(const struct mer_book *book, enum mer_names_text kind,
                                             const char *text, size_t n, struct mer_buf *buf,
                                             size_t *ret_n_known, size_t *ret_n_unknown,
                                             mer_err *err);

#endif
