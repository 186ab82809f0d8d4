# SPDX-License-Identifier: MIT
"""wrk and redis-benchmark, and what their load costs the server."""
import csv
import os
import resource
import tempfile
import time

from . import daemons
from .measure import Failed, lines_of, text_of

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, '../load/wrk.lua')
KEYS = 100000


def clock_of(pid):
    """The CPU clock of another process: all its threads, ended ones too."""
    return (~pid << 3) | 2


def own_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def loaded(s, daemon, command):
    """What the client prints, and CPU seconds: the server's, its own."""
    clocks = [clock_of(p) for p in daemon.processes()]

    def now():
        return sum(map(time.clock_gettime, clocks)), own_children()
    before = now()
    text = text_of(command, s.client)
    try:
        after = now()
    except OSError as e:
        raise Failed('a process of the server is gone') from e
    daemon.check_alive()
    return text, after[0] - before[0], after[1] - before[1]


def wrk(s, row, daemon):
    command = ['wrk', '-t', '1', '-c', '64', '-s', SCRIPT]
    if not row.keep:
        command += ['-H', 'Connection: close']
    where = ['http://127.0.0.1:%d/%s' % (daemon.port, daemons.FILE)]
    if not s.quick:
        text_of(command + ['-d', '1s'] + where, s.client)
    text, server, client = loaded(
        s, daemon, command + ['-d', '1s' if s.quick else '3s'] + where)
    figures = lines_of(text)
    if figures['errors']:
        raise Failed('%d of the requests failed' % figures['errors'])
    done, seconds = figures['done'], figures['seconds']
    figures.update(requests=done / seconds, server_cpu=server * 1e9 / done,
                   server_busy=server / seconds,
                   client_busy=client / seconds)
    return figures


def redis_benchmark(s, row, daemon):
    def command(what, pipeline, count):
        return ['redis-benchmark', '-p', str(daemon.port), '-t', what,
                '-c', str(row.conns), '-P', str(pipeline), '--csv',
                '-r', str(KEYS), '-n', str(row.quick if s.quick else count)]

    # every key is there then, and the server warm
    text_of(command('set', 16, 16 * KEYS), s.client)
    count = 300000 if row.pipeline == 1 else 3000000
    figures = {}
    for what in 'set', 'get':
        asked = command(what, row.pipeline, count)
        text, server, client = loaded(s, daemon, asked)
        got = list(csv.DictReader(text.strip().split('\n')))
        if len(got) != 1 or got[0].get('test') != what.upper():
            raise Failed('redis-benchmark tells other figures')
        rate, done = float(got[0]['rps']), int(asked[-1])
        figures.update({
            what: rate,
            what + '_p50': float(got[0]['p50_latency_ms']) * 1e3,
            what + '_p99': float(got[0]['p99_latency_ms']) * 1e3,
            what + '_cpu': server * 1e9 / done,
            what + '_server': server * rate / done,
            what + '_client': client * rate / done})
    return figures


def turn(s, row, peer, program):
    with tempfile.TemporaryDirectory(prefix='oa-versus.',
                                     dir=os.path.dirname(s.path)) as folder:
        daemon = daemons.Daemon(s, row, peer, program, folder)
        try:
            daemon.wait()
            daemons.check(daemon, row)
            if row.work == 'httpd':
                return wrk(s, row, daemon)
            return redis_benchmark(s, row, daemon)
        finally:
            daemon.stop()
