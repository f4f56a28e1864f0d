"""A toolkit's own command line, run as a person runs it: one process for one command, in the probe's own environment.

    findings/recipe ─► espnet (which command, with which options) ─► command ─► entry (in the new process) ─► toolkit

The network is refused in the new process as it is here; a command that fails for that says nothing about the packages.
"""
