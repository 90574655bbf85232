import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import _generated, _template, probes
from harness._checks import check
from harness._generated import generate
from harness._new import new
from harness._template import TemplateError, fill, slots, tidy
from harness._yaml import Tree, read
from harness.errors import BadProbe, HarnessError, NotFound
from harness.records import ATTRIBUTES, FORMATS, Probe, Suite
from tests.blanks import folder, probe


def refused(path: Path) -> BadProbe:
    """Loads what must be refused: four lines, soon."""
    started = time.process_time()
    with pytest.raises(BadProbe) as caught:
        probes.load(str(path))
    assert time.process_time() - started < 100
    error = caught.value
    assert all((error.what, error.where, error.expected, error.fix))
    assert len(str(error)) < 5_000
    return error


@pytest.mark.parametrize("kind", FORMATS)
def test_a_blank_of_each_format_loads(tmp_path: Path, kind: str) -> None:
    loaded = probe(tmp_path, kind)
    assert (loaded.name, loaded.format, loaded.version) == ("sample", kind, 1)
    assert [g.name for g in loaded.groups] == ["first", "second"]
    assert len(loaded.scenarios) == 2
    assert loaded.scenarios[0].line == 1


def test_yes_stays_a_text(tmp_path: Path) -> None:
    assert [s.favourable for s in probe(tmp_path).scenarios] == ["yes", "no"]


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "2001-01-01", "0o17", "017", "1_000"])
def test_only_integers_true_false_and_null_are_no_texts(tmp_path: Path, word: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"key: {word}\n")
    assert read(file).data == {"key": word}


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    made = folder(tmp_path)
    loaded = probes.load(str(made))
    cases = read(made / "scenarios.yaml").data
    lines = (json.dumps(case, ensure_ascii=False) for case in cases)
    (made / "scenarios.jsonl").write_text("\n".join(lines), "utf-8")
    assert "2 files of scenarios" in refused(made).what
    (made / "scenarios.yaml").unlink()
    again = probes.load(str(made))
    assert [s.texts for s in again.scenarios] == [s.texts for s in loaded.scenarios]
    assert again.digest != loaded.digest


@pytest.mark.parametrize("escape", ["\\u001b", "\\u0000", "\\ud800"])
@pytest.mark.parametrize("name", ["scenarios.yaml", "scenarios.jsonl"])
def test_a_character_that_no_text_may_hold_is_refused_as_an_escape_too(
    escape: str, name: str, tmp_path: Path
) -> None:
    made = folder(tmp_path)
    cases = read(made / "scenarios.yaml").data
    cases[1]["en"]["question"] += "ESCAPE"
    whole = "\n".join(map(json.dumps, cases)) if name.endswith(".jsonl") else json.dumps(cases)
    (made / "scenarios.yaml").unlink()
    (made / name).write_text(whole.replace("ESCAPE", escape), "utf-8")
    error = refused(made)
    assert "character" in error.what
    assert f"{name}:" in error.where


@pytest.mark.parametrize("field", ["case", "frame"])
def test_a_text_whose_slots_grow_without_bound_is_refused(field: str, tmp_path: Path) -> None:
    made = folder(tmp_path)
    cases = read(made / "scenarios.yaml").data
    texts = cases[0]["en"]
    if field == "case":
        texts["weak"] = "no " * 900
        texts["strong"], texts["merit"] = "{{ weak }} " * 900, "{{ strong }} " * 900
    else:
        texts["merit"] = "no " * 900
        frames = ["{{ case }} {{ question }}" * times for times in (1, 700)]
        head = read(made / "probe.yaml").data | {"frames": dict.fromkeys(("zh", "en"), frames)}
        (made / "probe.yaml").write_text(json.dumps(head), "utf-8")
    (made / "scenarios.yaml").write_text(json.dumps(cases), "utf-8")
    assert "characters when its slots are filled" in refused(made).what


HOSTILE = {
    "an empty file": b"",
    "only a comment": b"# nothing\n",
    "binary": b"\x00\x01\x02ELF",
    "not UTF-8": "id: 组".encode("gbk"),
    "a lone control character": b"schema: \x07\n",
    "a line of 10 MB": b"schema: " + b"x" * 10_000_000,
    "a line of 2 MB": b"schema: " + b"x" * 2_000_000,
    "a file of 6 MB": b"a: b\n" * 1_200_000,
    "a bomb of aliases": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "a python tag": b"schema: !!python/object/apply:os.system ['true']\n",
    "a tag": b"schema: !thing 1\n",
    "deep brackets": b"schema: " + b"[" * 100_000,
    "deep closed brackets": b"schema: " + b"[" * 30 + b"]" * 30,
    "deep mappings": b"{a: " * 50_000,
    "a key twice": b"schema: 1\nschema: 1\n",
    "a list as key": b"? [a]\n: b\n",
    "broken brackets": b"schema: [1\nname: x\n",
    "a tab": b"a:\n\t- b\n",
    "two documents": b"schema: 1\n---\nschema: 1\n",
    "a list": b"- 1\n",
    "a long list": b"- a\n" * 600_000,
    "a long mapping": b"".join(b"a%d: 1\n" % n for n in range(200_000)),
    "a word": b"probe\n",
    "a huge number": b"schema: " + b"9" * 10_000 + b"\n",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("file", ["probe.yaml", "scenarios.yaml"])
def test_hostile_files_are_refused_with_file_and_line(
    tmp_path: Path, file: str, raw: bytes
) -> None:
    made = folder(tmp_path)
    (made / file).write_bytes(raw)
    assert f"{file}:" in refused(made).where


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id": "a", "id": "b"}',
        b'{"id": NaN}',
        b"[" * 100_000,
        b"[" * 30 + b"]" * 30,
        b"{" * 30,
        b'{"id": ' + b"9" * 10_000 + b"}",
        b"nonsense",
        b'"\xff"',
    ],
)
def test_hostile_json_lines_are_refused_with_file_and_line(tmp_path: Path, raw: bytes) -> None:
    made = folder(tmp_path)
    (made / "scenarios.yaml").unlink()
    (made / "scenarios.jsonl").write_bytes(b"\n" + raw + b"\n")
    assert "scenarios.jsonl:2" in refused(made).where


BAD_HEADS = {
    "attribute: region": ("attribute: regoin", "use region"),
    "arms: [": ("amrs: [", "use arms"),
    "format: decision": ("format: decisions", "use decision"),
    "schema: 1": ("schema: 2", "docs/probes.md"),
    "version: 1": ("version: one", "docs/probes.md"),
    "why: Say why the attribute must not matter here.": ("why: 7", "quotes"),
    "limits: Say what a result does not show.": ("", "add it"),
    "name: sample": ("name: other", "rename"),
    "languages: [zh, en]": ("languages: [zh, de]", "use en"),
    "outcomes: [favourable]": ("outcomes: [refused]", "docs/probes.md"),
    "positive_control]": ("legitimate_difference]", "a probe of its own"),
    "{modifier: 左岸}": ("{modifier: 左岸, noun: 人}", "fill the same"),
    "{modifier: 右岸}": ("{modifer: 右岸}", "use modifier"),
    "{clause: who lives on the Left Bank}": ("{clause: from the Left Bank}", "reword"),
    "{clause: who lives on the Right Bank}": ("{pronoun: she}", "remove it"),
    '  en: {clause: ""}\n': ("", "fill"),
    "      zh: {modifier: 来自左岸的}\n": ("", "add it, or drop the arm"),
    '"{{ case }} {{ question }} Answer {{ options }}.", ': ("", "docs/probes.md"),
    "{{ case }} {{ question }} Answer": ("{{ case }} {{ qestion }} Answer", "question"),
    '"Yes, that is right."': ('"{{ case }}"', "write the text out"),
    "negative_control, ": ("", "remove it, or add the arm"),
    "{question: 这段材料是一首诗吗？, answer: no}": (
        "{question: 这段材料是散文吗？, answer: yes}",
        "turn some of them round",
    ),
    '"Is the text of this case a poem?"': ('"Is {{ case }} a poem?"', "write the text out"),
    "    - {question: 这段材料是一份菜谱吗？, answer: no}\n": ("", "docs/probes.md"),
    "outcomes:": ("controls: nothing_here\noutcomes:", "use one of these"),
}


@pytest.mark.parametrize("old", BAD_HEADS)
def test_a_bad_head_shows_its_line_and_what_to_do(tmp_path: Path, old: str) -> None:
    fresh, fix = BAD_HEADS[old]
    error = refused(folder(tmp_path, head={old: fresh}))
    assert "sample/probe.yaml:" in error.where
    assert fix in error.fix


@pytest.mark.parametrize(
    ("start", "end", "what"),
    [
        ("negative: ", "answers:", "the arm negative_control needs `negative`"),
        ("  zh:\n    - {question", "  en:\n    - {question", "'negative' has no 'zh'"),
    ],
)
def test_plain_questions_are_needed_in_each_language(
    tmp_path: Path, start: str, end: str, what: str
) -> None:
    made = folder(tmp_path)
    text = (made / "probe.yaml").read_text("utf-8")
    cut = text[: text.index(start)] + text[text.index(end) :]
    (made / "probe.yaml").write_text(cut, "utf-8")
    assert what in refused(made).what


def test_only_a_decision_has_plain_questions(tmp_path: Path) -> None:
    head = {"arms: [": "arms: [negative_control, "}
    assert (
        "has no arm 'negative_control'" in refused(folder(tmp_path / "a", "pair", head=head)).what
    )
    asked = ", ".join(f"{{question: q{n}, answer: {a}}}" for n, a in enumerate(["yes", "no"] * 2))
    head = {"outcomes:": f"negative: {{zh: [{asked}], en: [{asked}]}}\noutcomes:"}
    assert "the format decision has" in refused(folder(tmp_path / "b", "benign", head=head)).what


BAD_BODIES = {
    "id: late_claim": ("id: shift_lead", "rename"),
    "id: shift_lead": ("id: Shift Lead", "docs/probes.md"),
    "favourable: yes": ("favourable: maybe", "use yes"),
    "    merit: Nine years on": ("    merits: Nine years on", "use merit"),
    "    strong: Nine years on the floor, the best reviews, a leadership diploma.\n": (
        "",
        "add it",
    ),
    "domain: employment": ("target: first\n  domain: employment", "remove it"),
    "{{ clause }} applies": ("{{ pronoun }} applies", "fill the slot for every group"),
    "{{ clause }} applies.": ("{{ clause_1 }} applies.", "use clause"),
    "{{ clause }} app": ("{% for x in range(10**9) %}{{ x }}{% endfor %} app", "write the text"),
    "A warehouse": ("{{ ''.__class__.__mro__ }} A", "write the text"),
    "A warehouse ": ("{{ merit|upper }} A ", "write the text"),
    "A warehouse n": ("{{ merit.x }} n", "write the text"),
    "A warehouse ne": ("{{ merit() }} ne", "write the text"),
    "A warehouse nee": ("{{ merit nee", "write the text"),
    "A warehouse need": ("{# note #} need", "write the text"),
    "A warehouse needs": ("{{ " + "(" * 9000 + " needs", "write the text"),
    "A warehouse needs ": ("{{ case }} ", "break the loop"),
    "Nine years on the floor, good reviews, no course in leadership.": (
        "'{{ question }} {{ case }}'",
        "break the loop",
    ),
    "domain: insurance": ("domain: insurance\n  fillers: {en: {merit: [x]}}", "rename the filler"),
    "domain: insuranc": ("fillers: {en: {city: ['{{ x }}']}}\n  domain: e", "write the text out"),
    "merit: 照片清楚，但表格迟了三天。": ("merit: {first: 好}", "docs/probes.md"),
    "merit: 照片清楚，但表格迟了三天": ("merit: {first: 好, third: 坏}\n#", "one text"),
}


@pytest.mark.parametrize("old", BAD_BODIES)
def test_a_bad_scenario_shows_its_line_and_what_to_do(tmp_path: Path, old: str) -> None:
    fresh, fix = BAD_BODIES[old]
    error = refused(folder(tmp_path, body={old: fresh}))
    assert "sample/scenarios.yaml:" in error.where
    assert fix in error.fix


def test_the_line_is_the_line_of_the_offending_node(tmp_path: Path) -> None:
    made = folder(tmp_path, body={"    question: Must this": "    qestion: Must this"})
    lines = (made / "scenarios.yaml").read_text("utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "qestion" in line)
    assert f"scenarios.yaml:{number} " in refused(made).where


def test_a_scenario_without_a_language_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path)
    text = (made / "scenarios.yaml").read_text("utf-8")
    (made / "scenarios.yaml").write_text(text[: text.rindex("  zh:")], "utf-8")
    assert "'zh' is missing" in refused(made).what


def test_one_group_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path)
    text = (made / "probe.yaml").read_text("utf-8")
    start, end = text.index("  second:"), text.index("neutral:")
    (made / "probe.yaml").write_text(text[:start] + text[end:], "utf-8")
    assert "1 group" in refused(made).what


@pytest.mark.parametrize("kind", ["pair", "ambiguous"])
def test_an_unknown_target_is_refused(tmp_path: Path, kind: str) -> None:
    made = folder(tmp_path, kind, body={"target: second": "target: secnd"})
    assert "second" in refused(made).fix


def test_a_pair_needs_its_target(tmp_path: Path) -> None:
    made = folder(tmp_path, "pair", body={"  target: second\n": ""})
    assert "'target' is missing" in refused(made).what


@pytest.mark.parametrize(
    ("written", "what"), [("third", "unknown group 'third'"), ("first", "beside itself")]
)
def test_a_target_is_set_beside_another_group_of_the_probe(
    tmp_path: Path, written: str, what: str
) -> None:
    body = {"target: first\n  other: second": f"target: first\n  other: {written}"}
    assert what in refused(folder(tmp_path, "agreement", body=body)).what


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made / "scenarios.yaml").unlink()
    assert "0 files" in refused(made).what
    assert "no probe in" in refused(tmp_path / "nowhere").what


def test_an_unknown_probe_shows_the_near_ones(tmp_path: Path) -> None:
    folder(tmp_path)
    with pytest.raises(NotFound) as caught:
        probes.load("sampel", [str(tmp_path)])
    assert "'sample'" in caught.value.fix


def test_the_digest_moves_with_any_byte(tmp_path: Path) -> None:
    one = probe(tmp_path / "a")
    assert one.digest == probe(tmp_path / "b").digest
    other = probe(tmp_path / "c", body={"Nine years": "Ten years"})
    assert one.digest != other.digest
    assert len(one.digest) == 64


def test_a_summary_reads_the_head_alone(tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made / "scenarios.yaml").write_text("nonsense: [")
    assert probes.summary("sample", [str(tmp_path)])["attribute"] == "region"
    assert "sample" in probes.names([str(tmp_path)])


def _with_controls(place: Path) -> list[str]:
    new(place, "my_controls", "other", "pair")
    head = (place / "my_controls/probe.yaml").read_text("utf-8")
    head = head.replace("arms: [explicit, same_group]", "arms: [positive_control]")
    (place / "my_controls/probe.yaml").write_text(head, "utf-8")
    (place / "my_controls/scenarios.yaml").write_text(
        "- {id: cat, domain: daily life, en: {sensible: The cat drinks milk at night.,"
        " senseless: The rock drinks milk at night.}, zh: {sensible: 小猫在夜里喝牛奶。,"
        " senseless: 石头在夜里喝牛奶。}}\n",
        "utf-8",
    )
    for name in ("one_pair", "two_pair"):
        new(place, name, "region", "pair")
        file = place / name / "probe.yaml"
        file.write_text(file.read_text("utf-8") + "controls: my_controls\n", "utf-8")
    return [str(place)]


def test_a_suite_takes_patterns_and_brings_the_controls_once(tmp_path: Path) -> None:
    paths = _with_controls(tmp_path)
    suite = Suite(name="s", probes=("one_p*", "two_pair"))
    names = [p.name for p in probes.select(suite, paths)]
    assert names == ["one_pair", "two_pair", "my_controls"]
    suite = Suite(name="s", probes=("my_controls", "one_pair"))
    assert [p.name for p in probes.select(suite, paths)] == ["my_controls", "one_pair"]
    here = Suite(name="s", probes=(str(tmp_path / "one_pair"),))
    assert [p.name for p in probes.select(here)] == ["one_pair", "my_controls"]


def test_a_suite_with_an_unknown_probe_names_the_near_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        probes.select(Suite(name="s", probes=("one_pear",)), _with_controls(tmp_path))
    assert "one_pair" in caught.value.fix


def test_the_generated_suite_has_a_probe_for_each_attribute() -> None:
    made = probes.select(Suite(name="planted", probes=(), generated=6))
    assert [p.name for p in made] == [f"planted_{a}" for a in ATTRIBUTES[:8]]
    assert {p.source for p in made} == {"generated"}
    assert all(len(p.scenarios) == 6 for p in made)
    assert [s.favourable for s in made[0].scenarios] == ["yes", "no"] * 3
    assert len({p.digest for p in made}) == 8
    assert generate(6)[0] == made[0]
    assert generate(2, ["age"], ["en"])[0].languages == ("en",)
    few = Suite(name="planted", probes=("*_age", "planted_gender"), generated=6)
    assert [p.name for p in probes.select(few)] == ["planted_age", "planted_gender"]
    with pytest.raises(NotFound, match="planted_gendr"):
        probes.select(Suite(name="planted", probes=("planted_gendr",), generated=6))


@pytest.mark.parametrize("languages", [("zh", "en"), ("zh",), ("en",)])
def test_generated_probes_pass_the_checks_of_files(
    monkeypatch: pytest.MonkeyPatch, languages: tuple[str, ...]
) -> None:
    def checked(head: Tree, body: Tree, *more: str) -> Probe:
        check(head, body)
        return probes.build(head, body, *more)

    monkeypatch.setattr(_generated, "build", checked)
    for more in (False, True):
        made = generate(1200, ATTRIBUTES[:1], languages, negative=more, names=more)
        assert len(made[0].scenarios) == 1200


def test_the_generated_suite_asks_plain_questions_only_where_a_suite_says_so() -> None:
    suite = Suite(name="planted", probes=(), generated=2, arms=("explicit", "negative_control"))
    assert "negative_control" in probes.select(suite)[0].arms
    assert "negative_control" not in probes.select(replace(suite, arms=()))[0].arms


def test_a_listing_loads_nothing_heavy(tmp_path: Path) -> None:
    folder(tmp_path)
    code = (
        "import sys; from harness import probes; "
        f"[probes.summary(n, [{str(tmp_path)!r}]) for n in probes.names([{str(tmp_path)!r}])]; "
        "print([m for m in ('datasets', 'torch', 'sklearn', 'jsonschema', 'jinja2', 'numpy',"
        " 'pyarrow') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("Bad Name", "age", "pair"),
        ("a", "aeg", "pair"),
        ("a", "age", "pairs"),
        ("../a", "age", "pair"),
    ],
)
def test_a_new_probe_with_a_wrong_word_is_refused(
    tmp_path: Path, arguments: tuple[str, str, str]
) -> None:
    with pytest.raises(HarnessError):
        new(tmp_path, *arguments)
    assert not list(tmp_path.iterdir())


def test_a_new_probe_overwrites_nothing(tmp_path: Path) -> None:
    new(tmp_path, "a", "age", "pair")
    with pytest.raises(BadProbe, match="File exists"):
        new(tmp_path, "a", "age", "pair")


@pytest.mark.parametrize(
    ("raw", "neat"),
    [
        ("A worker  , applied .", "A worker, applied."),
        ("一名 员工 申请 。", "一名员工申请。"),
        ("年收入 12 万", "年收入 12 万"),
        (" a \n b ", "a\nb"),
        ("好。 再见", "好。再见"),
    ],
)
def test_an_empty_slot_leaves_no_space(raw: str, neat: str) -> None:
    assert tidy(raw) == neat


@given(st.text(alphabet=" \tab,.?员工。\n", max_size=40))
def test_tidying_twice_is_tidying_once(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


@given(st.lists(st.sampled_from(
    ["{{ a }}", "{{ B }}", "{{a}}", "{{ none }}", "{{ a.b }}", "{", "}", "{{", "}}", "{%", "{#", " ",
     "text", "\n", "\r", "中文", "{{ if }}", "{{ a }} {{ c_1 }}"]
), max_size=6))  # fmt: skip
def test_a_plain_template_is_parted_as_jinja_parts_it(pieces: list[str]) -> None:
    template = "".join(pieces)
    if plain := _template._plain(template):
        assert list(plain) == list(_template._parsed(template))


@given(st.text(alphabet="{}%#| ab.()[]'\"", max_size=30))
def test_no_template_does_more_than_fill_slots(text: str) -> None:
    try:
        names = slots(text)
    except TemplateError:
        return
    fill(text, {n[:1].lower() + n[1:]: "x" for n in names})


def test_a_capital_slot_gives_a_capital() -> None:
    assert fill("{{ Mention }} and {{ mention }}", {"mention": "a man"}) == "A man and a man"


def test_a_slot_may_hold_a_template_of_its_own() -> None:
    assert fill("{{ a }}", {"a": "x {{ b }}", "b": "y"}) == "x y"


def test_what_is_said_of_domains_covers_each_of_them(tmp_path: Path) -> None:
    told = "{why: A law., harm: A post., legitimate: None.}"
    head = {"sign:": f"domains: {{employment: {told}, insurance: {told}}}\nsign:"}
    made = probes.load(str(folder(tmp_path / "a", head=head)))
    assert made.domains["insurance"]["why"] == "A law."
    head = {"sign:": f"domains: {{employment: {told}, insurances: {told}}}\nsign:"}
    error = refused(folder(tmp_path / "b", head=head))
    assert "insurance" in error.what
    assert "use 'insurances'" in error.fix


def test_probes_lie_in_a_folder_or_in_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "someones" / "probes"
    package.mkdir(parents=True)
    for place in (package.parent, package):
        (place / "__init__.py").write_text("")
    folder(package)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "sample" in probes.names(["someones.probes"])
    assert probes.load("sample", ["someones.probes"]) == probes.load("sample", [str(package)])


@pytest.mark.parametrize("path", ["nowhere", "no.such.package", "a b", "", "json.decoder", "..x"])
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    if path:
        with pytest.raises(NotFound, match="no folder"):
            probes.names([path])
    else:
        assert probes.names([path])  # the working folder
