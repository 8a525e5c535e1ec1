/**
 * YAML 1.1 as PyYAML's safe loader reads it: `yes` and `on` are booleans (`y` is not), dates are ISO texts, `1:30` is
 * 90 and `012` is octal. Runs on the event loop for short texts and in the worker for others.
 */
import { isCollection, LineCounter, parseDocument, Scalar, visit } from 'yaml';
import type { Document, ScalarTag, Tags, YAMLError } from 'yaml';
import type { ParsedRecord, ParsedValue } from '../parsed-value.js';
import { exactly } from '../parsed-value.js';

/** What is wrong with a text, in words that end with the place. */
export class YamlProblem extends Error {
  override readonly name = 'YamlProblem';
}

const own = new Set(['tag:yaml.org,2002:bool', 'tag:yaml.org,2002:float', 'tag:yaml.org,2002:timestamp']);

const booleans: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  identify: (value) => typeof value === 'boolean',
  resolve: (text) => /^(?:yes|true|on)$/i.test(text),
};

const floatPattern = new RegExp(
  [
    String.raw`^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?`,
    String.raw`[-+]?\.\d[\d_]*(?:[eE][-+]\d+)?`,
    String.raw`[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*`,
    String.raw`[-+]?\.(?:inf|Inf|INF)`,
    String.raw`\.(?:nan|NaN|NAN))$`,
  ].join('|'),
);

/** With a point; one that stands alone is a text, and so is `1e3`. */
const floats: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: floatPattern,
  identify: (value) => typeof value === 'number',
  resolve: floatOf,
};

function floatOf(text: string): number {
  const plain = text.replaceAll('_', '').toLowerCase();
  const sign = plain.startsWith('-') ? -1 : 1;
  const digits = plain.replace(/^[-+]/, '');
  if (digits === '.inf') return sign * Infinity;
  if (digits === '.nan') return NaN;
  return sign * digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

const datePattern =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d(?:\.\d*)?)[ \t]*(Z|[-+]\d\d?(?::?\d\d)?)?)?$/;

const dates: ScalarTag = {
  tag: 'tag:yaml.org,2002:timestamp',
  default: true,
  test: datePattern,
  resolve: (text) => isoText(datePattern.exec(text)) ?? text,
};

function isoText(match: RegExpExecArray | null): string | null {
  if (!match) return null;
  const [, year = '', month = '', day = '', hour, minute = '', second = '', zone = ''] = match;
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  if (hour === undefined) return date;
  return `${date}T${hour.padStart(2, '0')}:${minute}:${second.replace(/\.$/, '')}${zone === 'Z' ? '+00:00' : zone}`;
}

const tagsOfOurs = (tags: Tags): Tags => [
  ...tags.filter((tag) => typeof tag === 'string' || !own.has(tag.tag)),
  booleans,
  floats,
  dates,
];

/**
 * @param path what the text is called where it is wrong
 * @throws YamlProblem
 */
export function parseYaml(text: string, path: string): ParsedValue {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.1',
    intAsBigInt: true,
    lineCounter: lines,
    prettyErrors: false,
    customTags: tagsOfOurs,
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) throw new YamlProblem(explained(document, problem, lines, path));
  try {
    return plain(document.toJS({ mapAsMap: true, maxAliasCount: 100 }), 0);
  } catch (error) {
    if (error instanceof YamlProblem) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new YamlProblem(wrap(path, reason));
  }
}

const wrap = (path: string, reason: string): string => `Error reading yaml file "${path}", error: ${reason}`;

function explained(document: Document, problem: YAMLError, lines: LineCounter, path: string): string {
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `  in "${path}", line ${line}, column ${col}`;
  };
  const [at] = problem.pos;
  const flow = /^Flow (sequence|map) in block collection/.exec(problem.message);
  const start = flow ? unclosedFlow(document, at) : null;
  if (flow && start !== null) {
    const [kind, close] = flow[1] === 'map' ? ['mapping', '}'] : ['sequence', ']'];
    const reason = `while parsing a flow ${kind}\n${place(start)}\nexpected ',' or '${close}', but got '<stream end>'`;
    return wrap(path, `${reason}\n${place(at)}`);
  }
  return wrap(path, `${problem.message}\n${place(at)}`);
}

/** Where the innermost flow collection begins that reaches up to a place. */
function unclosedFlow(document: Document, at: number): number | null {
  let start: number | null = null;
  visit(document, {
    Collection: (_key, node) => {
      const [from, , end] = node.range ?? [at, at, at];
      if (isCollection(node) && node.flow === true && from < at && end >= at) start = from;
    },
  });
  return start;
}

const depthMax = 100;

function plain(value: unknown, depth: number): ParsedValue {
  if (depth > depthMax) throw new YamlProblem(`YAML that is nested deeper than ${depthMax} levels.`);
  if (typeof value === 'bigint') return exactly(value);
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return Number.isNaN(value) ? null : value;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => plain(item, depth + 1));
  if (value instanceof Map) return record(value, depth);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Scalar) return plain(value.value, depth);
  throw new YamlProblem('YAML with a value of an unknown kind.');
}

function record(map: ReadonlyMap<unknown, unknown>, depth: number): ParsedRecord {
  const entries = [...map].map(([key, item]): [string, ParsedValue] => {
    if (typeof key === 'object' && key !== null)
      throw new YamlProblem('YAML with a key that is a list or a mapping; keys must be texts or numbers.');
    return [String(key), plain(item, depth + 1)];
  });
  return Object.fromEntries(entries);
}
