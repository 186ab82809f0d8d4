# SPDX-License-Identifier: MIT
"""The machine and the tree: what a figure is worth nothing without."""
import contextlib
import datetime
import mmap
import os
import platform
import time

from .peers import first_line


def cpu_model():
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as f:
            for line in f:
                if line.startswith('model name'):
                    return line.split(':', 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def system():
    try:
        with open('/etc/os-release', encoding='utf-8') as f:
            for line in f:
                if line.startswith('PRETTY_NAME='):
                    return line.split('=', 1)[1].strip().strip('"')
    except OSError:
        pass
    return platform.system()


def governor():
    try:
        with open('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor',
                  encoding='utf-8') as f:
            return f.read().strip()
    except OSError:
        return ''


def commit():
    here = os.path.dirname(os.path.abspath(__file__))
    return first_line('git', '-C', here, 'describe', '--always', '--dirty')


def now():
    utc = datetime.timezone.utc
    return datetime.datetime.now(utc).strftime('%Y-%m-%d %H:%M UTC')


def least(rounds, turns, work):
    """The least time of a turn; Python's own share is a twentieth of it."""
    best = float('inf')
    for _ in range(rounds):
        begun = time.perf_counter_ns()
        work()
        best = min(best, time.perf_counter_ns() - begun)
    return '%d ns' % (best / turns)


def call_time():
    def calls():
        for _ in range(1000):
            os.getppid()
    return least(20, 1000, calls)


def touch_time():
    pages = 4096

    def touches():
        with mmap.mmap(-1, pages * mmap.PAGESIZE) as m:
            # Huge ones would be told as if they were small.
            with contextlib.suppress(OSError):
                m.madvise(mmap.MADV_NOHUGEPAGE)
            for i in range(0, pages * mmap.PAGESIZE, mmap.PAGESIZE):
                m[i] = 1
    return least(5, pages, touches)


def read():
    told = {
        'CPU': '%s, %d online' % (cpu_model(), os.cpu_count()),
        'kernel': '%s %s' % (platform.system(), platform.release()),
        'system': system(),
        'compiler': first_line(os.environ.get('CC') or 'gcc', '--version'),
        'governor': governor(),
        'a system call that does nothing': call_time(),
        'the first touch of a page': touch_time(),
    }
    return {k: v for k, v in told.items() if v}
