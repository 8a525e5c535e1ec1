/** Reads the table of a session by its labels, columns and positions. */
import type { ITableReads, TableFacts } from '../types/data-client.js';
import type {
  Cell,
  CellRecord,
  ColumnValues,
  Condition,
  DataTable,
  Label,
  RowRange,
  SqlTable,
} from '../types/tables.js';
import { DataQueries } from './data-queries.js';
import type { Columns } from './data-queries.js';
import { FilteredRows } from './filtered-rows.js';
import type { SessionCaller } from './session-caller.js';

/** As many as one answer in JSON holds, if they are not wide. */
const chunkRows = 10_000;

export class TableReads extends DataQueries implements ITableReads {
  protected constructor(session: SessionCaller) {
    super(session);
  }

  getValue(index?: Label, column?: string): Promise<Cell> {
    return this.member('get_value', 'value', { index, column });
  }

  getValueAt(index: Label, column: string): Promise<Cell> {
    return this.member('get_value_at', 'value', { index, column });
  }

  getSlice(start = 0, end?: number, columns?: Columns): Promise<DataTable> {
    return this.read('get_slice', { start, end, columns });
  }

  getColumn(column: string, range: RowRange = {}): Promise<ColumnValues> {
    return this.read('get_column', { column, ...range });
  }

  getColumnData(column: string, range: RowRange = {}): Promise<ColumnValues> {
    return this.read('get_column_data', { column, ...range });
  }

  getRowData(index: Label): Promise<{ index: Label; row: CellRecord }> {
    return this.read('get_row_data', { index });
  }

  getShape(): Promise<[number, number]> {
    return this.member('get_shape', 'shape');
  }

  getColumns(): Promise<string[]> {
    return this.member('get_columns', 'columns');
  }

  /** All of them: a page of labels after the other. */
  async getIndices(): Promise<Label[]> {
    const all: Label[] = [];
    for (let start: number | undefined = 0; start !== undefined;) {
      const params: object = start === 0 ? {} : { start };
      const page: { indices: Label[]; nextStart?: number } = await this.read('get_indices', params);
      for (const label of page.indices) all.push(label);
      start = page.nextStart;
    }
    return all;
  }

  getInputColumns(): Promise<string[]> {
    return this.member('get_input_columns', 'columns');
  }

  getOutputColumns(): Promise<string[]> {
    return this.member('get_output_columns', 'columns');
  }

  getSeriesColumns(): Promise<string[]> {
    return this.member('get_series_columns', 'columns');
  }

  getColumnType(column: string): Promise<string | null> {
    return this.member('get_column_type', 'columnType', { column });
  }

  async *chunks(rows = chunkRows, columns?: Columns): AsyncGenerator<DataTable> {
    const { shape: [total] = [0], version } = await this.read<TableFacts>('get_session', {});
    for (let start = 0; start < total;) {
      const end = Math.min(total, start + rows);
      const table = await this.read<DataTable>('get_slice', { start, end, columns, version });
      if (table.records.length === 0) return;
      yield table;
      start += table.records.length;
    }
  }

  async *rows(columns?: Columns): AsyncGenerator<CellRecord> {
    for await (const table of this.chunks(chunkRows, columns)) yield* table.records;
  }

  toArrow(columns?: Columns): Promise<Uint8Array> {
    return this.arrow('get_slice', { columns });
  }

  sql(query: string, params?: readonly Label[] | Readonly<Record<string, Label>>): Promise<SqlTable> {
    return this.read('sql', { query, params });
  }

  protected filtered(condition: Condition): FilteredRows {
    return new FilteredRows(this.session, condition);
  }

  /** One member of an answer. */
  protected async member<T>(operation: string, name: string, params: object = {}): Promise<T> {
    const answer = await this.read<Record<string, unknown>>(operation, params);
    return answer[name] as T;
  }
}
