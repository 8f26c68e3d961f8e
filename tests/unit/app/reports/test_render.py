"""Reports as HTML: escaped, self-contained, with the figures of the API."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from uuid import UUID

import numpy as np
import pytest

from app.reports.content import (
    MAX_STILLS,
    MatchFacts,
    ReportContent,
    ReportEvent,
    ReportOptions,
)
from app.reports.figures import bar_table, by_type, headlines
from app.reports.markup import Html, element
from app.reports.render import MAX_LISTED, render_report
from app.reports.series import series_of
from app.statistics.schemas import Statistics
from app.statistics.sequences import PASSES
from model.video.jpeg import encode_jpeg

NOW = datetime(2026, 6, 1, tzinfo=UTC)
EVIL = "\"'><script>alert(1)</script>&<img src=x onerror=alert(1)>"
TEAMS = [
    {"name": "Reds", "side": "left", "colour": "#d62728"},
    {"name": "Blues", "side": "right", "colour": "#ffffff"},
]
HALVES = [
    {"start_s": 0.0, "end_s": 600.0, "clock_start_s": None},
    {"start_s": 660.0, "end_s": None, "clock_start_s": 2700.0},
]


class Reader(HTMLParser):
    """Reads what elements and attributes a document has, and the cells of tables."""

    VOID = ("meta", "img", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._text = ""
        self._rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag in ("caption", "td", "th"):
            self._text = ""

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "caption":
            self.tables[self._text] = self._rows
        if tag in ("td", "th"):
            self._rows[-1].append(self._text.strip())

    def handle_data(self, data: str) -> None:
        self._text += data


def events(*rows: tuple[float, str, str | None]) -> list[ReportEvent]:
    return [
        ReportEvent(
            UUID(int=number), label, time_s, round(time_s * 25), team, 0.5, False
        )
        for number, (time_s, label, team) in enumerate(rows)
    ]


def content(
    found: Sequence[ReportEvent], *, facts: MatchFacts | None = None, **options: object
) -> ReportContent:
    facts = facts or MatchFacts(
        "Cup final", "2026-05-31", "City Cup", TEAMS, HALVES, 1200.0, "arena"
    )
    return ReportContent(facts, found, ReportOptions(**options))  # type: ignore[arg-type]


ROWS: list[tuple[float, str, str | None]] = [
    *((10, "PASS", "left"), (12, "PASS", "left"), (13, "SHOT", "left")),
    *((40, "PASS", "right"), (700, "PASS", "right"), (703, "GOAL", "right")),
    *((710, "OUT", None), (630, "PASS", "left")),
]
MATCH = content(sorted(events(*ROWS), key=lambda one: one.time_s))


def test_whatever_stands_in_texts_is_text() -> None:
    facts = MatchFacts(
        EVIL,
        EVIL,
        EVIL,
        [{"name": EVIL, "side": "left", "colour": 'red;"><script>'}],
        HALVES,
        1200.0,
        EVIL,
        EVIL,
        {EVIL: 0.5},
        [EVIL],
    )
    found = events((10, EVIL, "left"), (20, "SHOT", EVIL), (21, "PASS", EVIL))

    html = render_report(content(found, facts=facts), {}, made_at=NOW)

    read = Reader(html)
    assert not read.names & {"script", "iframe", "link", "object", "a", "form"}
    assert {name for name, _ in read.attributes if name.startswith("on")} == set()
    assert "onerror=alert" not in [name for name, _ in read.attributes]
    assert "red;" not in html


def test_it_tells_by_which_model_thresholds_and_people_the_events_are() -> None:
    facts = replace(
        MATCH.facts,
        model_sha256="ab" * 32,
        thresholds={"SHOT": 0.25, "PASS": 0.1},
        reviewers=["Ana", "Ben"],
    )

    told = render_report(replace(MATCH, facts=facts), {}, made_at=NOW)
    tagged = replace(MATCH.facts, model=None)
    by_hand = render_report(replace(MATCH, facts=tagged), {}, made_at=NOW)

    assert f"Model: arena (weights of SHA-256 {'ab' * 32})." in told
    assert "Lowest scores of suggestions: PASS 0.10, SHOT 0.25." in told
    assert "Reviewed by Ana, Ben." in told
    assert "Model:" not in by_hand
    assert "Reviewed by" not in by_hand


def test_it_asks_for_nothing_and_says_so_to_the_browser() -> None:
    html = render_report(MATCH, {UUID(int=2): b"jpeg"}, made_at=NOW)

    read = Reader(html)
    policy = next(value for name, value in read.attributes if value and "src" in value)
    assert policy.startswith("default-src 'none'")
    sources = [value or "" for name, value in read.attributes if name == "src"]
    assert [one.partition(",")[0] for one in sources] == ["data:image/jpeg;base64"]
    targets = {value or "" for name, value in read.attributes if name == "href"}
    assert all(one.startswith("#hatch-") for one in targets)
    assert "url(" not in html
    assert "http://" not in html
    assert "https://" not in html


def test_its_figures_are_those_of_the_api() -> None:
    match = MATCH.measure()
    told = Statistics.of(UUID(int=0), match, passes=PASSES)

    tables = Reader(render_report(MATCH, {}, made_at=NOW)).tables

    for row in tables["Events by type"][1:]:
        label = next(cell for cell in row if cell in told.types)
        numbers = [int(cell) for cell in row if cell.isdigit()]
        wanted = [
            sum(
                one.count
                for one in told.counts
                if (one.type, one.team) == (label, team)
            )
            for team in ("Reds", "Blues", None)
        ]
        assert numbers == wanted
    assert len(tables["Events by type"]) == 1 + len(told.types)
    halves = {row[0]: row[1:] for row in tables["Events by type and half"][2:]}
    assert halves["PASS"] == ["2", "1", "0", "0", "1", "0", "1", "0", "0"]
    tempo = [f"{one.per_minute:.2f}" for one in told.tempo[0].teams]
    assert [cell for cell in tables["Events a minute of play"][1] if "." in cell] == (
        tempo[::-1]
    )
    passes = [row[-1] for row in tables["Shots"][1:]]
    assert passes == [str(one.passes) for one in told.passes_before_shots] == ["2", "1"]
    sequences = [int(row[-2]) for row in tables["The longest sequences"][1:]]
    assert sequences == [one.count for one in told.longest_sequences]


def test_key_events_are_those_named_else_shots_and_goals_else_the_rarest_type() -> None:
    rare = events((1, "PASS", None), (2, "PASS", None), (3, "OUT", None))

    assert [one.label for one in MATCH.key_events()] == ["SHOT", "GOAL"]
    named = replace(MATCH, options=ReportOptions(["out"]))
    assert [one.label for one in named.key_events()] == ["OUT"]
    assert [one.label for one in content(rare).key_events()] == ["OUT"]
    assert content(rare, key_types=["GOAL"]).key_events() == []
    assert content([]).key_events() == []


def test_the_surest_events_get_a_picture_and_those_of_people_come_first() -> None:
    found = [
        replace(one, score=score)
        for one, score in zip(
            events(*((at, "SHOT", None) for at in (1, 2, 3, 4))),
            (0.4, 0.9, None, 0.8),
            strict=True,
        )
    ]

    pictured = content(found, stills=2).pictured()

    assert [one.time_s for one in pictured] == [2, 3]
    html = render_report(content(found, stills=2), {UUID(int=1): b"x"}, made_at=NOW)
    assert "4 events, 1 with a picture" in html


def test_what_a_person_accepted_gets_a_picture_before_what_the_model_is_surer_of() -> (
    None
):
    suggested, accepted = events((1, "SHOT", None), (2, "SHOT", None))
    found = [replace(suggested, score=0.9), replace(accepted, is_confirmed=True)]

    assert content(found, stills=1).pictured() == found[1:]


def test_of_very_many_key_events_the_first_are_listed() -> None:
    found = events(*((at, "SHOT", None) for at in range(MAX_LISTED + 5)))

    html = render_report(content(found), {}, made_at=NOW)

    assert html.count("<figure>") == MAX_LISTED
    assert f"the first {MAX_LISTED} are listed" in html


@pytest.mark.parametrize(
    "facts", [MatchFacts("Bare"), MatchFacts("Long", duration_s=0)]
)
def test_little_that_is_known_makes_a_report_as_well(facts: MatchFacts) -> None:
    for found in ([], events((0, "PASS", None)), events(*ROWS[:3])):
        html = render_report(content(found, facts=facts), {}, made_at=NOW)

        assert "The halves are not known" in html
        assert f"<h1>{facts.title}</h1>" in html


def test_several_teams_stand_side_by_side() -> None:
    facts = MatchFacts("Tournament", duration_s=100.0)
    match = content(
        events((1, "PASS", "a"), (2, "PASS", "b"), (3, "SHOT", "c")), facts=facts
    )
    measured = match.measure()
    series = series_of(measured, ())

    table = bar_table("Types", by_type(measured, series), series, is_shared=True)

    rows = Reader(str(table)).tables["Types"]
    assert rows[1][:2] == ["PASS", "1"]
    assert [one.kind for one in series] == [0, 1, 2]
    assert headlines(measured, series)[0].values == [1, 1, 1]


def test_the_largest_report_that_can_be_asked_for_stays_small() -> None:
    found = events(*((at, f"SHOT {at % 50}", "left") for at in range(3000)))
    types = [one.label for one in found]
    noise = np.random.default_rng(0).integers(0, 256, (270, 480, 3), dtype=np.uint8)
    still = encode_jpeg(noise)
    largest = content(found, key_types=types, stills=MAX_STILLS)

    stills = {one.id: still for one in largest.pictured()}
    html = render_report(largest, stills, made_at=NOW)

    assert html.count("<img") == MAX_STILLS
    assert len(html.encode()) < 8_000_000


def test_an_element_escapes_texts_and_lets_markup_be() -> None:
    inner = element("b", "<&>")

    assert inner == "<b>&lt;&amp;&gt;</b>"
    outer = element("p", [inner, None, 3, "'"], title='"<', class_="x", hidden=False)
    assert outer == '<p title="&quot;&lt;" class="x"><b>&lt;&amp;&gt;</b>3\'</p>'
    assert isinstance(outer, Html)
