"""Which studies a person asks for: by a condition on columns, or by words of the texts.

    finding == "effusion" and age > 60            split in ("val", "test")
    not sex == "F"                                label contains "left"
    40 <= age < 60                                `size in mm` >= 8 or severity == ""

Conditions are read by the small grammar below and nothing of them is ever run as code. Row by row:

- two numbers compare as numbers, two texts as texts; a number and a text differ, and neither is larger.
  What is in quotes equals a cell only as text.
- an empty cell equals "" and nothing else, and is neither smaller nor larger than anything.
- `==` and `in` mind upper and lower case, `contains` does not.
- `not` binds closer than `and`, `and` closer than `or`.
"""

from suture.data.query.conditions import DEEPEST, MOST_CHARACTERS, matching
from suture.data.query.words import holding, lowered, words

__all__ = ["DEEPEST", "MOST_CHARACTERS", "holding", "lowered", "matching", "words"]
