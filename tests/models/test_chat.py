"""Endpoints: what is sent, what is read, and what a server cannot do."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.errors import BadConfig, BadModel, NotFound
from harness.models import chat
from harness.outcomes import favourable, favourable_by_text, mass, refused
from harness.records import Ask, Choice, Decoding, Message, Seen
from tests.models.conftest import AskFor
from tests.models.fault_server import QUICK, FaultServer

Open = Callable[..., chat.Chat]
SPELT = tuple(
    Choice(text=f"{space}{text}", meaning=f"{text.lower()}:spelling")
    for text in ("Yes", "No")
    for space in ("", " ")
)
DECISION = (
    *SPELT,
    Choice(text="He should.", meaning="yes:text"),
    Choice(text="Not.", meaning="no:text"),
)


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens endpoints, and closes them after the test."""
    models: list[chat.Chat] = []

    def open(server: FaultServer, decoding: Decoding | None = None, **settings: Any) -> chat.Chat:
        given = {**QUICK, "url": server.url, **settings}
        models.append(chat.open(given, decoding or Decoding(max_tokens=7)))
        return models[-1]

    yield open
    for model in models:
        model.client.close()


def failing(fault: str, but: str = "") -> Callable[[str, int], str]:
    """Fails whatever is asked, but for what holds a word."""
    return lambda key, _: "" if but and but in key else fault


def words(text: str) -> list[tuple[str, float | None]]:
    """Cuts a text into tokens before each space; the first has no log-probability."""
    tokens = [f" {word}" for word in text.split(" ")]
    tokens[0] = tokens[0][1:]
    return [(token, -0.5 * n if n else None) for n, token in enumerate(tokens)]


def test_a_text_is_answered_with_the_system_prompt_and_the_decoding(
    opened: Open, ask: AskFor
) -> None:
    with FaultServer() as server:
        model = opened(server, system="Be brief.", extra={"top_p": 0.5, "temperature": None})
        [response] = model.respond([ask("a", "Well?")])
        body = server.bodies[-1]
    assert (response.text, response.finish, response.error) == ("Yes.", "stop", None)
    assert (response.tokens_in, response.tokens_out) == (10, 2)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Well?"},
    ]
    assert (body["max_tokens"], body["top_p"], body["model"]) == (7, 0.5, "m")
    assert "temperature" not in body
    assert "seed" not in body


def test_samples_are_drawn_from_seeds_of_their_own_and_a_greedy_answer_once(
    opened: Open, ask: AskFor
) -> None:
    with FaultServer() as server:
        model = opened(server, Decoding(samples=3, temperature=1.0))
        drawn = model.respond([ask("a", "Well?"), ask("b", "So?")])
        seeds = [body["seed"] for body in server.bodies if said(body) in ("Well?", "So?")]
        greedy = opened(server, Decoding(samples=3)).respond([ask("c", "Once?")])
    assert [(r.prompt, r.sample) for r in drawn] == [(p, k) for p in "ab" for k in range(3)]
    assert len(set(seeds)) == 6
    assert [r.sample for r in greedy] == [0, 1, 2]
    assert server.asked["Once?"] == 1


def said(body: Any) -> str:
    return str(body["messages"][-1]["content"]) if "messages" in body else ""


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "<think>hm</think>\n\nNo."}, "No.", "hm"),
        ({"content": "hm</think>No."}, "No.", "hm"),
        ({"content": "<think>it never ends"}, "", "it never ends"),
        ({"content": "No.", "reasoning_content": "hm"}, "No.", "hm"),
        ({"content": "<think>b</think>No.", "reasoning": "a"}, "No.", "a\nb"),
        ({"content": [{"type": "text", "text": "No."}]}, "No.", None),
        ({"content": None}, None, None),
    ],
)
def test_what_was_thought_is_kept_and_is_no_part_of_the_text(
    opened: Open, ask: AskFor, message: dict[str, Any], text: str | None, reasoning: str | None
) -> None:
    with FaultServer(answer=lambda _: message) as server:
        [response] = opened(server).respond([ask("a", "Well?")])
    assert (response.text, response.reasoning) == (text, reasoning)


def test_a_decision_is_read_from_the_likeliest_first_tokens(opened: Open, ask: AskFor) -> None:
    tops = {"Yes": math.log(0.6), "No": math.log(0.3), " Yes": math.log(0.05), "Ye": -9.0}
    rest = {f"t{n}": math.log(0.0001) for n in range(16)}
    with FaultServer(listed=lambda _: {**tops, **rest}) as server:
        model = opened(server)
        prompt = ask("a", "Well?", choices=DECISION, favourable="yes")
        [response] = model.respond([prompt])
        body = server.bodies[-1]
    assert (body["logprobs"], body["top_logprobs"], body["max_tokens"]) == (True, 20, 1)
    assert response.logprobs == ((math.log(0.6),), (math.log(0.05),), (math.log(0.3),), (), (), ())
    assert favourable.measure(prompt, response) == pytest.approx(0.65 / 0.95)
    assert mass.measure(prompt, response) == pytest.approx(0.95)
    assert favourable_by_text.measure(prompt, response) is Seen.UNPARSED
    assert model.describe()["decisions"] == "the 20 likeliest first tokens"


@pytest.mark.parametrize(
    "tops",
    [
        {"The": -0.1, "Yes": math.log(0.004), "It": math.log(0.003)},  # much is left over
        {"The": -0.1, "A": -3.0},  # no spelling at all
        {"Yes": math.log(0.5), "N": math.log(0.4), "X": math.log(0.1)},  # how N goes on is unknown
    ],
)
def test_a_list_that_leaves_the_answer_open_is_a_failure_never_a_number(
    opened: Open, ask: AskFor, tops: dict[str, float]
) -> None:
    with FaultServer(listed=lambda key: {"Yes": -0.01} if "ice" in key else tops) as server:
        [response] = opened(server).respond([ask("a", "Well?", choices=DECISION)])
    assert response.logprobs is None
    assert "open" in str(response.error)


def test_a_certain_answer_is_read_where_the_other_is_not_listed(opened: Open, ask: AskFor) -> None:
    with FaultServer(listed=lambda _: {"Yes": math.log(0.999), "So": math.log(0.0005)}) as server:
        for right, value in (("yes", 1.0), ("no", 0.0)):
            prompt = ask("a", "Well?", choices=DECISION, favourable=right)
            [response] = opened(server).respond([prompt])
            assert favourable.measure(prompt, response) == value


def test_without_lists_decisions_and_options_are_read_from_text(opened: Open, ask: AskFor) -> None:
    options = (Choice(text="the nurse", meaning="first"), Choice(text="the cook", meaning="second"))
    with FaultServer(
        answer=lambda key: {"content": "The cook." if "Who" in key else "Yes."}
    ) as server:
        model = opened(server)
        asked = [
            ask("a", "Well?", choices=DECISION, favourable="yes"),
            ask("b", "Who?", choices=options, format="comparison"),
        ]
        decided, chosen = model.respond(asked)
    assert (decided.text, decided.logprobs) == ("Yes.", None)
    assert favourable.measure(asked[0], decided) == 1.0
    assert (chosen.text, chosen.logprobs) == ("The cook.", None)
    assert model.describe()["decisions"] == "text"


def test_a_server_that_lists_at_most_five_is_asked_for_five(opened: Open, ask: AskFor) -> None:
    with FaultServer(listed=lambda _: {"yes": -0.001}, most=5) as server:
        assert opened(server).describe()["decisions"] == "the 5 likeliest first tokens"
        assert opened(server, reading="text").describe()["decisions"] == "text"


def test_a_model_that_thinks_first_is_read_from_text(opened: Open) -> None:
    with FaultServer(listed=lambda _: {"<think>": -0.001}) as server:
        assert opened(server).describe()["decisions"] == "text"


def pair(ask: AskFor) -> Any:
    texts = ("The nurse was very tired.", "The old cook was very tired.")
    starts = (9, 12)
    choices = tuple(
        Choice(text=t, meaning=m, start=s)
        for t, m, s in zip(texts, ("stereotyped", "counter"), starts, strict=True)
    )
    return ask("p", choices=choices, format="pair")


@pytest.mark.parametrize("lead", ["", "<s>", " "])
def test_sentence_pairs_are_scored_where_the_server_echoes(
    opened: Open, ask: AskFor, lead: str
) -> None:
    def echo(text: str) -> list[tuple[str, float | None]]:
        found = words(text)
        if lead == " ":
            found[0] = (" " + found[0][0], None)
        return [(lead, None), *found] if lead == "<s>" else found

    with FaultServer(echo=echo) as server:
        model = opened(server)
        assert not model.cannot
        [response] = model.respond([pair(ask)])
    assert response.logprobs == ((-1.0, -1.5, -2.0), (-1.5, -2.0, -2.5))
    assert response.finish == "scored"


def test_completions_score_every_choice_behind_the_context(opened: Open, ask: AskFor) -> None:
    context = "Be brief.\n\nWell?\n"

    def echo(text: str) -> list[tuple[str, float | None]]:
        if not text.startswith(context):
            return words(text)
        return [(context[:-1], None), ("\n", -0.1), *((c, -1.0) for c in text[len(context) :])]

    with FaultServer(echo=echo) as server:
        model = opened(server, api="completions", system="Be brief.")
        [response] = model.respond([ask("a", "Well?", choices=DECISION[:3])])
    assert response.logprobs == ((-1.0,) * 3, (-1.0,) * 4, (-1.0,) * 2)
    assert (response.tokens_in, response.finish) == (30, "scored")
    assert model.describe()["decisions"] == "scored"


def test_without_echo_pairs_are_refused_with_the_format_and_the_fix(
    opened: Open, ask: AskFor
) -> None:
    with FaultServer() as server:
        model = opened(server)
        assert "echo" in model.cannot["pair"]
        [response] = model.respond([pair(ask)])
    assert response.logprobs is None
    assert "HTTP 400" in str(response.error)


def test_a_fingerprint_holds_all_that_moves_an_answer_and_no_key(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret-1")
    with FaultServer() as server:
        same = [opened(server), opened(server, connections=2, max_calls=50, key_env="MY_KEY")]
        other = [
            opened(server, system="s"),
            opened(server, extra={"top_p": 1}),
            opened(server, name="n"),
            opened(server, Decoding(seed=3)),
        ]
        sent = [h["Authorization"] for h in server.headers if "Authorization" in h]
    assert len({m.describe()["fingerprint"] for m in same}) == 1
    assert len({m.describe()["fingerprint"] for m in (*same, *other)}) == 5
    assert set(sent) == {"Bearer sk-secret-1"}
    assert "secret" not in json.dumps(same[1].describe()) + repr(same[1].settings)
    known = chat.foresee({"url": server.url, "name": "m"}, Decoding())
    assert known.was(same[0].describe())
    assert not known.was(other[0].describe())


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"url": None}, "model.url"),
        ({"name": ""}, "model.name"),
        ({"url": "host/v1"}, "model.url"),
        ({"url": "http://user:word@host/v1"}, "model.url"),
        ({"url": "http://host/v1?key=word"}, "model.url"),
        ({"key_env": "NOT_SET_ANYWHERE"}, "model.key_env"),
        ({"key_env": "sk-word"}, "model.key_env"),
        ({"connections": 0}, "model.connections"),
        ({"attempts": True}, "model.attempts"),
        ({"timeout": math.nan}, "model.timeout"),
        ({"extra": "top_p"}, "model.extra"),
        ({"max_cost": 1}, "model.max_cost"),
    ],
)
def test_a_wrong_setting_is_refused_and_no_secret_is_shown(
    settings: dict[str, Any], where: str
) -> None:
    with pytest.raises(BadConfig) as found:
        chat.open({"url": "http://127.0.0.1:9/v1", **QUICK, **settings}, Decoding())
    assert found.value.where == where
    assert "word" not in str(found.value)


def test_an_unknown_setting_shows_the_near_ones() -> None:
    for wrong in ({"nmae": "m"}, {"api": "chta"}, {"reading": "txt"}):
        with pytest.raises(NotFound):
            chat.open({"url": "http://127.0.0.1:9/v1", "name": "m", **wrong}, Decoding())


def test_a_server_that_is_not_there_or_refuses_is_told_at_opening() -> None:
    with FaultServer() as server:
        gone = server.url
    with pytest.raises(BadModel, match="connection failed"):
        chat.open({**QUICK, "url": gone}, Decoding())
    for fault, told in (("401", "401"), ("404", "404"), ("redirect", "redirects .* refused")):
        with FaultServer(failing(fault)) as server, pytest.raises(BadModel, match=told):
            chat.open({**QUICK, "url": server.url}, Decoding())


def test_a_filtered_answer_is_a_refusal(opened: Open, ask: AskFor) -> None:
    for fault in ("filter", "filtered"):
        with FaultServer(failing(fault, but="ice")) as server:
            prompt = ask("a", "Well?", choices=DECISION, favourable="yes")
            [response] = opened(server).respond([prompt])
        assert response.error is None
        assert favourable.measure(prompt, response) is Seen.REFUSED
        assert refused.measure(prompt, response) == 1.0
        assert server.asked["Well?"] == 1


def test_a_prompts_own_system_message_follows_the_services(opened: Open, ask: AskFor) -> None:
    own = (Message(role="system", content="Own."), Message(role="user", content="Well?"))
    with FaultServer() as server:
        opened(server, system="Service.").respond([ask("a", messages=own, ask=Ask.GENERATE)])
        assert server.bodies[-1]["messages"][0]["content"] == "Service.\n\nOwn."
