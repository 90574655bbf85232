"""Outcomes joined with what was asked: one row an outcome.

Neither a stage nor a record: what everything that judges starts from.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

ASKED = ("probe", "format", "language", "scenario", "item", "surface", "arm", "order", "look")
"""What is joined of a prompt, besides its `id` and `roles`."""


def join(prompts: pa.Table, outcomes: pa.Table) -> pd.DataFrame:
    """Joins outcomes with their prompts; groups by role in `own`, whose role is `role`, and `other`.

    Texts are categories in the order of their letters: a million prompts are compared and sorted
    by their codes.
    """
    ids = prompts.column("id").combine_chunks()
    answered = _coded(outcomes.column("prompt"))
    at = pc.index_in(answered.dictionary, value_set=ids).take(answered.indices).to_numpy()
    roles = prompts.column("roles").combine_chunks()
    asked = {
        **{name: prompts.column(name) for name in ASKED},
        "role": _at(roles, 0, roles.keys),
        **{name: _at(roles, place, roles.items) for place, name in enumerate(("own", "other"))},
    }
    columns = {name: _column(values)[at] for name, values in asked.items()}
    columns["prompt"] = pd.Categorical.from_codes(at, categories=ids.to_pandas())
    for name, found in (("outcome", "name"), ("sample", "sample"), ("seen", "seen")):
        columns[name] = _column(outcomes.column(found))
    return pd.DataFrame(columns | {"value": outcomes.column("value").to_numpy()}, copy=False)


def _at(roles: pa.MapArray, place: int, of: pa.Array) -> pa.Array:
    """Returns of each prompt's first or second role its name or group; empty without one."""
    starts = roles.offsets.to_numpy()
    there = np.diff(starts) > place
    at = np.where(there, starts[:-1] + place, 0)
    told = of.take(pa.array(at)) if len(of) else pa.nulls(len(roles), pa.string())
    return pc.if_else(pa.array(there), told, "")


def _coded(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Returns texts as a dictionary and codes, other values as one array."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values.dictionary_encode() if pa.types.is_string(values.type) else values


def _column(values: pa.Array | pa.ChunkedArray) -> Any:
    values = _coded(values)
    if not pa.types.is_dictionary(values.type):
        return values.to_numpy(zero_copy_only=False)
    names, codes = values.dictionary.to_numpy(zero_copy_only=False), values.indices.to_numpy()
    order = np.argsort(names)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order))
    return pd.Categorical.from_codes(rank[codes], categories=pd.Index(names[order]))
