/* Is a text one JSON value (RFC 8259)? Says so without building anything, so that cells that hold
 * JSON can be checked by the million, on any thread.
 */
#ifndef MER_FRAME_JSON_SCAN_H
#define MER_FRAME_JSON_SCAN_H

#include "core/status.h"

enum { MER_JSON_SCAN_MAX_DEPTH = 64, MER_JSON_SCAN_KEPT = 4 };

enum mer_json_scan_kind {
    MER_SCANNED_OBJECT,
    MER_SCANNED_ARRAY,
    MER_SCANNED_STRING,
    MER_SCANNED_OTHER
};

struct mer_json_scan {
    enum mer_json_scan_kind kind;
    size_t n; /* members or elements */
    /* The first few of them: the key of a member between its quotes, and the value. */
    struct {
        const char *key;
        size_t n_key;
        const char *value;
        size_t n_value;
    } items[MER_JSON_SCAN_KEPT];
    /* The value of the member "type", when it is there and a string without escapes; between its
     * quotes. */
    const char *type;
    size_t n_type;
};

/* The text is valid UTF-8. False for anything but one JSON value, nested at most 64 deep, with
 * white space around it. */
bool mer_json_scan(const char *bytes, size_t n, struct mer_json_scan *ret);

#endif
