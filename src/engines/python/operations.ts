/** What a Python session can be asked besides running code: its variables, and to run a script. */
import { z } from 'zod';
import { defineEngineOperation } from '../../types/engine.js';
import { mimeBundleSchema, resultStatusSchema } from '../../types/events.js';
import type { PythonEngine } from './python-engine.js';

const variableSchema = z
  .object({
    name: z.string(),
    type: z.string(),
    size: z.number().int().describe('Bytes, measured by type.'),
    preview: z.string().describe('At most 200 characters; made without running code of the session.'),
    shape: z.array(z.number().int()).optional().describe('Of arrays and data frames.'),
  })
  .meta({ id: 'Variable' });

const variableListSchema = z.object({ variables: z.array(variableSchema), variable_count: z.number().int() });

const variableValueSchema = z.object({
  name: z.string(),
  type: z.string(),
  size: z.number().int(),
  data: mimeBundleSchema,
});

const scriptSchema = z.object({
  path: z.string().min(1).max(4096).describe('Below the workspace.'),
  args: z.array(z.string().max(100_000)).max(1000).default([]),
  timeout_s: z.number().min(0).max(1e6).optional().describe('Ended after this many seconds; 0 = no limit.'),
  replay: z
    .boolean()
    .optional()
    .describe('false: recovery never runs it again; a checkpoint is taken instead.'),
});

const nameSchema = z.string().min(1).max(1000).describe('The name of a variable.');
const variablePath = '/sessions/:id/variables/:name';

export const listVariables = defineEngineOperation({
  name: 'list_variables',
  access: 'read',
  summary: 'Names, types, sizes and previews of all variables.',
  params: z.object({}),
  result: variableListSchema,
  http: [{ method: 'GET', path: '/sessions/:id/variables' }],
  run: (engine: PythonEngine, _params, context) =>
    engine.ask('list_variables', {}, variableListSchema, context),
});

export const getVariable = defineEngineOperation({
  name: 'get_variable',
  access: 'read',
  summary: 'One variable as text and, where it has one, in a richer form.',
  params: z.object({ name: nameSchema }),
  result: variableValueSchema,
  http: [{ method: 'GET', path: variablePath }],
  run: (engine: PythonEngine, { name }, context) =>
    engine.ask('get_variable', { name }, variableValueSchema, context),
});

export const setVariable = defineEngineOperation({
  name: 'set_variable',
  access: 'write',
  summary: 'Sets a variable to a JSON value.',
  params: z.object({ name: nameSchema, value: z.json().describe('Any JSON value.') }),
  result: variableSchema,
  http: [{ method: 'PUT', path: variablePath }],
  run: (engine: PythonEngine, { name, value }, context) =>
    engine.ask('set_variable', { name, value }, variableSchema, context),
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
  }),
  streams: true,
  run: (engine: PythonEngine, { path, args }, context) => engine.runScript({ path, args }, context),
});
