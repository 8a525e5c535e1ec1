/**
 * A table on its way into a session: rows that lie in a table of the database already, and what its columns are
 * called. Columns have internal names there, so that what others call them never becomes a name in SQL.
 */
import { loadErrors } from './load-errors.js';

export interface FrameColumn {
  readonly name: string;
  /** In the table. */
  readonly field: string;
  readonly type: string;
}

export interface Frame {
  readonly table: string;
  /** How many fields the table has: f0, f1 … */
  readonly width: number;
  /** In their order; a field of the table that no column has is not used. */
  readonly columns: readonly FrameColumn[];
}

export const namesOf = (frame: Frame): string[] => frame.columns.map(({ name }) => name);

export const findColumn = (frame: Frame, name: string): FrameColumn | undefined =>
  frame.columns.find((column) => column.name === name);

const listed = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

function mustHave(frame: Frame, key: string, names: readonly string[]): void {
  const missing = names.find((name) => !findColumn(frame, name));
  if (missing === undefined) return;
  const known = listed(namesOf(frame));
  throw loadErrors.invalid(
    `${key} contains key "${missing}" which is not a column in the loaded DataFrame. Columns are ${known}`,
  );
}

/** @throws interface_invalid for a name that is not there, or that would be there twice */
export function renamed(frame: Frame, names: ReadonlyMap<string, string>): Frame {
  mustHave(frame, 'rename_columns', [...names.keys()]);
  const columns = frame.columns.map((column) => ({ ...column, name: names.get(column.name) ?? column.name }));
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (seen.has(name)) throw loadErrors.invalid(`rename_columns gives two columns the name "${name}".`);
    seen.add(name);
  }
  return { ...frame, columns };
}

/** @throws interface_invalid */
export function without(frame: Frame, names: readonly string[]): Frame {
  mustHave(frame, 'ignore_columns', names);
  return { ...frame, columns: frame.columns.filter(({ name }) => !names.includes(name)) };
}

/** These alone, in this order. @throws interface_invalid */
export function selected(frame: Frame, names: readonly string[]): Frame {
  mustHave(frame, 'select_columns', names);
  const columns = [...new Set(names)].flatMap((name) => findColumn(frame, name) ?? []);
  return { ...frame, columns };
}
