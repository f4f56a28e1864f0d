"""Signatures: recognised failures, as data, and what is said of a failure that none of them matches.

    cell ─► facts (what was raised, from what, where) ─► classify by the catalogue ─► signature, or a fingerprint

The catalogue explains; it never decides an outcome. A failure that no entry matches is `unrecognised`.
"""
