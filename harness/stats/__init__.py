"""Statistics of bias contrasts: arrays in, numbers out; NumPy and SciPy only.

Callers import from the modules. One difference for each scenario: `clusters`, `intervals`,
`significance`, `multiplicity`, `joint`, `margins`, `power`. Names beside scenarios: `crossed`. Looking more
than once: `spending`, `betting`. Other questions: `binomial`, `ratio`, `heterogeneity`, `pooling`,
`regression`.
Bad input (empty, NaN, infinite, out of range) raises ValueError.
"""
