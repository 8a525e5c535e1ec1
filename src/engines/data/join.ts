/** Joins a table with that of another session of the same owner, which comes over as a file. */
import { join as joinPath } from 'node:path';
import { z } from 'zod';
import type { RunContext } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { DataEngine } from './data-engine.js';
import { familyOf } from './dtypes.js';
import { refOf, relationOf } from './relation.js';
import { textLiteral } from './sql-text.js';
import { fieldName, writeStore } from './store.js';
import type { Store } from './store.js';
import { columnAt, sourceAt } from './version-change.js';
import type { VersionChange } from './version-change.js';
import { columnOf, unknownColumn } from './version.js';
import type { Version } from './version.js';

export interface JoinRequest {
  readonly session: string;
  /** A column of both; null: the labels. */
  readonly on: string | null;
  readonly how: 'left' | 'inner' | 'right' | 'outer';
  /** Of the other table; all when left out. */
  readonly columns?: readonly string[] | undefined;
  /** For columns that both have. */
  readonly lsuffix: string;
  readonly rsuffix: string;
}

const fileSchema = z.object({
  path: z.string(),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  index: z.string().nullable(),
});
export type TableFile = z.infer<typeof fileSchema>;

/** Writes the present table where another session's engine takes it from: the labels are its first column. */
export async function tableToFile(engine: DataEngine, signal: AbortSignal): Promise<TableFile> {
  const { database, version, services } = engine;
  const path = joinPath(database.folder, `join-${services.ids.uid()}.parquet`);
  const selected = version.columns.map((_column, at) => `c${at} AS ${fieldName(at + 1)}`);
  const { from } = relationOf(version);
  const sql = `SELECT ${[`label AS ${fieldName(0)}`, ...selected].join(', ')} FROM ${from} ORDER BY "row"`;
  await database.run(`COPY (${sql}) TO ${textLiteral(path)} (FORMAT parquet)`, [], signal);
  return {
    path,
    columns: version.columns.map(({ name, type }) => ({ name, type })),
    index: version.index?.name ?? null,
  };
}

/** @throws session_not_found · column_not_found · data_error for keys that cannot be compared */
export async function joinTables(
  engine: DataEngine,
  request: JoinRequest,
  context: RunContext,
): Promise<VersionChange> {
  const { signal } = context;
  const answer: unknown = await context.ask?.(request.session, 'table_to_file', {});
  if (answer === undefined) throw new SojournError('not_supported', 'Other sessions cannot be asked here.');
  const other = fileSchema.parse(answer);
  const { database, services, version } = engine;
  const path = joinPath(database.folder, `join-${services.ids.uid()}.parquet`);
  await services.files.rename(other.path, path);
  try {
    const types = other.columns.map(
      ({ type }, at) => `${fieldName(at + 1)}::${type} AS ${fieldName(at + 1)}`,
    );
    const selected = [fieldName(0), ...types].join(', ');
    const right = await writeStore(
      database,
      `SELECT ${selected} FROM read_parquet(${textLiteral(path)})`,
      [],
      signal,
    );
    return await joined(engine, version, right, other, request, signal);
  } finally {
    await services.files.remove(path);
  }
}

async function joined(
  engine: DataEngine,
  version: Version,
  right: Store,
  other: TableFile,
  { on, how, columns, lsuffix, rsuffix }: JoinRequest,
  signal: AbortSignal,
): Promise<VersionChange> {
  const { database } = engine;
  const keys = keysOf(version, right, other, on);
  await checkSize(engine, version, right, keys, signal);
  const taken = other.columns
    .map((column, at) => ({ ...column, field: fieldName(at + 1) }))
    .filter(({ name }) => name !== on && (columns?.includes(name) ?? true));
  const unknown = columns?.find((name) => !other.columns.some((column) => column.name === name));
  if (unknown !== undefined)
    throw unknownColumn(
      unknown,
      other.columns.map(({ name }) => name),
    );
  const names = resultNames(version, taken, { on, lsuffix, rsuffix });
  const counted = on !== null && (how === 'right' || how === 'outer');
  const label = on === null ? 'coalesce(l.label, r.f0)' : 'l.label';
  const own = version.columns.map(({ name }, at) =>
    name === on ? `coalesce(l.c${at}, r.${keys.field})` : `l.c${at}`,
  );
  const selected = [label, ...own, ...taken.map(({ field }) => `r.${field}`)];
  const way = { left: 'LEFT', inner: 'INNER', right: 'RIGHT', outer: 'FULL' }[how];
  const order = how === 'right' ? 'r.rowid, l."row"' : 'l."row" NULLS LAST, r.rowid';
  const list = selected.map((sql, at) => `${sql} AS x${at}`).join(', ');
  const { from } = relationOf(version);
  const sql = `SELECT ${list} FROM ${from} l ${way} JOIN ${right.table} r ON l.${keys.ref} = r.${keys.field} ORDER BY ${order}`;
  const store = await writeStore(database, sql, [], signal);
  return {
    rows: store.rows,
    columns: names.map((name, at) => columnAt(store, at + 1, name, version.columns[at]?.section ?? 'output')),
    index: counted ? null : { name: version.index?.name ?? 'index', source: sourceAt(store, 0) },
    rowSource: sourceAt(store, 0),
    inIndex: null,
    inSeries: null,
    patches: new Map(),
  };
}

/** Rows with equal keys on both sides multiply. @throws limit_exceeded before they are made */
async function checkSize(
  { database, services }: DataEngine,
  version: Version,
  right: Store,
  { ref, field }: { ref: string; field: string },
  signal: AbortSignal,
): Promise<void> {
  const ours = `SELECT ${ref} AS k, count(*)::DOUBLE AS n FROM ${relationOf(version).from} GROUP BY 1`;
  const theirs = `SELECT ${field} AS k, count(*)::DOUBLE AS n FROM ${right.table} GROUP BY 1`;
  const sql = `SELECT coalesce(sum(l.n * r.n), 0) FROM (${ours}) l JOIN (${theirs}) r ON l.k = r.k`;
  const [matches] = await database.row(sql, [], signal);
  if (Number(matches) <= services.joinRows) return;
  const detail = `The join would make ${Number(matches)} rows or more, for keys repeat on both sides; ${services.joinRows} are allowed, and data.join_rows raises that.`;
  const fields = { limit: 'join_rows', setting: 'data.join_rows', value: services.joinRows };
  throw new SojournError('limit_exceeded', detail, fields);
}

/** What is compared with what. */
function keysOf(
  version: Version,
  right: Store,
  other: TableFile,
  on: string | null,
): { ref: string; field: string } {
  const at = on === null ? -1 : other.columns.findIndex(({ name }) => name === on);
  if (on !== null && at === -1)
    throw unknownColumn(
      on,
      other.columns.map(({ name }) => name),
    );
  const field = fieldName(at + 1);
  const theirs = right.fields[at + 1]?.type ?? '';
  const ours = on === null ? (version.index?.source.type ?? 'BIGINT') : columnOf(version, on).type;
  if (familyOf(ours) !== familyOf(theirs)) {
    const what = on === null ? 'The labels' : `Column '${on}'`;
    const detail = `${what} cannot be compared: ${ours} here, ${theirs} in the other session; cast_columns makes them one type.`;
    throw new SojournError('data_error', detail, { on });
  }
  return { ref: on === null ? 'label' : refOf(version, on), field };
}

function resultNames(
  version: Version,
  taken: readonly { readonly name: string }[],
  { on, lsuffix, rsuffix }: { on: string | null; lsuffix: string; rsuffix: string },
): string[] {
  const theirs = new Set(taken.map(({ name }) => name));
  const ours = new Set(version.columns.map(({ name }) => name));
  const left = version.columns.map(({ name }) => (name !== on && theirs.has(name) ? name + lsuffix : name));
  const names = [...left, ...taken.map(({ name }) => (ours.has(name) ? name + rsuffix : name))];
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return names;
  const detail = `Both tables have a column '${twice}': other suffixes (lsuffix, rsuffix) tell them apart.`;
  throw new SojournError('data_error', detail, { column: twice });
}
