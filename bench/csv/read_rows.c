/* Reads many tables of one schema, for bench/csv/oracle.py, which knows what each must give.
 *
 * Standard input: for each table, its bytes behind their number (32 bits); the header is put in
 * front. Standard output: for each, a byte (1: accepted) and then, when accepted, the number of
 * rows (32 bits) and every cell: a byte (1: a value), then 8 bytes, or a text's bytes behind their
 * number (32 bits). Both readers must agree, or the program ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame/csv.h"

static const char HEADER[] = "b,i,n,d,t,m,c,s\n";
static const char SCHEMA[] =
    "{\"fields\": [{\"name\": \"b\", \"type\": \"boolean\"}, {\"name\": \"i\", \"type\": "
    "\"integer\"},"
    "{\"name\": \"n\", \"type\": \"number\"}, {\"name\": \"d\", \"type\": \"date\"},"
    "{\"name\": \"t\", \"type\": \"time\"}, {\"name\": \"m\", \"type\": \"datetime\"},"
    "{\"name\": \"c\", \"type\": \"string\", \"categories\": [\"red\", \"green\", \"a "
    "\\\"b\\\"\"]},"
    "{\"name\": \"s\", \"type\": \"string\"}], \"missingValues\": [\"\", \"NA\"]}";

enum { TABLE_MAX = 1 << 16 };

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "read_rows: %s\n", what);
    exit(70);
}

static void put(const void *bytes, size_t n)
{
    must(fwrite(bytes, 1, n, stdout) == n, "cannot write");
}

static void put_text(struct mer_cell cell)
{
    const uint32_t n = (uint32_t)cell.n;
    put(&n, sizeof n);
    put(cell.bytes, cell.n);
}

static void put_cell(const struct mer_column *column, size_t row)
{
    const uint8_t has = mer_column_has(column, row);
    put(&has, 1);
    if (!has)
        return;
    if (column->type == MER_TYPE_TEXT) {
        put_text(mer_column_text(column, row));
    } else if (column->type == MER_TYPE_CATEGORICAL) {
        put_text(mer_column_level(column, (size_t)column->data.codes[row]));
    } else if (column->type == MER_TYPE_BOOLEAN) {
        const int64_t truth = column->data.bits[row / 8] >> (row % 8) & 1;
        put(&truth, sizeof truth);
    } else {
        put(&column->data.integers[row], sizeof(int64_t)); /* a number's bits, too */
    }
}

static void read_one(const struct mer_ctx *ctx, const struct mer_schema *schema, const char *text,
                     size_t n)
{
    struct mer_csv_options options = {
        .delimiter = ',', .header = MER_CSV_HEADER_YES, .schema = schema};
    struct mer_frame fast, plain;
    const bool accepted = mer_is_ok(mer_csv_read(ctx, text, n, &options, &fast, NULL, NULL));
    options.plainly = true;
    must(mer_is_ok(mer_csv_read(ctx, text, n, &options, &plain, NULL, NULL)) == accepted,
         "the readers do not agree");
    const uint8_t verdict = accepted;
    put(&verdict, 1);
    if (!accepted)
        return;
    must(fast.n_image == plain.n_image && memcmp(fast.image, plain.image, fast.n_image) == 0,
         "the readers do not agree");
    const uint32_t n_rows = (uint32_t)fast.n_rows;
    put(&n_rows, sizeof n_rows);
    for (size_t row = 0; row < fast.n_rows; row++)
        for (size_t c = 0; c < fast.n_columns; c++)
            put_cell(&fast.columns[c], row);
    mer_frame_release(&fast);
    mer_frame_release(&plain);
}

int main(void)
{
    static char text[sizeof HEADER + TABLE_MAX];
    struct mer_alloc alloc;
    struct mer_schema schema;
    uint32_t n;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .cpu = mer_cpu_detect()};
    must(mer_is_ok(mer_schema_parse(&ctx, SCHEMA, strlen(SCHEMA), &schema, NULL)), "schema");
    memcpy(text, HEADER, strlen(HEADER));
    while (fread(&n, sizeof n, 1, stdin) == 1) {
        must(n <= TABLE_MAX && fread(text + strlen(HEADER), 1, n, stdin) == n, "cannot read");
        read_one(&ctx, &schema, text, strlen(HEADER) + n);
    }
    mer_schema_release(&schema);
    return fflush(stdout) == 0 ? 0 : 74;
}
