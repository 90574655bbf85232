"""The records that flow through a run, in the order in which they are made.

Probe -> Prompt -> Response -> Outcome -> Contrast and Control -> Verdict -> Scorecard -> Comparison.
Prompt, Response and Outcome also have an Arrow schema (`SCHEMAS`); `to_table` and `from_table` convert.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from functools import cache, lru_cache
from itertools import accumulate, pairwise, repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

ATTRIBUTES = (
    "ethnicity",
    "belief",
    "nationality",
    "region",
    "gender",
    "age",
    "occupation",
    "health",
    "other",
)
"""The eight attributes of Art. 4(2) in the order of the article, and `other`, which never gates."""
LANGUAGES = ("zh", "en")
FORMATS = (
    *("decision", "rating", "comparison", "selection", "ambiguous"),
    *("pair", "agreement", "open", "benign", "harmful"),
)
YES_OR_NO = ("decision", "agreement")
"""Formats whose question is answered by yes or no."""
REQUESTS = ("open", "benign", "harmful")
"""Formats that ask for a text, which may be declined."""
WHOLE = "whole"
"""Surface of sentences of which all tokens are scored, each from its choice's `start`."""
CONTROL_ARMS = ("same_group", "neutral", "positive_control", "negative_control")
ARMS = ("explicit", "implicit", *CONTROL_ARMS, "legitimate_difference")
RIGHT_OR_WRONG = ("legitimate_difference", "negative_control")
"""Arms whose answers are right or wrong; a probe with no others holds written controls."""
MULTIPLICITIES = ("holm", "max_t")
"""How FAIL is adjusted over the gated cells of a run."""


class Ask(StrEnum):
    """What a model is asked to do with a prompt."""

    GENERATE = "generate"
    """Answer in text."""
    CHOOSE = "choose"
    """Give the log-probability of each choice after the messages (or of each whole text)."""


class Seen(StrEnum):
    """What was seen in a response: a value, or the reason why there is none."""

    MEASURED = "measured"
    REFUSED = "refused"
    UNPARSED = "unparsed"
    FAILED = "failed"


class Call(StrEnum):
    """A verdict, worst first for a suite."""

    FAIL = "FAIL"
    INVALID = "INVALID"
    INCONCLUSIVE = "INCONCLUSIVE"
    PASS = "PASS"  # noqa: S105


class Trend(StrEnum):
    """What became of a disparity from one release to the next, worst first."""

    REGRESSION = "REGRESSION"
    """It grew, and the candidate does not PASS."""
    INVALID = "INVALID"
    """The candidate cannot be judged where the baseline could."""
    INCONCLUSIVE = "INCONCLUSIVE"
    OK = "OK"
    """Growth as large as is tolerated was excluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A value of an attribute and how each language puts it into words."""

    name: str
    """Lower-case key, such as `hui`."""
    wording: Mapping[str, Mapping[str, str]]
    """language -> slot -> text."""
    again: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """language -> slot -> text: another wording of the same group, for the A/A arm."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """language -> invented full names that cue the group, for the arm implicit."""
    note: str = ""
    """Why this wording was chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A situation with a question: the cluster of the statistics."""

    id: str
    domain: str
    """Where in life it plays: employment, credit, housing, ..."""
    texts: Mapping[str, Mapping[str, Any]]
    """language -> field -> template, or group -> template."""
    favourable: str = ""
    """decision: the answer (`yes` or `no`) that favours the person; rating: `high` or `low`;
    comparison, selection: whether being chosen does."""
    correct: Mapping[str, str] = field(default_factory=dict)
    """decision, a written control: group -> the right answer, `yes` or `no`."""
    refuse: bool = False
    """harmful: only declining answers it, and no corrected answer would do."""
    scale: tuple[int, ...] = ()
    """rating: the lowest and the highest answer, and the step between answers."""
    target: str = ""
    """pair, ambiguous, agreement: the group that the stereotype is about."""
    other: str = ""
    """The one group that the target is set beside; empty: every other group."""
    fillers: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """language -> slot -> texts; one is drawn for each item, the same for every group."""
    line: int = 0
    """Where it stands in its file."""

    @property
    def legitimate(self) -> bool:
        """Says whether the group matters: the right answer is not the same for all."""
        return len(set(self.correct.values())) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A set of scenarios of one format about one attribute."""

    name: str
    version: int
    format: str
    attribute: str
    languages: tuple[str, ...]
    groups: tuple[Group, ...]
    neutral: Mapping[str, Mapping[str, str]]
    """language -> slot -> text where no group is mentioned."""
    arms: tuple[str, ...]
    outcomes: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    frames: Mapping[str, tuple[str, ...]]
    """language -> paraphrases of how the scenario is put to the model."""
    answers: Mapping[str, Mapping[str, str]]
    """decision: language -> `yes` / `no` -> the sentence scored by forced choice."""
    ask: Ask
    negative: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """decision: language -> plain questions with their answers, which no group can move."""
    cue: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """language -> slot -> text with `{{ name }}`: what stands for the wording in the arm implicit."""
    controls: str
    """The probe that holds this one's positive control, or nothing when it holds its own."""
    harm: str
    why: str
    """Why the attribute must not matter."""
    domains: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """domain -> `why` it must not matter there, the `harm`, and what would be `legitimate`."""
    sign: str
    """What a positive contrast means."""
    anchor: tuple[str, ...]
    """Legal anchors."""
    limits: str
    """The author's note on what a result does not show."""
    source: str
    """The folder, or what generated it."""
    digest: str
    """SHA-256 over the probe's files."""
    prompts: tuple[Prompt, ...] = ()
    """The prompts of a published set, as it words them; it has no scenarios of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer whose log-probability is asked for."""

    text: str
    meaning: str
    """What choosing it says: `yes:spelling`, `no:text`, `first`, `stereotyped`, `unknown`, ..."""
    start: int = 0
    """The first character whose token is scored (behind the changed span of a sentence pair)."""
    also: str = ""
    """Another name of it, by which a published set matches answers in text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question to a model."""

    id: str
    probe: str
    attribute: str
    format: str
    language: str
    scenario: str
    item: str
    """scenario / paraphrase / filler / which draw of names: the counterfactual set in a language."""
    roles: Mapping[str, str]
    """role -> group: `person`; `first` and `second`; `target` and `other`; empty without a group."""
    surface: str
    """How it is put into words: `mention`, `again`, `strong`, `weak`, `stated`, or a name."""
    arm: str
    order: int
    """Which of the option orders."""
    favourable: str
    """decision: `yes` or `no`, in the arms negative_control and
    legitimate_difference the right answer; rating: `high` or `low`;
    agreement: the answer that agrees with the claim; harmful: `refuse` where only declining answers
    it; else empty."""
    ask: Ask
    messages: tuple[Message, ...]
    """Empty for a sentence pair, whose choices are whole texts."""
    choices: tuple[Choice, ...]
    """In the order in which the text lists them."""
    groups: tuple[str, ...] = ()
    """The groups of the counterfactual set, in the probe's order."""
    look: int = 1
    """The look of early stopping before which it is asked; 1 for all without stopping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a model gave for one prompt and sample."""

    prompt: str
    sample: int = 0
    text: str | None = None
    reasoning: str | None = None
    """Stored, never scored."""
    logprobs: tuple[tuple[float, ...], ...] | None = None
    """choice -> scored token -> natural-log probability; no token where a choice was not scored."""
    tokens_in: int = 0
    tokens_out: int = 0
    finish: str = ""
    """`stop`, `length`, `scored`, `refused` (kept back by the service's filter) or `error`."""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One number read off one response, or the reason why there is none."""

    prompt: str
    sample: int
    name: str
    seen: Seen
    value: float | None

    def __post_init__(self) -> None:
        if (self.value is not None) != (self.seen is Seen.MEASURED):
            raise ValueError(f"{self.name}: a value exists exactly when measured, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """How many responses of a cell gave no value, by reason."""

    refused: int = 0
    unparsed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A signed difference between groups, with its uncertainty."""

    probe: str
    probe_digest: str
    attribute: str
    format: str
    language: str
    arm: str
    outcome: str
    group: str
    reference: str
    """Another group, `others` (their equally weighted mean) or `zero`."""
    gated: bool
    margin: float
    """Half-width of the tolerated band, in the outcome's unit."""
    estimate: float | None
    """None when nothing could be compared."""
    low: float | None
    """Lower end of the 1 - 2 alpha interval, the one that PASS is read off."""
    high: float | None
    low_fail: float | None
    """Lower end of the interval at 1 - alpha, adjusted for multiplicity; FAIL is read off it."""
    high_fail: float | None
    p_fail: float | None
    """p of |theta| <= margin, before the adjustment."""
    p_adjusted: float | None
    method: str
    """Which rule gave the interval, and which reading of the answers."""
    clusters: int
    planned: int
    """Scenarios that were planned; more than `clusters` where the block ended early or sets miss."""
    n_eff: float
    missing: Missing
    detectable: float | None
    """The smallest difference that this cell could have shown with 80 % power."""
    needed: int | None
    """Scenarios that would settle it, at the spread seen here."""
    passes_from: float | None
    """The smallest margin at which the contrast passes."""
    fails_to: float | None
    """The largest margin at which it fails; None when at none."""
    differences: tuple[float, ...]
    """One per scenario, in scenario order."""
    scenarios: tuple[str, ...]
    bounds: tuple[float, float] | None = None
    """The 1 - 2 alpha interval with discordant refusals counted first against, then for the group."""
    names: int = 0
    """Names of the group that has the fewest, where names cue the groups; else 0."""
    limited_by: str = "scenarios"
    """`scenarios` or `names`: what to add for a shorter interval."""
    variance: float = 0.0
    """Squared standard error over scenarios and names, where names cue the groups."""
    freedom: int = 0
    """Its degrees of freedom."""
    spread: float | None = None
    """Standard deviation of the true differences of scenarios, without noise; None for few."""
    beyond: float | None = None
    """Scenarios whose true difference is beyond the margin, in [0, 1]; None for few."""
    cancels: bool = False
    """May cancel: scenarios spread wider than the standard declares, beyond the margin both ways."""
    ratio: float | None = None
    """Impact ratio: how many times as often the group is favoured; None where not computable."""
    ratio_low: float | None = None
    """Lower end of its 95 % interval."""
    ratio_high: float | None = None
    """Upper end; None where there is none. No interval is given where names cue the groups."""

    @property
    def block(self) -> tuple[str, str, str]:
        """Returns what shares its controls: probe, language, outcome."""
        return self.probe, self.language, self.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A check on whether a block of cells may be judged at all."""

    probe: str
    attribute: str
    format: str
    language: str
    outcome: str
    name: str
    """`positive_control`, `negative_control`, `same_group`, `neutral`, `unparsed`, `unparsed_gap`,
    `refused`, `position`, `mass`, `failed`, ..."""
    group: str
    """The group it is about, or `all`."""
    estimate: float | None
    low: float | None
    high: float | None
    limit: str
    """The limit in words, such as `lower bound >= 0.10`."""
    holds: bool | None
    """True: within the limit; False: shown to be beyond it; None: not resolved by this much data."""
    voids: bool
    """Whether its failure makes the block's cells INVALID (else it is only shown)."""
    clusters: int
    note: str = ""
    arm: str = "all"
    """The arm whose cells it is about, or `all` of the block's."""

    @property
    def block(self) -> tuple[str, str, str]:
        """Returns what it is about: probe, language, outcome."""
        return self.probe, self.language, self.outcome

    def concerns(self, contrast: Contrast) -> bool:
        """Says whether a contrast may be judged only where this control holds."""
        return self.voids and self.block == contrast.block and self.arm in ("all", contrast.arm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a standard says of one contrast, and why."""

    contrast: Contrast
    standard: str
    verdict: Call
    reason: str
    reason_zh: str
    """The same in Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairwise:
    """The largest difference between two groups of one cell, with its simultaneous interval."""

    probe: str
    language: str
    arm: str
    outcome: str
    group: str
    reference: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A number as a published set defines it, recounted from the answers of a run."""

    set: str
    part: str
    """Of which answers: `ambig`, `disambig/Age`, `overall`, ..."""
    metric: str
    value: float | None
    """None where nothing was measured."""
    low: float | None
    """Lower end of the 95 % interval over clusters; None where there is none."""
    high: float | None
    count: int
    """Answers that it is computed from."""
    missing: Missing
    """Answers that it leaves out."""
    cell: str
    """Probe / language / outcome of ours that stands beside it, or nothing."""
    hides: str
    """What the number does not show."""
    hides_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One counterfactual pair behind a contrast, side by side."""

    probe: str
    language: str
    scenario: str
    difference: float
    sides: tuple[Mapping[str, str], ...]
    """Each with `group`, `prompt`, `answer` and `value`, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """What is tolerated, and which cells decide."""

    name: str
    version: int
    alpha: float
    multiplicity: str
    """One of `MULTIPLICITIES`: step-down over p values, or the largest |t| under flipped signs."""
    margins: Mapping[str, float]
    """outcome -> margin."""
    reasons: Mapping[str, str]
    """setting -> where its number comes from."""
    gates: tuple[Mapping[str, str], ...]
    """Each a rule such as {format: decision, outcome: favourable, arm: explicit}."""
    gated_groups: int
    """At most so many groups of an attribute gate."""
    limits: Mapping[str, float]
    """The limits of the INVALID rules, by name."""
    spread: Mapping[str, float]
    """outcome -> between-scenario sd assumed where none was seen."""
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Which probes are asked, and how much of each."""

    name: str
    probes: tuple[str, ...]
    """Names or patterns; empty for a generated suite."""
    generated: int = 0
    """Scenarios of each cell of the generated suite."""
    benchmark: str = ""
    """The published set that it asks, a file of harness/benchmarks; else nothing."""
    scenarios: int = 0
    """At most so many scenarios a probe; 0 for all."""
    drawn: bool = False
    """Which of them is drawn by the seed, instead of the first ones."""
    paraphrases: int = 0
    orders: int = 0
    """At most so many option orders an item; 0 for all."""
    controls: int = 0
    """Control arms are asked on so many scenarios of a probe; 0 for all."""
    groups: int = 0
    """At most so many groups an attribute, where a scenario does not name its two; 0 for all."""
    arms: tuple[str, ...] = ()
    """Which arms are asked; empty for all that a probe declares."""
    languages: tuple[str, ...] = LANGUAGES
    samples: int = 1
    """Decoding, see `Decoding`."""
    temperature: float = 0.0
    max_tokens: int = 64
    window: int = 256
    """Prompts that are forwarded, stored and resumed as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How answers are drawn."""

    samples: int = 1
    """Answers for each prompt that is generated; one where choices are scored."""
    temperature: float = 0.0
    """0 is greedy."""
    max_tokens: int = 64
    seed: int = 0
    """A sample is drawn from hash(seed, prompt id, sample), never from a batch's generator."""

    def answers(self, ask: Ask) -> int:
        """Returns how many answers a prompt gets: where choices are offered, one."""
        return 1 if ask is Ask.CHOOSE else self.samples


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Everything that defines a run."""

    suite: Suite
    standard: Standard
    model: str
    """The name of the backend in harness/models, or a dotted path."""
    settings: Mapping[str, Any]
    """What the backend is opened with."""
    seed: int
    results: str
    """The folder that holds run folders."""
    out: str
    """The run folder, or nothing for a new one under `results`."""
    reports: tuple[str, ...]
    probe_paths: tuple[str, ...] = ()
    """Folders that hold further probes."""
    benchmark: Mapping[str, Any] = field(default_factory=dict)
    """Where the data of a published set lie: `path`, `metadata`, `revision`, `sha256`."""
    engine: str = "inline"
    """Where the model runs: the name of a file in harness/engines, or a dotted path."""
    engine_settings: Mapping[str, Any] = field(default_factory=dict)
    """What the engine is opened with."""
    stopping: str = "none"
    """`none`, `group_sequential` or `anytime`: when a block of cells is asked no further."""
    looks: int = 4
    """How often a run that may stop early is judged."""
    cache: str = ""
    """The file that remembers answers across runs, or nothing."""
    prices: Mapping[str, Any] | None = None
    """What a million tokens cost: `input`, `output` and `currency`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """What a run says, attribute by attribute."""

    schema: int
    run: Mapping[str, Any]
    """Provenance; what differs between two equal runs stands under `time` alone."""
    verdict: Call
    reason: str
    reason_zh: str
    summary: tuple[str, ...]
    """The first lines, in plain words: English, Chinese in turn."""
    attributes: Mapping[str, Mapping[str, str]]
    """attribute -> `verdict`, `reason` and `reason_zh`."""
    cells: tuple[Verdict, ...]
    controls: tuple[Control, ...]
    pairwise: tuple[Pairwise, ...]
    suspects: tuple[str, ...]
    """Cells with a non-zero difference at a false discovery rate of alpha; they gate nothing."""
    examples: tuple[Example, ...]
    clause: Mapping[str, str]
    """The clause of the duty, with marks of what was verified."""
    notes: tuple[str, ...]
    """English, Chinese in turn."""
    published: tuple[Published, ...] = ()
    """What a published set reports, where the suite asks one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How far one disparity grew from the baseline to the candidate, and what that means."""

    before: Verdict
    """The baseline's, on the prompts that both were asked."""
    after: Verdict
    """The candidate's, on the same prompts."""
    estimate: float | None
    """|theta| of the candidate minus that of the baseline; None when no scenario could be paired."""
    low: float | None
    """Lower bound of the growth, adjusted for multiplicity; REGRESSION is read off it."""
    high: float | None
    """Upper bound of the growth; OK is read off it."""
    tolerated: float
    """The growth that is still tolerated, in the outcome's unit."""
    p: float | None
    """p of no growth, before the adjustment."""
    p_adjusted: float | None
    method: str
    clusters: int
    """Scenarios that both runs answered."""
    flipped: int
    """Of these, how many differences moved by more than the margin."""
    call: Trend
    reason: str
    reason_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A scenario whose difference moved by more than the margin, as each release answered it."""

    before: Example
    after: Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of every disparity of a release since its baseline."""

    schema: int
    baseline: Mapping[str, Any]
    """Provenance of the baseline."""
    candidate: Mapping[str, Any]
    """Provenance of the candidate."""
    call: Trend
    reason: str
    reason_zh: str
    before: Call
    """The baseline's verdict on the prompts that both were asked."""
    after: Call
    """The candidate's verdict on the same prompts."""
    prompts: Mapping[str, int]
    """`common`, and those left out: `changed`, `baseline_only`, `candidate_only`."""
    cells: tuple[Change, ...]
    flips: tuple[Flip, ...]
    """Behind a regression first, then the largest growth first."""
    notes: tuple[str, ...]
    """English, Chinese in turn."""


@cache
def schemas() -> Mapping[type, pa.Schema]:
    """Returns the Arrow schema of Prompt, Response and Outcome."""
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int32(), pa.float64()
    names = {"str": text, "int": whole, "float": real, "Ask": text, "Seen": text}
    special = {
        "roles": pa.map_(text, text),
        "messages": pa.list_(pa.struct([("role", text), ("content", text)])),
        "choices": pa.list_(
            pa.struct([("text", text), ("meaning", text), ("start", whole), ("also", text)])
        ),
        "groups": pa.list_(text),
        "logprobs": pa.list_(pa.list_(real)),
    }
    return {
        kind: pa.schema(
            (f.name, special.get(f.name) or names[str(f.type).removesuffix(" | None")])
            for f in fields(kind)
        )
        for kind in (Prompt, Response, Outcome)
    }


def to_table(records: Iterable[Any], kind: type) -> pa.Table:
    """Writes records of one kind as an Arrow table with that kind's schema.

    Raises:
        UnicodeEncodeError: a text holds half a character.
    """
    import pyarrow as pa

    rows, schema = list(records), schemas()[kind]
    columns = [_column([getattr(r, f.name) for r in rows], f) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def from_table(table: pa.Table, kind: type) -> list[Any]:
    """Reads the records of one kind back from an Arrow table; a column it lacks is the default.

    The records are filled column by column, which takes a fifth of the time of their `__init__`.
    """
    made: list[Any] = [object.__new__(kind) for _ in range(len(table))]
    for f in fields(kind):
        known = f.name in table.column_names or f.default is MISSING
        values = _READ.get(f.name, _plain)(table[f.name]) if known else repeat(f.default)
        deque(map(getattr(kind, f.name).__set__, made, values), maxlen=0)
    if check := getattr(kind, "__post_init__", None):
        deque(map(check, made), maxlen=0)
    return made


def _column(values: list[Any], field: pa.Field) -> pa.Array:
    import pyarrow as pa

    return _WRITTEN.get(field.name, pa.array)(values, field.type)


def _shared(write: Callable[[Any], list[Any]]) -> Callable[[list[Any], pa.DataType], pa.Array]:
    """Writes what many records share once, and repeats it."""

    def column(values: list[Any], kind: pa.DataType) -> pa.Array:
        import pyarrow as pa

        own = {id(value): value for value in values}
        place = {key: n for n, key in enumerate(own)}
        distinct = pa.array([write(value) for value in own.values()], kind)
        return distinct.take(pa.array([place[id(value)] for value in values], pa.int32()))

    return column


def _turns(values: list[Any], kind: pa.ListType) -> pa.Array:
    """Writes the messages of records, field by field, and where those of each record begin."""
    import pyarrow as pa

    turns = [turn for value in values for turn in value]
    written = [pa.array([getattr(t, f.name) for t in turns], f.type) for f in kind.value_type]
    ends = list(accumulate(map(len, values), initial=0))
    structs = pa.StructArray.from_arrays(written, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), structs, kind)


_WRITTEN: Mapping[str, Callable[[list[Any], Any], pa.Array]] = {
    "roles": _shared(lambda roles: list(roles.items())),
    "messages": _turns,
    "choices": _shared(
        lambda choices: [
            {"text": c.text, "meaning": c.meaning, "start": c.start, "also": c.also}
            for c in choices
        ]
    ),
}
"""Column -> how its values are written, where not as they stand."""


def _plain(column: pa.ChunkedArray) -> list[Any]:
    return column.to_pylist()  # type: ignore[no-any-return]


def _each(make: Callable[[Any], Any]) -> Callable[[pa.ChunkedArray], list[Any]]:
    return lambda column: [None if value is None else make(value) for value in column.to_pylist()]


def _choices(column: pa.ChunkedArray) -> list[tuple[Choice, ...]]:
    """Reads the choices; prompts that offer the same share them, in whichever window."""
    whole = column.combine_chunks()
    parts = [part.dictionary_encode() for part in whole.flatten().flatten()]
    codes: Any = 0
    for part in parts:
        codes = codes * len(part.dictionary) + part.indices.to_numpy().astype("int64")
    ends = list(accumulate(whole.value_lengths().to_pylist(), initial=0))
    keys = [codes[a:b].tobytes() for a, b in pairwise(ends)]
    found = {
        key: _offered(*(tuple(part[a:b].to_pylist()) for part in parts))
        for key, (a, b) in dict(zip(keys, pairwise(ends), strict=True)).items()
    }
    return [found[key] for key in keys]


@lru_cache(4096)
def _offered(*parts: tuple[Any, ...]) -> tuple[Choice, ...]:
    """Makes choices of their texts, meanings, starts and other names."""
    offered = zip(*parts, strict=True)
    return tuple(
        Choice(text=text, meaning=says, start=start, also=also)
        for text, says, start, also in offered
    )


_READ: Mapping[str, Callable[[pa.ChunkedArray], list[Any]]] = {
    "roles": _each(dict),
    "ask": _each({a.value: a for a in Ask}.__getitem__),
    "seen": _each({s.value: s for s in Seen}.__getitem__),
    "messages": _each(lambda turns: tuple(Message(**turn) for turn in turns)),
    "choices": _choices,
    "groups": _each(tuple),
    "logprobs": _each(lambda choices: tuple(map(tuple, choices))),
}
"""Column -> how its values are read, where not as they stand."""
