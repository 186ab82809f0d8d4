# SPDX-License-Identifier: MIT
"""The frames of what is suspended.

A suspended stack is the address of a struct arch_frame, whose layout
arch/arch.h gives. To show what lies there an unwinder tells gdb that the
selected thread's innermost function was called from it, so that frame 1 and
those above it are the suspended stack's. Neither registers nor memory are
written: it works the same in a core file, and nothing has to be undone.

A task inside a coroutine has two stacks, or more: that of the coroutine, and
those of who resumed it. Each is walked by itself, since gdb takes a chain of
frames that leads to lower addresses for broken. Stacks that oa_call_grown()
made are walked through: gdb trusts frames of functions named __morestack.
"""
import contextlib
import struct

import gdb
import gdb.unwinder

from .inferior import as_int, text
from .tasks import TASK_GROWN

# Registers pc, fp, base, sp, and how far sp is from the frame.
FRAMES = {
    "i386:x86-64": ("rip", "rbp", "rbx", "rsp", 152),
    "aarch64": ("pc", "x29", "x19", "sp", 32),
}


class Unreadable(gdb.GdbError):
    """A stack that is not there."""


class FrameId:
    def __init__(self, sp, pc):
        self.sp = gdb.Value(sp)
        self.pc = gdb.Value(pc)


def stack_pointer(frame):
    return as_int(frame.read_register("sp"))


class Unwinder(gdb.unwinder.Unwinder):
    """Of one thread while a View is open."""

    def __init__(self):
        super().__init__("liboa")
        self.enabled = False
        self.view = None

    def show(self, view):
        self.view = view
        self.enabled = view is not None
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        view = self.view
        if not view or gdb.selected_thread().ptid != view.ptid:
            return None
        here = (as_int(pending.read_register("sp")),
                as_int(pending.read_register("pc")))
        if here != view.base:
            return None
        # Below the frames to come, as a callee's would be.
        info = pending.create_unwind_info(FrameId(view.frame, here[1]))
        for name, value in zip(view.registers, view.values):
            kind = pending.read_register(name).type
            info.add_saved_register(name, gdb.Value(value).cast(kind))
        return info


unwinder = Unwinder()


class View:
    """`with View(lib, frame) as first:` the innermost gdb.Frame of a stack."""

    def __init__(self, lib, frame):
        thread = gdb.selected_thread()
        if not thread:
            raise gdb.GdbError("No thread is selected.")
        if not frame:
            raise Unreadable("its thread was not found")
        self.ptid = thread.ptid
        self.frame = frame
        newest = gdb.newest_frame()
        arch = newest.architecture().name()
        if arch not in FRAMES:
            raise gdb.GdbError("liboa's frames on %s are not known." % arch)
        *self.registers, skip = FRAMES[arch]
        words = self.read(lib, frame)
        self.sp = frame + skip
        self.values = words + [self.sp]
        self.pc = words[0]
        self.base = (stack_pointer(newest), as_int(newest.read_register("pc")))

    @staticmethod
    def read(lib, frame):
        try:
            words = struct.unpack("<QQQ", lib.memory.read(frame, 24))
        except gdb.MemoryError:
            words = (0, 0, 0)
        if words[0]:
            return list(words)
        if gdb.selected_inferior().connection.type == "core":
            raise Unreadable("its stack is not in the core file: "
                             "see `help oa core`")
        raise Unreadable("its stack at %#x cannot be read" % frame)

    def __enter__(self):
        self.selected = gdb.selected_frame()
        self.level = self.selected.level()
        unwinder.show(self)
        try:
            return self.first()
        except BaseException:
            unwinder.show(None)
            raise

    def __exit__(self, *_):
        unwinder.show(None)
        select_level(self.level)

    def first(self):
        frame = gdb.newest_frame()
        while frame and stack_pointer(frame) != self.sp:
            frame = frame.older()
        if not frame:
            raise gdb.GdbError("The frame at %#x could not be unwound." %
                               self.frame)
        return frame


def select_level(level):
    frame = gdb.newest_frame()
    while frame and frame.level() < level:
        frame = frame.older()
    if frame:
        frame.select()


@contextlib.contextmanager
def selection_kept():
    """Threads are switched in there."""
    selected, level = gdb.selected_thread(), gdb.selected_frame().level()
    try:
        yield
    finally:
        selected.switch()
        select_level(level)


def callers(frame, limit):
    """A frame, and those that called it."""
    while frame and limit:
        yield frame
        frame = frame.older()
        limit -= 1


class Threads:
    """Where the stack pointers of all threads are."""

    def __init__(self):
        self.pointers = []
        selected = gdb.selected_thread()
        frame = gdb.selected_frame() if selected else None
        level = frame.level() if frame else 0
        for thread in gdb.selected_inferior().threads():
            if thread.is_running():
                continue
            thread.switch()
            self.pointers.append((stack_pointer(gdb.newest_frame()), thread))
        if selected:
            selected.switch()
            select_level(level)
        self.lent = None

    def by_local(self, lib, name, file):
        """By a thread-local pointer, where gdb finds those."""
        found = {}
        with selection_kept():
            for _, thread in self.pointers:
                thread.switch()
                try:
                    found[as_int(lib.variable(name, file))] = thread
                except gdb.error:
                    pass
        return found

    def by_stack(self):
        """By core/pool.c's run(), whose t is the task."""
        found = {}
        with selection_kept():
            for _, thread in self.pointers:
                thread.switch()
                try:
                    for frame in callers(gdb.newest_frame(), 1024):
                        f = frame.function()
                        if (f and f.name == "run" and
                                f.symtab.filename.endswith("core/pool.c")):
                            found[as_int(frame.read_var("t"))] = thread
                except gdb.error:
                    pass
        return found

    def of_pool(self, lib, task):
        """The one of the blocking pool that runs a task, or None."""
        if self.lent is None:
            self.lent = self.by_local(lib, "lent_tls", "core/thread.c")
            self.lent = self.lent or self.by_stack()
        return self.lent.get(task)


class Coroutine:
    def __init__(self, lib, address):
        self.address = address
        self.value = lib.at("oa_coro", address)
        self.outer = as_int(self.value["outer"])
        self.map = as_int(self.value["map"])
        self.state = int(self.value["state"])
        name = lib.memory.read(as_int(self.value["name"].address),
                               self.value["name"].type.sizeof)
        self.name = text(name)

    def end(self):
        return self.map + int(self.value["map_size"])

    def frame(self, which):
        """`ctx`, its own while it is suspended, or `resumer`."""
        return as_int(self.value[which]["sp"])

    def __str__(self):
        return "coroutine %s%#x" % (
            "\"%s\" " % self.name if self.name else "", self.address)


class Stacks:
    """The stacks that a task is on, innermost first."""

    def __init__(self, world, task):
        self.lib = world.lib
        self.task = task
        self.coros = []
        coro = task.raw.coro
        while coro and len(self.coros) < 1000:
            self.coros.append(Coroutine(self.lib, coro))
            coro = self.coros[-1].outer
        self.low = self.high = 0
        if task.raw.stack and task.started and task.state != "ended":
            stack = self.lib.at("stack", task.raw.stack)
            if as_int(stack["low"]):    # else a core file without stacks
                self.low, self.high = as_int(stack["low"]), task.raw.stack

        self.ranges = [(self.low, self.high)]
        self.ranges += [(c.map, c.end()) for c in self.coros]
        if task.raw.flags & TASK_GROWN and task.raw.ext:
            ext = self.lib.at("task_ext", task.raw.ext)
            self.add_grown(as_int(ext["grown"]))
        for c in self.coros:
            self.add_grown(as_int(c.value["grown"]))

    def add_grown(self, at):
        while at and len(self.ranges) < 10000:
            grown = self.lib.at("grown", at)
            stack = as_int(grown["stack"])
            low = as_int(self.lib.at("stack", stack)["low"])
            if not low:     # a core file without stacks
                break
            self.ranges.append((low, stack))
            at = as_int(grown["outer"])

    def holds(self, address):
        return any(low <= address < high for low, high in self.ranges)

    def thread(self, threads):
        """The thread that runs it, whatever the scheduler says of it."""
        if self.task.on_pool:
            return threads.of_pool(self.lib, self.task.address)
        for sp, thread in threads.pointers:
            if self.holds(sp):
                return thread
        return self.interrupted(threads)

    def interrupted(self, threads):
        """A signal that came while it ran is handled on another stack."""
        if self.task.state != "running":
            return None
        with selection_kept():
            for _, thread in threads.pointers:
                thread.switch()
                for frame in callers(gdb.newest_frame(), 64):
                    if self.holds(stack_pointer(frame)):
                        return thread
        return None

    def frames(self):
        """Where they are suspended; the first not, if a thread runs it."""
        own = 0 if self.task.on_pool else self.task.raw.ctx_sp
        return [own] + [c.frame("resumer") for c in self.coros]
