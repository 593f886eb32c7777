"""Ten lines of Python that use an exported program, without Papilio."""

from __future__ import annotations

from papilio.exports.programs import Program
from papilio.runs.run import Run

HEAD = """\
import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession("{file}")
picture = ImageOps.exif_transpose(Image.open("picture.png"))
if picture.mode.startswith("I"):  # of more than 8 bits
    picture = Image.fromarray((np.asarray(picture).clip(0, {white}) * (255 / {white})).round().astype("uint8"))
if picture.has_transparency_data:  # on white
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
picture = ImageOps.fit(picture.convert("{mode}"), ({width}, {height}), Image.Resampling.LANCZOS)  # width, height
images = np.asarray(picture)[None]
"""
CLASSES = """\
names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
(probabilities,) = session.run(["probabilities"], {"images": images})
print(names[probabilities[0].argmax()], probabilities[0].max())
"""
VALUES = """\
(values,) = session.run(["values"], {"images": images})
print(values[0])
"""
TIMES = """\
(values,) = session.run(["values"], {"images": images})
minutes = round(float(values[0])) % 720
print(f"{minutes // 60 or 12:02d}:{minutes % 60:02d}")
"""
RECONSTRUCTIONS = """\
(reconstructions,) = session.run(["reconstructions"], {"images": images})
Image.fromarray((reconstructions[0] * 255).round().astype("uint8")).save("reconstruction.png")
"""
GENERATE = """\
import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession("{file}")
latents = {latents}
(images,) = session.run(["images"], {given})
Image.fromarray((images[0] * 255).round().astype("uint8")).save("image.png")
"""


def snippet(run: Run, program: Program) -> str:
    """Python source that uses the program's file, which lies in the working folder, and prints or writes what it gives."""
    outputs = [port.name for port in program.outputs]
    if outputs == ["images"]:
        return _generating(run, program)
    channel, height, width = run.image_shape
    white = 2 ** (run.facts.run_settings.data.bits or 16) - 1
    mode = "L" if channel == 1 else "RGB"
    head = HEAD.format(file=program.file, mode=mode, width=width, height=height, white=white)
    if "probabilities" in outputs:
        return f"import json\n\n{head}{CLASSES}"
    if "values" in outputs:
        return head + (TIMES if run.quantity is not None and run.quantity.is_time else VALUES)
    return head + RECONSTRUCTIONS


def _generating(run: Run, program: Program) -> str:
    is_drawn = "sample" in run.kind.offers
    how = (
        f"np.random.default_rng(0).standard_normal((1, {run.latents}))" if is_drawn else f"np.zeros((1, {run.latents}))"
    )
    has_classes = len(program.inputs) > 1
    given = '{"latents": latents, "classes": np.array([0])}' if has_classes else '{"latents": latents}'
    latents = f'{how}.astype("float32")' + ("" if is_drawn else "  # or those that model.onnx gives of pictures")
    return GENERATE.format(file=program.file, latents=latents, given=given)
