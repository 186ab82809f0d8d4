# SPDX-License-Identifier: MIT
"""The rows: which there are, who has them, and the marks."""
from .marks import at_most, both, within
from .peers import RUNTIMES
from .row import Bench, DaemonRow, Metric, Row, ServerRow, ns

FILE_MIB = 256
ALL = ['go', 'tokio', 'tokio-ct', 'rayon', 'boost', 'tbb', 'uv', 'pthreads',
       'epoll', 'uring', 'pread', 'nowait', 'raw', 'fio']
RAW_SERVERS = ['epoll', 'uring']


# How the work of a peer differs, by its name and the WORKLOAD.
FIBRES = '100,000 fibres, since each has its stack from the beginning'
JOBS = 'jobs, which have no stack and wait for nothing but each other'
MEMORY = 'answers from memory and never looks at the file again'
HYPER = 'hyper; %s; it closes without saying so, which wrk takes for an ' \
        'error, so no row of that' % MEMORY
NOTES = {
    ('boost', 'spawn'): FIBRES,
    ('boost', 'memory'): FIBRES,
    ('boost', 'sleepers'): FIBRES + '; CPU scaled to a million',
    ('boost', 'expiry'): FIBRES,
    ('pthreads', 'spawn'): '10,000 threads',
    ('pthreads', 'memory'): "5,000 threads; without the kernel's part",
    ('rayon', 'spawn'): JOBS,
    ('tbb', 'spawn'): JOBS,
    ('rayon', 'spawn-join'): 'join() of two, one of them empty',
    ('tbb', 'spawn-join'): JOBS,
    ('tokio', 'yield'): 'wakes itself, which is dearer by yield_now()',
    ('tokio-ct', 'yield'): 'wakes itself, which is dearer by yield_now()',
    ('tokio', 'pingpong'): 'channels of one element: it has none of zero',
    ('tokio-ct', 'pingpong'): 'channels of one element: it has none of zero',
    ('tokio', 'queue'): 'one receiver: its channel has no more',
    ('tokio-ct', 'queue'): 'one receiver: its channel has no more',
    ('tokio-ct', 'wake'): 'two runtimes, a thread each',
    ('go', 'wake'): 'one way: the waker goes on computing',
    ('uv', 'expiry'): 'callbacks, due at whole milliseconds; no tasks',
    ('uv', 'arm-cancel'): 'callbacks of a timer that is made once',
    ('raw', 'expiry'): 'no tasks to resume',
    ('tokio', 'file'): 'a hop to a blocking thread for each, as tokio::fs',
    ('uv', 'file'): 'its pool: a thread a worker, 64 for O_DIRECT',
    ('pthreads', 'file'): '64 threads',
    ('go', 'httpd'): MEMORY,
    ('tokio', 'httpd'): HYPER,
    ('tokio-ct', 'httpd'): HYPER,
}


def workers_of(n):
    return '' if n == 1 else ', two workers'


def compute_rows():
    tasks = ['go', 'tokio', 'tokio-ct', 'boost', 'pthreads']
    yield Row(
        'yield', 'tasks', 'yield', 'yield', 1, tasks,
        [ns('switch', 'a switch', at_most(10, 'ns'))],
        [Bench('sched yield', {'switch': ('switch', 1)})])
    yield Row(
        'spawn', 'tasks', 'spawn a million, then wait', 'spawn', 1,
        ['go', 'tokio', 'tokio-ct', 'rayon', 'boost', 'tbb', 'pthreads'],
        [ns('second', 'second round', at_most(45, 'ns')),
         ns('first', 'first round', both(
             at_most(140, 'ns'), within(.25, ['go'], "a quarter of Go's")))],
        [Bench('sched spawn', {'second round': ('second', 1),
                               'first round': ('first', 1)}, '-n')])
    yield Row(
        'spawn-join', 'tasks', 'spawn and join, one by one', 'spawn-join', 1,
        tasks + ['tbb'],
        [ns('task', 'a task', at_most(30, 'ns'))],
        [Bench('sched spawn-join', {'spawn+join': ('task', 1)})])
    yield Row(
        'fork-join', 'jobs', 'fork and join a job, one by one', 'spawn-join',
        1, ['rayon', 'tbb'], [ns('task', 'a job')],
        [Bench('job pair', {'fork+join': ('task', 1)})])
    for w in 1, 2:
        rayon = within(1.25, ['rayon'], "at most 1.25 of rayon's")
        yield Row(
            'fib-jobs-%d' % w, 'jobs', 'fib by jobs' + workers_of(w),
            'fib-jobs', w, ['rayon', 'tbb'],
            [ns('call', 'a call', rayon)],
            [Bench('job fib', {'a call': ('call', 1)}, '-n')],
            quick=12, count='number')
    for w in 1, 2:
        # oa-bench counts tasks, which are half of the calls but one
        yield Row(
            'fib-tasks-%d' % w, 'tasks', 'fib by tasks' + workers_of(w),
            'fib-tasks', w, ['go', 'tokio', 'tokio-ct', 'boost'],
            [ns('call', 'a call', at_most(70, 'ns') if w == 2 else None)],
            [Bench('sched fib', {'a task': ('call', .5)}, '-n')],
            quick=8, count='number')


def tree(kind, title, peers, mark, ours):
    for w in 1, 2:
        yield Row(
            'skynet-%s-%d' % (kind, w), 'jobs' if kind == 'jobs' else 'tasks',
            'skynet by ' + title + workers_of(w), 'skynet-' + kind, w, peers,
            [Metric('second', 'second tree', 'ms', mark),
             Metric('first', 'first tree', 'ms')], ours)


def tree_rows():
    which = {'second tree': ('second', 1), 'first tree': ('first', 1)}
    yield from tree('jobs', 'jobs', ['rayon', 'tbb'],
                    within(1, ['tbb'], 'ahead of oneTBB'),
                    [Bench('job skynet', which, '-n')])
    yield from tree('joins', 'tasks and joins',
                    ['tokio', 'tokio-ct', 'boost'], at_most(90, 'ms'),
                    [Bench('sched skynet', which, '-n')])
    yield from tree('channels', 'channels',
                    ['go', 'tokio', 'tokio-ct', 'boost'],
                    at_most(180, 'ms'), None)


def sync_rows():
    peers = ['go', 'tokio', 'tokio-ct', 'boost', 'pthreads']
    yield Row(
        'pingpong', 'channels', 'rendezvous ping-pong', 'pingpong', 1, peers,
        [ns('trip', 'a round trip', at_most(50, 'ns'))],
        [Bench('chan pingpong', {'round trip': ('trip', 1)})])
    for n, bench, most in (1, 'chan spsc', 12), (4, 'chan mpmc', 14):
        for w in 1, 2:
            mark = at_most(most, 'ns') if w == 1 else within(
                1, ALL, 'ahead of all')
            yield Row(
                'queue-%d-%d' % (n, w), 'channels',
                'channel of 128, %d:%d%s' % (n, n, workers_of(w)), 'queue',
                w, peers, [ns('message', 'an element', mark)],
                [Bench(bench + ' -c 128', {'an element': ('message', 1)})],
                ['--producers=%d' % n, '--consumers=%d' % n])
    yield Row(
        'mutex', 'sync', 'mutex alone', 'mutex', 1, peers,
        [ns('pair', 'lock and unlock', at_most(10, 'ns'))],
        [Bench('sync mutex', {'lock+unlock': ('pair', 1)})])
    yield Row(
        'mutex-contended', 'sync', 'mutex, eight tasks, two workers',
        'mutex-contended', 2, peers,
        [ns('pair', 'lock and unlock', at_most(20, 'ns'))],
        [Bench('sync mutex-contended -t 8', {'lock+unlock': ('pair', 1)})],
        ['--tasks=8'])


def timer_rows():
    tokio = within(.5, ['tokio', 'tokio-ct'], "half of Tokio's")
    for w in 1, 2:
        yield Row(
            'sleepers-%d' % w, 'timers',
            'a million told at once to sleep 0-1 s' + workers_of(w),
            'sleepers', w, ['go', 'tokio', 'tokio-ct', 'boost'],
            [Metric('second_cpu', 'CPU, second round', 'ms',
                    tokio if w == 1 else None),
             Metric('first_cpu', 'CPU, first round', 'ms',
                    at_most(2500, 'ms') if w == 1 else None),
             Metric('second_p99', 'late p99, second round', 'us',
                    at_most(10000, 'us')),
             Metric('first_p99', 'late p99, first round', 'us',
                    at_most(10000, 'us')),
             Metric('second_p50', 'late p50, second round', 'us'),
             Metric('first_p50', 'late p50, first round', 'us')])
    yield Row(
        'expiry', 'timers', 'a million asleep, then expiring over 1 s',
        'expiry', 1, ['go', 'tokio', 'tokio-ct', 'boost', 'uv', 'raw'],
        [Metric('cpu', 'CPU a timer', 'ns', at_most(450, 'ns')),
         Metric('late_p99', 'late p99', 'us', at_most(100, 'us')),
         Metric('late_p50', 'late p50', 'us')],
        [Bench('timer million -o 0', {'CPU a timer': ('cpu', 1),
                                      'late p99': ('late_p99', 1e-3),
                                      'late p50': ('late_p50', 1e-3)},
               '-n')], raw='raw:heap')
    for live, most in (0, 40), (1000000, 60):
        yield Row(
            'arm-cancel-%s' % ('million' if live else 'alone'), 'timers',
            'timer armed and cancelled' +
            (', a million live' if live else ''),
            'arm-cancel', 1, ['go', 'tokio', 'tokio-ct', 'uv'],
            [ns('pair', "a wait's own deadline", at_most(most, 'ns')),
             Metric('around', 'a deadline around a wait', 'ns',
                    at_most(most, 'ns'), beside='pair')],
            [Bench('timer arm-cancel -m %d' % live,
                   {'join_until': ('pair', 1),
                    'enter+leave': ('around', 1)})],
            ['--live=%d' % live])


def memory_rows():
    yield Row(
        'memory', 'memory', 'memory of a waiting task', 'memory', 1,
        ['go', 'tokio', 'tokio-ct', 'boost', 'pthreads'],
        [Metric('suspended', 'suspended', 'bytes', at_most(5017, 'bytes')),
         Metric('unstarted', 'waiting to start', 'bytes',
                at_most(256, 'bytes'))],
        [Bench('mem parked', {'a task': ('suspended', 1)}, '-n'),
         Bench('mem started', {'a task': ('unstarted', 1)}, '-n')])


def wake_rows():
    raw = within(1.1, ['raw'], 'at most 1.1 of raw')
    yield Row(
        'wake', 'wake', 'wake of an idle worker', 'wake', 2,
        ['go', 'tokio-ct', 'boost', 'uv', 'pthreads', 'raw'],
        [Metric('trip_p50', 'round trip p50', 'us', raw),
         Metric('oneway_p50', 'one way from outside p50', 'us', raw),
         Metric('oneway_p99', 'one way from outside p99', 'us')],
        [Bench('sched wake -i 200 -n 1000',
               {'idle trip p50': ('trip_p50', 1e-3),
                'one way p50': ('oneway_p50', 1e-3),
                'one way p99': ('oneway_p99', 1e-3)},
               settings=['pinned'])], quick=20, raw='raw:futex')


def echo_metrics(requests=None, p99=None, cpu=None):
    return [Metric('requests', 'requests', '1/s', requests, more=True,
                   decided=('client_busy', 'server_cpu')),
            Metric('server_cpu', 'server CPU a request', 'ns', cpu),
            Metric('p50', 'latency p50', 'us'),
            Metric('p99', 'latency p99', 'us', p99),
            Metric('p999', 'latency p99.9', 'us'),
            Metric('server_busy', 'server busy', 'share', info=True),
            Metric('client_busy', 'client busy', 'share', info=True)]


def server_rows():
    servers = ['go', 'tokio', 'tokio-ct', 'uv', 'pthreads'] + RAW_SERVERS
    raw = within(.97, RAW_SERVERS, '0.97 of the better raw server')
    ahead = within(1, RUNTIMES, 'ahead of every runtime')
    p99 = within(1.1, ALL, 'within 10 % of the best')
    cpu = within(1.03, ALL, 'at most 1.03 of the best')
    for n in 64, 512:
        yield ServerRow(
            'echo-%d' % n, 'TCP echo, %d connections' % n, 1, servers,
            echo_metrics(both(raw, ahead), p99, cpu),
            ['echo', '--conns=%d' % n], True)
    # a thread for each of 10,000 connections is not what anyone does
    yield ServerRow(
        'echo-10000', 'TCP echo, 10,000 connections', 1,
        [s for s in servers if s != 'pthreads'],
        echo_metrics(raw),
        ['echo', '--conns=10000', '--warmup=1500', '--ms=2000'], True)
    best = within(.97, ALL, '0.97 of the best')
    for n in 64, 512:
        yield ServerRow(
            'echo-free-%d' % n,
            'TCP echo, %d connections, two workers' % n, 2, servers,
            echo_metrics(both(best, ahead)), ['echo', '--conns=%d' % n],
            False)
    half = within(.5, ['go', 'tokio'], "half of Go's and Tokio's")
    yield ServerRow(
        'echo-work',
        'TCP echo, one long request in a hundred, two workers', 2,
        [s for s in servers if s != 'tokio-ct'],
        echo_metrics(p99=half), ['echo', '--conns=64', '--work=100'], False)
    yield ServerRow(
        'accept', 'connect, a byte to and fro, close', 1, servers,
        echo_metrics(), ['accept', '--conns=64'], True)


def httpd_rows():
    both_of = ['nginx', 'nginx-read']
    nginx = within(1.15, both_of, '1.15 of nginx')
    p99 = within(1, both_of, "no worse than nginx's")
    for size, name, title in ((1 << 10, 'small', '1 KiB'),
                              (1 << 20, 'large', '1 MiB')):
        for keep in True, False:
            small = name == 'small'
            marks = (nginx, p99) if keep and small else ()
            others = both_of + ['go'] if small else ['nginx']
            yield DaemonRow(
                'httpd-' + name + ('' if keep else '-close'),
                'HTTP, a file of %s%s' % (
                    title, '' if keep else ', a connection each'),
                'httpd',
                others + (['tokio', 'tokio-ct'] if keep and small else []),
                echo_metrics(*marks), 'wrk', size=size, keep=keep)


def cache_metrics(mark):
    for what in 'set', 'get':
        yield Metric(what, what.upper(), '1/s', mark, more=True,
                     decided=(what + '_client', what + '_cpu'))
    for what in 'set', 'get':
        up = what.upper()
        yield ns(what + '_cpu', 'server CPU a ' + up)
        yield Metric(what + '_p50', up + ' p50', 'us')
        yield Metric(what + '_p99', up + ' p99', 'us')
        for who in 'server', 'client':
            yield Metric('%s_%s' % (what, who), '%s: %s busy' % (up, who),
                         'share', info=True)


def cache_rows():
    for conns in 64, 500:
        for pipeline, times in (1, 1.5), (16, 1.2):
            mark = within(times, ['redis'], '%g of redis-server' % times)
            yield DaemonRow(
                'cache-%d-%d' % (conns, pipeline),
                'cache, %d connections%s' % (
                    conns, ', 16 requests at once' if pipeline > 1 else ''),
                'cache', ['redis'], list(cache_metrics(mark)),
                'redis-benchmark', charted=2, quick=1000 * pipeline,
                conns=conns, pipeline=pipeline)


def file_rows():
    runtimes = within(1, RUNTIMES, 'ahead of every runtime')
    pread = within(1 / .9, ['pread'], '0.90 of pread')
    nowait = within(1 / .97, ['nowait'], '0.97 of preadv2(NOWAIT)')
    for w in 1, 2:
        yield Row(
            'file-%d' % w, 'files',
            'random 4 KiB reads, cached' + workers_of(w), 'file', w,
            ['go', 'tokio', 'uv', 'pthreads'] +
            (['pread', 'nowait', 'uring'] if w == 1 else []),
            [ns('read', 'a read', both(runtimes, pread, nowait)
                if w == 1 else runtimes)],
            [Bench('io file-read -t 64 -m %d' % FILE_MIB,
                   {'a read': ('read', 1)})], ['--tasks=64'])
    yield Row(
        'file-direct', 'files', 'random 4 KiB reads, O_DIRECT', 'file', 1,
        ['go', 'tokio', 'uv', 'pthreads', 'uring', 'fio'],
        [ns('read', 'a read', within(1 / .95, ['fio'], '0.95 of fio'))],
        None, ['--tasks=64', '--direct=1', '--count=50000'])


def all_rows():
    rows = []
    for maker in (compute_rows, tree_rows, sync_rows, timer_rows, memory_rows,
                  wake_rows, server_rows, httpd_rows, cache_rows,
                  file_rows):
        rows += maker()
    return rows


def chosen_rows(names):
    """ROW=yield,echo: rows of that key, and those that begin with it."""
    rows = all_rows()
    if not names:
        return rows, []
    picked = [r for r in rows
              if any(r.key == n or r.key.startswith(n + '-') or r.group == n
                     for n in names)]
    unknown = [n for n in names
               if not any(r.key == n or r.key.startswith(n + '-') or
                          r.group == n for r in rows)]
    return picked, unknown
