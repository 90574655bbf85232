"""Published sets: their data -> probes whose prompts are the set's own, and the numbers it reports.

A file without a leading underscore is a set, and its name is `suite.benchmark`. It holds `SET` (what
it is, who licenses it, the checksums of upstream's files; see `_source.Source`; gbt45654 has none, as
its items are our own probes), `load(given)` -> the probes, whose `prompts` are ready (an item's id is
its prompt's id: SET/PART/ID), and `publish(answered)`: pairs of prompt and responses -> the set's own
numbers. The data stay where they are; nothing of them is committed.
"""
