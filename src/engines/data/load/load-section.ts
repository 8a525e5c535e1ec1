/** Loads one section of an interface file, or makes what does not exist yet. */
import { isSojournError } from '../../../types/errors.js';
import { fieldName } from '../store.js';
import type { Section } from '../version.js';
import type { Frame, FrameColumn } from './frame.js';
import { rewritten } from './frame-tables.js';
import { parameterRow } from './parameters.js';
import type { ParsedRecord, ParsedValue } from './parsed-value.js';
import { isRecord } from './parsed-value.js';
import { indexed, missingIndex, readSection } from './read-section.js';
import type { SectionKeys } from './section-keys.js';
import type { SectionPlace } from './section-place.js';
import { sectionRoles } from './section-roles.js';
import type { JoinedSection } from './session-join.js';
import type { Workbench } from './workbench.js';

/** @param content the whole interface, which may name the columns of what is made */
export async function loadSection(
  bench: Workbench,
  section: Section,
  keys: SectionKeys,
  place: SectionPlace,
  content: ParsedRecord,
): Promise<JoinedSection> {
  const role = sectionRoles.get(section);
  const shape = role?.shape ?? 'table';
  if (shape !== 'parameters' && keys.index === undefined) throw missingIndex();
  try {
    const frame = await readSection(bench, keys, place);
    if (shape === 'parameters')
      return { section, kind: 'values', frame: await parameterRow(bench, frame, keys, section) };
    const found = await indexed(bench, frame, keys.index ?? '');
    if (shape === 'series') return { section, kind: 'table', ...found };
    return { section, kind: 'table', ...(await withoutRepeats(bench, section, found)) };
  } catch (error) {
    const isMissing = isSojournError(error, 'interface_invalid') && error.fields['reason'] === 'file_missing';
    if (!isMissing || role?.group === 'input') throw error;
    return { section, kind: 'created', names: createdNames(section, keys, content) };
  }
}

/** Of rows with the same label the first one stays. */
export async function withoutRepeats(
  bench: Workbench,
  section: Section,
  { frame, index }: { readonly frame: Frame; readonly index: FrameColumn },
): Promise<{ frame: Frame; index: FrameColumn }> {
  const { field, name } = index;
  const [rows, different] = await bench.database.row(
    `SELECT count(*)::DOUBLE, count(DISTINCT hash(${field}))::DOUBLE FROM ${frame.table}`,
    [],
    bench.context.signal,
  );
  if (rows === different) return { frame, index };
  const whole: Frame = { ...frame, columns: [index, ...frame.columns] };
  const first = `WHERE t.rowid IN (SELECT min(rowid) FROM ${frame.table} GROUP BY ${field}) ORDER BY t.rowid`;
  const kept = await rewritten(bench, whole, first);
  const dropped = Number(rows) - (await bench.rowsIn(kept.table));
  if (dropped > 0) {
    const warning = `Section "${section}": ${dropped} rows with repeated labels of "${name}" were left out; the first of each stays.`;
    bench.warnings.push(warning);
    bench.context.log.warn({ section, dropped }, 'rows with repeated labels were left out');
  }
  const [label, ...columns] = kept.columns;
  return { frame: { ...kept, columns }, index: label ?? { ...index, field: fieldName(0) } };
}

function createdNames(section: Section, keys: SectionKeys, content: ParsedRecord): string[] {
  const named = [...(keys.columns ?? []), ...(keys.cache ?? [])];
  if (named.length > 0) return [...new Set(named)].filter((name) => name !== keys.index);
  const fields = ['precompute', 'compute', 'postcompute', 'review'].flatMap((key) => fieldsIn(content[key]));
  const isCache = sectionRoles.get(section)?.group === 'cache';
  return [...new Set(fields)].filter((name) => name.startsWith('_') === isCache && name !== keys.index);
}

/** The fields that entries name, those in groups of entries too. */
function fieldsIn(value: ParsedValue | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsIn);
  if (!isRecord(value)) return [];
  const { field, entries } = value;
  const own = Array.isArray(field) ? field : [field];
  const names = own.filter((name): name is string => typeof name === 'string' && name !== '_');
  return [...names, ...fieldsIn(entries)];
}
