"""What the client finds in all matches: single events, or sequences."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict, Unpack, overload

from touchline.client.events import AnyState, several
from touchline.client.made_records import SavedSearch
from touchline.client.reading import read
from touchline.client.timeline_records import FoundEvent, FoundSequence
from touchline.client.videos import Calls, id_of

LISTS = ("type", "team", "player", "state")


class SearchFilter(TypedDict, total=False):
    """What is looked for, with the names that the API has.

    Attributes:
        type, team, player, state: one, or several of which any fits.
        min_score: of suggestions; what a person decided is found whatever its score.
        q: words of the match.
        from_date, to_date: of the match.
    """

    type: str | Sequence[str]
    team: str | Sequence[str]
    player: str | Sequence[str]
    state: AnyState | Sequence[AnyState]
    min_score: float | None
    q: str | None
    competition: str | None
    from_date: dt.date | None
    to_date: dt.date | None


class SearchCalls(Calls):
    """Searches over all matches."""

    @overload
    def search(
        self, *, sequence: None = None, **wanted: Unpack[SearchFilter]
    ) -> Iterator[FoundEvent]: ...

    @overload
    def search(
        self,
        *,
        sequence: Sequence[str],
        within_s: float | None = None,
        same_team: bool = False,
        **wanted: Unpack[SearchFilter],
    ) -> Iterator[FoundSequence]: ...

    def search(
        self,
        *,
        sequence: Sequence[str] | None = None,
        within_s: float | None = None,
        same_team: bool = False,
        **wanted: Unpack[SearchFilter],
    ) -> Iterator[FoundEvent] | Iterator[FoundSequence]:
        """Find events in all matches; pages are fetched as they are needed.

        Args:
            sequence: types one after another, in place of `type`; each hit then is a
                `FoundSequence`.
            within_s: from its first event to its last at most; 10 if left out.
            same_team: one team does all of it.
            wanted: see `SearchFilter`.
        """
        query = {"limit": 200, **_query_of(wanted)}
        if sequence is None:
            return self._pages(FoundEvent, "/events", query)
        query |= {
            "sequence": ",".join(sequence),
            "within_s": within_s,
            "same_team": True if same_team else None,
        }
        return self._pages(FoundSequence, "/events", query)

    def save_search(
        self,
        name: str,
        *,
        sequence: Sequence[str] | None = None,
        within_s: float | None = None,
        same_team: bool = False,
        **wanted: Unpack[SearchFilter],
    ) -> SavedSearch:
        """Save a search under a name that no other one has; see `search`.

        Raises:
            Conflict: the name is taken.
        """
        query: dict[str, Any] = {
            **_query_of(wanted),
            "sequence": None if sequence is None else list(sequence),
            "within_s": within_s,
            "same_team": same_team,
        }
        given = {key: value for key, value in query.items() if value is not None}
        body = {"name": name, "query": given}
        return read(SavedSearch, self._http.json("POST", "/searches", body=body))

    def searches(self) -> Iterator[SavedSearch]:
        """List the saved searches by name."""
        return self._pages(SavedSearch, "/searches", {"limit": 200})

    def search_hits(
        self, search: SavedSearch
    ) -> Iterator[FoundEvent] | Iterator[FoundSequence]:
        """Find what a saved search finds now; sequences if it has one."""
        path, query = f"/searches/{search.id}/events", {"limit": 200}
        if search.query.get("sequence") is None:
            return self._pages(FoundEvent, path, query)
        return self._pages(FoundSequence, path, query)

    def delete_search(self, search: SavedSearch | str) -> None:
        """Delete a saved search; what was made of its hits stays."""
        self._http.send("DELETE", f"/searches/{id_of(search)}")


def _query_of(wanted: SearchFilter) -> dict[str, Any]:
    """Name what is looked for as the API does."""
    query: dict[str, Any] = {}
    for name, value in wanted.items():
        if name in LISTS:
            query[name] = list(several(value))  # type: ignore[arg-type] # texts
        else:
            query[name] = value.isoformat() if isinstance(value, dt.date) else value
    return query
