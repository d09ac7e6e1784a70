"""What the solvers and data sets of this benchmark share."""
