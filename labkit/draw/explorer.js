// The browser's half of Explorer: a slider or a list for each argument, and one picture.

const PAUSE_MS = 30; // between two messages to the kernel while a slider is dragged
const PREFIXES = ["f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E"]; // 1e-15 to 1e18
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

// All of a whole number, with a comma before each three digits.
const whole = (value) => value.toLocaleString("en-US");

// Three significant digits, but all of a whole part.
function digits(value) {
  return Math.abs(value) >= 100 ? whole(Math.round(value)) : String(+value.toPrecision(3));
}

// A value as labkit.units.si writes it, or labkit.units.binary for a capacity.
function inWords(value, unit) {
  if (unit === "1") return digits(value);
  if (unit === "%") return `${digits(100 * value)} %`;
  if (unit === "GiB") return binary(value);
  const rounded = +value.toPrecision(3);
  const power = rounded === 0 ? 0 : Math.floor(Math.log10(Math.abs(rounded)) / 3);
  const least = ["B", "FLOP", "OP", "MAC"].includes(unit) ? 0 : -5; // there is no 200 mB
  const step = Math.min(Math.max(power, least), 6);
  return `${digits(rounded / 1000 ** step)} ${PREFIXES[step + 5]}${unit}`;
}

function binary(value) {
  let step = 0;
  for (; Math.abs(Math.round(value)) >= 1024 && step < BINARY.length - 1; step++) value /= 1024;
  return `${digits(value)} ${BINARY[step]}`;
}

// Each control is { row, show(value) } and calls changed(value) when the reader moves it.
function slider(spec, changed) {
  const input = element("input", { type: "range", name: spec.name });
  const text = element("output", { className: "lk-value" });
  // On a logarithmic slider the position is the decade.
  const position = spec.log ? Math.log10 : (value) => value;
  const lo = position(spec.lo), hi = position(spec.hi);
  const steps = spec.log ? Math.ceil((hi - lo) / 0.02) : 100;
  const value = (at) => {
    if (!spec.log) return at;
    if (hi - at < 0.01) return spec.hi; // rounded to three digits, it might lie beside it
    return at - lo < 0.01 ? spec.lo : +(10 ** at).toPrecision(3);
  };
  input.min = lo;
  input.max = hi + 1e-9; // so that the last step is not lost to rounding
  input.step = spec.whole && !spec.log ? 1 : (hi - lo) / steps;
  const write = (v) => {
    text.textContent = spec.whole && spec.unit === "1" ? whole(v) : inWords(v, spec.unit);
    input.setAttribute("aria-valuetext", text.textContent);
  };
  input.addEventListener("input", () => {
    let v = value(+input.value);
    if (spec.whole) v = Math.round(v);
    v = Math.min(Math.max(v, spec.lo), spec.hi);
    write(v);
    changed(v);
  });
  const show = (v) => { input.value = position(v); write(v); };
  return { row: element("label", {}, element("span", { textContent: spec.label }), input, text), show };
}

function choice(spec, changed) {
  const options = spec.options.map((option, n) =>
    element("option", { value: String(option), textContent: spec.written[n] }));
  const select = element("select", { name: spec.name }, ...options);
  select.addEventListener("change", () => changed(spec.options[select.selectedIndex]));
  const show = (v) => { select.selectedIndex = spec.options.indexOf(v); };
  return { row: element("label", {}, element("span", { textContent: spec.label }), select), show };
}

function render({ model, el }) {
  el.classList.add("lk-widget", "lk-explorer");
  let wanted = model.get("values"), unsent = false, timer = null;

  // At most one message in PAUSE_MS, and always the last value: a drag must not queue up redraws.
  const send = () => {
    unsent = false;
    model.set("values", wanted);
    model.save_changes();
    timer = setTimeout(() => { timer = null; if (unsent) send(); }, PAUSE_MS);
  };
  const controls = {};
  const bar = element("div", { className: "lk-controls" });
  for (const spec of model.get("sliders")) {
    const changed = (value) => {
      wanted = { ...wanted, [spec.name]: value };
      unsent = true;
      if (!timer) send();
    };
    controls[spec.name] = (spec.options ? choice : slider)(spec, changed);
    bar.append(controls[spec.name].row);
  }
  // Values set from Python move the controls, but not one that is being dragged.
  const follow = () => {
    if (unsent) return;
    wanted = model.get("values");
    for (const [name, control] of Object.entries(controls)) control.show(wanted[name]);
  };
  bar.addEventListener("keydown", (event) => {
    if (MOVING.has(event.key)) event.stopPropagation(); // or JupyterLab selects another cell
  });
  const picture = pictureFrame();
  const problem = element("p", { className: "lk-error", role: "alert" });
  const draw = () => picture.show(model.get("src"), model.get("alt"));
  const tell = () => { problem.textContent = model.get("error"); problem.hidden = !model.get("error"); };
  model.on("change:values", follow);
  model.on("change:src", draw);
  model.on("change:alt", draw);
  model.on("change:error", tell);
  follow(); draw(); tell();
  el.append(bar, problem, picture.frame);
  return () => { clearTimeout(timer); if (unsent) send(); clearTimeout(timer); };
}

export default { render };
