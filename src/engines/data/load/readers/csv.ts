/**
 * Separated values, with what pandas takes for null. All cells are read as texts and cast by rules of our own on the
 * way into the table: types come from the first rows, and from all rows when one of them turns out to be different.
 */
import { isSojournError } from '../../../../types/errors.js';
import { fieldName } from '../../store.js';
import { textList, textLiteral } from '../../sql-text.js';
import type { FoundFile } from '../confined-paths.js';
import type { Frame } from '../frame.js';
import { loadErrors } from '../load-errors.js';
import { asType, canBe, kindsIn, misjudged, typeOfKinds } from '../text-types.js';
import type { TextType } from '../text-types.js';
import type { Workbench } from '../workbench.js';
import type { CsvForm, CsvHeader } from './csv-header.js';
import { readCsvHeader } from './csv-header.js';

export interface CsvOptions extends CsvForm {
  /** Columns whose type is not to be guessed. */
  readonly types: ReadonlyMap<string, TextType>;
}

const nullTexts = [
  ...['', '#N/A', '#N/A N/A', '#NA', '-1.#IND', '-1.#QNAN', '-NaN', '-nan', '1.#IND', '1.#QNAN'],
  ...['<NA>', 'N/A', 'NA', 'NULL', 'NaN', 'None', 'n/a', 'nan', 'null'],
];

const sampleRows = 8192;
/** Bytes that the database's parser reads at a time: small pieces spread over all threads, and a sample needs one. */
const bufferBytes = { sample: 2_100_000, all: 8_400_000 } as const;
/** With more columns all rows are looked at at once: long queries take longer to plan than to run. */
const wideColumns = 200;

/** How the database's own parser is called: the next one is tried where one cannot read a file. */
const manners = [
  'null_padding = true',
  // Only without padding are line breaks in quotes read by several threads.
  'null_padding = false',
  'null_padding = true, parallel = false',
] as const;

export async function readCsv(bench: Workbench, file: FoundFile, options: CsvOptions): Promise<Frame> {
  const header = await readCsvHeader(bench.context.files, file.path, file.stat.size, options);
  for (const manner of manners) {
    try {
      const scan = (bytes: number) => scanOf(file.path, header, options, [manner, `buffer_size = ${bytes}`]);
      return await readIn(bench, scan, header, options);
    } catch (error) {
      if (manner === manners.at(-1) || !isForNext(error)) throw explained(error, file.path);
    }
  }
  throw loadErrors.data(`'${file.path}' cannot be read as separated values.`, { path: file.path });
}

function scanOf(path: string, header: CsvHeader, options: CsvOptions, manner: readonly string[]): string {
  const columns = header.names.map((_name, at) => `${fieldName(at)}: 'VARCHAR'`).join(', ');
  // A line without anything is no row; where there is one column it must not be taken for an empty cell.
  const nulls = header.names.length === 1 ? nullTexts.slice(1) : nullTexts;
  const list = [
    textLiteral(path),
    `columns = {${columns}}, auto_detect = false, nullstr = ${textList(nulls)}`,
    `header = ${options.header !== null}, skip = ${header.skip}`,
    `delim = ${textLiteral(options.delimiter)}, quote = ${textLiteral(options.quote)}`,
    `escape = ${textLiteral(options.quote)}`,
    ...manner,
  ];
  return `read_csv(${list.join(', ')})`;
}

async function readIn(
  bench: Workbench,
  scan: (bytes: number) => string,
  header: CsvHeader,
  options: CsvOptions,
): Promise<Frame> {
  const { names } = header;
  const rowsOf = (bytes: number) =>
    names.length === 1 ? `(SELECT nullif(f0, '') AS f0 FROM ${scan(bytes)})` : scan(bytes);
  const source = rowsOf(bufferBytes.all);
  if (names.length <= wideColumns) {
    const sample = `(SELECT * FROM ${rowsOf(bufferBytes.sample)} LIMIT ${sampleRows})`;
    const guessed = await typesIn(bench, sample, names, options.types, false);
    try {
      return await typed(bench, source, names, guessed, true);
    } catch (error) {
      if (!isMisjudged(error)) throw error;
    }
  }
  const texts = await bench.create(`SELECT * FROM ${source}`);
  const types = await typesIn(bench, texts, names, options.types, true);
  const frame = await typed(bench, texts, names, types, false);
  await bench.drop(texts);
  return frame;
}

async function typed(
  bench: Workbench,
  source: string,
  names: readonly string[],
  types: readonly TextType[],
  isGuess: boolean,
): Promise<Frame> {
  const list = types.map((type, at) => `${asType(fieldName(at), type, isGuess)} AS ${fieldName(at)}`);
  const table = await bench.create(`SELECT ${list.join(', ')} FROM ${source}`);
  return {
    table,
    width: types.length,
    columns: types.map((type, at) => ({ name: names[at] ?? '', field: fieldName(at), type })),
  };
}

/** @throws data_error when a type was asked for that a column cannot have, where all rows are looked at */
async function typesIn(
  bench: Workbench,
  table: string,
  names: readonly string[],
  asked: ReadonlyMap<string, TextType>,
  isAll: boolean,
): Promise<TextType[]> {
  const found =
    names.length > wideColumns ? await kindsOfMany(bench, table, names) : await kindsOf(bench, table, names);
  return names.map((name, at) => typeFor(name, found[at] ?? 0, asked, isAll));
}

async function kindsOf(bench: Workbench, table: string, names: readonly string[]): Promise<number[]> {
  const list = names.map((_name, at) => `${kindsIn(fieldName(at))}::INTEGER`);
  const found = await bench.database.row(`SELECT ${list.join(', ')} FROM ${table}`, [], bench.context.signal);
  return found.map(Number);
}

async function kindsOfMany(bench: Workbench, table: string, names: readonly string[]): Promise<number[]> {
  const fields = names.map((_name, at) => fieldName(at)).join(', ');
  const cells = `SELECT unnest(range(${names.length})) AS place, unnest([${fields}]) AS cell FROM ${table}`;
  const sql = `SELECT place, ${kindsIn('cell')}::INTEGER FROM (${cells}) GROUP BY place`;
  const { columns } = await bench.database.read(sql, [], bench.context.signal);
  const [places = [], found = []] = columns;
  const kinds = names.map(() => 0);
  places.forEach((place, at) => (kinds[Number(place)] = Number(found[at])));
  return kinds;
}

function typeFor(
  name: string,
  kinds: number,
  asked: ReadonlyMap<string, TextType>,
  isAll: boolean,
): TextType {
  const type = asked.get(name);
  if (type === undefined) return typeOfKinds(kinds);
  if (isAll && !canBe(kinds, type))
    throw loadErrors.data(`Column "${name}" has cells that are no ${type}; mend them or its dtype.`, {
      column: name,
    });
  return type;
}

/** What the database said, all of it. */
function wordsOf(error: unknown): string {
  if (!isSojournError(error, 'data_error')) return '';
  return error.cause instanceof Error ? error.cause.message : error.detail;
}

const isMisjudged = (error: unknown): boolean => {
  const words = wordsOf(error);
  return words.includes(misjudged) || words.startsWith('Conversion Error');
};

function isForNext(error: unknown): boolean {
  const words = wordsOf(error);
  if (words.includes('parallel scanner does not support')) return true;
  const fields = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(words);
  return fields !== null && Number(fields[2]) < Number(fields[1]);
}

function explained(error: unknown, path: string): unknown {
  const words = wordsOf(error);
  const line = /CSV Error on Line: (\d+)/.exec(words)?.[1];
  if (line === undefined && !words.includes('CSV')) return error;
  const place = line === undefined ? `'${path}'` : `Line ${line} of '${path}'`;
  const fields = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(words);
  const facts = { path, line: line === undefined ? null : Number(line) };
  if (fields) {
    const [, expected, found] = fields;
    return loadErrors.data(`${place} has ${found} fields where the header has ${expected}.`, facts, error);
  }
  if (/not utf-8 encoded/i.test(words))
    return loadErrors.data(`${place} is not valid UTF-8; convert the file to UTF-8 first.`, facts, error);
  if (/unterminated quote/i.test(words))
    return loadErrors.data(`${place} has a quote that is not closed, or text after it.`, facts, error);
  const reason = /Maximum line size/i.test(words)
    ? 'is longer than 2 MB'
    : 'cannot be read as separated values: mixed line ends or a quote in a wrong place';
  return loadErrors.data(`${place} ${reason}.`, facts, error);
}
