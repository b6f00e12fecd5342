"""What the host asks of the agent."""

from __future__ import annotations

import dataclasses
from typing import Optional

from edgeprune.run_record import RunSettings


@dataclasses.dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        device: the name the record carries.
        bundle: folder of a bundle, or None for a bare model.
        model: path of a bare `.tflite` file.
        eval_samples: how many samples to evaluate at most; None for all, 0 for none.
        min_time_s: timed inferences go on for at least this long.
    """

    device: str
    settings: RunSettings
    bundle: Optional[str] = None
    model: Optional[str] = None
    eval_samples: Optional[int] = None
    min_time_s: float = 1.0
