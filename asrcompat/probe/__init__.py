"""The probe: runs inside the environment under test, climbs the ladder, writes what it saw.

Plain standard library, in syntax that Python 3.8 reads; nothing of the harness is imported and nothing is
installed. `__main__` loads this package under a private name, so that none of its modules can be taken for
one of the environment's.

    settings.json ─► __main__ ─► imports a path's modules, forks a child per path (isolate) ─► ladder ─► <path>.jsonl

The importing parent computes nothing: one matrix product there, and the next one in a forked child hangs.
"""
