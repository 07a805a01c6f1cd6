"""Guess the roles of a table's columns: first by their cells, then by their headers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from suture.data.files.sources import Files
from suture.data.phi.identifiers import header_key, is_personal
from suture.data.readers.file_lookup import Lookup, is_image_name, is_url
from suture.data.readers.finish import RESERVED_COLUMNS
from suture.data.readers.image_lists import first_name
from suture.data.readers.raw_studies import Roles
from suture.data.splits import is_split_word, splits_in

SAMPLE = 500  # rows checked where each cell costs a look-up
LONG = 5_000  # rows checked where each cell costs little
MAX_LABELS = 50  # a column with more distinct values is not a category
SPARSE = 0.05  # an image column filled less often is a remark (duplicate_of, see_also)

# Header words, in the spelling of `header_key`. docs/intake.md lists them.
IDS = (
    "study_id", "image_id", "id", "uid", "accession", "accession_number", "sop_instance_uid",
    "report_id", "exam_id", "sample_id", "key", "filename", "file_name",
    "studien_id", "untersuchung_id", "id_examen", "examen_id", "id_estudio", "estudio_id", "estudo_id",
    "id_estudo", "exame_id",
    "编号", "序号", "检查号", "影像号", "検査番号", "番号", "검사번호", "번호",
)  # fmt: skip
GROUPS = (
    "patient_id", "subject_id", "patient", "subject", "case_id", "case", "person_id", "group",
    "group_id", "pmcid", "pmc_id", "article_id",
    "patienten_id", "patienten_nr", "patientennummer", "id_patient", "id_paciente", "paciente_id", "paciente",
    "患者_id", "病人_id", "患者编号", "病人编号", "病例号", "住院号", "患者", "患者番号", "症例", "症例番号",
    "환자_id", "환자번호", "환자",
)  # fmt: skip
PATIENT_WORDS = ("patient", "pat", "subject", "person", "participant", "case", "patienten", "paciente")
ID_WORDS = ("id", "nr", "no", "num", "number", "key", "code", "uid", *PATIENT_WORDS)
DUPLICATES = ("caption_group", "duplicate_group")
SPLIT_HEADERS = ("split", "fold", "set", "subset", "partition")
OTHER_SPLIT_HEADERS = (
    "aufteilung", "teilmenge", "ensemble", "particion", "conjunto", "subconjunto", "particao",
    "划分", "数据划分", "数据集", "数据集划分", "分割", "データ分割", "분할", "데이터셋",
)  # fmt: skip
MAX_SPLITS = 20  # a column called "set" with more distinct values is not a split
TEXTS = (
    "caption", "report", "finding", "impression", "conclusion", "text", "description", "narrative",
    "summary", "history", "indication",
)  # fmt: skip
TEXT_WORDS = {  # the last word of a header -> what it means
    **dict.fromkeys(("bildunterschrift", "legende", "leyenda", "legenda"), "caption"),
    **dict.fromkeys(("bericht", "rapport", "rendu", "informe", "laudo", "relatorio"), "report"),
    **dict.fromkeys(("befund", "resultat", "constatation", "hallazgo", "achado"), "finding"),
    **dict.fromkeys(("beurteilung", "impresion", "impressao", "diagnose", "diagnostic"), "impression"),
    **dict.fromkeys(("conclusao",), "conclusion"),
    **dict.fromkeys(("texte", "texto"), "text"),
    **dict.fromkeys(("beschreibung", "descripcion", "descricao"), "description"),
    **dict.fromkeys(("anamnese", "antecedent", "antecedente", "historia", "historico"), "history"),
    **dict.fromkeys(("indikation", "fragestellung", "indicacion", "indicacao"), "indication"),
}
TEXT_SIGNS = {  # the end of a header in Chinese, Japanese or Korean -> what it means
    **dict.fromkeys(("报告", "報告", "报告内容", "報告書", "レポート", "판독문", "보고서", "판독"), "report"),
    **dict.fromkeys(("所见", "所見", "表现", "소견"), "finding"),
    **dict.fromkeys(("印象", "诊断", "診断", "诊断意见", "诊断结果", "인상", "진단"), "impression"),
    **dict.fromkeys(("结论", "結論", "결론"), "conclusion"),
    **dict.fromkeys(("文本", "テキスト", "텍스트"), "text"),
    **dict.fromkeys(("描述", "説明", "설명"), "description"),
    **dict.fromkeys(("病史", "既往史", "病歴", "병력"), "history"),
}
PICTURE_HEADERS = (
    "image", "img", "picture", "path", "file", "filename", "frontal", "lateral",
    "bild", "bilddatei", "datei", "dateiname", "pfad", "chemin", "fichier", "cliche", "radiographie",
    "imagen", "imagenes", "archivo", "ruta", "imagem", "imagens", "arquivo", "caminho",
)  # fmt: skip
PICTURE_SIGNS = (
    *("图像", "图片", "影像", "圖像", "路径", "文件"),
    *("画像", "ファイル", "パス", "이미지", "영상", "파일", "경로"),
)


@dataclass(frozen=True)
class _Pictures:
    """How well a column's sampled cells match the names of image files."""

    column: str
    found: frozenset[str]
    share: float  # of the filled cells: those found, or at least with an image suffix
    written_out: float  # of the cells found: those with their extension
    filled: float


def guess_roles(rows: pd.DataFrame, files: Files, given: Roles | None = None) -> Roles:
    """The likeliest role of every column; one that fits no role has none. The user can correct them.

    given  roles that the user named: they are taken as they are, and only the other columns are guessed
    """
    given = given or Roles()
    named = given.columns()
    filled = [c for c in rows.columns if c not in named and rows[c].ne("").any()]
    lookup = Lookup.of_images(files)
    images = given.images or _images(rows, filled, lookup)
    split = given.split or _split(rows, [c for c in filled if c not in images])
    duplicate = given.duplicate_group or _by_header(filled, DUPLICATES)
    study_id = given.study_id or _study_id(rows, filled)
    free = [c for c in filled if c != study_id]
    group = given.group or _group(rows, [c for c in free if c not in (*images, split)])
    used = {*images, split, duplicate, study_id, group}
    texts = given.texts or _texts(rows, [c for c in filled if c not in used]) or _empty_texts(rows, named)
    used |= {*texts}
    labels = given.labels or tuple(c for c in filled if c not in used and _is_label(c, rows[c]))
    return Roles(
        study_id=study_id,
        images=images,
        texts=texts,
        tabular=given.tabular,
        labels=labels,
        group=group,
        split=split,
        duplicate_group=duplicate,
    )


def columns_named(columns: list[str], known: tuple[str, ...]) -> list[str]:
    """The columns whose normalised header is in `known`, in the order of `known`."""
    return sorted((c for c in columns if header_key(c) in known), key=lambda c: known.index(header_key(c)))


def is_patient_header(column: str) -> bool:
    """Whether a header speaks of the id of a patient or case: deid_patient_id, Pat Nr."""
    words = header_key(column).split("_")
    return words[-1] in ID_WORDS and not {*words}.isdisjoint(PATIENT_WORDS)


def _by_header(columns: list[str], known: tuple[str, ...]) -> str:
    return next(iter(columns_named(columns, known)), "")


def _images(rows: pd.DataFrame, columns: list[str], lookup: Lookup) -> tuple[str, ...]:
    sample = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(int))]
    seen = [p for p in (_picture_column(c, sample[c], lookup) for c in columns) if _names_pictures(p)]
    if any(p.found for p in seen):
        seen = [p for p in seen if p.found]
    kept: list[_Pictures] = []
    for one in sorted(seen, key=lambda p: (-p.written_out, -_is_picture_header(p.column))):
        if not any(len(one.found & other.found) > len(one.found) / 2 for other in kept):
            kept.append(one)
    return tuple(c for c in columns if c in {p.column for p in kept})


def _picture_column(column: str, cells: pd.Series, lookup: Lookup) -> _Pictures:
    values = [first_name(v) for v in cells if v]
    found = {v: lookup.find(v) for v in values}
    good = sum(bool(found[v]) or (is_image_name(v) and not is_url(v)) for v in values)
    names = [v for v in values if found[v]]
    return _Pictures(
        column=column,
        found=frozenset(found[v] for v in names),
        share=good / max(len(values), 1),
        written_out=sum(is_image_name(v) for v in names) / max(len(names), 1),
        filled=len(values) / len(cells),
    )


def _names_pictures(column: _Pictures) -> bool:
    named = bool(column.found) and _is_picture_header(column.column)
    return column.filled >= SPARSE and (column.share >= 0.5 or named)


def _is_picture_header(column: str) -> bool:
    key = header_key(column)
    return not {*key.split("_")}.isdisjoint(PICTURE_HEADERS) or any(sign in key for sign in PICTURE_SIGNS)


def _split(rows: pd.DataFrame, columns: list[str]) -> str:
    """A column called split, whatever its words; else one called fold, set or the like with few values or
    known words; else one that holds only words such as train and test."""
    called = [c for c in columns if header_key(c).split("_")[-1] == "split" and _repeats(rows[c])]
    known = [c for c in columns if splits_in(rows[c].unique())]
    alike = [c for c in columns_named(columns, SPLIT_HEADERS) if _few(rows[c], MAX_SPLITS)]
    foreign = [
        c for c in columns_named(columns, OTHER_SPLIT_HEADERS) if any(map(is_split_word, rows[c].unique()))
    ]
    exact = [c for c in called if header_key(c) == "split"]
    by_header = columns_named(known, SPLIT_HEADERS)
    return next(iter([*exact, *by_header, *called, *alike, *foreign, *known]), "")


def _repeats(cells: pd.Series) -> bool:
    """Whether values occur again, and there are no more of them than a category has."""
    values = cells[cells.ne("")]
    return values.nunique() <= MAX_LABELS and values.nunique() < max(len(values), 2)


def _few(cells: pd.Series, most: int) -> bool:
    """Whether the column has few distinct values, each of several rows on average."""
    values = cells[cells.ne("")]
    return values.nunique() <= min(most, max(len(values) / 2, 2))


def _study_id(rows: pd.DataFrame, columns: list[str]) -> str:
    """A known header with unique values, else one with nearly unique values, else any unique "…_id"."""
    by_name = columns_named(columns, IDS)
    unique = [c for c in columns if rows[c].is_unique and rows[c].str.len().max() <= 200]
    nearly = [c for c in by_name if rows[c].nunique() > 0.7 * len(rows)]
    ending = [
        c
        for c in unique
        if header_key(c).split("_")[-1] in ("id", "uid", "key") and header_key(c) not in GROUPS
    ]
    return next(iter([c for c in by_name if c in unique] + nearly + ending), "")


def _group(rows: pd.DataFrame, columns: list[str]) -> str:
    """The patients or cases: by a known header, else a patient's id that repeats, else a repeated id."""
    known = columns_named(columns, GROUPS)
    alike = [c for c in columns if is_patient_header(c) and not is_personal(c) and not rows[c].is_unique]
    return next(iter([*known, *alike]), "") or _repeated_id(rows, columns)


def _repeated_id(rows: pd.DataFrame, columns: list[str]) -> str:
    """A repeating study_id (a row for each image) or image_id (a row for each caption) is a group."""
    known = columns_named(columns, ("study_id", "report_id", "exam_id", "image_id"))
    return next((c for c in known if rows[c].nunique() <= 0.7 * len(rows)), "")


def _texts(rows: pd.DataFrame, columns: list[str]) -> tuple[str, ...]:
    """Text columns with a known header; if there are none, columns of sentences."""
    words = [c for c in columns if not is_personal(c) and _has_letters(rows[c])]
    named = [c for c in words if _text_rank(c) < len(TEXTS)]
    sentences = [c for c in words if _evenly(rows[c]).str.count(" ").mean() >= 3]
    return tuple(sorted(named, key=_text_rank) or sentences)


def _empty_texts(rows: pd.DataFrame, named: set[str]) -> tuple[str, ...]:
    """Empty columns with a text header count as texts, so that each study is skipped with a reason."""
    empty = [c for c in rows.columns if c not in named and rows[c].eq("").all()]
    return tuple(c for c in empty if _text_rank(c) < len(TEXTS))


def _text_rank(column: str) -> int:
    key = header_key(column)
    word = key.split("_")[-1]
    sign = next((meaning for end, meaning in TEXT_SIGNS.items() if key.endswith(end)), "")
    options = (sign, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("e"), word)
    known = [TEXT_WORDS.get(option, option) for option in options]
    return next((TEXTS.index(option) for option in known if option in TEXTS), len(TEXTS))


def _has_letters(cells: pd.Series) -> bool:
    some = _evenly(cells[cells.ne("")])
    values = some[some.str.contains(r"\w", regex=True)].head(SAMPLE)
    return bool(values.str.contains(r"[^\W\d_]", regex=True).mean() >= 0.5)


def _evenly(cells: pd.Series) -> pd.Series:
    """At most `LONG` cells, evenly spaced: enough to tell what a column of a large table holds."""
    return cells if len(cells) <= LONG else cells.iloc[np.linspace(0, len(cells) - 1, LONG).astype(int)]


def _is_label(column: str, cells: pd.Series) -> bool:
    values = cells[cells.ne("")]
    few = 2 <= values.nunique() <= MAX_LABELS and values.nunique() < len(values) / 2
    return few and not is_personal(column) and column not in RESERVED_COLUMNS
