#include "explain/chart.h"

#include <stdio.h>
#include <string.h>

#include "core/math.h"

/* Numbers are written by hand: printf's depend on the locale of the host program. */
struct mer_coordinate mer_coordinate(double x)
{
    struct mer_coordinate coordinate;
    const double bounded = x > 1e6 ? 1e6 : x > -1e6 ? x : -1e6;
    const long hundredths = (long)floor(bounded * 100 + 0.5);
    const unsigned long magnitude = (unsigned long)(hundredths < 0 ? -hundredths : hundredths);
    const char *const sign = hundredths < 0 ? "-" : "";
    if (magnitude % 100 == 0)
        (void)snprintf(coordinate.text, sizeof coordinate.text, "%s%lu", sign, magnitude / 100);
    else if (magnitude % 10 == 0)
        (void)snprintf(coordinate.text, sizeof coordinate.text, "%s%lu.%lu", sign, magnitude / 100,
                       magnitude / 10 % 10);
    else
        (void)snprintf(coordinate.text, sizeof coordinate.text, "%s%lu.%02lu", sign,
                       magnitude / 100, magnitude % 100);
    return coordinate;
}

void mer_chart_begin(struct mer_page *page, double width, double height, bool fixed)
{
    const unsigned id = ++page->n_charts;
    const struct mer_coordinate w = mer_coordinate(width), h = mer_coordinate(height);
    mer_page_format(page, "<svg viewBox=\"0 0 %s %s\" ", w.text, h.text);
    if (fixed)
        mer_page_format(page, "width=\"%s\" height=\"%s\" class=\"fixed\" ", w.text, h.text);
    mer_page_format(page, "role=\"img\" aria-labelledby=\"t%u d%u\"><title id=\"t%u\">", id, id,
                    id);
}

void mer_chart_describe(struct mer_page *page)
{
    mer_page_format(page, "</title><desc id=\"d%u\">", page->n_charts);
}

void mer_chart_draw(struct mer_page *page)
{
    mer_page_put(page, "</desc>\n");
}

void mer_chart_end(struct mer_page *page)
{
    mer_page_put(page, "</svg>\n");
}

void mer_chart_rectangle(struct mer_page *page, const char *classes, double x, double y, double w,
                         double h)
{
    mer_page_format(page, "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>",
                    classes, mer_coordinate(x).text, mer_coordinate(y).text,
                    mer_coordinate(fmax(w, 0)).text, mer_coordinate(fmax(h, 0)).text);
}

void mer_chart_shade(struct mer_page *page, const char *classes, double x, double y, double w,
                     double h, double opacity)
{
    mer_page_format(page,
                    "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" "
                    "fill-opacity=\"%s\"/>",
                    classes, mer_coordinate(x).text, mer_coordinate(y).text, mer_coordinate(w).text,
                    mer_coordinate(h).text, mer_coordinate(fmin(fmax(opacity, 0), 1)).text);
}

void mer_chart_line(struct mer_page *page, const char *classes, double x1, double y1, double x2,
                    double y2)
{
    mer_page_format(page, "<line class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>", classes,
                    mer_coordinate(x1).text, mer_coordinate(y1).text, mer_coordinate(x2).text,
                    mer_coordinate(y2).text);
}

void mer_chart_text(struct mer_page *page, const char *classes, double x, double y,
                    const char *markup)
{
    mer_page_format(page, "<text class=\"%s\" x=\"%s\" y=\"%s\">%s</text>", classes,
                    mer_coordinate(x).text, mer_coordinate(y).text, markup);
}

/* The bytes of as many letters as there is room for, by their average width. */
static size_t fitting_bytes(const char *bytes, size_t n, double width)
{
    const double letter = 5.6;
    const size_t n_letters = width > 4 * letter ? (size_t)(width / letter) - 1 : 3;
    size_t i = 0;
    for (size_t seen = 0; i < n; i++)
        if (((unsigned char)bytes[i] & 0xc0) != 0x80 && seen++ == n_letters)
            break;
    return i;
}

/* A drawing inside the drawing cuts off what is still too long, whatever the width of its letters.
 */
void mer_chart_name(struct mer_page *page, double x, double y, double width, const char *bytes,
                    size_t n)
{
    const size_t n_shown = fitting_bytes(bytes, n, width);
    mer_page_format(page,
                    "<svg x=\"%s\" y=\"%s\" width=\"%s\" height=\"16\"><text class=\"i\" x=\"0\" "
                    "y=\"12\">",
                    mer_coordinate(x).text, mer_coordinate(y - 12).text,
                    mer_coordinate(width).text);
    mer_page_text(page, n ? bytes : "\xe2\x80\x9c\xe2\x80\x9d", n ? n : 6, n ? n_shown : 6);
    mer_page_put(page, "</text></svg>");
}

void mer_chart_path(struct mer_page *page, const char *classes, const double *x, const double *y,
                    size_t n)
{
    mer_page_format(page, "<path class=\"%s\" d=\"", classes);
    for (size_t i = 0; i < n; i++)
        mer_page_format(page, "%s%s %s", i ? "L" : "M", mer_coordinate(x[i]).text,
                        mer_coordinate(y[i]).text);
    mer_page_put(page, "\"/>");
}

double mer_axes_x(const struct mer_axes *axes, double x)
{
    const double range = axes->x_high - axes->x_low;
    return axes->left + (range > 0 ? (x - axes->x_low) / range : 0.5) * axes->width;
}

double mer_axes_y(const struct mer_axes *axes, double y)
{
    const double range = axes->y_high - axes->y_low;
    return axes->top + axes->height - (range > 0 ? (y - axes->y_low) / range : 0.5) * axes->height;
}

size_t mer_ticks(double low, double high, size_t wanted, double ret_ticks[MER_TICKS_MAX])
{
    static const double steps[] = {1, 2, 5, 10};
    const double range = high - low;
    double step = 1;
    size_t n = 0;
    if (!(range > 0) || !isfinite(range)) {
        ret_ticks[0] = low;
        return 1;
    }
    while (step * 10 <= range / (double)wanted)
        step *= 10;
    while (step > range / (double)wanted)
        step /= 10;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (steps[i] * step >= range / (double)wanted * 0.999) {
            step *= steps[i];
            break;
        }
    double first = floor(low / step);
    if (first * step < low - step * 1e-6)
        first++;
    for (; n < MER_TICKS_MAX && (first + (double)n) * step <= high + step * 1e-6; n++)
        ret_ticks[n] = (first + (double)n) * step + 0.0; /* no minus zero */
    return n;
}

void mer_axes_draw(struct mer_page *page, const struct mer_axes *axes, const char *x_title,
                   const char *y_title)
{
    double ticks[MER_TICKS_MAX];
    const double bottom = axes->top + axes->height, right = axes->left + axes->width;
    size_t n = mer_ticks(axes->y_low, axes->y_high, 5, ticks);
    for (size_t i = 0; i < n; i++) {
        const double y = mer_axes_y(axes, ticks[i]);
        mer_chart_line(page, "gr", axes->left, y, right, y);
        mer_chart_text(page, "e", axes->left - 5, y + 4, mer_numeral(ticks[i], 6).text);
    }
    n = mer_ticks(axes->x_low, axes->x_high, 4, ticks);
    for (size_t i = 0; i < n; i++) {
        const double x = mer_axes_x(axes, ticks[i]);
        mer_chart_line(page, "gr", x, axes->top, x, bottom);
        mer_chart_text(page, "m", x, bottom + 15, mer_numeral(ticks[i], 6).text);
    }
    mer_chart_line(page, "ax", axes->left, bottom, right, bottom);
    mer_chart_line(page, "ax", axes->left, axes->top, axes->left, bottom);
    mer_chart_text(page, "m", axes->left + axes->width / 2, bottom + 31, x_title);
    mer_page_format(page, "<text class=\"m\" transform=\"translate(11 %s) rotate(-90)\">%s</text>",
                    mer_coordinate(axes->top + axes->height / 2).text, y_title);
    mer_page_put(page, "\n");
}
