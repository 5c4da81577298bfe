"""Reading supports by the grammar of policy language alone.

In: a clause's text. Out: `Support`s with every part quoted from the clause. The model is not asked;
`toolkit.extraction.meaning` lets it decide what the grammar leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolkit.extraction.awards import SCOPE, Award, Bunch, find_awards
from toolkit.extraction.demands import is_demand, listed_conditions
from toolkit.extraction.kinds import base_span, bindingness, counted_by, is_lent, support_type
from toolkit.extraction.measure import name_measure, named_payment, near_words
from toolkit.extraction.phrases import (
    Context,
    clean_condition,
    granted_to,
    is_recipient,
    read_context,
    topic_of,
)
from toolkit.extraction.sentences import Sentence, Span, cut_sentences, strip_span
from toolkit.extraction.sums import read_rules
from toolkit.extraction.tables import read_tables
from toolkit.extraction.tiers import Tier, divide
from toolkit.figures.cues import CAP_CUE
from toolkit.figures.expressions import Placed, figures_in
from toolkit.figures.roles import roles_in
from toolkit.figures.view import View
from toolkit.records import Figure, FigureReading, Quote, Rate, Rule, Support

__all__ = ["extract_rules", "supports_from"]

_TOPIC = 700  # characters before an award in which its subject is looked for


def extract_rules(text: str) -> list[Support]:
    """Read the supports of one clause; an empty list where it grants none with a figure."""
    view = View(text)
    figures = figures_in(view)
    return supports_from(view, figures, roles_in(view.text, figures))


def supports_from(view: View, figures: list[Placed], readings: Sequence[FigureReading]) -> list[Support]:
    """Read the supports of a clause whose figures have their roles already."""
    tabled, taken = read_tables(view.source, figures) if "|" in view.source else ([], set())
    left = [n for n, placed in enumerate(figures) if placed.expression.start not in taken]
    sentences = cut_sentences(view.text, view.line_starts)
    awards = find_awards(view.text, sentences, [figures[n] for n in left], [readings[n] for n in left])
    reader = _Reader(view, sentences, awards)
    return [*(support for award in awards for support in reader.read(award)), *tabled]


@dataclass
class _Read:
    """What was read of one award, for those that go on from it."""

    context: Context
    label: Span | None
    measure: Span | None = None


class _Reader:
    """Turns awards into supports; keeps what later awards inherit."""

    def __init__(self, view: View, sentences: list[Sentence], awards: list[Award]) -> None:
        self.view = view
        self.text = view.text
        self.sentences = sentences
        self.awards = awards
        self.rules: tuple[Rule, ...] = read_rules(view, sentences)
        self.granting = {a.sentence.start for a in awards}
        self.read_of: dict[int, _Read] = {}
        self.before: Award | None = None
        self.listed_conditions = listed_conditions(self.text, sentences, self.granting)

    def read(self, award: Award) -> list[Support]:
        """Make the supports of one award, one a tier."""
        context, label = self._context(award)
        topic = self._topic(award)
        parent = self._parent(award)
        tiers, names = divide(self.text, award)
        if names is not None:
            context = self._without_names(context, tiers)
        own = replace(context, conditions=list(context.conditions))
        context = self._completed(award, context, parent, topic, listed=label is not None)
        measure = strip_span(self.text, self._measure(award, own, topic, parent), lead="[、,的和]")
        self.read_of[id(award)] = _Read(context, label, measure)
        self.before = award
        demanded = replace(context, conditions=[*context.conditions, *self._demands(award)])
        return [self._support(award, tier, demanded, label, measure) for tier in tiers]

    def _measure(self, award: Award, own: Context, topic: Context, parent: _Read | None) -> Span:
        if parent is not None and parent.measure and not (own.thing or own.acts):
            return named_payment(self.text, award) or parent.measure
        return name_measure(self.text, award, own, topic, parent.context if parent else None)

    # -------------------------------------------------------------- context
    def _context(self, award: Award) -> tuple[Context, Span | None]:
        plain = award.label is not None and not re.match(
            r"对|支持|鼓励|凡|经|符合|由", self.text[award.label[0] :]
        )
        listed = award.parent is not None or any(a.parent is award for a in self.awards)
        if plain and listed and award.label is not None:
            own = award.own[:-1]
            left = award.own[-1]
            if left[0] < award.label[0]:
                own = [*own, (left[0], award.label[0])]
            context = read_context(self.text, own) if own else Context()
            return context, award.label
        context = read_context(self.text, award.own)
        given = granted_to(self.text, award.own[-1])
        if given is not None and context.beneficiary is None:
            context.beneficiary = given
        return context, None

    def _parent(self, award: Award) -> _Read | None:
        if award.parent is None:
            return None
        if id(award.parent) not in self.read_of:
            context, label = self._context(award.parent)
            self.read_of[id(award.parent)] = _Read(context, label)
        return self.read_of[id(award.parent)]

    def _completed(
        self, award: Award, context: Context, parent: _Read | None, topic: Context, *, listed: bool
    ) -> Context:
        """Add what the award takes from the one that it goes on from, and from the sentences before."""
        done = replace(context, conditions=list(context.conditions), acts=list(context.acts))
        words = self.text[award.start : award.bunches[-1].end]
        if parent is not None:
            if listed or not done.conditions or re.search(r"追加|再给|再奖|再补|叠加|加计", words):
                done.conditions = _merged(parent.context.conditions, done.conditions)
            done.beneficiary = done.beneficiary or parent.context.beneficiary
        elif not re.search(r"(?:^|[,:])对", words):
            prior = self._prior(award)
            done.conditions = _merged(prior.conditions, done.conditions)
            done.beneficiary = done.beneficiary or prior.beneficiary
            done.thing = done.thing or prior.thing
        if done.beneficiary is None:
            done.beneficiary = self._behind(award)
        if done.beneficiary is None and self.before is not None and award.sentence is self.before.sentence:
            done.beneficiary = self.read_of[id(self.before)].context.beneficiary
        done.beneficiary = done.beneficiary or topic.beneficiary
        return done

    def _behind(self, award: Award) -> Span | None:
        """Find a recipient named behind the figures: `优秀每家…万元,给予其所在单位绩效奖励`."""
        for bunch in award.bunches:
            end = min(
                (at for at in (self.text.find(c, bunch.end) for c in ",。;") if at >= 0),
                default=len(self.text),
            )
            found = granted_to(self.text, (bunch.end, end))
            if found:
                return found
        following = [s for s in award.sentence.segments if s[0] >= award.bunches[-1].end]
        return granted_to(self.text, following[0]) if following else None

    def _prior(self, award: Award) -> Context:
        """Read the sentence right before an award that promises support and leaves the sums to it."""
        opening = max(
            (s.start for s in self.sentences if s.opens and s.start <= award.sentence.start), default=0
        )
        earlier = [s for s in self.sentences if s.end <= opening]
        if not earlier or earlier[-1].start in self.granting:
            return Context()
        words = self.text[earlier[-1].start : earlier[-1].end]
        if not re.search(r"给予|予以|补贴|补助|资助|奖励|发放|申请|申领|领取|享受|申报", words):
            return Context()
        found = read_context(self.text, list(earlier[-1].segments))
        return replace(found, acts=[])

    def _topic(self, award: Award) -> Context:
        """Read the sentences before the award that have no figures of support."""
        near = range(award.sentence.start - _TOPIC, award.sentence.start)
        free = [s for s in self.sentences if s.start in near and s.start not in self.granting]
        return topic_of(self.text, [span for s in reversed(free) for span in s.segments])

    def _demands(self, award: Award) -> list[Span]:
        """Find the demands that stand apart: `须…`, `不得…` behind an award, and a list of conditions."""
        following = [a.start for a in self.awards if a.start > award.end]
        stop = min(following, default=len(self.text))
        found = list(self.listed_conditions)
        for sentence in self.sentences:
            if not award.end <= sentence.end <= stop + 1:
                continue
            for span in sentence.segments:
                if span[0] >= award.end and is_demand(self.text[span[0] : span[1]]):
                    found.append(clean_condition(self.text, span))
        return found[:8]

    def _without_names(self, context: Context, tiers: list[Tier]) -> Context:
        """Take the tiers' names out of the shared conditions."""
        spans = [t.label or t.recipient for t in tiers]
        named = [s for s in spans if s is not None]
        first, last = named[0][0], named[-1][1]
        kept = [c for c in context.conditions if c[1] <= first or c[0] >= last]
        thing = context.thing
        rest = re.match(
            r"(?:的)?(?P<thing>[^,。;]{2,30}?)(?=,|分别|给予|按|最高|$)", self.text[last : last + 40]
        )
        beneficiary = context.beneficiary
        if rest and all(t.label for t in tiers) and not re.match(SCOPE, rest.group("thing")):
            thing, beneficiary = self._suffix(
                (last + rest.start("thing"), last + rest.end("thing")), thing, beneficiary
            )
        return replace(context, conditions=kept, thing=thing, beneficiary=beneficiary)

    def _suffix(self, span: Span, thing: Span | None, who: Span | None) -> tuple[Span | None, Span | None]:
        words = self.text[span[0] : span[1]]
        cut = words.rfind("的")
        head = (span[0] + cut + 1, span[1])
        if cut >= 0 and is_recipient(self.text[head[0] : head[1]]):
            lead = (span[0], span[0] + cut)
            return (lead if cut > 2 else thing), head
        if is_recipient(words):
            return thing, span
        return (span if len(words) > 2 and "的" not in words else thing), who

    # -------------------------------------------------------------- support
    def _support(
        self, award: Award, tier: Tier, context: Context, label: Span | None, measure: Span
    ) -> Support:
        who = tier.recipient or context.beneficiary
        conditions = list(context.conditions)
        for extra in (label, tier.label):
            if extra is None:
                continue
            if is_recipient(self.text[extra[0] : extra[1]]) and extra is label:
                who = extra
            else:
                conditions.append(clean_condition(self.text, extra))
        near = near_words(self.text, award)
        around = self.text[award.start : award.end + 20]
        topic = self.text[max(0, award.start - 120) : award.start] + self.text[award.end : award.end + 60]
        kind = support_type(near, around, topic)
        return Support(
            measure=self._quote(measure),
            support_type="other" if is_lent(near) and kind in {"grant", "other"} else kind,
            beneficiary=self._quote(who) if who else None,
            conditions=tuple(self._quote(c) for c in _distinct(conditions)),
            amounts=tuple(self._figure(b, p) for b, p in tier.figures if b.role == "amount"),
            caps=tuple(self._figure(b, p) for b, p in tier.figures if b.role == "cap"),
            rates=tuple(self._rate(b, p) for b, p in tier.figures if b.role == "rate"),
            per=self._per(award, tier),
            bindingness=bindingness(self._grant_words(award)),
            rules=self._rules_for(tier),
            notes=(tier.note,) if tier.note else (),
        )

    def _rules_for(self, tier: Tier) -> tuple[Rule, ...]:
        """Give the rules that touch a tier: its own ceilings, and what holds for the whole clause."""
        spots = [placed.expression.start for _, placed in tier.figures]
        return tuple(
            rule
            for rule in self.rules
            if rule.kind not in {"yearly_total", "shared_cap"}
            or any(rule.start <= at < rule.end for at in spots)
        )

    def _grant_words(self, award: Award) -> str:
        first = award.bunches[0].start
        return self.text[max(award.start, first - 40) : first]

    def _per(self, award: Award, tier: Tier) -> str | None:
        for bunch, placed in tier.figures:
            unit = placed.expression.unit
            if unit:
                return unit
            floor = max(self.text.rfind(c, 0, bunch.start) for c in ",。;:") + 1
            found = counted_by(self.text, (floor, bunch.start))
            if found:
                return self.view.quote(*found)
        return None

    def _quote(self, span: Span) -> Quote:
        start, end = self.view.span(*span)
        return Quote(quote=self.view.source[start:end], start=start, end=end)

    def _figure(self, bunch: Bunch, placed: Placed) -> Figure:
        start = placed.start
        if bunch.role == "cap" and placed is bunch.members[0]:
            floor = max(0, start - 18)
            cue = re.search(rf"{CAP_CUE}[^,。;:、\d]{{0,14}}$", self.text[floor:start])
            start = floor + cue.start() if cue else start
        quote = self._quote((start, placed.end))
        return Figure(**quote.model_dump(), value=placed.expression.value)

    def _segment_start(self, at: int) -> int:
        """Give where the comma segment of a figure begins, or the bracket that it stands in."""
        opened, closed = self.text.rfind("(", 0, at), self.text.rfind(")", 0, at)
        mine = [s for s in self.sentences if s.start <= at < s.end]
        starts = [s[0] for sentence in mine for s in sentence.segments if s[0] <= at]
        return max([*starts, opened + 1 if opened > closed else 0])

    def _rate(self, bunch: Bunch, placed: Placed) -> Rate:
        first = bunch.members[0]
        floor = self._segment_start(first.start)
        base = base_span(self.text, (floor, first.start))
        start = base[0] if base and placed is first else placed.start
        quote = self._quote((start, placed.end))
        said = self.view.quote(*base) if base else None
        return Rate(**quote.model_dump(), value=placed.expression.value, base=said)


def _merged(first: list[Span], second: list[Span]) -> list[Span]:
    return [*[c for c in first if c not in second], *second]


def _distinct(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in spans:
        if span[0] < span[1] and not any(k[0] <= span[0] and span[1] <= k[1] for k in kept):
            kept.append(span)
    return kept
