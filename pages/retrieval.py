"""What comes back for a query?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from analysis.catalogue import PROTOCOL_MEANING
from analysis.evaluate import Metric
from analysis.neighbours import nearest, partner_rank
from data.errors import UserError
from models.adapters import adapt_query
from pages.components import cards, shell, views
from pages.components.shell import Choice
from pages.components.views import View


def main() -> None:
    shell.open_page("Retrieval", "What comes back for a query, from A and from B?")
    choice = shell.choose()
    linked = "study" in st.query_params and "q" not in st.query_params  # a link to a study wants its tab
    tabs = ["Words", "A study", "Scores"]
    query, examples, scores = st.tabs(tabs, default="A study" if linked else None)
    with query:
        by_words(choice)
    with examples:
        by_study(choice)
    with scores:
        score_table(choice)


def by_words(choice: Choice) -> None:
    """Typed words find pictures, through the text encoder of each checkpoint."""
    targets = [m for m in choice.a.set.modalities if all(_has(v, m) for v in choice.views)]
    left, right = st.columns([3, 1])
    words = left.text_input(
        "Words",
        placeholder="for example: large right pleural effusion",
        key="words",
        value=st.query_params.get("q", ""),
    ).strip()
    target = right.selectbox("Search in", targets, key="words_target")
    count = 6
    if not words:
        st.info(
            "Type what you look for. The words go through the checkpoint's text encoder.",
            icon=":material/keyboard:",
        )
        return
    st.query_params["q"] = words
    for column, label, word, shown in zip(
        st.columns(len(choice.views)), choice.labels, cards.WORDS, choice.views, strict=False
    ):
        with column:
            st.markdown(f":{word}-badge[{label}]")
            vector = encode_words(shown, words)
            if vector is not None:
                results(shown, as_adapted(shown, choice.pair, vector), target, count)


def as_adapted(shown: View, pair: tuple[str, str], vector: np.ndarray) -> np.ndarray:
    """The words where an adapted set has its texts, those of the pair first; else unchanged."""
    texts = [m for m in (*pair, *shown.set.modalities) if f"key:{m}" in shown.set.rows]
    if "adapter" not in shown.record.meta or not texts:
        return vector
    st.caption(f"The words are mapped as a {cards.plain(texts[0])} of this adapted set.")
    return adapt_query(views.workspace(), shown.name, texts[0], vector)


def _has(shown: View, modality: str) -> bool:
    return modality in shown.set.modalities and bool(shown.set.present(modality).any())


def encode_words(shown: View, words: str) -> np.ndarray | None:
    """(1, dim) unit vector of the words, or None with the reason on the page."""
    if not shown.set.provenance.get("checkpoint"):
        st.caption("These vectors came without a checkpoint, so words cannot be embedded.")
        return None
    try:
        return _encoded(shown.set.provenance["checkpoint_hash"], _maker(shown), words)
    except UserError as error:
        st.error(cards.plain(error.message))
        return None


@st.cache_resource(show_spinner="Loading the text encoder (first time only)…", max_entries=3)
def _checkpoint(fingerprint: str, name: str):
    from models import registry

    return registry.load(views.workspace(), name, device="cpu")


def _maker(shown: View) -> str:
    from models import registry

    return registry.name_of(views.workspace(), shown.set.provenance)


@st.cache_data(show_spinner=False, max_entries=256)
def _encoded(fingerprint: str, name: str, words: str) -> np.ndarray:
    encoder = _checkpoint(fingerprint, name).encoders["text"]
    return encoder.encode(encoder.prepare([words])[0]).numpy()


def by_study(choice: Choice) -> None:
    """A study's image finds texts, or its text finds images."""
    left, middle, right = st.columns([2, 1, 1])
    wanted = st.query_params.get("study", "")
    ids = choice.a.ids
    index = ids.index(wanted) if wanted in ids else 0
    study = left.selectbox("Study", ids, index=index, key="query_study", help="Type to search an id.")
    directions = {f"{x} → {y}": (x, y) for x, y in (choice.pair, choice.pair[::-1])}
    x, y = directions[middle.selectbox("Direction", [*directions], key="query_direction")]
    count = right.slider("How many", 3, 12, 6, key="query_count")
    st.query_params["study"] = study
    row = ids.index(study)
    card, *columns = st.columns([1, *[1.5] * len(choice.views)])
    with card:
        cards.study_card(choice.a, row, caption="the query")
    for column, label, word, shown in zip(columns, choice.labels, cards.WORDS, choice.views, strict=False):
        with column:
            st.markdown(f":{word}-badge[{label}]")
            if shown.set.present(x)[row]:
                results(shown, np.asarray(shown.set.vectors[x][row : row + 1]), y, count, own=row)
            else:
                st.caption(f"This study has no {cards.plain(x)}.")


def results(shown: View, vector: np.ndarray, target: str, count: int, *, own: int | None = None) -> None:
    """The best items of one modality; says where the true partner stands."""
    items = shown.set.rows_with(target)
    gallery = np.asarray(shown.set.vectors[target])[items]
    if own is not None and own in items:
        rank = partner_rank(vector, gallery, int(np.searchsorted(items, own)))
        st.caption(f"The true partner is number **{rank:,}** of {len(items):,}.")
    cosines, found = nearest(vector, gallery, k=count)
    for place, (cosine, item) in enumerate(zip(cosines[0], items[found[0]], strict=True), start=1):
        result(shown, int(item), target, place, float(cosine), item == own)


def result(shown: View, row: int, target: str, place: int, cosine: float, is_own: bool) -> None:
    """One answer: its picture beside its text, or its text alone."""
    study = shown.study(row)
    picture = None
    if study is not None and shown.collection and shown.collection.modality(target).kind == "image":
        picture = views.image_bytes(shown, study, target)
    with st.container(border=True, horizontal=True, wrap=False):
        if picture is not None:
            st.image(picture, width=110)
        with st.container(gap="small"):
            st.caption(f"#{place} · cosine {cosine:.3f}" + (" · :green[true partner]" if is_own else ""))
            st.text(shown.ids[row])
            if study is not None:
                text = study.values.get(target, "")
                st.text(cards.first_text(shown, row, 160) if picture is not None else str(text)[:280])


def score_table(choice: Choice) -> None:
    evaluations = [views.evaluation(v) for v in choice.views]
    x, y = choice.pair
    for direction in (f"{x}->{y}", f"{y}->{x}"):
        st.markdown(f"**{cards.plain(direction.replace('->', ' → '))}**")
        rows = []
        for protocol, meaning in PROTOCOL_MEANING.items():
            for label, result in zip("AB", evaluations, strict=False):
                row: dict[str, object] = {"protocol": protocol.replace("_", "-"), "set": label}
                size: dict[str, object] = {}
                where = {"direction": direction, "protocol": protocol}
                for name in ("recall_at_1", "recall_at_5", "recall_at_10", "median_rank"):
                    metric = result.find(name, **where)
                    if metric is not None:
                        row[name.replace("recall_at_", "R@").replace("_", " ")] = with_interval(metric)
                        size = {"queries": metric.n, "gallery": metric.n_gallery}
                rows.append({**row, **size, "what counts": meaning})
        st.dataframe(rows, hide_index=True, width="stretch")
    st.caption("Ties count by their expected hit. 95 % bootstrap over groups of queries, gallery fixed.")
    for result in evaluations:
        cards.downloads(result, f"{result.set}-{result.split}")


def with_interval(metric: Metric) -> str:
    digits = ".1f" if metric.name == "median_rank" else ".1%"
    if metric.low is None or metric.high is None:
        return format(metric.value, digits)
    return f"{metric.value:{digits}} ({metric.low:{digits}} to {metric.high:{digits}})"


main()
