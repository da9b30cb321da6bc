#include "intake/table_format.h"

#include <string.h>

/* In the order of MER_TABLE_READERS. */
const struct mer_table_format MER_TABLE_FORMATS[] = {
    {.name = "csv", .extensions = "csv tsv"},
    {.name = "parquet", .extensions = "parquet pq"},
    {.name = "xlsx", .extensions = "xlsx xlsm", .has_parts = true, .magic = "PK\3\4", .n_magic = 4},
    {.name = "sqlite",
     .extensions = "sqlite sqlite3 db",
     .has_parts = true,
     .has_queries = true,
     .magic = "SQLite format 3",
     .n_magic = 16, /* its final zero too */
     .companions = {"-wal", "-journal"}},
    {.name = "arrow", .extensions = "arrow feather ipc"},
};
const size_t MER_N_TABLE_FORMATS = sizeof MER_TABLE_FORMATS / sizeof MER_TABLE_FORMATS[0];

size_t mer_table_format_find(const char *name)
{
    for (size_t i = 0; i < MER_N_TABLE_FORMATS; i++)
        if (strcmp(MER_TABLE_FORMATS[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* `extension` in any case is among the words of `list`. */
static bool lists(const char *list, const char *extension)
{
    for (const char *word = list; word; word = strchr(word, ' ')) {
        word += *word == ' ';
        size_t n = 0;
        while (extension[n] && lower(extension[n]) == word[n])
            n++;
        if (!extension[n] && (word[n] == ' ' || word[n] == '\0'))
            return true;
    }
    return false;
}

size_t mer_table_format_of_path(const char *path)
{
    const char *const slash = strrchr(path, '/');
    const char *const dot = strrchr(slash ? slash + 1 : path, '.');
    if (!dot || !dot[1])
        return SIZE_MAX;
    for (size_t i = 0; i < MER_N_TABLE_FORMATS; i++)
        if (lists(MER_TABLE_FORMATS[i].extensions, dot + 1))
            return i;
    return SIZE_MAX;
}

bool mer_table_format_has_magic(const struct mer_table_format *format, const void *bytes, size_t n)
{
    return format->n_magic > 0 && n >= format->n_magic &&
           memcmp(bytes, format->magic, format->n_magic) == 0;
}
