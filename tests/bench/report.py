# SPDX-License-Identifier: Apache-2.0
"""What `make bench` has measured as a page and two plots.

    report.py DATA FACTS OUT

DATA: a line for each row of each table: table, name, unit, then the values or `!` and why there are none,
between tabs; rows of one name are put together. FACTS: `kind<TAB>name<TAB>text`. OUT gets benchmarks.md and
benchmarks/*.svg.
"""
import math
import os
import sys

from plot import number, plot

END = "From the request to the known end of a program"
FIRST = "From the request to a program's first instruction"
MEMORY = "By the memory of the program that starts"
SLEEPING = "A sleeping task"
ECHO = "A message and its echo"
ONE_WAY = "Messages of 64 B, one way"
OUTPUT = "Output streamed to the parent"
NAMES = ["posix_spawn", "crib, prepared", "crib, cold", "cribd, prepared", "cribd, cold", "bubblewrap", "crib run", "runc",
         "firejail", "crun", "Node, spawn"]
CROWD = 32  # at once, of the aims
SAME = 1.05  # "no slower": what two runs of the same differ by


class Data:
    def __init__(self, path):
        self.tables = {}
        for line in open(path, encoding="utf-8"):
            table, name, unit, text = line.rstrip("\n").split("\t")
            row = self.tables.setdefault(table, {}).setdefault(name, {"unit": unit, "values": [], "why": None})
            if text.startswith("!"):
                row["why"] = text[1:]
            else:
                row["values"] += map(float, text.split())
        for rows in self.tables.values():
            for row in rows.values():
                row["values"].sort()

    def at(self, table, name, part=0.5):
        """The value below which so many of them lie; None: not measured."""
        row = self.tables.get(table, {}).get(name)
        if not row or row["why"] or not row["values"]:
            return None
        return row["values"][min(len(row["values"]) - 1, int(part * len(row["values"])))]

    def ratio(self, table, name, to, part=0.5, to_part=0.5):
        a, b = self.at(table, name, part), self.at(table, to, to_part)
        return a / b if a is not None and b else None


def ended(level):
    return f"{level} at once: ended"


def times(level):
    return f"{level} at once: from the request to the known end"


def beyond(all_of_it, program):
    """No difference at all: so few tasks that the kernel's numbers have not moved."""
    return all_of_it - program if all_of_it and program else None


def aims(data):
    """(what, aim, unit, bound, at most?, measured)"""
    best = "crib, prepared" if data.at(ended(CROWD), "crib, prepared") else "crib, cold"
    small, large = [
        next((n for n in data.tables.get(MEMORY, {}) if n.startswith("crib, cold, ") and pick(n)), None)
        for pick in (lambda n: n.endswith(" 4 MiB"), lambda n: not n.endswith(" 4 MiB"))
    ]
    all_of_it = data.at(SLEEPING, "all of it, the kernel's part too")
    program = data.at(SLEEPING, "of it the program, as of posix_spawn")
    ways = [data.at(ONE_WAY, "to the child, crib"), data.at(ONE_WAY, "to the parent, crib")]

    def grown(way):
        if not small or not large:
            return None
        return data.ratio(MEMORY, large.replace("crib, cold", way), small.replace("crib, cold", way))

    return [
        ("cold, request → result, to `posix_spawn`", "×", 4, True, data.ratio(END, "crib, cold", "posix_spawn")),
        ("the same until nothing is left of it, to bubblewrap", "×", 0.5, True, data.ratio(END, "crib, cold, all gone", "bubblewrap")),
        ("a new process `crib run`, to a new process `bwrap`", "×", 0.5, True, data.ratio(END, "crib run", "bubblewrap")),
        ("prepared, request → first instruction, to `posix_spawn`", "×", 1.0, True, data.ratio(FIRST, "crib, prepared", "posix_spawn")),
        ("prepared, request → result, to `posix_spawn`", "×", 1.2, True, data.ratio(END, "crib, prepared", "posix_spawn")),
        ("prepared, through cribd, request → result, to `posix_spawn`", "×", 1.5, True, data.ratio(END, "cribd, prepared", "posix_spawn")),
        (f"{CROWD} at once, tasks a second ({best}), to bubblewrap", "×", 5, False, data.ratio(ended(CROWD), best, "bubblewrap")),
        (f"{CROWD} at once, tasks a second ({best}), to `posix_spawn`", "×", 0.5, False, data.ratio(ended(CROWD), best, "posix_spawn")),
        (f"{CROWD} at once, prepared, 99th percentile to median", "×", 4, True, data.ratio(times(CROWD), "crib, prepared", "crib, prepared", 0.99)),
        (f"cold, {(large or '? MiB').split(', ')[-1]} resident in the parent, to 4 MiB", "×", SAME, True, grown("crib, cold")),
        ("the same, prepared", "×", SAME, True, grown("crib, prepared")),
        ("one sleeping task beyond its program, all in", " KiB", 300, True, beyond(all_of_it, program)),
        ("tasks alive at once", "", 5000, False, data.at(SLEEPING, "at most alive")),
        ("messages of 64 B, one way, the slower direction", ",000/s", 400, False, None if None in ways else min(ways)),
        ("message of 64 B and its echo, to a bare socketpair", "×", 1.3, True, data.ratio(ECHO, "64 B, crib", "64 B, socketpair")),
        ("1 GiB of stdout, to a bare pipe", "×", 0.9, False, data.ratio(OUTPUT, "crib, spawn", "bare pipe")),
        ("ten times as many tasks, time", "×", 11, True, data.at(SLEEPING, "ten times as many, time")),
    ]


def aims_table(data):
    out = ["| what | aim | measured | |", "|---|---|---|---|"]
    for what, unit, bound, at_most, value in aims(data):
        aim = f"{'≤' if at_most else '≥'} {number(bound)}{unit}"
        if value is None:
            out.append(f"| {what} | {aim} | not measured | |")
            continue
        met = value <= bound if at_most else value >= bound
        out.append(f"| {what} | {aim} | {number(value)}{unit} | {'met' if met else '**not met**'} |")
    return out


def base(table, rows, name):
    """What a row's ratio is to: the first row, of its size or direction where there are several."""
    part = {ECHO: 0, ONE_WAY: 0, MEMORY: -2}.get(table)

    def group(row):
        return row.rsplit(", ", 1)[0] if part == -2 else row.split(", ")[0] if part == 0 else ""

    return next((row for row in rows if group(row) == group(name) and "Node" not in row and rows[row]["values"]), None)


def figures(data, table):
    rows = data.tables[table]
    many = table != SLEEPING and any(len(row["values"]) > 1 for row in rows.values())
    units = {row["unit"] for row in rows.values()}
    out = ["", f"### {table}" + (f", {units.pop()}" if len(units) == 1 else ""), ""]
    if many:
        out += ["| | minimum | median | 90 % | 99 % | ratio of medians | runs |", "|---|--:|--:|--:|--:|--:|--:|"]
    else:
        out += ["| | |", "|---|--:|"]
    for name, row in sorted(rows.items(), key=lambda item: "Node" in item[0]):
        if row["why"] or not row["values"]:
            out.append(f"| {name} | not measured{': ' + row['why'] if row['why'] else ''} |" + (" | | | | |" if many else ""))
        elif many:
            parts = " | ".join(number(data.at(table, name, part)) for part in (0, 0.5, 0.9, 0.99))
            ratio = data.ratio(table, name, base(table, rows, name))
            out.append(f"| {name} | {parts} | {'' if ratio is None else number(ratio)} | {len(row['values'])} |")
        else:
            out.append(f"| {name} | {number(data.at(table, name))} {row['unit']} |")
    return out


def plot_latency(data, path):
    """Percentiles, with the same room from 0 to 90 as from 90 to 99."""
    end = 0.99

    def place(part):
        return math.log10(1 - part) / math.log10(1 - end)

    lines = []
    for name in data.tables.get(END, {}):
        median = data.at(END, name)
        if median is None or name.endswith("all gone") or "shell" in name or ", policy" in name:
            continue
        points = [(place(i / 200), data.at(END, name, i / 200) / 1e3) for i in range(0, int(200 * end) + 1)]
        lines.append((median, name, f"median {number(median / 1e3)} ms", points))
    ticks = [(place(part / 100), f"{part}" if part else "fastest") for part in (0, 50, 75, 90, 95, 99)]
    plot(path, "A static program that does nothing: request to known end", "percentile", "milliseconds (logarithmic)",
         ticks, [line[1:] for line in sorted(lines)], NAMES)


def plot_throughput(data, path):
    levels = sorted(int(table.split()[0]) for table in data.tables if table.endswith("at once: ended"))
    top = math.log2(levels[-1]) or 1
    lines = []
    for name in data.tables[ended(levels[0])]:
        points = [(math.log2(level) / top, data.at(ended(level), name)) for level in levels]
        if any(y is None for _, y in points):
            continue
        most = max(y for _, y in points)
        lines.append((-most, name, f"at most {number(most)} a second", points))
    plot(path, "Programs run to their end", "at once", "a second (logarithmic)",
         [(math.log2(level) / top, str(level)) for level in levels], [line[1:] for line in sorted(lines)], NAMES, dots=True)


def page(data, facts):
    def of(kind):
        return [(name, text) for what, name, text in facts if what == kind]

    out = ["# Benchmarks", "", "Written by `make bench`; every figure is of one run, in which all ways took turns. "
           "*Cold*: a sandbox made for the start. *Prepared*: one that had been made before, used once. *cribd*: the same "
           "through the daemon. Times are of a static program that does nothing; ratios are of medians.", "",
           "## Aims", ""]
    out += aims_table(data)
    out += ["", "![percentiles of the time from request to known end](benchmarks/latency.svg)", "",
            "![programs a second against how many at once](benchmarks/throughput.svg)", "",
            "## The machine", "", "| | |", "|---|---|"]
    out += [f"| {name} | {text} |" for name, text in of("machine")]
    out += ["", "## Versions", "", "| | |", "|---|---|"]
    out += [f"| {name} | {text} |" for name, text in of("version")]
    out += ["", "## How to repeat it", "",
            "`make bench` on a machine that does nothing else, as root for all rows. `CRIB_BENCH_OUT=DIR` writes elsewhere, "
            "`CRIB_BENCH_QUICK=1` takes few rounds and shows only that it runs. `scripts/bench.sh cluster` measures "
            "[clusters](cluster.md), `scripts/bench.sh limits` limits, `scripts/bench.sh daemon` what a daemon costs.", "",
            "Rows of single starts that say *prepared* begin when a sandbox waits, and so tell the time with one; under cribd, after "
            "a pause in which one can be made. Under load nobody waits: who finds none has his own made.", "",
            "## Equal walls", "",
            "All are asked for what crib's policy `default` gives: new user, pid, mount, network, ipc, uts and cgroup namespaces, "
            "a root with a read-only `/usr`, private `/proc`, `/dev` and `/tmp`, no capabilities, no new privileges, the system calls "
            "of that policy. `DIR` is the bench's own directory.", ""]
    for name, text in of("flags"):
        out += [f"**{name}**", "", "```text", text, "```", ""]
        out += [f"{text}\n" for peer, text in of("differs") if peer == name]
    out += ["## All figures"]
    for table in data.tables:
        out += figures(data, table)
    return "\n".join(out) + "\n"


def main():
    data, out = Data(sys.argv[1]), sys.argv[3]
    with open(sys.argv[2], encoding="utf-8") as file:
        facts = [line.rstrip("\n").split("\t", 2) for line in file]
    os.makedirs(f"{out}/benchmarks", exist_ok=True)
    plot_latency(data, f"{out}/benchmarks/latency.svg")
    plot_throughput(data, f"{out}/benchmarks/throughput.svg")
    with open(f"{out}/benchmarks.md", "w", encoding="utf-8") as file:
        file.write(page(data, facts))
    print("\n".join(aims_table(data)))


main()
