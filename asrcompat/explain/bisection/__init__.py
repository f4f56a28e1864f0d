"""Bisection: where along a package's releases something breaks, or which change between two locks broke it."""
