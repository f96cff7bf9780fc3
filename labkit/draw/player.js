// The browser's half of Player: all frames are here, so a step needs no kernel.

function button(text, label, click) {
  const made = element("button", { type: "button", textContent: text, title: label });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", click);
  return made;
}

async function render({ model, el }) {
  let frames = await unpack(model.get("packed")); // a list of [svg, alt]
  const last = () => frames.length - 1;
  let timer = null;
  el.classList.add("lk-widget", "lk-player");

  const go = (i) => { model.set("i", i); model.save_changes(); };
  const step = (by) => { stop(); go(Math.min(Math.max(model.get("i") + by, 0), last())); };
  const stop = () => { clearInterval(timer); timer = null; face("▶", "Play"); };
  const start = () => {
    timer = setInterval(() => go((model.get("i") + 1) % frames.length), model.get("ms"));
    face("❚❚", "Pause");
  };
  const play = button("▶", "Play", () => (timer ? stop() : start()));
  const face = (text, label) => {
    play.textContent = text;
    play.title = label;
    play.setAttribute("aria-label", label);
  };
  const range = element("input", { type: "range", min: 0, max: last(), step: 1 });
  range.setAttribute("aria-label", "Step");
  range.addEventListener("input", () => { stop(); go(+range.value); });
  const caption = element("output", { className: "lk-value" });
  const picture = pictureFrame();
  const draw = () => {
    const i = model.get("i");
    if (i > last()) return; // its frame is still on its way
    const [svg, alt] = frames[i];
    picture.showSvg(svg, alt);
    range.value = i;
    caption.textContent = `step ${i + 1}/${frames.length}`;
    range.setAttribute("aria-valuetext", caption.textContent);
  };
  el.addEventListener("keydown", (event) => {
    if (!MOVING.has(event.key)) return;
    event.stopPropagation(); // or JupyterLab selects another cell
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault(); // or the range steps a second time
    step(by);
  });
  model.on("change:i", draw);
  model.on("change:packed", async () => { // Python has added a frame
    frames = await unpack(model.get("packed"));
    range.max = last();
    draw();
  });
  draw();
  const back = button("❙◀", "Step back", () => step(-1));
  const forward = button("▶❙", "Step forward", () => step(1));
  el.append(element("div", { className: "lk-controls" }, play, back, forward, range, caption), picture.frame);
  return stop; // called when the view goes: no timer is left behind
}

export default { render };
