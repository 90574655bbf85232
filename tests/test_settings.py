"""Settings: every value is checked before anything is spent."""

from collections.abc import Sequence

import pytest

from harness.cli import configured
from harness.errors import HarnessError
from harness.records import MULTIPLICITIES, RunConfig


def read(*words: str) -> RunConfig:
    return configured(["model=planted", "suite=planted", *words])


def test_the_settings_of_a_run_are_read() -> None:
    config = read("seed=3", "reports=[csv]", "model.dose=0.2", "probes.path=[/a]")
    assert (config.model, config.seed, config.engine) == ("planted", 3, "inline")
    assert config.settings["dose"] == 0.2
    assert config.reports == ("json", "csv")
    assert config.probe_paths == ("/a",)
    assert (config.suite.name, config.suite.generated) == ("planted", 160)


@pytest.mark.parametrize("folder", ["/数据/结果", "结果 （一）", "a'é", 'é"\\"', "é\\"])
def test_a_path_may_hold_other_letters_than_ascii(folder: str) -> None:
    assert read(f"out={folder}").out == folder


def test_what_is_in_quotes_or_a_list_is_left_as_it_is() -> None:
    assert read("out='结果,一'").out == "结果,一"
    assert read("probes.path=['数据']").probe_paths == ("数据",)


def test_a_published_set_may_be_in_a_language_that_no_probe_of_ours_has() -> None:
    assert read("suite=kobbq").suite.languages == ("ko",)


@pytest.mark.parametrize("name", MULTIPLICITIES)
def test_a_standard_says_how_fail_is_adjusted(name: str) -> None:
    assert read(f"standard.multiplicity={name}").standard.multiplicity == name


def test_the_digest_of_a_standard_is_over_all_that_it_says() -> None:
    one, two = read().standard, read("standard.margins.refused=0.11").standard
    assert one.name == two.name
    assert one.digest != two.digest
    assert read().standard.digest == one.digest


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["seed=-1"], "seed is -1"),
        (["seed=1.5"], "seed is 1.5"),
        (["seed=true"], "seed is True"),
        (["suite.window=0"], "suite.window is 0"),
        (["suite.samples=0"], "suite.samples is 0"),
        (["suite.temperature=hot"], "suite.temperature is 'hot'"),
        (["suite.languages=[fr]"], "unknown language 'fr'"),
        (["suite.languages=en"], "suite.languages is 'en'"),
        (["suite.arms=[explict]"], "unknown arm 'explict'"),
        (["reports=json"], "reports is 'json'"),
        (["engine=inlin"], "unknown engine 'inlin'"),
        (["standard.alpha=0.9"], "standard.alpha is 0.9"),
        (["standard.alpha=.nan"], "standard.alpha is"),
        (["standard.margins.refused=0"], "standard.margins.refused is 0"),
        (["standard.limits.unparsed=1"], "standard.limits.unparsed is 1"),
        (["~standard.limits.negative_control"], "negative_control is missing"),
        (["standard.multiplicity=none"], "unknown adjustment 'none'"),
        (["standard.version=null"], "version is missing"),
        (["+standard.margin=1"], "unknown setting of a standard 'margin'"),
        (["suite.drawn=7"], "suite.drawn is 7"),
        (["+suite.scenario=1"], "unknown setting of a suite 'scenario'"),
        (["+colour=red"], "unknown setting 'colour'"),
        (["standard.margins=3"], "standard.margins is 3"),
        (["standard.reasons=3"], "standard.reasons is 3"),
        (["standard.gates=3"], "standard.gates is 3"),
        (["standard.gates=[refused]"], "standard.gates is ['refused']"),
        (["standard.gates=[{formt: decision}]"], "unknown key of a gate 'formt'"),
        (["standard.gates=[{format: decison}]"], "unknown format 'decison'"),
        (["standard.gates=[{arm: explict}]"], "unknown arm 'explict'"),
        (["probes=3"], "probes is 3"),
        (["benchmark=3"], "benchmark is 3"),
        (["results=null"], "results is None"),
        (["results=''"], "results is ''"),
    ],
)
def test_a_value_that_is_wrong_is_refused(words: Sequence[str], what: str) -> None:
    with pytest.raises(HarnessError) as caught:
        read(*words)
    assert what in caught.value.what
