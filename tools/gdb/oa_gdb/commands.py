# SPDX-License-Identifier: MIT
"""The commands, as gdb gets them."""
import gdb

from . import frames, lists, stacks
from .arguments import find_task
from .inferior import Library
from .tasks import World


class Prefix(gdb.Command):
    """Look at the tasks of liboa, live or in a core file. See oa(7)."""

    def __init__(self):
        super().__init__("oa", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE, True)

    def invoke(self, argument, _from_tty):
        if argument:
            raise gdb.GdbError("There is no `oa %s`: see `help oa`." % argument)
        gdb.execute("help oa")


class TaskFunction(gdb.Function):
    """The descriptor of a task: $oa_task("name"), $oa_task(0x1000002)"""

    def __init__(self):
        super().__init__("oa_task")

    def invoke(self, which):
        world = World(Library())
        kind = which.type.strip_typedefs()
        if kind.code == gdb.TYPE_CODE_ARRAY:
            t = find_task(world, which.string())
        elif kind.code == gdb.TYPE_CODE_STRUCT:
            t = world.by_handle(int(which["id"]))
        else:
            t = world.by_handle(int(which))
        return t.value().address


def register():
    Prefix()
    for command in (lists.Runtimes, lists.Workers, lists.Tasks, lists.Task,
                    stacks.Backtrace, stacks.Apply, stacks.Coro, stacks.Core,
                    TaskFunction):
        command()
    gdb.unwinder.register_unwinder(None, frames.unwinder, replace=True)
