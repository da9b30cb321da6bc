/* The XML of a workbook's parts, as events: elements that tables are made of, by number, with the
 * element that they stand in; everything else is OTHER. Bounded: no document type declaration (so
 * no entities and nothing that grows), MER_XLSX_DEPTH_MAX elements deep, no tag above
 * MER_XLSX_TAG_MAX bytes. Namespaces are honoured; both the transitional and the strict ones count
 * (ECMA-376, ISO/IEC 29500).
 */
#ifndef MER_INTAKE_XLSX_XML_H
#define MER_INTAKE_XLSX_XML_H

#include "intake/zip.h"

enum { MER_XLSX_DEPTH_MAX = 64, MER_XLSX_TAG_MAX = 1 << 20 };

enum mer_xlsx_element {
    MER_XLSX_OTHER, /* also: nothing, around the root */
    MER_XLSX_C,
    MER_XLSX_V,
    MER_XLSX_ROW,
    MER_XLSX_F,
    MER_XLSX_T,
    MER_XLSX_IS,
    MER_XLSX_SI,
    MER_XLSX_R,
    MER_XLSX_SST,
    MER_XLSX_WORKSHEET,
    MER_XLSX_SHEET_DATA,
    MER_XLSX_MERGE_CELLS,
    MER_XLSX_MERGE_CELL,
    MER_XLSX_WORKBOOK,
    MER_XLSX_WORKBOOK_PR,
    MER_XLSX_SHEETS,
    MER_XLSX_SHEET,
    MER_XLSX_STYLE_SHEET,
    MER_XLSX_NUM_FMTS,
    MER_XLSX_NUM_FMT,
    MER_XLSX_CELL_XFS,
    MER_XLSX_XF,
    MER_XLSX_RELATIONSHIPS,
    MER_XLSX_RELATIONSHIP
};

/* Any may be NULL. Attributes are pairs of texts, NULL behind the last. */
struct mer_xlsx_events {
    mer_status (*open)(void *self, enum mer_xlsx_element parent, enum mer_xlsx_element element,
                       const char **attributes, mer_err *err);
    mer_status (*close)(void *self, enum mer_xlsx_element parent, enum mer_xlsx_element element,
                        mer_err *err);
    mer_status (*text)(void *self, enum mer_xlsx_element element, const char *bytes, size_t n,
                       mer_err *err);
};

/* The value of an attribute, which stands in no namespace or in that of relationships; or NULL. */
const char *mer_xlsx_attribute(const char **attributes, const char *name);

/* Reads one part. `salt` keeps those who craft names from making them collide. */
MER_MUST_CHECK mer_status mer_xlsx_read_part(const struct mer_zip *zip,
                                             const struct mer_zip_entry *entry, uint64_t salt,
                                             const struct mer_xlsx_events *events, void *self,
                                             mer_err *err);

#endif
