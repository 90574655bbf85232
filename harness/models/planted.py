"""planted: a made-up model whose effect is known, so that the harness can be measured.

`dose` is the size of the effect on the scale of the contrast, for the first group of the item
against the others; `noise` is the between-scenario standard deviation of that difference. All
noise is drawn from a hash of the seed and of what it belongs to, so an answer depends on its prompt
alone. Effects:

none            no effect of the group
gap             the first group is favoured by `dose` everywhere
reversed        the same against it
one_language    gap, in Chinese alone
interaction     gap, doubled where the favourable answer is `yes` and absent where it is `no`
cancelling      gap in one half of the scenarios, as large against the group in the other half
sparse          a share `dose` of the scenarios flips wholly, no noise elsewhere
paraphrase      every wording moves an answer, whatever the group, with sd `dose`
names           every name moves an answer by a draw of its own, the same in each scenario, with sd
                `dose`, in the arm implicit alone: 20 names a group are two random draws of 20
length          the longer a prompt, the more favourable its answer (`dose` for each 100 characters)
position        picks what is listed first            letter    prints `A`
yes             says yes                              longest   picks the longest text
random          picks by chance                       garbage   prints what nobody can read
refuse_all      declines everything                   refuse_group    declines the first group
unparsed_group  garbage for the first group
The effects of a group act on `attribute` alone (`all`: on each), the others everywhere. Plain questions (the arm
negative_control) are answered rightly, whatever the group, but for the noise of its wording.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Any

from harness import __version__
from harness.errors import BadConfig, NotFound
from harness.models._base import Foreseen
from harness.models._given import refuse_unknown
from harness.records import (
    ATTRIBUTES,
    REQUESTS,
    RIGHT_OR_WRONG,
    YES_OR_NO,
    Ask,
    Choice,
    Decoding,
    Prompt,
    Response,
)

_REFUSAL = {"zh": "抱歉，我无法提供这方面的帮助。", "en": "I'm sorry, but I can't help with that."}
_ANSWER = {"zh": "好的，下面是我的回答。", "en": "Here is an answer."}
_GARBAGE = "��§§ 0x3f ~~"
SURFACE_NOISE = 0.02
"""How far wordings move an answer of every planted model, as a standard deviation."""
_LEVELS = {"strong": 0.85, "weak": 0.15}
"""surface of a positive control -> how probable the favourable answer is; one half elsewhere."""
_RIGHTLY = 0.9
"""How probable the right answer to a plain question is."""
_GUESSES = 0.02
"""How often it names either person where a text does not tell which, without any shift."""
_TOKENS = 8
"""Scored tokens of a planted sentence."""

_OF_ROLES = {"comparison": ("first", "second"), "selection": ("all", "none")}
"""format -> what is chosen where the first role wins, and where the second does."""

Answer = str | tuple[tuple[float, ...], ...]
"""A text, or log-probabilities of the tokens of each choice."""


def open(settings: Mapping[str, Any], decoding: Decoding) -> "Planted":
    """Opens the planted model.

    Raises:
        BadConfig, NotFound: an unknown effect, attribute or setting, or a number out of range.
    """
    known: dict[str, Any] = {"effect": "none", "attribute": "gender", "dose": 0.10, "noise": 0.12}
    refuse_unknown(settings, known)
    chosen: dict[str, Any] = known | dict(settings)
    if chosen["effect"] not in EFFECTS:
        raise NotFound.among("effect", str(chosen["effect"]), EFFECTS, where="model.effect")
    acted = (*ATTRIBUTES, "all")
    if chosen["attribute"] not in acted:
        raise NotFound.among("attribute", str(chosen["attribute"]), acted, where="model.attribute")
    for name in ("dose", "noise"):
        if not isinstance(chosen[name], int | float) or not 0 <= chosen[name] <= 1:
            raise BadConfig(
                f"{name} is {chosen[name]!r}",
                where=f"model.{name}",
                expected="a number from 0 to 1, on the scale of the contrast",
                fix=f"set model.{name}={known[name]}",
            )
    return Planted(decoding=decoding, **chosen)


def foresee(settings: Mapping[str, Any], decoding: Decoding) -> Foreseen:
    """Says what is known of the planted model; raises as `open` does."""
    model = open(settings, decoding)
    told = model.describe()
    return Foreseen(name=told["name"], texts=True, was=told.__eq__, count=lambda _: 0)


class Planted:
    """A model with a known effect."""

    abilities = frozenset(Ask)
    texts = labelled = True

    def __init__(
        self, *, effect: str, attribute: str, dose: float, noise: float, decoding: Decoding
    ) -> None:
        self.effect, self.attribute, self.decoding = effect, attribute, decoding
        self.dose, self.noise = float(dose), float(noise)

    def describe(self) -> Mapping[str, Any]:
        """Returns the settings, which are all that there is to know."""
        told = {
            "name": f"planted/{self.effect}",
            "effect": self.effect,
            "attribute": self.attribute,
            "dose": self.dose,
            "noise": self.noise,
        }
        text = f"{sorted(told.items())}{self.decoding}{__version__}"
        return told | {"fingerprint": hashlib.sha256(text.encode()).hexdigest()}

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """Answers each prompt from its own labels."""
        return [
            self._answer(prompt, sample)
            for prompt in prompts
            for sample in range(self.decoding.answers(prompt.ask))
        ]

    def uniform(self, *keys: object) -> float:
        """Returns a number in (0, 1) that depends on the seed and the keys alone."""
        text = "\x1f".join(map(str, (self.decoding.seed, *keys)))
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return (int.from_bytes(digest) + 0.5) / 2**64

    def normal(self, *keys: object) -> float:
        """Returns a standard normal number that depends on the seed and the keys alone."""
        return NormalDist().inv_cdf(self.uniform(*keys))

    def acts_on(self, prompt: Prompt) -> bool:
        """Says whether an effect of a group acts here."""
        return self.attribute in (prompt.attribute, "all")

    def _answer(self, prompt: Prompt, sample: int) -> Response:
        answer = EFFECTS[self.effect](self, prompt)
        if answer is None:
            answer = self._fair_form(prompt, sample)
        if isinstance(answer, str):
            return Response(
                prompt=prompt.id, sample=sample, text=answer, tokens_out=1, finish="stop"
            )
        return Response(
            prompt=prompt.id,
            sample=sample,
            text=_likeliest(prompt, answer),
            logprobs=answer,
            finish="scored",
        )

    def _fair_form(self, prompt: Prompt, sample: int) -> Answer:
        """Answers as a working model does, with the group's shift added."""
        shift = self._shift(prompt, _role(prompt)) if prompt.roles else 0.0
        control = prompt.arm == "positive_control"
        if prompt.format in REQUESTS:
            harmful = prompt.format == "harmful"
            chance = 0.5 + 0.45 * (1 if harmful is not control else -1) + shift
            if control:
                chance = 0.05 if harmful else 0.95
            declines = self.uniform(prompt.probe, prompt.item, sample) < chance
            return (_REFUSAL if declines else _ANSWER)[prompt.language]
        if control:
            shift = self._surface(prompt, "")
        if prompt.format == "pair":
            return self._pair(prompt, 0.5 + shift if control else shift)
        if prompt.format in (*YES_OR_NO, "rating"):
            plain = prompt.arm in RIGHT_OR_WRONG
            p = shift + (_RIGHTLY if plain else _LEVELS.get(prompt.surface, 0.5))
            p = p if prompt.favourable in ("yes", "high") else 1 - p
            return _rate(prompt, p) if prompt.format == "rating" else _say(prompt, p)
        return self._choice(prompt, shift)

    def _pair(self, prompt: Prompt, shift: float) -> Answer:
        half = max(-1.0, min(1.0, shift)) / 2
        return tuple(
            (-3.0 + (half if c.meaning == "stereotyped" else -half),) * _TOKENS
            for c in prompt.choices
        )

    def _choice(self, prompt: Prompt, shift: float) -> Answer:
        place = (prompt.probe, prompt.language, prompt.item)
        if prompt.format in _OF_ROLES:
            u = self.uniform("choice", *place)
            first = {"strong": 1.0, "weak": 0.0}.get(prompt.surface, 0.5)
            won = u < first + (shift if prompt.arm == "explicit" else 0)
            best = _OF_ROLES[prompt.format][won is (prompt.favourable == "no")]
        elif prompt.arm == "positive_control":
            best = "right"
        else:  # its mean is the shift
            u = self.uniform("choice", *place, prompt.order)
            stereotyped, counter = _GUESSES + max(shift, 0.0), _GUESSES + max(-shift, 0.0)
            best = "stereotyped" if u < stereotyped else "unknown"
            best = "counter" if u > 1 - counter else best
        return _pick(prompt, lambda c: c.meaning == best)

    def _shift(self, prompt: Prompt, group: str) -> float:
        """Returns how far the group moves this answer: effect, scenario noise and surface noise."""
        if prompt.arm in RIGHT_OR_WRONG:
            return self._surface(prompt, group)
        groups = prompt.groups or (group,)
        place = (prompt.probe, prompt.language, prompt.scenario)
        signed = prompt.format in ("pair", "ambiguous")
        effect = _GROUP_EFFECTS[self.effect](self, prompt) if self.effect in _GROUP_EFFECTS else 0.0
        if signed:
            slope = effect + self._spread("slope", *place)
        else:
            own = 1.0 if _favoured(prompt, group) else 0.0
            slope = effect * (own - 1 / len(groups))
            slope += self._spread("slope", *place, group) / math.sqrt(2)
        return slope + self._surface(prompt, group)

    def _spread(self, *keys: object) -> float:
        return 0.0 if self.effect == "sparse" else self.noise * self.normal(*keys)

    def _surface(self, prompt: Prompt, group: str) -> float:
        if self.effect == "sparse":
            return 0.0
        sd = self.dose if self.effect == "paraphrase" else SURFACE_NOISE
        who = () if self.effect == "paraphrase" else (group,)
        move = sd * self.normal("surface", prompt.probe, prompt.item, prompt.surface, *who)
        if self.effect == "names" and prompt.arm == "implicit":
            move += self.dose * self.normal("name", prompt.probe, prompt.language, prompt.surface)
        if self.effect == "length":
            move += self.dose * sum(len(m.content) for m in prompt.messages) / 100
        return move


def _role(prompt: Prompt) -> str:
    return next(iter(prompt.roles.values()))


def _favoured(prompt: Prompt, group: str) -> bool:
    """Says whether an effect lifts this answer: of the group of a claim, else of the first group."""
    if prompt.format == "agreement":
        return "target" in prompt.roles
    return group == prompt.groups[0]


def _say(prompt: Prompt, yes: float) -> Answer:
    """Puts a probability on yes; the mass is split over the spellings."""
    yes = min(0.995, max(0.005, yes))
    spelled = [c.meaning for c in prompt.choices]
    if not spelled:
        return {"zh": "是" if yes > 0.5 else "否", "en": "Yes." if yes > 0.5 else "No."}[
            prompt.language
        ]
    share = {"yes": 0.98 * yes, "no": 0.98 * (1 - yes)}
    return tuple((math.log(share[m.partition(":")[0]] / spelled.count(m)),) for m in spelled)


def _rate(prompt: Prompt, level: float) -> Answer:
    """Splits probability between two neighbouring answers of the scale, so that its mean is `level`."""
    at = min(0.999, max(0.001, level)) * (len(prompt.choices) - 1)
    near = [max(1e-9, 1 - abs(at - n)) for n in range(len(prompt.choices))]
    return tuple((math.log(share),) for share in near)


def _pick(prompt: Prompt, best: Callable[[Choice], bool]) -> Answer:
    """Puts nearly all probability on the first choice that is best."""
    at = next(i for i, c in enumerate(prompt.choices) if best(c))
    rest = math.log(0.02 / max(1, len(prompt.choices) - 1))
    return tuple((math.log(0.98) if i == at else rest,) for i in range(len(prompt.choices)))


def _likeliest(prompt: Prompt, logprobs: tuple[tuple[float, ...], ...]) -> str:
    return max(zip(logprobs, prompt.choices, strict=True), key=lambda pair: sum(pair[0]))[1].text


def _listed_first(_: Planted, prompt: Prompt) -> Answer | None:
    if prompt.format in YES_OR_NO and prompt.choices:
        return _say(prompt, 0.95 if prompt.choices[0].meaning.startswith("yes") else 0.05)
    return _pick(prompt, lambda _: True) if _has_options(prompt) else None


def _always_yes(_: Planted, prompt: Prompt) -> Answer | None:
    return _say(prompt, 0.95) if prompt.format in YES_OR_NO else None


def _longest(_: Planted, prompt: Prompt) -> Answer | None:
    if prompt.format in YES_OR_NO and prompt.choices:
        longest = max(prompt.choices, key=lambda c: len(c.text))
        return _say(prompt, 0.95 if longest.meaning.startswith("yes") else 0.05)
    size = max((len(c.text) for c in prompt.choices), default=0)
    return _pick(prompt, lambda c: len(c.text) == size) if _has_options(prompt) else None


def _by_chance(model: Planted, prompt: Prompt) -> Answer | None:
    u = model.uniform("random", prompt.id)
    if prompt.format in YES_OR_NO:
        return _say(prompt, u)
    if prompt.format == "pair":
        return model._pair(prompt, 2 * u - 1)
    if not _has_options(prompt):
        return (_REFUSAL if u < 0.5 else _ANSWER)[prompt.language]
    at = prompt.choices[int(u * len(prompt.choices))]
    return _pick(prompt, lambda c: c is at)


def _has_options(prompt: Prompt) -> bool:
    return prompt.format in ("comparison", "selection", "ambiguous", "rating")


def _letter(_: Planted, prompt: Prompt) -> Answer | None:
    return None if prompt.format == "pair" else "A"


def _for_group(text: Callable[[Prompt], str]) -> Callable[[Planted, Prompt], Answer | None]:
    def answer(model: Planted, prompt: Prompt) -> Answer | None:
        first = bool(prompt.roles) and _role(prompt) == prompt.groups[0]
        return text(prompt) if first and model.acts_on(prompt) else None

    return answer


def _gap(model: Planted, prompt: Prompt) -> float:
    return model.dose if model.acts_on(prompt) else 0.0


def _half(model: Planted, prompt: Prompt) -> bool:
    return model.uniform("half", prompt.probe, prompt.scenario) < 0.5


def _sparse(model: Planted, prompt: Prompt) -> float:
    flips = model.uniform("flip", prompt.probe, prompt.language, prompt.scenario) < model.dose
    return 1.0 if flips and model.acts_on(prompt) else 0.0


_GROUP_EFFECTS: Mapping[str, Callable[[Planted, Prompt], float]] = {
    "gap": _gap,
    "reversed": lambda model, prompt: -_gap(model, prompt),
    "one_language": lambda model, prompt: _gap(model, prompt) * (prompt.language == "zh"),
    "interaction": lambda model, prompt: 2 * _gap(model, prompt) * (prompt.favourable != "no"),
    "cancelling": lambda model, prompt: _gap(model, prompt) * (1 if _half(model, prompt) else -1),
    "sparse": _sparse,
}


EFFECTS: Mapping[str, Callable[[Planted, Prompt], Answer | None]] = {
    **dict.fromkeys(("none", "paraphrase", "names", "length", *_GROUP_EFFECTS), lambda _, __: None),
    "refuse_all": lambda _, prompt: _REFUSAL[prompt.language],
    "refuse_group": _for_group(lambda prompt: _REFUSAL[prompt.language]),
    "unparsed_group": _for_group(lambda _: _GARBAGE),
    "garbage": lambda _, __: _GARBAGE,
    "position": _listed_first,
    "letter": _letter,
    "yes": _always_yes,
    "longest": _longest,
    "random": _by_chance,
}
"""What each effect answers; None leaves it to the working model and the group's shift."""
