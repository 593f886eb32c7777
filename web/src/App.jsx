import { Header } from "./parts/Header.jsx";
import { Notice } from "./parts/Notice.jsx";
import { Drop } from "./parts/Drop.jsx";
import { Legend } from "./map/Legend.jsx";
import { MapView } from "./map/MapView.jsx";
import { Tools } from "./map/Tools.jsx";
import { Toolbar } from "./map/Toolbar.jsx";
import { Trust } from "./map/Trust.jsx";
import { Pictures } from "./picture/Pictures.jsx";
import { Tabs } from "./panels/Tabs.jsx";
import { spoken } from "./store/notices.js";
import { data, run } from "./store/run.js";

export function App({ title, note }) {
  const isReady = run.value !== null;
  return (
    <Drop>
      <Header title={title} note={note} />
      <Notice place="page" />
      <Notice place="missing" />
      {!isReady && <p class="loading" role="status">Loading…</p>}
      {isReady && (
        <main>
          <section class="left" aria-label="Map">
            <Toolbar />
            <Notice place="map" />
            <div class="map-frame">
              <Tools />
              <MapView />
            </div>
            <Legend />
            <Trust />
          </section>
          <section class="right" aria-label="Pictures">
            <Pictures />
            {data.value && <Tabs />}
          </section>
        </main>
      )}
      <p class="unseen" aria-live="polite">{spoken.value}</p>
    </Drop>
  );
}
