// All that is known of the kept picture.

import { kept, isChanged, keptPlace, change } from "../store/kept.js";
import { show } from "../store/map.js";
import { endA, endB, endOf } from "../store/morph.js";
import { can, data } from "../store/run.js";
import { encodeKept } from "../store/switching.js";
import { AnotherClass } from "./AnotherClass.jsx";
import { Judge } from "./Judge.jsx";
import { LatentNumbers } from "./LatentNumbers.jsx";
import { Nearest } from "./Nearest.jsx";
import { Prediction, Reading } from "./Prediction.jsx";
import { Values } from "./Values.jsx";

export function KeptPanel() {
  const now = kept.value;
  const arrays = data.value;
  if (now && now.run !== arrays.run) {
    return (
      <>
        <p class="minor">The kept picture belongs to {now.run.name}.</p>
        {can(arrays.run, "open") && <div class="actions"><button type="button" onClick={encodeKept}>Encode it with this run</button></div>}
      </>
    );
  }
  if (!now) {
    return <p class="minor">Click on the map, or press Enter there, to keep a picture. {arrays.latents ? "Its latent, the images nearest to it and what a classifier says of it" : "What the run says of it and the images nearest to it"} are shown here.</p>;
  }
  const canDecode = can(now.run, "decode") && now.latent;
  return (
    <>
      {now.note && <p class="minor">{sentence(now.note)}</p>}
      <div class="actions">
        {keptPlace.value && <button type="button" onClick={() => show(keptPlace.value)}>Show on map</button>}
        {isChanged.value && <button type="button" onClick={() => change(now.anchor)}>Undo the sliders</button>}
        {canDecode && <EndButton end={endA} name="A" />}
        {canDecode && <EndButton end={endB} name="B" />}
      </div>
      {now.index !== null && arrays.predicted && <Prediction arrays={arrays} index={now.index} />}
      {now.run.quantity && <Reading now={now} arrays={arrays} />}
      {now.index !== null && now.run.values.length > 0 && <Values one={now.run} index={now.index} />}
      {can(now.run, "classify") && now.image && <Judge now={now} />}
      <Nearest now={now} arrays={arrays} />
      {canDecode && <AnotherClass now={now} arrays={arrays} />}
      {now.latent && <LatentNumbers latent={now.latent} />}
    </>
  );
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

function EndButton({ end, name }) {
  const use = () => (end.value = endOf(kept.value));
  return <button type="button" onClick={use}>Morph: use as {name}</button>;
}
