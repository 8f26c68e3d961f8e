"""A report of a match as one HTML file: no script, no request, everything escaped."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.reports.charts import bins_chart, timeline
from app.reports.content import MatchFacts, ReportContent, ReportEvent
from app.reports.figures import (
    bar_table,
    by_type,
    halves_table,
    headlines,
    sequences_table,
    shots_table,
    tempo_rows,
)
from app.reports.markup import Html, element
from app.reports.series import Series, hatches, key_of, series_of
from app.reports.style import STYLE
from app.reports.words import clock, counted, match_clock
from app.statistics.match import MatchStatistics

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
MAX_LISTED = 300
"""Key events in a report; of more, the first are listed, and how many are left."""


def render_report(
    content: ReportContent, stills: Mapping[UUID, bytes], *, made_at: datetime
) -> str:
    """Write a report.

    Args:
        stills: JPEG files of key events, by the event's id; those that are not there
            are told without a picture.
        made_at: of the date that it bears.
    """
    match = content.measure()
    facts = content.facts
    series = series_of(match, facts.teams)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", facts.title),
        element("style", Html(STYLE)),
    )
    body = element(
        "body",
        hatches(),
        _header(content, series),
        element("main", _sections(content, match, series, stills)),
        _footer(content, made_at),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _header(content: ReportContent, series: Sequence[Series]) -> Html:
    facts = content.facts
    teams = [
        element("span", key_of(one), " ", one.name)
        for one in series
        if one.team in {team["name"] for team in facts.teams}
    ]
    rest = " · ".join(word for word in (facts.competition, facts.date) if word)
    return element(
        "header",
        element("h1", facts.title),
        element("p", teams, element("span", rest) if rest else None, class_="match"),
        element("p", _provenance(content), class_="soft"),
    )


def _provenance(content: ReportContent) -> str:
    """Say where the events are from."""
    count = len(content.events)
    confirmed = sum(one.is_confirmed for one in content.events)
    words = counted(count, "event")
    if content.facts.duration_s:
        words += f" in {clock(content.facts.duration_s)} of video"
    if confirmed == count:
        return words + ", all confirmed by people." if count else words + "."
    model = f" by the model {content.facts.model}" if content.facts.model else ""
    if confirmed == 0 and content.facts.model:
        return f"{words}, all suggested{model}."
    left = count - confirmed
    return f"{words}: {confirmed} confirmed by people, {left} suggested{model}."


def _sections(
    content: ReportContent,
    match: MatchStatistics,
    series: Sequence[Series],
    stills: Mapping[UUID, bytes],
) -> list[Html]:
    if not content.events:
        return [_section("No events", element("p", "The timeline has no events."))]
    end_s = max(content.facts.duration_s or 0.0, content.events[-1].time_s)
    found = [
        _section("Timeline", timeline(match, series, end_s=end_s)),
        _key_events(content, match, series, stills),
        _overview(match, series),
        _section(
            "Over time", bins_chart(match, series), hint="Events in each five minutes"
        ),
    ]
    if match.before_shots:
        hint = f"{match.mean_passes or 0:.1f} on average"
        table = shots_table(match, series)
        found.append(_section("Passes before a shot", table, hint=hint, is_long=True))
    if match.longest:
        table = sequences_table(match, series)
        hint = "What one team does in a row, without a gap of more than 10 s"
        found.append(_section("Longest sequences", table, hint=hint, is_long=True))
    if match.halves:
        found.append(_section("By half", halves_table(match, series)))
    return found


def _overview(match: MatchStatistics, series: Sequence[Series]) -> Html:
    """Give the match at a glance, its tempo, and events by type, in two columns."""
    known = [one for one in series if one.is_all or one.team is not None]
    glance = bar_table(
        *("The match at a glance", headlines(match, series), series), is_shared=False
    )
    tempo = bar_table(
        *("Events a minute of play", tempo_rows(match, known), known), is_shared=True
    )
    types = bar_table("Events by type", by_type(match, series), series, is_shared=True)
    left = element(
        "div",
        _section("At a glance", glance),
        _section("Tempo", tempo, hint="Events a minute of play"),
    )
    return element("div", left, _section("Events by type", types), class_="two")


def _key_events(
    content: ReportContent,
    match: MatchStatistics,
    series: Sequence[Series],
    stills: Mapping[UUID, bytes],
) -> Html:
    events = content.key_events()
    if not events:
        return _section("Key events", element("p", "None is of a type chosen."))
    teams = {one.id: one.team for one in match.moments}
    looks = {one.team: one for one in series}
    shown = events[:MAX_LISTED]
    pictured = sum(one.id in stills for one in shown)
    hint = counted(len(events), "event")
    if pictured < len(events):
        hint += f", {pictured} with a picture: the surest" if pictured else ""
    if len(shown) < len(events):
        hint += f"; the first {len(shown)} are listed"
    figures = [
        _figure(one, teams.get(one.id), looks, match, stills.get(one.id))
        for one in shown
    ]
    grid = element("div", figures, class_="stills")
    return _section("Key events", grid, hint=hint, is_long=True)


def _figure(
    event: ReportEvent,
    team: str | None,
    looks: Mapping[str | None, Series],
    match: MatchStatistics,
    still: bytes | None,
) -> Html:
    shown = match_clock(event.time_s, match.halves)
    look = looks.get(team) if team is not None else None
    at = f"{clock(event.time_s)} of the video, frame {event.frame}"
    picture = None
    if still is not None:
        source = f"data:image/jpeg;base64,{b64encode(still).decode()}"
        picture = element("img", src=source, alt=f"{event.label} at {at}")
    score = None if event.is_confirmed or event.score is None else f"{event.score:.2f}"
    return element(
        "figure",
        picture,
        element(
            "figcaption",
            element("b", shown or clock(event.time_s)),
            f" {event.label}",
            [" · ", key_of(look), f" {team}"] if look is not None else None,
            element("div", at, f", score {score}" if score else None, class_="soft"),
        ),
    )


def _section(
    title: str, *children: object, hint: str | None = None, is_long: bool = False
) -> Html:
    """Write a section; a long one may be broken by the end of a page."""
    return element(
        "section",
        element("h2", title),
        element("p", hint, class_="soft") if hint else None,
        *children,
        class_="long" if is_long else None,
    )


def _origin(facts: MatchFacts) -> list[str]:
    """Say by which model, thresholds and people the events are."""
    notes = []
    if facts.model:
        weights = f" (weights of SHA-256 {facts.model_sha256})"
        notes.append(
            f"Model: {facts.model}{weights if facts.model_sha256 else ''}.",
        )
    if facts.model and facts.thresholds:
        lowest = ", ".join(
            f"{label} {value:.2f}" for label, value in sorted(facts.thresholds.items())
        )
        notes.append(f"Lowest scores of suggestions: {lowest}.")
    if facts.reviewers:
        notes.append(f"Reviewed by {', '.join(facts.reviewers)}.")
    return notes


def _footer(content: ReportContent, made_at: datetime) -> Html:
    facts: MatchFacts = content.facts
    notes = _origin(facts)
    if not facts.halves:
        notes.append(
            "The halves are not known: figures take the whole video as one stretch."
        )
    if all(one.team is None for one in content.events):
        notes.append("No event has a team.")
    if content.options.changes_ends:
        notes.append("Teams change ends with each half.")
    notes.append(f"Made by Touchline on {made_at:%Y-%m-%d}.")
    return element("footer", element("p", " ".join(notes), class_="soft"))
