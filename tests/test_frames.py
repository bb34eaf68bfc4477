"""Frames come back as they were sent, bit for bit, in Python and in the page."""

import json
import math
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_web import ROOT, program

from shiftscope.db.series import Selection, Series
from shiftscope.db.tables import Layer, Network
from shiftscope.db.units import UnitMatrices, UnitMatrix
from shiftscope.server.wire import encode_frame, encode_units

PAGE = """
import { readFileSync } from "node:fs";
import { decode, decodeUnits } from "./web/series.js";
const bits = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
const plain = (key, value) => ArrayBuffer.isView(value) ? bits(value).toString("hex") : value;
const frames = JSON.parse(readFileSync(0, "utf-8")).map(([of, hex]) => {
  const bytes = new Uint8Array(Buffer.from(hex, "hex")); // a buffer of its own
  return (of === "units" ? decodeUnits : decode)(bytes.buffer);
});
process.stdout.write(JSON.stringify(frames, plain));
"""
NULL, NAN = 1, 2
FEW = settings(max_examples=10)
values = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324])


@st.composite
def series(draw: Any) -> Series:
    """Any series: no rows, rows of which some do not apply, buckets in which something was NaN."""
    width = draw(st.sampled_from([1, 1, 64]))
    step = np.array(sorted(draw(st.sets(st.integers(0, 2**31 - 1), max_size=5))), np.int64)
    rows = len(step)
    names = draw(st.lists(st.sampled_from(["mean", "std", "p50"]), unique=True))
    last = step if width == 1 else step + width - 1
    found = Series(
        Selection("layer_records", 3, 5, tuple(names), run_id=1), 0, 9, width, step, last
    )
    for name in names:
        low = np.array(draw(st.lists(values, min_size=rows, max_size=rows)), float)
        null = [row for row in range(rows) if draw(st.booleans())]
        low[null] = math.nan
        found.low[name], found.high[name] = low, low if width == 1 else low + 1
        if null:
            found.null[name] = null
        if width > 1 and rows > len(null):
            found.nan[name] = [row for row in range(rows) if row not in null][:1]
    return found


@st.composite
def matrices(draw: Any) -> UnitMatrices:
    """Units of two arms of any name, where an array may not apply."""
    found: list[UnitMatrix] = []
    for number in (1, 2):
        network = Network(id=number, arm=draw(st.text(st.characters(codec="utf-8"), max_size=9)))
        looks, units = draw(st.integers(0, 3)), draw(st.integers(1, 3))
        drawn = draw(st.lists(st.floats(width=32), min_size=looks * units, max_size=looks * units))
        matrix = np.array(drawn, np.float32).reshape(looks, units)
        applies = draw(st.booleans())
        layer = Layer(id=number, units=units)
        steps = list(range(looks)) if applies else []
        found.append(UnitMatrix(network, layer, steps, matrix if applies else None))
    return UnitMatrices(3, 1, found)


def shown_by_the_page(of: str, frames: list[bytes]) -> list[Any]:
    """What web/series.js makes of frames of records or units; numbers as their bytes in hex."""
    done = subprocess.run(
        [program("node"), "--input-type=module", "--eval", PAGE],
        input=json.dumps([(of, frame.hex()) for frame in frames]),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def flags(found: Series, name: str) -> bytes:
    flag = np.where(np.isnan(found.low[name]), NAN, 0).astype(np.uint8)
    flag[found.null.get(name, [])] = NULL
    flag[found.nan.get(name, [])] = NAN
    return flag.tobytes()


@FEW
@given(frames=st.lists(st.lists(series(), max_size=3), min_size=1, max_size=20))
@example(frames=[[]])
def test_records_come_back_bit_for_bit(read_frame: Callable[..., Any], frames: Any) -> None:
    encoded = [encode_frame(1, 2**31 - 1, found) for found in frames]
    shown = shown_by_the_page("records", encoded)
    for found, message, page in zip(frames, encoded, shown, strict=True):
        header, columns = read_frame(message)
        assert (header["run"], header["latest"]) == (page["run"], page["latest"]) == (1, 2**31 - 1)
        for one, sent, read, drawn in zip(
            found, header["series"], columns, page["series"], strict=True
        ):
            assert (sent["null"], sent["nan"]) == (one.null, one.nan)
            rows = drawn["rows"]
            assert (drawn["key"], drawn["first"]) == ("layer_records/3/5/", one.first)
            assert rows["width"] == one.width and rows["columns"].keys() == one.low.keys()
            assert read["step"].tolist() == one.step.tolist()
            assert rows["step"] == one.step.astype("<f8").tobytes().hex()
            assert rows["last"] == one.last_step.astype("<f8").tobytes().hex()
            for name, column in rows["columns"].items():
                low, high = (name, name) if one.width == 1 else (f"{name}.min", f"{name}.max")
                assert column["lo"] == read[low].tobytes().hex() == one.low[name].tobytes().hex()
                assert column["hi"] == read[high].tobytes().hex() == one.high[name].tobytes().hex()
                assert column["flag"] == flags(one, name).hex()


@FEW
@given(
    found=st.lists(matrices(), min_size=1, max_size=20), layer=st.text(st.characters(codec="utf-8"))
)
def test_units_come_back_bit_for_bit(found: list[UnitMatrices], layer: str) -> None:
    shown = shown_by_the_page("units", [encode_units(1, layer, "mean", one) for one in found])
    for sent, page in zip(found, shown, strict=True):
        assert (page["run"], page["layer"], page["array"]) == (1, layer, "mean")
        for matrix, network in zip(sent.matrices, page["networks"], strict=True):
            assert (network["arm"], network["step"]) == (matrix.network.arm, matrix.steps)
            given = matrix.values
            assert network["values"] == (None if given is None else given.tobytes().hex())
