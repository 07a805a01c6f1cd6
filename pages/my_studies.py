"""My studies: the neighbours of uploaded studies in A and in B, and whether they belong to the collection."""

from __future__ import annotations

from suture.pages.components.shell import navigation, shared_choice, views
from suture.pages.components.studies import map, search, study_neighbours, table, upload_form, uploaded
from suture.workflows.neighbours import uploads


def main() -> None:
    navigation.open_page("My studies", "Which studies of the collection are nearest to yours, in A and in B?")
    choice = shared_choice.choose()
    records = uploads.list_uploads(views.workspace())
    uploaded.say_added_to_library()
    upload_form.add(expanded=not records)
    if not records:
        upload_form.nothing_yet()
        return
    record = uploaded.choose(records)
    uploaded.header(record, choice)
    placed = uploaded.in_sets(record, choice)
    if not placed:
        return
    neighbours = search.find_neighbours(placed, choice.pair)
    if neighbours is None:
        return
    row = table.table(record, placed, neighbours)
    study_neighbours.study(choice, record, placed, neighbours, row)
    map.section(placed, neighbours, row)


main()
