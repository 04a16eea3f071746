"""Our arguments as tenacity's strategies; the only module that imports tenacity."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import tenacity

from taskspan.tasks._result import OperationResult

RetryOn: TypeAlias = (
    type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool]
)

_JITTER_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try again, and how long to wait; times in seconds."""

    max_retries: int = 3
    backoff_factor: float = 2.0
    initial_wait: float = 1.0
    max_wait: float = 60.0
    jitter: bool | float = True
    retry_on: RetryOn = Exception

    @property
    def max_attempts(self) -> int:
        """The first attempt and the retries."""
        return self.max_retries + 1

    @property
    def jitter_s(self) -> float:
        """Seconds added at random, at most; `True` stands for a quarter of the first wait."""
        if isinstance(self.jitter, bool):
            return self.initial_wait * _JITTER_SHARE if self.jitter else 0.0
        return self.jitter

    def retries(self, error: BaseException) -> bool:
        """Whether an exception is worth another attempt."""
        if isinstance(self.retry_on, (type, tuple)):
            return isinstance(error, self.retry_on)
        return self.retry_on(error)


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that failed and is followed by another; `wait` in seconds."""

    number: int
    wait: float
    error: BaseException | None


def run_with_retries(
    attempt: Callable[[], OperationResult],
    policy: RetryPolicy,
    on_retry: Callable[[FailedAttempt], None],
    sleep: Callable[[float], None] = time.sleep,
) -> OperationResult:
    """Run `attempt` until it succeeds or the policy gives up.

    Returns the last result, also one whose status is `ERROR`; an exception that is not
    retried, or is the last, goes on.
    """
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(policy.max_attempts),
        wait=_wait(policy),
        retry=tenacity.retry_if_exception(policy.retries)
        | tenacity.retry_if_result(lambda result: result.has_failed),
        before_sleep=lambda state: on_retry(_failed(state)),
        retry_error_callback=_last_result,
        sleep=sleep,
    )
    return retrying(attempt)


def _wait(policy: RetryPolicy) -> Callable[[tenacity.RetryCallState], float]:
    # Not `wait_exponential_jitter`: 9.2 has renamed its first parameter.
    growing = tenacity.wait_exponential(
        multiplier=policy.initial_wait, max=policy.max_wait, exp_base=policy.backoff_factor
    ) + tenacity.wait_random(0, policy.jitter_s)
    return lambda state: min(policy.max_wait, growing(state))


def _failed(state: tenacity.RetryCallState) -> FailedAttempt:
    outcome = state.outcome
    error = None if outcome is None else outcome.exception()
    return FailedAttempt(state.attempt_number, state.upcoming_sleep, error)


def _last_result(state: tenacity.RetryCallState) -> OperationResult:
    if state.outcome is None:  # never: tenacity calls this after an attempt
        raise AssertionError("no attempt was made")
    result: OperationResult = state.outcome.result()  # raises what the attempt raised
    return result
