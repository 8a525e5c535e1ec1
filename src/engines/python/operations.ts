/** What a Python session can be asked besides running code: its variables and its packages. */
import { z } from 'zod';
import { defineEngineOperation } from '../../types/engine.js';
import { mimeBundleSchema } from '../../types/events.js';
import { installResultSchema } from './package-install.js';
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
