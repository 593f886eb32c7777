"""New images after training, by the command as a user types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import write_study

from in_process import papilio
from papilio.data.load import load_images
from papilio.data.pictures import contact_sheet
from papilio.errors import DataError, RunError
from papilio.results.reading import read_results
from papilio.runs.run import load_run

pytestmark = pytest.mark.usefixtures("no_reports")

FAMILIES = {
    "vae": {"family": "vae", "filters": [], "dense": [16], "latents": 2},
    "gan": {"family": "gan", "latents": 3, "units": [16]},
    "classify": {"family": "mlp", "units": [16]},
    "autoencoder": {"family": "autoencoder", "filters": [], "dense": [16], "latents": 2},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a run of each kind."""
    folder = tmp_path_factory.mktemp("sampling")
    study = {
        "title": "Several kinds",
        "data": {"name": "digits", "fraction": 0.2},
        "model": FAMILIES["vae"],
        "train": {"epochs": 1, "batch_size": 32},
        "stage": [{"name": name, "model": model} for name, model in FAMILIES.items()],
        "analysis": [],
    }
    done = papilio("run", write_study(folder / "study.toml", study), "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return {run.stage: run.folder for run in read_results(folder / "out").runs}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_layers_of_several_nets_are_reached_by_their_names(runs: dict[str, Path]) -> None:
    run = load_run(runs["gan"])
    pictures, _ = load_images("digits", fraction=0.2).split("test")
    latents = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    nets: dict[str, list[str]] = {}
    for row in run.facts.layer_rows:
        given = latents if row.name.startswith("generator.") else pictures[:4]
        assert run.layer(row.name, given).shape == (4, *row.output_shape)
        nets.setdefault(row.name.partition(".")[0], []).append(row.name)
    assert {net: len(rows) > 3 for net, rows in nets.items()} == {"generator": True, "discriminator": True}
    with pytest.raises(RunError, match="'conv_1' is not a layer of its nets, generator, discriminator; allowed are"):
        run.layer("conv_1", pictures[:4])
    with pytest.raises(DataError, match=r"got latents \(4, 2\); generator takes \(num, 3\)"):
        run.layer(nets["generator"][0], latents[:, :2])


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_a_run_that_generates_goes_on_generating(runs: dict[str, Path], tmp_path: Path, kind: str) -> None:
    images = load_run(runs[kind]).sample(7, seed=3)
    done = papilio("sample", runs[kind], "--num", "7", "--seed", "3", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "samples.png: 7 images, seed 3\n"
    # three columns of images of 8x8, enlarged eightfold
    sheet = pixels(tmp_path / "samples.png")
    assert sheet.shape == (3 * 66 + 2, 3 * 66 + 2)
    assert np.array_equal(sheet[2:66:8, 2:66:8], images[0, 0])
    assert np.array_equal(sheet[2 + 132 : 66 + 132 : 8, 2:66:8], images[6, 0])
    assert np.all(sheet[134:, 68:] == 255)
    arrays = papilio("sample", runs[kind], "--num", "7", "--seed", "3", "--out", tmp_path / "new.npy")
    assert arrays.stdout == f"{tmp_path / 'new.npy'}: 7 images, seed 3\n"
    assert np.array_equal(np.load(tmp_path / "new.npy"), images[:, 0])
    assert load_images(tmp_path / "new.npy").image_shape == (1, 8, 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.npy", "samples.png"]


def test_single_images_lie_beside_the_sheet(runs: dict[str, Path], tmp_path: Path) -> None:
    images = load_run(runs["vae"]).sample(12, seed=0)
    done = papilio("sample", runs["vae"], "--num", "12", "--separate", "--out", tmp_path / "here")
    assert done.stdout.splitlines()[1] == f"separate files: {tmp_path / 'here' / 'samples-01.png'} to samples-12.png"
    assert len(list((tmp_path / "here").iterdir())) == 13
    for number, image in enumerate(images, start=1):
        assert np.array_equal(pixels(tmp_path / "here" / f"samples-{number:02}.png"), image[0])


def test_files_that_are_there_stay_unless_asked(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "digits-2.png").write_text("mine")
    for options in ([], ["--num", "5"]):
        done = papilio("sample", runs["vae"], "--separate", "--num", "3", "--out", tmp_path / "digits.png", *options)
        assert done.returncode == 2
        assert done.stderr.strip() == (
            f"papilio: {tmp_path / 'digits-2.png'}: already exists; choose another --out, or --fresh to replace it"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["digits-2.png"]
    done = papilio("sample", runs["vae"], "--separate", "--num", "3", "--out", tmp_path / "digits.png", "--fresh")
    assert done.returncode == 0 and pixels(tmp_path / "digits-2.png").shape == (8, 8)


def test_a_sheet_has_room_for_so_many_an_array_for_all(runs: dict[str, Path], tmp_path: Path) -> None:
    done = papilio("sample", runs["vae"], "--num", "1025", "--separate", "--out", tmp_path / "many.png")
    assert done.stdout.splitlines()[0] == f"{tmp_path / 'many.png'}: the first 1,024 of 1,025 images, seed 0"
    assert pixels(tmp_path / "many.png").shape == (32 * 66 + 2, 32 * 66 + 2)
    told: list[tuple[int, int, str]] = []
    images = load_run(runs["vae"]).sample(1500, progress=lambda *progress: told.append(progress))
    assert told == [(num, 1500, "generating images") for num in (500, 1000, 1500)]
    assert np.array_equal(images[:40], load_run(runs["vae"]).sample(40))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("classify", [], "its kind, classify, cannot generate images; these kinds can: vae, gan"),
        ("autoencoder", [], "its kind, autoencoder, cannot generate images; these kinds can: vae, gan"),
        ("vae", ["--num", "0"], "--num: must be from 1 to 1,000,000, not 0"),
        ("vae", ["--num", "1000000000000"], "--num: must be from 1 to 1,000,000, not 1,000,000,000,000"),
        (
            "vae",
            ["--num", "1025", "--out", "new.png"],
            "--num: a contact sheet shows at most 1,024 images, not 1,025; for all of them choose an --out that ends in .npy,"
            " or --separate",
        ),
        ("vae", ["--seed", "-1"], "--seed: must be 0 or more, not -1"),
        (
            "vae",
            ["--out", "new.jpg"],
            "new.jpg: images are written as .png or .npy; use one of these suffixes, or give a folder",
        ),
        (
            "vae",
            ["--out", "new.npy", "--separate"],
            "new.npy: a .npy file holds all images; leave out --separate",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    runs: dict[str, Path], tmp_path: Path, kind: str, options: list[str], message: str
) -> None:
    done = papilio("sample", runs[kind], *options, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_run_is_one_line(tmp_path: Path) -> None:
    done = papilio("sample", tmp_path / "nowhere", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"papilio: {tmp_path / 'nowhere'}: ")


def test_colors_and_any_number_fit_a_sheet() -> None:
    images = np.random.default_rng(0).integers(0, 200, (5, 3, 40, 30), dtype=np.uint8)
    sheet = contact_sheet(images, columns=2)
    assert sheet.shape == (3, 3 * 42 + 2, 2 * 32 + 2)
    assert np.array_equal(sheet[:, 44:84, 34:64], images[3])
    assert np.all(sheet[:, 86:, 34:] == 255)
