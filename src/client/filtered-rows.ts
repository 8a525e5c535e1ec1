/** The rows that match a condition: asked for when they are first used, and then answered from what has come. */
import type { IFilteredRows } from '../types/data-client.js';
import type { CellRecord, Condition, FilteredTable } from '../types/tables.js';
import { SojournError } from '../types/errors.js';
import { DataQueries } from './data-queries.js';
import type { Columns } from './data-queries.js';
import type { SessionCaller } from './session-caller.js';

export class FilteredRows extends DataQueries implements IFilteredRows {
  private first: Promise<FilteredTable> | null = null;

  constructor(
    session: SessionCaller,
    readonly condition: Condition,
  ) {
    super(session, condition);
  }

  then<A = FilteredTable, B = never>(
    fulfilled?: ((table: FilteredTable) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.table().then(fulfilled, rejected);
  }

  async count(): Promise<number> {
    return (await this.table()).matched;
  }

  /** Without a further request where the rows have come already. */
  async getSlice(start = 0, end?: number, columns?: Columns): Promise<FilteredTable> {
    const table = await this.table();
    const from = position(start, table.matched);
    const to = Math.max(from, position(end ?? table.matched, table.matched));
    if (to <= table.records.length) return part(table, from, to, columns);
    return withoutFurtherPages(await this.page(from, to - from, columns), to - from);
  }

  async *rows(columns?: Columns): AsyncGenerator<CellRecord> {
    const first = await this.table();
    const shown = columns ? part(first, 0, first.records.length, columns) : first;
    yield* shown.records;
    for (let next = first.nextStart; next !== undefined;) {
      const table = await this.page(next, undefined, columns);
      yield* table.records;
      next = table.nextStart;
    }
  }

  toArrow(columns?: Columns): Promise<Uint8Array> {
    return this.arrow('filter', { columns });
  }

  protected filtered(condition: Condition): FilteredRows {
    return new FilteredRows(this.session, condition);
  }

  /** The first page, which all uses share. What failed is asked for again. */
  private table(): Promise<FilteredTable> {
    this.first ??= this.read<FilteredTable>('filter', {}).catch((error: unknown) => {
      this.first = null;
      throw error;
    });
    return this.first;
  }

  /** Further pages are of the version that the first one was of. */
  private async page(start: number, limit?: number, columns?: Columns): Promise<FilteredTable> {
    const { version } = await this.table();
    return this.read('filter', { start, limit, columns, version });
  }
}

/** What is negative counts from the end; nothing lies outside. */
const position = (given: number, rows: number): number =>
  Math.min(rows, Math.max(0, Math.trunc(given < 0 ? rows + given : given)));

function part(table: FilteredTable, from: number, to: number, columns?: Columns): FilteredTable {
  const { truncated: _truncated, nextStart: _next, ...whole } = table;
  const names = columns ?? table.columns;
  for (const name of names) if (!table.columns.includes(name)) throw unknownColumn(name, table.columns);
  const records = table.records.slice(from, to);
  return {
    ...whole,
    columns: [...names],
    indices: table.indices.slice(from, to),
    records: columns ? records.map((record) => only(record, columns)) : records,
    shape: [records.length, names.length],
    dtypes: columns ? only(table.dtypes, columns) : table.dtypes,
  };
}

const only = <T>(record: Readonly<Record<string, T>>, names: Columns): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name)));

const unknownColumn = (name: string, columns: Columns) =>
  new SojournError(
    'column_not_found',
    `No column '${name}'; there are: ${columns.slice(0, 20).join(', ')}.`,
    {
      column: name,
    },
  );

/** What lies behind the rows that were wanted is no page of them. */
function withoutFurtherPages(table: FilteredTable, wanted: number): FilteredTable {
  if (table.records.length < wanted) return table;
  const { truncated: _truncated, nextStart: _next, ...rest } = table;
  return rest;
}
