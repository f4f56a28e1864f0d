"""What the commands do about plans: make one where a profile covers, tell it, and tell the story of one environment."""
