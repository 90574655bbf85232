"""lm-eval: the JSONL that lm-evaluation-harness writes with --log_samples.

A line is a document under one filter: `doc_id`, `doc`, `arguments`, and `resps`, what the model gave
before any filter: for each request its repeats. A text stands as it is; a scored continuation as
[log-likelihood, greedy or not], in texts. Requests without a context beside others that have one
(`acc_mutual_info`) are passed over. Log-likelihoods are sums over tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import NotFound
from harness.models._table import broken, jsonl, mapping, some, value


def read(path: Path, id: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields the answers of a log.

    Raises:
        BadModel: it is no such log.
        NotFound: a document has no field of that name.
    """
    for line, row in jsonl(path):
        requests = row.get("resps")
        if not isinstance(requests, list) or not all(isinstance(r, list) for r in requests):
            known = "a line of samples_TASK_DATE.jsonl, as --log_samples writes it"
            raise broken(path, line, "no list of lists under `resps`", known)
        name = id or ("doc.id" if value(row, "doc.id") is not None else "doc_id")
        if value(row, name) is None:
            fields = [*row, *(f"doc.{key}" for key in mapping(row.get("doc")))]
            raise NotFound.among("field", name, some(fields), where=f"{path}:{line}")
        scored = [
            r for r, kept in zip(requests, _contexts(row, len(requests)), strict=True) if kept
        ]
        for told in _answers(scored):
            yield line, {"id": value(row, name), **told}


def _answers(requests: Sequence[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yields an answer for each sample: texts of one request, or a score from each."""
    if len(requests) == 1 and requests[0] and not isinstance(requests[0][0], list):
        for sample, text in enumerate(requests[0]):
            yield {"sample": sample, "text": text}
        return
    yield {"sample": 0, "logprobs": [_score(r[0]) if r else None for r in requests] or None}


def _score(pair: Any) -> Any:
    """Returns the log-likelihood of [log-likelihood, greedy]; what is none is refused later."""
    found = pair[0] if isinstance(pair, list) and pair else pair
    try:
        return float(found) if isinstance(found, str) else found
    except ValueError:
        return found


def _contexts(row: Mapping[str, Any], count: int) -> list[bool]:
    """Says which requests have a context; all, where none has or they are not listed."""
    listed = [_context(each) for each in mapping(row.get("arguments")).values()]
    if len(listed) != count or not any(listed):
        return [True] * count
    return [bool(context) for context in listed]


def _context(arguments: Any) -> Any:
    return mapping(arguments).get("arg_0")
