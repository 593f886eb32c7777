// A picture file, opened by the browser, scaled until it covers an image of a run, and cropped about its center.

const MOST_PIXELS = 2 ** 26;

export async function imageOfFile(bytes, [height, width, channels]) {
  let picture;
  try {
    picture = await createImageBitmap(new Blob([bytes]));
  } catch {
    throw new Error("The browser cannot read this file as a picture.");
  }
  if (picture.width * picture.height > MOST_PIXELS) throw new Error("The picture is too large for this page.");
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // transparent pictures lie on white
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  const scale = Math.max(width / picture.width, height / picture.height);
  const [across, down] = [picture.width * scale, picture.height * scale];
  context.drawImage(picture, (width - across) / 2, (height - down) / 2, across, down);
  const { data } = context.getImageData(0, 0, width, height);
  const image = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const [red, green, blue] = data.subarray(4 * i, 4 * i + 3);
    if (channels === 1) image[i] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    else image.set([red, green, blue], i * channels);
  }
  return image;
}
