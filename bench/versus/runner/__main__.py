# SPDX-License-Identifier: MIT
"""What `bench/versus/run` does once the programs are built.

usage: python3 -m runner BUILD OUT [REASON...]; the environment has N, ROW,
PEERS, QUICK and FRESH, each REASON says which peer could not be built.
Without arguments it only checks the environment, before anything is built.
"""
import json
import os
import shutil
import signal
import sys

from . import charts, clients, environment, measure, peers, rows, table


def listed(name):
    return [s for s in os.environ.get(name, '').split(',') if s]


def wanted_peers(build):
    """Programs by peer, and a line for each family that is not there."""
    want = listed('PEERS')
    programs, absent = {}, []
    for p in peers.PEERS:
        if want and p.family not in want and p.name not in want:
            continue
        program = p.program(build)
        if program:
            programs[p.name] = program
        elif p.family not in absent:
            absent.append(p.family)
    return programs, absent


def load(path):
    if os.environ.get('FRESH') or not os.path.exists(path):
        return {'rows': {}, 'versions': {}}
    with open(path, encoding='utf-8') as f:
        return json.load(f)


def save(path, data):
    with open(path + '.new', 'w', encoding='utf-8') as f:
        json.dump(data, f, indent=1)
    os.replace(path + '.new', path)


def note_failure(entry, name, why):
    f = entry['failed'].setdefault(name, {'times': 0, 'last': ''})
    f['times'] += 1
    f['last'] = why
    print('versus: %s: %s' % (name, why), file=sys.stderr)


def run_row(s, row, programs, turns):
    """A B A B: whatever drifts, drifts for all."""
    names = ['oa'] + [p for p in row.peers if p in programs]
    entry = {'turns': turns, 'commit': environment.commit(),
             'quick': s.quick,
             'date': environment.now(), 'failed': {},
             'samples': {n: [] for n in names}}
    for k in range(turns):
        print('versus: %s, turn %d of %d' % (row.key, k + 1, turns),
              file=sys.stderr)
        for n in names:
            peer = peers.BY_NAME.get(n)
            try:
                of = clients if row.kind == 'daemon' else measure
                got = of.turn(s, row, peer, programs.get(n))
            except (measure.Failed, ValueError, KeyError) as e:
                note_failure(entry, n, str(e))
                got = None
            entry['samples'][n].append(got)
    return entry


def write(data, out):
    all_rows = rows.all_rows()
    results = [(r, data['rows'][r.key]) for r in all_rows
               if r.key in data['rows']]
    made = charts.draw(results, out)
    path = os.path.join(out, 'RESULTS.md')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(table.markdown(data, all_rows, made))
    return path


def asked():
    """Rows and turns that are asked for, which are checked."""
    turns = int(os.environ.get('N') or 7)
    chosen, unknown = rows.chosen_rows(listed('ROW'))
    if unknown or turns < 1:
        sys.exit('versus: ROW: there is no ' + ', '.join(unknown)
                 if unknown else 'versus: N: at least one turn')
    unknown = [w for w in listed('PEERS')
               if w not in peers.FAMILIES and w not in peers.BY_NAME]
    if unknown:
        sys.exit('versus: PEERS: there is no ' + ', '.join(unknown))
    return chosen, turns


def can_run(build, row):
    return row.kind != 'daemon' or (
        shutil.which(row.client) and
        os.access(os.path.join(build, 'examples/oa-' + row.work), os.X_OK))


def without(build, chosen):
    """A line for each server that cannot be put under load here."""
    lines = []
    for r in chosen:
        if not can_run(build, r):
            lines.append('oa-%s: %s' % (
                r.work, 'not built' if shutil.which(r.client) else
                '%s is not installed' % r.client))
    return list(dict.fromkeys(lines))


def main(build, out, left_out):
    # servers are ended, folders removed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen, turns = asked()
    programs, absent = wanted_peers(build)
    # a reason is "FAMILY: WHY"
    left_out = [w for w in left_out if w.split(':')[0] in absent]
    for f in absent:
        if not any(w.startswith(f + ':') for w in left_out):
            left_out.append('%s: not installed' % f)
    left_out += without(build, chosen)
    chosen = [r for r in chosen if can_run(build, r)]
    for w in left_out:
        print('versus: left out: ' + w)
    os.makedirs(out, exist_ok=True)
    data_path = os.path.join(out, 'data.json')
    data = load(data_path)
    data['environment'] = environment.read()
    data['left_out'] = left_out
    there = dict.fromkeys(peers.BY_NAME[n].family for n in programs)
    data['versions'].update((f, peers.version(f, build)) for f in there)

    data['versions'].update((r.client, peers.client_version(r.client))
                            for r in chosen if r.kind == 'daemon')

    quick = bool(os.environ.get('QUICK'))
    path = os.path.join(os.environ.get('FILEDIR') or '/var/tmp',
                        'oa-versus.%d' % os.getpid())
    s = measure.Settings(build, quick, path)
    try:
        if any(r.work == 'file' for r in chosen):
            measure.make_file(path, (1 if quick else rows.FILE_MIB) * 256)
        for row in chosen:
            data['rows'][row.key] = run_row(s, row, programs, turns)
            save(data_path, data)
    finally:
        if os.path.exists(path):
            os.unlink(path)
    print('versus: ' + write(data, out))
    # a peer may fail: its row says so; ours may not
    return any('oa' in data['rows'][r.key]['failed'] for r in chosen)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        asked()
        sys.exit(0)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
