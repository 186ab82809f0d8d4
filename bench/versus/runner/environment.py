# SPDX-License-Identifier: MIT
"""The machine and the tree: what a figure is worth nothing without."""
import datetime
import os
import platform

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


def read():
    told = {
        'CPU': '%s, %d online' % (cpu_model(), os.cpu_count()),
        'kernel': '%s %s' % (platform.system(), platform.release()),
        'system': system(),
        'compiler': first_line(os.environ.get('CC') or 'gcc', '--version'),
        'governor': governor(),
    }
    return {k: v for k, v in told.items() if v}
