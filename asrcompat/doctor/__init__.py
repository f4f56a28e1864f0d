"""An environment that somebody has already: probed as it is, where it is, with nothing installed into it.

look (which interpreter) ─► patient (what is in it) ─► examine (the matrix's own probe) ─► show, and a result file
                                └ origins: what of it is no release     └ given: one's own ESPnet configuration
guests: such result files, from this machine or another, on their way into a report
"""
