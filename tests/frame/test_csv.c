/* What CSV texts become: tables of cases. */
#include <locale.h>
#include <math.h>

#include "core/rng.h"
#include "reading.h"

struct good {
    const char *about;
    const char *text;
    const char *expected;
};

static const struct good good_cases[] = {
    {"types side by side", "b,i,n,c\ntrue,1,1.5,x\nFalse,-2,2,y\n",
     "b boolean: true|false\ni integer: 1|-2\nn number: 1.5|2\nc categorical{x,y}: 0|1\n"},
    {"the last line needs no line feed", "a,b\n1,2", "a integer: 1\nb integer: 2\n"},
    {"CR LF ends lines", "a,b\r\n1,2\r\n3,4\r\n", "a integer: 1|3\nb integer: 2|4\n"},
    {"line ends may be mixed", "a,b\r\n1,2\n3,4\r\n", "a integer: 1|3\nb integer: 2|4\n"},
    {"a byte-order mark is skipped", "\357\273\277a,b\n1,2\n", "a integer: 1\nb integer: 2\n"},
    {"quoted delimiters", "a,b\n\"x,y\",1\n", "a categorical{x,y}: 0\nb integer: 1\n"},
    {"doubled quotes", "a,b\n\"say \"\"hi\"\"\",1\n\"\"\"\",2\n",
     "a categorical{say \"hi\",\"}: 0|1\nb integer: 1|2\n"},
    {"line breaks in quotes", "a,b\n\"x\ny\",1\n\"x\r\ny\",2\n\"x\ry\",3\n",
     "a categorical{x\ny,x\r\ny,x\ry}: 0|1|2\nb integer: 1|2|3\n"},
    {"quoted names", "\"a,b\",\"c\"\"d\"\n1,2\n", "a,b integer: 1\nc\"d integer: 2\n"},
    {"quoted numbers are numbers", "a,b\n\"1\",\"2.5\"\n", "a integer: 1\nb number: 2.5\n"},
    {"every missing text", "a,b\n,1\nNA,2\nNaN,3\nnull,4\n?,5\n7,6\n",
     "a integer: .|.|.|.|.|7\nb integer: 1|2|3|4|5|6\n"},
    {"missing texts match exactly", "a,b\nna,1\nN/A,2\nNULL,3\n",
     "a categorical{na,N/A,NULL}: 0|1|2\nb integer: 1|2|3\n"},
    {"a quoted empty cell is missing", "a,b\n\"\",1\n3,2\n", "a integer: .|3\nb integer: 1|2\n"},
    {"an empty last cell", "a,b\n1,\n2,3\n", "a integer: 1|2\nb integer: .|3\n"},
    {"an empty last cell at the end of the text", "a,b\n2,3\n1,",
     "a integer: 2|1\nb integer: 3|.\n"},
    {"blank lines at the end", "a,b\n1,2\n\n\r\n\n", "a integer: 1\nb integer: 2\n"},
    {"one column: an empty line is a missing value", "a\n1\n\n3\n", "a integer: 1|.|3\n"},
    {"everything missing is a number", "a,b\n,1\n,2\n", "a number: .|.\nb integer: 1|2\n"},
    {"leading zeros are names", "a,b\n007,1\n012,2\n",
     "a categorical{007,012}: 0|1\nb integer: 1|2\n"},
    {"leading zeros are no decimals either", "a,b\n00.5,0.5\n",
     "a categorical{00.5}: 0\nb number: 0.5\n"},
    {"zero may stand alone", "a,b\n0,-0\n", "a integer: 0\nb integer: 0\n"},
    {"0 and 1 stay integers", "a,b\n0,true\n1,false\n", "a integer: 0|1\nb boolean: true|false\n"},
    {"yes and no are categories", "a,b\nyes,1\nno,2\n",
     "a categorical{yes,no}: 0|1\nb integer: 1|2\n"},
    {"truth and numbers do not mix", "a,b\ntrue,1\n1,2\n",
     "a categorical{true,1}: 0|1\nb integer: 1|2\n"},
    {"the ends of int64", "a,b\n9223372036854775807,1\n-9223372036854775808,2\n",
     "a integer: 9223372036854775807|-9223372036854775808\nb integer: 1|2\n"},
    {"beyond int64 is a number", "a,b\n9223372036854775808,1\n1,2\n",
     "a number: 9.223372036854776e+18|1\nb integer: 1|2\n"},
    {"signs and exponents", "a,b\n+5,+1.5e3\n-6,-.5E-1\n",
     "a integer: 5|-6\nb number: 1500|-0.05\n"},
    {"a point without digits behind it", "a,b\n1.,1\n", "a number: 1\nb integer: 1\n"},
    {"infinities", "a,b\ninf,1\n-Infinity,2\n1.5,3\n",
     "a number: INF|-INF|1.5\nb integer: 1|2|3\n"},
    {"white space is part of a cell", "a,b\n 1,1\n2,2\n",
     "a categorical{ 1,2}: 0|1\nb integer: 1|2\n"},
    {"hexadecimal is no number", "a,b\n0x10,1\n", "a categorical{0x10}: 0\nb integer: 1\n"},
    {"dates and times",
     "d,t,z\n1970-01-02,00:00:01,1970-01-01T00:00:01Z\n,12:30,2000-01-01 00:00:00.5+01:00\n",
     "d date: 1|.\nt time: 1000000|45000000000\nz datetime: 1000000|946681200500000\n"},
    {"a date and a datetime do not mix", "a,b\n2020-01-01,1\n2020-01-01T00:00:00,2\n",
     "a categorical{2020-01-01,2020-01-01T00:00:00}: 0|1\nb integer: 1|2\n"},
    {"a day that does not exist", "a,b\n2021-02-29,1\n",
     "a categorical{2021-02-29}: 0\nb integer: 1\n"},
    {"semicolons", "a;b\n1;2,5\n", "a integer: 1\nb categorical{2,5}: 0\n"},
    {"tabs", "a\tb\n1\t2\n", "a integer: 1\nb integer: 2\n"},
    {"bars", "a|b\n1|2\n", "a integer: 1\nb integer: 2\n"},
    {"the even delimiter wins", "a,x;b\n1;2\n3;4\n", "a,x integer: 1|3\nb integer: 2|4\n"},
    {"a column of texts with commas", "text;n\na, b;1\nc, d, e;2\n",
     "text categorical{a, b,c, d, e}: 0|1\nn integer: 1|2\n"},
    {"no header: values above values", "1,x\n2,y\n",
     "column_1 integer: 1|2\ncolumn_2 categorical{x,y}: 0|1\n"},
    {"a header over values", "a,1\n3,x\n", "a integer: 3\n1 categorical{x}: 0\n"},
    {"a header over texts", "a,b\nx,y\n", "a categorical{x}: 0\nb categorical{y}: 0\n"},
    {"no header: a row of values alone", "1,2\n", "column_1 integer: 1\ncolumn_2 integer: 2\n"},
    {"missing cells say nothing about a header", "5,?\n?,6\n",
     "column_1 integer: 5|.\ncolumn_2 integer: .|6\n"},
    {"names are compared exactly", "a,A\n1,2\n", "a integer: 1\nA integer: 2\n"},
    {"beyond ASCII", "größe,名\n1,日本\n2,\xf0\x9f\x98\x80\n",
     "größe integer: 1|2\n名 categorical{日本,\xf0\x9f\x98\x80}: 0|1\n"},
};

static void every_good_case_gives_its_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_cases / sizeof good_cases[0]; i++) {
        struct reading reading;
        reading_init(&reading);
        const enum mer_code code = reading_csv(&reading, good_cases[i].text, SIZE_MAX);
        if (code != MER_OK)
            fail_msg("%s: %s", good_cases[i].about, reading.err.message);
        char *shown = reading_show(&reading.frame);
        if (strcmp(shown, good_cases[i].expected) != 0)
            fail_msg("%s:\n%sinstead of\n%s", good_cases[i].about, shown, good_cases[i].expected);
        free(shown);
        reading_end(&reading);
    }
}

struct bad {
    const char *about;
    const char *text;
    const char *message;
};

static const struct bad bad_cases[] = {
    {"nothing", "", "the table is empty"},
    {"a mark and nothing", "\xef\xbb\xbf", "the table is empty"},
    {"a blank line first", "\na,b\n1,2\n", "the table begins with an empty line"},
    {"a header alone", "a,b\n", "the table has a header but no rows"},
    {"a header without line end", "a,b", "the table has a header but no rows"},
    {"too few cells", "a,b\n1,2\n3\n4,5\n", "row 2 (line 3): has 1 cell where 2 are expected"},
    {"too many cells", "a,b\n1,2\n3,4,5\n", "row 2 (line 3): has 3 cells where 2 are expected"},
    {"a blank line between", "a,b\n1,2\n\n3,4\n",
     "row 2 (line 3): has 1 cell where 2 are expected"},
    {"lines are counted inside quotes", "a,b\n\"x\n\ny\",1\n2\n",
     "row 2 (line 5): has 1 cell where 2 are expected"},
    {"a quote without end", "a,b\n1,2\n3,\"x\n5,6\n",
     "row 2 (line 3), column 'b': a quoted cell begins and never ends"},
    {"a quote without end in the header", "a,\"b\n1,2\n",
     "the header (line 1), column 2: a quoted cell begins and never ends"},
    {"a quote in a cell", "a,b\n5'11\",2\n",
     "row 1 (line 2), column 'a': a quote stands inside a cell that does not begin with one"},
    {"text behind a quote", "a,b\n1,\"x\"y\n",
     "row 1 (line 2), column 'b': something follows a closing quote"},
    {"a lone carriage return", "a,b\n1,2\r3,4\n",
     "row 1 (line 2), column 'b': a carriage return without a line feed"},
    {"old line ends", "a,b\r1,2\r3,4\r",
     "the header (line 1), column 2: a carriage return without a line feed"},
    {"a name twice", "a,b,a\n1,2,3\n", "columns 1 and 3 are both named 'a'"},
    {"no name", "a,,c\n1,2,3\n", "column 2 has no name in the header"},
    {"Latin-1", "a,b\nx,caf\xe9\n", "row 1 (line 2), column 'b': not valid UTF-8"},
    {"Latin-1 in the header", "a,caf\xe9\n1,2\n", "the header (line 1), column 2: not valid UTF-8"},
    {"an overlong form", "a,b\n\xc0\xaf,1\n", "row 1 (line 2), column 'a': not valid UTF-8"},
    {"half a character before a delimiter", "a,b\n\xe6\x97,1\n",
     "row 1 (line 2), column 'a': not valid UTF-8"},
    {"UTF-16, little end first",
     "\xff\xfe"
     "a",
     "the table is UTF-16, not UTF-8"},
    {"UTF-16, big end first", "\xfe\xff", "the table is UTF-16, not UTF-8"},
};

static void every_bad_case_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
        struct reading reading;
        reading_init(&reading);
        const enum mer_code code = reading_csv(&reading, bad_cases[i].text, SIZE_MAX);
        if (code != MER_ERR_DATA || strcmp(reading.err.message, bad_cases[i].message) != 0)
            fail_msg("%s: code %d, '%s' instead of '%s'", bad_cases[i].about, code,
                     reading.err.message, bad_cases[i].message);
        assert_null(reading.frame.image);
        reading_end(&reading);
    }
}

static void nul_bytes_are_refused_early_and_late(void **state)
{
    (void)state;
    struct reading reading;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, "a,b\n1,x\0y\n", 10), MER_ERR_DATA);
    assert_string_equal(reading.err.message, "the table holds NUL bytes: it is not text");

    enum { ROWS = 3000 };
    char *text = malloc(4 + ROWS * 4 + 1);
    size_t n = (size_t)sprintf(text, "a,b\n");
    for (size_t i = 0; i < ROWS; i++)
        n += (size_t)sprintf(text + n, "1,2\n");
    text[4 + 2000 * 4 + 2] = '\0';
    assert_int_equal(reading_csv(&reading, text, n), MER_ERR_DATA);
    assert_string_equal(reading.err.message, "row 2001 (line 2002), column 'b': a NUL byte");
    free(text);
    reading_end(&reading);
}

static void messages_do_not_show_cells(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
        struct reading reading;
        char text[200];
        reading_init(&reading);
        snprintf(text, sizeof text, "a,b\nCANARY,1\nCANARY%s",
                 strchr(bad_cases[i].text, '\n') ? strchr(bad_cases[i].text, '\n') : ",\"CANARY");
        (void)reading_csv(&reading, text, SIZE_MAX);
        assert_null(strstr(reading.err.message, "CANARY"));
        assert_null(strstr(reading.err.hint, "CANARY"));
        reading_end(&reading);
    }
}

static void stated_options_are_kept(void **state)
{
    (void)state;
    struct reading reading;
    reading_init(&reading);
    reading.options.delimiter = ';';
    reading.options.header = MER_CSV_HEADER_NO;
    assert_int_equal(reading_csv(&reading, "a,b;1\nc;2\n", SIZE_MAX), MER_OK);
    assert_int_equal(reading.report.n_columns, 2);
    assert_int_equal(reading.report.n_rows, 2);
    assert_int_equal(reading.report.delimiter, ';');
    assert_false(reading.report.has_header);
    assert_string_equal(reading.frame.columns[0].name, "column_1");

    reading.options = (struct mer_csv_options){.header = MER_CSV_HEADER_YES};
    assert_int_equal(reading_csv(&reading, "1,2\n3,4\n", SIZE_MAX), MER_OK);
    assert_int_equal(reading.report.n_rows, 1);
    assert_string_equal(reading.frame.columns[1].name, "2");

    reading.options = (struct mer_csv_options){.delimiter = '"'};
    assert_int_equal(reading_csv(&reading, "1,2\n", SIZE_MAX), MER_ERR_USAGE);

    const char *const own[] = {"-", ""};
    reading.options = (struct mer_csv_options){.missing_values = own, .n_missing_values = 2};
    assert_int_equal(reading_csv(&reading, "a,b\n-,NA\n3,x\n", SIZE_MAX), MER_OK);
    char *shown = reading_show(&reading.frame);
    assert_string_equal(shown, "a integer: .|3\nb categorical{NA,x}: 0|1\n");
    free(shown);
    assert_int_equal(reading.report.missing_counts[0], 1);
    assert_int_equal(reading.report.missing_counts[1], 0);
    reading_end(&reading);
}

static void missing_values_are_counted_by_text(void **state)
{
    (void)state;
    struct reading reading;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, "a,b,c\n,NA,x\nNA,?,NaN\n3,4,null\n5,,\n", SIZE_MAX),
                     MER_OK);
    const size_t expected[] = {3, 2, 1, 1, 1};
    for (size_t m = 0; m < MER_CSV_N_MISSING; m++)
        assert_int_equal(reading.report.missing_counts[m], expected[m]);
    assert_int_equal(reading.frame.columns[0].n_missing, 2);
    assert_int_equal(reading.frame.columns[1].n_missing, 3);
    assert_int_equal(reading.frame.columns[2].n_missing, 3);
    reading_end(&reading);
}

static void the_last_row_may_change_a_type(void **state)
{
    (void)state;
    enum { ROWS = 200000 };
    struct reading reading;
    reading_init(&reading);
    char *text = malloc(ROWS * 8 + 64);
    size_t n = (size_t)sprintf(text, "a,b\n");
    for (size_t i = 0; i < ROWS; i++)
        n += (size_t)sprintf(text + n, "%zu,1\n", i % 7);
    n += (size_t)sprintf(text + n, "1.5,x\n");
    assert_int_equal(reading_csv(&reading, text, n), MER_OK);
    assert_int_equal(reading.frame.n_rows, ROWS + 1);
    assert_int_equal(reading.frame.columns[0].type, MER_TYPE_NUMBER);
    assert_int_equal(reading.frame.columns[1].type, MER_TYPE_CATEGORICAL);
    assert_int_equal(reading.frame.columns[1].n_levels, 2);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(reading.frame.columns[0].data.numbers[i] == (double)(i % 7));
    assert_int_equal(reading.frame.columns[1].data.codes[ROWS], 1);
    free(text);
    reading_end(&reading);
}

/* Random numbers in many spellings: what the table holds is what strtod reads. */
static void numbers_are_what_strtod_reads(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    static const char *const formats[] = {"%.17g", "%.3f", "%.6e", "%.25f", "%.1e", "%g"};
    struct reading reading;
    mer_rng rng;
    reading_init(&reading);
    mer_rng_init(&rng, 7, 0);
    char *text = malloc(ROWS * 700);
    double *expected = malloc(ROWS * sizeof *expected);
    size_t n = (size_t)sprintf(text, "x\n0.5\n");
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t bits = mer_rng_u64(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value) || i % 3 == 0)
            value = mer_rng_uniform(&rng) * 1000 - 500;
        const size_t start = n;
        n += (size_t)sprintf(text + n, formats[i % 6], value);
        expected[i] = strtod(text + start, NULL);
        n += (size_t)sprintf(text + n, "\n");
    }
    assert_int_equal(reading_csv(&reading, text, n), MER_OK);
    assert_int_equal(reading.frame.columns[0].type, MER_TYPE_NUMBER);
    assert_memory_equal(reading.frame.columns[0].data.numbers + 1, expected,
                        ROWS * sizeof *expected);
    free(expected);
    free(text);
    reading_end(&reading);
}

static void the_locale_changes_nothing(void **state)
{
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    const char *set = NULL;
    for (size_t i = 0; i < 4 && !set; i++)
        set = setlocale(LC_ALL, commas[i]);
    if (!set) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    struct reading reading;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, "a;b\n1.5;1,5\n", SIZE_MAX), MER_OK);
    setlocale(LC_ALL, "C");
    char *shown = reading_show(&reading.frame);
    assert_string_equal(shown, "a number: 1.5\nb categorical{1,5}: 0\n");
    free(shown);
    reading_end(&reading);
}

static void finding_a_column_suggests_the_nearest(void **state)
{
    (void)state;
    struct reading reading;
    size_t index = 99;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, "age,height\n1,2\n", SIZE_MAX), MER_OK);
    assert_int_equal(mer_frame_find(&reading.frame, "height"), 1);
    assert_int_equal(mer_frame_find(&reading.frame, "heigh"), SIZE_MAX);
    assert_int_equal(mer_frame_want(&reading.frame, "height", &index, &reading.err).code, MER_OK);
    assert_int_equal(index, 1);
    assert_int_equal(mer_frame_want(&reading.frame, "heihgt", &index, &reading.err).code,
                     MER_ERR_DATA);
    assert_string_equal(reading.err.message, "the table has no column 'heihgt' (it has 2)");
    assert_string_equal(reading.err.hint, "did you mean 'height'?");
    assert_int_equal(index, 1);
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_good_case_gives_its_table),
        cmocka_unit_test(every_bad_case_is_refused_with_its_place),
        cmocka_unit_test(nul_bytes_are_refused_early_and_late),
        cmocka_unit_test(messages_do_not_show_cells),
        cmocka_unit_test(stated_options_are_kept),
        cmocka_unit_test(missing_values_are_counted_by_text),
        cmocka_unit_test(the_last_row_may_change_a_type),
        cmocka_unit_test(numbers_are_what_strtod_reads),
        cmocka_unit_test(the_locale_changes_nothing),
        cmocka_unit_test(finding_a_column_suggests_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
