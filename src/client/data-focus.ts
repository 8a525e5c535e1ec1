/** The focus of a session's table: the place that is read and written when none is named. */
import type { IDataFocus } from '../types/data-client.js';
import type { Cell, CellRecord, Label } from '../types/tables.js';
import { TableReads } from './table-reads.js';

export class DataFocus extends TableReads implements IDataFocus {
  setIndex(index: Label): Promise<void> {
    return this.set('set_index', { index });
  }

  getIndex(): Promise<Label> {
    return this.member('get_index', 'index');
  }

  setColumn(column: string): Promise<void> {
    return this.set('set_column', { column });
  }

  getColumnFocus(): Promise<string | null> {
    return this.member('get_column', 'column');
  }

  setValue(value: Cell): Promise<void> {
    return this.set('set_value', { value });
  }

  setSelector(column: string): Promise<void> {
    return this.set('set_selector', { column });
  }

  getSelector(): Promise<string | null> {
    return this.member('get_selector', 'selector');
  }

  setSubindex(value: Label): Promise<void> {
    return this.set('set_subindex', { value });
  }

  getSubindex(): Promise<Label> {
    return this.member('get_subindex', 'subindex');
  }

  getSubseries(): Promise<{ records: CellRecord[]; shape: [number, number] }> {
    return this.member('get_subseries', 'subseries');
  }

  private async set(operation: string, params: Record<string, unknown>): Promise<void> {
    await this.session.call(operation, params);
  }
}
