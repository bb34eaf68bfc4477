/** Frames as the server encodes them, for tests: a small twin of server/wire.py and db/series.py. */

/**
 * @param {object} header
 * @param {number[][]} columns
 */
export function encode(header, columns) {
  let text = JSON.stringify(header);
  const bytes = () => new TextEncoder().encode(text).length;
  while ((4 + bytes()) % 8) text += " ";
  const length = bytes();
  const buffer = new ArrayBuffer(4 + length + 8 * columns.flat().length);
  new DataView(buffer).setUint32(0, length, true);
  new Uint8Array(buffer).set(new TextEncoder().encode(text), 4);
  columns.flat().forEach((value, index) => {
    new DataView(buffer).setFloat64(4 + length + 8 * index, value, true);
  });
  return buffer;
}

/** The width that `db.series.bucket_width` chooses. */
export function widthFor(steps, points) {
  let width = 1;
  if (steps > points) while (Math.ceil(steps / width) > points / 2) width *= 2;
  return width;
}

/**
 * Records of one statistic, `[step, value]` with null where it does not apply, as a frame.
 * @param {[number, number | null][]} records
 * @param {{ first?: number, latest: number, width: number }} range
 */
export function frameOf(records, { first = 0, latest, width }) {
  const start = Math.floor(first / width) * width;
  /** @type {Map<number, [number, number | null][]>} */
  const buckets = new Map();
  for (const record of records) {
    if (record[0] < start || record[0] > latest) continue;
    const bucket = Math.floor(record[0] / width);
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), record]);
  }
  const rows = [...buckets.values()];
  const nulls = [];
  const nans = [];
  const columns = width === 1 ? [[], []] : [[], [], [], []];
  rows.forEach((bucket, row) => {
    const values = bucket.map(([, value]) => value).filter((value) => value !== null);
    const numbers = values.filter((value) => !Number.isNaN(value));
    if (values.length === 0) nulls.push(row);
    if (numbers.length < values.length && width > 1) nans.push(row);
    columns[0].push(bucket[0][0]);
    if (width === 1) columns[1].push(numbers[0] ?? NaN);
    else {
      columns[1].push(bucket.at(-1)[0]);
      columns[2].push(numbers.length ? Math.min(...numbers) : NaN);
      columns[3].push(numbers.length ? Math.max(...numbers) : NaN);
    }
  });
  const names = width === 1 ? ["step", "loss"] : ["step", "last_step", "loss.min", "loss.max"];
  const header = {
    type: "records", run: 1, latest,
    series: [{
      table: "network_records", network_id: 3, layer_id: null, first: start, width,
      rows: rows.length, columns: names,
      null: nulls.length ? { loss: nulls } : {}, nan: nans.length ? { loss: nans } : {},
    }],
  };
  return encode(header, columns);
}
