# SPDX-License-Identifier: MIT
"""The figures of one metric of one row: medians, and ratios turn by turn."""
import statistics

from .peers import BY_NAME


def median(values):
    there = [v for v in values if v is not None]
    return statistics.median(there) if there else None


class Figures:
    """samples: name of a peer ('oa': ours) -> a list, a figure a turn."""

    def __init__(self, row, metric, samples):
        self.row = row
        self.metric = metric
        self.more = metric.more
        self.rate = metric.more     # what a mark on it is written for
        self.samples = {name: [t.get(metric.name) if t else None
                               for t in turns]
                        for name, turns in samples.items()}

    @staticmethod
    def title(name):
        return 'liboa' if name == 'oa' else BY_NAME[name].title

    def of(self, name):
        return median(self.samples.get(name, []))

    def ours(self):
        return self.of('oa')

    def span(self, name):
        there = [v for v in self.samples.get(name, []) if v is not None]
        return (min(there), max(there)) if there else None

    def cost_ratio(self, name):
        """How dear ours is beside that peer in the same turn; below 1 is
        ahead. The median over the turns."""
        ratios = []
        for a, b in zip(self.samples.get('oa', []),
                        self.samples.get(name, [])):
            if a and b:
                ratios.append(b / a if self.more else a / b)
        return median(ratios)

    def others(self):
        """Those that were measured, the best first."""
        names = [n for n in self.samples
                 if n != 'oa' and self.of(n) is not None]
        return sorted(names, key=self.of, reverse=self.more)

    def best(self):
        names = self.others()
        return names[0] if names else None

    def lead(self):
        """How many times as good as the best other; above 1 is ahead."""
        cost = self.cost_ratio(self.best()) if self.best() else None
        return 1 / cost if cost else None

    def met(self):
        return self.metric.mark.test(self) if self.metric.mark else None


def decided_by(row, metric, samples):
    """Where the client is busy, it and not the server limits the requests:
    the metric that decides instead, or None."""
    if not metric.decided:
        return None
    by_name = {m.name: m for m in row.metrics}
    busy, cpu = (by_name[n] for n in metric.decided)
    share = Figures(row, busy, samples).ours()
    return cpu if share is not None and share > .95 else None


def verdict(row, metric, samples):
    """Is the mark met, and by what other figure, if by another."""
    f = Figures(row, metric, samples)
    cpu = decided_by(row, metric, samples) if metric.mark else None
    if cpu:
        f = Figures(row, cpu, samples)
        f.rate = True
        return metric.mark.test(f), ' (by CPU)'
    return f.met(), ''
