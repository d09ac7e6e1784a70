"""What `optbench init` writes: a commented study file, plug-ins, the pipeline."""
