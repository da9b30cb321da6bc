/* The fast CSV reader against the plain one: the same image whatever the threads, the instruction
 * set and the size of the pieces, and no table declined that is in order. */
#include "core/rng.h"
#include "core/team.h"
#include "reading.h"

enum { TEAMS = 3, TEXT_MAX = 1 << 20 };

struct fixture {
    struct mer_alloc alloc;
    struct mer_team *teams[TEAMS];
    char *text; /* TEXT_MAX bytes */
    size_t n;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    mer_alloc_init(&fixture->alloc, SIZE_MAX);
    for (size_t i = 0; i < TEAMS; i++)
        assert_int_equal(mer_team_new(&fixture->alloc, i + 1, &fixture->teams[i], NULL).code,
                         MER_OK);
    fixture->text = malloc(TEXT_MAX);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < TEAMS; i++)
        mer_team_free(fixture->teams[i]);
    free(fixture->text);
    free(fixture);
    return 0;
}

static void put(struct fixture *fixture, const char *text)
{
    const size_t n = strlen(text);
    assert_true(fixture->n + n < TEXT_MAX);
    memcpy(fixture->text + fixture->n, text, n);
    fixture->n += n;
}

/* Reads the text in every way, with given options; `fast` says whether the fast way must be open.
 * The types of the result as one letter a column. */
static void assert_all_ways_agree(struct fixture *fixture, const struct mer_csv_options *options,
                                  bool fast, const char *expected_types)
{
    static const size_t blocks[] = {64, 256, 4096, 0};
    struct reading plain;
    reading_init(&plain);
    if (options)
        plain.options = *options;
    plain.options.plainly = true;
    const enum mer_code code = reading_csv(&plain, fixture->text, fixture->n);
    if (expected_types) {
        assert_int_equal(code, MER_OK);
        assert_int_equal(plain.frame.n_columns, strlen(expected_types));
        for (size_t c = 0; c < plain.frame.n_columns; c++)
            assert_int_equal(mer_type_name(plain.frame.columns[c].type)[0], expected_types[c]);
    }
    for (int cpu = 0; cpu <= (int)mer_cpu_detect(); cpu++) {
        for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
            for (size_t team = 0; team < TEAMS; team++) {
                struct reading other;
                reading_init(&other);
                other.options = plain.options;
                other.options.plainly = false;
                other.options.block_bytes = blocks[i];
                other.ctx.team = fixture->teams[team];
                other.ctx.cpu = (enum mer_cpu_level)cpu;
                assert_int_equal(reading_csv(&other, fixture->text, fixture->n), code);
                if (code == MER_OK) {
                    assert_int_equal(other.report.was_plain, !fast);
                    assert_int_equal(other.frame.n_image, plain.frame.n_image);
                    assert_memory_equal(other.frame.image, plain.frame.image, plain.frame.n_image);
                    assert_memory_equal(other.report.missing_counts, plain.report.missing_counts,
                                        sizeof plain.report.missing_counts);
                } else {
                    assert_string_equal(other.err.message, plain.err.message);
                }
                reading_end(&other);
            }
        }
    }
    reading_end(&plain);
}

/* Quotes, escapes and line breaks in quotes, so often that every block border falls on them. */
static void tables_of_every_type_read_the_same_in_all_ways(void **state)
{
    struct fixture *fixture = *state;
    static const char *const truths[] = {"true", "False", "TRUE", "", "\"true\""};
    static const char *const levels[] = {"red",
                                         "\"green\"",
                                         "blue, dark",
                                         "NA",
                                         "\"a \"\"b\"\"\"",
                                         "a level of more than sixteen bytes",
                                         "\xc3\xa9t\xc3\xa9"};
    mer_rng rng;
    mer_rng_init(&rng, 5, 0);
    fixture->n = 0;
    put(fixture, "truth,whole,number,day,time,moment,level,text\r\n");
    for (unsigned i = 0; i < 3000; i++) {
        char row[400];
        const unsigned r = mer_rng_u32(&rng);
        const char *level = levels[r % 7];
        const bool bare = strchr(level, ',') && level[0] != '"';
        sprintf(row,
                "%s,%s%llu,%.*g,2024-%02u-%02u,%02u:%02u,2020-01-%02uT00:00:%02uZ,%s%s%s,\"note "
                "%u%s, and \"\"%u\"\"\"%s",
                truths[r % 5], r % 3 ? "" : "-",
                (unsigned long long)(mer_rng_u64(&rng) >> (1 + r % 60)), (int)(r % 17) + 1,
                mer_rng_normal(&rng) * 1e3, r % 12 + 1, r % 28 + 1, r % 24, r % 60, r % 31 + 1,
                r % 60, bare ? "\"" : "", level, bare ? "\"" : "", r, r % 4 ? "" : "\r\n\n", i,
                r % 2 ? "\n" : "\r\n");
        put(fixture, row);
    }
    assert_all_ways_agree(fixture, NULL, true, "bindtdct");
    put(fixture, "\r\n\n\r\n"); /* blank lines at the end are none */
    assert_all_ways_agree(fixture, NULL, true, "bindtdct");
    fixture->n -= 5 + 1; /* no line end at all */
    if (fixture->text[fixture->n - 1] == '\r')
        fixture->n--;
    assert_all_ways_agree(fixture, NULL, true, "bindtdct");
}

/* What only shows after the rows from which types are guessed. */
static void types_that_change_in_the_last_row_are_noticed(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *cell; /* of all rows but the last; NULL: the row's number */
        const char *last;
        const char *types;
    } cases[] = {
        {"7", "7.5", "n"},
        {"7", "x", "c"},
        {"7", "-0", "i"},
        {"7.5", "x", "c"},
        {"true", "0", "c"},
        {"true", "x", "c"},
        {"", "1", "i"},
        {"", "2024-02-29", "d"},
        {"", "", "n"},
        {"", "x", "c"},
        {NULL, "x", "t"},
        {NULL, "1e400", "n"},
        {"2024-02-29", "7", "c"},
        {"12:30", "12:61", "c"},
        {"7", "007", "c"},
        {"7", "99999999999999999999", "n"},
        {"7", "?", "i"},
        {"7", "nan", "c"},
        {"7", "-inf", "n"},
        {"-0.0", "-0", "n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char row[80];
        fixture->n = 0;
        put(fixture, "a,b\n");
        for (unsigned k = 0; k < 4000; k++) {
            if (cases[i].cell)
                sprintf(row, "%s,1\n", cases[i].cell);
            else
                sprintf(row, "%u,1\n", k);
            put(fixture, row);
        }
        sprintf(row, "%s,1\n", cases[i].last);
        put(fixture, row);
        sprintf(row, "%si", cases[i].types);
        assert_all_ways_agree(fixture, NULL, true, row);
    }
}

/* Few at the beginning and many later, and the other way round. */
static void categories_and_texts_are_told_apart_over_all_rows(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned kind = 0; kind < 4; kind++) {
        fixture->n = 0;
        put(fixture, "a,b\n");
        for (unsigned k = 0; k < 6000; k++) {
            char row[200];
            const unsigned few = k % 60;
            const unsigned many = k * 2654435761u;
            const bool early = k < 1500;
            if (kind == 2)
                sprintf(row, "%ux%.*s,1\n", few, k < 1500 ? 0 : 100,
                        "0123456789012345678901234567890123456789012345678901234567890123456789"
                        "0123456789012345678901234567890123456789");
            else
                sprintf(row, "x%u,1\n", early == (kind == 0) ? few : kind == 3 ? many % 900 : many);
            put(fixture, row);
        }
        assert_all_ways_agree(fixture, NULL, true, kind % 2 ? "ci" : "ti");
    }
}

static void faults_anywhere_are_told_as_by_the_plain_reader(void **state)
{
    struct fixture *fixture = *state;
    static const char *const faults[] = {"1,2,3\n",    "1\n",        "\"1,2\n",  "1,x\"y\n",
                                         "1,\"x\"y\n", "1,2\r3\n",   "1,\xff\n", "1,\xc3\n",
                                         "\n1,2\n",    "1,\"a\n,b\n"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        for (unsigned where = 0; where < 3; where++) {
            fixture->n = 0;
            put(fixture, "a,b\n");
            for (unsigned k = 0; k < 300; k++) {
                char row[40];
                sprintf(row, "%u,word\n", k);
                put(fixture, where * 149 == k ? faults[i] : row);
            }
            assert_all_ways_agree(fixture, NULL, false, NULL);
        }
    }
    fixture->n = 0;
    put(fixture, "a,b\n1,2\n3,4\r");
    assert_all_ways_agree(fixture, NULL, false, NULL);
    fixture->n--;
    fixture->text[fixture->n++] = '\0';
    assert_all_ways_agree(fixture, NULL, false, NULL);
}

static void texts_that_mean_missing_may_be_numbers(void **state)
{
    struct fixture *fixture = *state;
    static const char *const missing[] = {"-999", "0", "."};
    const struct mer_csv_options options = {.missing_values = missing, .n_missing_values = 3};
    fixture->n = 0;
    put(fixture, "a,b,c\n");
    for (unsigned k = 0; k < 3000; k++) {
        char row[80];
        sprintf(row, "%d,%s,%u.5\n", k % 3 ? (int)k : -999, k % 2 ? "." : "word", k % 7);
        put(fixture, row);
    }
    assert_all_ways_agree(fixture, &options, true, "icn");
}

/* One column: a blank line is a row. One row: there is nothing to cut. */
static void narrow_and_short_tables_read_the_same_in_all_ways(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"a\n1\n\n2\n\n", "a\nx\n",     "a\r\n\r\n1\r\n",
                                        "a,b\n,\n",      "a,b\n\"\",", "a\n\"x\ny\"",
                                        "a,b\n1,2"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fixture->n = 0;
        put(fixture, texts[i]);
        assert_all_ways_agree(fixture, NULL, true, NULL);
    }
}

/* Numbers of every length and form, each exact. */
static void numbers_of_every_form_are_exact(void **state)
{
    struct fixture *fixture = *state;
    mer_rng rng;
    mer_rng_init(&rng, 11, 0);
    fixture->n = 0;
    put(fixture, "a,b,c\n0.5,1,x\n");
    for (unsigned k = 0; k < 6000; k++) {
        char row[200];
        const uint64_t bits = mer_rng_u64(&rng);
        const double number = mer_rng_normal(&rng) * (k % 5 ? 1 : 1e9) / (k % 7 ? 1 : 1e4);
        sprintf(row, "%.*g,%s%0*llu.%0*llu,%.*f\n", (int)(bits % 20) + 1, number,
                bits % 3 ? "" : "-", (int)(bits % 9) > 1 ? 0 : 1,
                (unsigned long long)(bits >> (bits % 60)), (int)(bits >> 8) % 19 + 1,
                (unsigned long long)(bits >> 40), (int)(bits >> 16) % 22, number);
        put(fixture, row);
    }
    assert_all_ways_agree(fixture, NULL, true, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_every_type_read_the_same_in_all_ways),
        cmocka_unit_test(types_that_change_in_the_last_row_are_noticed),
        cmocka_unit_test(categories_and_texts_are_told_apart_over_all_rows),
        cmocka_unit_test(faults_anywhere_are_told_as_by_the_plain_reader),
        cmocka_unit_test(texts_that_mean_missing_may_be_numbers),
        cmocka_unit_test(narrow_and_short_tables_read_the_same_in_all_ways),
        cmocka_unit_test(numbers_of_every_form_are_exact),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
