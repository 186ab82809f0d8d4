# SPDX-License-Identifier: MIT
"""One turn of one peer: a process, its lines, its figures."""
import json
import os
import select
import signal
import subprocess

from .rows import FILE_MIB

LIMIT = 300     # seconds until a process counts as hung


class Failed(Exception):
    pass


class Settings:
    """Where things are, and how much is done."""

    def __init__(self, build, quick, path):
        self.build = build
        self.quick = quick
        self.path = path
        cpus = sorted(os.sched_getaffinity(0))
        self.all = set(cpus)
        self.server = {cpus[0]}
        self.client = {cpus[min(1, len(cpus) - 1)]}

    def program(self, name):
        return os.path.join(self.build, 'bench', name)

    def example(self, name):
        return os.path.join(self.build, 'examples', name)


def on(cpus):
    return lambda: os.sched_setaffinity(0, cpus)


def text_of(command, cpus):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True,
                              timeout=LIMIT, preexec_fn=on(cpus), check=False)
    except subprocess.TimeoutExpired as e:
        raise Failed('no end after %d s' % LIMIT) from e
    except OSError as e:
        raise Failed(str(e)) from e
    if done.returncode:
        said = (done.stderr or done.stdout).strip().split('\n')[-1]
        raise Failed('exit code %d: %s' % (done.returncode, said))
    return done.stdout


def lines_of(text):
    figures = {}
    for line in text.split('\n'):
        part = line.split('\t')
        if len(part) == 3:
            figures[part[0]] = float(part[1])
    if not figures:
        raise Failed('no figures')
    return figures


def bench_figures(s, row, bench, impl):
    command = [s.program('oa-bench'), '-f', 'json', '-r', '1', '--whole',
               '-w', str(row.workers), '--limit=%d' % LIMIT, '--impl=' + impl]
    if row.workers > 1 and 'pinned' not in bench.settings:
        command.append('--unpinned')
    if s.quick:
        command.append('--time=1')
    command += bench.args
    if s.quick and bench.count:
        command += [bench.count, str(row.quick)]
    cpus = s.client if row.workers == 1 else s.all
    figures = {}
    for line in text_of(command, cpus).split('\n'):
        if not line.startswith('{'):
            continue
        one = json.loads(line)
        if one['metric'] in bench.metrics and one['median'] is not None:
            name, times = bench.metrics[one['metric']]
            figures[name] = one['median'] * times
    if len(figures) != len(bench.metrics):
        raise Failed('oa-bench %s tells other metrics' % ' '.join(bench.args))
    return figures


def by_bench(s, row, impl):
    figures = {}
    for bench in row.ours:
        figures.update(bench_figures(s, row, bench, impl))
    return figures


def process(s, row, program, more):
    command = [program, row.work, '--workers=%d' % row.workers]
    command += more
    if row.work == 'file':
        command.append('--path=' + s.path)
    # the first of two options of one name holds
    if s.quick:
        command.append('--%s=%d' % (row.count, row.quick))
    command += row.args
    figures = lines_of(text_of(command,
                               s.client if row.workers == 1 else s.all))
    for m in row.metrics:
        if m.beside:
            figures[m.name] = figures[m.beside]
    return figures


def fio(s, row, program):
    command = [program, '--name=versus', '--readonly', '--rw=randread',
               '--bs=4k', '--filename=' + s.path, '--size=%dm' % FILE_MIB,
               '--ioengine=io_uring', '--iodepth=64', '--direct=1',
               '--registerfiles=1', '--fixedbufs=1', '--norandommap=1',
               '--number_ios=%d' % (row.quick if s.quick else 50000),
               '--output-format=json']
    text = text_of(command, s.client if row.workers == 1 else s.all)
    read = json.loads(text[text.index('{'):])['jobs'][0]['read']
    return {'read': 1e9 / read['iops']}


def port_of(server):
    ready, _, _ = select.select([server.stdout], [], [], 20)
    line = server.stdout.readline() if ready else ''
    if not line.startswith('port\t'):
        raise Failed('the server tells no port: %s' %
                     (line or server.stderr.readline()).strip())
    return line.split('\t')[1]


def served(s, row, program, more):
    command = [program, row.work, '--workers=%d' % row.workers] + more
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=on(s.server if row.pinned else s.all))
    try:
        load = [s.program('versus/versus-load'), row.load[0],
                '--port=' + port_of(server), '--pid=%d' % server.pid]
        if s.quick:
            load += ['--ms=20', '--warmup=5']
        load += row.load[1:]
        figures = lines_of(text_of(load, s.client if row.pinned else s.all))
        if server.poll() is not None:
            raise Failed('the server ended by itself')
        return figures
    finally:
        server.send_signal(signal.SIGKILL)
        server.communicate()


def turn(s, row, peer, program):
    """peer is None for ours."""
    if row.kind == 'server':
        if peer is None:
            program = s.program('versus/versus-oa')
        return served(s, row, program, peer.args if peer else [])
    if peer is None and row.ours is None:
        return process(s, row, s.program('versus/versus-oa'), [])
    if peer is None:
        return by_bench(s, row, 'oa')
    if peer.name == 'raw':
        return by_bench(s, row, row.raw)
    if peer.family == 'fio':
        return fio(s, row, program)
    return process(s, row, program, peer.args)


def make_file(path, blocks):
    """Each block of 4 KiB begins with its number."""
    with open(path, 'wb') as f:
        for i in range(blocks):
            f.write(i.to_bytes(8, 'little') + bytes(4088))
        f.flush()
        os.fsync(f.fileno())
