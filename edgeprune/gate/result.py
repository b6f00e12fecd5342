"""What a check gave, limit by limit, and the exit code it stands for."""

import dataclasses
import enum

from edgeprune.errors import DeviceError, EdgepruneError, InputError, VerificationError
from edgeprune.gate.limits import Limit, limit_of
from edgeprune.html_table import html_table


class Status(str, enum.Enum):
    """Of one limit or one part of `--verify`."""

    HELD = "held"
    BROKEN = "broken"
    UNMEASURED = "unmeasured"


@dataclasses.dataclass(frozen=True)
class Past:
    """The same figure of an earlier bundle; None where it is not known."""

    bundle: str
    value: float | None


@dataclasses.dataclass(frozen=True)
class Judgement:
    """One limit, on one device where devices were asked for."""

    limit: str  # a name as `edgeprune.gate.limits.limit_of` takes it
    status: Status
    allowed: float  # in the unit of the limit's field in `Limits`
    found: float | None = None  # in the same unit; None when unmeasured
    source: str = ""  # where the figure comes from
    device: str | None = None  # None for a figure of the bundle itself
    reason: str = ""  # why it could not be measured
    device_failed: bool = False  # whether that was the device's doing
    past: tuple[Past, ...] = ()  # earlier bundles, newest first

    @property
    def row(self) -> Limit:
        """The limit's row of the table."""
        return limit_of(self.limit)

    @property
    def name(self) -> str:
        """The limit, and the device where there is one."""
        return f"{self.limit} on {self.device}" if self.device else self.limit

    @property
    def over_by(self) -> float | None:
        """How far the figure is on the wrong side; None when it is not."""
        if self.status is not Status.BROKEN or self.found is None:
            return None
        return abs(self.found - self.allowed)

    @property
    def change(self) -> float | None:
        """Difference to the newest earlier bundle."""
        before = self.past[0].value if self.past else None
        return None if before is None or self.found is None else self.found - before

    @property
    def since(self) -> str | None:
        """The first of the latest bundles in a row that break the limit; None for a limit that holds."""
        if self.status is not Status.BROKEN or not self.past:
            return None
        first = "this build"
        for past in self.past:
            if past.value is None or not self.row.broken(past.value, self.allowed):
                break
            first = past.bundle
        return first

    def sentence(self) -> str:
        """For people: what was found, what was allowed, since when."""
        show = self.row.show
        if self.status is Status.UNMEASURED or self.found is None:
            return f"{self.name} cannot be measured: {self.reason}"
        side = "at most" if self.row.upper else "at least"
        text = f"{self.name}: {show(self.found)} ({self.source}), {side} {show(self.allowed)} allowed"
        if self.over_by is not None:
            share = f", {100 * self.over_by / self.allowed:.1f} %" if self.allowed else ""
            where = "above" if self.row.upper else "below"
            text += f"; that is {show(self.over_by)}{share} {where} it"
        return text + self._history() + "."

    def _history(self) -> str:
        if not self.past:
            return ""
        show, newest = self.row.show, self.past[0]
        since = f"; broken since {self.since}" if self.since else ""
        if newest.value is None or self.change is None:
            return f"{since}; {newest.bundle} has no such figure"
        sign = "+" if self.change >= 0 else "-"
        return f"{since}; {newest.bundle} had {show(newest.value)} ({sign}{show(abs(self.change))})"


@dataclasses.dataclass(frozen=True)
class VerifiedPart:
    """One part of `--verify`."""

    part: str  # such as "files"
    status: Status  # UNMEASURED means that the bundle holds nothing to check it by
    detail: str = ""  # what is wrong or missing; empty when all is well


@dataclasses.dataclass(frozen=True, repr=False)
class CheckResult:
    """The whole check."""

    bundle: str  # its folder
    judgements: tuple[Judgement, ...]  # one for each limit, and device where there are devices
    verification: tuple[VerifiedPart, ...] = ()  # empty unless asked for
    notes: tuple[str, ...] = ()  # reasons to doubt a figure

    def __repr__(self) -> str:
        held = sum(one.status is Status.HELD for one in self.judgements)
        passed = "passed" if self.passed else "not passed"
        return f"<CheckResult of {self.bundle}: {passed}, {held} of {len(self.judgements)} limits held>"

    def _repr_html_(self) -> str:
        rows = [(one.status.value, one.sentence()) for one in self.judgements]
        rows += [
            (one.status.value, f"{one.part}: {one.detail or 'as it should be'}") for one in self.verification
        ]
        return html_table(repr(self)[1:-1], (), [*rows, *(("note", note) for note in self.notes)])

    @property
    def passed(self) -> bool:
        """Nothing broken and nothing unmeasured."""
        return self.error() is None

    def error(self) -> EdgepruneError | None:
        """What is wrong, as the error that carries the exit code; None when all is well."""
        refused = [f for f in self.verification if f.status is Status.BROKEN]
        broken = [j for j in self.judgements if j.status is Status.BROKEN]
        unmeasured = [j for j in self.judgements if j.status is Status.UNMEASURED]
        if refused:
            reasons = "; ".join(f"{finding.part}: {finding.detail}" for finding in refused)
            return VerificationError(
                f"{self.bundle} is not what it says: {reasons.rstrip('.')}.",
                way_out="Build it again, or copy it again from where it was built.",
            )
        if broken or unmeasured:
            kind: type[EdgepruneError] = VerificationError if broken else InputError
            if not broken and any(judgement.device_failed for judgement in unmeasured):
                kind = DeviceError
            return kind(" ".join(judgement.sentence() for judgement in (*broken, *unmeasured)))
        return None

    def short_error(self) -> EdgepruneError | None:
        """The same for those who have read what each limit gave: only the names."""
        error = self.error()
        if error is None or any(part.status is Status.BROKEN for part in self.verification):
            return error
        told = []
        for status, words in ((Status.BROKEN, "not met"), (Status.UNMEASURED, "not measured")):
            names = [one.name for one in self.judgements if one.status is status]
            if names:
                limits = f"{len(names)} of {len(self.judgements)} limits"
                told.append(f"{limits} {'was' if len(names) == 1 else 'were'} {words}: {', '.join(names)}.")
        return type(error)(" ".join(told))

    def require(self) -> None:
        """Raise what `error` gives.

        Raises:
            VerificationError: a limit is broken, or the bundle is not what it says.
            DeviceError: no limit is broken, but a device failed.
            InputError: no limit is broken, but one cannot be measured.
        """
        if (error := self.error()) is not None:
            raise error
