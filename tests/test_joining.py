"""Modules joined into one script: run as they would be apart, and mapped back line by line."""

import json
import re
from pathlib import Path

import pytest
from test_web import call, program

from shiftscope.server.assets import WEB
from shiftscope.server.joining import CannotJoin, join_modules

MODULES = {
    "app.js": """/** Starts. */
import * as all from "./views/a.js";
import {
  one, two as deux,
} from "./b.js";

const name = "app";
console.log(JSON.stringify([name, one, deux(), Object.keys(all), new all.Named().say()]));
""",
    "views/a.js": """import { one } from "../b.js";
const name = "a";
console.log(name);
export class Named { say() { return name + one; } }
export async function later() {}
""",
    "b.js": """const name = "b";
console.log(name);
export const one = 1;
export function two() { return `${name}
  import { this } from "text";`; }
""",
}


def written(folder: Path, modules: dict[str, str]) -> Path:
    for place, text in modules.items():
        (folder / place).parent.mkdir(exist_ok=True, parents=True)
        (folder / place).write_text(text)
    return folder


def test_joined_modules_do_what_they_do_apart(tmp_path: Path) -> None:
    apart = written(tmp_path / "web", MODULES)
    (apart / "package.json").write_text('{"type": "module"}')
    joined = tmp_path / "joined.mjs"
    joined.write_text(join_modules(apart, "app.js").script)
    outputs = [call(program("node"), str(file)) for file in (apart / "app.js", joined)]
    assert outputs[0].stdout.startswith("b\na\n[") and not outputs[0].stderr
    assert outputs[0].stdout == outputs[1].stdout


def test_the_map_finds_each_line_of_the_pages_modules() -> None:
    joined = join_modules(WEB, "app.js")
    lines = joined.script.split("\n")
    sections = json.loads(joined.map)["sections"]
    assert {section["map"]["sources"][0] for section in sections} == {
        f"/{file.relative_to(WEB).as_posix()}" for file in WEB.rglob("*.js")
    } - {"/enter.js"}, "all but the page that asks for a token, which stands alone"
    for section in sections:
        (place,) = section["map"]["sources"]
        text = (WEB / place[1:]).read_text("utf-8").split("\n")
        begin = section["offset"]["line"]
        for line, mapped in zip(text, section["map"]["mappings"].split(";"), strict=True):
            assert mapped in {"AAAA", "AACA"}
            if not re.search(r"import|from|\bas\b", line):
                assert lines[begin] == line.removeprefix("export ")
            begin += 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"b.js": "export let one = 1;\n"}, "b.js: this form"),
        ({"b.js": "export const one = 1;\n"}, "imports two, which web/b.js does not export"),
        ({"b.js": 'import { Named } from "./views/a.js";\n'}, "import each other"),
        ({"app.js": 'import { x } from "./nothing.js";\n'}, "web/nothing.js can't be read"),
    ],
)
def test_what_cannot_be_joined_is_named(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(CannotJoin, match=said):
        join_modules(written(tmp_path, MODULES | changed), "app.js")
