// What all widgets of labkit share: elements, keys that move, packed data and the picture.

const MOVING = new Set([
  "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown",
]);
const SVG_URI = "data:image/svg+xml;base64,";

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// What Python sends as zlib over JSON.
function unpack(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

// A place for pictures. SVG becomes part of the page, so that it has the colours of the page's
// theme and of print; pixels become an image.
function pictureFrame() {
  const frame = element("div", { className: "lk-picture" });
  const showSvg = (svg, alt) => {
    frame.innerHTML = svg;
    frame.firstElementChild.setAttribute("role", "img");
    frame.firstElementChild.setAttribute("aria-label", alt);
  };
  const show = (src, alt) => {
    if (!src.startsWith(SVG_URI)) return frame.replaceChildren(element("img", { src, alt }));
    const bytes = Uint8Array.from(atob(src.slice(SVG_URI.length)), (char) => char.charCodeAt());
    showSvg(new TextDecoder().decode(bytes), alt);
  };
  return { frame, show, showSvg };
}
