"""A bias and discrimination evaluation harness for language models."""

__version__ = "0.1.0"
