"""``asrcompat ask``: what to install, by what was tested."""
