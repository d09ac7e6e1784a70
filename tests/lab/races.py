"""A study that races, small enough to be run many times: its runs differ by starts, inputs and dropout."""

from __future__ import annotations

RACE = """
    study: race
    seeds: {until: decided, looks: [6, 8, 10], equal_within: 0.01%}
    timing: false
    probes: false
    workloads: {line: {factory: "plugin:noisy_line", epochs: 2}}
    optimizers:
      slow: {like: sgd, lr: 0.001}
      sgd: {lr: 0.1}
      near: {like: sgd, lr: 0.104}
      heavy_ball: {lr: 0.05}
    """
"""Four combinations on one workload: at most 40 cells, of which the slow one needs 6."""

RACING = "{until: decided, looks: [6, 8, 10], equal_within: 0.01%}"
"""What it has for seeds."""
