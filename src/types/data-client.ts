/**
 * What a program holds of a table that a server has: it asks for values, slices and statistics, and changes the table
 * where it lies. Names of columns, and everything in records, are the user's and never changed.
 */
import type { ByteStream } from './files.js';
import type { Receipt, WriteCallOptions } from './client.js';
import type {
  Aggregate,
  Cell,
  CellRecord,
  ColumnStats,
  ColumnValues,
  Comparison,
  Condition,
  CorrelationOptions,
  DataTable,
  Duplicates,
  FilteredTable,
  GroupOptions,
  GroupedTable,
  Label,
  Operator,
  OutlierOptions,
  OutlierTable,
  PageOptions,
  PivotOptions,
  RowRange,
  SampleOptions,
  SearchOptions,
  SqlTable,
  StatsOptions,
  TableDescription,
  TableRows,
  UniqueValues,
} from './tables.js';

/** What can be asked of all rows of a table, or of those that match a condition. */
export interface IRowQueries {
  /** Rows by position; `end` is exclusive and may lie past the last row, what is negative counts from the end. */
  getSlice(start?: number, end?: number, columns?: readonly string[]): Promise<DataTable>;
  head(rows?: number, columns?: readonly string[]): Promise<DataTable>;
  tail(rows?: number, columns?: readonly string[]): Promise<DataTable>;
  /** Nothing is asked until the rows are used; then all matching ones that fit into one answer come at once. */
  filter(column: string, operator: Operator, value?: Comparison['value']): IFilteredRows;
  filter(column: string, value: Label): IFilteredRows;
  filter(condition: Condition): IFilteredRows;
  /** Every record, page by page. */
  rows(columns?: readonly string[]): AsyncIterable<CellRecord>;
  getStats(column: string, options?: StatsOptions): Promise<ColumnStats>;
  getUnique(column: string, options?: PageOptions & { withCounts?: boolean }): Promise<UniqueValues>;
  describe(options?: PageOptions & { columns?: readonly string[] }): Promise<TableDescription>;
  countNulls(column: string): Promise<{ column: string; nullCount: number; total: number }>;
  countNulls(): Promise<{ nullCounts: Record<string, number>; total: number }>;
  /** Values, of several columns together, that come more than once. */
  findDuplicates(columns: string | readonly string[], options?: PageOptions): Promise<Duplicates>;
  getOutliers(column: string, options?: OutlierOptions): Promise<OutlierTable>;
  /** How many rows have the same key, or the aggregates of them. */
  groupBy(
    by: string | readonly string[],
    aggregates?: readonly Aggregate[],
    options?: GroupOptions,
  ): Promise<GroupedTable>;
  /** Rows by chance; the same seed gives the same rows of a version. */
  sample(rows: number, options?: SampleOptions): Promise<DataTable & { seed: number | string }>;
  /** Rows where a text is part of any cell of a text column. */
  search(text: string, options?: SearchOptions): Promise<DataTable>;
  correlation(options?: CorrelationOptions): Promise<{ columns: string[]; matrix: (number | null)[][] }>;
  pivot(options: PivotOptions): Promise<GroupedTable>;
  /** An Arrow IPC stream: `tableFromIPC(await rows.toArrow())` of the package apache-arrow reads it. */
  toArrow(columns?: readonly string[]): Promise<Uint8Array>;
}
/** Rows that match. Awaited, it is the table of them. */
export interface IFilteredRows extends IRowQueries, PromiseLike<FilteredTable> {
  readonly condition: Condition;
  count(): Promise<number>;
}

/** Reading a table by its labels, columns and positions. */
export interface ITableReads extends IRowQueries {
  getValue(index: Label, column: string): Promise<Cell>;
  /** The cell that the focus is on. */
  getValue(): Promise<Cell>;
  /** Any cell; the focus stays where it is. */
  getValueAt(index: Label, column: string): Promise<Cell>;
  getColumn(column: string, range?: RowRange): Promise<ColumnValues>;
  getColumnData(column: string, range?: RowRange): Promise<ColumnValues>;
  getRowData(index: Label): Promise<{ index: Label; row: CellRecord }>;
  getShape(): Promise<[number, number]>;
  getColumns(): Promise<string[]>;
  getIndices(): Promise<Label[]>;
  getInputColumns(): Promise<string[]>;
  getOutputColumns(): Promise<string[]>;
  getSeriesColumns(): Promise<string[]>;
  /** The section that it comes from; null when there is none. */
  getColumnType(column: string): Promise<string | null>;
  /** Covers each row once, also of a table that is changed meanwhile. */
  chunks(rows?: number, columns?: readonly string[]): AsyncIterable<DataTable>;
  /** One SELECT on the table `data`; parameters stand for `?` and `$1`, or by name for `$name`. */
  sql(query: string, params?: readonly Label[] | Readonly<Record<string, Label>>): Promise<SqlTable>;
}

/** The place in the table that is read and written when none is named. It belongs to the session, not to a client. */
export interface IDataFocus {
  setIndex(index: Label): Promise<void>;
  getIndex(): Promise<Label>;
  setColumn(column: string): Promise<void>;
  /** The name of the column that the focus is on. */
  getColumnFocus(): Promise<string | null>;
  setValue(value: Cell): Promise<void>;
  setSelector(column: string): Promise<void>;
  getSelector(): Promise<string | null>;
  setSubindex(value: Label): Promise<void>;
  getSubindex(): Promise<Label>;
  getSubseries(): Promise<{ records: CellRecord[]; shape: [number, number] }>;
}

export interface SortOptions extends WriteCallOptions {
  /** One for all columns, or one each. Default true. */
  ascending?: boolean | readonly boolean[];
  /** Default `last`. */
  nulls?: 'first' | 'last';
}
/** What a change of the table answers: the shape that it has now, and the version it made. */
export interface TableChange extends Receipt {
  shape: [number, number];
  version: number;
}
export interface VersionMove extends Receipt {
  headSeq: number;
  /** The place in the journal whose state it is now. */
  reachedSeq: number;
  /** False where that is not the place that was asked for. */
  exact: boolean;
  /** Why it is not. */
  reason?: string;
  steps: number;
}

/** Changes of the table: each makes a version that can be undone. */
export interface IDataChanges {
  /** Stable. Later slices and indices have the new order; the focus stays on its label. */
  sort(columns: string | readonly string[], options?: SortOptions): Promise<TableChange>;
  addColumn(column: string, content: ColumnContent, options?: WriteCallOptions): Promise<TableChange>;
  renameColumns(names: Readonly<Record<string, string>>, options?: WriteCallOptions): Promise<TableChange>;
  dropColumns(columns: string | readonly string[], options?: WriteCallOptions): Promise<TableChange>;
  /** By the names of pandas; a cell that does not fit is an error and nothing changes. */
  castColumns(types: Readonly<Record<string, string>>, options?: WriteCallOptions): Promise<TableChange>;
  fillNulls(value: Cell, options?: FillOptions): Promise<TableChange>;
  dropNulls(options?: DropOptions): Promise<TableChange>;
  /** All of them or none. */
  setValues(values: readonly CellValue[], options?: WriteCallOptions): Promise<TableChange>;
  /** A label stands under the name of the index. */
  appendRows(rows: readonly Readonly<CellRecord>[], options?: WriteCallOptions): Promise<TableChange>;
  /** Adds the columns of another session of the same owner. */
  join(
    other: string | { readonly id: string },
    options?: JoinOptions,
  ): Promise<TableChange & { columns: string[] }>;
  /** Into a file of the workspace. */
  saveTable(path: string, options?: SaveTableOptions): Promise<Record<string, unknown>>;
}
/** What a new column holds: the same in all rows, or one value for each. */
export type ColumnContent = { value: Cell } | { values: readonly Cell[] };
export interface CellValue {
  readonly index: Label;
  readonly column: string;
  readonly value: Cell;
}
export interface FillOptions extends WriteCallOptions {
  /** Default all. */
  columns?: readonly string[];
}
export interface DropOptions extends FillOptions {
  /** `any`, the default: rows with a null in any of the columns; `all`: rows with nothing else. */
  how?: 'any' | 'all';
}
export interface JoinOptions extends WriteCallOptions {
  /** A column of both tables; default their labels. */
  on?: string;
  /** Default `left`. */
  how?: 'left' | 'inner' | 'right' | 'outer';
  /** Of the other table; default all. */
  columns?: readonly string[];
  /** Behind names that both tables have; default nothing, and `_right`. */
  lsuffix?: string;
  rsuffix?: string;
}
export interface SaveTableOptions extends WriteCallOptions {
  /** By the ending of the path when left out. */
  format?: 'csv' | 'tsv' | 'json' | 'jsonl' | 'parquet' | 'arrow' | 'excel';
  where?: Condition;
}

/** Moves between the versions of a session's state, of every kind that keeps them. */
export interface IVersionMoves {
  undo(steps?: number, options?: WriteCallOptions): Promise<VersionMove>;
  redo(steps?: number, options?: WriteCallOptions): Promise<VersionMove>;
  /** To the state that the session had when everything up to `seq` was written. */
  goto(seq: number, options?: WriteCallOptions): Promise<VersionMove>;
}

/** What a session of kind `data` is, beside what every session is. */
export interface IDataSession extends ITableReads, IDataFocus, IDataChanges, IVersionMoves {}

/** What metadata say of a table, beside what they say of every session. */
export interface TableFacts {
  shape?: [number, number];
  columns?: string[];
  dtypes?: Record<string, string>;
  /** The name of the index; null where rows are labelled by their position. */
  index?: string | null;
  /** The seq of the present version. */
  version?: number;
  warnings?: string[];
  interfaceFile?: string | null;
  directory?: string | null;
  interfaceField?: string | null;
  /** The file that it was loaded from is another one by now. */
  sourceChanged?: boolean;
}

/** Where a new table comes from; one of these. Naming one makes it a session of kind `data`. */
export interface TableSource {
  /** Below the data roots of the server. */
  interfaceFile?: string;
  /** That the interface file lies in. */
  directory?: string;
  /** The part of the interface file that is the interface. */
  interfaceField?: string;
  /** As a section of an interface file, with its wire names: `{type: 'csv', filename: …}`. */
  dataSource?: Readonly<Record<string, unknown>>;
  data?: TableRows;
  /** Of rows or a file that are sent along: the column of labels. */
  index?: string;
  /** The bytes of a file, and what it is called: its ending tells what it is. */
  file?: Uint8Array | ByteStream;
  fileName?: string;
}
