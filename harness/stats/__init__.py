"""Statistics of bias contrasts: arrays in, numbers out; NumPy and SciPy only.

Callers import from the modules: `intervals`, `significance`, `multiplicity`, `binomial`, `margins`,
`power`, `regression`. Bad input (empty, NaN, infinite, out of range) raises ValueError.
"""
