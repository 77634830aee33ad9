"""Install each label of `lanes` and of hnswlib from an index, measure it, and make a table and a plot.

    python measure.py SITE [HNSWLIB_SITE]

SITE is a folder that `vinstall index build` was run on.  Needs `vinstall` on the PATH and a
processor with AVX-512.  Processor time is measured, so that a busy machine matters little.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
LABELS = ("plain", "v1", "v2", "v3", "v4")
LEVELS = ("v1", "v2", "v3", "v4")
KERNELS = ("dot", "polynomial", "hamming", "nearest")
ROUNDS = 3
HOST = """[metadata]
created-by = "this tutorial"
version = "0.1"

[[provider]]
namespace = "x86_64"
resolved = ["x86-64-variant-provider==0.2.1"]

[provider.properties]
level = [{levels}]
"""


def run(command, **variables):
    """Standard output of `command`; the error is shown where it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def install(folder, index, label, *more):
    """Put one label below `folder`."""
    which = ["--no-variants"] if label == "plain" else ["--variant", label]
    command = ["vinstall", "install", "--quiet", "--python", sys.executable, "--target", folder]
    run([*command, "--index-url", index, *which, *more])


def measured(script, folder):
    """What `script` prints with the packages of `folder`, on one processor."""
    pin = ["taskset", "-c", "0"] if Path("/usr/bin/taskset").exists() else []
    return json.loads(run([*pin, sys.executable, HERE / script], PYTHONPATH=str(folder)))


def best_of(script, folders):
    """Label to figures: the best of several rounds through all labels, so that all share bad luck."""
    best = {}
    for _ in range(ROUNDS):
        for label, folder in folders.items():
            for name, value in measured(script, folder).items():
                old = best.setdefault(label, {}).get(name, value)
                best[label][name] = old if isinstance(value, str) else max(old, value)
    return best


def chosen(site, index, project, folder):
    """Level of a host to the wheel it would download, and its bytes."""
    found = {}
    for number, level in enumerate(LEVELS, 1):
        host = folder / f"{level}.toml"
        levels = ", ".join(f'"v{n}"' for n in range(number, 0, -1))
        host.write_text(HOST.format(levels=levels))
        command = ["vinstall", "install", "--quiet", "--dry-run", "--report", "-", "--no-deps"]
        command += ["--python", sys.executable, "--target", folder / "none"]
        report = json.loads(run([*command, "--host", host, "--index-url", index, project]))
        url = report["install"][0]["download_info"]["url"]
        wheel = site / url.rpartition("/")[2]
        found[level] = (wheel.name, wheel.stat().st_size)
    return found


def machine():
    """One line about the machine."""
    try:
        facts = Path("/proc/cpuinfo").read_text()
        model = re.search(r"model name\s*: (.*)", facts)[1]
    except (OSError, TypeError):
        model = "unknown processor"
    gcc = run(["gcc", "--version"]).splitlines()[0]
    return f"{model}, {os.cpu_count()} cores, {gcc}, Python {sys.version.split()[0]}"


def table(speeds, chosen_wheels):
    """The figures as Markdown."""
    lines = ["| label | " + " | ".join(KERNELS) + " |", "|---" * (len(KERNELS) + 1) + "|"]
    for label in LABELS:
        cells = []
        for kernel in KERNELS:
            rate, base = speeds[label][kernel], speeds["v1"][kernel]
            cells.append(f"{rate / 1e9:.1f} (×{rate / base:.1f})")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    lines += ["", "| host | wheel | bytes |", "|---|---|---|"]
    lines += [f"| {level} | `{name}` | {size:,} |" for level, (name, size) in chosen_wheels.items()]
    return "\n".join(lines)


def plot(speeds, queries):
    """Bars: each kernel and hnswlib, each label relative to v1; an SVG."""
    groups = [(kernel, {label: speeds[label][kernel] for label in LEVELS}) for kernel in KERNELS]
    if queries:
        groups.append(("hnswlib", {label: queries[label]["queries"] for label in LEVELS}))
    colours = dict(zip(LEVELS, ("#b8c4d6", "#8aa3c7", "#4f7cb8", "#1d4e89")))
    top = max(rate / rates["v1"] for _, rates in groups for rate in rates.values())
    scale, bar, left, base = 220 / top, 22, 50, 270
    width = left + len(groups) * (bar * 4 + 40) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 320" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="320" fill="white"/>',
        '<text x="10" y="20">speed, as a multiple of the v1 build</text>',
    ]
    for mark in range(1, int(top) + 1):
        y = base - mark * scale
        parts.append(f'<path d="M{left - 5} {y:.1f}H{width - 10}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{mark}</text>')
    for number, (name, rates) in enumerate(groups):
        x = left + 20 + number * (bar * 4 + 40)
        for place, label in enumerate(LEVELS):
            height = rates[label] / rates["v1"] * scale
            parts.append(
                f'<rect x="{x + place * bar}" y="{base - height:.1f}" width="{bar - 3}" '
                f'height="{height:.1f}" fill="{colours[label]}"/>'
            )
            parts.append(f'<text x="{x + place * bar + 2}" y="{base + 14}">{label}</text>')
        parts.append(f'<text x="{x + bar * 2}" y="{base + 32}" text-anchor="middle">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main():
    """Measure everything and print a table and write `speed.svg` beside this script."""
    sites = [Path(word).resolve() for word in sys.argv[1:3]]
    queries = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = (sites[0] / "simple").as_uri()
        for label in LABELS:
            install(folder / label, index, label, "lanes")
        speeds = best_of("speed.py", {label: folder / label for label in LABELS})
        wheels = chosen(sites[0], index, "lanes", folder)
        text = [machine() + ".", "", "Billion items per second, and times the v1 build:", ""]
        text += [table(speeds, wheels)]
        if len(sites) > 1:
            links = (sites[1] / "simple").as_uri()
            for label in LEVELS:
                install(folder / f"h{label}", links, label, "--no-deps", "hnswlib")
            queries = best_of("queries.py", {label: folder / f"h{label}" for label in LEVELS})
            text += ["", "| hnswlib | queries per second | |", "|---|---|---|"]
            base = queries["v1"]["queries"]
            for label in LEVELS:
                rate = queries[label]["queries"]
                text.append(f"| {label} | {rate:,.0f} | ×{rate / base:.2f} |")

    (HERE / "speed.svg").write_text(plot(speeds, queries))
    print("\n".join(text))


if __name__ == "__main__":
    main()
