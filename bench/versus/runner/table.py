# SPDX-License-Identifier: MIT
"""RESULTS.md: ratios and marks first, then every figure."""
from .figures import Figures, decided_by, verdict
from .peers import BY_NAME
from .rows import NOTES

QUICK = '**Made with QUICK: counts too small to tell anything.**'
VERDICT = {True: 'yes', False: '**no**', None: ''}


def figure(v):
    if v is None:
        return '–'
    if abs(v) >= 1000:
        return format(round(v), ',')
    return '%.1f' % v if abs(v) >= 100 else '%.3g' % v


def line(cells):
    return '| ' + ' | '.join(cells) + ' |'


def heading(cells):
    return [line(cells), '|' + '---|' * len(cells)]


def summary_line(row, metric, samples):
    f = Figures(row, metric, samples)
    best, lead, mark = f.best(), f.lead(), metric.mark
    met, by = verdict(row, metric, samples)
    told = VERDICT[met] + (by if met is not None else '')
    if f.ours() is None:
        told = '**failed**'
    times = '–' if lead is None else '%.2f' % lead
    if lead is not None and lead < 1:
        times = '**%s**' % times
    return line([
        row.title, f.metric.title, times,
        '%s %s' % (figure(f.ours()), f.metric.unit),
        '%s: %s' % (f.title(best), figure(f.of(best))) if best else '–',
        mark.text if mark else '', told])


def summary(results):
    out = heading(['row', 'figure', 'times the best', 'liboa',
                   'best of the others', 'mark', 'met'])
    for row, entry in results:
        for metric in row.metrics:
            f = Figures(row, metric, entry['samples'])
            # others alone: ours failed, unless it has no such figure
            if not metric.info and (
                    f.ours() is not None or
                    (f.others() and 'oa' in entry['failed'])):
                out.append(summary_line(row, metric, entry['samples']))
    return out


def cell(f, name):
    v, span = f.of(name), f.span(name)
    if v is None:
        return '–'
    return '%s (%s–%s)' % (figure(v), figure(span[0]), figure(span[1]))


def row_table(row, entry):
    all_of = [Figures(row, m, entry['samples']) for m in row.metrics]
    all_of = [f for f in all_of
              if f.ours() is not None or f.others()]
    names = ['oa'] + (all_of[0].others() if all_of else [])
    names += [n for n in entry['samples'] if n not in names]
    out = ['', '### ' + row.title, '',
           '`%s`, %d turns, at %s, %s' % (row.key, entry['turns'],
                                          entry['commit'], entry['date']), '']
    out += heading([''] + ['%s, %s' % (f.metric.title, f.metric.unit)
                           for f in all_of])
    for name in names:
        if any(f.of(name) is not None for f in all_of):
            out.append(line([Figures.title(name)] +
                            [cell(f, name) for f in all_of]))
    for name in names:
        if (name, row.work) in NOTES:
            out += ['', '%s: %s.' % (Figures.title(name),
                                     NOTES[name, row.work])]
    for name, why in sorted(entry.get('failed', {}).items()):
        out += ['', '%s failed in %d of the turns: %s' %
                (Figures.title(name), why['times'], why['last'])]
    return out


def client_notes(results):
    titles = []
    for row, entry in results:
        those = [m for m in row.metrics if m.decided]
        by_cpu = [m.title for m in those
                  if decided_by(row, m, entry['samples'])]
        if by_cpu:
            titles.append(row.title if len(those) == len(by_cpu) else
                          '%s (%s)' % (row.title, ', '.join(by_cpu)))
    if not titles:
        return []
    return ['', 'The client was busy for more than 95 % of the time, so CPU '
            'for each request decides: ' + '; '.join(titles) + '.']


def who_has_what(rows):
    names = [p for p in BY_NAME if any(p in r.peers for r in rows)]
    out = ['', '## Who does what', ''] + heading(
        [''] + [BY_NAME[n].title for n in names])
    for r in rows:
        out.append(line([r.title] +
                        ['x' if n in r.peers else '' for n in names]))
    return out


def markdown(data, rows, charts):
    results = [(r, data['rows'][r.key]) for r in rows
               if r.key in data['rows']]
    commits = sorted({e['commit'] for _, e in results})
    out = ['<!-- SPDX-License-Identifier: MIT -->',
           '# liboa and the others, side by side', '',
           'Made by `make versus`; [README.md](README.md) says how. Measured '
           'at %s. Medians of turns taken one after the other; a ratio is the '
           'median of those of single turns, above 1 where liboa is ahead, '
           'bold where it is not.' % (', '.join(commits) or '–'), '']
    out += ['- %s: %s' % kv for kv in data['environment'].items()]
    out += ['- %s: %s' % (k, v) for k, v in sorted(data['versions'].items())]
    out += ['- left out: ' + w for w in data['left_out']]
    if any(e['quick'] for _, e in results):
        out += ['', QUICK]
    out += [''] + summary(results) + client_notes(results)
    out += ['', '## Charts', ''] if charts else []
    out += ['![%s](%s)' % (name, name + '.svg') for name in charts]
    out += ['', '## All figures', '',
            'Median (least–most) of the turns.']
    for row, entry in results:
        out += row_table(row, entry)
    out += who_has_what(rows)
    return '\n'.join(out) + '\n'
