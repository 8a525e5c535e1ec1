/** What is asked of no session: tables read and written in one go, and single fields of interface files and talks. */
import { z } from 'zod';
import type { DialectAnswer, DialectCall } from '../../../types/dialect.js';
import { given, isGiven, json, success, valueError } from './answers.js';
import type { Members } from './answers.js';
import { failureOf } from './errors.js';

export type StatelessRoute = (body: Members, call: DialectCall) => Promise<DialectAnswer>;

const tableSchema = z.object({
  records: z.array(z.unknown()),
  columns: z.array(z.string()),
  shape: z.array(z.number()),
  dtypes: z.record(z.string(), z.string()),
});
const writtenSchema = z.object({ written: z.number() });
const valueSchema = z.object({ value: z.unknown() });

const readData: StatelessRoute = async (body, call) => {
  const isFile = isGiven(body, 'interface_file');
  if (!isFile && !isGiven(body, 'data_source'))
    throw valueError("Request must include either 'interface_file' or 'data_source'");
  const params = isFile
    ? { directory: '.', ...given(body, ['interface_file', 'directory', 'interface_field']) }
    : given(body, ['data_source']);
  const table = tableSchema.parse(await call('read_data', params));
  return success({ data: table });
};

const writeData: StatelessRoute = async (body, call) => {
  if (!isGiven(body, 'data') || !isGiven(body, 'output'))
    throw valueError("Request must include both 'data' and 'output'");
  const { written } = writtenSchema.parse(await call('write_data', given(body, ['data', 'output'])));
  return success({ message: `Wrote ${written} records` });
};

/** The other system has nothing behind this address either. */
const compute: StatelessRoute = (body) => {
  if (!isGiven(body, 'operation')) throw valueError("Request must include 'operation'");
  const { operation } = body;
  const name = typeof operation === 'string' ? operation : JSON.stringify(operation);
  const message = `Compute operation '${name}' completed`;
  return Promise.resolve(success({ operation, message, result: null }));
};

interface FieldRoute {
  readonly operation: string;
  readonly required: readonly string[];
  readonly defaults: Members;
  /** What stands for a value where there is none. */
  readonly none: string | null;
}

/** Their failures have a shape of their own. */
const field =
  ({ operation, required, defaults, none }: FieldRoute): StatelessRoute =>
  async (body, call) => {
    try {
      const missing = required.find((name) => !isGiven(body, name));
      if (missing !== undefined) throw valueError(`Missing required parameter: '${missing}'`);
      const params = { ...defaults, ...given(body, [...required, ...Object.keys(defaults)]) };
      const { value } = valueSchema.parse(await call(operation, params));
      return success({ value: value ?? none });
    } catch (error) {
      const { message, cause } = failureOf(error, { operation, body });
      return { ...json(500, { status: 'error', error: message, value: none }), failure: cause };
    }
  };

/** By path; all of them are POST. */
export const statelessRoutes: ReadonlyMap<string, StatelessRoute> = new Map([
  ['/api/read_data', readData],
  ['/api/write_data', writeData],
  ['/api/compute', compute],
  [
    '/api/interface/read',
    field({
      operation: 'read_interface_field',
      required: ['interface_file', 'field'],
      defaults: { directory: '.' },
      none: null,
    }),
  ],
  [
    '/api/talk/field',
    field({
      operation: 'talk_field',
      required: ['field', 'markdown_file'],
      defaults: { config_files: [] },
      none: '',
    }),
  ],
]);
