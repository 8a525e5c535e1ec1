/**
 * An immutable table of a database: rows that were written once and never change. Versions of a session are put
 * together from the columns of such stores, and several versions and sessions share one.
 */
import type { Cell } from './cells.js';
import type { Database } from './database.js';
import { identifier } from './sql-text.js';

export interface StoreField {
  /** In the table: f0, f1 … */
  readonly field: string;
  /** As DuckDB writes it; JSON for columns of mixed content. */
  readonly type: string;
  /** How many of its cells are null. */
  readonly nulls: number;
}

export interface Store {
  /** The name of the table. */
  readonly table: string;
  readonly rows: number;
  readonly fields: readonly StoreField[];
}

/** What need not be found out of cells that are only put into another order; they are called x0, x1 … then. */
export interface KnownStore {
  readonly rows: number;
  readonly fields: readonly Omit<StoreField, 'field'>[];
}

/** The field of a store with a given place. */
export const fieldName = (place: number): string => `f${place}`;

/**
 * Writes a query's answer into a new store, in its order. Its columns get the names f0, f1 …; NaN becomes null.
 * @param sql a SELECT whose columns have names of their own, whatever they are
 */
export async function writeStore(
  database: Database,
  sql: string,
  values: readonly string[] = [],
  signal?: AbortSignal,
  known?: KnownStore,
): Promise<Store> {
  const table = database.newTable();
  if (known) {
    const fields = known.fields.map((_field, place) => `x${place} AS ${fieldName(place)}`);
    await database.run(`CREATE TABLE ${table} AS SELECT ${fields.join(', ')} FROM (${sql})`, values, signal);
    const named = known.fields.map((field, place) => ({ ...field, field: fieldName(place) }));
    return { table, rows: known.rows, fields: named };
  }
  const described = await database.read(`DESCRIBE ${sql}`, values, signal);
  const [names = [], types = []] = described.columns.slice(0, 2).map((cells) => cells.map(textOf));
  const fields = names.map((name, place) => {
    const column = identifier(name);
    const type = types[place] ?? 'VARCHAR';
    const isFloat = type === 'DOUBLE' || type === 'FLOAT';
    return `${isFloat ? `nullif(${column}, 'nan'::${type})` : column} AS ${fieldName(place)}`;
  });
  await database.run(`CREATE TABLE ${table} AS SELECT ${fields.join(', ')} FROM (${sql})`, values, signal);
  return describeStore(database, table, types, signal);
}

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : '');

/** Counts rows and nulls of a table that was written just now. */
export async function describeStore(
  database: Database,
  table: string,
  types: readonly string[],
  signal?: AbortSignal,
): Promise<Store> {
  const counts = types.map((_type, place) => `count(${fieldName(place)})::DOUBLE`);
  const [rows, ...filled] = await database.row(
    `SELECT ${['count(*)::DOUBLE', ...counts].join(', ')} FROM ${table}`,
    [],
    signal,
  );
  const total = Number(rows);
  return {
    table,
    rows: total,
    fields: types.map((type, place) => ({
      field: fieldName(place),
      type,
      nulls: total - Number(filled[place]),
    })),
  };
}
