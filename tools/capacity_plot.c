/* capacity_plot.c - see capacity_plot.h. One coordinate system for all: 440 by 250, the axes' labels within. */
#include "tools/capacity_plot.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 440.0
#define HEIGHT 250.0
#define LEFT 52.0
#define RIGHT 12.0
#define TOP 12.0
#define BOTTOM 40.0
#define LABELS_MAX 9u /* along the axis */
#define GRID 4u

struct scale {
    double most; /* at the top */
    int decimals;
};

/* The least round number that is not below: 1, 2, 2.5, 5 or 10 times a power of ten. */
static double round_up(double value)
{
    static const double STEPS[] = {1, 2, 2.5, 5, 10};
    double power = 1;
    if (value <= 0)
        return 1;
    while (power * 10 < value)
        power *= 10;
    while (power >= value && power > 1e-9)
        power /= 10;
    for (unsigned i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
        if (STEPS[i] * power >= value * 0.999999)
            return STEPS[i] * power;
    return power * 10;
}

static struct scale scale_of(const struct plot *plot, bool stacked)
{
    double most = plot->mark;
    for (unsigned p = 0; p < plot->points; p++) {
        double sum = 0;
        for (unsigned s = 0; s < plot->series; s++) {
            sum = stacked ? sum + plot->values[s][p] : plot->values[s][p];
            most = sum > most ? sum : most;
        }
    }
    struct scale scale = {.most = round_up(most)};
    for (double step = scale.most / GRID; scale.decimals < 6; scale.decimals++, step *= 10) {
        double rest = step - (double)(long long)step;
        if (step > 0.999 && (rest < 0.001 || rest > 0.999)) /* below one all would be told as nothing */
            break;
    }
    return scale;
}

static double y_of(const struct scale *scale, double value)
{
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / scale->most);
}

/* The middle of a place's share of the axis. */
static double x_of(const struct plot *plot, unsigned point)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * (point + 0.5) / plot->points;
}

/* "1.2 M", so that an axis has room for it */
static void short_number(double value, int decimals, char out[32])
{
    static const struct {
        double from, unit;
        const char *letter;
    } UNITS[] = {{1e9, 1e9, " G"}, {1e6, 1e6, " M"}, {1e4, 1e3, " k"}};
    for (unsigned i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        if (value < UNITS[i].from)
            continue;
        double scaled = value / UNITS[i].unit;
        bool whole = scaled - (double)(long long)scaled < 0.01;
        snprintf(out, 32, whole ? "%.0f%s" : "%.1f%s", scaled, UNITS[i].letter);
        return;
    }
    snprintf(out, 32, "%.*f", decimals, value);
}

static void put_figure(const struct plot *plot, bool legend, struct buffer *out, struct fault *fault)
{
    buffer_format(out, fault, "<figure class=\"plot\" id=\"%s\">\n<figcaption><h3>%s</h3><p>%s</p>", plot->id, plot->title,
                  plot->note);
    if (legend && plot->series > 1) {
        buffer_add_text(out, "<ul class=\"legend\">", fault);
        for (unsigned s = 0; s < plot->series; s++)
            buffer_format(out, fault, "<li><span class=\"swatch s%u\"></span>%s</li>", s + 1, plot->names[s]);
        buffer_add_text(out, "</ul>", fault);
    }
    buffer_format(out, fault, "</figcaption>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n", WIDTH, HEIGHT,
                  plot->title);
}

static void put_axes(const struct plot *plot, const struct scale *scale, struct buffer *out, struct fault *fault)
{
    char number[32];
    for (unsigned i = 0; i <= GRID; i++) {
        double value = scale->most * i / GRID, y = y_of(scale, value);
        short_number(value, scale->decimals, number);
        buffer_format(out, fault,
                      "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><text class=\"end\" x=\"%.1f\" "
                      "y=\"%.1f\">%s</text>\n",
                      i ? "grid" : "axis", LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, number);
    }
    unsigned every = (plot->points + LABELS_MAX - 1) / LABELS_MAX;
    for (unsigned p = 0; p < plot->points; p += every ? every : 1)
        buffer_format(out, fault, "<text class=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x_of(plot, p),
                      HEIGHT - BOTTOM + 16, plot->labels[p]);
    if (*plot->below)
        buffer_format(out, fault, "<text class=\"middle dim\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", (LEFT + WIDTH - RIGHT) / 2,
                      HEIGHT - 6, plot->below);
}

static void put_mark(const struct plot *plot, const struct scale *scale, struct buffer *out, struct fault *fault)
{
    if (plot->mark <= 0)
        return;
    double y = y_of(scale, plot->mark);
    buffer_format(out, fault,
                  "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><text class=\"end dim\" x=\"%.1f\" "
                  "y=\"%.1f\">%s</text>\n",
                  LEFT, WIDTH - RIGHT, y, y, WIDTH - RIGHT, y - 5, plot->mark_name);
}

static void put_tip(const struct plot *plot, unsigned series, unsigned point, struct buffer *out, struct fault *fault)
{
    double value = plot->values[series][point];
    int decimals = value >= 100 ? 0 : value >= 1 ? 1 : 3;
    buffer_format(out, fault, "<title>%s %s: %s%s%.*f %s</title>", plot->below, plot->labels[point],
                  plot->names[series] ? plot->names[series] : "", plot->names[series] ? " " : "", decimals, value, plot->unit);
}

void plot_lines(const struct plot *plot, struct buffer *out, struct fault *fault)
{
    struct scale scale = scale_of(plot, false);
    put_figure(plot, true, out, fault);
    put_axes(plot, &scale, out, fault);
    put_mark(plot, &scale, out, fault);
    for (unsigned s = 0; s < plot->series; s++) {
        buffer_format(out, fault, "<polyline class=\"line l%u\" points=\"", s + 1);
        for (unsigned p = 0; p < plot->points; p++)
            buffer_format(out, fault, "%.1f,%.1f ", x_of(plot, p), y_of(&scale, plot->values[s][p]));
        buffer_add_text(out, "\"/>\n", fault);
        for (unsigned p = 0; p < plot->points; p++) {
            buffer_format(out, fault, "<circle class=\"dot d%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\">", s + 1, x_of(plot, p),
                          y_of(&scale, plot->values[s][p]), plot->points > 60 ? "2" : "4");
            put_tip(plot, s, p, out, fault);
            buffer_add_text(out, "</circle>\n", fault);
        }
    }
    buffer_add_text(out, "</svg>\n</figure>\n", fault);
}

void plot_bars(const struct plot *plot, bool stacked, struct buffer *out, struct fault *fault)
{
    struct scale scale = scale_of(plot, stacked);
    double share = (WIDTH - LEFT - RIGHT) / (plot->points ? plot->points : 1), group = share * 0.72;
    if (group > 90)
        group = 90;
    double width = stacked || !plot->series ? group : group / plot->series;
    put_figure(plot, true, out, fault);
    put_axes(plot, &scale, out, fault);
    for (unsigned p = 0; p < plot->points; p++) {
        double below = 0;
        for (unsigned s = 0; s < plot->series; s++) {
            double value = plot->values[s][p], x = x_of(plot, p) - group / 2 + (stacked ? 0 : s * width);
            double y = y_of(&scale, below + value), height = y_of(&scale, below) - y;
            buffer_format(out, fault, "<rect class=\"bar s%u\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\">", s + 1, x,
                          y, width > 2 ? width - 1 : width, height > 0 ? height : 0);
            put_tip(plot, s, p, out, fault);
            buffer_add_text(out, "</rect>\n", fault);
            below += stacked ? value : 0;
        }
    }
    put_mark(plot, &scale, out, fault);
    buffer_add_text(out, "</svg>\n</figure>\n", fault);
}
