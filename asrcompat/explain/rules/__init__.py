"""Rules: the smallest conditions on versions that explain a group of failures, or that the data do not decide."""
