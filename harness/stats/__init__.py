"""Statistics of bias contrasts: arrays in, numbers out; NumPy and SciPy only
(`mixed` alone takes statsmodels, when it is called).

Callers import from the modules. One difference for each scenario: `clusters`, `intervals`,
`significance`, `multiplicity`, `joint`, `margins`, `power`. Names beside scenarios: `crossed`,
`names_power`. Looking more than once: `spending`, `looks`, `betting`, `anytime`. Two releases:
`regression`. Other questions: `binomial`, `ratio`, `heterogeneity`, `pooling`, `mixed`.
Bad input (empty, NaN, infinite, out of range) raises ValueError.
"""
