// The decoded plane of two latents: the place under the pointer shows large, and in words what lies around it.
(function () {
  const NEAR = 15; // images that are counted

  function start(box) {
    const facts = JSON.parse(box.dataset.facts);
    const map = box.querySelector(".plane-map");
    const sprite = map.querySelector("img");
    const mark = map.querySelector(".plane-mark");
    const canvas = box.querySelector("canvas");
    const words = box.querySelector(".plane-words");
    const toggle = box.querySelector(".plane-toggle");
    const side = facts.side;
    let column = Math.floor(side / 2);
    let row = Math.floor(side / 2); // from the top

    function show() {
      const width = sprite.naturalWidth / side;
      const height = sprite.naturalHeight / side;
      canvas.width = Math.round(width);
      canvas.height = Math.round(height);
      const brush = canvas.getContext("2d");
      brush.drawImage(sprite, column * width, row * height, width, height, 0, 0, canvas.width, canvas.height);
      mark.style.left = 100 * column / side + "%";
      mark.style.top = 100 * row / side + "%";
      mark.style.width = mark.style.height = 100 / side + "%";
      const first = facts.values[0][column];
      const second = facts.values[1][side - 1 - row];
      words.replaceChildren("Latents ", strong(signed(first) + ", " + signed(second)), ". " + around());
    }

    // what the nearest test images are
    function around() {
      if (!facts.places.length || !facts.names.length) return "";
      const across = facts.steps * (column + 0.5) / side;
      const up = facts.steps * (side - row - 0.5) / side;
      const apart = facts.places.map(function (place, index) {
        return [Math.hypot(place[0] - across, place[1] - up), index];
      });
      apart.sort(function (one, other) { return one[0] - other[0]; });
      const near = apart.slice(0, NEAR);
      const counts = new Map();
      near.forEach(function (one) {
        const name = facts.names[facts.labels[one[1]]];
        counts.set(name, (counts.get(name) || 0) + 1);
      });
      const found = Array.from(counts).sort(function (one, other) { return other[1] - one[1]; });
      const parts = found.slice(0, 3).map(function (one) { return one[0] + " (" + one[1] + ")"; });
      const rest = found.slice(3).reduce(function (sum, one) { return sum + one[1]; }, 0);
      return "The " + near.length + " nearest " + facts.split + " images, by class: " + parts.join(", ") +
        (rest ? ", others (" + rest + ")" : "") + ".";
    }

    function strong(text) {
      const element = document.createElement("b");
      element.textContent = text;
      return element;
    }

    function signed(value) {
      return value.toFixed(2).replace("-", "\u2212");
    }

    function follow(event) {
      const frame = sprite.getBoundingClientRect();
      column = limit(Math.floor((event.clientX - frame.left) / frame.width * side));
      row = limit(Math.floor((event.clientY - frame.top) / frame.height * side));
      show();
    }

    function limit(number) {
      return Math.max(0, Math.min(side - 1, number));
    }

    function drawPoints() {
      const svg = map.querySelector("svg");
      const frame = sprite.getBoundingClientRect();
      svg.setAttribute("viewBox", "0 0 " + frame.width + " " + frame.height);
      svg.replaceChildren(...facts.places.map(function (place, index) {
        const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
        dot.setAttribute("cx", place[0] / facts.steps * frame.width);
        dot.setAttribute("cy", (1 - place[1] / facts.steps) * frame.height);
        dot.setAttribute("r", 3);
        const color = facts.labels.length ? facts.labels[index] % facts.colors : 0;
        dot.style.fill = "var(--line-" + (color + 1) + ")"; // as in the figures
        const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
        title.textContent = facts.labels.length ? facts.names[facts.labels[index]] : "";
        dot.append(title);
        return dot;
      }));
    }

    map.addEventListener("pointermove", follow);
    map.addEventListener("pointerdown", follow);
    map.addEventListener("keydown", function (event) {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step) return;
      column = limit(column + step[0]);
      row = limit(row + step[1]);
      event.preventDefault();
      show();
    });
    if (facts.places.length) {
      toggle.hidden = false;
      toggle.lastChild.textContent = " Show " + facts.split + " images";
      toggle.querySelector("input").addEventListener("change", function (event) {
        if (event.target.checked) drawPoints();
        else map.querySelector("svg").replaceChildren();
      });
    }
    box.hidden = false;
    box.nextElementSibling.hidden = true;
    if (sprite.complete && sprite.naturalWidth) show();
    else sprite.addEventListener("load", show);
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll(".plane").forEach(start);
  });
})();
