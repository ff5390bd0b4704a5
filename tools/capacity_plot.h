/* capacity_plot.h - plots as inline SVG: lines, bars, stacked bars; colours and type come from the page's style sheet.
 * Room: tools.  A piece that finds no memory sets the fault, which is asked at the end. Each mark tells its figure when it is
 * pointed at.  Thread: one. Texts are borrowed until it is drawn; `id` is unique on the page. */
#ifndef TOOLS_CAPACITY_PLOT_H
#define TOOLS_CAPACITY_PLOT_H

#include "engine/fault.h"
#include "engine/sys/buffer.h"

#include <stdbool.h>
#include <stdint.h>

#define PLOT_SERIES_MAX 4
#define PLOT_POINTS_MAX 512

struct plot {
    const char *id, *title, *note; /* note: what is plotted, in a line */
    const char *unit;              /* of the values */
    const char *below;             /* what the places are: "night" */
    const char *names[PLOT_SERIES_MAX];
    unsigned series, points;
    double values[PLOT_SERIES_MAX][PLOT_POINTS_MAX];
    char labels[PLOT_POINTS_MAX][24]; /* of the places */
    double mark;                      /* a line across, 0: none */
    const char *mark_name;
};

void plot_lines(const struct plot *plot, struct buffer *out, struct fault *fault);
void plot_bars(const struct plot *plot, bool stacked, struct buffer *out, struct fault *fault);

#endif
