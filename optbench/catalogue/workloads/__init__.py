"""Built-in workloads: `entries` names them, one kind of model or loss a file."""
