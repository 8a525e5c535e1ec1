/** Writes records into files below the data roots, without a session. */
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import type { Cell } from '../cells.js';
import { loadErrors } from './load-errors.js';
import type { LoadContext } from './loaded.js';
import type { ParsedRecord } from './parsed-value.js';
import { plainText } from './parsed-value.js';
import type { ComposedFormat } from './parsing/composed-files.js';
import { refused } from './readers/by-extension.js';
import { atBench } from './workbench.js';
import type { Workbench } from './workbench.js';

export interface WriteRequest {
  readonly data?: {
    readonly records: readonly Readonly<Record<string, Cell>>[];
    /** Selects and orders. */
    readonly columns?: readonly string[] | undefined;
  };
  readonly output?: Readonly<Record<string, Cell>>;
}

const outputSchema = z.object({
  type: z.string(),
  directory: z.string().optional(),
  filename: z.string().min(1).optional(),
  sheet: z.string().min(1).optional(),
  store_fields: z
    .object({
      root: z.string().default('sourceRoot'),
      directory: z.string().default('sourceDirectory'),
      filename: z.string().default('sourceFilename'),
    })
    .prefault({}),
});
type Output = z.output<typeof outputSchema>;

const fileTypes: readonly ComposedFormat[] = ['csv', 'json', 'yaml', 'markdown', 'bibtex', 'excel'];
const directoryTypes: ReadonlyMap<string, { format: ComposedFormat; suffix: string }> = new Map([
  ['yaml_directory', { format: 'yaml', suffix: '' }],
  ['markdown_directory', { format: 'markdown', suffix: '' }],
  ['meta_directory', { format: 'yaml', suffix: '.yml' }],
]);

/** @returns how many records were written. @throws invalid_params · interface_invalid · data_error */
export async function writeData({ data, output }: WriteRequest, context: LoadContext): Promise<number> {
  if (!data || !output)
    throw new SojournError('invalid_params', "Request must include both 'data' and 'output'");
  const target = checkedOutput(output);
  const columns = data.columns ?? [...new Set(data.records.flatMap((record) => Object.keys(record)))];
  return atBench(context, async (bench) => {
    const rows = data.records.map((record) => pick(record, columns));
    if (directoryTypes.has(target.type)) await writeEach(bench, target, rows);
    else await writeFile(bench, target, rows, columns);
    return rows.length;
  });
}

const pick = (record: Readonly<Record<string, Cell>>, columns: readonly string[]): ParsedRecord =>
  Object.fromEntries(
    columns.map((name) => [name, Object.hasOwn(record, name) ? (record[name] ?? null) : null]),
  );

function checkedOutput(output: Readonly<Record<string, Cell>>): Output {
  if (output['type'] === undefined) {
    const details = Object.keys(output).join('", "');
    throw loadErrors.invalid(
      `Field "type" missing in data source details for write_data, details are given as "${details}".`,
    );
  }
  const parsed = outputSchema.safeParse(output);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw loadErrors.invalid(
      `"output" is wrong: ${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? ''}.`,
    );
  }
  const { type } = parsed.data;
  const refusal = refused(type);
  if (refusal) throw refusal;
  if (!fileTypes.some((known) => known === type) && !directoryTypes.has(type))
    throw loadErrors.invalid(`Unknown type "${type}" in write_data.`);
  return parsed.data;
}

async function writeFile(
  bench: Workbench,
  { type, directory, filename, sheet }: Output,
  records: readonly ParsedRecord[],
  columns: readonly string[],
): Promise<void> {
  const format = fileTypes.find((known) => known === type) ?? 'json';
  if (filename === undefined) throw loadErrors.invalid(`An output of type "${type}" needs a "filename".`);
  if (format === 'excel' && sheet === undefined)
    throw loadErrors.invalid('An output of type "excel" needs a "sheet".');
  const folder = bench.paths.folder(directory ?? '.', bench.paths.home);
  const path = await bench.paths.confine(bench.paths.file(filename, folder), 'request');
  const files = await bench.jobs.run('compose', {
    format,
    records,
    columns,
    sheet: sheet ?? 'Sheet1',
    isEach: false,
  });
  await put(bench, path, files[0] ?? new Uint8Array());
}

interface SourceNames {
  readonly root: string;
  readonly directory: string;
  readonly filename: string;
}

/** A file for each record, which says itself where it goes. */
async function writeEach(bench: Workbench, output: Output, records: readonly ParsedRecord[]): Promise<void> {
  const { format, suffix } = directoryTypes.get(output.type) ?? { format: 'yaml', suffix: '' };
  const names: SourceNames = output.store_fields;
  const own = new Set(Object.values(names));
  const paths: string[] = [];
  for (const record of records)
    paths.push(await bench.paths.confine(`${targetOf(bench, output, names, record)}${suffix}`, 'request'));
  if (new Set(paths).size < paths.length)
    throw loadErrors.invalid('Two records would be written into the same file.');
  const bare = records.map((record): ParsedRecord =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !own.has(name))),
  );
  const request = { format, records: bare, columns: [], sheet: '', isEach: true };
  const files = await bench.jobs.run('compose', request);
  for (const [at, path] of paths.entries()) await put(bench, path, files[at] ?? new Uint8Array());
}

function targetOf(bench: Workbench, { directory }: Output, names: SourceNames, record: ParsedRecord): string {
  const said = (name: string) => plainText(record[name] ?? null);
  const name = said(names.filename);
  if (name === '' || name.includes('/') || name === '.' || name === '..')
    throw loadErrors.invalid(
      `Each record needs the name of its file in "${names.filename}"; '${name}' is none.`,
    );
  if (directory !== undefined) return join(bench.paths.folder(directory, bench.paths.home), name);
  const root = bench.paths.folder(said(names.root) || '.', bench.paths.home);
  return join(bench.paths.folder(said(names.directory) || '.', root), name);
}

async function put(bench: Workbench, path: string, content: Uint8Array): Promise<void> {
  const { files } = bench.context;
  const there = await files.stat(path);
  if (there && there.type !== 'file')
    throw new SojournError('invalid_params', `'${path}' is there already and no regular file.`, { path });
  await files.makeDirectory(dirname(path));
  await files.writeAtomic(path, content);
}
