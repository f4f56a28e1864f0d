"""Remedies: changes that were tried on a copy of an environment, and what came of them.

    failed cells ─► groups (one signature or fingerprint each) ─► candidates, the least intrusive first
                 ─► the laboratory ─► smaller ─► recorded: verified, or tried

Nothing here decides an outcome of the environment that was to be cured; a change that was not run is no remedy.
"""
