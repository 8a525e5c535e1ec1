/** Loads the table of a session, from an interface file or from one source. */
import { SojournError } from '../../../types/errors.js';
import { describeStore, writeStore } from '../store.js';
import type { Store } from '../store.js';
import { unknownColumn } from '../version.js';
import type { Section } from '../version.js';
import type { Frame, FrameColumn } from './frame.js';
import { isCompact } from './frame-tables.js';
import { asSection, withInherited } from './inheritance.js';
import { completed, interfaceIn, interfacePath, readInterface } from './interface-file.js';
import { loadErrors } from './load-errors.js';
import { loadSection } from './load-section.js';
import type { LoadContext, LoadedTable, LoadRequest } from './loaded.js';
import type { ParsedRecord } from './parsed-value.js';
import { plainText } from './parsed-value.js';
import { indexed, readSection } from './read-section.js';
import { checkSection } from './section-keys.js';
import type { SectionKeys } from './section-keys.js';
import type { SectionPlace } from './section-place.js';
import { inLoadingOrder, isSectionName, sectionRoles } from './section-roles.js';
import type { JoinedSection, SessionTable } from './session-join.js';
import { joinSections } from './session-join.js';
import { atBench } from './workbench.js';
import type { Workbench } from './workbench.js';

/**
 * @throws interface_invalid · invalid_params for a path of the request itself · file_not_found · data_error ·
 * not_supported · limit_exceeded · timeout
 */
export async function loadTable(request: LoadRequest, context: LoadContext): Promise<LoadedTable> {
  return atBench(context, (bench) => {
    const { data_source: source, interface_file: file } = request;
    if (source !== undefined) return loadSource(bench, request);
    if (file !== undefined) return loadInterface(bench, { ...request, interface_file: file });
    throw new SojournError('invalid_params', 'Missing required parameter: interface_file');
  });
}

async function loadSource(bench: Workbench, request: LoadRequest): Promise<LoadedTable> {
  const keys = checkSection(request.data_source, 'data_source');
  const base = bench.paths.folder(request.directory ?? '.', bench.paths.home);
  bench.context.progress(`Reading ${keys.type}.`, 0);
  const frame = await readSection(bench, keys, { base, by: 'request', depth: 0 });
  if (keys.index === undefined) return single(bench, 'input', frame, null);
  // As pandas has it: labels may repeat. Only the sections of an interface file lose rows to that.
  const names = frame.columns.map(({ name }) => name);
  if (!names.includes(keys.index)) throw unknownColumn(keys.index, names);
  const found = await indexed(bench, frame, keys.index);
  return single(bench, 'input', found.frame, found.index);
}

async function loadInterface(
  bench: Workbench,
  request: LoadRequest & { readonly interface_file: string },
): Promise<LoadedTable> {
  const file = await readInterface(bench, interfacePath(bench, request), 'request');
  const inner = interfaceIn(file, request.interface_field);
  const content = completed(bench, await withInherited(bench, inner), file);
  const sections = sectionsOf(content);
  const base = bench.paths.folder(plainText(content['base_directory']), file.directory);
  const place: SectionPlace = { base, by: 'file', depth: 0 };
  const parts: JoinedSection[] = [];
  for (const [at, { section, keys }] of sections.entries()) {
    bench.context.progress(`Reading section "${section}" (${keys.type}).`, at / (sections.length + 1));
    parts.push(await loadSection(bench, section, keys, place, content));
  }
  const [only] = parts;
  const selector = selectorOf(parts, sections);
  const isPlain = only?.kind === 'table' && sectionRoles.get(only.section)?.shape === 'table';
  if (parts.length === 1 && isPlain) return single(bench, only.section, only.frame, only.index);
  bench.context.progress('Joining the sections.', sections.length / (sections.length + 1));
  return joinedTable(bench, await joinSections(bench, parts), selector);
}

interface NamedSection {
  readonly section: Section;
  readonly keys: SectionKeys;
}

function sectionsOf(content: ParsedRecord): NamedSection[] {
  const sections = inLoadingOrder(Object.keys(content).filter(isSectionName));
  if (sections.length > 0)
    return sections.map((section) => ({
      section,
      keys: checkSection(asSection(content[section] ?? null), section),
    }));
  const known = [...sectionRoles.keys()].join('", "');
  throw loadErrors.invalid(`No valid data found in interface. Data fields must be one of "${known}".`);
}

/** Where it is not said, a series that stands alone is told apart by its first column. */
function selectorOf(parts: readonly JoinedSection[], sections: readonly NamedSection[]): string | null {
  const series = parts.filter(({ section }) => sectionRoles.get(section)?.shape === 'series');
  const names = series.flatMap((part) =>
    part.kind === 'table' ? part.frame.columns.map(({ name }) => name) : [],
  );
  for (const { section, keys } of sections) {
    if (keys.selector === undefined || sectionRoles.get(section)?.shape !== 'series') continue;
    if (names.includes(keys.selector)) return keys.selector;
    const isThere = series.some((part) => part.kind === 'table');
    if (isThere)
      throw loadErrors.invalid(
        `"selector" of section "${section}" names "${keys.selector}", which is no column of a series. Columns are "${names.join('", "')}"`,
      );
  }
  const others = parts.some(({ section }) => sectionRoles.get(section)?.shape === 'table');
  return others ? null : (names[0] ?? null);
}

/** A single section as the table of a session. */
async function single(
  bench: Workbench,
  section: Section,
  frame: Frame,
  index: FrameColumn | null,
): Promise<LoadedTable> {
  const sections = frame.columns.map(() => section);
  const whole = index ? { ...frame, columns: [...frame.columns, index] } : frame;
  const labels = index ? { name: index.name, column: index } : null;
  return joinedTable(bench, { frame: whole, sections, index: labels, inIndex: null, inSeries: null }, null);
}

async function joinedTable(
  bench: Workbench,
  table: SessionTable,
  selector: string | null,
): Promise<LoadedTable> {
  const { store, fieldOf: stored } = await stow(bench, table.frame);
  const fieldOrNull = (column: FrameColumn | null) => (column ? stored(column) : null);
  const columns = table.frame.columns.slice(0, table.sections.length).map((column, at) => ({
    name: column.name,
    field: stored(column),
    section: table.sections[at] ?? 'input',
  }));
  const inIndex = fieldOrNull(table.inIndex);
  bench.context.progress('Loaded.', 1);
  return {
    store,
    columns,
    index: table.index ? { name: table.index.name, field: stored(table.index.column) } : null,
    inIndex: inIndex !== null && (await hasFalse(bench, store, inIndex)) ? inIndex : null,
    inSeries: fieldOrNull(table.inSeries),
    selector,
    sources: bench.sources,
    warnings: bench.warnings,
  };
}

async function hasFalse(bench: Workbench, store: Store, field: string): Promise<boolean> {
  return (await bench.rowsIn(`${store.table} WHERE NOT ${field}`)) > 0;
}

interface Stowed {
  readonly store: Store;
  readonly fieldOf: (column: FrameColumn) => string;
}

/** As a store of the session: the frame's table itself where it has nothing that is not needed. */
async function stow(bench: Workbench, frame: Frame): Promise<Stowed> {
  const { database, context } = bench;
  const inTable = [...frame.columns].sort((a, b) => Number(a.field.slice(1)) - Number(b.field.slice(1)));
  if (isCompact({ ...frame, columns: inTable })) {
    const types = inTable.map(({ type }) => type);
    const store = await describeStore(database, frame.table, types, context.signal);
    bench.keep(frame.table);
    return { store, fieldOf: ({ field }) => field };
  }
  // A table without columns has rows all the same.
  const fields =
    frame.columns.length === 0 ? 'NULL::JSON AS f0' : frame.columns.map(({ field }) => field).join(', ');
  const store = await writeStore(database, `SELECT ${fields} FROM ${frame.table}`, [], context.signal);
  await bench.drop(frame.table);
  const places = new Map(frame.columns.map(({ field }, at) => [field, store.fields[at]?.field ?? '']));
  return { store, fieldOf: ({ field }) => places.get(field) ?? '' };
}
