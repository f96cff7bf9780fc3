// The browser's half of DotExplorer: a click or an arrow key chooses a dot, and its lines are shown.

const REACH = 24; // pixels of the drawing around a dot in which a click still means it

function render({ model, el }) {
  el.classList.add("lk-widget", "lk-dots");
  const picture = pictureFrame();
  const said = element("p", { className: "lk-details", role: "status" });
  picture.frame.tabIndex = 0;

  const dots = () => [...picture.frame.querySelectorAll("circle[data-dot]")];
  const choose = (n) => { model.set("chosen", n); model.save_changes(); };

  const tell = () => {
    const n = model.get("chosen"), lines = model.get("details")[n];
    said.replaceChildren(...(lines ?? ["Click a dot to see which run it is."]).map(
      (line, row) => element(row ? "span" : "strong", { textContent: line }),
    ));
    for (const dot of dots()) {
      const here = +dot.dataset.dot === n;
      dot.setAttribute("r", here ? 9 : 4.5);
      dot.setAttribute("stroke-width", here ? 2.5 : 0.6);
      dot.setAttribute("stroke-opacity", here ? 1 : 0.6);
    }
    const dot = picture.frame.querySelector(`circle[data-dot="${n}"]`);
    dot?.parentNode.append(dot); // on top of the others
  };
  const draw = () => { picture.show(model.get("src"), model.get("alt")); tell(); };

  picture.frame.addEventListener("click", (event) => {
    const svg = picture.frame.querySelector("svg");
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let best = -1, nearest = REACH;
    for (const dot of dots()) {
      const away = Math.hypot(dot.getAttribute("cx") - at.x, dot.getAttribute("cy") - at.y);
      if (away < nearest) { nearest = away; best = +dot.dataset.dot; }
    }
    choose(best);
  });
  picture.frame.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!MOVING.has(event.key)) return;
    event.stopPropagation(); // or JupyterLab selects another cell
    if (!step) return;
    event.preventDefault();
    const count = model.get("details").length, n = model.get("chosen");
    choose(n < 0 ? (step > 0 ? 0 : count - 1) : (n + step + count) % count);
  });
  model.on("change:chosen", tell);
  model.on("change:src", draw);
  model.on("change:alt", draw);
  draw();
  el.append(picture.frame, said);
}

export default { render };
