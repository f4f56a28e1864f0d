"""The laboratory: an environment with changes made to it, probed like any other, and kept apart from the matrix's own.

    request, changes ─► variant (another request) ─► lock ─► known already? ─► build, lay out, probe ─► result

What a change does not touch stays as it was: a change of a configuration is tried in the very environment that the
matrix built.
"""
