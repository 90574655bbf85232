"""How the settings that a backend is given are refused."""

from collections.abc import Collection, Iterable

from harness.errors import BadConfig, NotFound


def refuse_unknown(given: Iterable[object], known: Collection[str], group: str = "model") -> None:
    """Refuses settings that the backend, or what else the group names, does not have.

    Raises:
        NotFound: with the near names.
    """
    for name in given:
        if name not in known:
            raise NotFound.among("setting", str(name), known, where=f"{group}.{name}")


def bad(name: str, value: object, expected: str, group: str = "model") -> BadConfig:
    """Returns the error of a setting with a value of the wrong kind, or out of range."""
    return BadConfig(
        f"{group}.{name} is {value!r}",
        where=f"{group}.{name}",
        expected=expected,
        fix=f"correct {group}.{name}, or leave it out",
    )
