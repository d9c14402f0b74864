# SPDX-License-Identifier: Apache-2.0
"""Line plots as SVG, readable on a light and on a dark page."""
import math
from html import escape

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f", "#a6761d", "#b2182b"]
DASHES = ["", "7 3", "2 3"]
WIDTH, HEIGHT = 860, 470
LEFT, RIGHT, TOP, BOTTOM = 70, 245, 46, 58
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-size: 16px; font-weight: 600 }
  .small { font-size: 12px }
  .grid { stroke: #8888; stroke-width: .5 }
  .axis { stroke: #888; stroke-width: 1; fill: none }
  .line { stroke-width: 2.2; fill: none; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) { text { fill: #ddd } }
"""


def number(value):
    """As people write it: three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"


def decades(low, high):
    """1, 2, 5, 10 … around all values."""
    ticks = []
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        ticks += [step * 10.0**power for step in (1, 2, 5)]
    first = max(i for i, tick in enumerate(ticks) if tick <= low * 1.001)
    last = min([i for i, tick in enumerate(ticks) if tick >= high * 0.999] or [len(ticks) - 1])
    return ticks[first : last + 1]


def plot(path, title, x_label, y_label, x_ticks, lines, order, dots=False):
    """lines: (name, note, [(x, y)…]); x is where it lies, 0 to 1, as in x_ticks: (x, text); y is logarithmic.
    order: names, whose place gives the colour: the same in all plots."""
    values = [y for _, _, points in lines for _, y in points if y > 0]
    ticks = decades(min(values), max(values))
    low, high = math.log10(ticks[0]), math.log10(ticks[-1])
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at_x(x):
        return LEFT + x * (right - LEFT)

    def at_y(y):
        return bottom - (math.log10(y) - low) / ((high - low) or 1) * (bottom - TOP)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>',
    ]
    for tick in ticks:
        y = at_y(tick)
        out.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text class="small" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    for x, text in x_ticks:
        out.append(f'<line class="grid" x1="{at_x(x):.1f}" x2="{at_x(x):.1f}" y1="{TOP}" y2="{bottom}"/>')
        out.append(f'<text class="small" x="{at_x(x):.1f}" y="{bottom + 18}" text-anchor="middle">{escape(text)}</text>')
    out.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>')
    out.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_label)}</text>')
    middle = (TOP + bottom) / 2
    out.append(f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">{escape(y_label)}</text>')
    for i, (name, note, points) in enumerate(lines):
        known = order.index(name) if name in order else len(order) + i
        colour, dash = COLOURS[known % len(COLOURS)], DASHES[known // len(COLOURS) % len(DASHES)]
        points = [(at_x(x), at_y(y)) for x, y in points if y > 0]
        track = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        out.append(f'<polyline class="line" stroke="{colour}" stroke-dasharray="{dash}" points="{track}"/>')
        if dots:
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        y = TOP + 8 + i * 30
        out.append(f'<line class="line" stroke="{colour}" stroke-dasharray="{dash}" x1="{right + 16}" x2="{right + 42}" y1="{y}" y2="{y}"/>')
        out.append(f'<text x="{right + 50}" y="{y + 1}">{escape(name)}</text>')
        out.append(f'<text class="small" x="{right + 50}" y="{y + 14}" opacity=".75">{escape(note)}</text>')
    out.append("</svg>\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out))
