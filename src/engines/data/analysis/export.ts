/**
 * Writes a relation to a file. The index is the first column. DuckDB writes csv, tsv, json, jsonl and parquet itself,
 * so the path has to lie in a folder that its database may reach; of two columns that differ only in case, which DuckDB
 * does not tell apart, the second one is called NAME_1 there.
 */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import { inRowOrder } from '../relation.js';
import type { Relation } from '../relation.js';
import { identifier, textLiteral } from '../sql-text.js';
import { arrowStream } from './arrow.js';
import { writeExcel } from './excel.js';
import { uniqueIdentifiers, uniqueNames } from './names.js';
import { countRows } from './stats.js';
import { columnsOf } from './table.js';
import { fieldsOf } from './export-fields.js';
import type { ExportField } from './export-fields.js';

export const formats = ['csv', 'tsv', 'json', 'jsonl', 'parquet', 'arrow', 'excel'] as const;
export const formatSchema = z.enum(formats);
export type Format = z.output<typeof formatSchema>;

export interface Exported {
  readonly rows: number;
  /** As they stand in the file, the index first. */
  readonly columns: readonly string[];
}

/** How DuckDB is told. A csv for spreadsheets is not escaped: a text may begin with = as well. */
const copied: Partial<Record<Format, string>> = {
  csv: 'FORMAT csv, HEADER true',
  tsv: "FORMAT csv, HEADER true, DELIMITER '\t'",
  json: 'FORMAT json, ARRAY true',
  jsonl: 'FORMAT json',
  parquet: 'FORMAT parquet',
};

export interface ExportOptions {
  /** All when left out. */
  readonly columns?: readonly string[] | undefined;
  readonly signal?: AbortSignal;
}

/**
 * @param path absolute; nothing may be there yet
 * @throws limit_exceeded when it does not fit into a workbook, and as `Database.read`
 */
export async function exportTable(
  engine: Pick<DataEngine, 'database' | 'services'>,
  relation: Relation,
  format: Format,
  path: string,
  { columns: chosen, signal }: ExportOptions = {},
): Promise<Exported> {
  const fields = fieldsOf(relation, chosen);
  const names = fields.map(({ name }) => name);
  const copy = copied[format];
  if (copy !== undefined) {
    const columns = uniqueIdentifiers(names);
    const select = fields.map(({ ref }, at) => `${ref} AS ${identifier(columns[at] ?? '')}`).join(', ');
    if (select === '')
      throw new SojournError('data_error', `A table without columns cannot be written as ${format}.`);
    const from = `SELECT ${select} FROM ${inRowOrder(relation)}`;
    const sql = `COPY (${from}) TO ${textLiteral(path)} (${copy})`;
    const [written] = await engine.database.row(sql, [], signal);
    return { rows: Number(written), columns };
  }
  const rows = await countRows(engine, relation, signal);
  if (format === 'arrow') {
    await engine.services.files.writePieces(path, arrowStream(engine, relation, { columns: chosen, signal }));
    return { rows, columns: uniqueNames(names) };
  }
  const columns = uniqueNames(names);
  const types = fields.map(({ type }) => type);
  const pieces = piecesOf(engine, relation, fields, signal);
  await writeExcel({ names: columns, types, rows, pieces }, path, signal);
  return { rows, columns };
}

async function* piecesOf(
  { database }: Pick<DataEngine, 'database'>,
  relation: Relation,
  fields: readonly ExportField[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Cell[][]> {
  const types = fields.map(({ type }) => type);
  const select = fields.map(({ ref }) => ref).join(', ');
  for await (const chunk of database.stream(`SELECT ${select} FROM ${inRowOrder(relation)}`, [], signal))
    yield await columnsOf(chunk, types);
}
