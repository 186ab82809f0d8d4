# SPDX-License-Identifier: MIT
"""Symbols, layouts and memory of the process or core file.

A program may have a `struct task` and a `runtimes` of its own: types are
looked up from where the library's own functions stand, variables by the file
that defines them.
"""
import collections
import os
import struct

import gdb

CODES = {(1, False): "B", (2, False): "H", (4, False): "I", (8, False): "Q",
         (1, True): "b", (2, True): "h", (4, True): "i", (8, True): "q"}


def code_of(t):
    """How the module struct names a type."""
    t = t.strip_typedefs()
    if t.code == gdb.TYPE_CODE_ARRAY:
        return "%ds" % t.sizeof
    signed = t.code == gdb.TYPE_CODE_INT and t.is_signed
    return CODES[t.sizeof, signed]


class Layout:
    """Some fields of a structure, taken from bytes many times over."""

    def __init__(self, ctype, *paths):
        fields = sorted(self.place(ctype, p) + (p,) for p in paths)
        self.type = ctype
        self.size = ctype.sizeof
        form, at = "<", 0
        for offset, size, code, _ in fields:
            form += "%dx%s" % (offset - at, code)
            at = offset + size
        form += "%dx" % (self.size - at)
        self.struct = struct.Struct(form)
        self.tuple = collections.namedtuple(
            ctype.name, [p.replace(".", "_") for _, _, _, p in fields])

    @staticmethod
    def place(ctype, path):
        offset = 0
        for name in path.split("."):
            field = ctype[name]
            offset += field.bitpos // 8
            ctype = field.type.strip_typedefs()
        return offset, ctype.sizeof, code_of(ctype)

    def unpack(self, data):
        return self.tuple._make(self.struct.unpack(data))

    def unpack_all(self, data):
        return map(self.tuple._make, self.struct.iter_unpack(data))


class Memory:
    """Reads, in blocks that are kept while one command runs."""
    BLOCK = 1 << 16
    PAGE = 1 << 12
    KEPT = 256

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        self.blocks = {}

    def read(self, address, size):
        return self.inferior.read_memory(address, size).tobytes()

    def string(self, address, limit):
        """Up to its NUL, which what follows may not be there behind."""
        to_end = self.PAGE - address % self.PAGE
        data = self.read(address, min(limit, to_end))
        if b"\0" not in data and len(data) < limit:
            data += self.read(address + to_end, limit - to_end)
        return text(data)

    def near(self, address, size):
        """For small things that lie close to others of their kind."""
        start = address // self.BLOCK * self.BLOCK
        if address + size > start + self.BLOCK:
            return self.read(address, size)
        if start not in self.blocks:
            if len(self.blocks) >= self.KEPT:
                self.blocks.clear()
            try:
                self.blocks[start] = self.read(start, self.BLOCK)
            except gdb.MemoryError:
                self.blocks[start] = None
        block = self.blocks[start]
        if block is None:
            return self.read(address, size)
        return block[address - start:address - start + size]


class Library:
    """The liboa of the selected inferior."""
    # Functions, with their files, which know these structures.
    KNOWN = {
        ("oa_tasks", "core/inspect.c"): {
            "task", "task_ext", "stack", "op", "runtime", "worker",
            "slab_cache", "slab_chunk"},
        ("oa_mutex_lock", "sync/mutex.c"): {"waiter"},
        ("oa_call_grown", "core/grown.c"): {"grown"},
        ("oa_coro_resume", "arch/coro.c"): {"oa_coro"},
        ("conds_check", "sync/conds.c"): {"start"},
    }

    def __init__(self):
        if not gdb.selected_inferior().pid:
            raise gdb.GdbError("The program is not being run.")
        self.memory = Memory()
        self.types = {}

    @staticmethod
    def symbol(name, file):
        """The one that the library's file defines."""
        found = list(gdb.lookup_static_symbols(name))
        found.append(gdb.lookup_global_symbol(name))
        found += [o.lookup_global_symbol(name) for o in gdb.objfiles()]
        return next((s for s in found
                     if s and s.symtab.filename.endswith(file)), None)

    @classmethod
    def scope(cls, function, file):
        """What the file that defines a function has."""
        symbol = cls.symbol(function, file)
        if symbol:
            return symbol.symtab.static_block()
        try:
            where = int(gdb.parse_and_eval("(long)&" + function))
        except gdb.error:
            raise gdb.GdbError("There is no liboa in this program, or its "
                               "symbols were stripped.")
        raise gdb.GdbError(
            "No debug information of liboa in %s: these commands take the "
            "layout of tasks from it. Use a library built with -g and not "
            "stripped." % (gdb.solib_name(where) or "the program"))

    def structure(self, name):
        """gdb.lookup_type() would rather find the program's own."""
        if name not in self.types:
            scope, names = next((self.scope(*f), n)
                                for f, n in self.KNOWN.items() if name in n)
            for s in scope:
                if s.name in names and s.type.code == gdb.TYPE_CODE_STRUCT:
                    self.types[s.name] = s.type
            if name not in self.types:
                raise gdb.GdbError("liboa's struct %s was not found." % name)
        return self.types[name]

    def enumeration(self, name):
        for s in self.scope("oa_tasks", "core/inspect.c"):
            if s.name == name and s.type.code == gdb.TYPE_CODE_ENUM:
                return [(f.name, f.enumval) for f in s.type.fields()]
        return []

    def variable(self, name, file):
        """A variable of the library's, as a gdb.Value."""
        s = self.symbol(name, file)
        if s:
            return s.value()
        try:
            return gdb.parse_and_eval("'%s'::%s" % (file, name))
        except gdb.error:
            raise gdb.GdbError("liboa's variable %s was not found." % name)

    def at(self, name, address):
        """The structure of that name at an address."""
        pointer = gdb.Value(address).cast(self.structure(name).pointer())
        return pointer.dereference()

    def layout(self, name, *paths):
        return Layout(self.structure(name), *paths)

    def each(self, head, name, link):
        """What hangs on a list of liburcu's, by the field that links it."""
        offset = Layout.place(self.structure(name), link + ".next")[0]
        start = int(head.address)
        node = int(head["next"])
        while node and node != start:
            thing = self.at(name, node - offset)
            node = int(thing[link]["next"])
            yield thing


def as_int(value):
    """Pointers and integers alike."""
    return int(value) & ((1 << 64) - 1)


def text(value):
    """A char array up to its NUL."""
    return value.split(b"\0", 1)[0].decode(errors="replace")


class Places:
    """Code addresses in words, each asked for once."""

    def __init__(self):
        self.known = {}

    @staticmethod
    def function(pc):
        """Its function, without debug information by the symbol table."""
        block = gdb.block_for_pc(pc)
        while block and not block.function:
            block = block.superblock
        if block:
            return block.function.print_name
        said = gdb.execute("info symbol %#x" % pc, to_string=True)
        if said.startswith("No symbol"):
            return "%#x" % pc
        return said.split(" in section")[0].split(" + ")[0]

    def name(self, pc):
        if pc not in self.known:
            self.known[pc] = self.function(pc) if pc else "-"
        return self.known[pc]

    def site(self, after, full=False):
        """Of the call that returns to an address."""
        key = (after, full)
        if key not in self.known:
            self.known[key] = self.describe(after, full) if after else "-"
        return self.known[key]

    def describe(self, after, full):
        sal = gdb.find_pc_line(after - 1)
        name = self.name(after - 1)
        if not sal.symtab or not sal.line:
            return name
        file = sal.symtab.filename
        if not full:
            file = os.path.basename(file)
        return "%s (%s:%d)" % (name, file, sal.line)
