/**
 * Puts the sections of an interface file together: the outer join of all tables by their labels, in the order of the
 * session's index; single values repeated in every row, and columns that are only asked for as nulls.
 */
import { fieldName } from '../store.js';
import type { Section } from '../version.js';
import { castSql } from '../cell-types.js';
import { commonType } from './common-type.js';
import type { Frame, FrameColumn } from './frame.js';
import { framed } from './frame-tables.js';
import { loadErrors } from './load-errors.js';
import { sectionRoles } from './section-roles.js';
import type { Workbench } from './workbench.js';

/** A section, ready to be joined. */
export type JoinedSection =
  | { readonly section: Section; readonly kind: 'table'; readonly frame: Frame; readonly index: FrameColumn }
  | { readonly section: Section; readonly kind: 'values'; readonly frame: Frame }
  /** Columns of a table that does not exist yet. */
  | { readonly section: Section; readonly kind: 'created'; readonly names: readonly string[] };

export interface SessionTable {
  readonly frame: Frame;
  /** The section of each of the frame's first columns; the columns behind them are the three below. */
  readonly sections: readonly Section[];
  readonly index: { readonly name: string; readonly column: FrameColumn } | null;
  readonly inIndex: FrameColumn | null;
  readonly inSeries: FrameColumn | null;
}

type TableSection = JoinedSection & { kind: 'table' };

const roleOf = (section: Section) => sectionRoles.get(section);

/** The table whose labels are the session's index. */
function leading(tables: readonly TableSection[]): TableSection | undefined {
  const plain = tables.filter(({ section }) => roleOf(section)?.shape === 'table');
  const groups = ['input', 'output', 'cache'] as const;
  const first = groups
    .map((group) => plain.find(({ section }) => roleOf(section)?.group === group))
    .find((found) => found !== undefined);
  return first ?? tables[0];
}

/** @param parts in loading order. Their tables are dropped. @throws interface_invalid for a column that two have */
export async function joinSections(bench: Workbench, parts: readonly JoinedSection[]): Promise<SessionTable> {
  refuseTwins(parts);
  const tables = parts.filter((part): part is TableSection => part.kind === 'table');
  const lead = leading(tables);
  const type = tables
    .map(({ index }) => index.type)
    .reduce<string | null>((known, own) => (known === null ? own : commonType(known, own)), null);
  const aliases = new Map(parts.map((part, at) => [part, `t${at}`]));
  const nameOf = (part: JoinedSection) => aliases.get(part) ?? '';
  const label = (part: TableSection, alias: string) =>
    castSql(`${alias}.${part.index.field}`, part.index.type, type ?? part.index.type);
  const cells = parts.flatMap((part) => cellsOf(part, nameOf(part)));
  const seriesRows = seriesCondition(parts, nameOf);
  const extra = [
    ...(lead ? [{ name: lead.index.name, sql: 'o.label', type: type ?? lead.index.type }] : []),
    { name: 'in index', sql: lead ? 'o.turn = 0' : 'true', type: 'BOOLEAN' },
    ...(seriesRows === null ? [] : [{ name: 'in series', sql: seriesRows, type: 'BOOLEAN' }]),
  ];
  const all = [...cells, ...extra];
  const turns = lead ? [lead, ...tables.filter((part) => part !== lead)] : [];
  const labels = turns.map(
    (part, turn) =>
      `SELECT ${label(part, 's')} AS label, ${turn} AS turn, s.rowid AS p FROM ${part.frame.table} s`,
  );
  const order = lead
    ? `(SELECT label, min(turn) AS turn, arg_min(p, turn * 1e12 + p) AS p FROM (${labels.join(' UNION ALL ')}) GROUP BY label) o`
    : '(SELECT 0 AS turn, 0 AS p) o';
  const joins = parts.flatMap((part) => joinOf(part, nameOf(part), label));
  const places = tables.map((part) => `${nameOf(part)}.p`);
  const list = all.map(({ sql }, at) => `${sql} AS ${fieldName(at)}`).join(', ');
  const sql = `SELECT ${list} FROM ${order} ${joins.join(' ')} ORDER BY ${['o.turn', 'o.p', ...places].join(', ')}`;
  const frame = framed(await bench.create(sql), all);
  for (const part of parts) if (part.kind !== 'created') await bench.drop(part.frame.table);
  return split(frame, cells, lead, seriesRows !== null);
}

function split(
  frame: Frame,
  cells: readonly { readonly section: Section }[],
  lead: TableSection | undefined,
  hasSeries: boolean,
): SessionTable {
  const rest = frame.columns.slice(cells.length);
  const labels = lead ? rest[0] : undefined;
  return {
    frame,
    sections: cells.map(({ section }) => section),
    index: labels ? { name: labels.name, column: labels } : null,
    inIndex: rest[lead ? 1 : 0] ?? null,
    inSeries: hasSeries ? (rest.at(-1) ?? null) : null,
  };
}

interface CellColumn {
  readonly section: Section;
  readonly name: string;
  readonly sql: string;
  readonly type: string;
}

function cellsOf(part: JoinedSection, alias: string): CellColumn[] {
  const { section } = part;
  if (part.kind === 'created')
    return part.names.map((name) => ({ section, name, sql: 'NULL::JSON', type: 'JSON' }));
  return part.frame.columns.map(({ name, field, type }) => ({
    section,
    name,
    type,
    sql: `${alias}.${field}`,
  }));
}

function joinOf(
  part: JoinedSection,
  alias: string,
  label: (part: TableSection, alias: string) => string,
): string[] {
  if (part.kind === 'created') return [];
  if (part.kind === 'values') return [`CROSS JOIN ${part.frame.table} ${alias}`];
  const rows = `(SELECT rowid AS p, * FROM ${part.frame.table})`;
  return [`LEFT JOIN ${rows} ${alias} ON o.label IS NOT DISTINCT FROM ${label(part, alias)}`];
}

/** Of a series that does not exist yet, every label of the index has one row. */
function seriesCondition(
  parts: readonly JoinedSection[],
  nameOf: (part: JoinedSection) => string,
): string | null {
  const conditions = parts
    .filter(({ section }) => roleOf(section)?.shape === 'series')
    .map((part) => (part.kind === 'table' ? `${nameOf(part)}.p IS NOT NULL` : 'o.turn = 0'));
  return conditions.length === 0 ? null : conditions.join(' OR ');
}

function refuseTwins(parts: readonly JoinedSection[]): void {
  const owners = new Map<string, Section>();
  for (const part of parts) {
    const names = part.kind === 'created' ? part.names : part.frame.columns.map(({ name }) => name);
    for (const name of names) {
      const other = owners.get(name);
      if (other !== undefined)
        throw loadErrors.invalid(
          `Sections "${other}" and "${part.section}" both have a column "${name}"; "rename_columns" or "ignore_columns" tells them apart.`,
          { column: name },
        );
      owners.set(name, part.section);
    }
  }
}
