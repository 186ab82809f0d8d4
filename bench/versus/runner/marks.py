# SPDX-License-Identifier: MIT
"""What a figure has to reach. A mark is a text and a test; the test is given
the figures of its row and says True, False, or None where it cannot tell."""


class Mark:
    def __init__(self, text, test):
        self.text = text
        self.test = test


def at_most(value, unit=''):
    text = 'at most %g%s' % (value, ' ' + unit if unit else '')

    def test(f):
        ours = f.ours()
        return None if ours is None else ours <= value
    return Mark(text, test)



def within(times, names, text):
    """At most so many times as dear as the best of these; of rates, at least
    so many times as high. Names that were not measured do not count."""

    def test(f):
        there = [n for n in names if f.cost_ratio(n) is not None]
        if not there:
            return None
        cost = max(f.cost_ratio(n) for n in there)
        return cost <= (1 / times if f.rate else times)
    return Mark(text, test)


def both(*marks):
    def test(f):
        all_of = [m.test(f) for m in marks]
        if False in all_of:
            return False
        return None if None in all_of else True
    return Mark('; '.join(m.text for m in marks), test)
