"""What are these like?"""

from __future__ import annotations

from suture.pages.components.shell import shell, views
from suture.pages.components.studies import answers, ask, map, table, upload
from suture.pages.components.studies import visit as studies_visit
from suture.workflows.neighbours import uploads


def main() -> None:
    shell.open_page("My studies", "What are these like? Your studies, beside those of A and B.")
    choice = shell.choose()
    known = uploads.visits(views.workspace())
    studies_visit.farewell()
    upload.add(expanded=not known)
    if not known:
        upload.nothing_yet()
        return
    visit = studies_visit.choose(known)
    studies_visit.head(visit, choice)
    sides = studies_visit.sides(visit, choice)
    if not sides:
        return
    asked = ask.ask(sides, choice.pair)
    if asked is None:
        return
    row = table.table(visit, sides, asked)
    answers.study(choice, visit, sides, asked, row)
    map.where(sides, asked, row)


main()
