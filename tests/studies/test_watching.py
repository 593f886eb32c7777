"""What is seen of a study while it trains: warnings, and a report that is there before the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import environment, write_study

from in_process import papilio
from papilio.data.load import load_images
from papilio.errors import RunError
from papilio.execution import live_report
from papilio.execution.alarms import Alarms
from papilio.execution.live_report import LiveReport
from papilio.execution.spans import Span
from papilio.kinds.registry import KINDS
from papilio.kinds.warnings import autoencoder_warnings, game_warnings, spells_of, vae_warnings, warnings_of
from papilio.results.reading import read_results
from papilio.runs.folder import RunFolder
from papilio.runs.kept import append_batches, preview_file, read_batches, read_previews, write_preview
from papilio.runs.plan import RunPlan
from papilio.runs.run import load_run
from papilio.runs.train import RunJob, execute_runs
from papilio.settings.run_settings import RunSettings
from papilio.studies.study import load_study

VAE: dict[str, Any] = {
    "title": "Watched",
    "data": {"name": "digits", "fraction": 0.3},
    "model": {"family": "vae", "filters": [], "dense": [16], "latents": 2},
    "train": {"epochs": 6, "batch_size": 32, "objective_settings": {"beta": 10000.0}},
    "analysis": [],
}


def records(**metrics: list[float]) -> list[dict[str, Any]]:
    """Records of as many epochs as there are values."""
    num = len(next(iter(metrics.values())))
    return [{"epoch": at + 1} | {name: values[at] for name, values in metrics.items()} for at in range(num)]


GAN = VAE | {
    "model": {"family": "gan", "latents": 4, "units": [16]},
    "train": {"epochs": 5, "batch_size": 32, "betas": [0.5, 0.999]},
}


def plan(name: str = "a") -> RunPlan:
    settings = RunSettings.of({"data": {"name": "digits"}, "model": {"family": "vae"}, "train": {"epochs": 9}})
    return RunPlan(name, "only", name, 0, {}, settings, None)


def test_latents_that_tell_nothing_are_warned_of() -> None:
    assert vae_warnings(records(val_kl=[9.0, 0.01, 0.01])) == {}
    assert vae_warnings(records(val_kl=[0.01, 0.01])) == {}  # too early to tell
    found = vae_warnings(records(val_kl=[9.0, 0.02, 0.01, 0.0123]))
    assert found["latents"].startswith(
        "the posterior has collapsed: the latents carry no information about the image (KL 0.012 nats)"
    )
    assert "latents" in vae_warnings(records(val_kl=[1.0, 1.0, 1.0], val_active_units=[0.0, 0.0, 0.0]))
    assert "latents" in vae_warnings(records(train_kl=[0.0, 0.0, 0.0]))  # without validation images
    assert vae_warnings(records(val_loss=[1.0, 1.0, 1.0])) == {}
    assert warnings_of(KINDS["vae"]) is vae_warnings and warnings_of(KINDS["classify"]) is None


def test_an_autoencoder_that_gives_one_image_for_all_is_told_of() -> None:
    assert autoencoder_warnings(records(val_error=[0.11, 0.1118])) == {}  # too early to tell
    assert autoencoder_warnings(records(val_error=[0.05, 0.0499, 0.0498])) == {}
    stuck = autoencoder_warnings(records(val_error=[0.12, 0.11185, 0.11185, 0.11185]))["stuck"]
    assert "stays at 0.112" in stuck and "batch_norm" in stuck
    assert warnings_of(KINDS["autoencoder"]) is autoencoder_warnings


@pytest.mark.parametrize(
    ("metrics", "name", "words"),
    [
        (
            {"val_diversity": [0.9, 0.2, 0.1, 0.123]},
            "collapse",
            "nearly identical (12% of the distance between real ones)",
        ),
        (
            {
                "train_real_score": [0.5, 0.98, 0.99, 0.991, 0.993, 0.99],
                "train_fake_score": [0.5, *[0.02, 0.01] * 2, 0.004],
            },
            "outright",
            "the discriminator wins outright (it scores real images 0.99, generated images 0.00)",
        ),
        (
            {
                "train_real_output": [1.2, 1.4, 1.3, 1.4, 1.5],
                "train_fake_output": [-1.2, -1.4, -1.3, -1.4, -1.5],
                "train_discriminator_loss": [0.05, 0.04, 0.01, 0.01, 0.02],
            },
            "outright",
            "the discriminator wins outright (0.02 is left of its hinge loss)",
        ),
        ({"val_outside": [0.0, 0.034]}, "range", "3.4% of generated pixels lie outside the range of images"),
    ],
)
def test_what_goes_wrong_in_a_game_is_told(metrics: dict[str, list[float]], name: str, words: str) -> None:
    found = game_warnings(records(**metrics))
    assert list(found) == [name] and words in found[name]
    milder = {metric: [0.5 if metric != "val_outside" else 0.001] * 4 for metric in metrics}
    assert game_warnings(records(**milder)) == {}
    assert (
        game_warnings(
            records(
                **{metric: [*values, 0.5 if "outside" not in metric else 0.0] for metric, values in metrics.items()}
            )
        )
        == {}
    )


def test_a_collapse_is_told_of_for_as_long_as_it_lasts() -> None:
    """Images that were farther apart by a hundredth than three epochs before were taken for a generator that recovers."""
    collapsed = [0.0145, 0.0151, 0.0153, 0.0151, 0.0148, 0.0137, 0.0134, 0.0127, 0.0125, 0.0128]
    (spell,) = spells_of(game_warnings, records(val_diversity=collapsed))
    assert (spell.name, spell.first_epoch, spell.last_epoch) == ("collapse", 3, 10)
    (before,) = spells_of(game_warnings, records(val_diversity=[*collapsed, 0.05, 0.2, 0.6]))
    assert before.last_epoch == 10


def test_a_game_that_goes_well_is_not_warned_of_in_its_first_epochs() -> None:
    """As dcgan on MNIST began: the discriminator is nearly certain for two epochs, and the generator then catches up."""
    real, fake = [0.94, 0.985, 0.984, 0.982, 0.975, 0.95, 0.8], [0.06, 0.015, 0.016, 0.018, 0.025, 0.05, 0.2]
    even = [0.02, 0.05, 0.15, 0.4, 0.7, 0.8, 0.9]  # images are all gray at first
    heard = records(train_real_score=real, train_fake_score=fake, val_diversity=even)
    assert spells_of(game_warnings, heard) == []
    slow = records(train_real_score=[0.99, 0.99, 0.988, 0.986, 0.98], train_fake_score=[0.01, 0.01, 0.01, 0.012, 0.02])
    assert spells_of(game_warnings, slow) == []


def test_few_steps_are_too_few_for_a_warning() -> None:
    """A set of few images: images were farther apart epoch by epoch, by little, as epochs were short."""
    slow = [0.16, 0.162, 0.165, 0.169, 0.174, 0.181, 0.189]
    short = [record | {"step": 11 * record["epoch"]} for record in records(val_diversity=slow)]
    assert spells_of(game_warnings, short) == []
    long = [record | {"step": 110 * record["epoch"]} for record in records(val_diversity=[0.1] * 4)]
    assert [spell.first_epoch for spell in spells_of(game_warnings, long)] == [3]
    assert vae_warnings(records(val_kl=[0.01, 0.02, 0.05])) == {}, "it rises"
    assert vae_warnings(records(val_kl=[0.04, 0.15, 0.49], val_active_units=[0.0, 0.0, 0.0])) == {}, "it rises"


def test_a_critic_that_is_far_ahead_is_no_harm_under_the_wasserstein_loss() -> None:
    far = {"train_real_output": [30.0] * 6, "train_fake_output": [-30.0] * 6, "train_discriminator_loss": [-60.0] * 6}
    assert game_warnings(records(**far)) == {}
    level = {"train_real_output": [2.0] * 6, "train_fake_output": [2.0] * 6, "train_discriminator_loss": [0.001] * 6}
    assert game_warnings(records(**level)) == {}


def test_a_game_that_goes_well_is_not_warned_of() -> None:
    assert game_warnings(records(val_generator_loss=[0.7] * 4, val_discriminator_loss=[0.69] * 4)) == {}
    assert warnings_of(KINDS["gan"]) is game_warnings


def test_a_game_keeps_images_of_the_same_noise_and_every_batch(tmp_path: Path) -> None:
    done = papilio("run", write_study(tmp_path / "study.toml", GAN), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    (run,) = read_results(tmp_path / "out").runs
    epochs, images = read_previews(run.folder, (1, 8, 8), range(1, 9))
    assert epochs == [1, 2, 3, 4, 5] and images.shape == (5, 32, 1, 8, 8)
    assert np.array_equal(images[-1], load_run(run.folder).sample(32, seed=0))
    assert not np.array_equal(images[0], images[-1])
    batches = read_batches(run.folder, most_epochs=5)
    assert set(batches) == {"generator_loss", "discriminator_loss", "real_score", "fake_score"}
    steps = run.records[-1]["step"]
    for name, line in batches.items():
        assert line[:, 0].tolist() == list(range(1, steps + 1))
        last = line[-(steps // 5) :, 1]
        # the last batch of an epoch may be smaller, and counts less in the record
        assert last.mean() == pytest.approx(run.records[-1][f"train_{name}"], rel=0.05)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "How gan learns" in page and "Loss by batch" in page and "Images epoch by epoch" in page
    assert 'class="gallery wide"' in page and "data:image/webp" in page
    for name in ("losses", "batches", "scores", "diversity", "epochs"):
        assert (tmp_path / "out" / "figures" / f"1-watched-gan-{name}.svg").exists()
    assert (tmp_path / "out" / "figures" / "1-watched-gan-film.gif").exists()
    assert not list((tmp_path / "out" / "figures").glob("*val-generator-loss*"))  # the section has it


def test_real_images_stand_beside_generated_ones(tmp_path: Path) -> None:
    study = GAN | {"analysis": [{"kind": "samples", "num": 20, "nearest": 0, "real": True}]}
    done = papilio("run", write_study(tmp_path / "study.toml", study), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Left: 20 training images. Right: 20 new ones." in page
    assert "20 samples next to as many training images" in page


def test_the_study_of_brushed_kanji_says_that_they_stand_in() -> None:
    study = load_study("dcgan-kanji").settings
    assert study.title.endswith("(stand-in for Kuzushiji-Kanji)")
    assert "a stand-in rendered from a brush font" in " ".join((study.description or "").split())
    train, data = study.train, study.data
    assert (data.name, data.color, train["epochs"]) == ("brush-kanji", "rgb", 50)


def test_an_outright_win_is_warned_of_while_it_happens(tmp_path: Path) -> None:
    """A generator that cannot learn, against a discriminator that learns fast."""
    phases = {"generator": {"learning_rate": 1e-9}, "discriminator": {"learning_rate": 0.05}}
    study = GAN | {"train": {"epochs": 8, "batch_size": 8, "phases": phases}}
    done = papilio("run", write_study(tmp_path / "study.toml", study), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning: gan, seed 0, after epoch ")]
    assert sum("the discriminator wins outright" in line for line in warnings) == 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert "1 warning from training" in page and "the discriminator wins outright" in page


def test_what_is_kept_does_not_change_what_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = []
    tables = {"data": GAN["data"], "model": GAN["model"], "train": GAN["train"] | {"objective": "gan"}}
    game = RunPlan("run", "only", "gan", 0, {}, RunSettings.of(tables), None)
    for keeps in (KINDS["gan"].keeps, frozenset()):
        monkeypatch.setitem(KINDS, "gan", replace(KINDS["gan"], keeps=keeps))
        images = load_images("digits", fraction=0.3)
        folder = tmp_path / str(len(keeps))
        execute_runs([RunJob(folder, game, images)], threads=1, own={}, on_end=lambda name, facts: None)
        weights.append((folder / "weights.safetensors").read_bytes())
        assert (folder / "previews").exists() == bool(keeps)
    assert weights[0] == weights[1]


def test_batches_of_an_epoch_that_is_repeated_count_once(tmp_path: Path) -> None:
    for epoch, value in ((1, 1.0), (2, 2.0), (2, 2.123456), (3, 3.0)):
        append_batches(tmp_path, epoch=epoch, last_step=4 * epoch, batches={"loss": [value] * 4})
    with (tmp_path / "batches.jsonl").open("a") as file:
        file.write('{"epoch": 4, "first_st')
    line = read_batches(tmp_path, most_epochs=2)["loss"]
    assert line.tolist() == [[step, 1.0] for step in (1, 2, 3, 4)] + [[step, 2.1235] for step in (5, 6, 7, 8)]
    append_batches(tmp_path, epoch=4, last_step=16, batches={"loss": [4.0] * 4})
    assert read_batches(tmp_path, most_epochs=4)["loss"][-1].tolist() == [16, 4.0]
    assert read_batches(tmp_path / "nowhere", most_epochs=2) == {}


@pytest.mark.parametrize(
    "line",
    ["[]", "3", '{"epoch": "2", "first_step": 5}', '{"epoch": 2}', '{"epoch": 2, "first_step": 5, "loss": 3}',
     '{"epoch": 2, "first_step": 5, "loss": ["x"]}', '{"epoch": 2, "first_step": {}, "loss": []}', "[" * 5000],
)  # fmt: skip
def test_a_line_of_batches_with_wrong_values_is_left_out(line: str, tmp_path: Path) -> None:
    """A line without an epoch, or of another type, was a traceback in the report."""
    append_batches(tmp_path, epoch=1, last_step=2, batches={"loss": [1.0, float("nan")]})
    with (tmp_path / "batches.jsonl").open("a") as file:
        file.write(f"{line}\n")
    append_batches(tmp_path, epoch=3, last_step=6, batches={"loss": [3.0]})
    assert read_batches(tmp_path, most_epochs=9)["loss"][:, 0].tolist() == [1, 2, 6]


def test_a_folder_in_the_place_of_batches_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "batches.jsonl").mkdir()
    with pytest.raises(RunError, match=r"batches\.jsonl: cannot be read \(not a regular file\); remove it"):
        read_batches(tmp_path, most_epochs=9)


@pytest.mark.parametrize("shape", [(1, 6, 5), (3, 4, 7)])
def test_previews_come_back_as_they_were(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, *shape), dtype=np.uint8)
    for epoch, one in zip((1, 3), images, strict=True):
        write_preview(tmp_path, epoch, one)
    preview_file(tmp_path, 4).write_bytes(b"damaged")
    epochs, found = read_previews(tmp_path, shape, range(1, 6))
    assert epochs == [1, 3] and np.array_equal(found, images)
    assert read_previews(tmp_path, (1, 9, 9), [1])[0] == []  # of other images
    assert read_previews(tmp_path / "nowhere", shape, [1])[1].shape == (0, 32, *shape)


def test_a_warning_has_a_first_and_a_last_epoch() -> None:
    def warn(heard: Any) -> dict[str, str]:
        return {name: f"{name} {heard[-1][name]:g}" for name in ("low", "odd") if heard[-1][name]}

    spells = spells_of(warn, records(low=[0, 1, 2, 3, 0, 4], odd=[0, 0, 5, 0, 0, 0]))
    assert [spell.words(6) for spell in spells] == [
        "from epoch 2 to 4 low 3",
        "after epoch 3 odd 5",
        "since epoch 6 low 4",
    ]


def test_each_warning_is_given_once_and_goes_on_after_a_break(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path, lambda plan: vae_warnings)
    folder = RunFolder(tmp_path / "runs" / "a")
    folder.path.mkdir(parents=True)
    told = []
    for record in records(val_kl=[0.0, 0.0, 0.0, 0.0]):
        folder.append_record(record)
        told.append(len(alarms.hear(plan(), record)))
    assert told == [0, 0, 1, 0]
    # another command goes on with it: it knows what was recorded before, and warns again
    again = Alarms(tmp_path, lambda plan: vae_warnings)
    assert len(again.hear(plan(), {"epoch": 5, "val_kl": 0.0})) == 1
    again.forget(plan())
    assert again.hear(plan(), {"epoch": 4, "val_kl": 0.0}) == []
    assert Alarms(tmp_path, lambda plan: None).hear(plan(), {"epoch": 5, "val_kl": 0.0}) == []


def test_a_function_of_ones_own_that_fails_is_told_once(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path, lambda plan: lambda records: {"odd": records[-1]["nothing"]})
    assert alarms.hear(plan(), {"epoch": 1}) == ["the warning check of its kind failed (KeyError: 'nothing')"]
    assert alarms.hear(plan(), {"epoch": 2}) == []


def test_warnings_come_while_it_trains_and_stay_in_the_report(tmp_path: Path) -> None:
    done = papilio("run", write_study(tmp_path / "study.toml", VAE), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    (line,) = warnings
    assert line.startswith("warning: vae, seed 0, after epoch ") and "the latents carry no information" in line
    page = (tmp_path / "out" / "report.html").read_text()
    assert "1 warning from training" in page and "vae, seed 0: since epoch " in page
    assert 'http-equiv="refresh"' not in page


def test_the_report_is_there_while_it_trains(tmp_path: Path) -> None:
    """The real command, but for the wait before the first report."""
    slow = VAE | {"train": VAE["train"] | {"epochs": 100_000}}
    file = write_study(tmp_path / "study.toml", slow)
    code = (
        "import sys; from papilio.execution import live_report; live_report.SECONDS_TO_FIRST = 0.0;"
        f"sys.argv = ['papilio', 'run', {str(file)!r}, '--out', {str(tmp_path / 'out')!r}];"
        "from papilio.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    try:
        report = tmp_path / "out" / "report.html"
        wait_for(report.exists, process)
        page = report.read_text()
        assert '<meta http-equiv="refresh" content="60">' in page
        assert "Training continues; this page was written at" in page and "0 of 1 run are done; 1 running" in page
        assert (tmp_path / "out" / "figures" / "1-watched-val-loss.svg").exists()
        by_hand = papilio("report", tmp_path / "out")
        assert by_hand.returncode == 0, by_hand.stderr
    finally:
        process.send_signal(2)
        said, wrong = process.communicate(timeout=60)
    assert process.returncode == 130, wrong
    page = report.read_text()
    assert 'http-equiv="refresh"' not in page and "1 stopped" in page
    assert "could not be" not in said


def test_a_report_that_fails_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_report, "SECONDS_TO_FIRST", 0.0)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    live = LiveReport(tmp_path)
    assert live.look(has_news=False) is None and live.process is None
    assert live.look(has_news=True) is None and live.process is not None
    process = live.process
    process.wait(60)
    wrong = live.look(has_news=True)
    assert wrong is not None and wrong.startswith(f"{tmp_path}: not a study folder")
    assert live.look(has_news=True) is None and live.process is None


def test_a_report_that_has_much_to_say_comes_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waited for somebody to read its warnings until the study's end."""
    (tmp_path / "noisy.py").write_text(
        "import sys\nfor _ in range(3000): print('a warning of many letters' * 3, file=sys.stderr)\nsys.exit('and an error')\n"
    )
    monkeypatch.setattr(live_report, "SECONDS_TO_FIRST", 0.0)
    monkeypatch.setattr(live_report, "PROGRAM", "noisy")
    monkeypatch.syspath_prepend(tmp_path)
    live = LiveReport(tmp_path)
    live.look(has_news=True)
    assert live.process is not None
    live.process.wait(60)
    assert live.look(has_news=True) == "and an error"


def test_no_report_is_begun_where_the_last_one_is_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took a small study a fifth of its time, for a page that was replaced seconds later."""
    monkeypatch.setattr(live_report, "SECONDS_TO_FIRST", 0.0)
    live = LiveReport(tmp_path)
    assert live.look(has_news=True, left=Span(1.0, 119.0)) is None and live.process is None
    live.look(has_news=True, left=Span(1.0, 121.0))
    assert live.process is not None
    live.close()


def test_a_report_that_is_being_written_ends_with_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_report, "SECONDS_TO_FIRST", 0.0)
    live = LiveReport(tmp_path)
    live.look(has_news=True)
    process = live.process
    assert process is not None
    (tmp_path / "figures").mkdir()
    for half in (".report.html.abc.part", "figures/.loss.svg.abc.part"):
        (tmp_path / half).write_text("half of one")
    live.close()
    assert process.returncode is not None and live.process is None
    assert [path.name for path in tmp_path.rglob("*")] == ["figures"]
    live.close()


def wait_for(is_there: Any, process: subprocess.Popen[str], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_there():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.2)
