/** The sections that an interface file may have, and what each is in the session. */
import type { Section } from '../version.js';

export interface SectionRole {
  /** Rows with labels, several rows for a label, or one value for all rows. */
  readonly shape: 'table' | 'series' | 'parameters';
  /** The group of the loading order. */
  readonly group: 'input' | 'output' | 'cache';
}

export const sectionRoles: ReadonlyMap<Section, SectionRole> = new Map<Section, SectionRole>([
  ['input', { shape: 'table', group: 'input' }],
  ['data', { shape: 'table', group: 'input' }],
  ['constants', { shape: 'parameters', group: 'input' }],
  ['global_consts', { shape: 'parameters', group: 'input' }],
  ['output', { shape: 'table', group: 'output' }],
  ['writedata', { shape: 'table', group: 'output' }],
  ['series', { shape: 'series', group: 'output' }],
  ['writeseries', { shape: 'series', group: 'output' }],
  ['parameters', { shape: 'parameters', group: 'output' }],
  ['globals', { shape: 'parameters', group: 'output' }],
  ['cache', { shape: 'table', group: 'cache' }],
  ['series_cache', { shape: 'series', group: 'cache' }],
  ['parameter_cache', { shape: 'parameters', group: 'cache' }],
  ['global_cache', { shape: 'parameters', group: 'cache' }],
]);

const roleOf = (section: Section): SectionRole =>
  sectionRoles.get(section) ?? { shape: 'table', group: 'input' };

/** Input tables; input parameters; output and series tables; everything else. */
function turnOf(section: Section): number {
  const { shape, group } = roleOf(section);
  if (group === 'input') return shape === 'parameters' ? 1 : 0;
  return group === 'output' && shape !== 'parameters' ? 2 : 3;
}

/** In the order in which they are loaded, which is that of the session's columns too. */
export const inLoadingOrder = (sections: readonly Section[]): Section[] =>
  [...sections].sort((a, b) => turnOf(a) - turnOf(b));

export const isSectionName = (name: string): name is Section => sectionRoles.has(name as Section);
