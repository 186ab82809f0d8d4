# SPDX-License-Identifier: MIT
"""gdb commands for liboa: `source oa.py`, then `help oa`. See oa(7).

The work is done by the package oa_gdb beside this file. It is loaded afresh
each time, so that another version of the library brings its own, and leaves
no compiled files behind.
"""
import os
import sys

import gdb


def load():
    if not hasattr(gdb, "TargetConnection"):
        raise gdb.GdbError("oa.py needs gdb 11 or newer.")
    # __file__ is another's if a script in Python sources this one.
    here = os.path.dirname(os.path.realpath(load.__code__.co_filename))
    bytecode = sys.dont_write_bytecode
    for name in [m for m in sys.modules if m.split(".")[0] == "oa_gdb"]:
        del sys.modules[name]
    sys.path.insert(0, here)
    sys.dont_write_bytecode = True
    try:
        import oa_gdb.commands
        oa_gdb.commands.register()
    finally:
        sys.dont_write_bytecode = bytecode
        sys.path.remove(here)


load()
