"""`bisect`: which release along an axis, or which change between two locks, broke or cured something; by running."""
