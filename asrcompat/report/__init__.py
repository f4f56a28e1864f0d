"""Every published form, as pure functions of `asrcompat.model.Results`.

`merge` makes one `Results` of the per-environment files and `check` holds it against the design's
invariants; `view` prepares everything that the forms share, most of it as the plain tables of `grid`;
`render` (Markdown pages, HTML), `terminal`, `summary`, `junit` and `badge` write the forms. Nothing
here reads a clock, a host or a package: the same results give the same bytes.
"""
