# SPDX-License-Identifier: MIT
"""What commands have in common: arguments, and how they show things."""
import argparse
import fnmatch
import re

import gdb

from .inferior import as_int
from .tasks import STATES

LIMIT = 100


class Command(gdb.Command):
    """gdb's errors as such, not as exceptions of a script."""

    def invoke(self, argument, _from_tty):
        try:
            self.run(argument.strip())
        except gdb.error as e:
            raise gdb.GdbError(str(e))


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise gdb.GdbError("%s\n%s" % (message, self.format_usage().rstrip()))

    def exit(self, status=0, message=None):
        raise gdb.GdbError(message or "")


def filters(name):
    p = Parser(prog=name, add_help=False)
    p.add_argument("-n", type=int, default=LIMIT, metavar="COUNT")
    p.add_argument("-m", metavar="NAME")
    p.add_argument("-s", metavar="STATE")
    p.add_argument("-w", type=int, metavar="WORKER")
    return p


def find_runtime(world, word):
    if word is None:
        return None
    for r in world.runtimes:
        if word in (str(r.index), r.name, "%#x" % r.address):
            return r
    try:
        address = as_int(gdb.parse_and_eval(word))
    except gdb.error:
        address = None
    if address in world.runtime_at:
        return world.runtime_at[address]
    raise gdb.GdbError("There is no runtime %s: see `oa runtimes`." % word)


def find_task(world, word):
    """By a handle, a name, or an expression for one."""
    try:
        return world.by_handle(int(word, 0))
    except ValueError:
        pass
    task = world.by_name(word)
    if task:
        return task
    try:
        value = gdb.parse_and_eval(word)
    except gdb.error:
        raise gdb.GdbError("There is no task named \"%s\"." % word)
    kind = value.type.strip_typedefs()
    target = None
    if kind.code == gdb.TYPE_CODE_PTR:
        target = kind.target().strip_typedefs().name
    if target == "oa_task":
        value = value.dereference()
        kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and kind.name == "oa_task":
        return world.by_handle(int(value["id"]))
    if kind.code == gdb.TYPE_CODE_INT:
        return world.by_handle(int(value))
    if target == "task":
        task = world.by_address(as_int(value))
    if not task:
        raise gdb.GdbError("%s is neither a task's name nor its handle." %
                           word)
    return task


def select(world, args, runtime=None):
    """The tasks that filters let pass."""
    state = None
    if args.s:
        state = next((s for s in STATES if s.startswith(args.s)), None)
        if not state:
            raise gdb.GdbError("No such state; there are: " +
                               ", ".join(STATES))
    for t in world.tasks(runtime):
        if state and t.state != state:
            continue
        if args.m is not None and not fnmatch.fnmatchcase(t.name(), args.m):
            continue
        if args.w is not None and t.worker() != args.w:
            continue
        yield t


def split(argument):
    """The first word, in quotes perhaps, and what follows it."""
    match = re.match(r'\s*(?:"([^"]*)"|(\S+))\s*(.*)$', argument, re.S)
    if not match:
        raise gdb.GdbError("Which task? Give a handle or a name.")
    return match[2] if match[1] is None else match[1], match[3]


def heading(t):
    name = t.name()
    line = "Task %#x%s, %s" % (t.handle, " \"%s\"" % name if name else "",
                               t.state)
    waits, due = t.waits(), t.due()
    if waits:
        line += ", waits for %s" % waits
    if due:
        line += ", %s" % due
    return line


def table(head, rows):
    """Columns as wide as they need to be; the last one is left ragged."""
    rows = [head] + rows
    widths = [max(len(r[i]) for r in rows) for i in range(len(head) - 1)]
    for r in rows:
        print("  ".join([c.ljust(w) for c, w in zip(r, widths)] + [r[-1]])
              .rstrip())


def plural(n, what):
    return "%d %s%s" % (n, what, "" if n == 1 else "s")
