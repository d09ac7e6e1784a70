"""Data drawn on axes: `draw_*` functions read no file, compute no statistic and keep no state."""
