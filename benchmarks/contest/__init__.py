"""The parts of the benchmark beside plain noxfiles (`beside_nox.py`)."""
