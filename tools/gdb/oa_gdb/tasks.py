# SPDX-License-Identifier: MIT
"""Runtimes, workers and tasks. The bits are those of core/task.h."""
import time

import gdb

from .inferior import as_int, text

GEN_SHIFT = 24
SLOT_MASK = (1 << GEN_SHIFT) - 1
LIFE = ("alive", "handle", "queued", "queue entry", "delayed", "being joined",
        "joiner set", "ended", "detached", "cancelled", "gone",
        "joined in a select", "shielded", "to be cancelled")
LIFE_ALIVE, LIFE_DELAYED, LIFE_ENDED, LIFE_CANCEL, LIFE_GONE = (
    0x001, 0x010, 0x080, 0x200, 0x400)
WAIT_STATE = 0x007
WAIT_PARKING, WAIT_PARKED = 1, 2
WAIT_TIMED, WAIT_OP, WAIT_SYNC = 0x010, 0x020, 0x040
TASK = ("pinned", "thread", "started", "extra", "fpctl", "own stack", "timed",
        "posted", "exceptions", "conditions", "locals", "limit", "member",
        "scopes", "internal", "no guard", "c++", "grown")
TASK_PINNED, TASK_THREAD, TASK_STARTED, TASK_CONDS = 0x001, 0x002, 0x004, 0x200
TASK_GROWN = 0x20000

STATES = ("queued", "delayed", "waiting", "runnable", "running", "parked",
          "ended")
WORKER_STATES = ("running", "parked on its futex", "parked in its ring",
                 "being woken", "being woken", "gone")
FOREVER = (1 << 63) - 1


def bits(word, names):
    return ", ".join(n for i, n in enumerate(names) if word >> i & 1) or "none"


class Worker:
    def __init__(self, value):
        self.value = value
        self.address = as_int(value.address)
        self.index = int(value["index"])
        self.current = as_int(value["current"])
        self.state = int(value["state"])
        self.now = int(value["now"])
        stats = value["st"]
        self.switches = int(stats["switches"])
        self.in_flight = int(stats["requests"]) - int(stats["completions"])
        self.timers = int(value["wheel"]["count"])

    def state_name(self):
        if self.state < len(WORKER_STATES):
            return WORKER_STATES[self.state]
        return "?"

    def queued(self):
        ring, lane = self.value["ring"], self.value["lane"]
        return ((int(ring["tail"]) - int(ring["head"]) & 0xffffffff) +
                max(int(lane["tail"]) - int(lane["head"]), 0) +
                int(self.value["local"]["n"]))


class Runtime:
    def __init__(self, lib, index, value):
        self.index = index
        self.value = value
        self.address = as_int(value.address)
        self.name = value["name"].string(errors="replace")
        workers, n = value["workers"], int(value["nr_workers"])
        self.workers = [Worker(workers[i].dereference()) for i in range(n)
                        if as_int(workers) and as_int(workers[i])]
        self.running = {w.current: w.index for w in self.workers if w.current}

    def state(self):
        if int(self.value["over"]):
            return "over"
        return "shutting down" if int(self.value["stopping"]) else "running"


class Task:
    """A slot of the slab that has a task, as it was when it was read."""

    def __init__(self, world, address, raw):
        self.world = world
        self.address = address
        self.raw = raw
        self.handle = raw.life >> GEN_SHIFT << GEN_SHIFT | raw.slot
        self.runtime = world.runtime_at.get(raw.rt)
        self.started = bool(raw.flags & TASK_STARTED)
        # On the blocking pool: the stack is that of a thread.
        self.on_pool = bool(raw.flags & TASK_THREAD)
        self.state = self.find_state()

    def find_state(self):
        if self.raw.life & LIFE_ENDED:
            return "ended"
        if self.raw.life & LIFE_DELAYED:
            return "delayed"
        waits = self.raw.wait & WAIT_STATE in (WAIT_PARKING, WAIT_PARKED)
        if not self.started:
            return "waiting" if waits else "queued"
        if self.runtime and self.address in self.runtime.running:
            return "running"
        if waits:
            return "parked"
        if self.on_pool:
            return "running"
        return "runnable"

    def value(self):
        return self.world.lib.at("task", self.address)

    def ext(self):
        layout = self.world.ext
        data = self.world.lib.memory.near(self.raw.ext, layout.size)
        return layout.unpack(data)

    def name(self):
        return text(self.ext().name) if self.raw.ext else ""

    def body(self):
        """What it was started with, though it may be the first of a chain."""
        start = 0
        if self.raw.flags & TASK_CONDS and self.raw.ext:
            start = self.ext().start
        if not start:
            return self.raw.fn
        layout = self.world.lib.layout("start", "fn")
        data = self.world.lib.memory.near(start, layout.size)
        return layout.unpack(data).fn

    def worker(self):
        """It runs there, or waited there last."""
        if not self.started or not self.runtime or self.on_pool:
            return None
        return self.runtime.running.get(self.address, self.raw.home)

    def request(self):
        """The one that a parked task waits for, in a frame of its stack."""
        if (self.state != "parked" or not self.raw.wait & WAIT_OP or
                not self.raw.wait_on):
            return None
        layout = self.world.op
        try:
            data = self.world.lib.memory.read(self.raw.wait_on, layout.size)
        except gdb.MemoryError:
            return None
        op = layout.unpack(data)
        # Zeroes, where a core file has no stacks.
        return op if op.task == self.address else None

    def object(self):
        """Of sync/, which it waits for; by a waiter in a frame, or a start."""
        layout = self.world.waiter
        memory = self.world.lib.memory
        try:
            data = memory.read(self.raw.wait_on, layout.size)
            waiter = layout.unpack(data)
            # Zeroes, where a core file has no stacks.
            if waiter.epoch >> 8 == self.raw.wait >> 8:
                return "%s, %#x" % (memory.string(waiter.what, 32), waiter.on)
        except gdb.MemoryError:
            pass
        return "object"

    def waits(self):
        if self.state not in ("parked", "waiting"):
            return "its time" if self.state == "delayed" else ""
        if self.raw.wait & WAIT_SYNC:
            return self.object()
        if not self.raw.wait & WAIT_OP:
            if not self.raw.wait_on:
                return "time"
            return "join of %#x" % self.world.handle_at(self.raw.wait_on)
        op = self.request()
        if not op:
            return "request"
        return "%s, fd %d" % (self.world.op_name(op.code), op.fd)

    def deadline(self):
        timed = (self.state == "parked" and self.raw.wait & WAIT_TIMED or
                 self.state == "delayed")
        return self.raw.deadline if timed else FOREVER

    def due(self):
        """The same in words, from now."""
        at = self.deadline()
        if at == FOREVER:
            return ""
        left = (at - self.world.now) / 1e9
        return "in %.3fs" % left if left >= 0 else "%.3fs ago" % -left


class World:
    """All that one command looks at."""

    def __init__(self, lib):
        self.lib = lib
        self.task = lib.layout(
            "task", "life", "flags", "slot", "fn", "arg", "rt", "site",
            "stack", "ctx.sp", "wait", "wait_on", "within", "deadline", "pin",
            "home", "ext", "coro", "joiner")
        self.ext = lib.layout("task_ext", "name", "start")
        self.op = lib.layout("op", "code", "fd", "task")
        self.waiter = lib.layout("waiter", "epoch", "what", "on")
        self.cache = lib.variable("task_cache", "core/task.c")
        head = lib.variable("runtimes", "core/runtime.c")
        # The newest is first on the list.
        values = list(lib.each(head, "runtime", "node"))[::-1]
        self.runtimes = [Runtime(lib, i + 1, v) for i, v in enumerate(values)]
        self.runtime_at = {r.address: r for r in self.runtimes}
        self.op_names = None
        self.now = self.clock()

    def clock(self):
        """Of the process; of a core file, when a worker last looked."""
        link = gdb.selected_inferior().connection
        if link and link.type == "native":
            return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        return max([w.now for r in self.runtimes for w in r.workers] or [0])

    def op_name(self, code):
        if self.op_names is None:
            names = self.lib.enumeration("op_code")
            self.op_names = {value: name[3:].lower()
                             for name, value in names if name != "OP_RAW"}
        return self.op_names.get(code, "request")

    def read(self, address):
        data = self.lib.memory.near(address, self.task.size)
        return self.task.unpack(data)

    def handle_at(self, address):
        raw = self.read(address)
        return raw.life >> GEN_SHIFT << GEN_SHIFT | raw.slot

    @staticmethod
    def lives(raw):
        # A foreign thread's stand-in has no runtime.
        return raw.life & LIFE_ALIVE and not raw.life & LIFE_GONE and raw.rt

    def tasks(self, runtime=None):
        """All of them, in the order of their slots; a chunk in one read."""
        chunks = self.lib.each(self.cache["chunks"], "slab_chunk", "node")
        places = sorted((int(k["base"]), as_int(k["objs"]), int(k["count"]))
                        for k in chunks)
        left = int(self.cache["fresh"])
        for base, objs, count in places:
            count = min(count, left - base)
            if count <= 0:
                break
            data = self.lib.memory.read(objs, count * self.task.size)
            for i, raw in enumerate(self.task.unpack_all(data)):
                if self.lives(raw) and (not runtime or
                                        raw.rt == runtime.address):
                    yield Task(self, objs + i * self.task.size, raw)

    def slot(self, number):
        """The address of a descriptor, or None."""
        shift = int(self.cache["chunk_shift"])
        if number >= int(self.cache["fresh"]):
            return None
        chunk = self.cache["dir"][number >> shift].dereference()
        index = number & ((1 << shift) - 1)
        return as_int(chunk["objs"]) + index * self.task.size

    def by_handle(self, handle):
        address = self.slot(handle & SLOT_MASK) if handle > 4095 else None
        if address is None:
            raise gdb.GdbError("There never was a task %#x." % handle)
        task = self.by_address(address)
        if not task or task.handle != handle:
            raise gdb.GdbError("Task %#x has ended." % handle)
        return task

    def by_address(self, address):
        raw = self.read(address)
        return Task(self, address, raw) if self.lives(raw) else None

    def by_name(self, name):
        found = [t for t in self.tasks() if t.raw.ext and t.name() == name]
        if len(found) > 1:
            raise gdb.GdbError("%d tasks are named \"%s\": use a handle, "
                               "as `oa tasks -m` shows them." %
                               (len(found), name))
        return found[0] if found else None
