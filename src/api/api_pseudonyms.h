/* Pseudonyms inside this room. */
#ifndef MER_API_API_PSEUDONYMS_H
#define MER_API_API_PSEUDONYMS_H

#include "api/handles.h"
#include "guard/pseudonyms.h"

/* Room for the new name of a column: a token, or for half of a geopoint the point's token with what
 * says which half. */
struct mer_column_token {
    char text[MER_TOKEN_CHARS + sizeof MER_LONGITUDE_SUFFIX];
};

struct mer_pseudonyms {
    struct mer_alloc alloc; /* of its own */
    struct mer_book book;
};

/* Replaces every name and level that the table holds: its columns, its schema, what it tells of bad
 * rows. MER_ERR_DATA where it has a column of free text that is not left out. `asked` is the schema
 * of the model that it was read for, or NULL: then what the tokens stand for is kept, to which a
 * table that is predicted on has nothing to add. */
MER_MUST_CHECK mer_status mer_table_pseudonymize(struct mer_table *table,
                                                 struct mer_pseudonyms *pseudonyms,
                                                 const struct mer_schema *asked, mer_err *err);
/* A failure to read a table without the names that its message may hold. */
MER_MUST_CHECK mer_status mer_pseudonyms_withhold(const struct mer_table *table, mer_status status,
                                                  mer_err *err);
/* The column's token where the table has pseudonyms, else its name. `token` is room for it. */
MER_MUST_CHECK mer_status mer_table_column_token(const struct mer_table *table, const char *name,
                                                 struct mer_column_token *token,
                                                 const char **ret_name, mer_err *err);
/* The fields' names as the model's tables have them; the texts are the pseudonyms' or the arena's.
 */
MER_MUST_CHECK mer_status mer_model_name_fields(const struct mer_fitted *model,
                                                struct mer_arena *arena, struct mer_field *fields,
                                                size_t n_fields, mer_err *err);
/* What a text of the model stands for, as far as it is known. */
const char *mer_model_name(const struct mer_fitted *model, const char *text);

#endif
