/** Tables as programs see them: rows, conditions on rows, and what is found out about columns. */

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
  /** The seq of the version that these rows are of. */
  version?: number;
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
/** By position; `end` is exclusive, what is negative counts from the end. */
export interface RowRange {
  start?: number;
  end?: number;
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
export type AggregateFunction =
  | 'size'
  | 'count'
  | 'sum'
  | 'mean'
  | 'median'
  | 'min'
  | 'max'
  | 'std'
  | 'var'
  | 'nunique'
  | 'first'
  | 'last'
  | 'quantile';
export interface Aggregate {
  readonly function: AggregateFunction;
  /** Not needed for `size`. */
  readonly column?: string;
  /** Of the answer's column; default COLUMN_FUNCTION. */
  readonly name?: string;
  /** Of `quantile`; default 0.5. */
  readonly q?: number;
}
/** Rows that are none of the table's own: they have no labels. */
export type GroupedTable = Omit<DataTable, 'indices'>;
export interface SqlTable extends GroupedTable {
  /** By column, as DuckDB names them. */
  types: Record<string, string>;
  /** Columns that have another name in the statement, and their own. */
  renamed?: Record<string, string>;
}
export interface GroupOptions extends PageOptions {
  /** False: rows with a null in the key are a group too. */
  dropna?: boolean;
  /** False: in the order in which keys come. */
  sort?: boolean;
}
export interface CorrelationOptions {
  /** Default all columns of numbers. */
  columns?: readonly string[];
  method?: 'pearson' | 'spearman';
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
export interface PivotOptions extends PageOptions {
  /** What the rows are. */
  index: string | readonly string[];
  /** The column whose values become columns. */
  columns: string;
  values: string;
  /** Default `mean`. */
  aggregate?: AggregateFunction;
}
