"""Every published form, as pure functions of `asrcompat.model.Results`.

`merge` makes one `Results` of the per-environment files and `check` holds it against the design's
invariants; `view` turns it into the tables and sections that the forms share; each of the other
modules writes one form. Nothing here reads a clock, a host or a package: the same results give the
same bytes.
"""
