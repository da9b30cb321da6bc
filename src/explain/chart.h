/* Drawings of a page, as SVG: each has a title and a description for those who do not see it.
 *
 *     mer_chart_begin(page, 320, 120, false);
 *     mer_page_put(page, "Histogram of ");     the title
 *     mer_chart_describe(page);
 *     mer_page_put(page, "Most values ...");   the description
 *     mer_chart_draw(page);
 *     mer_chart_rectangle(...);
 *     mer_chart_end(page);
 */
#ifndef MER_EXPLAIN_CHART_H
#define MER_EXPLAIN_CHART_H

#include "explain/page.h"

/* Width and height in units of the drawing; `fixed`: these are CSS pixels, whatever the room. */
void mer_chart_begin(struct mer_page *page, double width, double height, bool fixed);
void mer_chart_describe(struct mer_page *page);
void mer_chart_draw(struct mer_page *page);
void mer_chart_end(struct mer_page *page);

/* Coordinates, to a hundredth. */
struct mer_coordinate {
    char text[24];
};
struct mer_coordinate mer_coordinate(double x);

void mer_chart_rectangle(struct mer_page *page, const char *classes, double x, double y, double w,
                         double h);
/* With an opacity from 0 to 1, in hundredths. */
void mer_chart_shade(struct mer_page *page, const char *classes, double x, double y, double w,
                     double h, double opacity);
void mer_chart_line(struct mer_page *page, const char *classes, double x1, double y1, double x2,
                    double y2);
/* A text of ours. */
void mer_chart_text(struct mer_page *page, const char *classes, double x, double y,
                    const char *markup);
/* A name from outside, cut off at a width. */
void mer_chart_name(struct mer_page *page, double x, double y, double width, const char *bytes,
                    size_t n);
/* A line through points, from x[i], y[i] in the drawing's units. */
void mer_chart_path(struct mer_page *page, const char *classes, const double *x, const double *y,
                    size_t n);

/* A frame to draw in: what part of the drawing stands for what range of numbers. */
struct mer_axes {
    double left, top, width, height; /* in the drawing */
    double x_low, x_high, y_low, y_high;
};
double mer_axes_x(const struct mer_axes *axes, double x);
double mer_axes_y(const struct mer_axes *axes, double y);
/* Round numbers from low to high, at most MER_TICKS_MAX; returns how many. */
enum { MER_TICKS_MAX = 12 };
size_t mer_ticks(double low, double high, size_t wanted, double ret_ticks[MER_TICKS_MAX]);
/* Grid lines, numbers along both axes, and what they mean (ours). */
void mer_axes_draw(struct mer_page *page, const struct mer_axes *axes, const char *x_title,
                   const char *y_title);

#endif
