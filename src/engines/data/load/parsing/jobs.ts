/**
 * What is parsed or computed in JavaScript, as jobs: the same functions run in the worker, and on the event loop for
 * what is small. Heavy packages are loaded by the first job that needs one.
 */
import { loadErrors } from '../load-errors.js';
import type { ParsedRecord, ParsedValue } from '../parsed-value.js';
import { isRecord } from '../parsed-value.js';
import { bibtexFields, parseBibtex } from './bibtex-text.js';
import type { ComposeRequest } from './composed-files.js';
import { compose } from './composed-files.js';
import type { FakeRequest } from './fake-generators.js';
import { fakeColumns } from './fake-generators.js';
import type { ExcelRequest } from './excel-sheet.js';
import { parseExcel } from './excel-sheet.js';
import type { LiquidRequest } from './liquid-templates.js';
import { renderLiquid } from './liquid-templates.js';
import { matchingNames } from './name-pattern.js';
import type { NamePattern } from './name-pattern.js';
import type { StoredCell, TypedColumn, TypedTable, ValueColumn } from './value-table.js';
import { columnsOf, flattened, fromRecords, rowsOf, typedTable } from './value-table.js';

export interface TextFile {
  readonly text: string;
  readonly path: string;
}

export type DocumentFormat = 'yaml' | 'json' | 'markdown' | 'bibtex' | 'text';

/** Files that become one table: the whole of one, or rows of several. */
export interface DocumentsRequest {
  readonly format: DocumentFormat;
  readonly files: readonly TextFile[];
  /** Of several files: each is one record (bibtex: several), nested mappings become dotted columns. */
  readonly isDirectory: boolean;
  /** Columns that are added, one cell for each file. */
  readonly added: Readonly<Record<string, readonly string[]>>;
}

/** A table that was made and is fetched piece by piece. */
export interface MadeTable {
  readonly columns: readonly TypedColumn[];
  readonly rows: number;
}

export interface Jobs {
  yaml: { input: TextFile; output: ParsedValue };
  markdown: { input: TextFile; output: ParsedRecord };
  documents: { input: DocumentsRequest; output: MadeTable };
  excel: { input: ExcelRequest; output: MadeTable };
  fake: { input: FakeRequest; output: MadeTable };
  piece: { input: { from: number; rows: number }; output: (readonly StoredCell[])[] };
  liquid: { input: LiquidRequest; output: string[] };
  compose: { input: ComposeRequest; output: Uint8Array[] };
  names: { input: NamePattern; output: string[] };
}
export type JobKind = keyof Jobs;

/** The jobs of one load. */
export class JobRoom {
  /** One at a time: it is fetched before the next one is made. */
  private table: TypedTable | null = null;

  async run<K extends JobKind>(kind: K, input: Jobs[K]['input']): Promise<Jobs[K]['output']> {
    const work: { [J in JobKind]: (input: Jobs[J]['input']) => Promise<Jobs[J]['output']> } = {
      yaml: (file) => yamlOf(file),
      markdown: (file) => markdownOf(file),
      documents: async (request) => this.made(await documents(request)),
      excel: async (request) => this.made(await parseExcel(request)),
      fake: async (request) => this.made(await fakeColumns(request), request.rows),
      piece: ({ from, rows }) => Promise.resolve(this.piece(from, rows)),
      compose: (request) => compose(request),
      liquid: (request) => renderLiquid(request),
      names: (pattern) => Promise.resolve(matchingNames(pattern)),
    };
    return work[kind](input);
  }

  private made(columns: readonly ValueColumn[], rows = rowsOf(columns)): MadeTable {
    this.table = typedTable(columns, rows);
    return { columns: this.table.columns, rows: this.table.rows };
  }

  private piece(from: number, rows: number): (readonly StoredCell[])[] {
    const { table } = this;
    if (!table) return [];
    if (from + rows >= table.rows) this.table = null;
    return table.cells.map((cells) => cells.slice(from, from + rows));
  }
}

async function yamlOf({ text, path }: TextFile): Promise<ParsedValue> {
  const { parseYaml, YamlProblem } = await import('./yaml-text.js');
  try {
    return parseYaml(text, path);
  } catch (error) {
    throw error instanceof YamlProblem ? loadErrors.invalid(error.message, { path }) : error;
  }
}

async function markdownOf({ text, path }: TextFile): Promise<ParsedRecord> {
  const [{ parseMarkdown }, { YamlProblem }] = await Promise.all([
    import('./markdown-text.js'),
    import('./yaml-text.js'),
  ]);
  try {
    return parseMarkdown(text, path);
  } catch (error) {
    throw error instanceof YamlProblem ? loadErrors.data(error.message, { path }) : error;
  }
}

async function documents(request: DocumentsRequest): Promise<ValueColumn[]> {
  const { files, format, isDirectory, added } = request;
  const records: ParsedRecord[] = [];
  for (const [at, file] of files.entries()) {
    const value = await valueOf(file, format);
    if (!isDirectory) return ordered(columnsOf(value, `'${file.path}'`), value, format);
    const own = Object.fromEntries(Object.entries(added).map(([name, cells]) => [name, cells[at] ?? '']));
    for (const record of recordsOf(value, file.path))
      records.push({ ...checked(record, own, file.path), ...own });
  }
  return ordered(fromRecords(records, 'a directory'), records, format);
}

async function valueOf(file: TextFile, format: DocumentFormat): Promise<ParsedValue> {
  if (format === 'markdown') return markdownOf(file);
  if (format === 'bibtex') return parseBibtex(file.text, file.path);
  if (format === 'text') return { content: file.text };
  try {
    return await yamlOf(file);
  } catch (error) {
    throw loadErrors.data(error instanceof Error ? error.message : String(error), { path: file.path }, error);
  }
}

function recordsOf(value: ParsedValue, path: string): ParsedRecord[] {
  if (value === null) return [{}];
  const list = Array.isArray(value) ? value : [value];
  return list.map((record) => {
    if (!isRecord(record)) throw loadErrors.data(`'${path}' must hold a mapping of fields.`, { path });
    return flattened(record);
  });
}

function checked(record: ParsedRecord, own: ParsedRecord, path: string): ParsedRecord {
  const twice = Object.keys(own).find((name) => Object.hasOwn(record, name));
  if (twice !== undefined)
    throw loadErrors.data(
      `The field "${twice}" in '${path}' is also the name of a column that says where a row is from; "store_fields" renames the latter.`,
      { path, field: twice },
    );
  return record;
}

/** Columns of BibTeX have an order of their own. */
function ordered(columns: ValueColumn[], value: ParsedValue, format: DocumentFormat): ValueColumn[] {
  if (format !== 'bibtex' || !Array.isArray(value)) return columns;
  const order = bibtexFields(value.filter(isRecord));
  return order.flatMap((name) => columns.find((column) => column.name === name) ?? []);
}
