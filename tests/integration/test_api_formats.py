"""The formats that a page offers are those that a list of events can be had in."""

from app.timelines.exports import EXPORTS
from tests.api_server import RunningApi


def test_every_format_is_listed_with_what_a_page_needs(api: RunningApi) -> None:
    listed = api.client.get("/formats").json()["items"]

    assert {one["name"] for one in listed} == set(EXPORTS)
    by_name = {one["name"]: one for one in listed}
    assert by_name["sportscode"] == {
        "name": "sportscode",
        "title": "Sportscode's XML",
        "suffix": "xml",
        "media_type": "application/xml",
        "provenance": "all",
        "path": "events.sportscode.xml",
    }
    titles = [one["title"] for one in listed]
    assert all(title[0] == title[0].upper() for title in titles)
