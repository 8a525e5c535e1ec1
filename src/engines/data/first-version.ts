/** Loads what a session begins with, and makes of it the first version and the focus. */
import { SojournError } from '../../types/errors.js';
import type { Cell } from './cells.js';
import type { DataEngine } from './data-engine.js';
import type { Focus } from './focus.js';
import type { LoadedTable } from './load/loaded.js';
import type { Origin } from './origin.js';
import type { DataOptions } from './options.js';
import { isSeries } from './sections.js';
import { columnAt, sourceAt } from './version-change.js';
import type { Version } from './version.js';

export interface First {
  readonly version: Version;
  readonly focus: Focus;
  readonly origin: Origin;
}

/** @throws interface_invalid · file_not_found · data_error · limit_exceeded · timeout · invalid_params */
export async function loadFirst(
  options: DataOptions,
  engine: DataEngine,
  ended: AbortSignal,
): Promise<First> {
  const { services, database, context } = engine;
  const { clock, files, log, loadTimeoutMs } = services;
  const slow = new AbortController();
  const timer = loadTimeoutMs > 0 ? clock.setTimer(loadTimeoutMs, () => slow.abort('timeout')) : null;
  const { loadTable } = await import('./load/load-table.js');
  try {
    const workspace = await files.realPath(context.workspace);
    const { in_workspace: isOwn = false, data_source: source, ...request } = options;
    const place = isOwn ? { ...source, directory: workspace } : source;
    const asked = { ...request, ...(place === undefined ? {} : { data_source: place }) };
    const loaded = await loadTable(asked, {
      database,
      roots: isOwn ? [workspace] : services.roots,
      files,
      clock,
      log,
      environment: {},
      signal: AbortSignal.any([ended, slow.signal]),
      progress: (message, fraction) =>
        context.emit({ type: 'progress', message, fraction: fraction ?? null }),
    });
    const version = firstVersion(loaded);
    for (const warning of loaded.warnings) log.warn({ warning }, 'loading a table');
    return { version, focus: await firstFocus(loaded, version, engine), origin: originOf(options, loaded) };
  } catch (error) {
    if (slow.signal.aborted) {
      const detail = `Loading took longer than ${loadTimeoutMs / 1000} s; data.load_timeout_s allows more.`;
      throw new SojournError('timeout', detail);
    }
    throw error;
  } finally {
    timer?.cancel();
  }
}

function firstVersion(loaded: LoadedTable): Version {
  const { store } = loaded;
  const at = (field: string) => store.fields.findIndex((candidate) => candidate.field === field);
  const mark = (field: string | null) => (field === null ? null : sourceAt(store, at(field)));
  return {
    seq: 0,
    parent: null,
    operation: 'load',
    rows: store.rows,
    columns: loaded.columns.map(({ name, field, section }) => columnAt(store, at(field), name, section)),
    index: loaded.index && { name: loaded.index.name, source: sourceAt(store, at(loaded.index.field)) },
    rowSource: sourceAt(store, 0),
    inIndex: mark(loaded.inIndex),
    inSeries: mark(loaded.inSeries),
    patches: new Map(),
  };
}

async function firstFocus(loaded: LoadedTable, version: Version, engine: DataEngine): Promise<Focus> {
  const label = version.index ? await engine.reader.cell(version.index.source, 0) : 0;
  const column = version.columns[0]?.name ?? null;
  const { selector } = loaded;
  const base: Focus = { index: version.rows > 0 ? labelOf(label) : null, column, selector, subindex: null };
  const isAlone = version.columns.every(isSeries);
  if (selector === null || !isAlone || version.rows === 0) return base;
  const source = version.columns.find(({ name }) => name === selector);
  return { ...base, subindex: source ? await engine.reader.cell(source, 0) : null };
}

const labelOf = (cell: Cell): string | number | boolean | null =>
  typeof cell === 'object' ? (cell === null ? null : JSON.stringify(cell)) : cell;

function originOf(options: DataOptions, loaded: LoadedTable): Origin {
  const file = options.interface_file;
  return {
    interface_file: file ?? null,
    directory: file === undefined ? null : (options.directory ?? '.'),
    interface_field: options.interface_field ?? null,
    sources: [...loaded.sources],
    warnings: [...loaded.warnings],
    source_changed: false,
  };
}
