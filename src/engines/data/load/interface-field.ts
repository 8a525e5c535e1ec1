/** Single fields of interface files and talks, and the input table of an interface file without a session. */
import { SojournError } from '../../../types/errors.js';
import type { Cell } from '../cells.js';
import { dtypeOf } from '../dtypes.js';
import { describeStore } from '../store.js';
import { completed, interfaceIn, interfacePath, readInterface } from './interface-file.js';
import type { InterfaceFile } from './interface-file.js';
import { asSection, withInherited } from './inheritance.js';
import { loadErrors } from './load-errors.js';
import type { LoadContext, LoadRequest } from './loaded.js';
import type { ParsedRecord, ParsedValue } from './parsed-value.js';
import { isRecord } from './parsed-value.js';
import { readSection } from './read-section.js';
import { checkSection } from './section-keys.js';
import type { SectionKeys } from './section-keys.js';
import { atBench } from './workbench.js';
import type { Workbench } from './workbench.js';

export interface InterfaceRequest {
  readonly interface_file: string;
  readonly directory?: string | undefined;
}

/** @throws file_not_found in the words of a reader that looks for configuration */
async function interfaceOf(bench: Workbench, request: InterfaceRequest): Promise<InterfaceFile> {
  const where = interfacePath(bench, request);
  if (!(await bench.paths.find(where.path, 'request')))
    throw new SojournError('file_not_found', `No configuration file found at "${where.path}".`, {
      path: where.path,
    });
  return readInterface(bench, where, 'request');
}

async function wholeInterface(bench: Workbench, file: InterfaceFile): Promise<ParsedRecord> {
  return completed(bench, await withInherited(bench, file), file);
}

/** A top-level field with what is inherited; null when there is none. */
export function readInterfaceField(
  request: InterfaceRequest,
  field: string,
  context: LoadContext,
): Promise<Cell> {
  return atBench(context, async (bench) => {
    const content = await wholeInterface(bench, await interfaceOf(bench, request));
    return asCell(ownField(content, field));
  });
}

const ownField = (content: ParsedRecord, field: string): ParsedValue =>
  Object.hasOwn(content, field) ? (content[field] ?? null) : null;

/** Whole numbers that JSON cannot hold are texts. */
function asCell(value: ParsedValue): Cell {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(asCell);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asCell(item)]));
}

export interface TalkRequest {
  readonly field: string;
  readonly markdown_file: string;
  /** Looked into when the talk says nothing; the first that exists is the only one. */
  readonly config_files?: readonly string[] | undefined;
}

/** A field of a talk; an empty text when nobody says anything. */
export function talkField(request: TalkRequest, context: LoadContext): Promise<Cell> {
  return atBench(context, async (bench) => {
    const { field } = request;
    const value = (await ofTalk(bench, request)) ?? (await ofConfiguration(bench, request));
    if (value === null) return '';
    if (typeof value === 'string') return bench.paths.expand(value);
    return field === 'categories' && Array.isArray(value) ? pythonList(value) : asCell(value);
  });
}

async function ofTalk(bench: Workbench, { field, markdown_file: name }: TalkRequest): Promise<ParsedValue> {
  const path = bench.paths.file(bench.paths.expand(name), bench.paths.home);
  const found = await bench.lookFor(path, 'request');
  if (!found) return null;
  return ownField(await bench.jobs.run('markdown', { text: await bench.text(found), path }), field);
}

async function ofConfiguration(
  bench: Workbench,
  { field, config_files: names = [] }: TalkRequest,
): Promise<ParsedValue> {
  for (const name of names) {
    const where = interfacePath(bench, { interface_file: bench.paths.expand(name) });
    if (!(await bench.paths.find(where.path, 'request'))) continue;
    const file = await readInterface(bench, where, 'request');
    return ownField(await wholeInterface(bench, file), field);
  }
  return null;
}

/** As Python writes a list of texts. */
const pythonList = (items: readonly ParsedValue[]): string =>
  `[${items.map((item) => pythonText(item)).join(', ')}]`;

function pythonText(value: ParsedValue): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return pythonList(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'string') return JSON.stringify(asCell(value));
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return value.includes("'") && !value.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}

/** All rows of an input table, its index an ordinary column. */
export interface DataRead {
  readonly records: Readonly<Record<string, Cell>>[];
  readonly columns: readonly string[];
  readonly shape: readonly [rows: number, columns: number];
  readonly dtypes: Readonly<Record<string, string>>;
}

/** More is no single answer. */
const cellsMax = 2_000_000;

export function readData(request: LoadRequest, context: LoadContext): Promise<DataRead> {
  return atBench(context, async (bench) => {
    const { keys, base, by } = await inputOf(bench, request);
    const frame = await readSection(bench, keys, { base, by, depth: 0 });
    const types = Array.from({ length: frame.width }, () => 'JSON');
    for (const { field, type } of frame.columns) types[Number(field.slice(1))] = type;
    const { rows, fields } = await describeStore(bench.database, frame.table, types, context.signal);
    const { columns } = frame;
    if (rows * columns.length > cellsMax)
      throw new SojournError(
        'limit_exceeded',
        `The table has ${rows} rows and ${columns.length} columns, too much for one answer; load it in a session.`,
        { limit: 'cells', value: cellsMax },
      );
    const list = columns.map(({ field }) => field).join(', ');
    const read = await bench.database.read(
      `SELECT ${columns.length === 0 ? 'f0' : list} FROM ${frame.table} ORDER BY rowid`,
      [],
      context.signal,
    );
    const records = Array.from({ length: rows }, (_, row) =>
      Object.fromEntries(columns.map(({ name }, at) => [name, read.columns[at]?.[row] ?? null])),
    );
    const hasNulls = (field: string) => (fields.find((one) => one.field === field)?.nulls ?? 0) > 0;
    return {
      records,
      columns: columns.map(({ name }) => name),
      shape: [rows, columns.length],
      dtypes: Object.fromEntries(
        columns.map(({ name, field, type }) => [name, dtypeOf(type, hasNulls(field))]),
      ),
    };
  });
}

interface InputSection {
  readonly keys: SectionKeys;
  readonly base: string;
  readonly by: 'request' | 'file';
}

async function inputOf(bench: Workbench, request: LoadRequest): Promise<InputSection> {
  const { data_source: source, interface_file: name, interface_field: field } = request;
  if (source !== undefined) {
    const base = bench.paths.folder(request.directory ?? '.', bench.paths.home);
    return { keys: checkSection(source, 'data_source'), base, by: 'request' };
  }
  if (name === undefined)
    throw new SojournError('invalid_params', "Request must include either 'interface_file' or 'data_source'");
  const file = await interfaceOf(bench, { interface_file: name, directory: request.directory });
  const content = await wholeInterface(bench, interfaceIn(file, field));
  const input = content['input'] ?? null;
  if (input === null) throw loadErrors.invalid("Interface has no 'input' section");
  const base = content['base_directory'];
  return {
    keys: checkSection(asSection(input), 'input'),
    base: typeof base === 'string' ? bench.paths.folder(base, file.directory) : file.directory,
    by: 'file',
  };
}
