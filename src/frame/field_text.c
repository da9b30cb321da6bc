/* The checks of fields that are kept as texts: the formats of strings, lists, JSON, geopoints. */
#include <math.h>
#include <string.h>

#include "core/number.h"
#include "frame/field_value.h"
#include "frame/json_scan.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(char c, const char *characters)
{
    return c != '\0' && strchr(characters, c) != NULL;
}

/* Labels of letters, digits and hyphens, which do not stand at their ends; at least two. Labels
 * beyond ASCII are taken as they are (RFC 6531). */
static bool is_domain(const char *s, size_t n)
{
    size_t n_labels = 0, start = 0;
    if (n > 253)
        return false;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && s[i] != '.') {
            if (!is_letter(s[i]) && !is_digit(s[i]) && s[i] != '-' && (unsigned char)s[i] < 0x80)
                return false;
            continue;
        }
        if (i == start || i - start > 63 || s[start] == '-' || s[i - 1] == '-')
            return false;
        n_labels++;
        start = i + 1;
    }
    return n_labels >= 2;
}

/* An address as RFC 5321 has it, without quoted local parts and address literals. */
static bool is_email(const char *s, size_t n)
{
    const char *const at = memchr(s, '@', n);
    if (!at || at == s || at - s > 64 || s[0] == '.' || at[-1] == '.')
        return false;
    for (const char *p = s; p < at; p++) {
        const bool atom = is_letter(*p) || is_digit(*p) || (unsigned char)*p >= 0x80 ||
                          is_one_of(*p, "!#$%&'*+-/=?^_`{|}~");
        if (!atom && !(*p == '.' && p[-1] != '.'))
            return false;
    }
    return is_domain(at + 1, n - (size_t)(at + 1 - s));
}

/* A scheme and the characters that RFC 3986 allows. */
static bool is_uri(const char *s, size_t n)
{
    size_t i = 0;
    if (n == 0 || !is_letter(s[0]))
        return false;
    while (i < n && (is_letter(s[i]) || is_digit(s[i]) || is_one_of(s[i], "+-.")))
        i++;
    if (i == n || s[i] != ':' || i + 1 == n)
        return false;
    for (i++; i < n; i++) {
        if (s[i] == '%') {
            if (n - i < 3 || !is_hex(s[i + 1]) || !is_hex(s[i + 2]))
                return false;
        } else if (!is_letter(s[i]) && !is_digit(s[i]) &&
                   !is_one_of(s[i], "-._~:/?#[]@!$&'()*+,;=")) {
            return false;
        }
    }
    return true;
}

/* RFC 4648, with padding. */
static bool is_base64(const char *s, size_t n)
{
    if (n % 4 != 0)
        return false;
    size_t n_padding = 0;
    while (n_padding < 2 && n_padding < n && s[n - 1 - n_padding] == '=')
        n_padding++;
    for (size_t i = 0; i < n - n_padding; i++)
        if (!is_letter(s[i]) && !is_digit(s[i]) && s[i] != '+' && s[i] != '/')
            return false;
    return true;
}

static bool is_uuid(const char *s, size_t n)
{
    if (n != 36)
        return false;
    for (size_t i = 0; i < n; i++) {
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? s[i] != '-' : !is_hex(s[i]))
            return false;
    }
    return true;
}

static enum mer_value_fault check_string(enum mer_format format, const char *bytes, size_t n)
{
    switch (format) {
    case MER_FORMAT_EMAIL:
        return is_email(bytes, n) ? MER_VALUE_FINE : MER_VALUE_NOT_EMAIL;
    case MER_FORMAT_URI:
        return is_uri(bytes, n) ? MER_VALUE_FINE : MER_VALUE_NOT_URI;
    case MER_FORMAT_BINARY:
        return is_base64(bytes, n) ? MER_VALUE_FINE : MER_VALUE_NOT_BINARY;
    case MER_FORMAT_UUID:
        return is_uuid(bytes, n) ? MER_VALUE_FINE : MER_VALUE_NOT_UUID;
    default:
        return MER_VALUE_FINE;
    }
}

static const char *delimiter_of(const struct mer_field *field)
{
    return field->delimiter ? field->delimiter : ",";
}

/* The end of the first item of what is left of a list. */
static const char *item_end(const char *at, const char *end, const char *delimiter, size_t n)
{
    while ((size_t)(end - at) >= n && memcmp(at, delimiter, n) != 0)
        at++;
    return (size_t)(end - at) >= n ? at : end;
}

static enum mer_value_fault check_list(const struct mer_field *field, const char *bytes, size_t n)
{
    const struct mer_field item = {.kind = field->item ? field->item : MER_KIND_STRING};
    const char *const delimiter = delimiter_of(field);
    const size_t n_delimiter = strlen(delimiter);
    const char *const end = bytes + n;
    for (const char *at = bytes;;) {
        union mer_value value;
        const char *const stop = item_end(at, end, delimiter, n_delimiter);
        if (mer_field_read(&item, at, (size_t)(stop - at), &value) != MER_VALUE_FINE)
            return MER_VALUE_NOT_LIST;
        if (stop == end)
            return MER_VALUE_FINE;
        at = stop + n_delimiter;
    }
}

static bool is_geojson(const struct mer_json_scan *scan, bool topojson)
{
    static const char *const types[] = {
        "Point",        "MultiPoint", "LineString",         "MultiLineString",  "Polygon",
        "MultiPolygon", "Feature",    "GeometryCollection", "FeatureCollection"};
    if (scan->kind != MER_SCANNED_OBJECT || !scan->type)
        return false;
    if (topojson)
        return scan->n_type == 8 && memcmp(scan->type, "Topology", 8) == 0;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strlen(types[i]) == scan->n_type && memcmp(types[i], scan->type, scan->n_type) == 0)
            return true;
    return false;
}

static bool on_earth(const double point[2])
{
    return point[0] >= -180 && point[0] <= 180 && point[1] >= -90 && point[1] <= 90;
}

/* "lon, lat" */
static bool parse_pair(const char *bytes, size_t n, double point[2])
{
    const char *const comma = memchr(bytes, ',', n);
    if (!comma)
        return false;
    const char *second = comma + 1;
    if (second < bytes + n && *second == ' ')
        second++;
    return mer_number_parse(bytes, (size_t)(comma - bytes), false, &point[0]) &&
           mer_number_parse(second, (size_t)(bytes + n - second), false, &point[1]);
}

static bool parse_item(const struct mer_json_scan *scan, size_t i, double *ret)
{
    return mer_number_parse(scan->items[i].value, scan->items[i].n_value, false, ret);
}

static bool has_key(const struct mer_json_scan *scan, size_t i, const char *key)
{
    return scan->items[i].n_key == 3 && memcmp(scan->items[i].key, key, 3) == 0;
}

bool mer_geopoint_parse(enum mer_format format, const char *bytes, size_t n, double ret_point[2])
{
    struct mer_json_scan scan;
    double point[2];
    if (format == MER_FORMAT_DEFAULT) {
        if (!parse_pair(bytes, n, point))
            return false;
    } else {
        if (!mer_json_scan(bytes, n, &scan) || scan.n != 2)
            return false;
        size_t longitude = 0;
        if (format == MER_FORMAT_OBJECT) {
            longitude = has_key(&scan, 0, "lat");
            if (scan.kind != MER_SCANNED_OBJECT || !has_key(&scan, longitude, "lon") ||
                !has_key(&scan, 1 - longitude, "lat"))
                return false;
        } else if (scan.kind != MER_SCANNED_ARRAY) {
            return false;
        }
        if (!parse_item(&scan, longitude, &point[0]) ||
            !parse_item(&scan, 1 - longitude, &point[1]))
            return false;
    }
    if (!on_earth(point))
        return false;
    ret_point[0] = point[0];
    ret_point[1] = point[1];
    return true;
}

enum mer_value_fault mer_text_value(const struct mer_field *field, const char *bytes, size_t n)
{
    struct mer_json_scan scan;
    double point[2];
    switch (field->kind) {
    case MER_KIND_STRING:
        return check_string(field->format, bytes, n);
    case MER_KIND_LIST:
        return check_list(field, bytes, n);
    case MER_KIND_OBJECT:
        return mer_json_scan(bytes, n, &scan) && scan.kind == MER_SCANNED_OBJECT
                   ? MER_VALUE_FINE
                   : MER_VALUE_NOT_OBJECT;
    case MER_KIND_ARRAY:
        return mer_json_scan(bytes, n, &scan) && scan.kind == MER_SCANNED_ARRAY
                   ? MER_VALUE_FINE
                   : MER_VALUE_NOT_ARRAY;
    case MER_KIND_GEOJSON:
        return mer_json_scan(bytes, n, &scan) &&
                       is_geojson(&scan, field->format == MER_FORMAT_TOPOJSON)
                   ? MER_VALUE_FINE
                   : MER_VALUE_NOT_GEOJSON;
    case MER_KIND_GEOPOINT:
        return mer_geopoint_parse(field->format, bytes, n, point) ? MER_VALUE_FINE
                                                                  : MER_VALUE_NOT_GEOPOINT;
    default:
        return MER_VALUE_FINE;
    }
}

size_t mer_text_length(const struct mer_field *field, const char *bytes, size_t n)
{
    struct mer_json_scan scan;
    size_t length = 0;
    if (field->kind == MER_KIND_OBJECT || field->kind == MER_KIND_ARRAY)
        return mer_json_scan(bytes, n, &scan) ? scan.n : 0;
    if (field->kind == MER_KIND_LIST) {
        const size_t n_delimiter = strlen(delimiter_of(field));
        const char *at = bytes;
        for (length = 1;; length++) {
            at = item_end(at, bytes + n, delimiter_of(field), n_delimiter);
            if (at == bytes + n)
                return length;
            at += n_delimiter;
        }
    }
    for (size_t i = 0; i < n; i++) /* characters: bytes that do not continue one */
        length += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    return length;
}
