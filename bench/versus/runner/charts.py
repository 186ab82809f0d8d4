# SPDX-License-Identifier: MIT
"""A chart for each group of rows, drawn by gnuplot: how dear the others are
beside ours, on a logarithmic scale."""
import os
import re
import shutil
import subprocess
import textwrap

from .figures import Figures
from .peers import BY_NAME

COLOURS = ['#0b5394', '#e69138', '#6aa84f', '#a64d79', '#cc0000', '#45818e',
           '#7f6000', '#674ea7', '#999999', '#3d85c6', '#b45f06', '#38761d',
           '#741b47', '#222222', '#38c0c8', '#f1c232', '#e06666']


def bars(results, group):
    """(title of the row, {peer: times}) by the first metrics of each row."""
    out = []
    for row, entry in results:
        if row.group != group:
            continue
        for metric in row.metrics[:row.charted]:
            f = Figures(row, metric, entry['samples'])
            times = {n: 1 / f.cost_ratio(n) for n in f.others()
                     if f.cost_ratio(n)}
            if times:
                out.append(('%s: %s' % (row.title, metric.title), times))
    return out


def quoted(s):
    return '"%s"' % s.replace('\\', '').replace('"', '')


def label(title):
    return '"%s"' % '\\n'.join(textwrap.wrap(title.replace('"', ''), 34))


def scale(rows):
    """From, to, and the tics of a logarithmic axis that holds them all."""
    all_of = [v for _, times in rows for v in times.values()] + [1]
    low, high = min(all_of) / 1.1, max(all_of) * 1.1
    if high / low > 100:
        tics = [10 ** e for e in range(-6, 7)]
    elif high / low > 4:
        tics = [m * 10 ** e for e in range(-6, 7) for m in (1, 2, 5)]
    else:
        tics = [.5, .6, .7, .8, .9, 1, 1.1, 1.2, 1.3, 1.5, 1.75, 2, 2.5, 3, 4]
    return low, high, ', '.join('"%g" %g' % (t, t) for t in tics
                                if low <= t <= high)


def script(rows, peers, data, svg):
    bars_of = sum(len(t) + 2 for _, t in rows)
    low, high, xtics = scale(rows)
    ytics = ', '.join('%s %g' % (label(title), at)
                      for title, at in centres(rows))
    lines = [
        'set terminal svg noenhanced size 1000,%d font "sans-serif,11" '
        'background "white"' % (90 + 13 * max(bars_of, 14)),
        'set output %s' % quoted(svg), 'set logscale x',
        'set grid x lc rgb "#dddddd"',
        'set key outside right top',
        'set title "times as dear as liboa: more than 1, liboa is ahead"',
        'set xrange [%g:%g]' % (low, high), 'set xtics (%s)' % xtics,
        'set yrange [%g:-1]' % bars_of, 'set ytics (%s)' % ytics,
        'set style fill solid noborder',
        'set arrow from 1,graph 0 to 1,graph 1 nohead lc rgb "#000000" front',
    ]
    plots = []
    for i, n in enumerate(peers):
        colour = COLOURS[list(BY_NAME).index(n) % len(COLOURS)]
        plots.append('%s index %d using 1:2:(($1 > 1) ? 1 : $1):'
                     '(($1 > 1) ? $1 : 1):($2-.45):($2+.45) '
                     'with boxxyerror lc rgb "%s" title %s'
                     % (quoted(data), i, colour, quoted(BY_NAME[n].title)))
    lines.append('plot ' + ', \\\n\t'.join(plots))
    return '\n'.join(lines) + '\n'


def centres(rows):
    at = 0
    for title, times in rows:
        yield title, at + (len(times) - 1) / 2
        at += len(times) + 2


def write_data(path, rows, peers):
    """A block for each peer: times, and the place of its bar."""
    with open(path, 'w', encoding='utf-8') as f:
        for n in peers:
            at = 0
            for _, times in rows:
                for k, who in enumerate(times):
                    if who == n:
                        f.write('%g %d\n' % (times[who], at + k))
                at += len(times) + 2
            f.write('\n\n')


def draw(results, out):
    """The names of the charts that there are now."""
    made = []
    if not shutil.which('gnuplot'):
        print('versus: no gnuplot, hence no charts')
        return made
    for group in dict.fromkeys(r.group for r, _ in results):
        rows = bars(results, group)
        peers = [p for p in BY_NAME if any(p in t for _, t in rows)]
        if not peers:
            continue
        data = os.path.join(out, group + '.dat')
        svg = os.path.join(out, group + '.svg')
        write_data(data, rows, peers)
        done = subprocess.run(['gnuplot'], text=True, check=False,
                              input=script(rows, peers, data, svg))
        os.unlink(data)
        if done.returncode == 0:
            sign(svg)
            made.append(group)
    return made


def sign(svg):
    with open(svg, encoding='utf-8') as f:
        text = f.read()
    # as every file of the tree: no blanks at the ends of lines
    text = re.sub(r'[ \t]+$', '', text, flags=re.M)
    head, rest = text.split('?>', 1)
    with open(svg, 'w', encoding='utf-8') as f:
        f.write(head + '?>\n<!-- SPDX-License-Identifier: MIT -->' +
                rest.rstrip('\n') + '\n')
