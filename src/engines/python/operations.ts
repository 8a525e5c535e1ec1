/** What a Python session can be asked besides running code: its variables, its packages, and to run a script. */
import { z } from 'zod';
import { defineEngineOperation } from '../../types/engine.js';
import { mimeBundleSchema, mimeMetadataSchema, resultStatusSchema } from '../../types/events.js';
import { runParams } from '../../types/run-params.js';
import { installResultSchema } from './package-install.js';
import type { PythonEngine } from './python-engine.js';

const facts = {
  shape: z.array(z.number().int()).optional().describe('Of arrays, series and data frames.'),
  dtype: z.string().optional().describe('Of arrays and series.'),
  columns: z
    .array(z.object({ name: z.string(), dtype: z.string() }))
    .optional()
    .describe('Of data frames, the first 100.'),
  length: z.number().int().optional().describe('Of containers and text.'),
};

const variableSchema = z
  .object({
    name: z.string(),
    type: z.string().describe('The class, without its module.'),
    module: z.string().optional().describe('Of the class, unless it is a builtin or of the session.'),
    size_bytes: z
      .number()
      .int()
      .describe('Buffers of arrays and frames, index included; a walk for the rest.'),
    size_estimated: z.boolean().optional().describe('True when not everything was measured.'),
    ...facts,
    preview: z.string().describe('At most 200 characters; made without running code of the session.'),
  })
  .meta({ id: 'Variable' });

const variableListSchema = z.object({
  variables: z.array(variableSchema),
  variable_count: z.number().int(),
  truncated: z.boolean().optional().describe('True when there are more than the 10 000 that are listed.'),
});

const variableValueSchema = z.object({
  name: z.string(),
  type: z.string(),
  size_bytes: z.number().int(),
  ...facts,
  rows: z
    .object({ start: z.number().int(), end: z.number().int(), total: z.number().int() })
    .optional()
    .describe('Which rows these are, where some were asked for.'),
  data: mimeBundleSchema.optional().describe('For auto and mime: text and richer forms.'),
  metadata: mimeMetadataSchema.optional(),
  value: z.json().optional().describe('For json; for auto where JSON has the same value and it is small.'),
  exact: z.boolean().optional().describe('For json: false when something had to be written another way.'),
  content_type: z.string().optional(),
  base64: z.string().optional().describe('For arrow: the stream.'),
});

/** Whole numbers past 2^53 were rounded when the JSON was read, unless they were written with an exponent. */
function hasRoundedInteger(value: unknown): boolean {
  if (typeof value === 'number')
    return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(hasRoundedInteger);
}

const scriptSchema = z.object({
  path: z.string().min(1).max(4096).describe('Below the workspace.'),
  args: z.array(z.string().max(100_000)).max(1000).default([]),
  timeout_s: z.number().min(0).max(1e6).optional().describe('Ended after this many seconds; 0 = no limit.'),
  ...runParams,
});

const nameSchema = z.string().min(1).max(1000).describe('The name of a variable.');
const rowSchema = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const variablePath = '/sessions/:id/variables/:name';

export const listVariables = defineEngineOperation({
  name: 'list_variables',
  access: 'read',
  summary: 'Names, types, sizes and previews of all variables.',
  params: z.object({
    all: z.boolean().optional().describe('Modules, functions and names that begin with an underscore too.'),
  }),
  result: variableListSchema,
  http: [{ method: 'GET', path: '/sessions/:id/variables' }],
  run: (engine: PythonEngine, { all = false }, context) =>
    engine.ask('list_variables', { all }, variableListSchema, context),
});

export const getVariable = defineEngineOperation({
  name: 'get_variable',
  access: 'read',
  summary: 'One variable, or some of its rows: as text and richer, as JSON, or as an Arrow stream.',
  params: z.object({
    name: nameSchema,
    format: z
      .enum(['auto', 'mime', 'json', 'arrow'])
      .optional()
      .describe('auto, the default: mime, and the JSON value where JSON has the same.'),
    start: rowSchema.optional().describe('The first row, from 0, of a frame, series, array, list or text.'),
    end: rowSchema.optional().describe('The row after the last.'),
  }),
  result: variableValueSchema,
  http: [{ method: 'GET', path: variablePath }],
  media: { type: 'application/vnd.apache.arrow.stream', params: { format: 'arrow' }, member: 'base64' },
  run: (engine: PythonEngine, { format = 'auto', ...params }, context) =>
    engine.ask('get_variable', { ...params, format }, variableValueSchema, context),
});

export const setVariable = defineEngineOperation({
  name: 'set_variable',
  access: 'write',
  summary: 'Sets a variable to a JSON value.',
  params: z.object({
    name: nameSchema,
    value: z
      .json()
      .refine(
        (value) => !hasRoundedInteger(value),
        'a whole number beyond 2^53 would be rounded; set it with execute',
      )
      .describe('Any JSON value. Whole numbers become int; beyond 2^53 they are refused.'),
  }),
  result: variableSchema,
  http: [{ method: 'PUT', path: variablePath }],
  run: (engine: PythonEngine, { name, value }, context) =>
    engine.ask('set_variable', { name, value }, variableSchema, context),
});

export const installDependencies = defineEngineOperation({
  name: 'install_dependencies',
  access: 'write',
  // What an index gives tomorrow is not what it gave today.
  replay: false,
  summary: 'Installs packages for this session alone; importable at once, kept with its files.',
  params: z
    .object({
      packages: z
        .array(z.string().min(1).max(500))
        .max(100)
        .describe('Requirements such as `name`, `name[extra]` or `name>=1.0,<2`.'),
      upgrade: z.boolean().default(false).describe('Newer versions also of what is there already.'),
      timeout_s: z.number().min(0).max(1e6).default(600).describe('Stopped after it; 0 = no limit.'),
    })
    .refine(({ packages }) => packages.length > 0, { message: 'No packages provided for installation' }),
  result: installResultSchema,
  run: (engine: PythonEngine, { packages, upgrade }, context) =>
    engine.install({ packages, upgrade }, context),
});

export const runScript = defineEngineOperation({
  name: 'run_script',
  access: 'write',
  summary:
    'Runs a Python script of the workspace in a process of its own; the variables of the session stay as they are.',
  params: scriptSchema,
  result: z.object({
    status: resultStatusSchema.describe('ok when it ended with 0.'),
    returncode: z
      .number()
      .int()
      .nullable()
      .describe('Minus the number of the signal that ended it; null: not known.'),
    new_files: z.array(z.string()).optional().describe('With `report_files`: sorted.'),
    new_files_complete: z
      .boolean()
      .optional()
      .describe('False when the workspace is too large to tell them all.'),
  }),
  streams: true,
  run: (engine: PythonEngine, { path, args }, context) => engine.runScript({ path, args }, context),
});
