"""All colours: A and B, modalities, categories, verdicts, scales. Shape is modality, colour is meaning.

The colours can be told apart under deuteranopia, protanopia and tritanopia. Those that carry a meaning alone
(A, B, modalities, kinds of pairs, verdicts) have a contrast of at least 3 to the light and the dark page;
`tests/analysis/test_colours.py` states the thresholds.
"""

from __future__ import annotations

COLOUR_A, COLOUR_B = "#0072B2", "#D55E00"  # blue and orange of Okabe-Ito, the same on every page
MODALITY_COLOURS = ("#34A2B4", "#934D6D", "#8F9870", "#8581FF")  # none of them is A's or B's
CATEGORY_COLOURS = ("#CF7300", "#463E96", "#1DC8DA", "#AE0202", "#008683", "#8B62F6", "#AABC95", "#6C3B44")
# Plasma without its darkest and lightest ends, so that it is readable on light and dark pages.
SEQUENTIAL = ("#5B1FB0", "#8F2AAE", "#BC3A8B", "#DB5C68", "#F08A47", "#F5B52E")
DIVERGING = ("#542788", "#998EC3", "#F7F7F7", "#F1A340", "#B35806")  # Brewer's PuOr, 0 in the middle

# Verdicts. Each mark also has its verdict in words: colour is never the only sign.
GOOD, BAD, OTHER, NEUTRAL = "#1E8A3C", "#C8443C", "#7E6BB5", "#8C8C8C"
EXPECTED = "#8A7D00"  # the value expected by chance or under a null, drawn over bars
SHADE = "rgba(140,140,140,0.16)"
GRID = "rgba(140,140,140,0.25)"
