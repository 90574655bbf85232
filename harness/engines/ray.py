"""ray: models on the machines of a Ray cluster answer windows side by side.

Every worker opens the model itself, from the names and settings of the run, and must be the same
model: code and fingerprint are compared. A window lies with one worker at a time and is kept when
its answers arrive, in any order. Where a worker is lost, what lay with it is asked again and another
worker is opened in its place. Windows are read as workers become free, so memory stays flat.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from harness.engines._actor import Actor, Told
from harness.engines._settings import Settings
from harness.engines._worker import Due, Worker
from harness.errors import BadConfig, BadModel, HarnessError
from harness.models._base import Keep, Model, Window, answer_one
from harness.models._given import bad, refuse_unknown
from harness.records import Decoding, Prompt, Response

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported: it reports nothing
try:
    import ray
    from ray.exceptions import RayError, RayTaskError
except ModuleNotFoundError as error:
    raise BadConfig(
        f"engine=ray needs the package {error.name}, which is not installed",
        where="engine=ray",
        expected="Ray, here and on each machine of the cluster",
        fix="pip install 'art4[ray]' (pip install '.[ray]' in a checkout), or engine=inline",
    ) from error

AHEAD = 2
"""Windows that lie with a worker: the one it answers, and the next, so that it never waits."""
TRIES = 3
"""So often a window may be asked, or a worker opened, with the worker lost each time."""
_CONNECT = 10.0
"""Seconds in which the cluster must take a connection; Ray itself would try for minutes."""
_TOLD = 60.0
"""Seconds between two reports of what each worker did, on a terminal."""


@contextmanager
def open(
    settings: Mapping[str, Any], backend: str, chosen: Mapping[str, Any], decoding: Decoding
) -> Iterator[Model]:
    """Opens the model on the cluster; all workers are open before anything is asked.

    Raises:
        BadConfig, NotFound: a setting is wrong, or the cluster cannot be reached or has no room.
        HarnessError: a worker cannot open the model, or opens another.
    """
    refuse_unknown(settings, [each.name for each in fields(Settings)], "engine")
    engine = Settings(**settings)
    connected = not ray.is_initialized()
    if connected:
        _connect(engine.address)
    spread = None
    try:
        spread = Spread(engine, backend, chosen, decoding)
        yield spread
    finally:
        if spread:
            spread.close()
        if connected:
            ray.shutdown()


class Spread:
    """One model in several workers."""

    def __init__(
        self, settings: Settings, backend: str, chosen: Mapping[str, Any], decoding: Decoding
    ) -> None:
        self.settings, self.made_of = settings, (str(Path.cwd()), backend, dict(chosen), decoding)
        self.told: Told | None = None
        self.gone: list[Worker] = []
        self.again = deque[Due]()
        """Windows that lay with a worker that was lost, the oldest first."""
        self.failed = 0
        """Workers in a row that were lost before they were open."""
        self.reported = time.monotonic()
        self.workers: list[Worker] = []
        try:
            self._begin(_count(settings))
        except BaseException:
            self.close()
            raise
        told = self._known()
        self.abilities, self.cannot = told.abilities, told.cannot
        self.texts, self.labelled = told.texts, told.labelled

    def describe(self) -> Mapping[str, Any]:
        """Returns the provenance of the model, which is the same in every worker."""
        return self._known().model

    def expect(self, prompts: Iterable[Prompt]) -> None:
        """Tells a worker's model what will be asked, where it wants to know."""
        if self._known().expects:
            try:
                self.told = ray.get(self.workers[0].actor.expect.remote(prompts))
            except RayTaskError as error:
                raise error.cause from None

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """Answers a window."""
        return answer_one(self, prompts)

    def answer(self, windows: Iterable[Window], keep: Keep) -> None:
        """Answers windows in any order, and keeps each once.

        Where a worker raises, what lies with the others is kept before that is raised here.

        Raises:
            HarnessError: workers were lost too often.
        """
        coming = map(Due, windows)
        failure: BaseException | None = None
        self.again.clear()
        while True:
            while not failure and (worker := self._free()):
                due = self.again.popleft() if self.again else next(coming, None)
                if due is None:
                    break
                worker.asked[worker.actor.respond.remote(due.window[1]())] = due
            under_way = {handle: worker for worker in self.workers for handle in worker.asked}
            if not under_way and (failure or (not self.again and self._free())):
                break
            for handle in self._wait(under_way):
                try:
                    self._take(under_way[handle], handle, keep)
                except RayTaskError as error:
                    failure = failure or error.cause
                except RayError as error:
                    self._lose(under_way[handle], error)
        if failure:
            raise failure

    def close(self) -> None:
        """Ends the workers, and tells what each did."""
        self._report()
        for worker in self.workers:
            ray.kill(worker.actor)
        self.workers.clear()

    def _known(self) -> Told:
        if self.told is None:
            raise ValueError("no worker is open")
        return self.told

    def _begin(self, count: int) -> None:
        """Opens workers, and waits until all of them are open."""
        self.workers += [self._new() for _ in range(count)]
        while not all(worker.place for worker in self.workers):
            self._wait({})
        if count > 1:
            for name in filter(self.made_of[2].get, self._known().counted):
                told = f"0, or engine.actors=1: one of {count} workers cannot count for all"
                raise bad(name, self.made_of[2][name], told)

    def _new(self) -> Worker:
        settings = self.settings
        made: Any = ray.remote(Actor)
        actor = made.options(
            num_cpus=settings.cpus,
            num_gpus=settings.gpus,
            scheduling_strategy="SPREAD",
            max_restarts=0,
            runtime_env={"env_vars": settings.environment()},
        ).remote()
        return Worker(actor, actor.open.remote(*self.made_of), time.monotonic())

    def _free(self) -> Worker | None:
        free = [w for w in self.workers if w.place and len(w.asked) < AHEAD]
        return min(free, key=lambda worker: len(worker.asked), default=None)

    def _wait(self, under_way: Mapping[Any, Worker]) -> list[Any]:
        """Waits until something arrives: takes in workers that are open, returns what was answered."""
        opening = {worker.opening: worker for worker in self.workers if not worker.place}
        ready, _ = ray.wait([*under_way, *opening], timeout=1)
        for handle in ready:
            if handle in opening:
                self._enter(opening[handle])
        for worker in opening.values():
            if not worker.place and time.monotonic() - worker.begun > self.settings.patience:
                self._give_up(worker)
        if sys.stderr.isatty() and time.monotonic() - self.reported > _TOLD:
            self._report()
        return [handle for handle in ready if handle in under_way]

    def _take(self, worker: Worker, handle: Any, keep: Keep) -> None:
        """Keeps a window that was answered."""
        try:
            given, seconds = ray.get(handle)
        except RayTaskError:
            del worker.asked[handle]
            raise
        number, _ = worker.asked.pop(handle).window
        keep(number, given)
        worker.windows += 1
        worker.prompts += len({response.prompt for response in given})
        worker.seconds += seconds

    def _enter(self, worker: Worker) -> None:
        """Takes in a worker that has opened its model."""
        try:
            told: Told = ray.get(worker.opening)
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            self.failed += 1
            self._lose(worker, error)
            return
        self.failed, worker.place = 0, told.place
        self.told = self.told or told
        for what, one, other in (
            ("code", told.code, self.told.code),
            ("fingerprint", told.model["fingerprint"], self.told.model["fingerprint"]),
        ):
            if one != other:
                raise BadModel(
                    f"the worker on {told.place} runs another {what}: {one}",
                    where=f"engine=ray, {self.told.model['name']}",
                    expected=f"{other}, as on {self.told.place}",
                    fix="have the same weights, harness, packages and devices on every machine",
                )

    def _lose(self, worker: Worker, error: RayError) -> None:
        """Gives back what lay with a worker that was lost, and opens another in its place."""
        if worker not in self.workers:
            return
        self.workers.remove(worker)
        ray.kill(worker.actor)
        self.gone += [worker] * (worker.windows > 0)
        lost = list(worker.asked.values())
        worker.asked.clear()
        self.again.extendleft(reversed(lost))
        told = str(error).strip().splitlines()
        sys.stderr.write(f"ray: lost the worker on {worker.place or 'its way'}: {told[0]}\n")
        for due in lost[:1]:  # the others had not been begun
            due.lost += 1
            if due.lost == TRIES:
                raise _too_often(f"window {due.window[0]} was lost {TRIES} times", told)
        if self.failed < TRIES:
            self.workers.append(self._new())
        elif not self.workers:
            raise _too_often(f"{TRIES} workers were lost as they opened the model", told)

    def _give_up(self, worker: Worker) -> None:
        """Goes on without a worker that does not open, if it is not the only hope."""
        if self.told is None or not any(other.place for other in self.workers):
            raise HarnessError(
                f"no worker opened the model within {self.settings.patience:g} s",
                where="engine.patience, engine.actors, engine.cpus, engine.gpus",
                expected="room that nothing else on the cluster uses, and time to read the weights",
                fix="ask for less, or raise engine.patience; the same command goes on",
            )
        self.workers.remove(worker)
        ray.kill(worker.actor)

    def _report(self) -> None:
        self.reported = time.monotonic()
        for worker in (*self.gone, *self.workers):
            if worker.windows:
                sys.stderr.write(worker.line())


def _connect(address: str | None) -> None:
    """Connects to a cluster, or starts Ray on this machine alone."""
    host, _, port = (address or "").rpartition(":")
    try:
        if port.isdecimal():
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT).close()
        own = {"address": "local", "include_dashboard": False}
        given = {"address": address} if address else own
        ray.init(**given, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise BadConfig(
            f"no Ray cluster can be reached at {address}: {error}",
            where="engine.address",
            expected="host:port of a head that runs, with the same Ray and Python as here",
            fix="`ray start --head` on one machine prints it; see docs/scale-out.md",
        ) from error


def _count(settings: Settings) -> int:
    """Returns how many actors there are to be.

    Raises:
        BadConfig: there is no room for so many.
    """
    needs = {"CPU": settings.cpus, "GPU": settings.gpus}
    nodes: Any = ray.nodes  # has no types
    machines = [node["Resources"] for node in nodes() if node["Alive"]]
    room = sum(
        min(int(machine.get(kind, 0) / need + 1e-9) for kind, need in needs.items() if need)
        for machine in machines
    )
    if room < (settings.actors or 1):
        raise BadConfig(
            f"the cluster has room for {room} actors",
            where="engine.actors, engine.cpus, engine.gpus",
            expected=f"room for {settings.actors or 1}, each with {settings.cpus:g} CPUs and"
            f" {settings.gpus:g} GPUs on one of {len(machines)} machines",
            fix="ask for fewer or smaller ones, or add machines",
        )
    return settings.actors or room


def _too_often(what: str, told: Sequence[str]) -> HarnessError:
    return HarnessError(
        f"{what}: {told[0]}",
        where="engine=ray",
        expected="workers that outlive a window; most often the memory of a machine is too small",
        fix="give each actor more of a machine (engine.cpus), or ask for fewer; what is stored stays,"
        " and the same command goes on",
    )
