"""Find jobs: one, a page of them, how many there are."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any

from serving.jobs.clock import MICROS
from serving.jobs.pagetokens import PageTokens
from serving.jobs.record import Job, State
from serving.jobs.rows import COLUMNS, job_of, micros_of
from serving.jobs.step import Step
from serving.jobs.store import EVERY, MOST_LISTED, JobGone, JobNotFound, Page, Span


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs are in a list.

    Attributes:
        owner: whose; None = everybody's.
        states: any of these; empty = all.
        processes: any of these; empty = all.
        span: when they were accepted, and how long they ran.
    """

    owner: str | None
    states: Collection[State]
    processes: Collection[str]
    span: Span = EVERY

    @property
    def name(self) -> bytes:
        """The same for the same list, and for no other."""
        parts: list[Any] = [self.owner, sorted(set(self.states)), sorted(set(self.processes))]
        if self.span != EVERY:
            parts.append([None if value is None else str(value) for value in astuple(self.span)])
        return json.dumps(parts).encode()

    def condition(self, now_us: int) -> tuple[str, dict[str, Any]]:
        """As SQL, and its values."""
        clauses, values = ["gone_us IS NULL AND listed = 1"], dict[str, Any]()
        if self.owner is not None:
            clauses.append("owner = :owner")
            values["owner"] = self.owner
        for column, wanted in (("state", self.states), ("process", self.processes)):
            marked = {f"{column}_{number}": str(value) for number, value in enumerate(sorted(set(wanted)))}
            if marked:
                clauses.append(f"{column} IN ({', '.join(f':{mark}' for mark in marked)})")
                values |= marked
        for clause, value in self._span(now_us):
            name = f"span_{len(clauses)}"
            clauses.append(clause.format(name))
            values[name] = value
        return " AND ".join(clauses), values

    def _span(self, now_us: int) -> Iterator[tuple[str, int]]:
        """Conditions on times with a place for the name of their value, and the value."""
        if self.span.since is not None:
            yield "created_us >= :{}", micros_of(self.span.since)
        if self.span.until is not None:
            yield "created_us <= :{}", micros_of(self.span.until)
        # A job that was handed back has begun, but does not run: how long it will take is not known.
        lasted = f"state <> 'accepted' AND coalesce(finished_us, {now_us}) - started_us"
        if self.span.shortest_s is not None:
            yield f"{lasted} >= :{{}}", self.span.shortest_s * MICROS
        if self.span.longest_s is not None:
            yield f"{lasted} <= :{{}}", self.span.longest_s * MICROS


def find(step: Step, job: str, owner: str | None, *, lock: str = "") -> Job:
    """One job that its owner asks for; see ``JobStore.get``."""
    known = job.isascii() and job.isprintable()  # whatever else is no id, and perhaps cannot even be asked for
    rows = step.run(f"SELECT gone_us, {COLUMNS} FROM job WHERE id = :id {lock}", id=job) if known else []
    if not rows or owner not in {None, rows[0]["owner"]}:
        raise JobNotFound("there is no such job; the job list has those of your key")
    if rows[0]["gone_us"] is not None:
        raise JobGone("the job was dismissed or removed; nothing is left of it")
    return job_of(rows[0])


def page(step: Step, wanted: Filter, *, limit: int, after: str | None, tokens: PageTokens) -> Page:
    """Part of a job list; see ``JobStore.page``."""
    limit = max(1, min(limit, MOST_LISTED))
    where, values = wanted.condition(step.now.wall_us)
    if after is not None:
        where, values["after"] = f"{where} AND seq < :after", tokens.read(after, wanted.name)
    # One more than wanted tells whether there is another page.
    rows = step.run(f"SELECT {COLUMNS} FROM job WHERE {where} ORDER BY seq DESC LIMIT :most", most=limit + 1, **values)
    token = tokens.make(rows[limit - 1]["seq"], wanted.name) if len(rows) > limit else None
    return Page(tuple(job_of(row) for row in rows[:limit]), token)


def counts(step: Step) -> Mapping[State, int]:
    """Jobs by state; see ``JobStore.counts``."""
    rows = step.run("SELECT state, count(*) AS jobs FROM job WHERE gone_us IS NULL GROUP BY state")
    return dict.fromkeys(State, 0) | {State(row["state"]): row["jobs"] for row in rows}


def waiting(step: Step, owner: str) -> tuple[int, int]:
    """Unfinished jobs of an owner, and their pixels; two indexes rather than all jobs the owner ever had."""
    row = step.run(
        "SELECT count(*) AS jobs, coalesce(sum(pixels), 0) AS pixels FROM ("
        "SELECT pixels FROM job WHERE state = 'accepted' AND owner = :owner"
        " UNION ALL SELECT pixels FROM job WHERE state = 'running' AND owner = :owner) AS open",
        owner=owner,
    )[0]
    return int(row["jobs"]), int(row["pixels"])
