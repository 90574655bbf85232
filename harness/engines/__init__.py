"""Engines: where the calls run."""
