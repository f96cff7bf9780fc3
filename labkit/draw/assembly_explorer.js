// The browser's half of AssemblyExplorer: source and machine code, side by side.

async function render({ model, el }) {
  el.classList.add("lk-widget", "lk-assembly");
  const all = await unpack(model.get("packed"));
  const chips = element("select", { name: "chip", ariaLabel: "chip" },
    ...model.get("chips").map((name) => element("option", { textContent: name })));
  const said = element("p", { className: "lk-said", role: "status" });
  const source = element("div", { className: "lk-code lk-source", tabIndex: 0, role: "listbox", ariaLabel: "source" });
  const code = element("div", { className: "lk-code lk-machine", tabIndex: 0, role: "list", ariaLabel: "machine code" });
  let shown = null; // the line that is lit: the chosen one, or the one under the pointer

  const row = (line, ...parts) => {
    const made = element("div", {}, ...parts.map(([className, textContent]) => element("span", { className, textContent })));
    made.dataset.line = line ?? "";
    return made;
  };
  const rows = (pane, line) => [...pane.children].filter((one) => one.dataset.line === String(line));

  const light = (line) => {
    shown = line;
    for (const pane of [source, code])
      for (const one of pane.children) one.classList.toggle("lk-here", one.dataset.line === String(line));
    for (const one of source.children) one.ariaSelected = String(one.dataset.line === String(model.get("line")));
  };
  // Only the pane moves, never the page.
  const reveal = (pane, line) => {
    const first = rows(pane, line)[0];
    if (first) pane.scrollTop = first.offsetTop - pane.offsetTop - pane.clientHeight / 3;
  };
  const choose = (line) => { model.set("line", line); model.save_changes(); };

  const draw = () => {
    const { said: words, notes, code: machine } = all.chips[model.get("chip")];
    chips.selectedIndex = model.get("chips").indexOf(model.get("chip"));
    said.textContent = words;
    source.replaceChildren(...all.source.map(([line, words]) => {
      const made = row(line, ["lk-number", line], ["lk-words", words], ["lk-note", notes[line]]);
      made.role = "option";
      return made;
    }));
    code.replaceChildren(...machine.map(([line, words]) => {
      const made = row(line, ["lk-number", line ?? ""], ["lk-words", words]);
      made.role = "listitem";
      return made;
    }));
    follow();
  };
  const follow = () => { light(model.get("line")); reveal(code, model.get("line")); };

  const lineAt = (event) => {
    const line = event.target.closest("[data-line]")?.dataset.line;
    return line ? +line : null;
  };
  for (const [pane, other] of [[source, code], [code, source]]) {
    pane.addEventListener("mouseover", (event) => {
      const line = lineAt(event);
      if (line !== null && line !== shown) { light(line); reveal(other, line); }
    });
    pane.addEventListener("mouseleave", () => light(model.get("line")));
    pane.addEventListener("click", (event) => { const line = lineAt(event); if (all.source.some(([n]) => n === line)) choose(line); });
  }
  source.addEventListener("keydown", (event) => {
    if (!MOVING.has(event.key)) return;
    event.stopPropagation(); // or JupyterLab selects another cell
    event.preventDefault();
    const numbers = all.source.map(([line]) => line), at = numbers.indexOf(model.get("line"));
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: numbers.length - 1 }[event.key];
    if (numbers[to] !== undefined) choose(numbers[to]);
  });
  chips.addEventListener("change", () => { model.set("chip", model.get("chips")[chips.selectedIndex]); model.save_changes(); });
  model.on("change:chip", draw);
  model.on("change:line", follow);
  el.append(element("div", { className: "lk-controls" }, element("label", {}, element("span", { textContent: "chip" }), chips)), said,
    element("div", { className: "lk-panes" }, source, code));
  draw();
}

export default { render };
