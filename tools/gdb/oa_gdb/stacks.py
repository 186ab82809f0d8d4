# SPDX-License-Identifier: MIT
"""The commands that show frames."""
import itertools
import re

import gdb

from . import corefile, frames
from .arguments import (Command, filters, find_task, heading, plural, select,
                        split)
from .inferior import Library, Places, as_int
from .tasks import World


CORO_STATES = ("created", "running", "suspended", "done")


def backtrace(first, arguments):
    """gdb's own, without the frames of the thread below the first one."""
    level = first.level()
    words = [str(int(w) + level) if w.isdigit() else w
             for w in arguments.split()]
    said = gdb.execute(" ".join(["backtrace"] + words), to_string=True)
    lines = said.splitlines()
    for i, line in enumerate(lines):
        number = re.match(r"#(\d+)", line)
        if not number or int(number[1]) >= level:
            return lines[i:]
    return []


# How a task switches away differs from time to time where it waits.
SWITCHING = re.compile(r" at \S*\b(arch/|core/switch\.h:|core/sched\.c:)")


def kind(lines):
    """Of a backtrace: from where the task waits on, without the values."""
    waits = itertools.dropwhile(SWITCHING.search, lines)
    return tuple(re.sub(r"#\d+|0x[0-9a-f]+|thread \d+", "",
                        re.sub(r" \(.*\) (at|from) ", r" \1 ", line))
                 for line in waits)


class Walk:
    """Puts the stacks of tasks into words; threads are looked at once."""

    def __init__(self, world):
        self.world = world
        self.threads = frames.Threads()

    def stack(self, frame, arguments):
        try:
            view = frames.View(self.world.lib, frame)
            if Places.function(view.pc) == "arch_entry":
                return ["  it has a stack, but has not begun"]
            with view as first:
                return backtrace(first, arguments)
        except frames.Unreadable as e:
            return ["  %s" % e]

    @staticmethod
    def running(thread, arguments):
        with frames.selection_kept():
            thread.switch()
            said = gdb.execute("backtrace " + arguments, to_string=True)
        return ["  in thread %d" % thread.num] + said.splitlines()

    def task(self, t, arguments=""):
        if not t.started:
            return ["  it has not begun"]
        if t.state == "ended":
            return ["  it has no stack any more"]
        stacks = frames.Stacks(self.world, t)
        thread = stacks.thread(self.threads)
        if thread:
            lines = self.running(thread, arguments)
        elif stacks.high and not stacks.holds(t.raw.ctx_sp):
            return ["  it is about to begin"]
        else:
            lines = self.stack(stacks.frames()[0], arguments)
        for coro in stacks.coros:
            lines.append("  %s was resumed by" % coro)
            lines += self.stack(coro.frame("resumer"), arguments)
        return lines


class Backtrace(Command):
    """Show the frames of a task.
Usage: oa bt TASK [OPTIONS]
       oa bt all [-g] [-n COUNT] [-m NAME] [-s STATE] [-w WORKER]
TASK is a handle as `oa tasks` shows it, a name that only one task has, or an
expression: a handle that the program keeps. OPTIONS are those of `backtrace`.
`all` takes the options of `oa tasks`; with -g those that wait in the same call
of the same functions are shown once.
A task that was suspended inside a coroutine is followed by who resumed that.
The frames are numbered as `oa apply TASK frame` takes them: 0 and perhaps
more are those of the selected thread, which has nothing to do with the task."""

    def __init__(self):
        super().__init__("oa bt", gdb.COMMAND_STACK)

    def run(self, argument):
        word, rest = split(argument)
        world = World(Library())
        if word == "all":
            self.all(world, rest)
            return
        t = find_task(world, word)
        print(heading(t))
        print("\n".join(Walk(world).task(t, rest)))

    def all(self, world, rest):
        p = filters("oa bt all")
        p.add_argument("-g", action="store_true")
        args = p.parse_args(gdb.string_to_argv(rest))
        found = (t for t in select(world, args)
                 if t.started and t.state != "ended")
        if args.n:
            found = itertools.islice(found, args.n + 1)
        found = list(found)
        more = args.n and len(found) > args.n
        self.show(Walk(world), found[:args.n or None], args.g)
        if more:
            print("There are more: -n 0 shows all.")

    @staticmethod
    def show(walk, found, group):
        alike = {}
        for t in found:
            try:
                lines = walk.task(t)
            except (gdb.error, gdb.GdbError) as e:
                lines = ["  %s" % e]
            if group:
                alike.setdefault(kind(lines), (lines, []))[1].append(t)
            else:
                print("\n".join([heading(t)] + lines) + "\n")
        for lines, those in sorted(alike.values(), key=lambda a: -len(a[1])):
            some = ["%#x" % t.handle for t in those[:10]]
            some += ["..."] if len(those) > 10 else []
            print("%s: %s" % (plural(len(those), "task"), " ".join(some)))
            print("\n".join(lines) + "\n")


class Apply(Command):
    """Run a command with the frames of a suspended task in sight.
Usage: oa apply TASK [-c LEVEL] COMMAND
COMMAND sees the innermost frame of TASK (see `help oa bt`) as the selected
one, and those that called it above it:
  oa apply 0x1000002 info locals
  oa apply 0x1000002 frame apply all -q p fd
-c LEVEL takes the LEVELth of the stacks that `oa bt` shows of a task inside
coroutines; 0 is the innermost. For a task that runs, COMMAND is given its
thread. Registers that the switch of stacks does not keep are shown as
<not saved>. Nothing in the process is changed. Do not let it go on in COMMAND."""

    def __init__(self):
        super().__init__("oa apply", gdb.COMMAND_STACK)

    def run(self, argument):
        word, command = split(argument)
        level = re.match(r"-c\s+(\d+)\s+(.*)$", command, re.S)
        if level:
            command = level[2]
        if not command:
            raise gdb.GdbError("Which command?")
        world = World(Library())
        t = find_task(world, word)
        if not t.started or t.state == "ended":
            raise gdb.GdbError("%s: it has no stack." % heading(t))
        self.with_frames(world, t, int(level[1]) if level else 0, command)

    @staticmethod
    def with_frames(world, t, level, command):
        stacks = frames.Stacks(world, t)
        thread = stacks.thread(frames.Threads())
        if thread and level == 0:
            gdb.execute("thread apply %d -q %s" % (thread.num, command))
            return
        todo = stacks.frames()
        if level >= len(todo):
            raise gdb.GdbError("It has %s." % plural(len(todo), "stack"))
        with frames.View(world.lib, todo[level]) as first:
            first.select()
            gdb.execute(command)


class Coro(Command):
    """Show the frames of a suspended coroutine.
Usage: oa coro EXPRESSION
EXPRESSION is a struct oa_coro *. A coroutine that runs is shown by `oa bt` of
its task, or `bt` of its thread."""

    def __init__(self):
        super().__init__("oa coro", gdb.COMMAND_STACK)

    def run(self, argument):
        lib = Library()
        address = as_int(gdb.parse_and_eval(argument))
        coro = frames.Coroutine(lib, address)
        if (not 0 <= coro.state < len(CORO_STATES) or
                not 0 < coro.map <= address < coro.end()):
            raise gdb.GdbError("There is no coroutine at %#x." % address)
        state = CORO_STATES[coro.state]
        print("C%s, %s" % (str(coro)[1:], state))
        if state != "suspended":
            return
        with frames.View(lib, coro.frame("ctx")) as first:
            print("\n".join(backtrace(first, "")))


class Core(Command):
    """Write a core file that has the stacks of tasks.
Usage: oa core FILE
gdb's generate-core-file leaves out what lies beside pages that it cannot read:
on Linux 6.13 and newer the stacks of tasks. This runs it and adds them. Core
files that the kernel writes have them anyway."""

    def __init__(self):
        super().__init__("oa core", gdb.COMMAND_DATA, gdb.COMPLETE_FILENAME)

    def run(self, argument):
        words = gdb.string_to_argv(argument)
        if len(words) != 1:
            raise gdb.GdbError("Usage: oa core FILE")
        corefile.generate(words[0])
