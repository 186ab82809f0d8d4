# SPDX-License-Identifier: MIT
"""What a row is: the work, who does it by which command, its figures."""


class Metric:
    def __init__(self, name, title, unit, mark=None, more=False, info=False,
                 decided=None, beside=None):
        self.name = name
        self.title = title
        self.unit = unit
        self.mark = mark
        self.more = more
        self.info = info    # told, but nobody is ahead by it
        # (the client's share of its CPU, server CPU): which metric decides
        # instead of this one where which other is close to 1
        self.decided = decided
        self.beside = beside    # which metric of theirs this of ours is beside


class Bench:
    """Ours by oa-bench: its arguments, and which of its metrics is which."""

    def __init__(self, args, metrics, count=None, settings=()):
        self.args = args.split()
        self.metrics = metrics      # theirs -> (ours, times)
        self.count = count          # the option that says how much
        self.settings = list(settings)


class Row:
    kind = 'process'
    charted = 1     # so many metrics, from the first

    def __init__(self, key, group, title, work, workers, peers, metrics,
                 ours=None, args=(), quick=1000, count='count', raw=None):
        self.key = key
        self.group = group
        self.title = title
        self.work = work            # the WORKLOAD of the command line
        self.workers = workers
        # a scheduler of one thread has no second worker
        self.peers = [p for p in peers
                      if p != 'tokio-ct' or workers == 1 or key == 'wake']
        self.metrics = metrics
        self.ours = ours            # list of Bench; None: versus-oa
        self.args = list(args)
        self.quick = quick
        self.count = count
        self.raw = raw              # what --impl= of oa-bench the peer raw is


class ServerRow(Row):
    """A server is started for each turn and versus-load put on it."""
    kind = 'server'

    def __init__(self, key, title, workers, peers, metrics, load, pinned):
        super().__init__(key, 'net', title, 'echo', workers, peers, metrics)
        self.load = load
        self.pinned = pinned


class DaemonRow(Row):
    """A server that people run, and the client that they measure it with;
    httpd: size, keep; cache: conns, pipeline."""
    kind = 'daemon'

    def __init__(self, key, title, work, peers, metrics, client, charted=1,
                 quick=1000, **load):
        super().__init__(key, 'servers', title, work, 1, peers, metrics,
                         quick=quick)
        self.client = client
        self.charted = charted
        self.size = load.get('size')
        self.keep = load.get('keep')
        self.conns = load.get('conns')
        self.pipeline = load.get('pipeline')


def ns(name, title, mark=None):
    return Metric(name, title, 'ns', mark)
