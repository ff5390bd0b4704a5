#!/usr/bin/env python3
"""The page of `besik capacity --html` in a real browser: headless Chromium, light, dark and narrow. No error on the console, nothing
fetched, every plot drawn and within its frame, text that can be read, no page wider than its window.

usage: capacity_page.py BESIK [BUILD] [--keep DIR]     keeps the page and its screenshots there
Exit 77 where there is no Chromium."""
import argparse, json, os, re, shutil, subprocess, sys, tempfile

VIEWS = {"light": (1200, 2000, False), "dark": (1200, 2000, True), "narrow": (500, 2600, False), "narrow dark": (500, 2600, True)}
PLOTS = ["throughput", "stages", "room", "commits", "workers", "forecast"]
LOOK = """<script>
window.addEventListener("load", () => {
  const told = {errors: [], plots: {}, wide: document.documentElement.scrollWidth > window.innerWidth, ground: getComputedStyle(document.body).backgroundColor,
                ink: getComputedStyle(document.body).color, fetched: performance.getEntriesByType("resource").map(x => x.name).filter(x => !x.startsWith("data:"))};
  for (const figure of document.querySelectorAll("figure.plot")) {
    const svg = figure.querySelector("svg"), frame = svg.getBoundingClientRect(), marks = [...svg.querySelectorAll("rect,circle")], texts = [...svg.querySelectorAll("text")];
    const outside = [...marks, ...texts].filter(x => { const b = x.getBoundingClientRect(); return b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1 || b.bottom > frame.bottom + 1; });
    told.plots[figure.id] = {marks: marks.length, drawn: marks.filter(x => x.getBoundingClientRect().width > 0).length, tall: Math.max(...marks.map(x => x.getBoundingClientRect().height)),
      outside: outside.length, width: frame.width, text: Math.min(...texts.map(x => x.getBoundingClientRect().height)), fills: [...new Set(marks.map(x => getComputedStyle(x).fill))].length};
  }
  const out = document.createElement("pre"); out.id = "told"; out.textContent = JSON.stringify(told); document.body.append(out);
});
</script></head>"""


def browser():
    return next((x for x in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if x), None)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("besik")
    a.add_argument("build", nargs="?", help="not looked at")
    a.add_argument("--keep")
    o = a.parse_args()
    chromium = browser()
    if not chromium:
        print("no Chromium here")
        sys.exit(77)
    work = tempfile.mkdtemp(prefix="besik-page-")
    subprocess.run([os.path.abspath(o.besik), "capacity", f"{work}/try", "--cases", "5000", "--html", f"{work}/page.html"], check=True, stdout=subprocess.DEVNULL)
    with open(f"{work}/page.html", encoding="utf-8") as f:
        text = f.read()
    with open(f"{work}/looked.html", "w", encoding="utf-8") as f:
        f.write(text.replace("</head>", LOOK, 1))
    bad, grounds = [], {}
    for view, (width, height, dark) in VIEWS.items():
        options = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr", f"--window-size={width},{height}", f"--user-data-dir={work}/profile",
                   "--virtual-time-budget=3000", *(["--blink-settings=preferredColorScheme=0"] if dark else ["--blink-settings=preferredColorScheme=1"])]
        shot = subprocess.run([*options, f"--screenshot={work}/{view.replace(' ', '-')}.png", f"file://{work}/page.html"], capture_output=True, text=True, timeout=120)
        looked = subprocess.run([*options, "--dump-dom", f"file://{work}/looked.html"], capture_output=True, text=True, timeout=120)
        bad += [f"{view}: {line}" for done in (shot, looked) for line in done.stderr.split("\n") if "CONSOLE" in line]
        found = re.search(r'<pre id="told">(.*?)</pre>', looked.stdout, re.S)
        if not found:
            bad.append(f"{view}: the page was not looked at: {looked.stderr[-300:]}")
            continue
        told = json.loads(found.group(1).replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
        grounds[view] = told["ground"]
        bad += [f"{view}: plots {list(told['plots'])}"] * (list(told["plots"]) != PLOTS)
        bad += [f"{view}: fetched {told['fetched']}"] * bool(told["fetched"]) + [f"{view}: wider than the window"] * told["wide"]
        for name, plot in told["plots"].items():
            least = {"throughput": 16, "stages": 64, "room": 48, "commits": 48, "workers": 1, "forecast": 4}[name]
            if plot["drawn"] < least or plot["tall"] < 4 or plot["outside"] or plot["width"] < 200 or plot["text"] < 8 or plot["fills"] < {"stages": 4, "room": 3, "commits": 3}.get(name, 1):
                bad.append(f"{view}: {name}: {plot}")
        print(f"{view}: {sum(p['drawn'] for p in told['plots'].values())} marks drawn in {len(told['plots'])} plots, ground {told['ground']}, ink {told['ink']}")
    if len({grounds.get(v) for v in ("light", "dark")}) != 2:
        bad.append(f"light and dark look alike: {grounds}")
    if o.keep:
        os.makedirs(o.keep, exist_ok=True)
        for name in os.listdir(work):
            if name.endswith((".png", ".html")):
                shutil.copy(f"{work}/{name}", o.keep)
    shutil.rmtree(work)
    for line in bad:
        print(f"FAILED: {line}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
