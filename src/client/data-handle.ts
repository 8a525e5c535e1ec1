/** Changes the table of a session where it lies, and moves between the versions that the changes have made. */
import type {
  CellValue,
  ColumnContent,
  DropOptions,
  FillOptions,
  IDataSession,
  JoinOptions,
  SaveTableOptions,
  SortOptions,
  TableChange,
  VersionMove,
} from '../types/data-client.js';
import type { Cell, CellRecord } from '../types/tables.js';
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
    return this.change('drop_columns', { columns }, options);
  }

  castColumns(types: Readonly<Record<string, string>>, options?: WriteCallOptions): Promise<TableChange> {
    return this.change('cast_columns', { types }, options);
  }

  fillNulls(value: Cell, options: FillOptions = {}): Promise<TableChange> {
    const { columns, ...write } = options;
    return this.change('fill_nulls', { value, columns }, write);
  }

  dropNulls(options: DropOptions = {}): Promise<TableChange> {
    const { columns, how, ...write } = options;
    return this.change('drop_nulls', { columns, how }, write);
  }

  setValues(values: readonly CellValue[], options?: WriteCallOptions): Promise<TableChange> {
    return this.change('set_values', { values }, options);
  }

  appendRows(rows: readonly Readonly<CellRecord>[], options?: WriteCallOptions): Promise<TableChange> {
    return this.change('append_rows', { rows }, options);
  }

  join(
    other: string | { readonly id: string },
    options: JoinOptions = {},
  ): Promise<TableChange & { columns: string[] }> {
    const { on, how, columns, lsuffix, rsuffix, ...write } = options;
    const id = typeof other === 'string' ? other : other.id;
    return this.change('join', { otherSessionId: id, on, how, columns, lsuffix, rsuffix }, write);
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
