/** Setting the cell that the focus means, as the kind of its column has it. */
import type { RunContext } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import { setCells } from './cell-changes.js';
import { widened } from './cell-types.js';
import type { Cell } from './cells.js';
import type { DataEngine } from './data-engine.js';
import { checkMutable, nowhere, selectorValues, seriesRows } from './focus.js';
import type { CellReads, Focus } from './focus.js';
import { literalOf } from './relation.js';
import { isSeries } from './sections.js';
import { castVersion, withRows } from './version-change.js';
import type { VersionChange } from './version-change.js';
import { columnOf } from './version.js';
import type { Column, Version } from './version.js';

/** @throws data_error for a column that is not to be changed, or a focus that is nowhere */
export async function setFocusedValue(engine: DataEngine, value: Cell, context: RunContext): Promise<void> {
  const { focus, version } = engine;
  const { column: name, index } = focus;
  if (name === null || name === nowhere || index === null)
    throw new SojournError('data_error', 'The focus is nowhere: set_index and set_column move it.');
  if (name === version.index?.name)
    throw new SojournError('data_error', `Column "${name}" is the index and cannot be modified.`, {
      column: name,
      reason: 'immutable',
    });
  const column = columnOf(version, name);
  if (engine.hasInterface) checkMutable(column);
  const reads = engine.reads(version, context.signal);
  const row = isSeries(column)
    ? await seriesRowToSet(focus, version, reads)
    : { rows: [...(await reads.rows(index))] };
  await engine.change('set_value', context, () =>
    'rows' in row
      ? setCells(engine.database, version, [{ column: name, rows: row.rows, cell: value }], context.signal)
      : addSeriesRow(engine, focus, { column, value }, context.signal),
  );
}

/** The row that is updated; `added` when none has the subindex yet. */
async function seriesRowToSet(
  focus: Focus,
  version: Version,
  reads: CellReads,
): Promise<{ rows: number[] } | { added: true }> {
  const { index, selector, subindex } = focus;
  if (selector === null)
    throw new SojournError('data_error', 'Selector not set.', { reason: 'selector_unset' });
  const rows = index === null ? [] : await seriesRows(index, reads);
  if (subindex === null) {
    const last = rows.at(-1);
    if (last !== undefined) return { rows: [last] };
    throw new SojournError('data_error', 'The series has no row of this index, and no subindex is set.');
  }
  const values = await selectorValues(focus, version, reads);
  const row = rows[values.lastIndexOf(subindex)];
  return row === undefined ? { added: true } : { rows: [row] };
}

/** A further row of the series, behind the last one of its label; it takes the place of one that only had no series. */
async function addSeriesRow(
  engine: DataEngine,
  { index, selector, subindex }: Focus,
  set: { column: Column; value: Cell },
  signal: AbortSignal,
): Promise<VersionChange> {
  const { database } = engine;
  const before = engine.version;
  const given = new Map<string, Cell>([
    [selector ?? '', subindex],
    [set.column.name, set.value],
  ]);
  const types = new Map([...given].map(([name, cell]) => [name, widened(columnOf(before, name).type, cell)]));
  const wide = { ...before, ...(await castVersion(database, before, types, signal)) };
  const rows = index === null ? [] : await engine.reads(wide, signal).rows(index);
  const last = rows.at(-1) ?? wide.rows - 1;
  const cells = wide.columns.map((column, at) => {
    const cell = given.get(column.name);
    if (cell !== undefined) return `${literalOf(cell, column.type)} AS c${at}`;
    return isSeries(column) ? `NULL::${column.type} AS c${at}` : `c${at}`;
  });
  const marks = [...(wide.inIndex ? ['in_index'] : []), ...(wide.inSeries ? ['true AS in_series'] : [])];
  const added = ['"row" + 0.5 AS "row"', 'label', ...marks, ...cells].join(', ');
  const replaced = wide.inSeries ? `NOT ("row" = ${last} AND NOT in_series)` : 'true';
  return withRows(
    database,
    wide,
    ({ from }) =>
      `(SELECT * REPLACE ("row"::DOUBLE AS "row") FROM ${from} WHERE ${replaced} ` +
      `UNION ALL BY NAME SELECT ${added} FROM ${from} WHERE "row" = ${last}) ORDER BY "row"`,
    { signal },
  );
}
