"""Logs of other harnesses: a file with `read(path, id)`, which yields (line, fields) of each answer.

The fields are those of `harness.models._answers.COLUMNS`; `id` names what holds the id of a prompt,
or is empty. A dash in the name that is given stands for the file's underscore.
"""
