/* merlon describe: what a table holds, as text, as JSON, as a page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/report_handles.h"
#include "cli/reading.h"
#include "cli/session.h"
#include "os/clock.h"
#include "os/file.h"

enum { COLUMNS_SHOWN = 60, PAIRS_SHOWN = 8, FINDINGS_SHOWN = 6, NAME_WIDTH = 22 };

struct describe_arguments {
    const char *data;
    const char *out;
    uint64_t min_rows;
    uint64_t threads;
    uint64_t memory;
    struct mer_cli_reading reading;
    bool force;
};

struct describing {
    struct mer_cli *cli;
    const struct describe_arguments *arguments;
    struct mer_trust *trust;
    struct mer_table *table;
    struct mer_description *description;
    double describe_seconds;
    size_t n_findings; /* printed or left out */
};

/* Text and then blanks up to a width in characters. */
static void print_padded(struct mer_cli *cli, const char *text, unsigned width)
{
    unsigned n = 0;
    for (const char *c = text; *c; c++)
        n += ((unsigned char)*c & 0xc0) != 0x80;
    mer_cli_print(cli, "%s%*s", text, n < width ? (int)(width - n) : 0, "");
}

/* A quoted name, cut to the column's width. */
static struct mer_quoted short_name(const char *name, size_t n_name)
{
    struct mer_quoted quoted = mer_quote_n(name, n_name);
    unsigned n = 0;
    for (char *c = quoted.text; *c; c++) {
        if (((unsigned char)*c & 0xc0) == 0x80 || ++n < NAME_WIDTH)
            continue;
        if (c[1] == '\0')
            break;
        (void)snprintf(c, sizeof quoted.text - (size_t)(c - quoted.text), "%s", "\xe2\x80\xa6");
        break;
    }
    return quoted;
}

static struct mer_quoted name_of(const struct mer_profile *profile, size_t column)
{
    return mer_quote_n(profile->columns[column].name, profile->columns[column].n_name);
}

static void print_value(struct mer_cli *cli, enum mer_type type, double value)
{
    char text[48];
    if (type == MER_TYPE_NUMBER || type == MER_TYPE_INTEGER)
        (void)snprintf(text, sizeof text, "%.5g", value);
    else
        (void)snprintf(text, sizeof text, "%s", mer_numeral_value(type, value).text);
    mer_cli_print(cli, "  %10s", text);
}

static void print_notes(struct mer_cli *cli, const struct mer_profile *profile, size_t i)
{
    const struct mer_column_profile *const column = &profile->columns[i];
    const size_t n_outliers = column->numbers.n_low + column->numbers.n_high;
    const char *separator = "  ";
    const struct {
        bool is;
        const char *what;
    } notes[] = {
        {column->sensitive, "sensitive"},
        {column->n_missing == profile->frame->n_rows, "no value"},
        {column->constant, "constant"},
        {column->identifier, "identifier"},
        {column->numbers.n_infinite > 0, "infinite values"},
    };
    for (size_t k = 0; k < MER_CLI_COUNT_OF(notes); k++)
        if (notes[k].is) {
            mer_cli_print(cli, "%s%s", separator, notes[k].what);
            separator = ", ";
        }
    if (column->same_as != SIZE_MAX) {
        mer_cli_print(cli, "%ssame as %s", separator, name_of(profile, column->same_as).text);
        separator = ", ";
    }
    if (n_outliers > 0 && mer_profile_shows(column) && mer_profile_is_measured(column->type))
        mer_cli_print(cli, "%s%zu outlier%s", separator, n_outliers, n_outliers == 1 ? "" : "s");
}

static void print_columns(struct mer_cli *cli, const struct mer_profile *profile)
{
    const size_t n_rows = profile->frame->n_rows;
    mer_cli_print_bold(cli, "\n  %-*s  %-11s  %7s  %9s  %10s  %10s  %10s  %10s  %10s\n", NAME_WIDTH,
                       "column", "type", "missing", "different", "minimum", "quarter", "median",
                       "quarter", "maximum");
    for (size_t i = 0; i < profile->frame->n_columns && i < COLUMNS_SHOWN; i++) {
        const struct mer_column_profile *const column = &profile->columns[i];
        const struct mer_number_profile *const numbers = &column->numbers;
        mer_cli_print(cli, "  ");
        print_padded(cli, short_name(column->name, column->n_name).text, NAME_WIDTH);
        mer_cli_print(cli, "  %-11s  %6.1f%%  %9zu", mer_type_name(column->type),
                      n_rows ? 100 * (double)column->n_missing / (double)n_rows : 0,
                      column->n_distinct);
        if (mer_profile_shows(column) && mer_profile_is_measured(column->type) && numbers->n > 0) {
            print_value(cli, column->type, numbers->minimum);
            for (int q = 0; q < 3; q++)
                print_value(cli, column->type, numbers->quartiles[q]);
            print_value(cli, column->type, numbers->maximum);
        } else {
            mer_cli_print(cli, "%*s", 5 * 12, "");
        }
        print_notes(cli, profile, i);
        mer_cli_print(cli, "\n");
    }
    if (profile->frame->n_columns > COLUMNS_SHOWN)
        mer_cli_print(cli, "  and %zu columns more: --out and --json have them\n",
                      profile->frame->n_columns - COLUMNS_SHOWN);
}

static void print_pairs(struct mer_cli *cli, const struct mer_profile *profile)
{
    const struct mer_associations *const found = &profile->associations;
    if (found->n_top == 0)
        return;
    mer_cli_print_bold(cli, "\nStrongest correlations");
    if (found->n_rows < profile->frame->n_rows)
        mer_cli_print(cli, ", by a sample of %zu rows", found->n_rows);
    mer_cli_print(cli, "\n");
    for (size_t i = 0; i < found->n_top && i < PAIRS_SHOWN; i++) {
        const struct mer_association *const pair = &found->top[i];
        if (pair->kind == MER_ASSOCIATION_NUMBERS)
            mer_cli_print(cli, "  %5.2f Pearson, %5.2f Spearman", pair->first, pair->second);
        else
            mer_cli_print(cli, "  %5.2f %-23s", pair->first,
                          pair->kind == MER_ASSOCIATION_CATEGORIES ? "Cramer's V"
                                                                   : "correlation ratio");
        mer_cli_print(cli, "  %s and %s\n", name_of(profile, pair->a).text,
                      name_of(profile, pair->b).text);
    }
}

/* What the table of columns does not say by itself. */
static void print_finding(void *self, const struct mer_found *found)
{
    struct describing *const describing = self;
    struct mer_cli *const cli = describing->cli;
    const struct mer_profile *const profile = &describing->description->profile;
    switch (found->what) {
    case MER_FINDING_COPIES:
        mer_cli_print(cli, "  copies: %zu rows are the same as an earlier one\n", found->n);
        break;
    case MER_FINDING_MANY_LEVELS:
    case MER_FINDING_CORRELATED:
        if (++describing->n_findings > FINDINGS_SHOWN)
            break;
        if (found->what == MER_FINDING_MANY_LEVELS)
            mer_cli_print(cli, "  %s has %zu levels\n", name_of(profile, found->column).text,
                          found->n);
        else
            mer_cli_print(cli, "  %s and %s tell nearly the same\n",
                          name_of(profile, found->column).text,
                          name_of(profile, found->other).text);
        break;
    default:
        break;
    }
}

static void print_description(struct describing *describing)
{
    struct mer_cli *const cli = describing->cli;
    const struct mer_profile *const profile = &describing->description->profile;
    const struct mer_frame *const frame = profile->frame;
    const double n_cells = (double)frame->n_rows * (double)frame->n_columns;
    mer_cli_print_bold(cli, "Table: %s\n", mer_quote(describing->arguments->data).text);
    mer_cli_print(cli, "  %zu rows, %zu columns\n", frame->n_rows, frame->n_columns);
    if (profile->gaps.n_cells == 0)
        mer_cli_print(cli, "  missing: none\n");
    else
        mer_cli_print(cli, "  missing: %zu cells (%.1f%%), in %zu rows and %zu columns\n",
                      profile->gaps.n_cells, 100 * (double)profile->gaps.n_cells / n_cells,
                      profile->gaps.n_rows, profile->gaps.n_all_columns);
    if (profile->n_copies == 0)
        mer_cli_print(cli, "  copies: no two rows are the same\n");
    mer_findings_each(profile, print_finding, describing);
    if (describing->n_findings > FINDINGS_SHOWN)
        mer_cli_print(cli, "  and %zu more such pairs or columns\n",
                      describing->n_findings - FINDINGS_SHOWN);
    print_columns(cli, profile);
    print_pairs(cli, profile);
    if (describing->arguments->out)
        mer_cli_print(cli, "\nThe page is in %s.\n", mer_quote(describing->arguments->out).text);
    else
        mer_cli_remark(cli, "\nNext: merlon describe %s --out PAGE.html draws it\n",
                       mer_cli_show_word(describing->arguments->data).text);
}

static mer_status emit_json(struct describing *describing, mer_err *err)
{
    const struct mer_table *const table = describing->table;
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "data", table->path);
    mer_cli_put_string(&document, "digest", table->origin.digest);
    if (table->schema_path)
        mer_cli_put_string(&document, "schema", table->schema_path);
    if (table->origin.is_signed)
        mer_cli_put_verified(&document, "signer", &table->origin.signature);
    if (describing->arguments->out)
        mer_cli_put_string(&document, "page", describing->arguments->out);
    mer_profile_write(&describing->description->profile, &document.writer);
    mer_bad_rows_put(&table->bad, table->quarantine, &document.writer);
    mer_json_key(&document.writer, "seconds");
    mer_json_begin_object(&document.writer);
    mer_cli_put_number(&document, "load",
                       table->read_seconds + table->check_seconds + table->parse_seconds);
    mer_cli_put_number(&document, "describe", describing->describe_seconds);
    mer_cli_put_number(&document, "total", mer_cli_seconds(describing->cli));
    mer_json_end_object(&document.writer);
    mer_cli_put_unsigned(&document, "peak_rss_bytes", mer_peak_rss_bytes());
    return mer_cli_document_end(describing->cli, &document, err);
}

/* Fails before the work rather than after it. */
static mer_status check_output(const struct describe_arguments *arguments, mer_err *err)
{
    struct mer_output output;
    if (!arguments->out)
        return mer_ok();
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->data, err));
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->reading.schema, err));
    MER_GUARD(mer_output_open(&output, arguments->out, arguments->force, 0600, err));
    mer_output_release(&output);
    return mer_ok();
}

static mer_status steps(struct describing *describing, mer_err *err)
{
    const struct describe_arguments *const arguments = describing->arguments;
    struct mer_cli *const cli = describing->cli;
    struct mer_table_options options;
    MER_GUARD(mer_cli_reading_options(&arguments->reading, &options, err));
    MER_GUARD(mer_cli_open(cli, arguments->memory, arguments->threads, err));
    MER_GUARD(check_output(arguments, err));
    MER_GUARD(mer_trust_open(NULL, &describing->trust, err));
    options.trust = describing->trust;
    MER_GUARD(mer_table_read(cli->context, arguments->data, &options, &describing->table, err));
    const struct mer_describe_options wanted = {.size = sizeof wanted,
                                                .min_rows = arguments->min_rows};
    const double start = mer_cli_seconds(cli);
    MER_GUARD(mer_describe(describing->table, &wanted, &describing->description, err));
    describing->describe_seconds = mer_cli_seconds(cli) - start;
    if (arguments->out)
        MER_GUARD(
            mer_description_save(describing->description, arguments->out, arguments->force, err));
    if (cli->common.json)
        return emit_json(describing, err);
    print_description(describing);
    return mer_ok();
}

static mer_status run_describe(struct mer_cli *cli, const void *words, mer_err *err)
{
    struct describing describing = {.cli = cli, .arguments = words};
    if (describing.arguments->out && strcmp(describing.arguments->out, "-") == 0)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "a page cannot go to standard output"),
                        "name a file with --out, or take --json");
    const mer_status status = steps(&describing, err);
    mer_description_free(describing.description);
    mer_table_free(describing.table);
    mer_trust_free(describing.trust);
    return status;
}

#define AT(member) offsetof(struct describe_arguments, member)

static const struct mer_cli_option POSITIONALS[] = {
    {.name = "DATA",
     .type = MER_CLI_FILE,
     .at = AT(data),
     .help = "the table to look at, in any format of --format; - is standard input",
     .required = true},
};

static const struct mer_cli_option OPTIONS[] = {
    {.name = "out",
     .type = MER_CLI_FILE,
     .at = AT(out),
     .metavar = "FILE",
     .help = "draw it too: one page of HTML without scripts, readable by you alone"},
    MER_CLI_SCHEMA_OPTION(struct describe_arguments,
                          "hold the table to this Table Schema instead of inferring types"),
    {.name = "min-rows",
     .type = MER_CLI_INTEGER,
     .at = AT(min_rows),
     .metavar = "N",
     .minimum = 1,
     .maximum = UINT32_MAX,
     .help = "name a level only where this many rows have it; 5 otherwise"},
    {.name = "threads",
     .type = MER_CLI_INTEGER,
     .at = AT(threads),
     .metavar = "N",
     .minimum = 1,
     .maximum = 1024,
     .help = "use this many threads; one per processor otherwise; the result is the same"},
    {.name = "memory",
     .type = MER_CLI_BYTES,
     .at = AT(memory),
     .metavar = "SIZE",
     .help = "allocate at most this much: 512M, 4G"},
    MER_CLI_NO_SCHEMA_OPTION(struct describe_arguments),
    MER_CLI_READING_OPTIONS(struct describe_arguments),
    {.name = "force", .type = MER_CLI_FLAG, .at = AT(force), .help = "replace an existing page"},
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon describe houses.csv", "types, gaps, quartiles, outliers, copies, correlations"},
    {"merlon describe houses.csv --out houses.html", "the same, drawn, to open in a browser"},
};

const struct mer_cli_command MER_CLI_DESCRIBE = {
    .name = "describe",
    .summary = "look at a table: types, gaps, distributions, outliers, copies, correlations",
    .description =
        "Reads a table and counts and measures every column: type, missing values, different "
        "values, quartiles, outliers, levels; columns that are constant, that name the rows or "
        "that hold the same as another; rows that stand there twice; and which columns go "
        "together.\n\n"
        "What is printed and drawn comes out of the records: extremes, quartiles, and the names of "
        "levels that 5 rows or more have. No text is shown, no value of a column that names the "
        "rows, and none of a column that the schema marks as sensitive. The page is a file that "
        "only its owner can read.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = OPTIONS,
    .n_options = MER_CLI_COUNT_OF(OPTIONS),
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_DATA) |
                MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) | MER_CLI_CAN_FAIL(MER_ERR_EXISTS),
    .arguments_size = sizeof(struct describe_arguments),
    .run = run_describe,
};
