"""An environment that somebody has already: probed as it is, where it is, with nothing installed into it.

patient (which interpreter, what is in it) ─► examine (the same probe as the matrix's) ─► show, and a result file
                                                 └ given: a person's own ESPnet configuration and checkpoint
guests: such result files, from this machine or another, on their way into a report
"""
