// A small picture with words under it, which keeps the image when it is clicked.

import { useEffect, useState } from "preact/hooks";
import { imagesOf } from "../store/images.js";
import { keepPoint } from "../store/kept.js";
import { attempt } from "../store/notices.js";
import { pointPlace } from "../store/places.js";
import { isInView, layout, show } from "../store/map.js";
import { data, pointWords } from "../store/run.js";
import { Notice } from "./Notice.jsx";
import { Picture } from "./Picture.jsx";

/** Images of some points, once they are there: an array with holes until then. */
export function useImages(one, indices) {
  const [found, setFound] = useState({ key: "", images: [] });
  const key = `${one.id}/${indices.join(",")}`;
  useEffect(() => {
    let isWanted = true;
    attempt("images", () => imagesOf(one, indices)).then((images) => isWanted && images && setFound({ key, images }));
    return () => (isWanted = false);
  }, [key]);
  return found.key === key ? found.images : [];
}

export async function keepAndShow(index) {
  await keepPoint(index);
  if (layout.value.state !== "ready") return; // another map was chosen in between
  const place = pointPlace(index);
  if (!isInView(place)) show(place);
}

export function Thumbs({ indices, words, box = 48, title }) {
  const arrays = data.value;
  const images = useImages(arrays.run, indices);
  return (
    <>
      <Notice place="images" />
    <ul class="thumbs" aria-label={title}>
      {indices.map((index, n) => (
        <li key={index}>
          <button type="button" class="thumb" title={pointWords(arrays.run, arrays, index)} onClick={() => keepAndShow(index)}>
            <Picture image={images[n]} shape={arrays.run.image} box={box} label={pointWords(arrays.run, arrays, index)} />
            {words && <small>{words(index, n)}</small>}
          </button>
        </li>
      ))}
    </ul>
    </>
  );
}
