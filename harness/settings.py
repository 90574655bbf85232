"""Settings: what Hydra composed -> a RunConfig; every value is checked before anything is spent."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from harness.errors import BadConfig, NotFound
from harness.find import plugin
from harness.records import ARMS, FORMATS, LANGUAGES, MULTIPLICITIES, RunConfig, Standard, Suite

_LIMITS = (
    *("unparsed", "refused", "same_group", "negative_control", "positive_control"),
    *("mass", "mass_low", "mass_share", "position_2", "position_3"),
)
BENCHMARK = ("path", "metadata", "revision", "sha256")
_GATE = {"format": FORMATS, "arm": ARMS}
STOPPING = ("none", "group_sequential", "anytime")
_TOP = (
    "model",
    "suite",
    "standard",
    "seed",
    "results",
    "out",
    "reports",
    "engine",
    "probes",
    "stopping",
    "looks",
    "cache",
    "benchmark",
)


def read(settings: Mapping[str, Any], names: Mapping[str, str]) -> RunConfig:
    """Makes the configuration of a run; `names` says which suite and standard were chosen.

    Raises:
        BadConfig, NotFound: a value is unknown, of the wrong kind or out of range.
    """
    _known("setting", settings, _TOP, "the command line")
    model = dict(settings["model"])
    prices = _prices(model.pop("prices", None))
    if "max_cost" in model:  # a backend that keeps a budget needs to know them
        model["prices"] = prices
    engine = dict(settings["engine"])
    plugin("engines", str(engine["name"]))
    return RunConfig(
        suite=_suite(names["suite"], settings["suite"]),
        standard=standard(names["standard"], settings["standard"]),
        model=str(model.pop("backend")),
        settings=model,
        seed=_number("seed", settings["seed"], int, 0, 2**63),
        results=_folder("results", settings["results"]),
        out=str(settings["out"] or ""),
        reports=tuple(dict.fromkeys(("json", *_texts("reports", settings["reports"])))),
        probe_paths=_texts("probes.path", _mapping("probes", settings["probes"])["path"]),
        engine=str(engine.pop("name")),
        engine_settings=engine,
        benchmark=_benchmark(settings["benchmark"]),
        stopping=_stopping(str(settings["stopping"]), settings["standard"]),
        looks=_number("looks", settings["looks"], int, 2, 50),
        cache=_path("cache", settings["cache"]),
        prices=prices,
    )


def _stopping(rule: str, chosen: Mapping[str, Any]) -> str:
    if rule not in STOPPING:
        raise NotFound.among("stopping rule", rule, STOPPING, where="stopping")
    if rule != "none" and chosen.get("multiplicity") != "holm":
        raise BadConfig(
            f"stopping={rule} with multiplicity: {chosen.get('multiplicity')}",
            where="stopping, standard.multiplicity",
            expected="multiplicity: holm, whose p values may come from different looks",
            fix="set standard.multiplicity=holm, or stopping=none",
        )
    return rule


def standard(name: str, raw: Mapping[str, Any]) -> Standard:
    """Makes a standard; its digest is over all that it says.

    Raises:
        BadConfig, NotFound: a value is missing, unknown or out of range.
    """
    where = f"standard={name}"
    wanted = [f.name for f in fields(Standard) if f.name not in ("name", "digest")]
    _complete("setting of a standard", raw, wanted, where)
    for key in ("margins", "reasons", "limits", "spread"):
        _mapping(f"standard.{key}", raw[key])
    limits = {name: raw["limits"].get(name) for name in _LIMITS}
    _complete("limit", limits, _LIMITS, f"{where}: limits")
    if raw["multiplicity"] not in MULTIPLICITIES:
        raise NotFound.among(
            "adjustment", str(raw["multiplicity"]), MULTIPLICITIES, f"{where}: multiplicity"
        )
    for group, most in (("margins", 0.99), ("limits", 0.99), ("spread", 2)):
        for key, value in raw[group].items():
            _number(f"standard.{group}.{key}", value, float, 1e-9, most)
    text = json.dumps(raw, sort_keys=True, ensure_ascii=False)
    return Standard(
        name=name,
        version=_number("standard.version", raw["version"], int, 1, 10**6),
        alpha=_number("standard.alpha", raw["alpha"], float, 1e-6, 0.5),
        multiplicity=raw["multiplicity"],
        margins=dict(raw["margins"]),
        reasons=dict(raw["reasons"]),
        gates=_gates(raw["gates"]),
        gated_groups=_number("standard.gated_groups", raw["gated_groups"], int, 1, 1000),
        limits=dict(raw["limits"]),
        spread=dict(raw["spread"]),
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def _gates(raw: Any) -> tuple[dict[str, str], ...]:
    """Checks which cells decide: each rule says what a cell must be."""
    if not isinstance(raw, list) or not all(isinstance(rule, Mapping) for rule in raw):
        raise BadConfig(
            f"standard.gates is {raw!r}",
            where="standard.gates",
            expected="a list of mappings, such as [{format: decision, outcome: favourable}]",
            fix="write them as conf/standard/art4.yaml does",
        )
    for rule in raw:
        _known("key of a gate", rule, (*_GATE, "outcome"), "standard.gates")
        for key, known in _GATE.items():
            if rule.get(key, known[0]) not in known:
                raise NotFound.among(key, str(rule[key]), known, "standard.gates")
    return tuple(dict(rule) for rule in raw)


def _suite(name: str, raw: Mapping[str, Any]) -> Suite:
    where = f"suite={name}"
    numbers = {f.name: f for f in fields(Suite) if f.type in ("int", "float")}
    others = ("probes", "languages", "arms", "benchmark", "drawn")
    _known("setting of a suite", raw, (*numbers, *others), where)
    values = {
        key: _number(f"suite.{key}", raw[key], float if f.type == "float" else int, 0, 10**9)
        for key, f in numbers.items()
        if key in raw or f.default is MISSING
    }
    for key in ("samples", "max_tokens", "window"):
        _number(f"suite.{key}", values[key], int, 1, 10**6)
    languages = _texts("suite.languages", raw["languages"])
    for language in languages:
        if language not in LANGUAGES and not raw["benchmark"]:
            raise NotFound.among("language", language, LANGUAGES, where="suite.languages")
    arms = _texts("suite.arms", raw["arms"])
    for arm in arms:
        if arm not in ARMS:
            raise NotFound.among("arm", arm, ARMS, where="suite.arms")
    probes, benchmark = _texts("suite.probes", raw["probes"]), str(raw["benchmark"] or "")
    if benchmark:
        plugin("benchmarks", benchmark)
    if not isinstance(drawn := raw["drawn"], bool):
        raise BadConfig(
            f"suite.drawn is {drawn!r}",
            where="suite.drawn",
            expected="true or false",
            fix="set suite.drawn=false",
        )
    values |= {"probes": probes, "languages": languages, "arms": arms, "benchmark": benchmark}
    return Suite(name=name, drawn=drawn, **values)


def _benchmark(raw: Mapping[str, Any]) -> dict[str, str]:
    """Returns what is said of the data of a published set; null says nothing."""
    _mapping("benchmark", raw)
    _known("setting of a benchmark", raw, BENCHMARK, "benchmark")
    return {
        key: _path(f"benchmark.{key}", value) for key, value in raw.items() if value is not None
    }


def _prices(raw: Any) -> Mapping[str, Any] | None:
    """Checks what a million tokens cost; nothing where no prices are given."""
    if raw is None:
        return None
    known = ("input", "output", "currency")
    if not isinstance(raw, Mapping) or set(raw) != set(known):
        raise BadConfig(
            f"model.prices is {raw!r}",
            where="model.prices",
            expected="{input: ..., output: ..., currency: ...}, for a million tokens",
            fix="write +model.prices={input:2.5,output:10,currency:USD}",
        )
    for key in known[:2]:
        _number(f"model.prices.{key}", raw[key], float, 0, 1e9)
    return {**raw, "currency": str(raw["currency"])}


def _complete(kind: str, raw: Mapping[str, Any], wanted: Sequence[str], where: str) -> None:
    _known(kind, raw, wanted, where)
    for key in wanted:
        if raw.get(key) is None:
            raise BadConfig(
                f"{key} is missing",
                where=where,
                expected=f"all of: {', '.join(wanted)}",
                fix=f"add {key}, as conf/standard/art4.yaml does",
            )


def _known(kind: str, raw: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in raw:
        if key not in known:
            raise NotFound.among(kind, str(key), known, where)


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise BadConfig(
            f"{key} is {value!r}", where=key, expected="a list", fix=f"write {key}=[{value}]"
        )
    return tuple(str(v) for v in value)


def _mapping(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadConfig(
            f"{key} is {value!r}",
            where=key,
            expected="keys with their values",
            fix=f"set {key}.KEY=VALUE",
        )
    return value


def _folder(key: str, value: Any) -> str:
    if value is None or value == "":
        raise BadConfig(
            f"{key} is {value!r}", where=key, expected="a folder", fix=f"set {key}=results"
        )
    return str(value)


def _path(key: str, value: Any) -> str:
    """Returns a path, or nothing for null."""
    if not isinstance(value, str | None) or value == "":
        raise BadConfig(
            f"{key} is {value!r}", where=key, expected="a file, or null", fix=f"set {key}=FILE"
        )
    return value or ""


def _number(key: str, value: Any, kind: type, low: float, high: float) -> Any:
    right = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not right or isinstance(value, bool) or not low <= value <= high:
        name = "whole number" if kind is int else "number"
        raise BadConfig(
            f"{key} is {value!r}",
            where=key,
            expected=f"a {name} from {low:g} to {high:g}",
            fix=f"set {key} to such a number",
        )
    return value
