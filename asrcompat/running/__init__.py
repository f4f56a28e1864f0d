"""What ``matrix`` does: plan, run stack by stack within the disk and the time there is, report."""
