"""The page of `papilio explore` in a real browser: what a user does, and what is seen then."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from driving import KEPT, POINTER, at, drop, keep, pixels, settled
from mock_export import exported
from mock_server import Digits
from PIL import Image


def picture_file(digit: int = 3, *, inverted: bool = False) -> bytes:
    digits = Digits(0)
    image = digits.images[digits.labels == digit][7].reshape(28, 28).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(255 - image if inverted else image).resize((56, 56)).save(file, "PNG")
    return file.getvalue()


def test_the_decoder_follows_the_pointer_between_the_points_too(opened: Any, mock: Any) -> None:
    page = opened()
    page.mouse.move(*at(page, 0.5, 0.5))
    middle = settled(page, f"{POINTER} .frame canvas")
    page.mouse.move(*at(page, 0.03, 0.03))  # an empty corner
    corner = settled(page, f"{POINTER} .frame canvas", middle)
    assert "plane of PCA" in page.locator(POINTER).inner_text()
    # in the middle of the screen lies the middle of the map; what is seen is what the decoder makes of that place of the plane
    run = mock.state.runs[0]
    mean, first, second = run.plane()
    x, y = (run.map("pca").min(axis=0) + run.map("pca").max(axis=0)) / 2
    wanted = run.decode((mean + x * first + y * second)[None], None).reshape(-1).astype(int)
    assert np.abs(middle - wanted).max() <= 3
    assert np.abs(corner - wanted).max() > 50


def test_requests_that_follow_the_pointer_never_overlap_and_the_last_one_wins(opened: Any) -> None:
    page = opened()
    page.evaluate(
        """() => { const real = window.fetch; window.most = 0; let now = 0;
          window.fetch = async (url, options) => { if (!String(url).includes('decode')) return real(url, options);
            window.most = Math.max(window.most, ++now); await new Promise(r => setTimeout(r, 60));
            try { return await real(url, options) } finally { now-- } } }"""
    )
    for step in range(15):
        page.mouse.move(*at(page, 0.3 + 0.02 * step, 0.4))
    page.wait_for_timeout(600)
    last = pixels(page, f"{POINTER} .frame canvas")
    assert page.evaluate("window.most") == 1
    page.mouse.move(*at(page, 0.2, 0.2))
    settled(page, f"{POINTER} .frame canvas", last)
    page.mouse.move(*at(page, 0.3 + 0.02 * 14, 0.4))
    page.wait_for_timeout(600)
    assert (pixels(page, f"{POINTER} .frame canvas") == last).all()


def test_a_click_keeps_a_picture_and_tells_what_is_known_of_it(opened: Any) -> None:
    page = opened()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    keep(page)
    panel = page.locator("#panel")
    panel.get_by_text("What the classifier mnist-features sees").wait_for()
    assert panel.locator(".bars li").count() == 3
    assert panel.get_by_role("list", name="Nearest images").locator("li").count() == 8
    distances = [
        float(text.split("\n")[-1])
        for text in panel.get_by_role("list", name="Nearest images").locator("small").all_inner_texts()
    ]
    assert distances == sorted(distances)
    page.get_by_role("button", name="Copy the latent").click()
    panel.get_by_text("Copied").wait_for()
    assert len(page.evaluate("navigator.clipboard.readText().then(JSON.parse)")) == 10
    page.locator("#map .kept-mark").wait_for()


def test_sliders_and_strips_change_the_kept_picture_and_move_it_on_the_map(opened: Any) -> None:
    page = opened()
    keep(page)
    before = pixels(page, f"{KEPT} .frame canvas")
    mark = page.locator("#map .kept-mark circle").first
    was = mark.get_attribute("cx")
    page.get_by_role("tab", name="Coordinates").click()
    page.get_by_role("slider", name="Coordinate 2, slant").fill("2.5")
    changed = settled(page, f"{KEPT} .frame canvas", before)
    assert mark.get_attribute("cx") != was
    strip = page.locator(".strip").nth(1)
    settled(page, ".strip canvas")
    box = strip.bounding_box()
    page.mouse.move(box["x"] + 0.5 / 7 * box["width"], box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 6.5 / 7 * box["width"], box["y"] + 10, steps=3)
    page.mouse.up()
    assert page.get_by_role("slider", name="Coordinate 3").input_value() == "3"
    settled(page, f"{KEPT} .frame canvas", changed)
    page.get_by_role("button", name="Undo the sliders").click()
    page.wait_for_timeout(300)
    assert (pixels(page, f"{KEPT} .frame canvas") == before).all()


def test_the_same_of_another_class(opened: Any) -> None:
    page = opened()
    keep(page)
    before = pixels(page, f"{KEPT} .frame canvas")
    own = page.locator('.thumb[aria-current="true"]').first
    own.wait_for()
    other = "0" if own.inner_text().strip() != "0" else "1"
    page.get_by_role("button", name=f"The kept picture as class {other}").click()
    settled(page, f"{KEPT} .frame canvas", before)
    assert "difference of the classes' mean latents" in page.locator("#panel").inner_text()
    page.locator("#run").select_option("1")
    page.get_by_text("decoder is conditioned on the class").wait_for()


def test_a_lasso_selects_counts_and_shows_pictures(opened: Any) -> None:
    page = opened()
    page.get_by_role("button", name="Lasso").click()
    page.mouse.move(*at(page, 0.3, 0.3))
    page.mouse.down()
    for across, down in [(0.6, 0.3), (0.6, 0.6), (0.3, 0.6), (0.3, 0.32)]:
        page.mouse.move(*at(page, across, down), steps=4)
    page.mouse.up()
    panel = page.locator("#panel")
    panel.get_by_text("images inside of the lasso").wait_for()
    num = int(panel.locator("p b").first.inner_text().replace(",", ""))
    counts = [int(text.replace(",", "")) for text in panel.locator(".bars .figure").all_inner_texts()]
    assert 0 < num < 3000 and sum(counts) == num
    panel.locator(".thumb").first.click()
    settled(page, f"{KEPT} .frame canvas")
    page.get_by_role("button", name="Clear the selection").click()
    assert page.get_by_role("tab", name="Selection").count() == 0


def test_search_finds_a_class_a_number_and_a_file(opened: Any) -> None:
    page = opened()
    box = page.get_by_role("combobox", name="Find class")
    box.fill("7")
    page.get_by_role("option", name="class 7", exact=True).wait_for()
    box.press("Enter")
    page.get_by_text("images of class 7").wait_for()
    box.fill("image 123")
    page.get_by_role("option", name="image 123, class").click()
    page.locator(KEPT).get_by_text("image 123", exact=True).wait_for()
    page.locator("#panel dl").get_by_text("reconstruction error").wait_for()
    box.fill("scan")
    page.get_by_role("option", name="scan.png").click()
    page.locator(KEPT).get_by_text("scan.png").first.wait_for()
    box.fill("zebra")
    page.get_by_text("Nothing is called").wait_for()


def test_maps_colors_legend_and_how_far_they_can_be_trusted(opened: Any) -> None:
    page = opened()
    trust = page.locator(".trust")
    assert re.search(r"right class for 47% .* 93%", trust.inner_text())
    picture = page.locator("#map canvas.points")
    before = picture.screenshot()
    page.get_by_role("group", name="Colors: class").get_by_role("button", name="3", exact=True).click()
    page.wait_for_timeout(100)
    muted = picture.screenshot()
    assert muted != before
    page.get_by_role("button", name="Only 4").focus()
    page.keyboard.press("Enter")
    assert page.locator(".legend .muted").count() == 9
    page.get_by_role("button", name="Show all").click()
    page.locator("#color").select_option("kl")
    page.locator(".legend .scale").wait_for()
    page.locator("#method").select_option("tsne")
    page.get_by_text("Computing t-SNE of 3,000 points").wait_for()
    page.get_by_text("because this map cannot be inverted").wait_for()
    page.locator("#map .marks").wait_for(state="attached")
    page.mouse.move(*at(page, 0.5, 0.5))
    settled(page, f"{POINTER} .frame canvas")
    assert "mean of the 4 nearest" in page.locator(POINTER).inner_text()
    page.locator("#method").select_option("axes")
    page.locator("#axis-x").select_option("5")
    page.mouse.move(*at(page, 0.5, 0.4))
    page.get_by_text("the rest at the mean").wait_for()


def test_zoomed_in_the_map_shows_images_and_a_click_on_one_keeps_it(opened: Any) -> None:
    page = opened()
    page.mouse.move(*at(page, 0.5, 0.5))
    for _ in range(9):
        page.mouse.wheel(0, -250)
    drawn = "() => document.querySelector('.thumbnails').getContext('2d').getImageData(0, 0, 700, 500).data.some(v => v > 0)"
    page.wait_for_function(drawn)
    page.get_by_role("button", name="Show the whole map").click()
    page.wait_for_function(drawn.replace("() => ", "() => !"))


def test_morph_plays_and_is_saved_in_three_formats(opened: Any, tmp_path: Path) -> None:
    page = opened()
    keep(page, 0.4, 0.4)
    page.get_by_role("button", name="Morph: use as A").click()
    keep(page, 0.6, 0.55)
    page.get_by_role("button", name="Morph: use as B").click()
    page.locator("#map polyline.way").wait_for()
    page.get_by_role("tab", name="Morph").click()
    start = settled(page, ".middle canvas")
    page.locator("#share").fill("1")
    settled(page, ".middle canvas", start)
    page.get_by_role("combobox", name="The way from A to B").select_option("spherical")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => Number(document.getElementById('share').value) < 1")
    page.get_by_role("button", name="Stop").click()
    for kind, frames in [("GIF", 64), ("WebP", 64), ("PNG strip", 1)]:
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save {kind}").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        with Image.open(path) as saved:
            assert getattr(saved, "n_frames", 1) == frames
            height = saved.size[1]
            assert height == 168 and saved.size[0] == (168 if frames > 1 else 9 * 168 + 8 * 12)


def test_a_dropped_picture_is_encoded_kept_and_shown_on_the_map(opened: Any) -> None:
    page = opened()
    drop(page, ("mine.png", picture_file(inverted=True)))
    page.locator(KEPT).get_by_text("mine.png").wait_for()
    assert "inverted: light background" in page.locator(KEPT).inner_text()
    page.locator("#panel").get_by_text("Inverted: light background").wait_for()  # whole: the line above may be cut off
    page.locator("#map .kept-mark").wait_for()
    page.get_by_label("Picture files").set_input_files(
        [{"name": "opened.png", "mimeType": "image/png", "buffer": picture_file(4)}]
    )
    page.locator(KEPT).get_by_text("opened.png").wait_for()
    drop(page, ("a.png", picture_file(3)), ("b.png", picture_file(5)))
    page.locator(".end-picture").get_by_text("b.png").wait_for()
    drop(page, *((f"{number}.png", picture_file(number)) for number in (3, 5, 6)))
    page.get_by_role("alert").get_by_text("Two pictures at a time: 1 was left out").wait_for()
    drop(page, ("notes.txt", b"no picture"))
    page.get_by_role("alert").get_by_text("notes.txt: The file is not a picture").wait_for()
    page.locator("#run").select_option("2")
    page.locator("#map .marks").wait_for(state="attached")
    drop(page, ("mine.png", picture_file()))
    page.get_by_role("alert").get_by_text("has no encoder").wait_for()


def test_runs_next_to_each_other_by_picture_and_by_sliders(opened: Any) -> None:
    page = opened()
    keep(page)
    page.get_by_role("tab", name="Runs").click()
    page.get_by_text("no encoder").wait_for()  # the GAN
    first = settled(page, ".runs canvas")
    page.get_by_role("button", name="Same sliders").click()
    page.get_by_role("slider", name="Coordinate 0 of every run").fill("3")
    settled(page, ".runs canvas", first)
    assert page.locator(".runs canvas").count() == 3


def test_the_same_sliders_keep_the_coordinates_that_have_none(opened: Any) -> None:
    page = opened()
    page.locator("#run").select_option("2")  # 14 latents, and ten sliders
    page.locator("#map .marks").wait_for(state="attached")
    page.get_by_role("combobox", name="Find").fill("sample 5")
    page.get_by_role("option", name="sample 5", exact=True).click()
    kept = settled(page, f"{KEPT} .frame canvas")
    page.get_by_role("tab", name="Runs").click()
    page.get_by_role("button", name="Same sliders").click()
    page.get_by_text("14 latents, on the map").wait_for()
    card = ".runs li:nth-of-type(3) canvas"
    settled(page, card)
    assert np.abs(pixels(page, card) - kept).max() <= 1
    page.get_by_role("button", name="All to the mean").click()
    settled(page, card, kept)
    page.get_by_text("14 latents, on the map, all at the mean").wait_for()


def test_a_classifier_has_maps_of_layers_and_its_confident_mistakes(opened: Any) -> None:
    page = opened()
    keep(page)
    page.locator("#run").select_option("3")
    page.locator("#space").select_option("dense_2")
    page.get_by_role("tab", name="Mistakes").click()
    page.get_by_text("The most confident mistakes come first").wait_for()
    shares = [float(text.split("\n")[-1].strip(">%")) for text in page.locator("#panel .thumb small").all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and len(shares) == 48
    page.get_by_role("button", name="Mark them on the map").click()
    page.get_by_role("group", name="Colors: right or wrong").wait_for()
    page.locator("#panel .thumb").first.click()
    page.get_by_role("tab", name="Kept").click()
    page.get_by_text("That is wrong: it is").wait_for()
    page.mouse.move(*at(page, 0.4, 0.4))
    page.locator(POINTER).get_by_text("the nearest image").wait_for()
    drop(page, ("mine.png", picture_file()))
    page.locator(KEPT).get_by_text("mine.png").wait_for()
    page.locator("#map .kept-mark").wait_for()  # by its neighbors in this layer


SLOWLY = """ms => { const real = window.fetch;
  window.fetch = async (url, options) => {
    const [, wait] = Object.entries(ms).find(([name]) => String(url).includes(name)) ?? ["", 0];
    await new Promise(resolve => setTimeout(resolve, wait)); return real(url, options); } }"""


def test_a_map_that_is_chosen_while_an_image_is_on_its_way_disturbs_nothing(opened: Any) -> None:
    page = opened()
    page.locator("#run").select_option("3")
    page.get_by_role("tab", name="Mistakes").click()
    page.locator("#panel .thumb").nth(40).wait_for()
    page.evaluate(SLOWLY, {"/images": 300, "/maps": 1500})
    page.get_by_role("combobox", name="Find").fill("image 2017")
    page.get_by_role("option", name="image 2,017").click()
    page.locator("#space").select_option("dense_2")
    page.locator(KEPT).get_by_text("image 2,017").wait_for()
    page.locator("#map .kept-mark").wait_for()


def test_a_picture_that_is_waited_for_is_said_to_be_loaded(opened: Any) -> None:
    page = opened()
    page.evaluate(SLOWLY, {"/decode": 1500, "/images": 1500})
    page.mouse.move(*at(page, 0.5, 0.5))
    page.locator(POINTER).get_by_text("Loading the picture").wait_for()
    settled(page, f"{POINTER} .frame canvas")
    page.get_by_role("combobox", name="Find").fill("image 2017")
    page.get_by_role("option", name="image 2,017").click()
    page.locator(KEPT).get_by_text("Loading the picture").wait_for()
    page.locator(KEPT).get_by_text("image 2,017").wait_for()


def test_a_reader_of_clocks_says_times(opened: Any) -> None:
    page = opened()
    page.locator("#run").select_option("5")
    page.locator("#map .marks").wait_for(state="attached")
    page.locator(".legend").get_by_text("value, once around the circle").wait_for()
    assert page.locator(".legend").inner_text().count("12:00") == 2
    box = page.get_by_role("combobox", name="Find")
    box.fill("image 77")
    page.get_by_role("option", name="image 77").click()
    page.locator(KEPT).get_by_text(re.compile(r"shows \d\d:00, ")).wait_for()
    page.locator("#panel").get_by_text(re.compile(r"Read as \d\d:00\. It shows \d\d:00\.")).wait_for()
    drop(page, ("mine.png", picture_file()))
    page.locator("#panel").get_by_text("Read as 05:33, with a confidence of 75%.").wait_for()
    page.get_by_role("tab", name="Mistakes").click()
    page.get_by_role("heading", name="Value → reading, error (min)").wait_for()
    page.get_by_role("button", name="Color the map by the error").click()
    page.locator(".legend").get_by_text("error; 1% of the values").wait_for()
    assert re.match(r"\d\d:00\u202f→\u202f\d\d:00", page.locator("#panel .thumb b").first.inner_text())


def test_samples_of_a_generator_have_a_plane_and_otherwise_the_nearest_sample(opened: Any) -> None:
    page = opened()
    page.locator("#run").select_option("2")
    page.locator("#map .marks").wait_for(state="attached")
    page.mouse.move(*at(page, 0.4, 0.4))
    page.locator(POINTER).get_by_text("decoded on the plane of PCA").wait_for()
    page.locator("#method").select_option("tsne")
    page.get_by_text("The pointer shows the nearest sample.").wait_for()
    page.locator("#map .marks").wait_for(state="attached")
    page.mouse.move(*at(page, 0.5, 0.4))
    page.locator(POINTER).get_by_text("the nearest sample").wait_for()
    page.mouse.click(*at(page, 0.5, 0.4))
    page.locator("#panel").get_by_text("Nearest samples").wait_for()


def test_the_kept_image_stays_when_another_run_is_chosen(opened: Any) -> None:
    page = opened()
    page.get_by_role("combobox", name="Find class").fill("image 77")
    page.get_by_role("option", name="image 77,").click()
    page.locator(KEPT).get_by_text("image 77", exact=True).wait_for()
    page.locator("#run").select_option("4")
    page.locator("#panel").get_by_text("12 numbers").wait_for()
    assert "image 77" in page.locator(KEPT).inner_text()
    assert page.get_by_role("tab", name="Coordinates").count() == 0  # nothing is decoded


def test_everything_can_be_done_with_the_keyboard(opened: Any) -> None:
    page = opened()
    reached, unseen = set(), []
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
              return {name: e.id || e.getAttribute('aria-label') || e.textContent.trim(),
                isSeen: s.outlineStyle !== 'none' && s.outlineWidth !== '0px'} }"""
        )
        if found["name"] in reached:
            break
        reached.add(found["name"])
        if not found["isSeen"]:
            unseen.append(found["name"])
        if found["name"] == "map":
            ring = page.evaluate("getComputedStyle(document.activeElement, '::after').borderTopWidth")
            assert ring == "2px"  # above the canvas, which covers the outline
            break
    assert {"run", "search", "Switch to dark", "method", "color", "Lasso", "map"} <= reached
    assert unseen == []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    before = settled(page, f"{POINTER} .frame canvas")
    page.keyboard.press("Shift+ArrowLeft")
    settled(page, f"{POINTER} .frame canvas", before)
    page.keyboard.press("Enter")
    settled(page, f"{KEPT} .frame canvas")
    scale = page.locator("#map .crosshair path").first.get_attribute("d")
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert scale
    page.get_by_role("tab", name="Kept").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-coordinates"
    kept = pixels(page, f"{KEPT} .frame canvas")
    page.get_by_role("slider", name="Coordinate 2, slant").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    settled(page, f"{KEPT} .frame canvas", kept)


def test_a_phone_shows_map_and_pictures_at_once_and_nothing_is_cut_off(opened: Any) -> None:
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for entry in page.locator(".legend .entry").all():
        box = entry.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, entry.inner_text()
    x, y = at(page, 0.5, 0.5)
    page.touchscreen.tap(x, y)
    settled(page, f"{KEPT} .frame canvas")
    for selector in ("#map", f"{POINTER} .frame", f"{KEPT} .frame"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] + box["height"] <= 844, selector
    for name in ("Coordinates", "Morph", "Runs"):
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


def test_runs_are_listed_by_stage_where_there_are_several(opened: Any, mock: Any) -> None:
    page = opened()
    choice = page.locator("#run")
    assert choice.locator("optgroup").count() == 0 and choice.locator("option").count() > 1
    stage = mock.state.runs[1].facts["stage"]
    mock.state.runs[1].facts["stage"] = "fine-tuned"
    try:
        page = opened()
        groups = page.locator("#run optgroup")
        assert [group.get_attribute("label") for group in groups.all()] == [stage, "fine-tuned"]
        assert groups.nth(1).locator("option").count() == 1
        page.locator("#run").select_option("1")
        settled(page, "#map canvas")
    finally:
        mock.state.runs[1].facts["stage"] = stage


def test_long_names_of_runs_and_classes_push_nothing_aside(opened: Any) -> None:
    page = opened()
    keep(page)
    page.locator("#panel .bars li").nth(2).wait_for()
    page.evaluate(
        """() => { document.querySelector('#run option').textContent = 'a long name of a run '.repeat(6);
          document.querySelector('#panel .bars li span').textContent = 'African giant swallowtail'; }"""
    )
    run, search = (page.locator(one).bounding_box() for one in ("#run", "#search"))
    assert run["x"] + run["width"] <= search["x"]
    starts = {round(one.bounding_box()["x"]) for one in page.locator("#panel .bars .bar").all()}
    assert len(starts) == 1


def test_light_and_dark_as_the_system_says_or_the_switch(opened: Any) -> None:
    page = opened(color_scheme="dark")
    color = "getComputedStyle(document.body).backgroundColor"
    corner = "document.querySelector('canvas.points').getContext('2d').getImageData(2, 2, 1, 1).data[0]"
    assert page.evaluate(color) == "rgb(21, 23, 28)" and page.evaluate(corner) == 21
    page.get_by_role("button", name="Switch to light").click()
    page.wait_for_function(f"{corner} === 255")
    assert page.evaluate(color) == "rgb(255, 255, 255)"
    page.reload()
    page.get_by_role("button", name="Switch to dark").wait_for()  # remembered


def test_errors_of_the_server_are_lines_where_they_happened(opened: Any, mock: Any) -> None:
    page = opened()
    keep(page)
    mock.state.fail["runs/0/decode"] = "The latents are not all finite numbers."
    page.mouse.move(*at(page, 0.2, 0.3))
    page.locator('.notice[data-place="pointer"]').get_by_text("The latents are not all finite numbers.").wait_for()
    mock.state.fail.clear()
    page.mouse.move(*at(page, 0.5, 0.3))
    page.locator('.notice[data-place="pointer"]').wait_for(state="detached")
    mock.state.fail["maps/latents/tsne"] = "t-SNE needs more memory."
    page.locator("#method").select_option("tsne")
    page.locator(".map-state").get_by_text("t-SNE needs more memory.").wait_for()
    mock.state.fail.clear()
    page.get_by_role("button", name="Try again").click()
    page.locator("#map .marks").wait_for(state="attached")
    page.context.set_offline(True)
    page.mouse.move(*at(page, 0.4, 0.5))
    page.get_by_text("The server does not answer. Is papilio explore still running?").first.wait_for()


def test_a_run_that_cannot_be_loaded_can_be_tried_again(opened: Any, mock: Any) -> None:
    """The map was said to be loading for good."""
    page = opened()
    mock.state.fail["runs/1/arrays/latents"] = "There is no memory left."
    page.locator("#run").select_option("1")
    page.locator(".map-state").get_by_text("There is no memory left.").wait_for()
    mock.state.fail.clear()
    page.get_by_role("button", name="Try again").click()
    page.locator("#map .marks").wait_for(state="attached")


def test_a_picture_that_comes_late_does_not_replace_a_newer_one(opened: Any) -> None:
    page = opened()
    page.evaluate(
        """() => { const real = window.fetch; window.isLate = false;
        window.fetch = async (url, options) => {
          const isFirst = String(url).endsWith("images?indices=123");
          if (isFirst) await new Promise(resolve => setTimeout(resolve, 1500));
          const answer = await real(url, options);
          if (isFirst) setTimeout(() => { window.isLate = true; }, 300);
          return answer; } }"""
    )
    for name in ("image 123", "image 456"):
        page.get_by_role("combobox", name="Find class").fill(name)
        page.get_by_role("option", name=f"{name}, class").click()
    page.locator(KEPT).get_by_text("image 456", exact=True).wait_for()
    page.wait_for_function("window.isLate")
    assert "image 456" in page.locator(KEPT).inner_text()


def test_an_exported_page_works_from_a_file_without_a_network(opened: Any, tmp_path: Path, mock: Any) -> None:
    file = tmp_path / "page.html"
    file.write_text(exported(400, has_nets=True), encoding="utf-8")
    page = opened(file.as_uri(), offline=True)
    keep(page, 0.42, 0.42)
    page.locator("#panel .bars li").first.wait_for()  # the judge runs in the page, too
    latent = [float(text.replace("−", "-")) for text in page.locator(".numbers span").all_inner_texts()]
    wanted = mock.state.runs[0].decode(np.array([latent], np.float32), None).reshape(-1).astype(int)
    assert np.abs(pixels(page, f"{KEPT} .frame canvas") - wanted).max() <= 6  # the numbers have two digits
    drop(page, ("mine.png", picture_file(5)))
    page.locator(KEPT).get_by_text("mine.png").wait_for()
    page.locator("#run").select_option("1")
    page.get_by_role("button", name="Encode it with this run").click()
    page.get_by_text("decoder is conditioned on the class").wait_for()
    page.get_by_role("tab", name="Runs").click()
    settled(page, ".runs canvas")


def test_an_exported_page_without_nets_shows_a_grid_of_decoded_pictures(opened: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(exported(400, has_nets=False), encoding="utf-8")
    page = opened(file.as_uri(), offline=True)
    page.mouse.move(*at(page, 0.1, 0.1))
    settled(page, f"{POINTER} .frame canvas")
    assert "nearest of a grid" in page.locator(POINTER).inner_text()
    assert page.get_by_role("tab", name="Coordinates").count() == 0
    page.locator("#run").select_option("1")
    page.locator("#map .marks").wait_for(state="attached")
    page.mouse.move(*at(page, 0.4, 0.4))
    page.locator(POINTER).get_by_text("the nearest image").wait_for()
