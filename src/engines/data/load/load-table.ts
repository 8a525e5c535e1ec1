/** Loads the table of a session, from an interface file or from one source. */
import { SojournError } from '../../../types/errors.js';
import { describeStore, writeStore } from '../store.js';
import type { Store } from '../store.js';
import type { Section } from '../version.js';
import type { Frame, FrameColumn } from './frame.js';
import { isCompact } from './frame-tables.js';
import { readInterface, interfacePath } from './interface-file.js';
import { loadErrors } from './load-errors.js';
import { indexed, readSection, withoutRepeats } from './load-section.js';
import type { LoadedSection } from './load-section.js';
import type { LoadContext, LoadedTable, LoadRequest } from './loaded.js';
import { isRecord } from './parsed-value.js';
import { checkSection } from './section-keys.js';
import type { SectionPlace } from './section-place.js';
import { inLoadingOrder, isSectionName, sectionRoles } from './section-roles.js';
import { Workbench } from './workbench.js';

/**
 * @throws interface_invalid · invalid_params for a path of the request itself · file_not_found · data_error ·
 * limit_exceeded · timeout
 */
export async function loadTable(request: LoadRequest, context: LoadContext): Promise<LoadedTable> {
  const bench = new Workbench(context);
  try {
    if (request.data_source !== undefined) return await loadSource(bench, request);
    return await loadInterface(bench, request);
  } finally {
    await bench.dispose();
  }
}

async function loadSource(bench: Workbench, request: LoadRequest): Promise<LoadedTable> {
  const keys = checkSection(request.data_source, 'data_source');
  const base = bench.paths.folder(request.directory ?? '.', bench.paths.home);
  const place: SectionPlace = { base, by: 'request', depth: 0 };
  bench.context.progress(`reading ${keys.type}`, 0);
  const frame = await readSection(bench, keys, place);
  if (keys.index === undefined) return finished(bench, { section: 'input', frame, index: null });
  const found = await indexed(bench, frame, keys.index);
  return finished(bench, await withoutRepeats(bench, { section: 'input', ...found }));
}

async function loadInterface(bench: Workbench, request: LoadRequest): Promise<LoadedTable> {
  if (request.interface_file === undefined)
    throw new SojournError('invalid_params', 'Missing required parameter: interface_file');
  const where = interfacePath(bench, { ...request, interface_file: request.interface_file });
  const file = await readInterface(bench, where, 'request');
  let content = file.content;
  if (request.interface_field !== undefined) {
    const inner = content[request.interface_field];
    if (!isRecord(inner))
      throw loadErrors.invalid(
        `Field "${request.interface_field}" specified but not found in file "${file.path}"`,
      );
    content = inner;
  }
  const sections = inLoadingOrder(Object.keys(content).filter(isSectionName));
  const [first] = sections;
  if (first === undefined) {
    const known = [...sectionRoles.keys()].join('", "');
    throw loadErrors.invalid(`No valid data found in interface. Data fields must be one of "${known}".`);
  }
  const keys = checkSection(content[first], first);
  if (keys.index === undefined)
    throw loadErrors.invalid('Missing index field in data frame specification in interface file');
  const place: SectionPlace = { base: file.directory, by: 'file', depth: 0 };
  const frame = await readSection(bench, keys, place);
  const found = await indexed(bench, frame, keys.index);
  return finished(bench, await withoutRepeats(bench, { section: first, ...found }));
}

/** A single section as the table of a session. */
async function finished(bench: Workbench, { section, frame, index }: LoadedSection): Promise<LoadedTable> {
  const all: FrameColumn[] = index ? [...frame.columns, index] : [...frame.columns];
  const { store, columns } = await stored(bench, { ...frame, columns: all });
  bench.context.progress('loaded', 1);
  const named = columns.map(({ name, field }) => ({ name, field, section: section satisfies Section }));
  return {
    store,
    columns: index ? named.slice(0, -1) : named,
    index: index ? { name: index.name, field: named.at(-1)?.field ?? '' } : null,
    inIndex: null,
    inSeries: null,
    selector: null,
    sources: bench.sources,
    warnings: bench.warnings,
  };
}

/** The frame's table itself where it has nothing that is not needed. */
async function stored(
  bench: Workbench,
  frame: Frame,
): Promise<{ store: Store; columns: readonly FrameColumn[] }> {
  const { database, context } = bench;
  const inTable = [...frame.columns].sort((a, b) => Number(a.field.slice(1)) - Number(b.field.slice(1)));
  if (isCompact({ ...frame, columns: inTable })) {
    const types = inTable.map(({ type }) => type);
    const store = await describeStore(database, frame.table, types, context.signal);
    bench.keep(frame.table);
    return { store, columns: frame.columns };
  }
  const fields = frame.columns.map(({ field }) => field).join(', ');
  const store = await writeStore(database, `SELECT ${fields} FROM ${frame.table}`, [], context.signal);
  await bench.drop(frame.table);
  return {
    store,
    columns: frame.columns.map((column, at) => ({ ...column, field: store.fields[at]?.field ?? '' })),
  };
}
