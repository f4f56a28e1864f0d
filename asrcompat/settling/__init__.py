"""The command ``rules``: where results leave several explanations open, the runs that tell them apart."""
