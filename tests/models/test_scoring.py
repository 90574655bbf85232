"""Packed scores are those of a plain forward, however the window is cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.models import _packing
from harness.models._packing import Request, common_header, plan
from harness.models._scoring import Scorer
from tests.models.conftest import close, random_model

torch = pytest.importorskip("torch")
VOCABULARY = 97
MODELS = {shape: random_model(shape, VOCABULARY) for shape in ("llama", "gpt2", "qwen")}
SCORERS = {shape: Scorer(model, 64) for shape, model in MODELS.items()}


def plain(model: Any, request: Request) -> list[float]:
    """Scores one sequence by itself, with nothing of ours."""
    ids = torch.tensor([request.tokens])
    with torch.inference_mode():
        table = model(ids).logits[0].double().log_softmax(-1)
    return [
        float(table[at - 1, request.tokens[at]]) for at in range(request.start, len(request.tokens))
    ]


def agree(got: list[float], want: list[float]) -> bool:
    return len(got) == len(want) and close(sum(got), sum(want))


@st.composite
def windows(draw: st.DrawFn) -> list[Request]:
    """Draws sequences that branch off each other, some behind a header that all share."""
    token = st.integers(0, VOCABULARY - 1)
    header = draw(st.lists(token, max_size=24))
    sequences: list[list[int]] = []
    for _ in range(draw(st.integers(1, 12))):
        stem: list[int] = draw(st.sampled_from(sequences)) if sequences else []
        kept = stem[: draw(st.integers(0, len(stem)))]
        sequences.append(kept + draw(st.lists(token, min_size=2, max_size=12)))
    whole = [tuple(header + sequence) for sequence in sequences]
    return [Request(tokens, draw(st.integers(1, len(tokens) - 1))) for tokens in whole]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(window=windows(), shape=st.sampled_from(sorted(MODELS)), data=st.data())
def test_packed_scores_are_plain_scores_at_any_batch_and_in_any_order(
    window: list[Request], shape: str, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(window))))
    for batch in (1, 7, 32, 4096):
        scorer = SCORERS[shape]
        scorer.batch = batch
        got = scorer.score([window[i] for i in order])
        for place, i in enumerate(order):
            assert agree(got[place], plain(MODELS[shape], window[i]))


@settings(max_examples=50, deadline=None)
@given(window=windows(), width=st.sampled_from([1, 32, 4096]))
def test_rows_hold_each_scored_token_once_and_no_leaf(window: list[Request], width: int) -> None:
    rows = plan(window, common_header(window), width=width)
    places = sorted((index, place) for row in rows for _, _, index, place in row.targets)
    assert places == [(i, k) for i, r in enumerate(window) for k in range(len(r.tokens) - r.start)]
    assert all(parent < node for row in rows for node, parent in enumerate(row.parents))


@settings(max_examples=50, deadline=None)
@given(window=windows(), width=st.sampled_from([1, 8, 64]))
def test_no_other_cuts_of_the_sorted_sequences_cost_less(window: list[Request], width: int) -> None:
    def work(rows: Iterable[int]) -> float:
        return sum(n * (1 + _packing.KEY * n / width) for n in rows)

    fed = sorted(request.tokens for request in window[:8])
    fed = [tokens[:-1] for tokens in fed]

    def nodes(group: Sequence[tuple[int, ...]]) -> int:
        return len({own[: depth + 1] for own in group for depth in range(len(own))})

    best = min(
        work(nodes(fed[a:b]) for a, b in pairwise([0, *cuts, len(fed)]))
        for size in range(len(fed))
        for cuts in combinations(range(1, len(fed)), size)
    )
    got = work(len(row.tokens) for row in plan(window[:8], width=width))
    assert got == pytest.approx(best)


def test_a_prefix_is_computed_once() -> None:
    stem = tuple(range(50))
    window = [Request((*stem, 60 + i, 70, 80), 50) for i in range(4)]
    assert sum(len(row.tokens) for row in plan(window)) == 50 + 4 * 2


def test_equal_requests_get_equal_scores() -> None:
    window = [Request((5, 6, 7, 8), 1)] * 3
    scores = SCORERS["llama"].score(window)
    assert scores[0] == scores[1] == scores[2]


@pytest.mark.parametrize("shape", sorted(MODELS))
def test_a_plain_architecture_is_packed_as_a_tree(shape: str) -> None:
    assert SCORERS[shape].packing == "tree"


def test_a_sliding_window_is_not_packed_as_a_tree_and_scores_the_same() -> None:
    model = random_model("sliding", VOCABULARY)
    scorer = Scorer(model, 64)
    window = [Request(tuple(range(3, 40)), 20), Request((*range(3, 30), 70, 71), 20)]
    assert scorer.packing == "sorted"
    for got, request in zip(scorer.score(window), window, strict=True):
        assert agree(got, plain(model, request))


def test_a_model_that_ignores_tree_positions_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("llama", VOCABULARY)
    forward = model.model.forward

    def deaf(*args: Any, position_ids: Any = None, **rest: Any) -> Any:
        return forward(*args, **rest)

    monkeypatch.setattr(model.model, "forward", deaf)
    assert Scorer(model, 64).packing == "sorted"


def test_a_head_that_changes_its_logits_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("llama", VOCABULARY)
    forward = model.forward

    def capped(*args: Any, **rest: Any) -> Any:
        out = forward(*args, **rest)
        out.logits = torch.tanh(out.logits)
        return out

    monkeypatch.setattr(model, "forward", capped)
    scorer, request = Scorer(model, 64), Request((3, 4, 5, 6), 2)
    assert scorer.packing == "plain"
    assert agree(scorer.score([request])[0], plain(model, request))
