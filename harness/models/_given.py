"""How the settings that a backend is given are refused."""

from collections.abc import Collection, Iterable

from harness.errors import BadConfig, NotFound


def refuse_unknown(given: Iterable[object], known: Collection[str]) -> None:
    """Refuses settings that the backend does not have.

    Raises:
        NotFound: with the near names.
    """
    for name in given:
        if name not in known:
            raise NotFound.among("setting", str(name), known, where=f"model.{name}")


def bad(name: str, value: object, expected: str) -> BadConfig:
    """Returns the error of a setting with a value of the wrong kind, or out of range."""
    return BadConfig(
        f"model.{name} is {value!r}",
        where=f"model.{name}",
        expected=expected,
        fix=f"correct model.{name}, or leave it out",
    )
