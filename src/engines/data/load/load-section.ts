/** One section: read, brought into the shape that it asks for, and its index found. */
import { fieldName } from '../store.js';
import type { Section } from '../version.js';
import { findColumn, renamed, selected, without } from './frame.js';
import type { Frame, FrameColumn } from './frame.js';
import { rewritten, withCounter, withNulls } from './frame-tables.js';
import { loadErrors } from './load-errors.js';
import { readSource } from './read-source.js';
import type { SectionKeys } from './section-keys.js';
import type { SectionPlace } from './section-place.js';
import type { Workbench } from './workbench.js';

export interface LoadedSection {
  readonly section: Section;
  /** The index left out. */
  readonly frame: Frame;
  /** Null: the rows are counted. */
  readonly index: FrameColumn | null;
}

/** Reads it and applies its keys, in their order. @throws interface_invalid · data_error */
export async function readSection(bench: Workbench, keys: SectionKeys, place: SectionPlace): Promise<Frame> {
  let frame = await readSource(bench, keys, place);
  frame = await withNulls(bench, frame, keys.add_columns ?? []);
  if (keys.rename_columns) frame = renamed(frame, new Map(Object.entries(keys.rename_columns)));
  if (keys.ignore_columns) frame = without(frame, keys.ignore_columns);
  if (keys.select_columns) frame = selected(frame, keys.select_columns);
  return withNulls(bench, frame, keys.columns ?? []);
}

/** The column of that name as the index; rows counted under that name where there is none. */
export async function indexed(
  bench: Workbench,
  frame: Frame,
  name: string,
): Promise<{ frame: Frame; index: FrameColumn }> {
  const whole = findColumn(frame, name) ? frame : await withCounter(bench, frame, name);
  const index = findColumn(whole, name);
  if (!index) throw loadErrors.invalid(`The index "${name}" is no column.`);
  return { frame: { ...whole, columns: whole.columns.filter((column) => column !== index) }, index };
}

/** Of rows with the same label the first one stays. */
export async function withoutRepeats(
  bench: Workbench,
  { section, frame, index }: LoadedSection & { index: FrameColumn },
): Promise<LoadedSection> {
  const { field, name } = index;
  const rows = await bench.database.row(
    `SELECT count(*)::DOUBLE, count(DISTINCT hash(${field}))::DOUBLE FROM ${frame.table}`,
    [],
    bench.context.signal,
  );
  if (rows[0] === rows[1]) return { section, frame, index };
  const whole: Frame = { ...frame, columns: [index, ...frame.columns] };
  const first = `QUALIFY row_number() OVER (PARTITION BY ${field} ORDER BY rowid) = 1 ORDER BY rowid`;
  const kept = await rewritten(bench, whole, first);
  const [count] = await bench.database.row(`SELECT count(*)::DOUBLE FROM ${kept.table}`);
  const dropped = Number(rows[0]) - Number(count);
  if (dropped > 0)
    bench.warnings.push(
      `Section "${section}": ${dropped} rows with repeated labels of "${name}" were left out; the first of each stays.`,
    );
  const [label, ...columns] = kept.columns;
  const stays = label ?? { ...index, field: fieldName(0) };
  return { section, frame: { ...kept, columns }, index: stays };
}
