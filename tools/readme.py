"""Write the parts of the README that are made from something else: `python tools/readme.py`.

A part stands between `<!-- NAME -->` and `<!-- /NAME -->`. `--check` writes nothing and fails where
a part, or the picture, is out of step.
"""

import argparse
import ast
import csv
import re
import sys
from urllib.parse import quote

from sources import ROOT, slug

PICTURE = "docs/picture.svg"
COLAB = "https://colab.research.google.com/github/{slug}/blob/main/start/{lesson}.ipynb"
BINDER = "https://mybinder.org/v2/gh/{slug}/main?urlpath={path}"
FIRST = "00_start_here"


def lessons(root):
    """One dict for each lesson of the plan: `lesson`, `title` and the two columns shown."""
    with (root / "lessons" / "lessons.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_ready(root, lesson):
    return (root / "lessons" / f"lesson_{lesson}" / "lesson.py").exists()


def lesson_table(root):
    rows = [
        "| | lesson | what you do | picture to play with | open |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in lessons(root):
        number, title, state = row["lesson"][:2], row["title"], "planned"
        if is_ready(root, row["lesson"]):
            title = f"[{title}](notebooks/{row['lesson']}.ipynb)"
            state = f"[Colab]({COLAB.format(slug=slug(root), lesson=row['lesson'])})"
        does, picture = row["what you do"], row["picture to play with"]
        rows.append(f"| {number} | {title} | {does} | {picture} | {state} |")
    return "\n".join(rows)


def room_table(root):
    """Each room of labkit with the first line of its docstring."""
    package = root / "labkit"
    files = [*package.glob("[!_]*.py"), *package.glob("*/__init__.py")]
    names = {path.parent.name if path.stem == "__init__" else path.stem: path for path in files}
    rows = ["| room | what lives there |", "| --- | --- |"]
    for name, path in sorted(names.items()):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        rows.append(f"| `{name}` | {docstring.splitlines()[0]} |")
    return "\n".join(rows)


def badges(root):
    path = quote(f"lab/tree/start/{FIRST}.ipynb", safe="")
    binder = BINDER.format(slug=slug(root), path=path)
    colab = COLAB.format(slug=slug(root), lesson=FIRST)
    return (
        f"[![Open on Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})"
    )


def clone(root):
    folder = slug(root).split("/")[1]
    lines = (f"git clone https://github.com/{slug(root)}", f"cd {folder}", "python lab.py")
    return "\n".join(["```", *lines, "```"])


def picture():
    """What the course draws: how batching moves one layer of a language model up the roof."""
    import labkit as lk

    chips = ("h100-sxm", "a100-sxm-80", "tpu-v5e")
    roofs = [lk.roofline(chip, "bf16") for chip in chips]
    dots = []
    for n_tokens in (1, 16, 128, 1024):
        intensity = lk.workload.matmul(n_tokens, 8192, 8192, 2).intensity_flop_per_byte
        rate = roofs[0].attainable_flop_per_s(intensity)
        name = "1 token" if n_tokens == 1 else f"{n_tokens} tokens"
        dots.append(lk.draw.Dot(name, intensity, rate, "modelled"))
    title = "One 8192 × 8192 layer in bf16: more tokens at once, more work per byte"
    # Room above the roofs, for the legend.
    return lk.draw.roofline(roofs, dots, title=title, x=(0.3, 3e3), y=(1e11, 3e16))


def parts(root, alt):
    return {
        "badges": badges(root),
        "picture": f"![{alt}]({PICTURE})",
        "clone": clone(root),
        "lessons": lesson_table(root),
        "rooms": room_table(root),
    }


def filled(text, made):
    """The README with its parts renewed; raises ValueError where the marks of one are missing."""
    for name, part in made.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
        if not marks.search(text):
            raise ValueError(f"README.md has no <!-- {name} --> … <!-- /{name} -->: put them back.")
        text = marks.sub(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text)
    return text


def generated(root):
    """Every file that is made here, with its text."""
    drawn = picture()
    readme = (root / "README.md").read_text(encoding="utf-8")
    return {
        root / PICTURE: str(drawn) + "\n",
        root / "README.md": filled(readme, parts(root, drawn.alt)),
    }


def out_of_step(root):
    """The files whose text is not what would be written now."""
    return [
        path
        for path, text in generated(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail on any drift")
    if parser.parse_args(arguments).check:
        stale = [str(path.relative_to(ROOT)) for path in out_of_step(ROOT)]
        sys.exit(f"Out of step: {', '.join(stale)}. Run python tools/readme.py" if stale else 0)
    for path, text in generated(ROOT).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
