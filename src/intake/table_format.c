#include "intake/table_format.h"

#include <string.h>

static mer_status write_csv(const struct mer_ctx *ctx, const void *bytes, size_t n,
                            const struct mer_table_reading *reading, struct mer_region *region,
                            struct mer_csv_report *ret_report, mer_err *err)
{
    return mer_csv_write_image(ctx, bytes, n, &reading->csv, region, ret_report, err);
}

const struct mer_table_format MER_TABLE_FORMAT_CSV = {
    .name = "csv",
    .extensions = "csv tsv",
    .write_image = write_csv,
};

const struct mer_table_format *const MER_TABLE_FORMATS[] = {
    &MER_TABLE_FORMAT_CSV,
};
const size_t MER_N_TABLE_FORMATS = sizeof MER_TABLE_FORMATS / sizeof MER_TABLE_FORMATS[0];

size_t mer_table_format_find(const char *name)
{
    for (size_t i = 0; i < MER_N_TABLE_FORMATS; i++)
        if (strcmp(MER_TABLE_FORMATS[i]->name, name) == 0)
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
        if (lists(MER_TABLE_FORMATS[i]->extensions, dot + 1))
            return i;
    return SIZE_MAX;
}

size_t mer_table_format_recognise(const void *bytes, size_t n)
{
    for (size_t i = 0; i < MER_N_TABLE_FORMATS; i++)
        if (MER_TABLE_FORMATS[i]->recognise && MER_TABLE_FORMATS[i]->recognise(bytes, n))
            return i;
    return mer_table_format_find(MER_TABLE_FORMAT_CSV.name);
}

mer_status mer_table_write_image(const struct mer_ctx *ctx, size_t format, const void *bytes,
                                 size_t n, const struct mer_table_reading *reading,
                                 struct mer_region *region, struct mer_csv_report *ret_report,
                                 mer_err *err)
{
    struct mer_csv_report report = {.n_rows = 0};
    if (format == SIZE_MAX)
        format = mer_table_format_recognise(bytes, n);
    const struct mer_table_format *const row = MER_TABLE_FORMATS[format];
    if (reading->part && !row->has_parts)
        return mer_fail(err, MER_ERR_USAGE, "a table of the format %s has no part %s", row->name,
                        mer_quote(reading->part).text);
    if (reading->query && !row->has_queries)
        return mer_fail(err, MER_ERR_USAGE, "a table of the format %s cannot be queried",
                        row->name);
    MER_GUARD(row->write_image(ctx, bytes, n, reading, region, &report, err));
    report.format = format;
    *ret_report = report;
    return mer_ok();
}
