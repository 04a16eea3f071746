"""A delivery: what becomes of a batch for each answer, and what it does when there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from taskspan._signals import METRICS, TRACES, Signal
from taskspan.configuration import _delivery
from taskspan.configuration._batches import Batch
from taskspan.configuration._delivery import HELD_RECORDS, Delivery
from taskspan.configuration._verdict import DELIVERED, Fate, Verdict

LONG_S = 20.0
AGAIN = Verdict(Fate.TRY_AGAIN, "busy")


class Scripted:
    """A sender that answers from a list, and then with success; notes what it got."""

    endpoint = replay_to = "http://127.0.0.1:4318"

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = [DELIVERED, *verdicts]  # the first try is empty
        self.sent: list[Batch] = []
        self.gate = threading.Event()
        self.gate.set()
        self.is_closed = False

    def send(self, batch: Batch) -> Verdict:
        """Answer."""
        self.gate.wait()
        self.sent.append(batch)
        return self.verdicts.pop(0) if self.verdicts else DELIVERED

    def empty(self) -> Batch:
        """Return nothing."""
        return []

    def close(self) -> None:
        """Let a try that is under way end."""
        self.is_closed = True
        self.gate.set()


class Noted:
    """Takes note of what is said and kept."""

    def __init__(self) -> None:
        self.seen: list[Fate] = []
        self.kept: list[Batch] = []
        self.left: list[Batch] = []

    def see(self, delivery: Delivery, verdict: Verdict, batch: Batch) -> None:
        """Note it."""
        self.seen.append(verdict.fate)

    def keep(self, delivery: Delivery, batch: Batch) -> None:
        """Note it."""
        self.kept.append(batch)

    def leave(self, delivery: Delivery, batch: Batch) -> None:
        """Note it."""
        self.left.append(batch)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other without a wait worth the name."""
    monkeypatch.setattr(_delivery, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(_delivery, "LONGEST_WAIT_S", 0.001)


@pytest.fixture
def noted() -> Noted:
    """Where outcomes go."""
    return Noted()


@pytest.fixture
def deliveries() -> Iterator[list[Delivery]]:
    """The deliveries of a test, closed at its end."""
    made: list[Delivery] = []
    yield made
    for delivery in made:
        delivery.close()


def delivered(
    sender: Scripted,
    noted: Noted,
    deliveries: list[Delivery],
    batches: Sequence[Batch],
    signal: Signal = TRACES,
) -> Delivery:
    """Hand batches over and wait until they are delivered or given up."""
    delivery = Delivery(signal, sender, noted)
    deliveries.append(delivery)
    delivery.start()
    for batch in batches:
        delivery.hand_over(batch)
    assert delivery.flush(time.monotonic() + LONG_S)
    return delivery


def test_the_first_try_is_empty(noted: Noted, deliveries: list[Delivery]) -> None:
    """Whether an endpoint takes the signal is asked before there is anything to send."""
    sender = Scripted()
    delivered(sender, noted, deliveries, [["a"]])
    assert sender.sent == [[], ["a"]]


def test_batches_keep_their_order_through_an_outage(
    noted: Noted, deliveries: list[Delivery]
) -> None:
    """What cannot be delivered now is tried again, before what came after it."""
    sender = Scripted(AGAIN, AGAIN, AGAIN)
    delivered(sender, noted, deliveries, [["a"], ["b"]])
    assert sender.sent[1:] == [["a"]] * 4 + [["b"]]
    assert noted.kept == noted.left == []


@pytest.mark.parametrize("fate", [Fate.NOT_TAKEN, Fate.NOT_ALLOWED])
def test_a_refused_signal_is_tried_no_more(
    fate: Fate, noted: Noted, deliveries: list[Delivery]
) -> None:
    """What waits and what comes later is kept, without another request."""
    sender = Scripted(Verdict(fate, "no"))
    delivery = delivered(sender, noted, deliveries, [["a"]])
    delivery.hand_over(["b"])
    assert sender.sent == [[], ["a"]]
    assert noted.kept == [["a"], ["b"]]


def test_a_rejected_batch_alone_is_kept(noted: Noted, deliveries: list[Delivery]) -> None:
    """The batches after it are sent."""
    sender = Scripted(Verdict(Fate.REJECTED, "bad"))
    delivered(sender, noted, deliveries, [["a"], ["b"]])
    assert noted.kept == [["a"]]
    assert sender.sent[-1] == ["b"]


def test_one_that_is_too_large_is_split(noted: Noted, deliveries: list[Delivery]) -> None:
    """Halves are sent in order, down to single records; one that is too large alone is kept."""
    too_large = Verdict(Fate.TOO_LARGE, "413")
    sender = Scripted(too_large, DELIVERED, too_large, too_large)
    delivered(sender, noted, deliveries, [["a", "b", "c", "d"], ["e"]])
    assert sender.sent[1:] == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"], ["e"]]
    assert noted.kept == [["c"]]


def test_metrics_cannot_be_split(noted: Noted, deliveries: list[Delivery]) -> None:
    """A reading of all metrics that is too large is kept whole."""
    reading = object()
    delivered(Scripted(Verdict(Fate.TOO_LARGE, "413")), noted, deliveries, [reading], METRICS)
    assert noted.kept == [reading]


def test_what_has_no_room_is_left(noted: Noted, deliveries: list[Delivery]) -> None:
    """Memory holds so many records; more are left on disk, and nothing waits."""
    sender = Scripted()
    sender.gate.clear()
    delivery = Delivery(TRACES, sender, noted)
    deliveries.append(delivery)
    delivery.start()
    first, second, third = [1] * (HELD_RECORDS - 1), [2, 2], [3]
    for batch in (first, second, third):
        delivery.hand_over(batch)
    assert noted.left == [second]
    sender.gate.set()
    assert delivery.flush(time.monotonic() + LONG_S)
    assert sender.sent == [[], first, third]


def test_a_sender_that_raises_loses_nothing(
    noted: Noted, deliveries: list[Delivery], problems: list[object]
) -> None:
    """A bug in an exporter costs one line; the batch is kept."""

    class Broken(Scripted):
        def send(self, batch: Batch) -> Verdict:
            if batch == ["a"]:
                raise KeyError("bug")
            return super().send(batch)

    sender = Broken()
    delivered(sender, noted, deliveries, [["a"], ["b"]])
    assert noted.kept == [["a"]]
    assert sender.sent[-1] == ["b"]
    assert len(problems) == 1
    problems.clear()


def test_what_is_left_at_the_end_is_kept(noted: Noted) -> None:
    """Closing leaves what waits, also what may be on its way; a later batch is left at once."""
    sender = Scripted()
    delivery = Delivery(TRACES, sender, noted)
    delivery.start()
    sender.gate.clear()
    delivery.hand_over(["a"])
    delivery.hand_over(["b"])
    delivery.close()
    delivery.hand_over(["c"])
    assert sender.is_closed
    assert noted.left == [["a"], ["b"], ["c"]]


def test_an_endpoint_that_asks_for_patience_gets_it(
    noted: Noted, deliveries: list[Delivery]
) -> None:
    """A wait that the endpoint asks for is not cut short by a flush."""
    sender = Scripted(Verdict(Fate.TRY_AGAIN, "429", wait_s=3600.0))
    delivery = Delivery(TRACES, sender, noted)
    deliveries.append(delivery)
    delivery.start()
    delivery.hand_over(["a"])
    deadline = time.monotonic() + LONG_S
    while Fate.TRY_AGAIN not in noted.seen and time.monotonic() < deadline:
        threading.Event().wait(0.001)
    assert not delivery.flush(time.monotonic() + 0.05)
    assert sender.sent == [[], ["a"]]
