"""The plan room: what to install (locks), from where (indexes)."""
