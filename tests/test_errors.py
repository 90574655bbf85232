"""Errors: four parts, each of them asked for, and they travel between processes."""

import pickle

import pytest

from harness.errors import BadModel, HarnessError, NotFound


def test_an_error_shows_its_four_parts() -> None:
    error = HarnessError("seed is 'x'", where="seed", expected="a number", fix="set seed=1")
    assert str(error).split("\n") == [
        "seed is 'x'", "  where:    seed", "  expected: a number", "  fix:      set seed=1",
    ]  # fmt: skip


def test_no_part_can_be_left_out() -> None:
    with pytest.raises(TypeError, match="fix"):
        HarnessError("seed is 'x'", where="seed", expected="a number")  # type: ignore[call-arg]


def test_a_name_that_is_not_found_shows_the_near_one_and_the_list() -> None:
    error = NotFound.among("suite", "smok", ["planted", "smoke"], "conf/suite/")
    assert error.expected == "one of: planted, smoke"
    assert error.fix == "use 'smoke'"


def test_a_name_that_is_near_nothing_points_at_the_list() -> None:
    assert NotFound.among("suite", "xyz", ["smoke"], "conf").fix == "use one of these suites"
    assert NotFound.among("suite", "xyz", [], "conf").expected == "one of: (there are none)"


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("study", "studies"),
        ("key of a gate", "keys of a gate"),
        ("stopping rule", "stopping rules"),
    ],
)
def test_the_list_is_named_in_the_plural(kind: str, kinds: str) -> None:
    assert NotFound.among(kind, "xyz", ["smoke"], "conf").fix == f"use one of these {kinds}"


def test_an_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(BadModel("a", where="b", expected="c", fix="d")))
    assert type(error) is BadModel
    assert str(error) == "a\n  where:    b\n  expected: c\n  fix:      d"


def test_no_part_of_an_error_acts_on_a_terminal() -> None:
    error = BadModel("HTTP 401 \x1b[2J\x9b护\ud800", where="a", expected="b", fix="c")
    assert str(error).split("\n")[0] == "HTTP 401 ?[2J?护?"
