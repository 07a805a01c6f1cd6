"""What are these like?"""

from __future__ import annotations

from models import newcomers
from pages.components import (
    shell,
    studies_answers,
    studies_ask,
    studies_map,
    studies_table,
    studies_upload,
    studies_visit,
    views,
)


def main() -> None:
    shell.open_page("My studies", "What are these like? Your studies, beside those of A and B.")
    choice = shell.choose()
    known = newcomers.visits(views.workspace())
    studies_visit.farewell()
    studies_upload.add(expanded=not known)
    if not known:
        studies_upload.nothing_yet()
        return
    visit = studies_visit.choose(known)
    studies_visit.head(visit, choice)
    sides = studies_visit.sides(visit, choice)
    if not sides:
        return
    asked = studies_ask.ask(sides, choice.pair)
    if asked is None:
        return
    row = studies_table.table(visit, sides, asked)
    studies_answers.study(choice, visit, sides, asked, row)
    studies_map.where(sides, asked, row)


main()
