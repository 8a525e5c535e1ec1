/**
 * What a program holds of a table that a server has: it asks for values, slices and statistics, and changes the table
 * where it lies. Names of columns, and everything in records, are the user's and never changed.
 */
import type { ByteStream } from './files.js';
import type { Receipt, WriteCallOptions } from './client.js';

/** What JSON can say of a cell: whole numbers beyond 2^53 and decimals are exact texts, times are ISO 8601. */
export type Cell = null | boolean | number | string | Cell[] | { [key: string]: Cell };
export type CellRecord = Record<string, Cell>;
/** Of a row. */
export type Label = string | number | boolean | null;
/** Rows to load, append or set: one by one, or column by column. */
export type TableRows = readonly Readonly<CellRecord>[] | Readonly<Record<string, readonly Cell[]>>;

export interface DataTable {
  columns: string[];
  /** The labels of the rows. */
  indices: Label[];
  records: CellRecord[];
  /** Rows and columns. */
  shape: [number, number];
  /** By column, as pandas names them. */
  dtypes: Record<string, string>;
  /** There is more than one answer holds. */
  truncated?: boolean;
  /** Where the next page begins. */
  nextStart?: number;
}
export interface FilteredTable extends DataTable {
  /** How many rows there are in all. */
  matched: number;
}

export type Operator =
  | '=='
  | '!='
  | '>'
  | '>='
  | '<'
  | '<='
  | 'in'
  | 'not in'
  | 'between'
  | 'contains'
  | 'not contains'
  | 'startswith'
  | 'endswith'
  | 'regex'
  | 'is null'
  | 'not null';
export interface Comparison {
  readonly column: string;
  /** Default `==`. */
  readonly operator?: Operator;
  /** A list for `in` and `not in`, two values for `between`, nothing for `is null` and `not null`. */
  readonly value?: Label | readonly Label[];
}
/** A null matches only `!=`, `not in`, `not contains` and `is null`. */
export type Condition =
  | Comparison
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] }
  | { readonly not: Condition };

export interface ColumnValues {
  column: string;
  values: Cell[];
  indices: Label[];
  dtype: string;
  truncated?: boolean;
  nextStart?: number;
}
/** What its type has; nulls are left out of everything but `nullCount`. */
export interface ColumnStats {
  column: string;
  dtype: string;
  count: number;
  nullCount: number;
  unique: number;
  mean?: Cell;
  /** With n - 1. */
  std?: Cell;
  min?: Cell;
  '25%'?: Cell;
  '50%'?: Cell;
  '75%'?: Cell;
  max?: Cell;
  sum?: Cell;
  /** The most frequent value, and how often it comes. */
  top?: Cell;
  freq?: number;
  minLength?: Cell;
  maxLength?: Cell;
  trueCount?: number;
  falseCount?: number;
  quantiles?: Record<string, Cell>;
  histogram?: Record<string, unknown>;
}
export interface StatsOptions {
  /** Further ones, from 0 to 1. */
  quantiles?: readonly number[];
  /** The number of bins. */
  histogram?: number;
}
export interface TableDescription {
  columns: string[];
  stats: Record<string, ColumnStats>;
  shape: [number, number];
  truncated?: boolean;
  nextStart?: number;
}
/** Which part of a long answer. */
export interface PageOptions {
  start?: number;
  limit?: number;
}
export interface UniqueValues {
  column: string;
  /** In order of first appearance, without nulls. */
  values: Cell[];
  /** With `withCounts`: how often each of them stands there. */
  counts?: number[];
  count: number;
  hasNull: boolean;
  truncated?: boolean;
  nextStart?: number;
}
export interface Duplicates {
  column?: string;
  columns?: string[];
  /** Of several columns the value has a member for each. */
  duplicates: { value: Cell; count: number; indices: Label[] }[];
  totalRows: number;
  truncated?: boolean;
  nextStart?: number;
}
export type Aggregates = Readonly<Record<string, string | readonly string[]>>;

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
  groupBy(by: string | readonly string[], aggregates: Aggregates): Promise<DataTable>;
  /** Rows by chance; the same seed gives the same rows of a version. */
  sample(rows: number, options?: SampleOptions): Promise<DataTable & { seed: number | string }>;
  /** Rows where a text is part of any cell of a text column. */
  search(text: string, options?: SearchOptions): Promise<DataTable>;
  correlation(columns?: readonly string[], options?: { method?: string }): Promise<Record<string, unknown>>;
  pivot(options: PivotOptions): Promise<DataTable>;
  /** An Arrow IPC stream: `tableFromIPC(await rows.toArrow())` of the package apache-arrow reads it. */
  toArrow(columns?: readonly string[]): Promise<Uint8Array>;
}
export interface OutlierOptions extends PageOptions {
  method?: 'std' | 'iqr';
  /** How many standard deviations from the mean; default 3. */
  stdDevs?: number;
  /** How many times the distance of the quartiles from them; default 1.5. */
  factor?: number;
  columns?: readonly string[];
}
export interface OutlierTable extends DataTable {
  mean: Cell;
  std: Cell;
  /** Smaller ones are outliers; null when there is nothing to compare. */
  lower: Cell;
  upper: Cell;
}
export interface SampleOptions {
  seed?: number | string;
  columns?: readonly string[];
}
export interface SearchOptions extends PageOptions {
  /** Where to look; default all columns of texts. */
  columns?: readonly string[];
  caseSensitive?: boolean;
}
export interface PivotOptions {
  index: string;
  columns: string;
  values: string;
  aggregate?: string;
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
  getColumn(column: string): Promise<ColumnValues>;
  getColumnData(column: string): Promise<ColumnValues>;
  getRowData(index: Label): Promise<{ index: Label; row: CellRecord }>;
  getShape(): Promise<[number, number]>;
  getColumns(): Promise<string[]>;
  getIndices(): Promise<Label[]>;
  getInputColumns(): Promise<string[]>;
  getOutputColumns(): Promise<string[]>;
  getSeriesColumns(): Promise<string[]>;
  /** The section that it comes from; null when there is none. */
  getColumnType(column: string): Promise<string | null>;
  /** Covers each row once. */
  chunks(rows?: number, columns?: readonly string[]): AsyncIterable<DataTable>;
  /** One SELECT over the table `data`; `?` stands for a parameter. */
  sql(query: string, params?: readonly Label[]): Promise<DataTable>;
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
/** What a change of the table answers: it made a version, named by `seq`. */
export type TableChange = Receipt & Record<string, unknown> & { shape: [number, number] };
export interface VersionMove extends Receipt {
  headSeq: number;
  /** The place of the write whose state it is now. */
  reachedSeq: number;
  exact: boolean;
  steps: number;
}

/** Changes of the table: each makes a version that can be undone. */
export interface IDataChanges {
  /** Stable. Later slices and indices have the new order; the focus stays on its label. */
  sort(columns: string | readonly string[], options?: SortOptions): Promise<TableChange>;
  addColumn(column: string, content: ColumnContent, options?: WriteCallOptions): Promise<TableChange>;
  renameColumns(names: Readonly<Record<string, string>>, options?: WriteCallOptions): Promise<TableChange>;
  dropColumns(columns: string | readonly string[], options?: WriteCallOptions): Promise<TableChange>;
  castColumns(dtypes: Readonly<Record<string, string>>, options?: WriteCallOptions): Promise<TableChange>;
  fillNulls(fill: FillNulls, options?: WriteCallOptions): Promise<TableChange>;
  dropNulls(columns?: readonly string[], options?: WriteCallOptions): Promise<TableChange>;
  setValues(column: string, value: Cell, options?: SetValuesOptions): Promise<TableChange>;
  appendRows(rows: TableRows, options?: WriteCallOptions): Promise<TableChange>;
  /** With the table of another session of the same owner. */
  join(other: string | { readonly id: string }, options: JoinOptions): Promise<TableChange>;
  /** Into a file of the workspace. */
  saveTable(path: string, options?: SaveTableOptions): Promise<Record<string, unknown>>;
}
/** What a new column holds: the same in all rows, one value for each, or what an expression of SQL gives. */
export type ColumnContent = { value: Cell } | { values: readonly Cell[] } | { expression: string };
export interface FillNulls {
  columns?: readonly string[];
  value?: Cell;
  method?: string;
}
export interface SetValuesOptions extends WriteCallOptions {
  where?: Condition;
}
export interface JoinOptions extends WriteCallOptions {
  on: string | readonly string[];
  how?: 'inner' | 'left' | 'right' | 'outer';
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
  interfaceFile?: string | null;
  directory?: string;
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
  /** The bytes of a file, and what it is called: its ending tells what it is. */
  file?: Uint8Array | ByteStream;
  fileName?: string;
}
