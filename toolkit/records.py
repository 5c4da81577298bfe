"""Every data shape of the toolkit, frozen: what the layers hand to each other.

Offsets count characters (Python `str` indices) and satisfy `text[start:end] == quote` for the text
that the field's owner names. Sums are in yuan (`Decimal`), rates are fractions (`0.3` is 30%), dates
are `datetime.date`, durations are seconds. What the source text does not say is None or empty.
"""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

__all__ = [
    "Answer",
    "Citation",
    "Clause",
    "ClauseKind",
    "Document",
    "Expression",
    "ExpressionKind",
    "Extraction",
    "Failure",
    "Figure",
    "FigureReading",
    "FigureRole",
    "FileOutcome",
    "IngestReport",
    "Labelling",
    "Message",
    "Passage",
    "Quote",
    "Rate",
    "Record",
    "Reply",
    "Request",
    "Rule",
    "ScoreRequest",
    "Scores",
    "Support",
    "SupportType",
    "Validity",
    "content_id",
]


def content_id(*parts: str) -> str:
    """Hash the parts to 16 hexadecimal characters; the parts' borders count."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def _plain_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


Number = Annotated[Decimal, PlainSerializer(_plain_number, return_type=int | float, when_used="json")]


Found = TypeVar("Found", bound=BaseModel)


class Record(BaseModel):
    """Base of every shape: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ------------------------------------------------------------------ documents
Validity = Literal["in_force", "expired", "pending", "repealed", "unknown"]
ClauseKind = Literal["article", "item", "paragraph", "table_row"]


class Document(Record):
    """One policy: what its own text says of it, and the text.

    `id` is the content hash of title and text. `source` is the file as the user named it and
    `offset` the character at which the document starts in the file's decoded text. `region` is the
    place as written out (`北京市朝阳区`, a zone's own name), `region_path` its steps from the province
    down (`('北京市', '朝阳区')`). `status` is "repealed" only where the text says so.
    """

    id: str
    title: str
    source: str
    offset: int = 0
    issuers: tuple[str, ...] = ()
    doc_number: str | None = None
    region: str | None = None
    region_path: tuple[str, ...] = ()
    issued: date | None = None
    effective: date | None = None
    effective_text: str | None = None
    expires: date | None = None
    status: Literal["repealed"] | None = None
    text: str = ""

    def validity(self, on: date) -> Validity:
        """Say whether the policy is in force on a day; "unknown" where no date settles it."""
        if self.status == "repealed":
            return "repealed"
        if self.expires is not None and on > self.expires:
            return "expired"
        if self.effective is not None and on < self.effective:
            return "pending"
        return "unknown" if self.expires is None and self.effective is None else "in_force"


class Clause(Record):
    """A passage of a document with its own heading: `document.text[start:end] == text`.

    `heading_path` runs from the chapter down to the clause's own number and heading
    (`('第二章 支持措施', '第六条', '（三）')`).
    """

    id: str
    document_id: str
    heading_path: tuple[str, ...] = ()
    kind: ClauseKind = "paragraph"
    text: str
    start: int
    end: int

    @property
    def heading(self) -> str:
        """The heading path as a person reads it: `第二章 › 第六条 › （三）`."""
        return " › ".join(self.heading_path)


class Labelling(Record):
    """The policy instruments of a clause.

    `scores` maps every code (as a string, for JSON) to a calibrated probability; `stage` names what
    decided: "linear" (n-grams), "attention" or "encoder" (token states too), "empty" (no text).
    """

    id: str
    text: str
    labels: tuple[int, ...]
    scores: dict[str, float]
    stage: str = "linear"


# ------------------------------------------------------------------ supports
SupportType = Literal[
    "reward", "grant", "interest_subsidy", "tax", "voucher", "equity", "risk", "rent", "matching", "other"
]


class Quote(Record):
    """Words of a clause: `text[start:end] == quote`.

    `clause_id` is set where the words stand in another clause than the record's own (an inherited
    condition); None means the record's own clause.
    """

    quote: str
    start: int
    end: int
    clause_id: str | None = None


class Figure(Quote):
    """A figure in a clause; `value` in yuan."""

    value: Number


class Rate(Quote):
    """A share in a clause; `value` is a fraction (30% is 0.3), `base` what it is a share of."""

    value: Number
    base: str | None = None


class Rule(Record):
    """A rule that changes a sum: what kind it is, and the words that say so.

    `no_stacking` 不重复享受 · `highest_only` 就高不就低, 从优不重复 · `yearly_total` 年度累计上限 ·
    `shared_cap` several items under one ceiling · `budget` 资金总额控制 · `other`.
    """

    kind: Literal["no_stacking", "highest_only", "yearly_total", "shared_cap", "budget", "other"]
    quote: str
    start: int
    end: int
    clause_id: str | None = None


class Support(Record):
    """What a clause grants, each part tied to its words."""

    measure: Quote
    support_type: SupportType
    beneficiary: Quote | None = None
    conditions: tuple[Quote, ...] = ()
    amounts: tuple[Figure, ...] = ()
    caps: tuple[Figure, ...] = ()
    rates: tuple[Rate, ...] = ()
    per: str | None = None
    bindingness: Literal["shall", "may", "encourage"] = "shall"
    rules: tuple[Rule, ...] = ()
    notes: tuple[str, ...] = ()


ExpressionKind = Literal["money", "share", "ratio", "points"]
FigureRole = Literal["amount", "cap", "rate", "distractor"]


class Expression(Quote):
    """A figure as it stands in a text, before anyone says what it means.

    `value` is in units of `currency` for "money" (yuan for CNY) and a fraction for the other kinds
    (`1:0.5` is 0.5, two percentage points are 0.02). `unit` is what a unit price is paid by
    (`平方米/天`). Figures of one enumeration or range have the same `group`; `is_range` says which
    of the two it is.
    """

    value: Number
    kind: ExpressionKind
    currency: str = "CNY"
    unit: str | None = None
    group: int = 0
    is_range: bool = False


class FigureReading(Record):
    """What a figure is to a support: its role, the words that decided, and how sure (0 to 1)."""

    expression: Expression
    role: FigureRole
    words: str = ""
    confidence: float = 1.0


class Extraction(Record, Generic[Found]):
    """What was read from one clause: the records, and how many quotes could not be located."""

    id: str
    text: str
    supports: tuple[Found, ...] = ()
    dropped: int = 0
    method: str = "rules"
    notes: tuple[str, ...] = ()


# ------------------------------------------------------------------ answers
class Passage(Record):
    """Retrieved text with where it stands and how it scored.

    `text` is the clause with what it needs to be read alone; `scores` holds each ranking's figure
    ("vector", "keyword", "fused", ...).
    """

    clause_id: str
    document_id: str
    policy: str
    heading: str
    region: str | None = None
    validity: Validity = "unknown"
    text: str
    scores: dict[str, float] = Field(default_factory=dict)


class Citation(Record):
    """The words that an answer rests on."""

    policy: str
    clause_id: str
    heading: str
    quote: str
    validity: Validity = "unknown"


class Answer(Record):
    """A reply to a question; `answerable` is False where the corpus does not hold the answer."""

    id: str = ""
    question: str
    answer: str
    answerable: bool
    citations: tuple[Citation, ...] = ()
    passages: tuple[Passage, ...] = ()
    seconds: float = 0.0
    explain: dict[str, Any] | None = None


class Failure(Record):
    """One input that could not be done: the step, the input's id or path, and why."""

    stage: str
    input: str
    reason: str


# ------------------------------------------------------------------ indexing
class FileOutcome(Record):
    """What an ingest did with a file: its documents and clauses now in the store, and how many were
    embedded anew. "empty" is a file without a policy; of a failed one an earlier version stays."""

    path: str
    outcome: Literal["added", "replaced", "unchanged", "empty", "failed"]
    documents: int = 0
    clauses: int = 0
    embedded: int = 0
    failures: tuple[Failure, ...] = ()


class IngestReport(Record):
    """What an ingest did with every file, in their order.

    `pruned` names the files whose documents went because they are no longer there; `removed` counts
    the documents that went, with them or because a changed file no longer holds them.
    """

    files: tuple[FileOutcome, ...]
    pruned: tuple[str, ...] = ()
    removed: int = 0
    seconds: float = 0.0

    def count(self, outcome: str) -> int:
        """Count the files of an outcome."""
        return sum(file.outcome == outcome for file in self.files)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every failure, in the order of the files."""
        return tuple(failure for file in self.files for failure in file.failures)


# ------------------------------------------------------------------ the engine
class Message(Record):
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class Request(Record):
    """One text to generate.

    `prefill` starts the model's reply and is not part of `Reply.text`. At most one of `json_schema`
    and `grammar` (GBNF) is set. `max_tokens` bounds the reply, `stop` strings end it and are left out.
    Temperature 0 is greedy and needs no seed.
    """

    messages: tuple[Message, ...]
    prefill: str = ""
    json_schema: dict[str, Any] | None = None
    grammar: str | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0


class Reply(Record):
    """What the model wrote.

    `finish` is "stop" (it ended, or a stop string or the schema's end was reached) or "length".
    `logprob` is the mean natural-log probability of the generated tokens that were free to differ.
    """

    text: str
    finish: Literal["stop", "length"]
    prompt_tokens: int = 0
    generated_tokens: int = 0
    logprob: float = 0.0


class ScoreRequest(Record):
    """Labels to score as continuations of one prompt (`prefill` starts the model's turn)."""

    messages: tuple[Message, ...]
    labels: tuple[str, ...]
    prefill: str = ""


class Scores(Record):
    """Natural-log probability of each label, summed over its tokens, and its number of tokens."""

    logprobs: tuple[float, ...]
    tokens: tuple[int, ...]
