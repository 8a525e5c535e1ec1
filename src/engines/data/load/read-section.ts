/** One section with its keys: read by its type, brought into the shape that it asks for, and its index found. */
import type { Frame, FrameColumn } from './frame.js';
import { findColumn, renamed, selected, without } from './frame.js';
import { withCounter, withNulls } from './frame-tables.js';
import { loadErrors } from './load-errors.js';
import { parameterRow } from './parameters.js';
import type { ParsedValue } from './parsed-value.js';
import { readSource } from './read-source.js';
import { besides, gathered, joined, under } from './readers/stacks.js';
import type { HowJoined, Labelled } from './readers/stacks.js';
import { computed } from './section-compute.js';
import { checkSection } from './section-keys.js';
import type { SectionKeys } from './section-keys.js';
import type { SectionPlace } from './section-place.js';
import { baseOf } from './section-place.js';
import type { Workbench } from './workbench.js';

const depthMax = 8;

/** Reads it and applies its keys, in their order. @throws interface_invalid · data_error */
export async function readSection(bench: Workbench, keys: SectionKeys, place: SectionPlace): Promise<Frame> {
  let frame = (await readStack(bench, keys, place)) ?? (await readSource(bench, keys, place));
  if (!frame) throw loadErrors.invalid(`Unknown type "${keys.type}" in read_data.`);
  frame = await withNulls(bench, frame, keys.add_columns ?? []);
  if (keys.rename_columns) frame = renamed(frame, new Map(Object.entries(keys.rename_columns)));
  if (keys.ignore_columns) frame = without(frame, keys.ignore_columns);
  if (keys.select_columns) frame = selected(frame, keys.select_columns);
  frame = await withNulls(bench, frame, keys.columns ?? []);
  frame = await computed(bench, frame, keys.compute ?? []);
  checkMapping(frame, keys);
  return frame;
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

/** Names for templates: each must be one that a template can use, and a column has one at most. */
function checkMapping(frame: Frame, { mapping }: SectionKeys): void {
  const names = new Map<string, string>();
  for (const [name, column] of Object.entries(mapping ?? {})) {
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name))
      throw loadErrors.invalid(`"${name}" in "mapping" is not a valid variable name.`);
    const other = names.get(column);
    if (other !== undefined || (findColumn(frame, name) && name !== column))
      throw loadErrors.invalid(
        `"mapping" gives column "${column}" the name "${name}", which ${other === undefined ? 'another column has' : `is a second one beside "${other}"`}.`,
      );
    names.set(column, name);
  }
}

const stacks = new Set(['hstack', 'vstack', 'stack', 'series']);

async function readStack(bench: Workbench, keys: SectionKeys, place: SectionPlace): Promise<Frame | null> {
  const { type, specifications: given } = keys;
  if (!stacks.has(type)) return null;
  if (place.depth >= depthMax) throw loadErrors.invalid(`Stacks are nested deeper than ${depthMax}.`);
  const inner: SectionPlace = { ...place, base: baseOf(bench, keys, place), depth: place.depth + 1 };
  if (type === 'series') return series(bench, keys, inner);
  if (!Array.isArray(given) || given.length === 0)
    throw loadErrors.invalid(`A section of type "${type}" needs a list of "specifications".`);
  const sections = given.map((one) => nested(one, type));
  if (type === 'hstack') return hstack(bench, keys, sections, inner);
  const frames: Frame[] = [];
  for (const one of sections) {
    const read = await readSection(bench, one, inner);
    frames.push(one.select === undefined ? read : await parameterRow(bench, read, one, type));
  }
  return type === 'vstack' ? under(bench, frames) : besides(bench, frames);
}

async function series(bench: Workbench, keys: SectionKeys, place: SectionPlace): Promise<Frame> {
  const { index, specifications: given } = keys;
  if (index === undefined) throw missingIndex();
  const single = Array.isArray(given) && given.length === 1 ? given[0] : given;
  return gathered(bench, await readSection(bench, nested(single, 'series'), place), index);
}

export const missingIndex = () =>
  loadErrors.invalid('Missing index field in data frame specification in interface file');

const nested = (value: ParsedValue | undefined, type: string): SectionKeys =>
  checkSection(value, `specifications of ${type}`);

async function hstack(
  bench: Workbench,
  keys: SectionKeys,
  sections: readonly SectionKeys[],
  place: SectionPlace,
): Promise<Frame> {
  let whole: Labelled | null = null;
  for (const one of sections) {
    const name = one.index ?? keys.index;
    if (name === undefined) throw missingIndex();
    const read = await readSection(bench, one, place);
    const { frame, index } = await indexed(bench, read, name);
    const labelled: Labelled = { frame: { ...frame, columns: [...frame.columns, index] }, index };
    whole = whole === null ? labelled : await joined(bench, whole, labelled, howOf(one));
  }
  if (!whole) throw loadErrors.invalid('hstack: there is nothing to stack.');
  const { frame, index } = whole;
  const named = { ...index, name: keys.index ?? index.name };
  return { ...frame, columns: [...frame.columns.filter(({ field }) => field !== index.field), named] };
}

const howOf = ({ how, lsuffix, rsuffix, on }: SectionKeys): HowJoined => ({
  how: how ?? 'left',
  lsuffix: lsuffix ?? '',
  rsuffix: rsuffix ?? '_right',
  on: on === undefined || on === 'index' ? null : on,
});
