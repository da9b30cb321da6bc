#include "explain/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/math.h"
#include "core/number.h"
#include "core/utf8.h"

static bool goes_on(const struct mer_page *page)
{
    return mer_is_ok(page->status);
}

static void append(struct mer_page *page, const char *bytes, size_t n)
{
    if (goes_on(page))
        page->status = mer_buf_append(page->buf, bytes, n, page->err);
}

void mer_page_put(struct mer_page *page, const char *markup)
{
    append(page, markup, strlen(markup));
}

void mer_page_format(struct mer_page *page, const char *format, ...)
{
    char text[2000];
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof text) {
        if (goes_on(page))
            page->status = mer_fail(page->err, MER_ERR_INTERNAL, "a piece of a page is too long");
        return;
    }
    append(page, text, (size_t)n);
}

/* XML has no U+FFFE and U+FFFF. */
static bool can_stand(const unsigned char *s, size_t length)
{
    return mer_utf8_printable(s, length) &&
           !(length == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe);
}

void mer_page_text(struct mer_page *page, const char *bytes, size_t n, size_t max)
{
    const unsigned char *const s = (const unsigned char *)bytes;
    const bool cut = n > max;
    size_t i = 0;
    while (i < n && i < max) {
        const size_t length = mer_utf8_length(s + i, n - i);
        if (cut && i + length > max)
            break;
        if (length == 0 || !can_stand(s + i, length)) {
            const size_t n_shown = length ? length : 1;
            for (size_t k = 0; k < n_shown; k++)
                mer_page_format(page, "\\x%02x", s[i + k]);
            i += n_shown;
            continue;
        }
        if (s[i] == '&')
            mer_page_put(page, "&amp;");
        else if (s[i] == '<')
            mer_page_put(page, "&lt;");
        else if (s[i] == '>')
            mer_page_put(page, "&gt;");
        else if (s[i] == '"')
            mer_page_put(page, "&quot;");
        else if (s[i] == '\'')
            mer_page_put(page, "&#39;");
        else
            append(page, bytes + i, length);
        i += length;
    }
    if (cut)
        mer_page_put(page, "\xe2\x80\xa6");
}

void mer_page_name(struct mer_page *page, const char *bytes, size_t n)
{
    mer_page_put(page, "<bdi>");
    if (n == 0)
        mer_page_put(page, "\xe2\x80\x9c\xe2\x80\x9d"); /* an empty name, in quotation marks */
    mer_page_text(page, bytes, n, MER_PAGE_NAME_BYTES);
    mer_page_put(page, "</bdi>");
}

void mer_page_begin(struct mer_page *page, struct mer_buf *buf, const char *kind, const char *title,
                    mer_err *err)
{
    *page = (struct mer_page){.buf = buf, .err = err, .status = {MER_OK}};
    mer_page_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                       "style-src 'sha256-");
    mer_page_put(page, MER_PAGE_STYLE_SHA256);
    mer_page_put(page, "'; base-uri 'none'; form-action 'none'\"/>\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                       "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
                       "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
    mer_page_text(page, title, strlen(title), MER_PAGE_NAME_BYTES);
    mer_page_put(page, "</title>\n<style>");
    mer_page_put(page, MER_PAGE_STYLE);
    mer_page_put(page, "</style>\n</head>\n<body>\n<header><p class=\"kind\">");
    mer_page_put(page, kind);
    mer_page_put(page, "</p>\n<h1>");
    mer_page_name(page, title, strlen(title));
    mer_page_put(page, "</h1>\n");
}

mer_status mer_page_end(struct mer_page *page)
{
    mer_page_put(page, "</body>\n</html>\n");
    return page->status;
}

struct mer_numeral mer_numeral_count(uint64_t n)
{
    struct mer_numeral numeral;
    char digits[24];
    const size_t n_digits = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    size_t at = 0;
    for (size_t i = 0; i < n_digits; i++) {
        if (i > 0 && (n_digits - i) % 3 == 0)
            numeral.text[at++] = ',';
        numeral.text[at++] = digits[i];
    }
    numeral.text[at] = '\0';
    return numeral;
}

/* Five digits or more before the point: a whole number with commas. */
static struct mer_numeral grouped(double value)
{
    const struct mer_numeral whole = mer_numeral_count((uint64_t)(fabs(value) + 0.5));
    struct mer_numeral numeral;
    (void)snprintf(numeral.text, sizeof numeral.text, "%s%.40s", value < 0 ? "\xe2\x88\x92" : "",
                   whole.text);
    return numeral;
}

/* 3.2e-07 with a minus sign and no zero: shorter, and nowhere a hyphen to break the line at. */
static void shorten_exponent(struct mer_numeral *numeral)
{
    char *const e = strchr(numeral->text, 'e');
    if (!e)
        return;
    const bool is_negative = e[1] == '-';
    const char *digits = e + 1 + (is_negative || e[1] == '+');
    char exponent[8];
    while (digits[0] == '0' && digits[1] != '\0')
        digits++;
    (void)snprintf(exponent, sizeof exponent, "%s", digits);
    (void)snprintf(e, sizeof numeral->text - (size_t)(e - numeral->text), "e%s%s",
                   is_negative ? "\xe2\x88\x92" : "", exponent);
}

struct mer_numeral mer_numeral(double value, int digits)
{
    struct mer_numeral numeral;
    char text[MER_NUMBER_TEXT_MAX];
    if (fabs(value) >= 1e4 && fabs(value) < 1e15)
        return grouped(value);
    (void)mer_number_format_digits(value, digits, text);
    if (isnan(value)) {
        (void)snprintf(numeral.text, sizeof numeral.text, "\xe2\x80\x93");
        return numeral;
    }
    if (isinf(value))
        (void)snprintf(text, sizeof text, "%s", value < 0 ? "-\xe2\x88\x9e" : "\xe2\x88\x9e");
    const bool is_negative = text[0] == '-'; /* a minus sign, not a hyphen */
    (void)snprintf(numeral.text, sizeof numeral.text, "%s%s", is_negative ? "\xe2\x88\x92" : "",
                   text + is_negative);
    shorten_exponent(&numeral);
    return numeral;
}

struct mer_numeral mer_numeral_share(double share)
{
    struct mer_numeral numeral;
    const double tenths = floor(share * 1000 + 0.5);
    if (isnan(share))
        (void)snprintf(numeral.text, sizeof numeral.text, "\xe2\x80\x93");
    else if (share == 0)
        (void)snprintf(numeral.text, sizeof numeral.text, "0 %%");
    else if (share > 0 && tenths < 1)
        (void)snprintf(numeral.text, sizeof numeral.text, "&lt;0.1 %%");
    else if (share < 1 && tenths >= 1000)
        (void)snprintf(numeral.text, sizeof numeral.text, "&gt;99.9 %%");
    else if (tenths >= 100 && (long)tenths % 10 == 0)
        (void)snprintf(numeral.text, sizeof numeral.text, "%ld %%", (long)tenths / 10);
    else
        (void)snprintf(numeral.text, sizeof numeral.text, "%ld.%ld %%", (long)tenths / 10,
                       (long)tenths % 10);
    return numeral;
}

/* The proleptic Gregorian calendar, in eras of 400 years that begin in March (as the inverse in
 * automl/prepare_dates.c). */
static void civil(int64_t days, long *year, unsigned *month, unsigned *day)
{
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const unsigned of_era = (unsigned)(days - era * 146097);
    const unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned from_march = (5 * of_year + 2) / 153;
    *day = of_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = (long)(year_of_era + era * 400) + (*month <= 2);
}

static struct mer_numeral show_time(enum mer_type type, double value)
{
    static const int64_t day_microseconds = INT64_C(86400000000);
    struct mer_numeral numeral;
    int64_t days = 0, rest = (int64_t)value;
    long year;
    unsigned month, day;
    if (type == MER_TYPE_DATE) {
        days = rest;
        rest = 0;
    } else if (type == MER_TYPE_DATETIME) {
        days = rest / day_microseconds - (rest % day_microseconds < 0);
        rest -= days * day_microseconds;
    }
    const unsigned seconds = (unsigned)(rest / 1000000);
    if (type == MER_TYPE_TIME) {
        (void)snprintf(numeral.text, sizeof numeral.text, "%02u:%02u:%02u", seconds / 3600,
                       seconds / 60 % 60, seconds % 60);
        return numeral;
    }
    civil(days, &year, &month, &day);
    const int n = snprintf(numeral.text, sizeof numeral.text, "%04ld-%02u-%02u", year, month, day);
    if (type == MER_TYPE_DATETIME && seconds > 0 && n > 0)
        (void)snprintf(numeral.text + n, sizeof numeral.text - (size_t)n, " %02u:%02u",
                       seconds / 3600, seconds / 60 % 60);
    return numeral;
}

struct mer_numeral mer_numeral_value(enum mer_type type, double value)
{
    if ((type == MER_TYPE_DATE || type == MER_TYPE_TIME || type == MER_TYPE_DATETIME) &&
        fabs(value) < 0x1p62)
        return show_time(type, value);
    return mer_numeral(value, 5);
}

void mer_page_section(struct mer_page *page, const char *id, const char *heading)
{
    mer_page_format(page, "<section id=\"%s\">\n<h2>%s</h2>\n", id, heading);
}

void mer_page_section_end(struct mer_page *page)
{
    mer_page_put(page, "</section>\n");
}

void mer_page_tile(struct mer_page *page, const char *figure, const char *label)
{
    mer_page_format(page, "<li><b>%s</b> <span>%s</span></li>\n", figure, label);
}

void mer_page_table(struct mer_page *page, const char *caption, const char *const *headings)
{
    mer_page_format(page,
                    "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
                    "<table>\n<caption>%s</caption>\n<thead><tr>",
                    caption, caption);
    for (size_t i = 0; headings[i]; i++) {
        const bool heads_numbers = headings[i][0] == '#';
        mer_page_format(page, "<th scope=\"col\"%s>%s</th>", heads_numbers ? " class=\"n\"" : "",
                        headings[i] + heads_numbers);
    }
    mer_page_put(page, "</tr></thead>\n<tbody>\n");
}

void mer_page_table_end(struct mer_page *page)
{
    mer_page_put(page, "</tbody></table></div>\n");
}

void mer_page_cell(struct mer_page *page, const char *text)
{
    mer_page_format(page, "<td class=\"n\">%s</td>", text);
}

void mer_page_data(struct mer_page *page, const char *caption, const char *const *headings)
{
    mer_page_put(page, "<details class=\"data\"><summary>As a table</summary>\n");
    mer_page_table(page, caption, headings);
}

void mer_page_data_end(struct mer_page *page)
{
    mer_page_table_end(page);
    mer_page_put(page, "</details>\n");
}
