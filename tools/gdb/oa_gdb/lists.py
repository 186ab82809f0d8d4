# SPDX-License-Identifier: MIT
"""The commands that list things."""
import collections

import gdb

from . import frames
from .arguments import (Command, filters, find_runtime, find_task, plural,
                        select, split, table)
from .inferior import Library, Places
from .tasks import (LIFE, LIFE_CANCEL, STATES, TASK, TASK_PINNED, GEN_SHIFT,
                    World, bits)


class Runtimes(Command):
    """List the runtimes.
Usage: oa runtimes"""

    def __init__(self):
        super().__init__("oa runtimes", gdb.COMMAND_STATUS)

    def run(self, argument):
        world = World(Library())
        alive = collections.Counter(t.raw.rt for t in world.tasks())
        rows = [(str(r.index), r.name, r.state(), str(len(r.workers)),
                 str(int(r.value["nr_idle"])), str(alive[r.address]),
                 "%#x" % r.address) for r in world.runtimes]
        if rows:
            table(("N", "NAME", "STATE", "WORKERS", "IDLE", "TASKS",
                   "ADDRESS"), rows)
        else:
            print("There is no runtime.")


class Workers(Command):
    """List the workers, of all runtimes or of one.
Usage: oa workers [RUNTIME]
THREAD is the number that gdb gives to the worker's thread.
QUEUE counts what it would run next, IN FLIGHT requests of the kernel."""

    def __init__(self):
        super().__init__("oa workers", gdb.COMMAND_STATUS)

    def run(self, argument):
        world = World(Library())
        runtime = find_runtime(world, argument or None)
        threads = self.threads(world)
        rows = []
        for r in [runtime] if runtime else world.runtimes:
            rows += [self.row(world, r, w, threads) for w in r.workers]
        table(("RUNTIME", "WORKER", "THREAD", "STATE", "QUEUE", "TIMERS",
               "IN FLIGHT", "SWITCHES", "RUNS"), rows)

    @staticmethod
    def row(world, runtime, w, threads):
        runs = "-"
        if w.current:
            task = world.by_address(w.current)
            name = task.name() if task else ""
            runs = "%#x" % world.handle_at(w.current)
            runs += " \"%s\"" % name if name else ""
        return (str(runtime.index), str(w.index), threads.get(w.address, "?"),
                w.state_name(), str(w.queued()), str(w.timers),
                str(w.in_flight), str(w.switches), runs)

    @staticmethod
    def threads(world):
        """By the thread-local pointer to the worker, or by what it runs."""
        known = {}
        where = frames.Threads()
        for r in world.runtimes:
            for w in r.workers:
                task = world.by_address(w.current) if w.current else None
                if task:
                    thread = frames.Stacks(world, task).thread(where)
                    if thread:
                        known[w.address] = str(thread.num)
        found = where.by_local(world.lib, "worker_tls", "core/worker.c")
        known.update((w, str(thread.num)) for w, thread in found.items())
        return known


class Tasks(Command):
    """List tasks: handle, state, worker, name, what each waits for.
Usage: oa tasks [-g] [-n COUNT] [-m NAME] [-s STATE] [-w WORKER] [RUNTIME]
  -g        Count those that are alike instead: by state, function,
            what they wait for, and where they were started.
  -n COUNT  Show so many (100); 0 shows all.
  -m NAME   Only those so named; a pattern as of the shell: -m 'conn*'
  -s STATE  Only the queued, delayed, waiting, runnable, running, parked,
            ended.
  -w WORKER Only those of that worker, as a number.
RUNTIME is a number or a name that `oa runtimes` shows.
WORKER is where a task runs, or last waited; on the blocking pool there is none.
WAITS FOR has the address of an object behind its kind."""

    def __init__(self):
        super().__init__("oa tasks", gdb.COMMAND_STATUS)

    def run(self, argument):
        p = filters("oa tasks")
        p.add_argument("-g", action="store_true")
        p.add_argument("runtime", nargs="?")
        args = p.parse_args(gdb.string_to_argv(argument))
        world = World(Library())
        runtime = find_runtime(world, args.runtime)
        found = select(world, args, runtime)
        if args.g:
            self.groups(found)
        else:
            self.list(found, args.n)

    def list(self, found, limit):
        places = Places()
        counts = collections.Counter()
        rows = []
        for t in found:
            counts[t.state] += 1
            if not limit or len(rows) < limit:
                rows.append(self.row(t, places))
        if rows:
            table(("HANDLE", "STATE", "WORKER", "NAME", "WAITS FOR", "DUE",
                   "FUNCTION", "STARTED AT"), rows)
        total = sum(counts.values())
        by_state = ", ".join("%d %s" % (counts[s], s) for s in STATES
                             if counts[s])
        print(plural(total, "task") + (": " + by_state if by_state else ""))
        if total > len(rows):
            print("%d not shown: -n 0 shows all, -g counts those alike." %
                  (total - len(rows)))

    @staticmethod
    def row(t, places):
        waits = t.waits()
        if t.raw.life & LIFE_CANCEL:
            waits += " (cancelled)"
        worker = t.worker()
        return ("%#x" % t.handle, t.state,
                "-" if worker is None else str(worker), t.name() or "-",
                waits.strip() or "-", t.due() or "-", places.name(t.body()),
                places.site(t.raw.site))

    @staticmethod
    def groups(found):
        places = Places()
        counts = collections.Counter()
        for t in found:
            waits = t.waits()
            if waits.startswith("join of"):
                waits = "join"
            waits = waits.split(", ")[0]
            counts[t.state, waits or "-", places.name(t.body()),
                   places.site(t.raw.site)] += 1
        rows = [(str(n),) + alike for alike, n in counts.most_common()]
        if rows:
            table(("TASKS", "STATE", "WAIT FOR", "FUNCTION", "STARTED AT"),
                  rows)
        print(plural(sum(counts.values()), "task"))


class Task(Command):
    """Show all that is known of a task.
Usage: oa task TASK
The descriptor is also the value of $oa_task(TASK), for expressions."""

    def __init__(self):
        super().__init__("oa task", gdb.COMMAND_STATUS)

    def run(self, argument):
        world = World(Library())
        t = find_task(world, split(argument)[0])
        print("Task %#x \"%s\"" % (t.handle, t.name()))
        for what, value in self.lines(world, t):
            if value:
                print("  %-11s %s" % (what, value))

    def lines(self, world, t):
        raw, places = t.raw, Places()
        stacks = frames.Stacks(world, t)
        runtime = t.runtime
        yield "state", self.state(t)
        if runtime:
            yield "runtime", "%d \"%s\"" % (runtime.index, runtime.name)
        yield "waits for", ", ".join(filter(None, (t.waits(), t.due())))
        yield "function", "%s, arg %#x" % (places.site(t.body() + 1, True),
                                           raw.arg)
        yield "started at", places.site(raw.site, True)
        thread = stacks.thread(frames.Threads())
        if stacks.low:
            yield from self.stack(world, t, stacks, thread)
        if thread:
            yield "runs in", "thread %d" % thread.num
        for coro in stacks.coros:
            yield "inside", str(coro)
        yield "life", "generation %d; %s" % (
            raw.life >> GEN_SHIFT, bits(raw.life & (1 << GEN_SHIFT) - 1, LIFE))
        yield "flags", bits(raw.flags, TASK)
        yield "wait", "epoch %d, bits %#x" % (raw.wait >> 8, raw.wait & 0xff)
        yield "descriptor", "(struct task *) %#x" % t.address

    @staticmethod
    def state(t):
        words = t.state
        if t.worker() is not None:
            words += ", worker %d" % t.worker()
        if t.raw.flags & TASK_PINNED:
            words += ", pinned to worker %d" % t.raw.pin
        if t.raw.life & LIFE_CANCEL:
            words += ", cancelled"
        return words

    @staticmethod
    def stack(world, t, stacks, thread):
        line = "%#x-%#x, %d bytes" % (stacks.low, stacks.high,
                                      stacks.high - stacks.low)
        if thread:
            yield "stack", line
            return
        frame = stacks.coros[-1].frame("resumer") if stacks.coros else \
            t.raw.ctx_sp
        yield "stack", "%s, %d in use" % (line, stacks.high - frame)
        try:
            view = frames.View(world.lib, t.raw.ctx_sp)
            yield "suspended", "pc %#x, sp %#x" % (view.pc, view.sp)
        except frames.Unreadable as e:
            yield "suspended", str(e)
