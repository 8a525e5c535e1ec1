/**
 * The text format of Prometheus, read line by line and strictly: every sample belongs to a family that was declared,
 * no series stands twice, and histograms add up.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface Family {
  readonly type: string;
  readonly samples: Sample[];
}
export type Families = Map<string, Family>;

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** @throws with the line that breaks the format */
export function readExposition(text: string): Families {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families: Families = new Map();
  const seen = new Set<string>();
  let name = '';
  let helped = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, declared = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (line === '') continue;
    if (keyword === 'HELP') helped = declared;
    else if (keyword === 'TYPE') {
      if (families.has(declared) || helped !== declared)
        throw new Error(`declared twice or unhelped: ${line}`);
      name = declared;
      families.set(name, { type: typeIn(rest), samples: [] });
    } else addSample(line, name, families.get(name), seen);
  }
  for (const [histogram, { type, samples }] of families)
    if (type === 'histogram') checkSums(histogram, samples);
  return families;
}

function addSample(line: string, name: string, family: Family | undefined, seen: Set<string>): void {
  const sample = readSample(line);
  const series = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
  if (seen.has(series)) throw new Error(`twice: ${line}`);
  seen.add(series);
  if (!family || !belongs(sample.name, name, family.type)) throw new Error(`undeclared: ${line}`);
  family.samples.push(sample);
}

function typeIn(text: string): string {
  if (!['counter', 'gauge', 'histogram'].includes(text)) throw new Error(`no type: ${text}`);
  return text;
}

function readSample(line: string): Sample {
  const [, name, inner = '', number] = sampleLine.exec(line) ?? [];
  if (name === undefined || number === undefined) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  for (let at = 0; at < inner.length; at = label.lastIndex) {
    const [, key, value] = label.exec(inner) ?? [];
    if (key === undefined || value === undefined || key in labels) throw new Error(`labels: ${line}`);
    labels[key] = value;
  }
  const value = number.endsWith('Inf') ? (number.startsWith('-') ? -Infinity : Infinity) : Number(number);
  return { name, labels, value };
}

const belongs = (sample: string, family: string, type: string) =>
  type === 'histogram'
    ? ['_bucket', '_sum', '_count'].some((ending) => sample === family + ending)
    : sample === family;

function checkSums(name: string, samples: readonly Sample[]): void {
  for (const { labels, value: count } of samples.filter((sample) => sample.name === `${name}_count`)) {
    const own = samples.filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le = '' } }) => (le === '+Inf' ? Infinity : Number(le)));
    const counts = buckets.map(({ value }) => value);
    const rises = (list: readonly number[]) => list.every((value, at) => at === 0 || value >= list[at - 1]!);
    if (!rises(bounds) || bounds.at(-1) !== Infinity) throw new Error(`bounds of ${JSON.stringify(labels)}`);
    if (!rises(counts) || counts.at(-1) !== count) throw new Error(`counts of ${JSON.stringify(labels)}`);
    if (!own.some((sample) => sample.name === `${name}_sum`)) throw new Error('no sum');
  }
}

/** Each series without its value, sorted: what there is to be stored. */
export const seriesOf = (families: Families): string[] =>
  [...families.values()]
    .flatMap(({ samples }) => samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`))
    .sort();
