/** Changes the table of a session where it lies, and moves between the versions that the changes have made. */
import type {
  Cell,
  ColumnContent,
  FillNulls,
  IDataSession,
  JoinOptions,
  SaveTableOptions,
  SetValuesOptions,
  SortOptions,
  TableChange,
  TableRows,
  VersionMove,
} from '../types/data-client.js';
import type { WriteCallOptions } from '../types/client.js';
import { camelize, snakeize } from './casing.js';
import { DataFocus } from './data-focus.js';
import type { Columns } from './data-queries.js';

export class DataHandle extends DataFocus implements IDataSession {
  sort(columns: string | Columns, options: SortOptions = {}): Promise<TableChange> {
    const { ascending, nulls, ...write } = options;
    return this.change('sort', { column: columns, ascending, nulls }, write);
  }

  addColumn(column: string, content: ColumnContent, options?: WriteCallOptions): Promise<TableChange> {
    return this.change('add_column', { column, ...content }, options);
  }

  renameColumns(names: Readonly<Record<string, string>>, options?: WriteCallOptions): Promise<TableChange> {
    return this.change('rename_columns', { columns: names }, options);
  }

  dropColumns(columns: string | Columns, options?: WriteCallOptions): Promise<TableChange> {
    return this.change(
      'drop_columns',
      { columns: typeof columns === 'string' ? [columns] : columns },
      options,
    );
  }

  castColumns(dtypes: Readonly<Record<string, string>>, options?: WriteCallOptions): Promise<TableChange> {
    return this.change('cast_columns', { columns: dtypes }, options);
  }

  fillNulls(fill: FillNulls, options?: WriteCallOptions): Promise<TableChange> {
    return this.change('fill_nulls', fill, options);
  }

  dropNulls(columns?: Columns, options?: WriteCallOptions): Promise<TableChange> {
    return this.change('drop_nulls', { columns }, options);
  }

  setValues(column: string, value: Cell, options: SetValuesOptions = {}): Promise<TableChange> {
    const { where, ...write } = options;
    return this.change('set_values', { column, value, where }, write);
  }

  appendRows(rows: TableRows, options?: WriteCallOptions): Promise<TableChange> {
    return this.change('append_rows', { records: rows }, options);
  }

  join(other: string | { readonly id: string }, options: JoinOptions): Promise<TableChange> {
    const { on, how, ...write } = options;
    const id = typeof other === 'string' ? other : other.id;
    return this.change('join', { with: id, on, how }, write);
  }

  saveTable(path: string, options: SaveTableOptions = {}): Promise<Record<string, unknown>> {
    const { format, where, ...write } = options;
    return this.change('save_table', { path, format, where }, write);
  }

  undo(steps = 1, options?: WriteCallOptions): Promise<VersionMove> {
    return this.change('undo', { steps }, options);
  }

  redo(steps = 1, options?: WriteCallOptions): Promise<VersionMove> {
    return this.change('redo', { steps }, options);
  }

  goto(seq: number, options?: WriteCallOptions): Promise<VersionMove> {
    return this.change('goto', { seq }, options);
  }

  private async change<T>(operation: string, params: object, options?: WriteCallOptions): Promise<T> {
    return camelize(await this.session.ask<object>(operation, snakeize(params), options)) as T;
  }
}
