/** What the section of an interface file that a column comes from says about it. */
import type { Column, Section } from './version.js';

const inputs = new Set<Section>(['input', 'data', 'constants', 'global_consts']);
const outputs = new Set<Section>(['output', 'writedata', 'series', 'writeseries', 'parameters', 'globals']);
const series = new Set<Section>(['series', 'writeseries', 'series_cache']);
const parameters = new Set<Section>([
  'constants',
  'global_consts',
  'parameters',
  'globals',
  'parameter_cache',
  'global_cache',
]);

export const isInput = ({ section }: Column): boolean => inputs.has(section);
export const isOutput = ({ section }: Column): boolean => outputs.has(section);
/** Several rows of one label differ in it. */
export const isSeries = ({ section }: Column): boolean => series.has(section);
/** One value for all rows. */
export const isParameter = ({ section }: Column): boolean => parameters.has(section);
