/** Finds the rows of a version by their labels. */
import { SojournError } from '../../types/errors.js';
import type { Cell } from './cells.js';
import type { ColumnReader } from './column-reader.js';
import type { Database } from './database.js';
import { familyOf, isInteger } from './dtypes.js';
import { LabelIndex } from './label-index.js';
import { literalOf } from './relation.js';
import { shortened } from './version.js';
import type { CellSource, Version } from './version.js';

export type Label = string | number | boolean;

/** Versions whose rows have other labels have indexes of their own. */
const indexesMax = 3;

export class RowFinder {
  /** By table and field; null where the labels do not fit into the cache. */
  private readonly indexes = new Map<string, LabelIndex | null>();
  private readonly building = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly reader: ColumnReader,
  ) {}

  /** The rows with a label, in their order; none when there is no such label. */
  async rows(version: Version, label: Label, signal?: AbortSignal): Promise<readonly number[]> {
    if (!version.index) {
      const row = typeof label === 'string' && /^\d{1,15}$/.test(label) ? Number(label) : label;
      return typeof row === 'number' && Number.isInteger(row) && row >= 0 && row < version.rows ? [row] : [];
    }
    const { source } = version.index;
    const sought = soughtAs(label, source.type);
    if (sought === undefined) return [];
    const found = this.indexes.get(keyOf(source))?.find(sought);
    if (found) return found;
    // The next one will be found at once; this one does not wait for that.
    this.prepare(source);
    return this.search(source, sought, signal);
  }

  private prepare(source: CellSource): void {
    const key = keyOf(source);
    if (this.indexes.has(key) || this.building.has(key)) return;
    this.building.add(key);
    void LabelIndex.build(source, this.reader)
      .then(
        (built) => {
          this.indexes.set(key, built);
          const [oldest] = this.indexes.keys();
          if (this.indexes.size > indexesMax && oldest !== undefined) this.indexes.delete(oldest);
        },
        // The database is gone, or will say what is wrong with it when it is asked itself.
        () => undefined,
      )
      .finally(() => this.building.delete(key));
  }

  private async search(source: CellSource, label: Cell, signal?: AbortSignal): Promise<number[]> {
    const { store, field, type } = source;
    const sql = `SELECT rowid::DOUBLE FROM ${store.table} WHERE ${field} = ${literalOf(label, type)} ORDER BY rowid`;
    const { columns } = await this.database.read(sql, [], signal);
    return (columns[0] ?? []).map(Number);
  }
}

const keyOf = ({ store, field }: CellSource): string => `${store.table}.${field}`;

/** A label as cells of a type are; undefined when no cell of it can be equal. */
function soughtAs(label: Label, type: string): Label | undefined {
  if (type === 'JSON') return label;
  const family = familyOf(type);
  if (family === 'number') {
    const text = typeof label === 'number' ? String(label) : label;
    if (typeof text !== 'string' || !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return undefined;
    const number = Number(text);
    if (!isInteger(type)) return number;
    if (!/^-?\d{1,39}$/.test(text)) return Number.isInteger(number) ? number : undefined;
    return Number.isSafeInteger(number) ? number : text;
  }
  if (family === 'boolean') return typeof label === 'boolean' ? label : undefined;
  return typeof label === 'string' ? label : undefined;
}

export function unknownLabel(label: unknown): SojournError {
  const told = typeof label === 'string' ? shortened(label) : label;
  return new SojournError('index_not_found', `Index ${JSON.stringify(told)} not found in data.`, {
    index: told,
  });
}
