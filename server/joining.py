"""The page's modules as one script: a browser asks once instead of 130 times.

Nothing is built. The files of web/ are what is written, read and tested, and each is still served
under its own address. Here they are put one after the other, in the order in which a browser would
run them, each in a function of its own; only their `import` and `export` statements are rewritten,
in place, so that the map for the browser's debugger needs lines alone.
"""

import json
import re
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import NamedTuple

_IMPORT = re.compile(r'^import (?:\* as (\w+)|\{([^}]*)\}) from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|class|(?:async )?function) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class Joined(NamedTuple):
    """A script, and its source map (version 3, in sections)."""

    script: str
    map: str


class CannotJoin(ValueError):
    """A module that is written in a way that is not known here, or that imports what is not."""


def join_modules(folder: Path, entry: str) -> Joined:
    """A module and all that it imports, as one.

    Args:
        folder: Where the modules are.
        entry: The module that a page starts with, such as `app.js`.

    Raises:
        CannotJoin: An import of nothing, imports in a circle, or another form of import or export
            than `import { a, b as c } from`, `import * as a from` and `export` before `const`,
            `class` or `function`.
    """
    modules: dict[str, _Module | None] = {}
    _add(folder, entry, modules)
    script, line = "", 0
    sections: list[dict[str, object]] = []
    for place, module in modules.items():
        assert module is not None
        head = f"const {_binding(place)} = (function {_binding(place)}() {{\n"
        tail = f"\nreturn {{ {', '.join(module.exports)} }};\n}})();\n"
        count = module.body.count("\n")
        mappings = "AAAA" + ";AACA" * count
        lines = {"version": 3, "sources": [f"/{place}"], "names": [], "mappings": mappings}
        sections.append({"offset": {"line": line + 1, "column": 0}, "map": lines})
        script += head + module.body + tail
        line += 1 + count + 3
    return Joined(script, json.dumps({"version": 3, "sections": sections}))


class _Module(NamedTuple):
    body: str
    exports: list[str]


def _add(folder: Path, place: str, modules: dict[str, _Module | None]) -> None:
    """Add a module after those that it imports; None stands for one that is on its way."""
    modules[place] = None
    try:
        text = (folder / place).read_text("utf-8")
    except OSError as error:
        raise CannotJoin(f"web/{place} can't be read: {error}") from error

    def imported(found: re.Match[str]) -> str:
        whole, names, address = found.groups()
        source = normpath(join(dirname(place), address))
        if source not in modules:
            _add(folder, source, modules)
        module = modules[source]
        if module is None:
            raise CannotJoin(f"web/{place} and web/{source} import each other.")
        if whole is not None:
            return f"const {whole} = {_binding(source)};"
        for name in re.findall(r"(\w+)(?: as \w+)?\s*(?:,|$)", names):
            if name not in module.exports:
                raise CannotJoin(f"web/{place} imports {name}, which web/{source} does not export.")
        return f"const {{{names.replace(' as ', ': ')}}} = {_binding(source)};"

    body = _IMPORT.sub(imported, text)
    exports = _EXPORT.findall(body)
    body = _EXPORT.sub("", body)
    if other := _OTHER.search(body):
        raise CannotJoin(f"web/{place}: this form is not known to server/joining.py: {other[0]}")
    del modules[place]
    modules[place] = _Module(body, exports)


def _binding(place: str) -> str:
    """The name of a module in the script, which a stack trace shows: `$views_run`."""
    return "$" + re.sub(r"\W", "_", place.removesuffix(".js"))
