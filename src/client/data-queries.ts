/** What can be asked of all rows of a session's table, or of those that match a condition. */
import type { ByteStream } from '../types/files.js';
import type { IFilteredRows, IRowQueries } from '../types/data-client.js';
import type {
  Aggregate,
  CellRecord,
  ColumnStats,
  Comparison,
  Condition,
  CorrelationOptions,
  DataTable,
  Duplicates,
  GroupedTable,
  GroupOptions,
  Label,
  Operator,
  OutlierOptions,
  OutlierTable,
  PageOptions,
  PivotOptions,
  SampleOptions,
  SearchOptions,
  StatsOptions,
  TableDescription,
  UniqueValues,
} from '../types/tables.js';
import { camelize, snakeize } from './casing.js';
import type { SessionCaller } from './session-caller.js';

/** The form that `toArrow` asks for. */
const arrowStream = 'application/vnd.apache.arrow.stream';

export type Columns = readonly string[];

export abstract class DataQueries implements IRowQueries {
  protected constructor(
    protected readonly session: SessionCaller,
    /** Only rows that match are spoken of. */
    private readonly where?: Condition,
  ) {}

  abstract getSlice(start?: number, end?: number, columns?: Columns): Promise<DataTable>;
  abstract toArrow(columns?: Columns): Promise<Uint8Array>;
  abstract rows(columns?: Columns): AsyncIterable<CellRecord>;
  /** @param condition that of these rows included */
  protected abstract filtered(condition: Condition): IFilteredRows;

  filter(column: string, operator: Operator, value?: Comparison['value']): IFilteredRows;
  filter(column: string, value: Label): IFilteredRows;
  filter(condition: Condition): IFilteredRows;
  filter(...given: FilterArguments): IFilteredRows {
    const condition = conditionOf(given);
    return this.filtered(this.where ? { and: [this.where, condition] } : condition);
  }

  head(rows = 5, columns?: Columns): Promise<DataTable> {
    return this.getSlice(0, rows, columns);
  }

  tail(rows = 5, columns?: Columns): Promise<DataTable> {
    return rows === 0 ? this.getSlice(0, 0, columns) : this.getSlice(-rows, undefined, columns);
  }

  getStats(column: string, options: StatsOptions = {}): Promise<ColumnStats> {
    return this.read('get_stats', { column, ...options });
  }

  getUnique(column: string, options: PageOptions & { withCounts?: boolean } = {}): Promise<UniqueValues> {
    return this.read('get_unique', { column, ...options });
  }

  async describe(options: PageOptions & { columns?: Columns } = {}): Promise<TableDescription> {
    const answer = await this.read<Omit<TableDescription, 'stats'> & { stats: object }>('describe', options);
    const stats = Object.entries(answer.stats).map(([name, one]) => [name, camelize(one as object)]);
    return { ...answer, stats: Object.fromEntries(stats) as TableDescription['stats'] };
  }

  countNulls(column: string): Promise<{ column: string; nullCount: number; total: number }>;
  countNulls(): Promise<{ nullCounts: Record<string, number>; total: number }>;
  countNulls(column?: string): Promise<unknown> {
    return this.read('count_nulls', { column });
  }

  findDuplicates(columns: string | Columns, options: PageOptions = {}): Promise<Duplicates> {
    const asked = typeof columns === 'string' ? { column: columns } : { columns };
    return this.read('find_duplicates', { ...asked, ...options });
  }

  getOutliers(column: string, options: OutlierOptions = {}): Promise<OutlierTable> {
    return this.read('get_outliers', { column, ...options });
  }

  groupBy(
    by: string | Columns,
    aggregates?: readonly Aggregate[],
    options: GroupOptions = {},
  ): Promise<GroupedTable> {
    return this.read('group_by', { by, aggregates, ...options });
  }

  sample(rows: number, options: SampleOptions = {}): Promise<DataTable & { seed: number | string }> {
    return this.read('sample', { n: rows, ...options });
  }

  search(text: string, options: SearchOptions = {}): Promise<DataTable> {
    return this.read('search', { text, ...options });
  }

  correlation(options: CorrelationOptions = {}): Promise<{ columns: string[]; matrix: (number | null)[][] }> {
    return this.read('correlation', options);
  }

  pivot(options: PivotOptions): Promise<GroupedTable> {
    return this.read('pivot', options);
  }

  /** Only the answer's own keys are mapped: what stands below them is named by the user. */
  protected async read<T>(operation: string, params: object): Promise<T> {
    const asked = snakeize({ ...params, where: this.where });
    return camelize(await this.session.ask<object>(operation, asked)) as T;
  }

  protected async arrow(operation: string, params: object): Promise<Uint8Array> {
    const asked = snakeize({ ...params, where: this.where });
    return collected(await this.session.media(operation, asked, arrowStream));
  }
}

export type FilterArguments =
  | [column: string, operator: Operator, value?: Comparison['value']]
  | [column: string, value: Label]
  | [condition: Condition];

/** Told apart by what is an operator: text that is one, with a value behind it or in need of none. */
function conditionOf(given: FilterArguments): Condition {
  const [first, second, third] = given;
  if (typeof first !== 'string') return first;
  if (given.length >= 3)
    return { column: first, operator: second as Operator, ...(third === undefined ? {} : { value: third }) };
  if (second === 'is null' || second === 'not null') return { column: first, operator: second };
  return { column: first, operator: '==', value: second as Label };
}

async function collected(bytes: ByteStream): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    pieces.push(piece);
    size += piece.length;
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
