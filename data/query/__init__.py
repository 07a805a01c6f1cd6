"""Select studies by a condition on columns, or by words in their texts.

    finding == "effusion" and age > 60            split in ("val", "test")
    not sex == "F"                                label contains "left"
    40 <= age < 60                                `size in mm` >= 8 or severity == ""

Conditions are parsed with a small grammar and never run as code. Each row is evaluated on its own:

- two numbers compare as numbers, two texts as texts; a number and a text are unequal, and neither is larger.
  A quoted value equals a cell only as text.
- an empty cell equals only "", and is neither smaller nor larger than anything.
- `==` and `in` are case-sensitive, `contains` is not.
- `not` binds tighter than `and`, and `and` tighter than `or`.
"""

from suture.data.query.conditions import MAX_CHARACTERS, MAX_DEPTH, rows_matching
from suture.data.query.word_search import contains_words, lowercase_texts, rows_with_words

__all__ = [
    "MAX_CHARACTERS",
    "MAX_DEPTH",
    "contains_words",
    "lowercase_texts",
    "rows_matching",
    "rows_with_words",
]
