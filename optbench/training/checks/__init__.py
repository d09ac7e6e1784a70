"""What `optbench check` tries on optimizers, schedules and workloads, a module each."""
