"""What is tried after the climb: one file per finding (their form: `found`)."""
