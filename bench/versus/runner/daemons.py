# SPDX-License-Identifier: MIT
"""Servers that people run, and ours beside them: started with settings of
their own in a folder of their own, seen to be ready, ended with all that they
started."""
import http.client
import os
import pwd
import re
import signal
import socket
import subprocess
import time

from .measure import Failed, on

FILE = 'file.bin'
PATIENCE = 20   # seconds until a server counts as not started

NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
{user}
events {{
    worker_connections 4096;
    multi_accept on;
}}
http {{
    access_log off;
    tcp_nodelay on;
    {settings}
    keepalive_requests 1000000000;
    open_file_cache max=1000;
    open_file_cache_valid 1s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {root};
    }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def nginx(program, settings, folder, root):
    """Workers of root's nginx would be somebody who may not read here."""
    port = free_port()
    me = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() == 0 else ''
    path = os.path.join(folder, 'nginx.conf')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(NGINX.format(folder=folder, root=root, port=port,
                             settings=' '.join(settings),
                             user='user %s;' % me if me else ''))
    return [program, '-p', folder, '-c', path, '-e', 'stderr'], port


def redis(program, folder):
    port = free_port()
    path = os.path.join(folder, 'redis.conf')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('bind 127.0.0.1\nport %d\ndir %s\nsave ""\nappendonly no\n'
                'daemonize no\ntcp-backlog 4096\nloglevel warning\n' %
                (port, folder))
    return [program, path], port


def command_of(s, row, peer, program, folder):
    """The command, and its port if it does not tell it."""
    if row.work == 'httpd':
        root = os.path.join(folder, 'root')
        make_file(root, row.size)
        if peer is None:
            return [s.example('oa-httpd'), '-p', '0', '-w', '1', root], None
        if peer.family == 'nginx':
            return nginx(program, peer.args, folder, root)
        return [program, 'http', '--workers=1',
                '--path=' + os.path.join(root, FILE)] + peer.args, None
    if peer is None:
        return [s.example('oa-cache'), '-p', '0', '-w', '1'], None
    return redis(program, folder)


def make_file(root, size):
    """No two places of it look the same."""
    os.mkdir(root)
    with open(os.path.join(root, FILE), 'wb') as f:
        f.write(b''.join(b'%07x\n' % i for i in range(size // 8)))


class Daemon:
    """A process and what it starts, which are a group of processes."""

    def __init__(self, s, row, peer, program, folder):
        self.folder = folder
        self.log = os.path.join(folder, 'log')
        command, self.port = command_of(s, row, peer, program, folder)
        with open(self.log, 'wb') as log:
            try:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True, preexec_fn=on(s.server))
            except OSError as e:
                raise Failed(str(e)) from e

    def said(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def check_alive(self):
        if self.process.poll() is not None:
            raise Failed('the server ended by itself: ' +
                         self.said().strip().split('\n')[-1])

    def answers(self):
        """Does it listen? Some tell their port when they do."""
        if self.port is None:
            told = re.search(r'^(?:port\t|listening on .*:)(\d+)/?\s*$',
                             self.said(), re.M)
            self.port = int(told.group(1)) if told else None
        if self.port is None:
            return False
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), PATIENCE)

    def wait(self):
        end = time.monotonic() + PATIENCE
        while not self.answers():
            self.check_alive()
            if time.monotonic() > end:
                raise Failed('the server does not listen')
            time.sleep(.01)

    def processes(self):
        return [int(p) for p in os.listdir('/proc')
                if p.isdigit() and group_of(int(p)) == self.process.pid]

    def stop(self):
        """Asked to first: a first process that is killed leaves the rest."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        if self.processes():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def group_of(pid):
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def check_file(daemon):
    """One answer is the file, whole, and nothing else."""
    c = http.client.HTTPConnection('127.0.0.1', daemon.port, timeout=PATIENCE)
    try:
        c.request('GET', '/' + FILE)
        answer = c.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as e:
        raise Failed('no answer: %s' % e) from e
    finally:
        c.close()
    with open(os.path.join(daemon.folder, 'root', FILE), 'rb') as f:
        if answer.status != 200 or body != f.read():
            raise Failed('the answer (%d, %d bytes) is not the file' %
                         (answer.status, len(body)))


def check_cache(daemon):
    """What is set can be got again."""
    want = b'+OK\r\n$7\r\na\r\nb\0cd\r\n$-1\r\n'
    got = b''
    try:
        with daemon.connect() as c:
            c.sendall(b'*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$7\r\na\r\nb\0cd\r\n'
                      b'*2\r\n$3\r\nGET\r\n$1\r\nk\r\n'
                      b'*2\r\n$3\r\nGET\r\n$1\r\nn\r\n')
            while len(got) < len(want):
                more = c.recv(4096)
                if not more:
                    break
                got += more
    except OSError as e:
        raise Failed('no answer: %s' % e) from e
    if got != want:
        raise Failed('the answer is wrong: %r' % got)


def check(daemon, row):
    if row.work == 'httpd':
        check_file(daemon)
    else:
        check_cache(daemon)
