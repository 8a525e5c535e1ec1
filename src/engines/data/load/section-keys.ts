/** What a section of an interface file may say, checked. */
import { z } from 'zod';
import { nearest } from '../../../core/nearest.js';
import { loadErrors } from './load-errors.js';
import type { ParsedRecord, ParsedValue } from './parsed-value.js';
import { isRecord } from './parsed-value.js';
import type { TextType } from './text-types.js';

const names = z.array(z.string());
const oneOrMore = z.union([z.string().transform((name) => [name]), names]);
const dtype = z.strictObject({
  field: z.string(),
  type: z.enum(['str_type', 'bool_type', 'int_type', 'float_type']),
});

const anyValue = z.custom<ParsedValue>((value) => value !== undefined);
const anyRecord = z.custom<ParsedRecord>((value) => isRecord(value as ParsedValue), 'must be a mapping');

const computeEntry = z.strictObject({
  function: z.string(),
  field: z.union([z.string(), names]).optional(),
  args: anyRecord.optional(),
  row_args: z.record(z.string(), z.string()).optional(),
  column_args: anyValue.optional(),
  view_args: anyValue.optional(),
  subseries_args: anyValue.optional(),
  function_args: anyValue.optional(),
  refresh: z.boolean().optional(),
  mode: z.enum(['replace', 'append', 'prepend']).optional(),
  separator: z.string().optional(),
});

const place = z.strictObject({
  directory: z.string().optional(),
  glob: z.string().optional(),
  regexp: z.string().optional(),
});

const shape = {
  type: z.string(),
  index: z.string({ error: '"index" should be a string in interface.' }).optional(),
  base_directory: z.string().optional(),
  directory: z.string().optional(),
  filename: oneOrMore.optional(),
  header: z.int().min(0).nullable().optional(),
  delimiter: z.string().length(1).optional(),
  quotechar: z.string().length(1).optional(),
  dtypes: z.array(dtype).optional(),
  sheet: z.union([z.string(), z.int().min(0)]).optional(),
  data: anyValue.optional(),
  nrows: anyValue.optional(),
  cols: anyValue.optional(),
  seed: z.int().optional(),
  source: z.union([place.transform((one) => [one]), z.array(place)]).optional(),
  store_fields: z
    .strictObject({
      root: z.string().optional(),
      directory: z.string().optional(),
      filename: z.string().optional(),
    })
    .optional(),
  credential: anyValue.optional(),
  specifications: anyValue.optional(),
  how: z.enum(['left', 'right', 'inner', 'outer']).optional(),
  lsuffix: z.string().optional(),
  rsuffix: z.string().optional(),
  on: z.string().optional(),
  reset_index: z.boolean().optional(),
  add_columns: oneOrMore.optional(),
  rename_columns: z.record(z.string(), z.string()).optional(),
  ignore_columns: oneOrMore.optional(),
  select_columns: oneOrMore.optional(),
  columns: oneOrMore.optional(),
  cache: oneOrMore.optional(),
  compute: z.union([computeEntry.transform((one) => [one]), z.array(computeEntry)]).optional(),
  mapping: z.record(z.string(), z.string()).nullable().optional(),
  select: anyValue.optional(),
  selector: z.string().optional(),
} as const;

const sectionSchema = z.strictObject(shape);
export type SectionKeys = z.output<typeof sectionSchema>;
export type ComputeEntry = z.output<typeof computeEntry>;

/** A file cannot widen what may be read. */
const discarded = new Set(['allowed_roots', 'unbounded_paths']);

/**
 * @param name what the section is called where it is wrong
 * @throws interface_invalid
 */
export function checkSection(value: ParsedValue | undefined, name: string): SectionKeys {
  if (!isRecord(value)) throw loadErrors.invalid(`Section "${name}" must be a mapping with a "type".`);
  const keys = Object.keys(value).filter((key) => !discarded.has(key));
  const known = Object.keys(shape);
  // The bare word `on` is a boolean in YAML 1.1.
  const entries = keys.map((key) => [key === 'true' ? 'on' : key, value[key]] as const);
  for (const [key] of entries) if (!known.includes(key)) throw unknownKey(key, name, known);
  if (value['type'] === undefined) {
    const details = keys.join('", "');
    throw loadErrors.invalid(
      `Field "type" missing in data source details for read_data, details are given as "${details}".`,
    );
  }
  const parsed = sectionSchema.safeParse(Object.fromEntries(entries));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path.map(String).join('.') ?? '';
  const own = issue?.message ?? '';
  if (path === 'index') throw loadErrors.invalid(own);
  throw loadErrors.invalid(`"${path}" in section "${name}" is wrong: ${own}.`, { section: name, key: path });
}

function unknownKey(key: string, section: string, known: readonly string[]) {
  const meant = nearest(key, known);
  const hint = meant === undefined ? `Keys are ${known.join(', ')}.` : `Did you mean "${meant}"?`;
  return loadErrors.invalid(`Unknown key "${key}" in section "${section}". ${hint}`, {
    section,
    key,
    nearest: meant ?? null,
  });
}

const textTypes: Readonly<Record<z.output<typeof dtype>['type'], TextType>> = {
  str_type: 'VARCHAR',
  bool_type: 'BOOLEAN',
  int_type: 'BIGINT',
  float_type: 'DOUBLE',
};

export const askedTypes = (section: SectionKeys): Map<string, TextType> =>
  new Map((section.dtypes ?? []).map(({ field, type }) => [field, textTypes[type]]));
