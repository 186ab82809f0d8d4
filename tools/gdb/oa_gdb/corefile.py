# SPDX-License-Identifier: MIT
"""Core files that have the stacks.

Where gdb meets a page that it cannot read, its generate-core-file leaves out
the rest of that mapping. The guard pages of stacks are such pages, and lie in
one mapping with the stacks (which keeps a million of them few mappings). So
the pages that exist are written into the file afterwards.
"""
import array
import os
import re
import struct

import gdb

PAGE = os.sysconf("SC_PAGESIZE")
PT_LOAD = 1
PRESENT = 3 << 62       # in memory, or swapped out
STEP = 1 << 16          # pages looked up at once
FAILED = re.compile(r"Memory read failed .*? at (0x[0-9a-f]+)")


def segments(file):
    """(address, size, offset) of what an ELF core file has of memory."""
    file.seek(32)
    phoff, = struct.unpack("<Q", file.read(8))
    file.seek(54)
    phentsize, phnum = struct.unpack("<HH", file.read(4))
    if phnum == 0xffff:     # too many for the field: see elf(5)
        file.seek(40)
        shoff, = struct.unpack("<Q", file.read(8))
        file.seek(shoff + 44)
        phnum, = struct.unpack("<I", file.read(4))
    file.seek(phoff)
    data = file.read(phentsize * phnum)
    for i in range(phnum):
        kind, _, offset, address, _, size = struct.unpack_from(
            "<IIQQQQ", data, i * phentsize)
        if kind == PT_LOAD and size:
            yield address, size, offset


def present(pid, start, end):
    """Runs of pages that exist, as (address, size)."""
    with open("/proc/%d/pagemap" % pid, "rb", buffering=0) as pagemap:
        for at in range(start // PAGE, end // PAGE, STEP):
            pagemap.seek(at * 8)
            count = min(STEP, end // PAGE - at)
            data = pagemap.read(count * 8)
            if not data.strip(b"\0"):
                continue
            run = 0
            for i, entry in enumerate(array.array("Q", data)):
                if entry & PRESENT:
                    run += 1
                elif run:
                    yield (at + i - run) * PAGE, run * PAGE
                    run = 0
            if run:
                yield (at + len(data) // 8 - run) * PAGE, run * PAGE


def copy(inferior, file, offset, address, size):
    """How many bytes could be read; a guard may look as if it existed."""
    try:
        data = inferior.read_memory(address, size)
    except gdb.MemoryError:
        if size == PAGE:
            return 0
        half = size // PAGE // 2 * PAGE
        return (copy(inferior, file, offset, address, half) +
                copy(inferior, file, offset + half, address + half,
                     size - half))
    file.seek(offset)
    file.write(data)
    return size


def complete(path, failed):
    """Writes what is missing from the addresses on where gdb gave up."""
    inferior = gdb.selected_inferior()
    total = 0
    with open(path, "r+b") as file:
        for address, size, offset in list(segments(file)):
            for start in failed:
                if not address <= start < address + size:
                    continue
                for at, n in present(inferior.pid, start, address + size):
                    total += copy(inferior, file, offset + at - address, at, n)
    return total


def generate(path):
    link = gdb.selected_inferior().connection
    if not link or link.type != "native":
        raise gdb.GdbError("This needs a live process of this machine.")
    said = gdb.execute("generate-core-file " + path, to_string=True)
    failed = [int(a, 16) for a in FAILED.findall(said)]
    total = complete(path, failed) if failed else 0
    print("Saved corefile %s, with %d KiB beside guard pages" %
          (path, total // 1024))
