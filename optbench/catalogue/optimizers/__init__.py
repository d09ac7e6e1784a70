"""Built-in optimizers: `entries` names them, one algorithm a file, `make` turns a spec into one."""
