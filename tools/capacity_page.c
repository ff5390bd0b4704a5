/* capacity_page.c - all figures on one page: what it comes to, plots, and each number in a table. No script, no other file, no
 * network. */
#include "tools/capacity.h"

#include "engine/sys/sys.h"
#include "engine/values.h"
#include "tools/capacity_plot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MB 1e6

static const char STYLE[] =
    ":root{color-scheme:light "
    "dark;--paper:#fcfcfb;--card:#ffffff;--ink:#1d1d1b;--dim:#5d5c57;--rule:#e1e0da;--good:#0b6b3a;--bad:#b3261e;"
    "--c1:#2a78d6;--c2:#eb6834;--c3:#1baf7a;--c4:#4a3aa7}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#161615;--card:#1f1f1d;--ink:#f0efea;--dim:#a8a69e;--rule:#383835;--good:#"
    "5cc98d;--bad:#ff8a80;"
    "--c1:#3987e5;--c2:#d95926;--c3:#199e70;--c4:#9085e9}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 "
    "system-ui,-apple-system,\"Segoe UI\",\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}h1{font-size:1.5rem;margin:0 0 "
    "4px}h2{font-size:1.15rem;margin:40px 0 12px}"
    "h3{font-size:1rem;margin:0}p{margin:0 0 10px}.dim,figcaption p{color:var(--dim)}figcaption p{font-size:.85rem;margin:0}\n"
    ".lead{font-size:1.15rem;margin:14px 0 "
    "20px;max-width:46em}.verdict{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0;padding:0;list-style:none}"
    ".cards li{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 14px}.cards "
    "b{display:block;font-size:1.45rem;line-height:1.25;font-weight:650}"
    ".cards span{color:var(--dim);font-size:.85rem}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:16px}"
    ".plot{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:14px 14px "
    "8px;display:flex;flex-direction:column;justify-content:space-between}"
    ".plot svg{width:100%;height:auto;display:block;margin-top:8px}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:2px 14px;list-style:none;margin:6px 0 "
    "0;padding:0;font-size:.85rem}.swatch{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:6px}\n"
    ".plot text{fill:var(--ink);font-size:12px;font-variant-numeric:tabular-nums}.plot "
    "text.dim{fill:var(--dim)}.end{text-anchor:end}.middle{text-anchor:middle}"
    ".grid{stroke:var(--rule)}.axis{stroke:var(--dim)}.mark{stroke:var(--dim);stroke-dasharray:4 "
    "4}.line{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".dot{stroke:var(--card);stroke-width:1.5}.bar:hover,.dot:hover{opacity:.75}\n"
    ".s1{fill:var(--c1);background:var(--c1)}.s2{fill:var(--c2);background:var(--c2)}.s3{fill:var(--c3);background:var(--c3)}."
    "s4{fill:var(--c4);background:var(--c4)}"
    ".l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.l3{stroke:var(--c3)}.l4{stroke:var(--c4)}.d1{fill:var(--c1)}.d2{fill:var(--c2)}"
    ".d3{fill:var(--c3)}.d4{fill:var(--c4)}\n"
    ".scroll{overflow-x:auto;border:1px solid "
    "var(--rule);border-radius:8px;background:var(--card)}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:"
    "tabular-nums;width:100%}"
    "th,td{padding:5px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}tr:last-child "
    "td{border-bottom:0}"
    "th{color:var(--dim);font-weight:600;vertical-align:bottom}.text{text-align:left}\n";

/* ---- what it comes to ---- */

static void put_escaped(struct buffer *out, const char *text, struct fault *fault)
{
    for (; *text; text++) {
        const char *entity = *text == '<'   ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '&' ? "&amp;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        if (entity)
            buffer_add_text(out, entity, fault);
        else
            buffer_add(out, text, 1, fault);
    }
}

static void put_card(struct buffer *out, const char *value, const char *unit, const char *name, struct fault *fault)
{
    buffer_format(out, fault, "<li><b>%s%s%s</b><span>%s</span></li>\n", value, *unit ? "&nbsp;" : "", unit, name);
}

static double per(double what, double seconds)
{
    return seconds > 0 ? what / seconds : 0;
}

static void put_cards(struct buffer *out, const struct capacity *capacity, struct fault *fault)
{
    const struct capacity_campaign *campaign = &capacity->campaign;
    const struct capacity_night *slow = &campaign->nights[campaign->slowest];
    double best = 0;
    char value[32];
    for (uint32_t i = 0; i < campaign->count; i++) {
        double rate = per((double)campaign->nights[i].records, campaign->nights[i].seconds);
        best = rate > best ? rate : best;
    }
    buffer_add_text(out, "<ul class=\"cards\">\n", fault);
    put_card(out, capacity_grouped(capacity->cases, value), "", "cases (children born)", fault);
    snprintf(value, sizeof value, "%u", capacity->days);
    put_card(out, value, "", "nights", fault);
    snprintf(value, sizeof value, "%.1f", slow->seconds);
    put_card(out, value, "s", "the longest night", fault);
    put_card(out, capacity_grouped((uint64_t)best, value), "", "records a second, best night", fault);
    snprintf(value, sizeof value, "%.0f", (double)campaign->anonymous / MB);
    put_card(out, value, "MB", "memory at most", fault);
    snprintf(value, sizeof value, "%.0f", (double)campaign->store / MB);
    put_card(out, value, "MB", "store in the end", fault);
    put_card(out, capacity->target > 0 && capacity->found.resource ? capacity->found.resource : capacity_bound(capacity, slow),
             "", "bounds it", fault);
    buffer_add_text(out, "</ul>\n", fault);
}

static void put_head(struct buffer *out, const struct capacity *capacity, struct fault *fault)
{
    const struct capacity_machine *machine = &capacity->machine;
    const struct capacity_check *check = &capacity->campaign.check;
    char sentence[512];
    capacity_sentence(capacity, sentence, sizeof sentence);
    buffer_add_text(out,
                    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                    "content=\"width=device-width,initial-scale=1\">\n"
                    "<title>besik: capacity</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n",
                    fault);
    buffer_add_text(out, STYLE, fault);
    buffer_add_text(out, "</style>\n</head>\n<body>\n<main>\n<h1>What this machine can carry</h1>\n<p class=\"dim\">", fault);
    put_escaped(out, machine->cpu, fault);
    buffer_format(out, fault, ", %u core%s, %.1f GB memory; ", machine->cores, machine->cores == 1 ? "" : "s",
                  (double)machine->memory / 1e9);
    put_escaped(out, machine->disk, fault);
    buffer_add_text(out, "; ", fault);
    put_escaped(out, machine->kernel, fault);
    buffer_format(out, fault, "; besik " BESIK_VERSION "; scenario %s, seed %" PRIu64 ", %u worker%s</p>\n<p class=\"lead\">",
                  SCENARIO_WORDS[capacity->scenario], capacity->seed, capacity->workers, capacity->workers == 1 ? "" : "s");
    put_escaped(out, sentence, fault);
    char elsewhere[32], cases[32];
    capacity_grouped(check->elsewhere, elsewhere);
    capacity_grouped(check->cases, cases);
    if (check->elsewhere)
        buffer_format(out, fault,
                      " <span class=\"verdict bad\">%s of %s cases do not stand where they were meant to.</span></p>\n",
                      elsewhere, cases);
    else
        buffer_format(out, fault, " <span class=\"verdict good\">All %s cases stand where they were meant to.</span></p>\n",
                      cases);
    if (capacity_others(capacity) >= CAPACITY_OTHERS)
        buffer_format(out, fault,
                      "<p class=\"dim\">Other processes kept %.0f %% of the processors busy meanwhile: alone on the machine it "
                      "would be faster.</p>\n",
                      capacity_others(capacity) * 100);
    put_cards(out, capacity, fault);
}

/* ---- plots ---- */

static void begin_nights(struct plot *plot, const struct capacity *capacity, const char *id, const char *title,
                         const char *note, const char *unit)
{
    const struct capacity_campaign *campaign = &capacity->campaign;
    *plot = (struct plot){.id = id, .title = title, .note = note, .unit = unit, .below = "night"};
    plot->points = campaign->count < PLOT_POINTS_MAX ? campaign->count : PLOT_POINTS_MAX;
    for (unsigned i = 0; i < plot->points; i++)
        snprintf(plot->labels[i], sizeof *plot->labels, "%u", campaign->nights[i].night);
}

static void plot_throughput(struct plot *plot, const struct capacity *capacity, struct buffer *out, struct fault *fault)
{
    begin_nights(plot, capacity, "throughput", "Throughput", "records read a second, by night", "records/s");
    plot->series = 1;
    for (unsigned i = 0; i < plot->points; i++)
        plot->values[0][i] = per((double)capacity->campaign.nights[i].records, capacity->campaign.nights[i].seconds);
    plot_lines(plot, out, fault);
}

static void plot_stages(struct plot *plot, const struct capacity *capacity, struct buffer *out, struct fault *fault)
{
    begin_nights(plot, capacity, "stages", "Where the time goes", "seconds of a run, by stage", "s");
    plot->series = CAPACITY_STAGES;
    for (unsigned s = 0; s < CAPACITY_STAGES; s++) {
        plot->names[s] = CAPACITY_STAGE_WORDS[s];
        for (unsigned i = 0; i < plot->points; i++)
            plot->values[s][i] = capacity->campaign.nights[i].stages[s];
    }
    if (capacity->target > 0) {
        plot->mark = capacity->target;
        plot->mark_name = "target";
    }
    plot_bars(plot, true, out, fault);
}

static void plot_room(struct plot *plot, const struct capacity *capacity, struct buffer *out, struct fault *fault)
{
    begin_nights(plot, capacity, "room", "Memory and disk", "MB, by night", "MB");
    static const char *const NAMES[] = {"anonymous memory, at most", "written to disk", "store"};
    plot->series = 3;
    for (unsigned i = 0; i < plot->points; i++) {
        const struct capacity_night *night = &capacity->campaign.nights[i];
        const uint64_t bytes[] = {night->anonymous, night->written, night->store};
        for (unsigned s = 0; s < plot->series; s++) {
            plot->names[s] = NAMES[s];
            plot->values[s][i] = (double)bytes[s] / MB;
        }
    }
    plot_lines(plot, out, fault);
}

static void plot_commits(struct plot *plot, const struct capacity *capacity, struct buffer *out, struct fault *fault)
{
    begin_nights(plot, capacity, "commits", "Latency of commits",
                 "ms: the stage in which a run takes effect; and what one 256 KiB write and its sync take on this disk", "ms");
    static const char *const NAMES[] = {"commit stage", "worst sync of 15", "median sync"};
    plot->series = 3;
    for (unsigned i = 0; i < plot->points; i++) {
        const struct capacity_night *night = &capacity->campaign.nights[i];
        const double seconds[] = {night->stages[CAPACITY_COMMIT], night->sync_worst, night->sync_median};
        for (unsigned s = 0; s < plot->series; s++) {
            plot->names[s] = NAMES[s];
            plot->values[s][i] = seconds[s] * 1000;
        }
    }
    plot_lines(plot, out, fault);
}

static void plot_workers(struct plot *plot, const struct capacity *capacity, struct buffer *out, struct fault *fault)
{
    const struct capacity_campaign *campaign = &capacity->campaign;
    if (!campaign->workers_count)
        return;
    *plot = (struct plot){.id = "workers",
                          .title = "Scaling",
                          .note = "seconds of the last night, by workers (a dry run: without the commit)",
                          .unit = "s",
                          .below = "workers",
                          .series = 1,
                          .points = campaign->workers_count};
    for (unsigned i = 0; i < plot->points; i++) {
        snprintf(plot->labels[i], sizeof *plot->labels, "%u", campaign->workers[i]);
        plot->values[0][i] = campaign->workers_seconds[i];
    }
    plot_bars(plot, false, out, fault);
}

static void plot_forecast(struct plot *plot, const struct capacity *capacity, struct buffer *out, struct fault *fault)
{
    const struct capacity_forecast *forecast = &capacity->forecast;
    if (!forecast->made)
        return;
    *plot = (struct plot){.id = "forecast",
                          .title = "Forecast against truth",
                          .note = "% of what it came to, forecast from a tenth and a third of the cases",
                          .unit = "%",
                          .below = "",
                          .series = 1,
                          .points = FORESEEN_COUNT,
                          .mark = 100,
                          .mark_name = "truth"};
    for (unsigned i = 0; i < plot->points; i++) {
        const struct capacity_foretold *of = &forecast->of[i];
        snprintf(plot->labels[i], sizeof *plot->labels, "%s", CAPACITY_FORESEEN[i].label);
        plot->values[0][i] = of->truth > 0 ? of->told / of->truth * 100 : 0;
    }
    plot_bars(plot, false, out, fault);
}

static int put_plots(struct buffer *out, const struct capacity *capacity, struct fault *fault)
{
    static void (*const PLOTS[])(struct plot *, const struct capacity *, struct buffer *, struct fault *) = {
        plot_throughput, plot_stages, plot_room, plot_commits, plot_workers, plot_forecast};
    struct plot *plot = sys.alloc(sizeof *plot);
    if (!plot)
        return fault_memory(fault);
    buffer_add_text(out, "<h2>Night by night</h2>\n<div class=\"plots\">\n", fault);
    for (unsigned i = 0; i < sizeof PLOTS / sizeof *PLOTS; i++)
        PLOTS[i](plot, capacity, out, fault);
    buffer_add_text(out, "</div>\n", fault);
    sys.free(plot);
    return 0;
}

/* ---- tables ---- */

static void begin_table(struct buffer *out, const char *title, const char *const *heads, unsigned count, struct fault *fault)
{
    buffer_format(out, fault, "<h2>%s</h2>\n<div class=\"scroll\"><table>\n<tr>", title);
    for (unsigned i = 0; i < count; i++)
        buffer_format(out, fault, "<th scope=\"col\"%s>%s</th>", heads[i][0] == '~' ? " class=\"text\"" : "",
                      heads[i] + (heads[i][0] == '~'));
    buffer_add_text(out, "</tr>\n", fault);
}

static void end_table(struct buffer *out, struct fault *fault)
{
    buffer_add_text(out, "</table></div>\n", fault);
}

#define HEADS(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

static void put_nights(struct buffer *out, const struct capacity *capacity, struct fault *fault)
{
    begin_table(out, "Nights",
                HEADS("night", "records", "cases", "SMS", "seconds", "records/s", "cases/ms", "MB/s", "CPU %", "others %",
                      "memory MB", "dumps MB", "written MB", "written/read", "store MB", "read s", "apply s", "commit s",
                      "publish s", "sync ms", "worst ms", "~longest stage", "~bound by"),
                fault);
    for (uint32_t i = 0; i < capacity->campaign.count; i++) {
        const struct capacity_night *n = &capacity->campaign.nights[i];
        buffer_format(out, fault,
                      "<tr><td>%u</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64
                      "</td><td>%.2f</td><td>%.0f</td><td>%.1f</td><td>%.1f</td><td>%.0f</td><td>%.0f</td>"
                      "<td>%.1f</td><td>%.1f</td><td>%.1f</td><td>%.1f</td><td>%.1f</td>",
                      n->night, n->records, n->cases, n->sms, n->seconds, per((double)n->records, n->seconds),
                      per((double)n->cases, n->seconds * 1000), per((double)n->plain_bytes / MB, n->seconds),
                      capacity_cpu_share(capacity, n) * 100, n->others * 100, (double)n->anonymous / MB,
                      (double)n->plain_bytes / MB, (double)n->written / MB, per((double)n->written, (double)n->plain_bytes),
                      (double)n->store / MB);
        buffer_format(out, fault,
                      "<td>%.2f</td><td>%.2f</td><td>%.2f</td><td>%.2f</td><td>%.2f</td><td>%.2f</td><td "
                      "class=\"text\">%s</td><td class=\"text\">%s</td></tr>\n",
                      n->stages[CAPACITY_READ], n->stages[CAPACITY_APPLY], n->stages[CAPACITY_COMMIT],
                      n->stages[CAPACITY_PUBLISH], n->sync_median * 1000, n->sync_worst * 1000,
                      CAPACITY_STAGE_WORDS[capacity_longest(n)], capacity_bound(capacity, n));
    }
    end_table(out, fault);
}

static void put_more_tables(struct buffer *out, const struct capacity *capacity, struct fault *fault)
{
    const struct capacity_campaign *campaign = &capacity->campaign;
    const struct capacity_forecast *forecast = &capacity->forecast;
    if (forecast->made) {
        char small[32], middle[32];
        snprintf(small, sizeof small, "%u cases", forecast->small);
        snprintf(middle, sizeof middle, "%u cases", forecast->middle);
        begin_table(out, "Forecast", HEADS("~what", small, middle, "forecast", "truth", "% of truth"), fault);
        for (unsigned i = 0; i < FORESEEN_COUNT; i++) {
            const struct capacity_foretold *of = &forecast->of[i];
            double unit = CAPACITY_FORESEEN[i].unit;
            buffer_format(
                out, fault,
                "<tr><td class=\"text\">%s</td><td>%.2f</td><td>%.2f</td><td>%.2f</td><td>%.2f</td><td>%.0f</td></tr>\n",
                CAPACITY_FORESEEN[i].name, of->small / unit, of->middle / unit, of->told / unit, of->truth / unit,
                of->truth > 0 ? of->told / of->truth * 100 : 0);
        }
        end_table(out, fault);
    }
    if (campaign->workers_count) {
        begin_table(out, "The last night by workers", HEADS("workers", "seconds (dry run)"), fault);
        for (uint32_t i = 0; i < campaign->workers_count; i++)
            buffer_format(out, fault, "<tr><td>%u</td><td>%.2f</td></tr>\n", campaign->workers[i],
                          campaign->workers_seconds[i]);
        end_table(out, fault);
    }
    begin_table(out, "Where cases stand after the last night", HEADS("~step, or outcomes", "planned", "found"), fault);
    for (uint32_t i = 0; i < campaign->check.count; i++)
        buffer_format(out, fault, "<tr><td class=\"text\">%s</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td></tr>\n",
                      campaign->check.places[i].name, campaign->check.places[i].planned, campaign->check.places[i].found);
    end_table(out, fault);
}

int capacity_write_page(const struct capacity *capacity, struct fault *fault)
{
    struct buffer out = {0};
    put_head(&out, capacity, fault);
    int failed = put_plots(&out, capacity, fault);
    put_nights(&out, capacity, fault);
    put_more_tables(&out, capacity, fault);
    buffer_add_text(&out, "</main>\n</body>\n</html>\n", fault);
    failed = failed || fault->code != FAULT_NONE;
    int fd = failed ? -1 : sys.open(AT_FDCWD, capacity->html, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!failed && fd < 0)
        failed = fault_errno(fault, errno, "--html %s: make", capacity->html);
    if (!failed && sys_write_all(fd, out.data, out.size, 0) != 0)
        failed = fault_errno(fault, errno, "--html %s: write", capacity->html);
    if (fd >= 0)
        sys.close(fd);
    buffer_free(&out);
    return failed ? -1 : 0;
}
