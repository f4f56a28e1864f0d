"""What results mean: pure functions of them."""
