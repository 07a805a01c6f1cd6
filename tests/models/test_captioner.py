"""Captioners: training, generation, refusals, and the caption table."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from suture import jobs
from suture.data.collection import GROUP, SPLIT
from suture.data.collections import storage
from suture.data.errors import NotFound, Refused
from suture.data.workspace import CAPTIONER, SET, Workspace, embedding_sets
from suture.models.captioner import builtin, coca, generation, training
from suture.models.captioner import storage as keeping
from suture.models.captioner import tokens as words
from suture.models.captioner.config import CaptionerConfig, Decoding, from_json, of_sets
from suture.models.captioner.network import Captioner, from_scratch
from suture.models.captioner.plan import load_texts, plan_captioner
from suture.models.captioner.training import add_noise, train
from suture.models.checkpoints import registry
from suture.models.checkpoints.add_checkpoint import add_checkpoint
from suture.models.checkpoints.encoders import Checkpoint, open_clip_model
from suture.models.checkpoints.sources import CheckpointSource
from suture.models.embedding.embed import embed
from suture.workflows.captions import caption_table, evaluate
from suture.workflows.captions.caption_table import (
    CEILING,
    CHANCE,
    CROSSED,
    FLOOR,
    IMAGES,
    OWN,
    RETRIEVED,
    TWIN,
)
from suture.workflows.captions.evaluate import other_patients
from suture.workflows.job_kinds import CaptionJob
from tests.models.test_embed import wait
from tests.models.training_runs import NAME, variant
from tests.shell import suture

pytestmark = pytest.mark.usefixtures("forked_jobs")
A = "captions a"
SMALL = CaptionerConfig(
    set=A,
    width=32,
    layers=1,
    heads=2,
    prefix=2,
    vocabulary=400,
    epochs=2,
    batch=16,
    tokens=90,
    learning_rate=3e-3,
)


@pytest.fixture(scope="module")
def home(tiny_home: Path) -> Workspace:
    """The tiny collection, embedded, with a text-trained and an image-trained decoder."""
    workspace = Workspace(tiny_home)
    embed(workspace, NAME, "demo-aligned", name=A)
    for config in of_sets(SMALL, [A], ["text", "image"]):
        train(workspace, config, device="cpu")
    return workspace


def known(workspace: Workspace) -> list[str]:
    return [config.label for config in of_sets(SMALL, [A], ["text", "image"])]


def test_a_decoder_learns_to_write_each_text_from_its_vector() -> None:
    texts = [
        "No fracture.",
        "Large left effusion.",
        "Small nodule in the right apex.",
        "Ein Bruch; 左侧胸腔积液",
    ]
    tokenizer = words.train_tokenizer(texts, vocabulary=300)
    torch.manual_seed(0)
    config = replace(SMALL, width=64, dropout=0.0)
    network = from_scratch(config, 8, tokenizer)
    vectors = torch.eye(8)[:4]
    tokens, counts = words.padded(words.encode(tokenizer, texts, longest=90)[0], tokenizer.pad_token_id)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        network(vectors, tokens, counts).backward()
        optimizer.step()
    loaded = keeping.LoadedCaptioner("it", network.eval(), tokenizer, {}, {}, torch.device("cpu"))
    assert generation.generate(loaded, vectors.numpy(), "report") == texts
    beams = Decoding(method="beam", beams=3)
    assert generation.generate(loaded, vectors.numpy(), "report", beams) == texts


def test_padding_teaches_nothing() -> None:
    texts = ["short", "a text that is a good deal longer"]
    tokenizer = words.train_tokenizer(texts, vocabulary=300)
    torch.manual_seed(0)
    network = from_scratch(SMALL, 4, tokenizer).eval()
    rows, _ = words.encode(tokenizer, texts, longest=90)
    alone = network(torch.eye(4)[:1], *words.padded(rows[:1], tokenizer.pad_token_id))
    together = network(torch.eye(4)[:2], *words.padded(rows, tokenizer.pad_token_id))
    other = network(torch.eye(4)[1:2], *words.padded(rows[1:], tokenizer.pad_token_id))
    counts = torch.tensor([len(row) - 1.0 for row in rows])
    torch.testing.assert_close(together, (torch.stack([alone, other]) * counts).sum() / counts.sum())


def test_the_same_captioner_is_not_trained_twice_and_another_is_refused_its_name(home: Workspace) -> None:
    def report(share: float, message: str) -> None:
        raise AssertionError(message)

    assert train(home, SMALL, device="cpu", report=report).reused
    with pytest.raises(Refused, match="already a captioner called"):
        train(home, replace(SMALL, epochs=3, name=SMALL.label), device="cpu")
    theirs = Workspace(home.home, owner="somebody")
    with pytest.raises(Refused, match="already a captioner called"):
        train(theirs, replace(SMALL, epochs=3, name=SMALL.label), device="cpu")


def test_recipes_have_names_of_their_own_and_the_default_one_has_a_plain_name() -> None:
    plain = CaptionerConfig(set="s")
    assert plain.label == "s reads text s0"
    assert replace(plain, seed=4, source="image").label == "s reads image s4"
    other = replace(plain, noise=0.126)
    assert other.label == f"s reads text {other.mark} s0" != plain.label
    assert replace(other, set="t", seed=2, source="both").mark == other.mark != ""
    assert len(replace(other, set="x" * 80).label) <= 80


def test_what_a_method_does_not_use_does_not_decide_its_texts() -> None:
    assert Decoding(beams=9, top_p=0.3, seed=7).key() == Decoding().key()
    assert Decoding("beam", beams=9).key() != Decoding("beam").key()
    assert Decoding("nucleus", seed=7).key() != Decoding("nucleus").key()


def test_training_that_was_stopped_ends_as_if_it_had_not_been(home: Workspace) -> None:
    config = replace(SMALL, seed=3, noise=0.05, save_seconds=0.0)

    class Stopped(Exception):
        pass

    def stop(share: float, message: str) -> None:
        if share > 0.6:
            raise Stopped

    with pytest.raises(Stopped):
        train(home, replace(config, name="resumed"), device="cpu", report=stop)
    shares: list[float] = []
    trained = train(
        home, replace(config, name="resumed"), device="cpu", report=lambda share, _: shares.append(share)
    )
    assert shares[0] > 0.5
    home.rename(CAPTIONER, "resumed", "resumed before")
    whole = train(home, replace(config, name="whole"), device="cpu")
    assert [row["val_loss"] for row in whole.history.epochs] == [
        row["val_loss"] for row in trained.history.epochs
    ]
    for file in (keeping.PREFIX, f"{keeping.DECODER}/model.safetensors"):
        one, other = (load_file(home.record(CAPTIONER, n).path(file)) for n in ("resumed before", "whole"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_noise_turns_vectors_and_keeps_their_length() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(500, 64), dim=1)
    moved = add_noise(vectors, 0.126)
    torch.testing.assert_close(moved.norm(dim=1), torch.ones(500))
    expected = 1 / np.sqrt(1 + 64 * 0.126**2)  # noise is approximately orthogonal to the vector
    assert float((moved * vectors).sum(1).mean()) == pytest.approx(expected, abs=0.02)
    assert add_noise(vectors, 0.0) is vectors


def test_a_centred_captioner_takes_the_mean_of_its_training_vectors_away(home: Workspace) -> None:
    config = replace(SMALL, centre=True, name="centred", epochs=1)
    train(home, config, device="cpu")
    loaded = keeping.load(home, "centred", device="cpu")
    whole = embedding_sets.load(home, A)
    rows = plan_captioner(home, config).fit
    expected = whole.vectors["image"][:3] - np.asarray(whole.vectors["image"])[rows].mean(axis=0)
    ready = generation.prepare_vectors(loaded, np.asarray(whole.vectors["image"][:3]), "image")
    np.testing.assert_allclose(ready.numpy(), expected, atol=1e-6)


def test_decoders_of_texts_and_images_learn_from_the_same_studies(home: Workspace) -> None:
    text, image = (plan_captioner(home, config) for config in of_sets(SMALL, [A], ["text", "image"]))
    np.testing.assert_array_equal(text.fit, image.fit)
    groups = text.texts.groups
    assert not {*groups[text.fit]} & {*groups[text.validation]}


def test_sampling_is_seeded(home: Workspace) -> None:
    loaded = keeping.load(home, SMALL.label, device="cpu")
    vectors = np.asarray(embedding_sets.load(home, A).vectors["report"][:6])
    one, same, other = (
        generation.generate(loaded, vectors, "report", Decoding(method="nucleus", top_p=0.95, seed=seed))
        for seed in (0, 0, 1)
    )
    assert one == same != other


def test_vectors_of_another_width_are_refused(home: Workspace) -> None:
    loaded = keeping.load(home, SMALL.label, device="cpu")
    with pytest.raises(Refused, match="reads vectors of 128 numbers; these have 7") as refused:
        generation.generate(loaded, np.ones((2, 7), np.float32), "image")
    assert refused.value.code == "captioner_width"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"source": "sound"}, "source must be one of text, image, both"),
        ({"width": 30, "heads": 4}, "must be a multiple of heads"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"tokens": 4}, "are longer than 2 tokens; the middle one has"),
        ({"batch": 5000}, "Use a smaller batch"),
        ({"fit_split": "nowhere"}, "nowhere"),
        ({"fit_split": "all"}, "must be one split"),
        ({"text": "image"}, "image"),
        ({"start": "no/such-decoder"}, "is not a causal decoder that can be read"),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_nothing(
    home: Workspace, changes: dict[str, object], told: str
) -> None:
    with pytest.raises((Refused, NotFound), match=told):
        train(home, replace(SMALL, name="never", **changes), device="cpu")
    assert not home.has(CAPTIONER, "never")


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(Refused, match="Unknown setting 'depth'"):
        from_json({"set": A, "depth": 3})


def decoder_folder(folder: Path, vocabulary: dict[str, int]) -> Path:
    """A pretrained decoder as `transformers` writes it, with a tokenizer of whole words."""
    vocabulary = {"<unk>": 0, "<end>": 1} | {word: n + 2 for n, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>")
    torch.manual_seed(0)
    shape = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 128}
    GPT2LMHeadModel(GPT2Config(vocab_size=len(vocabulary), **shape)).save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return folder


def test_a_pretrained_decoder_is_gone_on_from(home: Workspace, tmp_path: Path) -> None:
    texts = load_texts(home, A)
    seen = {word: 0 for text in texts.texts for word in text.replace(".", " . ").replace(",", " , ").split()}
    folder = decoder_folder(tmp_path / "gpt", seen)
    config = replace(SMALL, start=str(folder), name="from gpt", epochs=1)
    trained = train(home, config, device="cpu")
    assert np.isfinite(trained.history.epochs[0]["val_loss"])
    loaded = keeping.load(home, "from gpt", device="cpu")
    assert len(loaded.tokenizer) == len(seen | {"<unk>": 0, "<end>": 0})
    assert len(generation.generate(loaded, np.asarray(texts.set.vectors["report"][:2]), "report")) == 2


def test_a_pretrained_decoder_for_other_words_is_refused(home: Workspace, tmp_path: Path) -> None:
    folder = decoder_folder(tmp_path / "gpt", {"左": 0, "侧": 0})
    with pytest.raises(Refused, match="unknown to the tokenizer of the decoder") as refused:
        train(home, replace(SMALL, start=str(folder), name="foreign"), device="cpu")
    assert refused.value.code == "tokens_unknown"


def test_pickled_weights_are_not_opened(home: Workspace, tmp_path: Path) -> None:
    folder = decoder_folder(tmp_path / "gpt", {"a": 0})
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(Refused, match="is not a causal decoder"):
        keeping.pretrained(str(folder))


def test_strangers_are_of_other_groups_and_each_is_taken_once() -> None:
    groups = np.random.default_rng(0).integers(0, 12, size=60).astype(str)
    found = other_patients(groups)
    assert sorted(found) == list(range(60))
    assert (groups[found] != groups).all()
    assert sorted(other_patients(np.array(["one"] * 4))) == [0, 1, 2, 3]


def test_the_table_has_every_row_and_is_written_once(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert caption_table.stored_table(home, A, known(home), split="test") is None
    found = evaluate.evaluate_captions(home, A, known(home), split="test", device="cpu", resamples=100)
    assert [*found.readings] == [CEILING, CROSSED, IMAGES, FLOOR, CHANCE, RETRIEVED, TWIN]
    assert all(len(r.captions) == len(found.study_ids) for r in found.readings.values())
    for reading in found.readings.values():
        assert reading.similarity is not None
        assert -1 <= reading.similarity.value <= 1

    def never(*_: object, **__: object) -> list[str]:
        raise AssertionError("written anew")

    monkeypatch.setattr(evaluate, "generate", never)
    again = evaluate.evaluate_captions(home, A, known(home), split="test", device="cpu", resamples=100)
    assert again.to_json() == found.to_json()
    assert {r: again.readings[r].captions for r in again.readings} == {
        r: found.readings[r].captions for r in found.readings
    }
    same = caption_table.compare_tables(found, again).rows[CROSSED]["cider"]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_retrieved_captions_are_those_of_the_nearest_training_studies(home: Workspace) -> None:
    found = evaluate.evaluate_captions(home, A, known(home), split="test", device="cpu", resamples=100)
    texts = load_texts(home, A)
    fit_rows, rows = texts.rows("train", "report", "image"), texts.rows("test", "report", "image")
    images = np.asarray(texts.set.vectors["image"], np.float64)
    for row, modality in ((RETRIEVED, "report"), (TWIN, "image")):
        other = np.asarray(texts.set.vectors[modality], np.float64)
        nearest = (images[rows] @ other[fit_rows].T).argmax(axis=1)
        assert found.readings[row].captions == tuple(texts.texts[fit_rows[nearest]])


def test_the_floor_reads_images_of_others(home: Workspace) -> None:
    found = evaluate.evaluate_captions(home, A, known(home), split="test", device="cpu", resamples=100)
    order = other_patients(found.groups)
    crossed = found.readings[CROSSED].captions
    assert found.readings[FLOOR].captions == tuple(crossed[i] for i in order)
    assert found.readings[CHANCE].captions == tuple(found.truths[i] for i in order)


@pytest.mark.parametrize("split", ["train", "all"])
def test_captions_of_what_was_trained_on_are_refused(home: Workspace, split: str) -> None:
    with pytest.raises(Refused, match="were trained on 'train'"):
        evaluate.evaluate_captions(home, A, known(home), split=split, device="cpu")


def test_two_captioners_of_one_kind_make_no_table(home: Workspace) -> None:
    train(home, replace(SMALL, seed=9), device="cpu")
    with pytest.raises(Refused, match="both trained on text"):
        evaluate.evaluate_captions(home, A, [SMALL.label, replace(SMALL, seed=9).label], device="cpu")


def test_recipes_are_shared_by_sets_that_were_trained_alike(home: Workspace) -> None:
    embed(home, NAME, "demo-clip", name="captions b")
    assert caption_table.shared_recipes(home, [A, "captions b"]) == {}
    train(home, replace(SMALL, set="captions b"), device="cpu")
    (shared,) = caption_table.shared_recipes(home, [A, "captions b"]).values()
    assert shared == [known(home)[::-1], [replace(SMALL, set="captions b").label]]


def test_tables_of_other_texts_are_not_held_against_each_other(home: Workspace) -> None:
    found = evaluate.evaluate_captions(home, A, known(home), split="test", device="cpu", resamples=100)
    other = replace(found, truths=("something else", *found.truths[1:]))
    with pytest.raises(Refused, match="other studies or texts"):
        caption_table.compare_tables(found, other)


def test_studies_without_a_text_are_left_out(home: Workspace) -> None:
    def fewer(collection: storage.Collection) -> storage.Collection:
        blank = collection.table.assign(
            report=collection.table.report.where(collection.table.index % 5 != 0, "")
        )
        return replace(collection, table=blank)

    variant(home, "some silent", fewer)
    embed(home, "some silent", "demo-aligned", name="some silent set")
    texts = load_texts(home, "some silent set")
    rows = texts.rows("all", "report", "image")
    assert len(rows) == sum(i % 5 != 0 for i in range(len(texts.set)))
    assert (texts.texts[rows] != "").all()


def test_vectors_without_texts_are_told_apart(home: Workspace, tmp_path: Path) -> None:
    from suture.data.vectors import import_vectors

    x = np.random.default_rng(0).normal(size=(40, 8))
    np.savez(tmp_path / "v.npz", image=x, text=-x)
    assert import_vectors(home, [tmp_path / "v.npz"], "no texts").refused is None
    with pytest.raises(Refused, match="there are no texts to learn from"):
        plan_captioner(home, replace(SMALL, set="no texts"))


def test_a_captioner_is_a_record_that_says_what_it_is(home: Workspace) -> None:
    from suture.data.workspace.describe import describe

    record = home.record(CAPTIONER, SMALL.label)
    assert describe(record) == (
        "Writes texts from embeddings of captions a, trained on its texts. Research only."
    )
    assert record.meta.set_fingerprint == home.record(SET, A).fingerprint
    assert not [f for f in record.files if f.endswith((".bin", ".pt", ".pkl"))]
    assert training.history_of(record).epochs[-1]["epoch"] == SMALL.epochs


def test_an_overfit_is_told(home: Workspace) -> None:
    trained = train(home, replace(SMALL, epochs=40, width=64, name="by heart"), device="cpu")
    losses = [row["val_loss"] for row in trained.history.epochs]
    assert trained.history.best == int(np.argmin(losses)) + 1
    warned = [row["epoch"] for row in trained.history.epochs if row["guards"]]
    low = np.minimum.accumulate(losses)
    assert warned == [i + 1 for i in range(1, len(losses)) if losses[i] > 1.1 * low[i - 1]]


def test_the_prefix_is_told_apart_by_direction_alone() -> None:
    tokenizer = words.train_tokenizer(["a b"], vocabulary=300)
    network: Captioner = from_scratch(SMALL, 6, tokenizer)
    x = torch.randn(3, 6)
    torch.testing.assert_close(network.spread(x), network.spread(5 * x))


def test_columns_that_the_rows_rest_on_are_there(home: Workspace) -> None:
    rows = embedding_sets.load(home, A).rows
    assert {GROUP, SPLIT} <= {*rows}


def test_a_checkpoint_with_a_decoder_of_its_own_writes_too(home: Workspace, tmp_path: Path) -> None:
    side = {"layers": 1, "width": 32}
    text = {"context_length": 16, "vocab_size": 49408, "heads": 2, **side}
    vision = {"image_size": 32, "patch_size": 16, "head_width": 16, "attentional_pool": True, **side}
    config = {
        "model_cfg": {
            "embed_dim": 32,
            "vision_cfg": {**vision, "attn_pooler_heads": 2, "output_tokens": True},
            "text_cfg": {**text, "embed_cls": True, "output_tokens": True},
            "multimodal_cfg": {**text, "attn_pooler_heads": 2},
            "custom_text": True,
        },
        "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3},
    }
    (tmp_path / "coca.json").write_text(json.dumps(config))
    answer = add_checkpoint(home, CheckpointSource(str(tmp_path / "coca.json")), "tiny coca")
    assert answer.refused is None, answer.message
    embed(home, NAME, "tiny coca", name="captions coca")
    found = evaluate.evaluate_captions(home, "captions coca", [], split="test", device="cpu", resamples=50)
    assert [*found.readings] == [OWN, CHANCE, RETRIEVED, TWIN]
    checkpoint = registry.load(home, "tiny coca", device="cpu")
    assert coca.has_decoder(checkpoint)
    assert not coca.has_decoder(registry.load(home, "demo-clip", device="cpu"))
    again = evaluate.evaluate_captions(home, "captions coca", [], split="test", device="cpu", resamples=50)
    assert again.readings[OWN].captions == found.readings[OWN].captions
    _each_token_is_the_likeliest(checkpoint)


def _each_token_is_the_likeliest(checkpoint: Checkpoint) -> None:
    model, text = open_clip_model(checkpoint), checkpoint.encoders["text"]
    picture = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    rows = list(coca._tokens(model, picture, text))
    with torch.inference_mode():
        whole = model(picture, torch.tensor(rows), output_labels=False)["logits"].argmax(-1)
    for row, likely in zip(rows, whole.tolist(), strict=True):
        end = text.tokenizer.eot_token_id
        stop = row.index(end) if end in row else len(row) - 1
        assert row[1 : stop + 1] == likely[:stop]


def test_the_decoders_of_the_demo_are_put_where_they_fit(
    demo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo_home, tmp_path / "home")
    workspace = Workspace(tmp_path / "home")
    assert builtin.ensure(workspace) == [], "other studies than they learned from"
    monkeypatch.setattr(builtin, "_digest", lambda todo: (builtin.FOLDER / builtin.TEXTS).read_text().strip())
    names = builtin.ensure(workspace)
    assert len(names) == 4
    assert builtin.ensure(workspace) == names
    for config in builtin.configs():
        loaded = keeping.load(workspace, config.label, device="cpu")
        vectors = np.asarray(embedding_sets.load(workspace, config.set).vectors["report"][:8])
        assert len({*generation.generate(loaded, vectors, "report")}) > 4
        assert train(workspace, config, device="cpu").reused


def test_a_captioner_can_be_asked_for_in_a_shell(home: Workspace) -> None:
    shape = {"epochs": 1, "width": 32, "layers": 1, "batch": 16, "seed": 21}
    asked = CaptionerConfig(set=A, **shape)
    recipe = ["--epochs", "1", "--width", "32", "--layers", "1", "--batch", "16", "--seed", "21"]
    code, out, err = suture(home.home, "caption", A, "--train", "text", *recipe, "--json")
    assert code == 0, err
    assert json.loads(out)[0]["captioner"] == asked.label
    code, out, err = suture(home.home, "caption", A, "--score", *recipe, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["captioners"] == {"text": asked.label}
    assert {CEILING, CROSSED, FLOOR, CHANCE, RETRIEVED, TWIN} == {*found["rows"]}
    assert found["rows"][CROSSED]["metrics"]["cider"]["value"] is not None
    embed(home, NAME, "demo-start", name="captions of none")
    code, _, err = suture(home.home, "caption", "captions of none", "--score", "--beside", A)
    assert code == 2
    assert "No captioner was trained on" in err


@pytest.mark.slow  # by a worker of its own
def test_a_job_trains_and_scores_what_is_missing(home: Workspace) -> None:
    configs = [config.to_json() for config in of_sets(replace(SMALL, seed=5), [A], ["text", "image"])]
    job = jobs.start(home, CaptionJob(configs, "test"))
    done = wait(home, job)
    assert done.state == "done", done.message
    assert done.message == f"Captions of {A} are written and scored."
    names = [config.label for config in of_sets(replace(SMALL, seed=5), [A], ["text", "image"])]
    assert caption_table.stored_table(home, A, names, split="test") is not None


def test_patients_who_are_trained_on_are_not_scored(home: Workspace) -> None:
    def shared(collection: storage.Collection) -> storage.Collection:
        rows = collection.table
        first = rows[GROUP][rows[SPLIT] == "train"].iloc[0]
        place = rows.index[rows[SPLIT] == "test"][:3]
        return replace(
            collection, table=rows.assign(**{GROUP: rows[GROUP].where(~rows.index.isin(place), first)})
        )

    variant(home, "crossing", shared)
    embed(home, "crossing", "demo-aligned", name="crossing set")
    config = replace(SMALL, set="crossing set", epochs=1)
    train(home, config, device="cpu")
    found = evaluate.evaluate_captions(
        home, "crossing set", [config.label], split="test", device="cpu", resamples=50
    )
    texts = load_texts(home, "crossing set")
    assert len(found.study_ids) == len(texts.rows("test", "report", "image")) - 3
    assert not {*found.groups} & {*texts.groups[texts.rows("train", "report", "image")]}
    again = caption_table.stored_table(home, "crossing set", [config.label], split="test", resamples=50)
    assert again is not None
    assert again.study_ids == found.study_ids


def test_captions_go_with_the_collection_whose_texts_they_hold(home: Workspace, tmp_path: Path) -> None:
    shutil.copytree(home.home, tmp_path / "copy")
    workspace = Workspace(tmp_path / "copy")
    evaluate.evaluate_captions(workspace, A, known(workspace), split="test", device="cpu", resamples=50)
    kept = workspace.home / "derived" / workspace.record(SET, A).id
    assert [*kept.glob("captions-*")]
    workspace.remove("collection", NAME)
    assert not [*kept.glob("captions-*")]


def test_without_other_patients_there_is_no_floor(home: Workspace) -> None:
    def alone(collection: storage.Collection) -> storage.Collection:
        test = collection.table[SPLIT] == "test"
        groups = collection.table[GROUP].where(~test, "one")
        return replace(collection, table=collection.table.assign(**{GROUP: groups}))

    variant(home, "one patient", alone)
    embed(home, "one patient", "demo-aligned", name="one patient set")
    config = replace(SMALL, set="one patient set", epochs=1)
    train(home, config, device="cpu")
    found = evaluate.evaluate_captions(
        home, "one patient set", [config.label], split="test", device="cpu", resamples=50
    )
    assert [*found.readings] == [CEILING, CROSSED, RETRIEVED, TWIN]
    assert not np.isfinite(found.readings[CROSSED].scores.metrics["cider"].low)


def test_a_pretrained_decoder_that_lacks_weights_is_refused(home: Workspace, tmp_path: Path) -> None:
    folder = decoder_folder(tmp_path / "gpt", {"a": 0})
    weights = load_file(folder / "model.safetensors")
    name = next(key for key in weights if "mlp" in key)
    save_file({k: v for k, v in weights.items() if k != name}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match="lack"):
        keeping.pretrained(str(folder))
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}{}{}{}")
    with pytest.raises(Refused, match="is not a causal decoder"):
        keeping.pretrained(str(folder))
