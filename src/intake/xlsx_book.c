#include "intake/xlsx_book.h"

#include <string.h>

#include "core/number.h"
#include "frame/dictionary.h"

static const char CONTENT_HINT[] = "save it as an .xlsx workbook with a spreadsheet program";

void mer_xlsx_book_release(struct mer_xlsx_book *book)
{
    struct mer_alloc *alloc = book->ctx->alloc;
    mer_zip_release(&book->zip);
    mer_arena_release(&book->arena);
    mer_free(alloc, book->sheets);
    mer_free(alloc, book->relationships);
    mer_free(alloc, book->formats);
    mer_buf_release(&book->texts);
    mer_free(alloc, book->text_ends);
}

static mer_status read_part(struct mer_xlsx_book *book, const char *path,
                            const struct mer_xlsx_events *events, void *self, mer_err *err)
{
    const struct mer_zip_entry *entry = mer_zip_find(&book->zip, path);
    if (!entry)
        return mer_hint(
            err,
            mer_fail(err, MER_ERR_DATA, "the workbook lacks its part %s", mer_quote(path).text),
            CONTENT_HINT);
    return mer_xlsx_read_part(&book->zip, entry, book->salt, events, self, err);
}

/* Arrays grow by doubling up to a bound. */
static mer_status make_room(struct mer_alloc *alloc, size_t n, size_t size, void *array,
                            mer_err *err)
{
    if (n != 0 && (n & (n - 1)) != 0)
        return mer_ok();
    return mer_alloc_resize(alloc, (n ? 2 * n : 1) * size, array, err);
}

static mer_status too_many(const char *what, mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "the workbook has too many %s", what);
}

/* Relationships: from one part to another, by an id. */

struct linking {
    struct mer_xlsx_book *book;
    const char *folder; /* of the part whose relationships these are, with a slash, or empty */
};

/* folder + target with "." and ".." resolved; NULL when that leads out of the archive. */
static mer_status resolve(struct linking *linking, const char *target, const char **ret_path,
                          mer_err *err)
{
    struct mer_xlsx_book *book = linking->book;
    char path[2 * MER_ZIP_NAME_MAX];
    size_t n = 0;
    const size_t n_folder = target[0] == '/' ? 0 : strlen(linking->folder);
    const char *s = target[0] == '/' ? target + 1 : target;
    *ret_path = NULL;
    if (n_folder + strlen(s) >= sizeof path)
        return mer_ok();
    memcpy(path, linking->folder, n_folder);
    n = n_folder;
    while (*s) {
        const size_t n_step = strcspn(s, "/");
        if (n_step == 2 && memcmp(s, "..", 2) == 0) {
            if (n == 0)
                return mer_ok();
            for (n--; n > 0 && path[n - 1] != '/';)
                n--;
        } else if (!(n_step == 1 && s[0] == '.')) {
            memcpy(path + n, s, n_step);
            n += n_step;
            if (s[n_step] == '/')
                path[n++] = '/';
        }
        s += n_step + (s[n_step] == '/');
    }
    return mer_arena_text(&book->arena, path, n, ret_path, err);
}

static mer_status open_relationship(void *self, enum mer_xlsx_element parent,
                                    enum mer_xlsx_element element, const char **attributes,
                                    mer_err *err)
{
    struct linking *linking = self;
    struct mer_xlsx_book *book = linking->book;
    if (parent != MER_XLSX_RELATIONSHIPS || element != MER_XLSX_RELATIONSHIP)
        return mer_ok();
    const char *id = mer_xlsx_attribute(attributes, "Id");
    const char *type = mer_xlsx_attribute(attributes, "Type");
    const char *target = mer_xlsx_attribute(attributes, "Target");
    const char *mode = mer_xlsx_attribute(attributes, "TargetMode");
    if (!id || !type || !target)
        return mer_fail(err, MER_ERR_DATA, "the workbook is damaged: a relationship is incomplete");
    if (book->n_relationships == MER_XLSX_RELATIONSHIPS_MAX)
        return too_many("relationships", err);
    struct mer_xlsx_relationship relationship = {.path = NULL};
    const char *slash = strrchr(type, '/');
    type = slash ? slash + 1 : type;
    MER_GUARD(mer_arena_text(&book->arena, id, strlen(id), &relationship.id, err));
    MER_GUARD(mer_arena_text(&book->arena, type, strlen(type), &relationship.type, err));
    if (!mode || strcmp(mode, "External") != 0)
        MER_GUARD(resolve(linking, target, &relationship.path, err));
    MER_GUARD(make_room(book->ctx->alloc, book->n_relationships, sizeof relationship,
                        &book->relationships, err));
    book->relationships[book->n_relationships++] = relationship;
    return mer_ok();
}

/* The relationships of "folder/part" are in "folder/_rels/part.rels". */
static mer_status read_relationships(struct mer_xlsx_book *book, const char *part, mer_err *err)
{
    static const struct mer_xlsx_events events = {.open = open_relationship};
    const char *slash = strrchr(part, '/');
    const size_t n_folder = slash ? (size_t)(slash - part) + 1 : 0;
    struct linking linking = {.book = book};
    struct mer_buf path;
    const char *text;
    MER_GUARD(mer_arena_text(&book->arena, part, n_folder, &linking.folder, err));
    mer_buf_init(&path, book->ctx->alloc, 4 * MER_ZIP_NAME_MAX);
    book->n_relationships = 0;
    mer_status status =
        mer_buf_printf(&path, err, "%s_rels/%s.rels", linking.folder, part + n_folder);
    if (mer_is_ok(status))
        status = mer_buf_cstr(&path, &text, err);
    if (mer_is_ok(status))
        status = read_part(book, text, &events, &linking, err);
    mer_buf_release(&path);
    return status;
}

/* The path of the first relationship of a type, or NULL. */
static const char *path_of_type(const struct mer_xlsx_book *book, const char *type)
{
    for (size_t i = 0; i < book->n_relationships; i++)
        if (strcmp(book->relationships[i].type, type) == 0 && book->relationships[i].path)
            return book->relationships[i].path;
    return NULL;
}

/* The workbook part: sheets and the system of dates. */

static mer_status open_workbook(void *self, enum mer_xlsx_element parent,
                                enum mer_xlsx_element element, const char **attributes,
                                mer_err *err)
{
    struct mer_xlsx_book *book = self;
    if (parent == MER_XLSX_WORKBOOK && element == MER_XLSX_WORKBOOK_PR) {
        const char *flag = mer_xlsx_attribute(attributes, "date1904");
        book->is_1904 = flag && (strcmp(flag, "1") == 0 || strcmp(flag, "true") == 0);
    }
    if (parent != MER_XLSX_SHEETS || element != MER_XLSX_SHEET)
        return mer_ok();
    const char *name = mer_xlsx_attribute(attributes, "name");
    const char *id = mer_xlsx_attribute(attributes, "id");
    if (!name || !id)
        return mer_fail(err, MER_ERR_DATA, "the workbook is damaged: a sheet has no name or part");
    if (book->n_sheets == MER_XLSX_SHEETS_MAX)
        return too_many("sheets", err);
    MER_GUARD(
        make_room(book->ctx->alloc, book->n_sheets, sizeof *book->sheets, &book->sheets, err));
    struct mer_xlsx_sheet *sheet = &book->sheets[book->n_sheets];
    MER_GUARD(mer_arena_text(&book->arena, name, strlen(name), &sheet->name, err));
    MER_GUARD(mer_arena_text(&book->arena, id, strlen(id), &sheet->relationship, err));
    book->n_sheets++;
    return mer_ok();
}

static const struct mer_xlsx_relationship *relationship_of(const struct mer_xlsx_book *book,
                                                           const struct mer_xlsx_sheet *sheet)
{
    for (size_t i = 0; i < book->n_relationships; i++)
        if (strcmp(book->relationships[i].id, sheet->relationship) == 0)
            return &book->relationships[i];
    return NULL;
}

bool mer_xlsx_book_has_cells(const struct mer_xlsx_book *book, const struct mer_xlsx_sheet *sheet)
{
    const struct mer_xlsx_relationship *relationship = relationship_of(book, sheet);
    return relationship && relationship->path && strcmp(relationship->type, "worksheet") == 0;
}

mer_status mer_xlsx_book_find(const struct mer_xlsx_book *book, const struct mer_xlsx_sheet *sheet,
                              const struct mer_zip_entry **ret_entry, mer_err *err)
{
    if (!mer_xlsx_book_has_cells(book, sheet))
        return mer_fail(err, MER_ERR_DATA, "the sheet %s has no cells",
                        mer_quote(sheet->name).text);
    const char *path = relationship_of(book, sheet)->path;
    *ret_entry = mer_zip_find(&book->zip, path);
    if (!*ret_entry)
        return mer_fail(err, MER_ERR_DATA, "the workbook lacks its part %s", mer_quote(path).text);
    return mer_ok();
}

/* Styles: per cell style the format of numbers. */

struct styling {
    struct mer_xlsx_book *book;
    struct code {
        unsigned id;
        enum mer_xlsx_format format;
    } * codes;
    size_t n_codes;
};

static bool read_unsigned(const char *text, unsigned *ret)
{
    int64_t value;
    if (!text || !mer_integer_parse(text, strlen(text), &value) || value < 0 || value > UINT16_MAX)
        return false;
    *ret = (unsigned)value;
    return true;
}

static mer_status add_code(struct styling *styling, const char **attributes, mer_err *err)
{
    const char *text = mer_xlsx_attribute(attributes, "formatCode");
    unsigned id;
    if (!text || !read_unsigned(mer_xlsx_attribute(attributes, "numFmtId"), &id))
        return mer_fail(err, MER_ERR_DATA, "the workbook is damaged: a number format without code");
    if (styling->n_codes == MER_XLSX_FORMATS_MAX)
        return too_many("number formats", err);
    MER_GUARD(make_room(styling->book->ctx->alloc, styling->n_codes, sizeof *styling->codes,
                        &styling->codes, err));
    styling->codes[styling->n_codes++] = (struct code){id, mer_xlsx_format_of_code(text)};
    return mer_ok();
}

static mer_status add_style(struct styling *styling, const char **attributes, mer_err *err)
{
    struct mer_xlsx_book *book = styling->book;
    const char *text = mer_xlsx_attribute(attributes, "numFmtId");
    unsigned id = 0;
    if (text && !read_unsigned(text, &id))
        return mer_fail(err, MER_ERR_DATA,
                        "the workbook is damaged: a style without number format");
    if (book->n_formats == MER_XLSX_FORMATS_MAX)
        return too_many("cell styles", err);
    enum mer_xlsx_format format = mer_xlsx_format_builtin(id);
    for (size_t i = 0; i < styling->n_codes; i++)
        if (styling->codes[i].id == id)
            format = styling->codes[i].format;
    MER_GUARD(
        make_room(book->ctx->alloc, book->n_formats, sizeof *book->formats, &book->formats, err));
    book->formats[book->n_formats++] = format;
    return mer_ok();
}

static mer_status open_styles(void *self, enum mer_xlsx_element parent,
                              enum mer_xlsx_element element, const char **attributes, mer_err *err)
{
    if (parent == MER_XLSX_NUM_FMTS && element == MER_XLSX_NUM_FMT)
        return add_code(self, attributes, err);
    if (parent == MER_XLSX_CELL_XFS && element == MER_XLSX_XF)
        return add_style(self, attributes, err);
    return mer_ok();
}

static mer_status read_styles(struct mer_xlsx_book *book, const char *path, mer_err *err)
{
    static const struct mer_xlsx_events events = {.open = open_styles};
    struct styling styling = {.book = book};
    const mer_status status = read_part(book, path, &events, &styling, err);
    mer_free(book->ctx->alloc, styling.codes);
    return status;
}

/* Shared texts: plain, or in runs; readings (rPh) are no part of them. */

struct sharing {
    struct mer_xlsx_book *book;
    size_t begin; /* of the text that is being read */
    bool in_text;
};

static mer_status open_text(void *self, enum mer_xlsx_element parent, enum mer_xlsx_element element,
                            const char **attributes, mer_err *err)
{
    struct sharing *sharing = self;
    (void)attributes, (void)err;
    if (parent == MER_XLSX_SST && element == MER_XLSX_SI)
        sharing->begin = sharing->book->texts.n;
    sharing->in_text = element == MER_XLSX_T && (parent == MER_XLSX_SI || parent == MER_XLSX_R);
    return mer_ok();
}

static mer_status take_text(void *self, enum mer_xlsx_element element, const char *bytes, size_t n,
                            mer_err *err)
{
    struct sharing *sharing = self;
    return sharing->in_text && element == MER_XLSX_T
               ? mer_buf_append(&sharing->book->texts, bytes, n, err)
               : mer_ok();
}

static mer_status close_text(void *self, enum mer_xlsx_element parent,
                             enum mer_xlsx_element element, mer_err *err)
{
    struct sharing *sharing = self;
    struct mer_xlsx_book *book = sharing->book;
    if (parent != MER_XLSX_SST || element != MER_XLSX_SI)
        return mer_ok();
    const size_t n = book->texts.n - sharing->begin;
    if (n > 0)
        book->texts.n =
            sharing->begin + mer_xlsx_unescape((char *)book->texts.bytes + sharing->begin, n);
    MER_GUARD(
        make_room(book->ctx->alloc, book->n_texts, sizeof *book->text_ends, &book->text_ends, err));
    book->text_ends[book->n_texts++] = book->texts.n;
    return mer_ok();
}

static bool hex_digit(char c, unsigned *value)
{
    if (c >= '0' && c <= '9')
        *value = *value * 16 + (unsigned)(c - '0');
    else if (c >= 'A' && c <= 'F')
        *value = *value * 16 + (unsigned)(c - 'A') + 10;
    else if (c >= 'a' && c <= 'f')
        *value = *value * 16 + (unsigned)(c - 'a') + 10;
    else
        return false;
    return true;
}

/* The code of "_xHHHH_" at s, if it stands there and is a character. */
static bool escaped(const char *s, size_t n, unsigned *ret_code)
{
    unsigned code = 0;
    if (n < 7 || s[0] != '_' || s[1] != 'x' || s[6] != '_')
        return false;
    for (size_t i = 2; i < 6; i++)
        if (!hex_digit(s[i], &code))
            return false;
    if (code == 0 || (code >= 0xd800 && code < 0xe000))
        return false;
    *ret_code = code;
    return true;
}

/* At most three bytes: codes have four hexadecimal digits. */
static size_t put_utf8(unsigned code, char *s)
{
    if (code < 0x80) {
        s[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        s[0] = (char)(0xc0 | code >> 6);
        s[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    s[0] = (char)(0xe0 | code >> 12);
    s[1] = (char)(0x80 | (code >> 6 & 0x3f));
    s[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

size_t mer_xlsx_unescape(char *text, size_t n)
{
    size_t n_out = 0;
    for (size_t i = 0; i < n;) {
        unsigned code;
        if (text[i] == '_' && escaped(text + i, n - i, &code)) {
            n_out += put_utf8(code, text + n_out);
            i += 7;
        } else {
            text[n_out++] = text[i++];
        }
    }
    return n_out;
}

static mer_status read_texts(struct mer_xlsx_book *book, const char *path, mer_err *err)
{
    static const struct mer_xlsx_events events = {
        .open = open_text, .close = close_text, .text = take_text};
    struct sharing sharing = {.book = book};
    return read_part(book, path, &events, &sharing, err);
}

static mer_status read_parts(struct mer_xlsx_book *book, mer_err *err)
{
    static const struct mer_xlsx_events workbook_events = {.open = open_workbook};
    MER_GUARD(read_relationships(book, "", err));
    const char *workbook = path_of_type(book, "officeDocument");
    if (!workbook)
        return mer_hint(err, mer_fail(err, MER_ERR_DATA, "the ZIP archive is no workbook"),
                        CONTENT_HINT);
    MER_GUARD(read_part(book, workbook, &workbook_events, book, err));
    if (book->n_sheets == 0)
        return mer_hint(err, mer_fail(err, MER_ERR_DATA, "the file is no workbook with sheets"),
                        CONTENT_HINT);
    MER_GUARD(read_relationships(book, workbook, err));
    const char *styles = path_of_type(book, "styles");
    const char *texts = path_of_type(book, "sharedStrings");
    if (styles)
        MER_GUARD(read_styles(book, styles, err));
    return texts ? read_texts(book, texts, err) : mer_ok();
}

/* Whoever crafts names that collide would have to do so under a key that their file decides. */
static uint64_t salt_of(const void *bytes, size_t n)
{
    return mer_siphash13(UINT64_C(0x6d65726c6f6e2078), UINT64_C(0x6c73782073616c74), bytes, n);
}

mer_status mer_xlsx_book_open(struct mer_xlsx_book *book, const struct mer_ctx *ctx,
                              const void *bytes, size_t n, mer_err *err)
{
    *book = (struct mer_xlsx_book){.ctx = ctx, .salt = salt_of(bytes, n)};
    mer_arena_init(&book->arena, ctx->alloc);
    mer_buf_init(&book->texts, ctx->alloc, SIZE_MAX / 2);
    mer_status status = mer_zip_open(ctx, bytes, n, &book->zip, err);
    if (mer_is_ok(status) && !mer_zip_find(&book->zip, "_rels/.rels"))
        status = mer_hint(err, mer_fail(err, MER_ERR_DATA, "the ZIP archive is no workbook"),
                          CONTENT_HINT);
    if (mer_is_ok(status))
        status = read_parts(book, err);
    if (!mer_is_ok(status))
        mer_xlsx_book_release(book);
    return status;
}
