#include "intake/xlsx_xml.h"

#include <expat.h>
#include <string.h>

enum { SEPARATOR = '\n', PIECES_PER_REPORT = 16 };

/* By how often they come. */
static const struct {
    const char *name;
    enum mer_xlsx_element element;
} elements[] = {
    {"c", MER_XLSX_C},
    {"v", MER_XLSX_V},
    {"row", MER_XLSX_ROW},
    {"f", MER_XLSX_F},
    {"t", MER_XLSX_T},
    {"is", MER_XLSX_IS},
    {"si", MER_XLSX_SI},
    {"r", MER_XLSX_R},
    {"xf", MER_XLSX_XF},
    {"numFmt", MER_XLSX_NUM_FMT},
    {"sheet", MER_XLSX_SHEET},
    {"mergeCell", MER_XLSX_MERGE_CELL},
    {"Relationship", MER_XLSX_RELATIONSHIP},
    {"sst", MER_XLSX_SST},
    {"worksheet", MER_XLSX_WORKSHEET},
    {"sheetData", MER_XLSX_SHEET_DATA},
    {"mergeCells", MER_XLSX_MERGE_CELLS},
    {"workbook", MER_XLSX_WORKBOOK},
    {"workbookPr", MER_XLSX_WORKBOOK_PR},
    {"sheets", MER_XLSX_SHEETS},
    {"styleSheet", MER_XLSX_STYLE_SHEET},
    {"numFmts", MER_XLSX_NUM_FMTS},
    {"cellXfs", MER_XLSX_CELL_XFS},
    {"Relationships", MER_XLSX_RELATIONSHIPS},
};

static const char *const namespaces[] = {
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://schemas.openxmlformats.org/package/2006/relationships",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
};

struct part {
    const struct mer_ctx *ctx;
    XML_Parser parser;
    const struct mer_zip_entry *entry;
    const struct mer_xlsx_events *events;
    void *self;
    size_t depth;
    enum mer_xlsx_element stack[MER_XLSX_DEPTH_MAX + 1]; /* [0]: around the root */
    size_t n_fed;
    size_t n_pieces;
    mer_status status; /* of the first failure */
    mer_err *err;
};

/* The local name of what stands in one of the namespaces; NULL for others. */
static const char *local_name(const char *name)
{
    const char *separator = strchr(name, SEPARATOR);
    if (!separator)
        return NULL;
    const size_t n = (size_t)(separator - name);
    for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
        if (strlen(namespaces[i]) == n && memcmp(namespaces[i], name, n) == 0)
            return separator + 1;
    return NULL;
}

static enum mer_xlsx_element element_of(const char *name)
{
    const char *local = local_name(name);
    for (size_t i = 0; local && i < sizeof elements / sizeof elements[0]; i++)
        if (strcmp(elements[i].name, local) == 0)
            return elements[i].element;
    return MER_XLSX_OTHER;
}

const char *mer_xlsx_attribute(const char **attributes, const char *name)
{
    for (; *attributes; attributes += 2) {
        const char *local = strchr(*attributes, SEPARATOR) ? local_name(*attributes) : *attributes;
        if (local && strcmp(local, name) == 0)
            return attributes[1];
    }
    return NULL;
}

/* For what is wrong with the part as such, not with a cell in it. */
static mer_status in_part(const struct part *part, mer_status status)
{
    return mer_prefix(part->err, status, "%s",
                      mer_quote_n(part->entry->name, part->entry->n_name).text);
}

static void stop(struct part *part, mer_status status)
{
    if (mer_is_ok(status) || !mer_is_ok(part->status))
        return;
    part->status = status;
    (void)XML_StopParser(part->parser, XML_FALSE);
}

static void on_open(void *self, const char *name, const char **attributes)
{
    struct part *part = self;
    if (!mer_is_ok(part->status))
        return;
    if (part->depth == MER_XLSX_DEPTH_MAX) {
        stop(part,
             in_part(part, mer_fail(part->err, MER_ERR_DATA,
                                    "its XML is more than %d elements deep", MER_XLSX_DEPTH_MAX)));
        return;
    }
    const enum mer_xlsx_element parent = part->stack[part->depth];
    const enum mer_xlsx_element element = element_of(name);
    part->stack[++part->depth] = element;
    if (part->events->open)
        stop(part, part->events->open(part->self, parent, element, attributes, part->err));
}

static void on_close(void *self, const char *name)
{
    struct part *part = self;
    (void)name;
    if (!mer_is_ok(part->status))
        return;
    const enum mer_xlsx_element element = part->stack[part->depth--];
    if (part->events->close)
        stop(part, part->events->close(part->self, part->stack[part->depth], element, part->err));
}

static void on_text(void *self, const char *bytes, int n)
{
    struct part *part = self;
    if (mer_is_ok(part->status) && part->events->text)
        stop(part,
             part->events->text(part->self, part->stack[part->depth], bytes, (size_t)n, part->err));
}

static void on_doctype(void *self, const char *name, const char *system, const char *public,
                       int has_subset)
{
    struct part *part = self;
    (void)name, (void)system, (void)public, (void)has_subset;
    stop(part, in_part(part, mer_fail(part->err, MER_ERR_DATA,
                                      "its XML declares a document type, which no spreadsheet "
                                      "needs and a hostile one may")));
}

static mer_status fail_xml(const struct part *part)
{
    const enum XML_Error code = XML_GetErrorCode(part->parser);
    if (code == XML_ERROR_NO_MEMORY)
        return mer_fail(part->err, MER_ERR_MEMORY, "no memory to read XML");
    return in_part(part, mer_fail(part->err, MER_ERR_DATA, "line %lu is not well-formed XML: %s",
                                  (unsigned long)XML_GetCurrentLineNumber(part->parser),
                                  XML_ErrorString(code)));
}

/* The parser keeps an unfinished tag whole. */
static mer_status check_progress(const struct part *part)
{
    const XML_Index at = XML_GetCurrentByteIndex(part->parser);
    const size_t done = at < 0 ? 0 : (size_t)at;
    if (part->n_fed > done && part->n_fed - done > MER_XLSX_TAG_MAX)
        return in_part(part, mer_fail(part->err, MER_ERR_DATA,
                                      "its XML has a tag of more than %d bytes", MER_XLSX_TAG_MAX));
    return mer_ok();
}

static mer_status feed(void *self, const unsigned char *bytes, size_t n, mer_err *err)
{
    struct part *part = self;
    part->err = err;
    if (part->n_pieces++ % PIECES_PER_REPORT == 0)
        mer_ctx_progress(part->ctx, "reading", part->n_fed, part->entry->n);
    part->n_fed += n;
    const enum XML_Status result = XML_Parse(part->parser, (const char *)bytes, (int)n, 0);
    MER_GUARD(part->status);
    return result == XML_STATUS_OK ? check_progress(part) : fail_xml(part);
}

static mer_status finish(struct part *part, mer_err *err)
{
    part->err = err;
    const enum XML_Status result = XML_Parse(part->parser, "", 0, 1);
    MER_GUARD(part->status);
    return result == XML_STATUS_OK ? mer_ok() : fail_xml(part);
}

mer_status mer_xlsx_read_part(const struct mer_zip *zip, const struct mer_zip_entry *entry,
                              uint64_t salt, const struct mer_xlsx_events *events, void *self,
                              mer_err *err)
{
    struct part part = {.ctx = zip->ctx, .entry = entry, .events = events, .self = self};
    part.parser = XML_ParserCreateNS(NULL, SEPARATOR);
    if (!part.parser)
        return mer_fail(err, MER_ERR_MEMORY, "no memory to read XML");
    /* Without a salt the parser would ask the system for randomness, which a cell may not. */
    (void)XML_SetHashSalt(part.parser, (unsigned long)(salt | 1));
    XML_SetUserData(part.parser, &part);
    XML_SetElementHandler(part.parser, on_open, on_close);
    XML_SetCharacterDataHandler(part.parser, on_text);
    XML_SetStartDoctypeDeclHandler(part.parser, on_doctype);
    mer_status status = mer_zip_read(zip, entry, feed, &part, err);
    if (mer_is_ok(status))
        status = finish(&part, err);
    XML_ParserFree(part.parser);
    return status;
}
