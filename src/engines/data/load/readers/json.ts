/**
 * JSON: a list of records, lists by column, one record, or a record a line. The database parses it, so that large
 * files are no matter and whole numbers stay exact; the types of columns are ours: dates stay texts.
 */
import { identifier, textLiteral } from '../../sql-text.js';
import { fieldName } from '../../store.js';
import type { FoundFile } from '../confined-paths.js';
import type { Frame } from '../frame.js';
import { framed } from '../frame-tables.js';
import { jsonKinds, jsonListType, jsonTypeOf, fromJson } from '../json-types.js';
import { loadErrors } from '../load-errors.js';
import type { Workbench } from '../workbench.js';

const edgeBytes = 4096;
/** What the database reads at a time; a document that is larger has to fit as a whole. */
const objectBytes = 2 ** 24;

export async function readJson(bench: Workbench, file: FoundFile): Promise<Frame> {
  const first = await firstCharacter(bench, file);
  if (first === '[') {
    // The database takes a list that breaks off after an entry for a whole one.
    if (!(await lastBytes(bench, file)).endsWith(']'))
      throw loadErrors.data(`'${file.path}' ends before its list does.`, { path: file.path });
    return records(bench, file, 'array');
  }
  if (first === '{') return document(bench, file);
  const found = first === '' ? 'is empty' : `begins with ${JSON.stringify(first)}`;
  throw loadErrors.data(`'${file.path}' ${found}; a list of records or lists by column are needed.`, {
    path: file.path,
  });
}

export async function readJsonLines(bench: Workbench, file: FoundFile): Promise<Frame> {
  if ((await firstCharacter(bench, file)) === '')
    throw loadErrors.data(`'${file.path}' is empty; a record in each line is needed.`, { path: file.path });
  return records(bench, file, 'newline_delimited');
}

async function firstCharacter(bench: Workbench, file: FoundFile): Promise<string> {
  const bytes = await bench.context.files.readRange(file.path, 0, edgeBytes);
  return new TextDecoder().decode(bytes).trimStart().slice(0, 1);
}

async function lastBytes(bench: Workbench, file: FoundFile): Promise<string> {
  const start = Math.max(0, file.stat.size - edgeBytes);
  const bytes = await bench.context.files.readRange(file.path, start, edgeBytes);
  return new TextDecoder().decode(bytes).trimEnd();
}

type Format = 'array' | 'newline_delimited' | 'unstructured';

const objects = ({ path }: FoundFile, format: Format, bytes = objectBytes): string =>
  `read_json_objects(${textLiteral(path)}, format = '${format}', maximum_object_size = ${bytes})`;

async function records(bench: Workbench, file: FoundFile, format: Format): Promise<Frame> {
  const { database, context } = bench;
  const scan =
    `read_json(${textLiteral(file.path)}, format = '${format}', records = true, maximum_depth = 1, ` +
    `sample_size = -1, maximum_object_size = ${objectBytes})`;
  const [hasRow] = await database.row(
    `SELECT json_type(json) FROM ${objects(file, format)} LIMIT 1`,
    [],
    context.signal,
  );
  if (hasRow === undefined || hasRow === null)
    return framed(await bench.create('SELECT NULL::JSON AS f0 WHERE false'), [], 1);
  if (hasRow !== 'OBJECT') throw notRecords(file);
  const described = await database.read(`DESCRIBE SELECT * FROM ${scan}`, [], context.signal);
  const called = (described.columns[0] ?? []).map(String);
  const names = mayBeRenamed(called) ? await keysOf(bench, objects(file, format)) : called;
  const fields = called.map((_name, at) => fieldName(at));
  const raw = await bench.create(`SELECT ${fields.join(', ')} FROM ${scan} AS t(${fields.join(', ')})`);
  return typed(bench, raw, names);
}

const notRecords = (file: FoundFile) =>
  loadErrors.data(`'${file.path}' must be a list of records.`, { path: file.path });

/** The database tells `a` from `A` by another name for one of them. */
function mayBeRenamed(names: readonly string[]): boolean {
  const lower = new Set(names.map((name) => name.toLowerCase()));
  return names.some((name) => {
    const base = /^(.*)_\d+$/s.exec(name)?.[1];
    return base !== undefined && lower.has(base.toLowerCase());
  });
}

/** All keys of records, in the order of their first appearance. */
async function keysOf(bench: Workbench, source: string): Promise<string[]> {
  const keys = `SELECT row_number() OVER () AS r, json_keys(json) AS k FROM ${source}`;
  const each = `SELECT r, unnest(k) AS key, generate_subscripts(k, 1) AS place FROM (${keys})`;
  const { columns } = await bench.database.read(
    `SELECT key FROM (${each}) GROUP BY key ORDER BY min(r * 100000 + place)`,
    [],
    bench.context.signal,
  );
  return (columns[0] ?? []).map(String);
}

/** One document: lists by column, or one record; several are records one after the other. */
async function document(bench: Workbench, file: FoundFile): Promise<Frame> {
  const { database, context } = bench;
  const bytes = Math.max(objectBytes, file.stat.size + 1024);
  const whole = await bench.create(`SELECT json FROM ${objects(file, 'unstructured', bytes)}`);
  const [rows] = await database.row(`SELECT count(*) FROM ${whole}`);
  if (rows !== 1) return records(bench, file, 'unstructured');
  const { columns } = await database.read(
    `SELECT k, json_type(v), json_array_length(v)::INTEGER FROM (SELECT id, key AS k, value AS v FROM ${whole}, json_each(${whole}.json)) ORDER BY id`,
    [],
    context.signal,
  );
  const [names = [], types = [], lengths = []] = columns;
  if (names.length === 0 || !types.every((type) => type === 'ARRAY'))
    return records(bench, file, 'unstructured');
  if (new Set(lengths).size > 1)
    throw loadErrors.data(`'${file.path}': all columns must be of the same length.`, { path: file.path });
  return typed(bench, await unnested(bench, whole, names.length), names.map(String));
}

async function unnested(bench: Workbench, whole: string, width: number): Promise<string> {
  const values = `SELECT list(value ORDER BY id) AS l FROM ${whole}, json_each(${whole}.json)`;
  const lists = Array.from({ length: width }, (_, at) => `unnest(l[${at + 1}]::JSON[]) AS ${fieldName(at)}`);
  return bench.create(`SELECT ${lists.join(', ')} FROM (${values})`);
}

/** Columns of JSON as columns of the types that they have; the table of JSON is dropped. */
async function typed(bench: Workbench, raw: string, names: readonly string[]): Promise<Frame> {
  const { database, context } = bench;
  const fields = names.map((_name, at) => identifier(fieldName(at)));
  const found = await database.row(
    `SELECT ${fields.map((field) => jsonKinds(field)).join(', ')} FROM ${raw}`,
    [],
    context.signal,
  );
  const types = await Promise.all(
    fields.map(async (field, at) => {
      const type = jsonTypeOf(Number(found[at]));
      if (type !== 'LIST') return type;
      const elements = `(SELECT unnest(${field}::JSON[]) AS element FROM ${raw} WHERE json_type(${field}) = 'ARRAY')`;
      const [inside] = await database.row(
        `SELECT ${jsonKinds('element')} FROM ${elements}`,
        [],
        context.signal,
      );
      return jsonListType(Number(inside));
    }),
  );
  const casts = types.map((type, at) => `${fromJson(fields[at] ?? '', type)} AS ${fieldName(at)}`);
  const table = await bench.create(`SELECT ${casts.join(', ')} FROM ${raw}`);
  await bench.drop(raw);
  return framed(
    table,
    types.map((type, at) => ({ name: names[at] ?? '', type })),
  );
}
