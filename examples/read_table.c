/* Reads a CSV file, shows its columns, and writes the schema that later tables are held to.
 *
 *     read_table FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    const char *const folder = argc > 1 ? argv[1] : ".";
    char data[4096], schema[4096];
    struct mer_context *context;
    struct mer_table *table;
    mer_err err;
    char *json;

    write_flats(path_in(folder, "read_table.csv", data));
    check(mer_context_new(NULL, &context, &err), &err);
    check(mer_table_read(context, data, NULL, &table, &err), &err);
    printf("%zu rows\n", mer_table_rows(table));
    for (size_t i = 0; i < mer_table_columns(table); i++)
        printf("%-10s %-12s %zu missing\n", mer_table_column_name(table, i),
               mer_table_column_type(table, i), mer_table_column_missing(table, i));

    /* The schema, beside the data. */
    check(mer_table_schema(table, &json, &err), &err);
    FILE *const file = fopen(path_in(folder, "read_table.schema.json", schema), "w");
    if (!file || fputs(json, file) < 0 || fclose(file) != 0)
        return 74;
    mer_text_free(json);
    mer_table_free(table);

    /* A table that does not fit is refused, with row and column and without the value. */
    struct mer_table_options options = {.size = sizeof options, .has_header = 1};
    static const char wrong[] = "size,rooms,district,price\n50,two,harbour,100000\n";
    options.schema_file = schema;
    if (mer_table_parse(context, wrong, sizeof wrong - 1, &options, &table, &err).code !=
        MER_ERR_DATA)
        return 1;
    printf("refused: %s\n", err.message);
    mer_context_free(context);
    return 0;
}
