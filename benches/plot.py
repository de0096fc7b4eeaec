"""Draws what `cargo bench -p benches --bench scale` printed, as docs/scale.svg.

    cargo bench -p benches --bench scale 10000000 | python3 benches/plot.py > docs/scale.svg
"""

import math
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 720, 250, 70, 34, 60
# The first and the last power of ten of the axis.
FIRST, LAST = 4, 7


def rows():
    for line in sys.stdin:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0].isdigit():
            yield [int(cell) for cell in cells[:3]]


def chart(points, title, top):
    """One line over the number of commands, its axis from zero."""
    highest = max(value for _, value in points)
    step = 10 ** math.floor(math.log10(highest))
    step = next(size for size in (step / 5, step / 2, step, 2 * step) if highest / size <= 6)
    peak = math.ceil(highest / step) * step

    def at(commands, value):
        along = (math.log10(commands) - FIRST) / (LAST - FIRST)
        return LEFT + along * WIDTH, top + HEIGHT - value / peak * HEIGHT

    yield f'<text x="{LEFT}" y="{top - 12}" font-weight="bold">{title}</text>'
    for number in range(round(peak / step) + 1):
        x, y = at(10 ** FIRST, number * step)
        yield f'<line x1="{x}" y1="{y:.1f}" x2="{x + WIDTH}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{x - 8}" y="{y + 4:.1f}" text-anchor="end">{number * step:,.0f}</text>'
    for power in range(FIRST, LAST + 1):
        x, y = at(10 ** power, 0)
        yield f'<text x="{x:.1f}" y="{y + 20:.1f}" text-anchor="middle">{10 ** power:,}</text>'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
    yield f'<polyline points="{line}" fill="none" stroke="#1b6ca8" stroke-width="2"/>'
    for point in points:
        x, y = at(*point)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1b6ca8"/>'


def main():
    found = list(rows())
    height = 2 * (TOP + HEIGHT + GAP)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 60}" height="{height}" '
          'font-family="sans-serif" font-size="12">')
    print('<rect width="100%" height="100%" fill="white"/>')
    titles = ["Nanoseconds a command, the last tenth", "Bytes of memory a command"]
    for place, title in enumerate(titles):
        points = [(row[0], row[place + 1]) for row in found]
        for line in chart(points, title, TOP + place * (TOP + HEIGHT + GAP)):
            print(line)
    print("</svg>")


if __name__ == "__main__":
    main()
