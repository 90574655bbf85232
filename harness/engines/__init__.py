"""Engines: where the model runs.

A file here holds `open(settings, backend, chosen, decoding)`, a context manager that gives a model
which is open there: `settings` are the engine's own, `chosen` those of the backend of that name.
"""
