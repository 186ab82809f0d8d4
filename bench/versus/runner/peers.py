# SPDX-License-Identifier: MIT
"""Who is compared: what each peer is called, which program it is."""
import os
import re
import shutil
import subprocess


# Programs that are not ours to build; a server may lie beyond a user's path.
INSTALLED = {'fio': 'fio', 'nginx': 'nginx', 'redis': 'redis-server'}
PATH = os.environ.get('PATH', os.defpath) + ':/usr/local/sbin:/usr/sbin'


class Peer:
    """family: what PEERS= names and the program is called after."""

    def __init__(self, name, title, family, args=(), runtime=False):
        self.name = name
        self.title = title
        self.family = family
        self.args = list(args)
        self.runtime = runtime

    def program(self, build):
        if self.family in INSTALLED:
            return shutil.which(INSTALLED[self.family], path=PATH)
        path = os.path.join(build, 'bench/versus/versus-' + self.family)
        return path if os.access(path, os.X_OK) else None


PEERS = [
    Peer('go', 'Go', 'go', runtime=True),
    Peer('tokio', 'Tokio', 'tokio', runtime=True),
    Peer('tokio-ct', 'Tokio, current-thread', 'tokio',
         ['--flavor=current-thread'], runtime=True),
    Peer('rayon', 'rayon', 'tokio', ['--flavor=rayon'], runtime=True),
    Peer('boost', 'Boost.Fiber', 'boost', runtime=True),
    Peer('tbb', 'oneTBB', 'tbb', runtime=True),
    Peer('uv', 'libuv', 'uv', runtime=True),
    Peer('pthreads', 'pthreads', 'pthreads'),
    Peer('epoll', 'epoll in C', 'raw', ['--by=epoll']),
    Peer('uring', 'io_uring in C', 'raw', ['--by=uring']),
    Peer('pread', 'pread in C', 'raw', ['--by=pread']),
    Peer('nowait', 'preadv2(NOWAIT) in C', 'raw', ['--by=nowait']),
    Peer('raw', 'futex and heap in C', 'raw'),
    Peer('fio', 'fio', 'fio'),
    Peer('nginx', 'nginx', 'nginx', ['sendfile on;', 'tcp_nopush on;']),
    Peer('nginx-read', 'nginx, sendfile off', 'nginx', ['sendfile off;']),
    Peer('redis', 'redis-server', 'redis'),
]
BY_NAME = {p.name: p for p in PEERS}
FAMILIES = list(dict.fromkeys(p.family for p in PEERS))
RUNTIMES = [p.name for p in PEERS if p.runtime]


def first_line(*command):
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True,
                             timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return out.strip().split('\n')[0]


def package(name):
    return first_line('dpkg-query', '-W', '-f', '${Version}', name)


def lock_versions(path, crates):
    try:
        with open(path, encoding='utf-8') as f:
            text = f.read()
    except OSError:
        return ''
    found = []
    for name in crates:
        m = re.search(r'name = "%s"\nversion = "([^"]+)"' % name, text)
        if m:
            found.append('%s %s' % (name, m.group(1)))
    return ', '.join(found)


def version(family, build):
    """What a reader has to know to repeat it."""
    program = os.path.join(build, 'bench/versus/versus-' + family)
    if family in ('go', 'boost', 'tbb', 'uv'):
        return first_line(program, 'version')
    if family == 'tokio':
        lock = os.path.join(build, 'bench/versus/tokio/Cargo.lock')
        return ', '.join(filter(None, [
            lock_versions(lock, ['tokio', 'rayon']),
            first_line(program, 'version')]))
    if family == 'pthreads':
        return first_line('getconf', 'GNU_LIBC_VERSION')
    if family == 'raw':
        return 'liburing ' + package('liburing-dev')
    if family == 'fio':
        return first_line('fio', '--version')
    if family == 'nginx':
        return first_line(shutil.which('nginx', path=PATH), '-v')
    if family == 'redis':
        return words(3, 'redis-server', '--version')
    return ''


def words(n, *command):
    return ' '.join(first_line(*command).split()[:n])


def client_version(client):
    return words(2, client, '-v')
