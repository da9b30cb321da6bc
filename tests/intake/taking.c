#include "taking.h"

#include <zlib.h>

void taking_expect(const void *bytes, size_t n, const char *expected)
{
    struct intake intake;
    intake_init(&intake);
    const enum mer_code code = intake_read(&intake, bytes, n);
    if (code != MER_OK)
        print_error("%s\n", intake.err.message);
    assert_int_equal(code, MER_OK);
    char *shown = reading_show(&intake.frame);
    assert_string_equal(shown, expected);
    free(shown);
    intake_end(&intake);
}

void taking_refuse(const void *bytes, size_t n, enum mer_code code, const char *message)
{
    struct intake intake;
    intake_init(&intake);
    assert_int_equal(intake_read(&intake, bytes, n), code);
    if (!strstr(intake.err.message, message))
        print_error("%s\n", intake.err.message);
    assert_non_null(strstr(intake.err.message, message));
    intake_end(&intake);
}

enum mer_code taking_under(struct intake *intake, const void *bytes, size_t n, const char *schema)
{
    struct mer_schema parsed;
    assert_int_equal(
        mer_schema_parse(&intake->ctx, schema, strlen(schema), &parsed, &intake->err).code, MER_OK);
    intake->reading.csv.schema = &parsed;
    const enum mer_code code = intake_read(intake, bytes, n);
    intake->reading.csv.schema = NULL;
    mer_schema_release(&parsed);
    return code;
}

void taking_every_failure(const struct mer_table_reading *reading, const void *bytes, size_t n)
{
    size_t n_failed = 0;
    for (uint64_t request = 1;; request++) {
        struct mer_alloc alloc;
        const struct mer_ctx ctx = {.alloc = &alloc};
        struct mer_region region;
        struct mer_csv_report report;
        mer_err err = {.code = MER_OK};
        mer_alloc_init(&alloc, SIZE_MAX);
        alloc.fail_at = request;
        mer_region_init_memory(&region, &alloc, SIZE_MAX / 2);
        const mer_status status =
            mer_table_write_image(&ctx, SIZE_MAX, bytes, n, reading, &region, &report, &err);
        mer_region_release(&region);
        assert_int_equal(atomic_load(&alloc.used), 0);
        if (alloc.requests < request) {
            assert_int_equal(status.code, MER_OK);
            break;
        }
        /* A region that cannot double tries to grow by what it needs. */
        if (mer_is_ok(status))
            continue;
        assert_int_equal(status.code, MER_ERR_MEMORY);
        assert_true(err.message[0] != '\0');
        n_failed++;
    }
    assert_true(n_failed > 10);
}

static void put(struct archive *archive, const void *bytes, size_t n)
{
    archive->bytes = realloc(archive->bytes, archive->n + n + 1);
    assert_non_null(archive->bytes);
    memcpy(archive->bytes + archive->n, bytes, n);
    archive->n += n;
}

void archive_put_word(struct archive *archive, size_t at, unsigned value)
{
    archive->bytes[at] = (unsigned char)value;
    archive->bytes[at + 1] = (unsigned char)(value >> 8);
}

void archive_put_wide(struct archive *archive, size_t at, unsigned long value)
{
    archive_put_word(archive, at, (unsigned)(value & 0xffff));
    archive_put_word(archive, at + 2, (unsigned)(value >> 16));
}

/* Without deflate's wrapper. */
static unsigned char *deflate_raw(const void *bytes, size_t n, size_t *ret_n)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    const size_t capacity = deflateBound(&stream, n) + 64;
    unsigned char *deflated = malloc(capacity);
    assert_non_null(deflated);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)n;
    stream.next_out = deflated;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *ret_n = (size_t)(stream.next_out - deflated);
    deflateEnd(&stream);
    return deflated;
}

enum { LOCAL = 30, CENTRAL = 46, END = 22 };

void archive_add(struct archive *archive, const char *name, const void *bytes, size_t n,
                 bool deflated)
{
    unsigned char header[LOCAL] = "PK\3\4\24\0\0\0";
    size_t n_data = n;
    unsigned char *data = deflated ? deflate_raw(bytes, n, &n_data) : NULL;
    const size_t at = archive->n;
    assert_true(archive->n_entries < ARCHIVE_ENTRIES);
    archive->local_at[archive->n_entries] = at;
    archive->n_data[archive->n_entries++] = n_data;
    put(archive, header, sizeof header);
    archive_put_word(archive, at + 8, deflated ? 8 : 0);
    archive_put_wide(archive, at + 14, crc32(0, bytes, (uInt)n));
    archive_put_wide(archive, at + 18, n_data);
    archive_put_wide(archive, at + 22, n);
    archive_put_word(archive, at + 26, (unsigned)strlen(name));
    put(archive, name, strlen(name));
    put(archive, data ? data : bytes, n_data);
    free(data);
}

void archive_text(struct archive *archive, const char *name, const char *text)
{
    archive_add(archive, name, text, strlen(text), true);
}

void archive_end(struct archive *archive)
{
    const size_t at = archive->n;
    for (size_t i = 0; i < archive->n_entries; i++) {
        unsigned char record[CENTRAL] = "PK\1\2\24\0\24\0";
        const unsigned char *local = archive->bytes + archive->local_at[i];
        const size_t n_name = local[26];
        char name[256];
        memcpy(name, local + LOCAL, n_name);
        memcpy(record + 8, local + 6, 24);
        record[30] = record[31] = 0;
        archive->central_at[i] = archive->n;
        put(archive, record, sizeof record);
        archive_put_wide(archive, archive->central_at[i] + 42, archive->local_at[i]);
        put(archive, name, n_name);
    }
    archive->end_at = archive->n;
    put(archive, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", END);
    archive_put_word(archive, archive->end_at + 8, (unsigned)archive->n_entries);
    archive_put_word(archive, archive->end_at + 10, (unsigned)archive->n_entries);
    archive_put_wide(archive, archive->end_at + 12, archive->end_at - at);
    archive_put_wide(archive, archive->end_at + 16, at);
}

void archive_release(struct archive *archive)
{
    free(archive->bytes);
    *archive = (struct archive){0};
}

#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define DOCUMENT "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define PACKAGE "http://schemas.openxmlformats.org/package/2006/relationships"

static const char root_links[] =
    "<Relationships xmlns='" PACKAGE "'><Relationship Id='a' Type='" DOCUMENT
    "/officeDocument' Target='xl/workbook.xml'/></Relationships>";
static const char book_links[] =
    "<Relationships xmlns='" PACKAGE "'>"
    "<Relationship Id='r1' Type='" DOCUMENT "/worksheet' Target='worksheets/sheet1.xml'/>"
    "<Relationship Id='r2' Type='" DOCUMENT "/styles' Target='/xl/styles.xml'/>"
    "<Relationship Id='r3' Type='" DOCUMENT "/sharedStrings' Target='./x/../strings.xml'/>"
    "</Relationships>";
static const char styles[] =
    "<styleSheet xmlns='" MAIN "'><numFmts count='1'>"
    "<numFmt numFmtId='164' formatCode='yyyy\\-mm\\-dd\\ hh:mm:ss'/></numFmts><cellXfs>"
    "<xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='21'/><xf numFmtId='164'/>"
    "<xf numFmtId='46'/><xf numFmtId='2'/></cellXfs></styleSheet>";

void book_make(struct archive *archive, const struct book *book)
{
    char *text;
    *archive = (struct archive){0};
    archive_text(archive, "_rels/.rels", root_links);
    assert_true(asprintf(&text,
                         "<workbook xmlns='" MAIN "' xmlns:r='" DOCUMENT
                         "'><workbookPr date1904='%d'/><sheets><sheet name='Data' sheetId='1' "
                         "r:id='r1'/></sheets></workbook>",
                         book->is_1904) > 0);
    archive_text(archive, "xl/workbook.xml", text);
    free(text);
    archive_text(archive, "xl/_rels/workbook.xml.rels", book_links);
    archive_text(archive, "xl/styles.xml", styles);
    assert_true(
        asprintf(&text, "<sst xmlns='" MAIN "'>%s</sst>", book->strings ? book->strings : "") > 0);
    archive_text(archive, "xl/strings.xml", text);
    free(text);
    assert_true(asprintf(&text,
                         "<worksheet xmlns='" MAIN "'><sheetData>%s</sheetData>%s</worksheet>",
                         book->rows ? book->rows : "", book->behind ? book->behind : "") > 0);
    archive_text(archive, "xl/worksheets/sheet1.xml", book->sheet ? book->sheet : text);
    free(text);
    archive_end(archive);
}
