"""The run room: interpreters, environments, the probe's processes, one environment's session, many in parallel."""
