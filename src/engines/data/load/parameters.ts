/** Sections that have one value for each column, valid for all rows. */
import type { Frame } from './frame.js';
import { findColumn } from './frame.js';
import { rewritten } from './frame-tables.js';
import { loadErrors } from './load-errors.js';
import type { ParsedValue } from './parsed-value.js';
import { isRecord } from './parsed-value.js';
import type { SectionKeys } from './section-keys.js';
import type { Workbench } from './workbench.js';

/**
 * The row that holds the values: the one that `select` names by its label, or the only one. The index is no value.
 * @throws interface_invalid when it is not plain which row is meant
 */
export async function parameterRow(
  bench: Workbench,
  frame: Frame,
  keys: SectionKeys,
  section: string,
): Promise<Frame> {
  const label = keys.index === undefined ? undefined : findColumn(frame, keys.index);
  const columns = frame.columns.filter((column) => column !== label);
  const select = keys.select ?? null;
  if (select !== null) {
    if (!label)
      throw loadErrors.invalid(`Section "${section}" has "select", so its "index" must name a column.`);
    const values = [textOf(select, section)];
    const rest = `WHERE t.${label.field}::VARCHAR = $1 ORDER BY t.rowid LIMIT 1`;
    const row = await rewritten(bench, { ...frame, columns }, rest, values);
    if ((await bench.rowsIn(row.table)) !== 1)
      throw loadErrors.invalid(
        `"select" of section "${section}" names "${values[0] ?? ''}", which is no label.`,
      );
    return row;
  }
  const rows = await bench.rowsIn(frame.table);
  if (rows === 1) return { ...frame, columns };
  throw loadErrors.invalid(
    `Section "${section}" has ${rows} rows where one is needed; "select" names the label of the row that is meant.`,
  );
}

function textOf(select: ParsedValue, section: string): string {
  if (Array.isArray(select) || isRecord(select))
    throw loadErrors.invalid(`"select" of section "${section}" must be one label.`);
  return String(select);
}
