/* Databases: tables, views and queries, and everything that a database could ask for. */
#include <sqlite3.h>

#include "intake/sqlite_policy.h"
#include "intake/sqlite_vfs.h"
#include "taking.h"

struct database {
    unsigned char *bytes;
    size_t n;
};

/* A database that these statements make, in memory. */
static struct database make(const char *sql)
{
    sqlite3 *handle;
    sqlite3_int64 n;
    char *message = NULL;
    assert_int_equal(sqlite3_open(":memory:", &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK)
        print_error("%s\n", message);
    assert_null(message);
    unsigned char *bytes = sqlite3_serialize(handle, "main", &n, 0);
    assert_non_null(bytes);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    return (struct database){bytes, (size_t)n};
}

static void expect(const char *sql, const char *query, const char *expected)
{
    struct database database = make(sql);
    struct intake intake;
    intake_init(&intake);
    intake.reading.query = query;
    const enum mer_code code = intake_read(&intake, database.bytes, database.n);
    if (code != MER_OK)
        print_error("%s\n", intake.err.message);
    assert_int_equal(code, MER_OK);
    assert_int_equal(intake.report.format, mer_table_format_find("sqlite"));
    char *shown = reading_show(&intake.frame);
    assert_string_equal(shown, expected);
    free(shown);
    intake_end(&intake);
    sqlite3_free(database.bytes);
}

static void refuse(const char *sql, const char *query, enum mer_code code, const char *message)
{
    struct database database = make(sql);
    struct intake intake;
    intake_init(&intake);
    intake.reading.query = query;
    assert_int_equal(intake_read(&intake, database.bytes, database.n), code);
    if (!strstr(intake.err.message, message))
        print_error("%s\n", intake.err.message);
    assert_non_null(strstr(intake.err.message, message));
    intake_end(&intake);
    sqlite3_free(database.bytes);
}

static void every_kind_of_value_is_read(void **state)
{
    (void)state;
    expect("CREATE TABLE t(id INTEGER PRIMARY KEY, n REAL, x, name TEXT, ok BOOLEAN, born DATE, "
           "seen TIMESTAMP, at TIME, gone);"
           "INSERT INTO t VALUES(1, 3, 9223372036854775807, 'a', 1, '2021-01-01', "
           "'2021-01-01 06:00:00', '12:00', NULL);"
           "INSERT INTO t VALUES(2, 0.1, -1, 'b''\"', 0, '1900-01-01', '1970-01-01T00:00:01', "
           "'00:00:00.5', NULL);"
           "INSERT INTO t VALUES(3, 9e999, NULL, 'NA', NULL, '', NULL, NULL, NULL)",
           NULL,
           "id integer: 1|2|3\nn number: 3|0.1|INF\nx integer: 9223372036854775807|-1|.\n"
           "name categorical{a,b'\"}: 0|1|.\nok boolean: true|false|.\nborn date: 18628|-25567|.\n"
           "seen datetime: 1609480800000000|1000000|.\nat time: 43200000000|500000|.\n"
           "gone number: .|.|.\n");
}

static void texts_that_look_like_numbers_stay_texts(void **state)
{
    (void)state;
    expect("CREATE TABLE t(zip TEXT, any); INSERT INTO t VALUES('007', '1'), ('12', '2')", NULL,
           "zip categorical{007,12}: 0|1\nany categorical{1,2}: 0|1\n");
}

static void integers_and_reals_may_mix_and_nothing_else(void **state)
{
    (void)state;
    expect("CREATE TABLE t(x); INSERT INTO t VALUES(1), (2.5)", NULL, "x number: 1|2.5\n");
    refuse("CREATE TABLE t(x); INSERT INTO t VALUES(1), ('secret')", NULL, MER_ERR_DATA,
           "row 2, column 'x': a text, where the cells above hold something else");
    refuse("CREATE TABLE t(x INTEGER); INSERT INTO t VALUES('secret')", NULL, MER_ERR_DATA,
           "row 1, column 'x': a text, in a column declared to hold numbers");
    expect("CREATE TABLE t(x INTEGER); INSERT INTO t VALUES('?'), (1)", NULL, "x integer: .|1\n");
    refuse("CREATE TABLE t(x BOOL); INSERT INTO t VALUES(1), (2)", NULL, MER_ERR_DATA,
           "row 2, column 'x': neither 0 nor 1");
    refuse("CREATE TABLE t(x); INSERT INTO t VALUES(1), (x'00ff')", NULL, MER_ERR_DATA,
           "row 2, column 'x': a blob");
    refuse("CREATE TABLE t(x TEXT); INSERT INTO t VALUES('a' || char(0) || 'b')", NULL,
           MER_ERR_DATA, "row 1, column 'x': the text holds a NUL byte");
    refuse("CREATE TABLE t(x TEXT); INSERT INTO t VALUES(CAST(x'ff' AS TEXT))", NULL, MER_ERR_DATA,
           "row 1, column 'x': the text holds a NUL byte or is not UTF-8");
}

static void a_table_is_chosen_or_the_only_one(void **state)
{
    (void)state;
    const char *two =
        "CREATE TABLE a(x); CREATE TABLE \"b \"\"c\"(x); INSERT INTO a VALUES(1); "
        "INSERT INTO \"b \"\"c\" VALUES(2); CREATE VIEW v AS SELECT x + 1 AS y FROM a";
    struct database database = make(two);
    struct intake intake;
    intake_init(&intake);
    assert_int_equal(intake_read(&intake, database.bytes, database.n), MER_ERR_USAGE);
    assert_string_equal(intake.err.message, "the database has 2 tables and 1 views");
    assert_string_equal(intake.err.hint, "name one, for example --table 'a'");
    intake.reading.part = "b \"c";
    assert_int_equal(intake_read(&intake, database.bytes, database.n), MER_OK);
    assert_int_equal(intake.frame.columns[0].data.integers[0], 2);
    intake.reading.part = "v";
    assert_int_equal(intake_read(&intake, database.bytes, database.n), MER_OK);
    assert_int_equal(intake.frame.columns[0].data.integers[0], 2);
    intake.reading.part = "sqlite_schema";
    assert_int_equal(intake_read(&intake, database.bytes, database.n), MER_ERR_USAGE);
    assert_string_equal(intake.err.message, "the database has no table or view 'sqlite_schema'");
    intake.reading.query = "SELECT 1 AS x";
    assert_int_equal(intake_read(&intake, database.bytes, database.n), MER_ERR_USAGE);
    intake_end(&intake);
    sqlite3_free(database.bytes);
    refuse("VACUUM", NULL, MER_ERR_DATA, "");
    refuse("CREATE TABLE t(x); DROP TABLE t", NULL, MER_ERR_DATA, "the database has no tables");
    refuse("CREATE TABLE t(x)", NULL, MER_ERR_DATA, "the table has columns but no rows");
    expect("CREATE TABLE t(x) ; CREATE VIEW v AS SELECT 2 AS y; DROP TABLE t", NULL,
           "y integer: 2\n");
    expect("CREATE TABLE t(a INT PRIMARY KEY, b TEXT, c AS (a + 1)) WITHOUT ROWID; INSERT INTO t "
           "VALUES(1, 'x')",
           NULL, "a integer: 1\nb categorical{x}: 0\nc integer: 2\n");
}

static const char *const people = "CREATE TABLE people(age INTEGER, job TEXT); INSERT INTO people "
                                  "VALUES(30, 'cook'), (40, 'cook'), (50, 'clerk')";

static void a_query_makes_a_table(void **state)
{
    (void)state;
    expect(people,
           "SELECT job, AVG(age) AS mean, count(*) AS n FROM people GROUP BY job ORDER BY job",
           "job categorical{clerk,cook}: 0|1\nmean number: 50|35\nn integer: 1|2\n");
    expect(people,
           "  -- by age\n SELECT age FROM people WHERE job LIKE 'c%' ORDER BY age DESC ; -- end\n",
           "age integer: 50|40|30\n");
    expect(people,
           "WITH old AS (SELECT * FROM people WHERE age > 35) SELECT o.age, rank() OVER "
           "(ORDER BY age) AS r FROM old AS o",
           "age integer: 40|50\nr integer: 1|2\n");
}

/* What a query or a view must not do, and how that is told. */
static void only_selects_of_tables_are_answered(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum mer_code code;
        const char *message;
    } cases[] = {
        {"", MER_ERR_USAGE, "the query is empty"},
        {" ; -- nothing", MER_ERR_USAGE, "the query is empty"},
        {"SELECT 1 AS a; SELECT 2 AS a", MER_ERR_USAGE, "more than one statement"},
        {"EXPLAIN SELECT 1", MER_ERR_USAGE, "no SELECT"},
        {"DELETE FROM people", MER_ERR_DATA, "anything but SELECT"},
        {"INSERT INTO people VALUES(1, 'x') RETURNING age", MER_ERR_DATA, "anything but SELECT"},
        {"CREATE TABLE u(x)", MER_ERR_DATA, "anything but SELECT"},
        {"CREATE TEMP TABLE u AS SELECT 1", MER_ERR_DATA, "anything but SELECT"},
        {"VACUUM INTO 'x'", MER_ERR_USAGE, "no SELECT"},
        {"BEGIN", MER_ERR_DATA, "anything but SELECT"},
        {"ATTACH 'x' AS y", MER_ERR_DATA, "another database"},
        {"PRAGMA table_info(people)", MER_ERR_DATA, "the pragma 'table_info'"},
        {"PRAGMA writable_schema = ON", MER_ERR_DATA, "the pragma 'writable_schema'"},
        {"SELECT * FROM sqlite_schema", MER_ERR_DATA, "the table 'sqlite_master'"},
        {"SELECT load_extension('x')", MER_ERR_DATA, "the function 'load_extension'"},
        {"SELECT fts3_tokenizer('x')", MER_ERR_DATA, "the function 'fts3_tokenizer'"},
        {"SELECT random() AS r", MER_ERR_DATA, "the function 'random'"},
        {"SELECT zeroblob(1000000000) AS r", MER_ERR_DATA, "the function 'zeroblob'"},
        {"SELECT sqlite_version() AS r", MER_ERR_DATA, "the function 'sqlite_version'"},
        {"SELECT CURRENT_TIMESTAMP AS r", MER_ERR_DATA, "the function 'current_timestamp'"},
        {"SELECT date('now') AS r", MER_ERR_DATA, "the current time"},
        {"SELECT * FROM json_each('[1]')", MER_ERR_DATA, "no such table: json_each"},
        {"SELECT * FROM pragma_table_info('people')", MER_ERR_DATA, ""},
        {"SELECT * FROM dbstat", MER_ERR_DATA, "no such table: dbstat"},
        {"SELECT * FROM nowhere", MER_ERR_DATA, "no such table: nowhere"},
        {"SELECT \"aeg\" FROM people", MER_ERR_DATA, "no such column"},
        {"SELECT ? AS x", MER_ERR_DATA, "SQLite"},
        {"SELEC", MER_ERR_DATA, "syntax error"},
        {"SELECT age, age FROM people", MER_ERR_DATA, "columns 1 and 2 are both named 'age'"},
        {"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
         MER_ERR_DATA, "a recursive query"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse(people, cases[i].query, cases[i].code, cases[i].message);
}

static void what_a_database_brings_along_does_not_run(void **state)
{
    (void)state;
    refuse("CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
           "SELECT x FROM c",
           NULL, MER_ERR_DATA, "a recursive query");
    refuse("CREATE VIEW v AS SELECT * FROM w; CREATE VIEW w AS SELECT * FROM v", "SELECT * FROM v",
           MER_ERR_DATA, "circularly defined");
    refuse("CREATE VIEW v AS SELECT load_extension('x') AS y", NULL, MER_ERR_DATA,
           "unsafe use of load_extension()");
    refuse("CREATE VIEW v AS SELECT * FROM sqlite_schema", NULL, MER_ERR_DATA, "the table");
    refuse("CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES('a')", "SELECT * FROM f",
           MER_ERR_DATA, "no such module: fts5");
    refuse("CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES(1, 2, 3)",
           "SELECT * FROM r", MER_ERR_DATA, "no such module: rtree");
    expect(
        "CREATE TABLE t(x); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT load_extension('x'); "
        "END; DROP TRIGGER g; INSERT INTO t VALUES(1); CREATE TRIGGER h AFTER INSERT ON t BEGIN "
        "DELETE FROM t; END",
        NULL, "x integer: 1\n");
}

static bool is_stopped(const char *query)
{
    struct database database = make(people);
    struct mer_cancel cancel = {.signal = 15};
    struct intake intake;
    intake_init(&intake);
    intake.ctx.cancel = &cancel;
    intake.reading.query = query;
    const enum mer_code code = intake_read(&intake, database.bytes, database.n);
    intake_end(&intake);
    sqlite3_free(database.bytes);
    return code == MER_ERR_CANCELLED;
}

static void a_query_without_end_can_be_stopped(void **state)
{
    (void)state;
    assert_true(is_stopped(
        "SELECT a.age FROM people a, people b, people c, people d, people e, "
        "people f, people g, people h, people i, people j, people k, people l, "
        "people m, people n, people o WHERE a.age + b.age + c.age + d.age + e.age + f.age + g.age "
        "+ h.age + i.age + j.age + k.age + l.age + m.age + n.age + o.age < 0"));
}

static void large_values_and_little_memory_are_told(void **state)
{
    (void)state;
    refuse("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(70000000))", NULL, MER_ERR_DATA, "");
    struct database database = make("CREATE TABLE t(x); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL "
                                    "SELECT n + 1 FROM c WHERE n < 200000) INSERT INTO t SELECT "
                                    "hex(n * 7919) || 'abcdefghijklmnopqrstuvwxyz' FROM c");
    struct intake intake;
    intake_init(&intake);
    intake.alloc.budget = 4 << 20;
    intake.reading.query = "SELECT x FROM t ORDER BY x DESC";
    assert_int_equal(intake_read(&intake, database.bytes, database.n), MER_ERR_MEMORY);
    intake.alloc.budget = 1000;
    assert_int_equal(intake_read(&intake, database.bytes, database.n), MER_ERR_MEMORY);
    intake.alloc.budget = SIZE_MAX;
    assert_int_equal(intake_read(&intake, database.bytes, database.n), MER_OK);
    intake_end(&intake);
    sqlite3_free(database.bytes);
}

static void a_schema_is_enforced(void **state)
{
    (void)state;
    struct database database = make(people);
    struct intake intake;
    intake_init(&intake);
    assert_int_equal(
        taking_under(&intake, database.bytes, database.n,
                     "{\"fields\":[{\"name\":\"age\",\"type\":\"integer\"},"
                     "{\"name\":\"job\",\"type\":\"string\",\"categories\":[\"cook\"]}]}"),
        MER_ERR_DATA);
    assert_non_null(strstr(intake.err.message, "row 3, column 'job': not among the categories"));
    assert_int_equal(taking_under(&intake, database.bytes, database.n,
                                  "{\"fields\":[{\"name\":\"age\",\"type\":\"string\"},"
                                  "{\"name\":\"job\",\"type\":\"string\"}],\"missingValues\":[]}"),
                     MER_OK);
    char *shown = reading_show(&intake.frame);
    assert_string_equal(shown, "age text: 30|40|50\njob text: cook|cook|clerk\n");
    free(shown);
    intake_end(&intake);
    sqlite3_free(database.bytes);
}

static void utf_16_and_write_ahead_headers_are_read(void **state)
{
    (void)state;
    expect(
        "PRAGMA encoding = 'UTF-16'; CREATE TABLE t(x TEXT); INSERT INTO t VALUES('zw\xc3\xb6lf')",
        NULL, "x categorical{zw\xc3\xb6lf}: 0\n");
    struct database database = make(people);
    database.bytes[18] = database.bytes[19] = 2;
    taking_expect(database.bytes, database.n,
                  "age integer: 30|40|50\njob categorical{cook,clerk}: 0|0|1\n");
    sqlite3_free(database.bytes);
}

/* Many pages, an index, a text that overflows its page. */
static struct database make_large(void)
{
    return make(
        "PRAGMA page_size = 512; CREATE TABLE t(n INTEGER, x TEXT); CREATE INDEX i ON t(x); "
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60) "
        "INSERT INTO t SELECT n, hex(n * 7919) FROM c; "
        "INSERT INTO t VALUES(61, hex(zeroblob(600)))");
}

static void no_truncation_is_taken_for_a_table(void **state)
{
    (void)state;
    struct database database = make_large();
    for (size_t n = 16; n < database.n; n += n < 200 ? 1 : 61) {
        struct intake intake;
        unsigned char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, database.bytes, n);
        intake_init(&intake);
        assert_int_equal(intake_read(&intake, piece, n), MER_ERR_DATA);
        intake_end(&intake);
        free(piece);
    }
    sqlite3_free(database.bytes);
}

/* SQLite's pages have no checksums: a changed value is a value. Nothing else happens. */
static void damaged_pages_do_no_harm(void **state)
{
    (void)state;
    struct database database = make_large();
    size_t n_refused = 0;
    for (size_t at = 16; at < database.n; at += at < 1024 ? 1 : 7) {
        struct intake intake;
        const unsigned char was = database.bytes[at];
        database.bytes[at] = (unsigned char)(at % 3 ? ~was : was + 1);
        intake_init(&intake);
        const enum mer_code code = intake_read(&intake, database.bytes, database.n);
        assert_true(code == MER_OK || code == MER_ERR_DATA || code == MER_ERR_USAGE);
        n_refused += code != MER_OK;
        intake_end(&intake);
        database.bytes[at] = was;
    }
    assert_true(n_refused > 100);
    sqlite3_free(database.bytes);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    struct mer_table_reading reading = {.csv.header = MER_CSV_HEADER_DETECT};
    struct database database = make(people);
    taking_every_failure(&reading, database.bytes, database.n);
    sqlite3_free(database.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(texts_that_look_like_numbers_stay_texts),
        cmocka_unit_test(integers_and_reals_may_mix_and_nothing_else),
        cmocka_unit_test(a_table_is_chosen_or_the_only_one),
        cmocka_unit_test(a_query_makes_a_table),
        cmocka_unit_test(only_selects_of_tables_are_answered),
        cmocka_unit_test(what_a_database_brings_along_does_not_run),
        cmocka_unit_test(a_query_without_end_can_be_stopped),
        cmocka_unit_test(large_values_and_little_memory_are_told),
        cmocka_unit_test(a_schema_is_enforced),
        cmocka_unit_test(utf_16_and_write_ahead_headers_are_read),
        cmocka_unit_test(no_truncation_is_taken_for_a_table),
        cmocka_unit_test(damaged_pages_do_no_harm),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
