/**
 * What an interface file takes over from another one: the other's tables become inputs that stand before its own,
 * single values of the other become constants, and all other keys are taken over where it has none itself.
 */
import { z } from 'zod';
import { loadErrors } from './load-errors.js';
import type { InterfaceFile } from './interface-file.js';
import { readInterface } from './interface-file.js';
import type { ParsedRecord, ParsedValue } from './parsed-value.js';
import { isRecord } from './parsed-value.js';
import type { Workbench } from './workbench.js';

const inheritSchema = z.strictObject({
  directory: z.string(),
  filename: z.string().default('_lynguine.yml'),
  append: z.array(z.string()).default([]),
  ignore: z.array(z.string()).default([]),
  writable: z.boolean().optional(),
});

const generationsMax = 20;

/** The whole content, everything that is inherited put in. @throws interface_invalid · file_not_found */
export async function withInherited(
  bench: Workbench,
  file: InterfaceFile,
  heirs: readonly string[] = [],
): Promise<ParsedRecord> {
  const { inherit, ...own } = file.content;
  if (inherit === undefined || inherit === null) return own;
  const known = [...heirs, file.path];
  if (isRecord(inherit) && inherit['directory'] === undefined)
    throw loadErrors.invalid(
      `Inherit specified in interface file ${baseName(file)} in directory ${file.directory} but no directory to inherit from is specified.`,
    );
  const parsed = inheritSchema.safeParse(inherit);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = issue?.path.map(String).join('.') ?? '';
    throw loadErrors.invalid(`"inherit" in '${file.path}' is wrong: ${key} ${issue?.message ?? ''}.`);
  }
  const { directory, filename, append, ignore } = parsed.data;
  const folder = bench.paths.folder(directory, file.directory);
  const path = await bench.paths.confine(bench.paths.file(filename, folder), 'file');
  if (known.includes(path) || known.length >= generationsMax)
    throw loadErrors.invalid(`'${file.path}' inherits from itself: ${[...known, path].join(' → ')}.`);
  const parent = await readInterface(bench, { path, directory: folder }, 'file');
  const inherited = await withInherited(bench, parent, known);
  const kept = Object.entries(inherited).filter(([key]) => !ignore.includes(key));
  return merged(located(Object.fromEntries(kept), folder), own, append, path);
}

const baseName = ({ path }: InterfaceFile): string => path.slice(path.lastIndexOf('/') + 1);

const inputs = ['input', 'data'];
const outputs = ['output', 'writedata'];
const series = ['series', 'writeseries'];
const constants = ['constants', 'global_consts', 'parameters', 'globals'];
const caches = ['cache', 'series_cache', 'parameter_cache', 'global_cache'];
const sections = [...inputs, ...outputs, ...series, ...constants, ...caches];

/** Its sections go on meaning folders beside it. */
function located(content: ParsedRecord, folder: string): ParsedRecord {
  const base = typeof content['base_directory'] === 'string' ? content['base_directory'] : folder;
  const entries = Object.entries(content).flatMap(([key, value]): [string, ParsedValue][] => {
    if (key === 'base_directory' || key === 'user_file') return [];
    if (!sections.includes(key)) return [[key, value]];
    const section = asSection(value);
    return [[key, isRecord(section) ? { base_directory: base, ...section } : section]];
  });
  return Object.fromEntries(entries);
}

/** A bare list of sections is a stack of them. */
export const asSection = (value: ParsedValue): ParsedValue => {
  if (!Array.isArray(value)) return value;
  const index = value.flatMap((one) =>
    isRecord(one) && typeof one['index'] === 'string' ? [one['index']] : [],
  )[0];
  return { type: 'hstack', ...(index === undefined ? {} : { index }), specifications: value };
};

function merged(
  parent: ParsedRecord,
  child: ParsedRecord,
  append: readonly string[],
  path: string,
): ParsedRecord {
  const isFree = (key: string) => !sections.includes(key) || caches.includes(key);
  const result: ParsedRecord = {};
  for (const [key, value] of Object.entries(parent)) if (isFree(key)) result[key] = value;
  for (const [key, value] of Object.entries(child)) {
    const inherited = result[key];
    if (isFree(key) && append.includes(key) && inherited !== undefined)
      result[key] = appended(key, inherited, value);
    else result[key] = value;
  }
  const input = stackedInput(parent, child['input'], path);
  if (input !== undefined) result['input'] = input;
  const all = [...constants.flatMap((key) => parent[key] ?? []), ...listOf(child['constants'])];
  if (all.length > 0)
    result['constants'] = all.length === 1 ? (all[0] ?? null) : { type: 'stack', specifications: all };
  return result;
}

const listOf = (value: ParsedValue | undefined): ParsedValue[] => (value === undefined ? [] : [value]);

function appended(key: string, parent: ParsedValue, child: ParsedValue): ParsedValue {
  if (Array.isArray(parent) && Array.isArray(child)) return [...parent, ...child];
  if (isRecord(parent) && isRecord(child)) return { ...parent, ...child };
  throw loadErrors.invalid(
    `"${key}" cannot be appended to what is inherited: both must be lists, or both mappings.`,
  );
}

/** The other's tables, then the own one, all joined to the other's first one. */
function stackedInput(
  parent: ParsedRecord,
  own: ParsedValue | undefined,
  path: string,
): ParsedValue | undefined {
  const tables = inputs.flatMap((key) => parent[key] ?? []);
  const written = outputs.flatMap((key) => parent[key] ?? []);
  const repeated = series.flatMap((key) => parent[key] ?? []);
  const [first] = tables;
  if (tables.length + written.length + repeated.length === 0) return own;
  if (!isRecord(first) || typeof first['index'] !== 'string')
    throw loadErrors.invalid(`'${path}' cannot be inherited from: its "input" has no "index".`);
  if (written.length > 0 && first['mapping'] === undefined)
    throw loadErrors.invalid(`'${path}' cannot be inherited from: its "input" has no "mapping".`);
  const lists = repeated.map((section): ParsedValue => {
    if (!isRecord(section)) return section;
    const { selector: _selector, ...rest } = section;
    return { type: 'series', index: section['index'] ?? null, specifications: rest };
  });
  const ownSection = own === undefined ? [] : [asSection(own)];
  const all = [...tables, ...written, ...lists, ...ownSection];
  if (all.length === 1) return first;
  const mapping = Object.assign({}, ...all.map(mappingOf)) as ParsedRecord;
  return { type: 'hstack', index: first['index'], mapping, specifications: all.map(withoutMapping) };
}

const mappingOf = (section: ParsedValue): ParsedRecord =>
  isRecord(section) && isRecord(section['mapping']) ? section['mapping'] : {};

function withoutMapping(section: ParsedValue): ParsedValue {
  if (!isRecord(section)) return section;
  const { mapping: _mapping, ...rest } = section;
  return rest;
}
