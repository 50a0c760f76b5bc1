"""Draws the main results of bench reports as SVG.

    plot.py FOLDER REPORT.json…

Writes one file per subject, without figures that the reports lack. Figures with a yardstick are drawn as ratios to it.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

INK, OURS, OTHERS, QUIET = "#1f2933", "#0f6fb3", "#9aa5b1", "#d9dee3"
plt.rcParams |= {
    "svg.fonttype": "none",
    # Fixed, so that the same report gives the same bytes.
    "svg.hashsalt": "catchwater",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


class Report:
    """Figures of several reports. If several have a figure, the last report counts."""

    def __init__(self, paths):
        reports = [json.loads(Path(path).read_text()) for path in paths]
        self.machine = reports[-1]["machine"]
        self.results = {result["name"]: result for report in reports for result in report["results"]}

    def has(self, *names):
        return all(name in self.results for name in names)

    def value(self, name):
        return self.results[name]["value"]

    def ratio(self, name):
        return self.results[name].get("ratio") or {"median": 1.0, "low": 1.0, "high": 1.0}


def save(figure, folder, name, report):
    machine = report.machine
    figure.text(
        0.01, 0.01, f"{machine['processor']}, {machine['cores']} cores, {machine['revision']}", fontsize=7, color=OTHERS
    )
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    print(folder / f"{name}.svg")


def bars(axes, labels, spreads, ours, form="{:.2f}"):
    """Draws horizontal bars with quartiles as whiskers and the median as text."""
    medians = [spread["median"] for spread in spreads]
    whiskers = [
        [spread["median"] - spread["low"] for spread in spreads],
        [spread["high"] - spread["median"] for spread in spreads],
    ]
    colours = [OURS if label in ours else OTHERS for label in labels]
    places = range(len(labels))
    axes.barh(places, medians, color=colours, height=0.62)
    axes.errorbar(medians, places, xerr=whiskers, fmt="none", ecolor=INK, elinewidth=0.8, capsize=2)
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    room = max(spread["high"] for spread in spreads)
    axes.set_xlim(0, room * 1.16)
    for place, spread in zip(places, spreads):
        axes.text(spread["high"] + room * 0.015, place, form.format(spread["median"]), va="center", fontsize=9)


def parse(report, folder):
    shapes = [shape for shape in ("small", "typical", "large", "corpus") if report.has(f"rivals/parse/{shape}/json/ours")]
    if not shapes:
        return
    figure, all_axes = plt.subplots(1, len(shapes), figsize=(3.1 * len(shapes) + 1, 2.9))
    for number, (axes, shape) in enumerate(zip(all_axes if len(shapes) > 1 else [all_axes], shapes)):
        group = f"rivals/parse/{shape}/json/"
        names = [name for name in report.results if name.startswith(group)]
        labels = [name.removeprefix(group) for name in names]
        labels = ["simd-json tape" if label == "tape" else label for label in labels]
        bars(axes, labels, [report.value(name) for name in names], {"ours"})
        if number:
            axes.set_yticklabels([])
        axes.set_title(shape, loc="left", fontsize=10)
        axes.set_xlabel("CPU µs per event")
    figure.suptitle("Parsing a body: ours reads all leaves, rivals the facts and the target", x=0.01, ha="left", fontsize=11)
    save(figure, folder, "parse", report)


def to_parquet(report, folder):
    group = "rivals/to_parquet/typical/"
    names = [name for name in report.results if name.startswith(group) and "size of" not in name]
    if not names:
        return
    labels = [name.removeprefix(group) for name in names]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 2.9))
    bars(left, labels, [report.value(name) for name in names], {"ours"}, "{:.1f}")
    left.set_xlabel("CPU µs per event, one core")
    bars(right, labels, [report.value(f"{group}size of {label}") for label in labels], {"ours"}, "{:.0f}")
    right.set_xlabel("bytes per event, zstd 1")
    right.set_yticklabels([])
    figure.suptitle("JSON to Parquet, typical events of one table; polars and pyarrow omit the attributes", x=0.01, ha="left", fontsize=11)
    save(figure, folder, "to_parquet", report)


def receive(report, folder):
    group = "rivals/receive/typical/"
    names = [name for name in report.results if name.startswith(group)]
    if len(names) < 2:
        return
    figure, axes = plt.subplots(figsize=(8, 2.2))
    bars(axes, [name.removeprefix(group) for name in names], [report.value(name) for name in names], {"ours"}, "{:.1f}")
    axes.set_xlabel("CPU µs per event, over TCP from a filled hub")
    axes.set_title("Receiving typical events", loc="left", fontsize=11)
    save(figure, folder, "receive", report)


def stages(report, folder):
    shapes = [shape for shape in ("small", "typical", "large", "mixed", "corpus") if report.has(f"whole/{shape}/json/ours")]
    parts = [("parse", "parse/{}/json/ours"), ("columns", "columns/{}/json/columns"), ("encode", "encode/{}/json/row groups and files")]
    shapes = [shape for shape in shapes if report.has(*(name.format(shape) for _, name in parts))]
    if not shapes:
        return
    figure, axes = plt.subplots(figsize=(8, 3))
    begins = [0.0] * len(shapes)
    for (label, name), colour in zip(parts, ("#0f6fb3", "#58a6d6", "#b5d6ea")):
        values = [report.ratio(name.format(shape))["median"] for shape in shapes]
        axes.barh(shapes, values, left=begins, color=colour, height=0.62, label=label)
        begins = [begin + value for begin, value in zip(begins, values)]
    wholes = [report.ratio(f"whole/{shape}/json/ours")["median"] for shape in shapes]
    axes.scatter(wholes, shapes, marker="|", s=220, color=INK, label="measured in sequence", zorder=3)
    axes.axvline(1, color=INK, linewidth=0.8, linestyle=":")
    axes.invert_yaxis()
    axes.set_xlabel("multiple of simd-json's tape of the same bodies (dotted)")
    axes.set_title("Body to Parquet, on one core", loc="left", fontsize=11, pad=22)
    axes.legend(frameon=False, fontsize=8, ncol=4, loc="lower left", bbox_to_anchor=(-0.01, 1.0))
    save(figure, folder, "stages", report)


def end_to_end(report, folder):
    cases = [
        (f"{size}, {cores}", f"end_to_end/size/{size}/json/{cores}/run")
        for cores in ("one core", "all cores")
        for size in ("small", "typical", "large", "mixed")
    ]
    cases = [(label, name) for label, name in cases if report.has(name)]
    if not cases:
        return
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
    labels = [label for label, _ in cases]
    bars(left, labels, [report.value(name) for _, name in cases], set(labels))
    left.set_xlabel("CPU seconds per million events")
    rates = [report.value(name.removesuffix("run") + "rate") for _, name in cases]
    rates = [{key: value / 1e3 for key, value in rate.items()} for rate in rates]
    bars(right, labels, rates, set(labels), "{:.0f}")
    right.set_yticklabels([])
    right.set_xlabel("thousand events per second")
    figure.suptitle("catchwater run: from a hub on another core to files on disk", x=0.01, ha="left", fontsize=11)
    save(figure, folder, "end_to_end", report)


def growth(report, folder):
    subjects = [
        ("partitions", [1, 4, 32], "one core", "partitions"),
        ("tables", [1, 10, 50], "one core", "tables"),
        ("lanes", [1, 2, 4, 8], "all cores", "lanes on all cores"),
        ("columns", [1, 10, 100, 1000], "one core", "columns"),
        ("body", ["1 KB", "10 KB", "100 KB", "1 MB"], "one core", "body size"),
    ]
    drawn = []
    for subject, sizes, cores, title in subjects:
        names = [(size, f"end_to_end/{subject}/{size}/{cores}/run") for size in sizes]
        names = [(size, name) for size, name in names if report.has(name)]
        if names:
            drawn.append((subject, title, names))
    if not drawn:
        return
    figure, all_axes = plt.subplots(1, len(drawn), figsize=(2.5 * len(drawn) + 0.6, 2.8))
    for axes, (subject, title, names) in zip(all_axes if len(drawn) > 1 else [all_axes], drawn):
        # Where bodies grow, the cost per byte should stay flat.
        by_byte = subject in ("columns", "body")
        def cost(name, key):
            result = report.results[name]
            if not by_byte:
                return result["value"][key]
            bytes_per_event = result["mb_per_s"] * result["value"]["median"]
            return result["value"][key] / bytes_per_event * 1000
        labels = [str(size) for size, _ in names]
        medians = [cost(name, "median") for _, name in names]
        whiskers = [
            [median - cost(name, "low") for median, (_, name) in zip(medians, names)],
            [cost(name, "high") - median for median, (_, name) in zip(medians, names)],
        ]
        axes.errorbar(labels, medians, yerr=whiskers, color=OURS, marker="o", markersize=4, capsize=2, linewidth=1.4)
        axes.set_ylim(0, max(medians) * 1.3)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_ylabel("CPU µs per KB" if by_byte else "CPU µs per event", fontsize=8)
    figure.suptitle("Cost by number of partitions, tables, lanes and columns, and by body size", x=0.01, ha="left", fontsize=11)
    save(figure, folder, "growth", report)


def main():
    folder, report = Path(sys.argv[1]), Report(sys.argv[2:])
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (parse, to_parquet, receive, stages, end_to_end, growth):
        draw(report, folder)


main()
