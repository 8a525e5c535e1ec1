/**
 * The operation sql: one SELECT on the session's table, which is called data. Columns have their own names there; of
 * two that differ only in case, which DuckDB does not tell apart, the second one is called NAME_1, and the answer says
 * so.
 */
import { nextTurn } from '../turns.js';
import { z } from 'zod';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { SojournError } from '../../../types/errors.js';
import { defineEngineOperation } from '../../../types/engine.js';
import type { IClock } from '../../../types/ports.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import { dtypeOf } from '../dtypes.js';
import type { Relation } from '../relation.js';
import { identifier } from '../sql-text.js';
import { dtypesSchema, pageLimit, recordMaker, recordsSchema, shapeOf, shapeSchema } from './answers.js';
import type { CellRecord } from './answers.js';
import { uniqueIdentifiers, uniqueNames } from './names.js';
import { scopeOf, scopeParams } from './scope.js';
import { judged, tableName } from './sql-guard.js';
import { columnsOf } from './table.js';
import { indexNameOf } from './target.js';

const valueSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const sqlParams = z.object({
  query: z.string().min(1).max(100_000).describe('One SELECT; the table is called data.'),
  params: z
    .union([z.array(valueSchema).max(1000), z.record(z.string(), valueSchema)])
    .optional()
    .describe('Values for ? or $1, or by name for $name.'),
  limit: z.number().int().min(1).optional().describe('At most this many rows; a page is the most.'),
  ...scopeParams,
});

const sqlResult = z.object({
  columns: z.array(z.string()),
  types: z.record(z.string(), z.string()).describe('By column, as DuckDB names them.'),
  dtypes: dtypesSchema,
  records: recordsSchema,
  shape: shapeSchema,
  truncated: z.literal(true).optional().describe('There are more rows.'),
  renamed: z
    .record(z.string(), z.string())
    .optional()
    .describe('Columns that have another name in the statement, and their own.'),
});

export const sqlOperation = defineEngineOperation({
  name: 'sql',
  access: 'read',
  summary:
    'The rows of one SELECT on the table data, which has the index as its first column. Nothing else can be read, and nothing changed.',
  params: sqlParams,
  result: sqlResult,
  run: async (engine: DataEngine, params, { signal }) => {
    const { database, services } = engine;
    const limited = limitedSignal(services.clock, services.sqlTimeoutMs, signal);
    try {
      const relation = scopeOf(engine, params);
      const names = namesOf(relation);
      const statement = await judged(database, params.query, names.exposed, limited.signal);
      const table = `WITH ${tableName} AS NOT MATERIALIZED (${tableSql(relation, names.exposed)})`;
      const sql = statement.hasTables
        ? `${table}, ${statement.sql.slice('WITH '.length)}`
        : `${table} ${statement.sql}`;
      const most = (columns: number) => pageLimit(services.pageRows, columns, params.limit);
      const answer = await database.use(limited.signal, (connection) =>
        rowsOf(connection, sql, params.params ?? [], most),
      );
      return Object.keys(names.renamed).length > 0 ? { ...answer, renamed: names.renamed } : answer;
    } catch (error) {
      throw limited.explained(error);
    } finally {
      limited.dispose();
    }
  },
});

interface TableNames {
  readonly exposed: readonly string[];
  /** Exposed → own. */
  readonly renamed: Record<string, string>;
}

function namesOf({ version }: Relation): TableNames {
  const own = [...version.columns.map(({ name }) => name), indexNameOf(version)];
  const unique = uniqueIdentifiers(own);
  const changed = unique.flatMap((name, at): [string, string][] => {
    const from = own[at] ?? '';
    return from === name ? [] : [[name, from]];
  });
  return { exposed: unique, renamed: Object.fromEntries(changed) };
}

/** The index comes first, and gives way where a column has its name. */
function tableSql(relation: Relation, exposed: readonly string[]): string {
  const { columns } = relation.version;
  const fields = columns.map(({ name }, at) => `${relation.ref(name)} AS ${identifier(exposed[at] ?? '')}`);
  const label = `label AS ${identifier(exposed[columns.length] ?? '')}`;
  return `SELECT ${[label, ...fields].join(', ')} FROM ${relation.from}`;
}

type Values = z.output<typeof sqlParams>['params'];

async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  values: NonNullable<Values>,
  mostOf: (columns: number) => number,
): Promise<z.input<typeof sqlResult>> {
  const given: DuckDBValue[] | Record<string, DuckDBValue> = values;
  const result = await connection.stream(sql, given);
  const columns = uniqueNames(result.columnNames());
  const types = result.columnTypes().map((type) => type.alias ?? type.toString());
  const most = mostOf(columns.length);
  const make = recordMaker(columns);
  const records: CellRecord[] = [];
  while (records.length <= most) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    const cells = await columnsOf(chunk, types);
    const count = Math.min(chunk.rowCount, most + 1 - records.length);
    for (let at = 0; at < count; at += 1) records.push(make(cells.map((column): Cell => column[at] ?? null)));
    await nextTurn();
  }
  const shown = records.slice(0, most);
  const typed = (of: (type: string, at: number) => string) =>
    Object.fromEntries(columns.map((name, at) => [name, of(types[at] ?? '', at)]));
  return {
    columns,
    types: typed((type) => type),
    dtypes: typed((type, at) =>
      dtypeOf(
        type,
        shown.some((record) => record[columns[at] ?? ''] === null),
      ),
    ),
    records: shown,
    shape: shapeOf(shown.length, columns.length),
    ...(records.length > most ? { truncated: true } : {}),
  };
}

/** Ends with `signal`, or when the time is over. */
function limitedSignal(clock: IClock, timeoutMs: number, signal: AbortSignal) {
  const ending = new AbortController();
  const timer = timeoutMs > 0 ? clock.setTimer(timeoutMs, () => ending.abort('timeout')) : null;
  return {
    signal: AbortSignal.any([signal, ending.signal]),
    explained: (error: unknown): unknown => {
      if (!ending.signal.aborted || signal.aborted) return error;
      const detail = `The statement took more than ${timeoutMs} ms, which is the most; ask for less at once.`;
      return new SojournError(
        'timeout',
        detail,
        { setting: 'data.sql_timeout_s', timeout_ms: timeoutMs },
        { cause: error },
      );
    },
    dispose: () => timer?.cancel(),
  };
}
