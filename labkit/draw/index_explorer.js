// The browser's half of IndexExplorer: a field for the index, a list of item sizes, one picture.

const PAUSE_MS = 30; // after the last key, before the kernel is asked

function row(label, input) {
  return element("label", {}, element("span", { textContent: label }), input);
}

function render({ model, el }) {
  el.classList.add("lk-widget", "lk-explorer", "lk-index");
  let timer = null;

  const field = element("input", { type: "text", name: "index", spellcheck: false, autocomplete: "off" });
  const send = () => {
    timer = null;
    model.set("expression", field.value);
    model.save_changes();
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, PAUSE_MS); });
  // A text set from Python shows, but not over one that is being typed.
  const follow = () => { if (!timer && field.value !== model.get("expression")) field.value = model.get("expression"); };

  const options = model.get("sizes").map((size) => element("option", { textContent: String(size) }));
  const sizes = element("select", { name: "itemsize" }, ...options);
  sizes.addEventListener("change", () => {
    model.set("itemsize", model.get("sizes")[sizes.selectedIndex]);
    model.save_changes();
  });
  const choose = () => { sizes.selectedIndex = model.get("sizes").indexOf(model.get("itemsize")); };

  const bar = element("div", { className: "lk-controls" }, row("index of lane i", field), row("bytes of an item", sizes));
  bar.addEventListener("keydown", (event) => event.stopPropagation()); // or JupyterLab takes the key
  const picture = pictureFrame();
  const problem = element("p", { className: "lk-error", role: "alert" });
  const draw = () => picture.show(model.get("src"), model.get("alt"));
  const tell = () => { problem.textContent = model.get("error"); problem.hidden = !model.get("error"); };
  model.on("change:expression", follow);
  model.on("change:itemsize", choose);
  model.on("change:src", draw);
  model.on("change:alt", draw);
  model.on("change:error", tell);
  follow(); choose(); draw(); tell();
  el.append(bar, problem, picture.frame);
  return () => { if (timer) { clearTimeout(timer); send(); } };
}

export default { render };
