"""The command ``remedy``: what is broken in the results there are, what may cure it, and what came of trying."""
