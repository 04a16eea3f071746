"""What an operation of a `BaseTask` returns."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


class OperationStatus(enum.Enum):
    """How an operation went, by its own account."""

    PENDING = "pending"
    SUCCESS = "success"
    WARNING = "warning"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(slots=True)
class OperationResult:
    """The status of an operation and what came of it; `execution_time` in seconds."""

    status: OperationStatus = OperationStatus.SUCCESS
    metrics: dict[str, Any] = field(default_factory=dict)
    artifacts: Sequence[Any] = ()
    data: Any = None
    error_message: str | None = None
    execution_time: float | None = None

    @property
    def has_failed(self) -> bool:
        """Whether the status is `ERROR`."""
        return self.status is OperationStatus.ERROR


def result_of(returned: object) -> OperationResult:
    """Return the result that an operation returned, or one that holds what it returned."""
    if isinstance(returned, OperationResult):
        return returned
    return OperationResult(data=returned)
