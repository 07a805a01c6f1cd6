"""Train caption decoders on the embeddings of a set, and score their captions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from suture.cli.common import AsJson, Home, err, out, progress_callback, warn_if_trained_on
from suture.data.workspace import Workspace

if TYPE_CHECKING:
    from suture.models.captioner.config import CaptionerConfig, Decoding
    from suture.workflows.captions.caption_table import CaptionComparison, CaptionTable

commands = typer.Typer()
SHOWN = ("cider", "bleu_4", "rouge_l", "finding_f1")


@commands.command()
def caption(
    set_name: Annotated[str, typer.Argument(metavar="SET")],
    train: Annotated[
        list[str] | None,
        typer.Option(help="Modality that the decoder is trained on: text, image or both. Repeatable."),
    ] = None,
    score: Annotated[bool, typer.Option("--score", help="Caption a split and score the captions.")] = False,
    beside: Annotated[
        str, typer.Option(help="Second set B: trained with the same settings, and compared with A.")
    ] = "",
    split: Annotated[str, typer.Option(help="Split to caption.")] = "test",
    fit_split: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    text: Annotated[str, typer.Option(help="Text modality to generate. Default: the first.")] = "",
    image: Annotated[str, typer.Option(help="Image modality to caption. Default: the first.")] = "",
    start: Annotated[str, typer.Option(help="A pretrained causal decoder: folder or hub name.")] = "",
    download: Annotated[
        bool, typer.Option("--download", help="Allow --start to be downloaded from the Hugging Face hub.")
    ] = False,
    noise: Annotated[
        float, typer.Option(help="C3: standard deviation of the noise per dimension, e.g. 0.126.")
    ] = 0.0,
    centre: Annotated[bool, typer.Option("--centre", help="C3: subtract each modality's mean.")] = False,
    epochs: Annotated[int, typer.Option(help="Passes over the texts.")] = 20,
    batch: Annotated[int, typer.Option(help="Texts per step.")] = 64,
    learning_rate: Annotated[float, typer.Option(help="Learning rate of AdamW after warm-up.")] = 1e-3,
    width: Annotated[int, typer.Option(help="Width of a decoder trained from scratch.")] = 128,
    layers: Annotated[int, typer.Option(help="Layers of a decoder trained from scratch.")] = 3,
    tokens: Annotated[int, typer.Option(help="Maximum text length in tokens; longer texts are cut.")] = 96,
    seed: Annotated[int, typer.Option(help="Seed of the weights, the order and the noise.", min=0)] = 0,
    decoding: Annotated[str, typer.Option(help="greedy, beam or nucleus.")] = "greedy",
    beams: Annotated[int, typer.Option(help="Number of beams of beam search.")] = 4,
    top_p: Annotated[float, typer.Option(help="Probability mass of nucleus sampling.")] = 0.9,
    texts: Annotated[
        Path | None, typer.Option(help="Write the true and the generated texts to this CSV.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Train caption decoders on embeddings, and score them. Research only: the output is not a report.

    suture caption SET --train text --train image, then suture caption SET --score
    """
    from suture.models.captioner.config import CaptionerConfig, Decoding, check_decoding

    workspace, sets = Workspace(home), [set_name, *([beside] if beside else [])]
    config = CaptionerConfig(
        set=set_name,
        text=text,
        image=image,
        fit_split=fit_split,
        start=start,
        download=download,
        noise=noise,
        centre=centre,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        width=width,
        layers=layers,
        tokens=tokens,
        seed=seed,
    )
    how = Decoding(decoding, beams, top_p, seed=seed)
    check_decoding(how)
    if train:
        _train(workspace, config, sets, train, device, as_json, last=not score)
    if score or not train:
        _score(workspace, config, sets, split, how, device, as_json, texts)


def _train(
    workspace: Workspace,
    config: CaptionerConfig,
    sets: list[str],
    sources: list[str],
    device: str,
    as_json: bool,
    *,
    last: bool,
) -> None:
    from suture.models.captioner.config import of_sets
    from suture.models.captioner.plan import plan_captioner
    from suture.models.captioner.training import train

    configs = of_sets(config, sets, sources)
    for one in configs:
        plan_captioner(workspace, one)  # check all of them before the first starts
    made = []
    for one in configs:
        with progress_callback(as_json) as report:
            trained = train(workspace, one, device=device, report=report)
        losses = [row["val_loss"] for row in trained.history.epochs]
        made.append({"captioner": trained.name, "reused": trained.reused, "val_loss": min(losses)})
        what = "already trained" if trained.reused else "trained"
        err.print(
            f"{trained.name!r}: {what}, epoch {trained.history.best}, validation loss {min(losses):.3f}."
        )
        warned = [row for row in trained.history.epochs if row["guards"]]
        for row in warned[-1:]:
            for warning in row["guards"]:
                err.print(f"  guard: {warning}")
    if last and as_json:
        print(json.dumps(made))
    elif last:
        second = f' --beside "{sets[1]}"' if len(sets) > 1 else ""
        err.print(f'Next: suture caption "{sets[0]}"{second} --score')


def _score(
    workspace: Workspace,
    config: CaptionerConfig,
    sets: list[str],
    split: str,
    how: Decoding,
    device: str,
    as_json: bool,
    texts: Path | None,
) -> None:
    from suture.data.errors import Refused
    from suture.workflows.captions.caption_table import by_recipe, compare_tables
    from suture.workflows.captions.evaluate import evaluate_captions

    captioners = by_recipe(workspace, config, sets)
    if captioners is None:
        names = " and ".join(map(repr, sets))
        raise Refused(
            "no_captioner",
            f"No captioner was trained on {names} with these settings. Train them first: suture caption "
            f'"{sets[0]}" --train text --train image{f" --beside {sets[1]!r}" if len(sets) > 1 else ""}.',
        )
    tables = []
    for name, own in zip(sets, captioners, strict=True):
        warn_if_trained_on(workspace, split, name)
        with progress_callback(as_json) as report:
            tables.append(
                evaluate_captions(workspace, name, own, split=split, how=how, device=device, report=report)
            )
    both = compare_tables(*tables) if len(tables) == 2 else None
    if texts is not None:
        _write_texts(tables, texts)
    if as_json:
        print(json.dumps(_json(tables, both)))
        return
    for table in tables:
        out.print(_table(table))
    if both is not None:
        out.print(_differences(both))
    err.print("Research only: generated text is not a report.", style="dim")


def _json(tables: list[CaptionTable], both: CaptionComparison | None) -> object:
    if both is None:
        return tables[0].to_json()
    return {"a": tables[0].to_json(), "b": tables[1].to_json(), "b_minus_a": both.to_json()}


def _table(judged: CaptionTable) -> Table:
    from suture.analysis.captions import CAPTION_METRICS

    table = Table(title=f"{judged.set} · {judged.split} · {judged.text} · {len(judged.study_ids):,} studies")
    table.add_column("captions")
    for name in SHOWN:
        table.add_column(CAPTION_METRICS[name].title, no_wrap=True)
    table.add_column("similarity *", no_wrap=True)
    for row, reading in judged.readings.items():
        told = [reading.scores.metrics[name].describe() for name in SHOWN]
        table.add_row(row, *told, "" if reading.similarity is None else reading.similarity.describe())
    captioners = ", ".join(judged.captioners.values())
    note = "* by the checkpoint's own text encoder: not independent. 95 % intervals over groups."
    table.caption = f"Captioners: {captioners}. {note}"
    return table


def _differences(both: CaptionComparison) -> Table:
    from suture.analysis.captions import CAPTION_METRICS

    table = Table(title=f"B − A, paired: {both.b.set} − {both.a.set}")
    table.add_column("captions")
    for name in SHOWN:
        table.add_column(CAPTION_METRICS[name].title, no_wrap=True)
    for row, metrics in both.rows.items():
        table.add_row(row, *(metrics[name].describe() for name in SHOWN))
    return table


def _write_texts(tables: list[CaptionTable], path: Path) -> None:
    from suture.analysis.text_tables import csv_text
    from suture.workflows.captions.caption_table import by_study

    path.write_text(csv_text(by_study(tables)))
    err.print(f"{len(tables[0].study_ids):,} studies written to {path}.")
