/* Workbooks: every kind of cell, and everything that a sheet can do to a table. */
#include "intake/xlsx.h"
#include "taking.h"

static void expect(const struct book *book, const char *expected)
{
    struct archive archive;
    book_make(&archive, book);
    taking_expect(archive.bytes, archive.n, expected);
    archive_release(&archive);
}

static void refuse(const struct book *book, const char *message)
{
    struct archive archive;
    book_make(&archive, book);
    taking_refuse(archive.bytes, archive.n, MER_ERR_DATA, message);
    archive_release(&archive);
}

static void expect_rows(const char *rows, const char *expected)
{
    expect(&(struct book){.rows = rows}, expected);
}

static void refuse_rows(const char *rows, const char *message)
{
    refuse(&(struct book){.rows = rows}, message);
}

/* A header of one column, and cells below it. */
#define NAMED(cells)                                                                               \
    "<row r='1'><c r='A1' t='inlineStr'><is><t>x</t></is></c></row><row r='2'>" cells "</row>"
#define TEXT(text) "<c t='inlineStr'><is><t>" text "</t></is></c>"
#define NUMBER(text) "<c><v>" text "</v></c>"

static void every_kind_of_cell_is_read(void **state)
{
    (void)state;
    expect(
        &(struct book){
            .strings = "<si><t>age</t></si><si><t>red</t></si>",
            .rows = "<row><c t='s'><v>0</v></c>" TEXT("price") TEXT("colour") TEXT("on")
                TEXT("born") TEXT("at") TEXT("seen") TEXT(
                    "kind") "</row><row><c><v>39</v></c><c s='5'><v>0.1</v></c><c "
                            "t='s'><v>1</v></c>"
                            "<c t='b'><v>1</v></c><c s='1'><v>44197</v></c><c s='2'><v>0.5</v></c>"
                            "<c s='3'><v>44197.25</v></c><c t='str'><f>A1</f><v>f</v></c></row>"
                            "<row><c t='n'><v>-7</v></c><c><v>1E+20</v></c>" TEXT(
                                "blue") "<c t='b'><v>0</v></c><c s='1'><v>1</v></c><c "
                                        "s='2'><v>0</v></c>"
                                        "<c s='3'><v>61</v></c><c t='str'><v>g</v></c></row>"},
        "age integer: 39|-7\nprice number: 0.1|1e+20\ncolour categorical{red,blue}: 0|1\n"
        "on boolean: true|false\nborn date: 18628|-25567\nat time: 43200000000|0\n"
        "seen datetime: 1609480800000000|-2203891200000000\nkind categorical{f,g}: 0|1\n");
}

static void texts_that_look_like_numbers_stay_texts(void **state)
{
    (void)state;
    expect_rows("<row>" TEXT("zip") TEXT("n") "</row><row>" TEXT("007")
                    NUMBER("7") "</row><row>" TEXT("12") NUMBER("8") "</row>",
                "zip categorical{007,12}: 0|1\nn integer: 7|8\n");
}

static void texts_may_be_dates_and_mean_missing(void **state)
{
    (void)state;
    expect_rows("<row>" TEXT("d") TEXT("n") "</row><row>" TEXT("2021-01-01")
                    NUMBER("7") "</row><row>" TEXT("NA") TEXT("?") "</row>",
                "d date: 18628|.\nn integer: 7|.\n");
}

static void runs_escapes_and_readings_make_one_text(void **state)
{
    (void)state;
    expect(&(struct book){.strings = "<si><r><t>a</t></r><r><rPr/><t xml:space='preserve'> b"
                                     "_x0041__x005F_x0042__xD800_</t></r><rPh><t>no</t></rPh></si>",
                          .rows = NAMED("<c t='s'><v>0</v></c>")},
           "x categorical{a bA_x0042__xD800_}: 0\n");
    expect_rows(NAMED("<c t='inlineStr'><is><r><t>&lt;a&gt;</t></r><r><t>&amp;\n</t></r>"
                      "<rPh><t>no</t></rPh></is></c>"),
                "x categorical{<a>&\n}: 0\n");
}

static void rows_and_cells_may_be_left_out(void **state)
{
    (void)state;
    expect_rows("<row r='3'/><row r='4'><c r='C4' t='str'><v>a</v></c><c r='D4' t='str'><v>b</v>"
                "</c></row><row r='6'><c r='D6'><v>2</v></c></row><row r='8'><c r='C8'><v>1</v></c>"
                "<c r='F8' s='1'/></row><row r='9'><c r='C9' t='str'><v></v></c></row>",
                "a integer: .|.|.|1\nb integer: .|2|.|.\n");
}

static void errors_of_formulas_are_missing_or_refused(void **state)
{
    (void)state;
    expect_rows(
        "<row>" TEXT("x") "</row><row>" NUMBER("1") "</row><row><c t='e'><v>#N/A</v></c></row>",
        "x integer: 1|.\n");
    refuse_rows(NAMED("<c t='e'><v>#DIV/0!</v></c>"), "cell A2: it holds an error, #DIV/0!");
    refuse_rows(NAMED("<c t='e'><v>secret</v></c>"), "cell A2: it holds an error");
    refuse_rows(NAMED("<c><f>1+1</f></c>"), "cell A2: a formula without the value");
    expect_rows(NAMED("<c><f>1+1</f><v>2</v></c>"), "x integer: 2\n");
}

static void a_column_holds_one_kind_of_value(void **state)
{
    (void)state;
    refuse_rows(
        "<row>" TEXT("x") TEXT("y") "</row><row>" NUMBER("1") NUMBER("1") "</row><row>" NUMBER("1")
            TEXT("secret") "</row>",
        "row 2 (sheet row 3), column 'y': a text, where the cells above hold something else");
    refuse_rows(
        "<row>" TEXT("x") "</row><row><c s='1'><v>9</v></c></row><row>" NUMBER("1") "</row>",
        "row 2 (sheet row 3), column 'x': a number");
    refuse_rows(
        "<row>" TEXT("x") "</row><row>" NUMBER("1") "</row><row><c t='b'><v>1</v></c></row>",
        "column 'x': a truth value");
    refuse_rows(
        "<row>" TEXT("x") "</row><row><c s='1'><v>9</v></c></row><row><c s='3'><v>9.5</v></c>"
                          "</row>",
        "column 'x': a date and time");
    expect_rows("<row>" TEXT("x") "</row><row>" NUMBER("1") "</row><row>" NUMBER("1.5") "</row>",
                "x number: 1|1.5\n");
}

static void dates_follow_the_workbooks_system(void **state)
{
    (void)state;
    expect(&(struct book){.is_1904 = true, .rows = NAMED("<c s='1'><v>0</v></c>")},
           "x date: -24107\n");
    expect_rows(NAMED("<c s='1'><v>59</v></c>"), "x date: -25509\n");
    expect_rows(NAMED("<c s='1'><v>61</v></c>"), "x date: -25508\n");
    expect_rows(NAMED("<c s='4'><v>1.5</v></c>"), "x number: 1.5\n");
    refuse_rows(NAMED("<c s='1'><v>60</v></c>"), "cell A2: a date that does not exist");
    refuse_rows(NAMED("<c s='1'><v>-1</v></c>"), "cell A2: a date that does not exist");
    refuse_rows(NAMED("<c s='3'><v>0.5</v></c>"), "cell A2: a date that does not exist");
    refuse_rows(NAMED("<c s='1'><v>1e300</v></c>"), "cell A2: a date that does not exist");
    refuse_rows(NAMED("<c s='2'><v>1.5</v></c>"), "cell A2: a time of day");
    expect_rows(NAMED("<c t='d'><v>2021-01-01</v></c>"), "x date: 18628\n");
    refuse_rows(NAMED("<c t='d'><v>soon</v></c>"), "cell A2: what is stored as a date is none");
}

static void the_header_is_found_as_in_csv(void **state)
{
    (void)state;
    expect_rows("<row>" TEXT("a") TEXT("b") "</row><row>" TEXT("c") TEXT("d") "</row>",
                "a categorical{c}: 0\nb categorical{d}: 0\n");
    expect_rows("<row>" NUMBER("1") TEXT("b") "</row><row>" NUMBER("2") TEXT("d") "</row>",
                "column_1 integer: 1|2\ncolumn_2 categorical{b,d}: 0|1\n");
    struct archive archive;
    struct intake intake;
    book_make(&archive,
              &(struct book){.rows = "<row>" TEXT("a") "</row><row>" NUMBER("1") "</row>"});
    intake_init(&intake);
    intake.reading.csv.header = MER_CSV_HEADER_NO;
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_ERR_DATA);
    assert_non_null(strstr(intake.err.message, "row 2 (sheet row 2), column 'column_1': a number"));
    intake.reading.csv.header = MER_CSV_HEADER_YES;
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_OK);
    assert_true(intake.report.has_header);
    intake_end(&intake);
    archive_release(&archive);
}

static void names_must_be_there_and_differ(void **state)
{
    (void)state;
    refuse_rows("<row r='1'><c r='A1' t='str'><v>a</v></c><c r='C1' t='str'><v>c</v></c></row>"
                "<row>" NUMBER("1") "</row>",
                "column 2 has no name");
    refuse_rows("<row>" TEXT("a") TEXT("a") "</row><row>" NUMBER("1") "</row>",
                "columns 1 and 2 are both named 'a'");
    refuse_rows("<row>" TEXT("a") "</row><row>" NUMBER("1") NUMBER("2") "</row>",
                "a value stands behind the last column");
    refuse_rows("<row r='1'><c r='B1' t='str'><v>a</v></c></row><row r='2'><c r='A2'><v>1</v></c>"
                "</row>",
                "cell A2: a value stands before the first column");
    refuse_rows("<row>" TEXT("a") "</row>", "the table has columns but no rows");
    refuse_rows("", "the table is empty");
}

static void merged_cells_within_the_table_are_refused(void **state)
{
    (void)state;
    const char *rows = "<row>" TEXT("a") "</row><row>" NUMBER("1") "</row>";
    refuse(&(struct book){rows, .behind = "<mergeCells><mergeCell ref='A1:B2'/></mergeCells>"},
           "the cells A1 to B2 are merged");
    expect(&(struct book){rows, .behind = "<mergeCells><mergeCell ref='A4:B9'/><mergeCell "
                                          "ref='C1:D2'/><mergeCell ref='A1:A1'/></mergeCells>"},
           "a integer: 1\n");
    refuse(&(struct book){rows, .behind = "<mergeCells><mergeCell ref='A1'/></mergeCells>"},
           "the sheet is damaged");
}

static void a_schema_is_enforced(void **state)
{
    (void)state;
    struct archive archive;
    struct intake intake;
    book_make(
        &archive,
        &(struct book){
            .rows = "<row>" TEXT("zip") TEXT("when")
                TEXT("n") "</row><row>" NUMBER("12") "<c s='1'><v>44197</v></c>" NUMBER(
                    "3.0") "</row><row>" TEXT("007") "<c s='3'><v>44197.5</v></c>" TEXT("4") "</"
                                                                                             "row"
                                                                                             ">"});
    intake_init(&intake);
    assert_int_equal(taking_under(&intake, archive.bytes, archive.n,
                                  "{\"fields\":[{\"name\":\"zip\",\"type\":\"string\"},"
                                  "{\"name\":\"when\",\"type\":\"datetime\"},"
                                  "{\"name\":\"n\",\"type\":\"integer\"}]}"),
                     MER_OK);
    char *shown = reading_show(&intake.frame);
    assert_string_equal(shown,
                        "zip text: 12|007\nwhen datetime: 1609459200000000|1609502400000000\n"
                        "n integer: 3|4\n");
    free(shown);
    assert_int_equal(taking_under(&intake, archive.bytes, archive.n,
                                  "{\"fields\":[{\"name\":\"zip\",\"type\":\"string\"},"
                                  "{\"name\":\"when\",\"type\":\"date\"},"
                                  "{\"name\":\"n\",\"type\":\"integer\"}]}"),
                     MER_ERR_DATA);
    assert_non_null(strstr(intake.err.message, "row 2 (sheet row 3), column 'when': not a date"));
    assert_null(strstr(intake.err.message, "line"));
    assert_int_equal(taking_under(&intake, archive.bytes, archive.n,
                                  "{\"fields\":[{\"name\":\"zip\",\"type\":\"string\"}]}"),
                     MER_ERR_DATA);
    assert_non_null(strstr(intake.err.message, "the schema lacks the column 'when'"));
    intake_end(&intake);
    archive_release(&archive);
}

static void formats_are_for_texts_and_not_for_values(void **state)
{
    (void)state;
    struct archive archive;
    struct intake intake;
    const char *schema = "{\"fieldsMatch\":\"subset\",\"fields\":[{\"name\":\"n\",\"type\":"
                         "\"number\",\"decimalChar\":\",\",\"missingValues\":[\"-\"]},{\"name\":"
                         "\"d\",\"type\":\"date\",\"format\":\"%d/%m/%Y\"}]}";
    book_make(&archive,
              &(struct book){.rows = "<row>" TEXT("n") TEXT("d")
                                 TEXT("zip") "</row><row>" NUMBER("1.5") TEXT("31/12/2020")
                                     TEXT("007") "</row>"
                                                 "<row>" TEXT("-") "<c/>" TEXT("12") "</row>"});
    intake_init(&intake);
    assert_int_equal(taking_under(&intake, archive.bytes, archive.n, schema), MER_OK);
    char *shown = reading_show(&intake.frame);
    assert_string_equal(shown, "n number: 1.5|.\nd date: 18627|.\nzip categorical{007,12}: 0|1\n");
    free(shown);
    archive_release(&archive);
    book_make(&archive, &(struct book){.rows = "<row>" TEXT("n") TEXT("d") "</row><row>" TEXT(
                                           "1,5") "<c s='1'><v>44196</v></c></row>"});
    assert_int_equal(taking_under(&intake, archive.bytes, archive.n, schema), MER_OK);
    shown = reading_show(&intake.frame);
    assert_string_equal(shown, "n number: 1.5\nd date: 18627\n");
    free(shown);
    archive_release(&archive);
    book_make(&archive, &(struct book){.rows = "<row>" TEXT("n") TEXT("d") "</row><row>" TEXT(
                                           "1,5") "</row><row>" NUMBER("1.5") "</row>"});
    assert_int_equal(taking_under(&intake, archive.bytes, archive.n, schema), MER_ERR_DATA);
    assert_non_null(strstr(intake.err.message, "row 2 (sheet row 3), column 'n': a text among"));
    archive_release(&archive);
    intake_end(&intake);
}

/* Of every type, what cannot stand in it. */
static void values_of_another_type_than_the_fields_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *cell, *message;
    } cases[] = {
        {"integer", NUMBER("1.5"), "not an integer"},
        {"integer", "<c t='b'><v>1</v></c>", "not an integer"},
        {"integer", TEXT("x"), "not an integer"},
        {"number", "<c s='1'><v>9</v></c>", "not a number"},
        {"boolean", NUMBER("2"), "not true or false"},
        {"boolean", NUMBER("1.5"), "not true or false"},
        {"date", NUMBER("44197"), "not a date"},
        {"date", "<c s='3'><v>44197.5</v></c>", "not a date"},
        {"time", "<c s='1'><v>9</v></c>", "not a time"},
        {"datetime", "<c s='2'><v>0.5</v></c>", "not a date and time"},
        {"string", NUMBER("1.5"), "not a text"},
        {"string", "<c t='b'><v>1</v></c>", "not a text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct archive archive;
        struct intake intake;
        char rows[512], schema[128];
        (void)snprintf(rows, sizeof rows, "<row>" TEXT("x") "</row><row>%s</row>", cases[i].cell);
        (void)snprintf(schema, sizeof schema, "{\"fields\":[{\"name\":\"x\",\"type\":\"%s\"}]}",
                       cases[i].type);
        book_make(&archive, &(struct book){.rows = rows});
        intake_init(&intake);
        assert_int_equal(taking_under(&intake, archive.bytes, archive.n, schema), MER_ERR_DATA);
        assert_non_null(strstr(intake.err.message, "row 1 (sheet row 2), column 'x': "));
        assert_non_null(strstr(intake.err.message, cases[i].message));
        intake_end(&intake);
        archive_release(&archive);
    }
}

static void damaged_sheets_are_told_as_such(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<row r='2'/><row r='2'/>",
        "<row r='1048577'/>",
        "<row r='x'/>",
        "<row r='1'><c r='B1'/><c r='A1'/></row>",
        "<row r='1'><c r='A2'/></row>",
        "<row r='1'><c r='XFE1'/></row>",
        "<row r='1'><c r='A1x'/></row>",
        "<row r='1'><c r='1'/></row>",
        "<row r='1'><c s='6'/></row>",
        "<row r='1'><c s='-1'/></row>",
        "<row r='1'><c t='z'/></row>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse_rows(bad[i], "the sheet is damaged");
    refuse_rows(NAMED("<c><v>one</v></c>"), "cell A2: what is stored as a number is none");
    refuse_rows(NAMED("<c><v>inf</v></c>"), "cell A2: what is stored as a number is none");
    refuse_rows(NAMED("<c t='b'><v>2</v></c>"), "cell A2: what is stored as a truth value is none");
    refuse_rows(NAMED("<c t='s'><v>0</v></c>"), "cell A2: its shared text does not exist");
    expect_rows(NAMED("<c><v>007</v></c>"), "x integer: 7\n");
    expect_rows(NAMED("<x><c><v>9</v></c></x><c><v>7</v><v/></c>"), "x integer: 7\n");
}

static void entities_and_deep_trees_are_refused(void **state)
{
    (void)state;
    refuse(&(struct book){.sheet = "<!DOCTYPE lolz [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>"
                                   "<worksheet>&b;</worksheet>"},
           "'xl/worksheets/sheet1.xml': its XML declares a document type");
    refuse(&(struct book){.sheet = "<a><b></a>"}, "'xl/worksheets/sheet1.xml': line 1 is not");
    refuse(&(struct book){.sheet = ""}, "is not well-formed XML");
    char deep[64 * 3 + 32] = "";
    for (size_t i = 0; i < 65; i++)
        strcat(deep, "<a>");
    refuse(&(struct book){.sheet = deep}, "more than 64 elements deep");
    char *wide = malloc(3 << 20);
    assert_non_null(wide);
    memset(wide, ' ', 3 << 20);
    memcpy(wide, "<a b='", 6);
    for (size_t i = 6; i < (3 << 20) - 1; i++)
        wide[i] = (char)('a' + (i * i + i / 7) % 23);
    wide[(3 << 20) - 1] = '\0';
    refuse(&(struct book){.sheet = wide}, "a tag of more than");
    free(wide);
}

static void a_sheet_that_is_all_but_empty_is_refused(void **state)
{
    (void)state;
    char rows[16384] = "<row r='1'>";
    for (size_t c = 0; c < 64; c++)
        strcat(rows, "<c><v>1</v></c>");
    strcat(rows, "</row><row r='1048576'><c r='A1048576'><v>1</v></c></row>");
    refuse_rows(rows, "all but empty");
}

static void long_texts_are_refused(void **state)
{
    (void)state;
    const size_t n = (1 << 20) + 1;
    char *rows = malloc(n + 256);
    assert_non_null(rows);
    const size_t before = (size_t)sprintf(rows, "<row>" TEXT("x") "</row><row><c t='str'><v>");
    for (size_t i = 0; i < n; i++)
        rows[before + i] = (char)('a' + (i * i + i / 7) % 23);
    strcpy(rows + before + n, "</v></c></row>");
    refuse_rows(rows, "cell A2: its text is too long");
    free(rows);
}

static void prefixes_and_the_strict_namespace_are_understood(void **state)
{
    (void)state;
    expect(&(struct book){.sheet =
                              "<q:worksheet xmlns:q='http://purl.oclc.org/ooxml/spreadsheetml/"
                              "main'><q:sheetData><q:row><q:c t='str'><q:v>a</q:v></q:c></q:row>"
                              "<q:row><q:c><q:v>1</q:v></q:c></q:row></q:sheetData></q:worksheet>"},
           "a integer: 1\n");
    refuse(&(struct book){.sheet =
                              "<worksheet xmlns='urn:other'><sheetData><row><c><v>1</v></c></row>"
                              "</sheetData></worksheet>"},
           "the table is empty");
}

#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define DOCUMENT "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define LINKS "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
#define LINK(id, type, target)                                                                     \
    "<Relationship Id='" id "' Type='" DOCUMENT "/" type "' Target='" target "'/>"
#define SHEET(cell)                                                                                \
    "<worksheet xmlns='" MAIN "'><sheetData><row><c t='str'><v>a</v></c></row><row><c><v>" cell    \
    "</v></c></row></sheetData></worksheet>"

static void make_two_sheets(struct archive *archive)
{
    *archive = (struct archive){0};
    archive_text(archive, "_rels/.rels",
                 LINKS LINK("x", "officeDocument", "/book.xml") "</Relationships>");
    archive_text(archive, "book.xml",
                 "<workbook xmlns='" MAIN "' xmlns:r='" DOCUMENT "'><sheets>"
                 "<sheet name='Chart' r:id='c'/><sheet name='Outside' r:id='o'/>"
                 "<sheet name='One' r:id='1'/><sheet name='Gone' r:id='g'/>"
                 "<sheet name='Zw&#xf6;lf' r:id='2'/></sheets></workbook>");
    archive_text(archive, "_rels/book.xml.rels",
                 LINKS LINK("c", "chartsheet", "chart.xml") LINK("o", "worksheet", "../../out.xml")
                     LINK("1", "worksheet", "one.xml") LINK("2", "worksheet", "two.xml")
                         LINK("g", "worksheet", "gone.xml") "</Relationships>");
    archive_text(archive, "one.xml", SHEET("1"));
    archive_text(archive, "two.xml", SHEET("2"));
    archive_end(archive);
}

static void a_sheet_is_chosen_by_name_or_is_the_first(void **state)
{
    (void)state;
    struct archive archive;
    struct intake intake;
    make_two_sheets(&archive);
    intake_init(&intake);
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_OK);
    assert_int_equal(intake.frame.columns[0].data.integers[0], 1);
    assert_string_equal(intake.report.part, "One");
    assert_int_equal(intake.report.n_parts, 5);
    assert_int_equal(intake.report.format, mer_table_format_find("xlsx"));
    intake.reading.part = "Zw\xc3\xb6lf";
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_OK);
    assert_int_equal(intake.frame.columns[0].data.integers[0], 2);
    intake.reading.part = "Three";
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_ERR_USAGE);
    assert_string_equal(intake.err.message, "the workbook has no sheet 'Three'");
    intake.reading.part = "Chart";
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_ERR_DATA);
    assert_string_equal(intake.err.message, "the sheet 'Chart' has no cells");
    intake.reading.part = "Outside";
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_ERR_DATA);
    intake.reading.part = "Gone";
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_ERR_DATA);
    assert_string_equal(intake.err.message, "the workbook lacks its part 'gone.xml'");
    intake.reading.part = NULL;
    intake.reading.query = "SELECT 1";
    assert_int_equal(intake_read(&intake, archive.bytes, archive.n), MER_ERR_USAGE);
    intake_end(&intake);
    archive_release(&archive);
}

static void other_archives_are_no_workbooks(void **state)
{
    (void)state;
    struct archive archive = {0};
    archive_text(&archive, "mimetype", "application/vnd.oasis.opendocument.spreadsheet");
    archive_end(&archive);
    taking_refuse(archive.bytes, archive.n, MER_ERR_DATA, "the ZIP archive is no workbook");
    archive_release(&archive);
    archive_text(&archive, "_rels/.rels", LINKS LINK("x", "thumbnail", "t.png") "</Relationships>");
    archive_end(&archive);
    taking_refuse(archive.bytes, archive.n, MER_ERR_DATA, "the ZIP archive is no workbook");
    archive_release(&archive);
    archive_text(&archive, "_rels/.rels",
                 LINKS LINK("x", "officeDocument", "w.xml") "</Relationships>");
    archive_text(&archive, "w.xml", "<document/>");
    archive_end(&archive);
    taking_refuse(archive.bytes, archive.n, MER_ERR_DATA, "no workbook with sheets");
    archive_release(&archive);
}

static const struct book small = {
    .strings = "<si><t>name</t></si><si><t>x&amp;y</t></si>",
    .rows = "<row><c t='s'><v>0</v></c>" TEXT("when")
        TEXT("n") "</row><row><c t='s'><v>1</v></c>"
                  "<c s='1'><v>44197</v></c>" NUMBER("1.5") "</row><row>" TEXT(
                      "z") "<c s='1'><v>44198</v></c>" NUMBER("2") "</row>"};

static void no_truncation_is_taken_for_a_table(void **state)
{
    (void)state;
    struct archive archive;
    book_make(&archive, &small);
    for (size_t n = 4; n < archive.n; n++) {
        struct intake intake;
        unsigned char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, archive.bytes, n);
        intake_init(&intake);
        assert_int_equal(intake_read(&intake, piece, n), MER_ERR_DATA);
        intake_end(&intake);
        free(piece);
    }
    archive_release(&archive);
}

/* A flipped bit is told, or lies where nothing depends on it. */
static void no_flipped_bit_changes_the_table(void **state)
{
    (void)state;
    struct archive archive;
    struct intake good;
    size_t n_refused = 0;
    book_make(&archive, &small);
    intake_init(&good);
    assert_int_equal(intake_read(&good, archive.bytes, archive.n), MER_OK);
    for (size_t bit = 32; bit < archive.n * 8; bit++) {
        struct intake intake;
        intake_init(&intake);
        archive.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (intake_read(&intake, archive.bytes, archive.n) == MER_OK) {
            assert_int_equal(intake.frame.n_image, good.frame.n_image);
            assert_memory_equal(intake.frame.image, good.frame.image, good.frame.n_image);
        } else {
            n_refused++;
        }
        archive.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        intake_end(&intake);
    }
    assert_true(n_refused > archive.n * 8 * 9 / 10);
    intake_end(&good);
    archive_release(&archive);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    const struct mer_table_reading reading = {.csv.header = MER_CSV_HEADER_DETECT};
    struct archive archive;
    book_make(&archive, &small);
    taking_every_failure(&reading, archive.bytes, archive.n);
    archive_release(&archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_cell_is_read),
        cmocka_unit_test(texts_that_look_like_numbers_stay_texts),
        cmocka_unit_test(texts_may_be_dates_and_mean_missing),
        cmocka_unit_test(runs_escapes_and_readings_make_one_text),
        cmocka_unit_test(rows_and_cells_may_be_left_out),
        cmocka_unit_test(errors_of_formulas_are_missing_or_refused),
        cmocka_unit_test(a_column_holds_one_kind_of_value),
        cmocka_unit_test(dates_follow_the_workbooks_system),
        cmocka_unit_test(the_header_is_found_as_in_csv),
        cmocka_unit_test(names_must_be_there_and_differ),
        cmocka_unit_test(merged_cells_within_the_table_are_refused),
        cmocka_unit_test(a_schema_is_enforced),
        cmocka_unit_test(formats_are_for_texts_and_not_for_values),
        cmocka_unit_test(values_of_another_type_than_the_fields_are_refused),
        cmocka_unit_test(damaged_sheets_are_told_as_such),
        cmocka_unit_test(entities_and_deep_trees_are_refused),
        cmocka_unit_test(a_sheet_that_is_all_but_empty_is_refused),
        cmocka_unit_test(long_texts_are_refused),
        cmocka_unit_test(prefixes_and_the_strict_namespace_are_understood),
        cmocka_unit_test(a_sheet_is_chosen_by_name_or_is_the_first),
        cmocka_unit_test(other_archives_are_no_workbooks),
        cmocka_unit_test(no_truncation_is_taken_for_a_table),
        cmocka_unit_test(no_flipped_bit_changes_the_table),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
