# SPDX-License-Identifier: MIT
"""liboa as a debugger sees it.

inferior    symbols, layouts and memory of the process or core file
tasks       runtimes, workers, tasks
frames      the frames of what is suspended
corefile    core files that have the stacks
arguments, lists, stacks, commands      what the user types

Nothing here runs code of the process or changes it.
"""
