// How light the rim of an image is, by which a picture with light and dark swapped is told from those that a run knows.

const MOST_APART = 0.5; // of the whole range

/** The mean of the outermost pixels of an image (height, width, channels), in [0, 1]: as Python's rim_brightness has it. */
export function rimBrightness(image, [height, width, channels]) {
  let rows = 0, columns = 0;
  for (let c = 0; c < channels; c++) {
    for (let x = 0; x < width; x++) rows += image[x * channels + c] + image[((height - 1) * width + x) * channels + c];
    for (let y = 0; y < height; y++) columns += image[y * width * channels + c] + image[(y * width + width - 1) * channels + c];
  }
  return (rows / (2 * width * channels) + columns / (2 * height * channels)) / 510;
}

/** What is said of an image whose rim is as dark as others' is light, or ""; `usual` is null where it is not known. */
export function rimNote(image, shape, usual) {
  const here = rimBrightness(image, shape);
  if (usual == null || Math.abs(here - usual) < MOST_APART) return "";
  const [known, seen] = usual < here ? ["dark", "light"] : ["light", "dark"];
  return `this run was trained on images with a ${known} border, but this picture has a ${seen} one; swap light and dark in the file`;
}
