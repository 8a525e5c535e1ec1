/** What can be asked of sessions that run code: execute, its history, and the engines' own operations. */
import { z } from 'zod';
import { errors } from '../types/errors.js';
import type { EngineDefinition, EngineOperation, IEngines } from '../types/engine.js';
import { defineSessionOperation, journaledKeys, turnKeys } from '../types/operation.js';
import type { Operation, SessionCall } from '../types/operation.js';
import type { ISessionManager } from '../types/managers.js';
import { runParams } from '../types/run-params.js';
import { executeResultSchema, runOutputSchema, writeReceiptSchema } from '../types/session.js';
import type { ISessionInstance } from '../types/session.js';
import { historyEntrySchema, readHistory } from './history.js';
import { outputOperations } from './output-operations.js';

const none = z.strictObject({});

/** What every answer to an operation that streams carries. */
const streamedSchema = writeReceiptSchema.extend({ ...runOutputSchema.shape, duration_ms: z.number() });

const executeSchema = z
  .strictObject({
    code: z.string().optional(),
    command: z.string().optional().describe('Another name for code.'),
    timeout_s: z
      .number()
      .min(0)
      .max(1e6)
      .optional()
      .describe('Interrupted after this many seconds; 0 = no limit.'),
    allow_input: z
      .boolean()
      .optional()
      .describe('false: input() fails at once. Else it waits for reply_input, as long as the run may take.'),
    silent: z.boolean().optional().describe('Do not show the value of the last expression.'),
    ...runParams,
    clear_first: z
      .boolean()
      .optional()
      .describe('Removes all variables first, in the same turn; code that is refused removes nothing.'),
  })
  .refine(({ code, command }) => (code === undefined) !== (command === undefined), {
    message: 'give the code as text in `code` (or in `command`)',
    path: ['code'],
  });

/** Operations of every engine; those of one kind refuse sessions of another. */
export function codeOperations(engines: IEngines, sessions: ISessionManager): Operation[] {
  const definitions = [...engines.values()];
  const codeKinds = definitions
    .filter(({ capabilities }) => capabilities.execute === true)
    .map(({ name }) => name);
  const own = definitions.flatMap((definition) =>
    (definition.operations ?? [])
      .filter(({ internal }) => internal !== true)
      .map((operation) => engineOperation(definition, operation)),
  );
  return [...executionOperations(codeKinds, sessions), ...outputOperations(codeKinds), ...own];
}

function executionOperations(kinds: readonly string[], sessions: ISessionManager): Operation[] {
  return [
    defineSessionOperation({
      name: 'execute',
      access: 'write',
      takes: journaledKeys,
      summary:
        'Runs code; answers with its output, result and error. A Python exception is status "error", not a failure.',
      params: executeSchema,
      result: executeResultSchema,
      kinds,
      answersOnce: true,
      handle: async ({ code, command, ...rest }, call) => {
        const params = { code: code ?? command ?? '', ...rest };
        return executeResultAnswer(await performWrite(kinds, 'execute', params, call));
      },
    }),
    defineSessionOperation({
      name: 'get_execution',
      access: 'read',
      summary: 'The answer to an earlier execution, any number of times, also after a restart.',
      params: z.strictObject({ seq: z.number().int().min(0) }),
      result: executeResultSchema,
      kinds,
      http: [{ method: 'GET', path: '/sessions/:id/executions/:seq' }],
      handle: ({ seq }, call) => call.use((session) => session.readExecution(seq)),
    }),
    defineSessionOperation({
      name: 'get_history',
      access: 'read',
      summary: 'The newest executions with code, output, error and time, oldest first.',
      params: z.strictObject({ limit: z.number().int().min(1).max(10_000).default(100) }),
      result: z.object({ history: z.array(historyEntrySchema), total_executions: z.number().int() }),
      kinds,
      http: [{ method: 'GET', path: '/sessions/:id/history' }],
      handle: async ({ limit }, call) => {
        const { head_seq, total_executions } = await sessions.getMetadata(call.session_id, call.principal);
        const read = (from: number, count: number) =>
          sessions.readEvents(call.session_id, from, count, call.principal);
        return { history: await readHistory(read, head_seq, limit), total_executions };
      },
    }),
    defineSessionOperation({
      name: 'clear',
      access: 'write',
      takes: turnKeys,
      summary: 'Removes all variables; the session, its files and its history stay.',
      params: none,
      result: writeReceiptSchema,
      kinds,
      answersOnce: true,
      handle: async (params, call) =>
        writeReceiptSchema.parse(await performWrite(kinds, 'clear', params, call)),
    }),
  ];
}

function engineOperation(definition: EngineDefinition, operation: EngineOperation): Operation {
  const kinds = [definition.name];
  const { name, access, summary, params: schema, http, media } = operation;
  const params = strictly(schema);
  const shape = { name, access, summary, params, ...(http === undefined ? {} : { http }) };
  if (operation.access === 'read') {
    return defineSessionOperation({
      ...shape,
      ...(media === undefined ? {} : { media }),
      ...(operation.stream === undefined ? {} : { stream: operation.stream }),
      result: operation.result,
      kinds,
      handle: (params, call) =>
        call.use((session) => {
          checkKind(session, kinds, operation.name);
          return session.performRead(operation.name, asParams(params), call.signal);
        }),
    });
  }
  return defineSessionOperation({
    ...shape,
    takes: journaledKeys,
    result: z.intersection(
      operation.result,
      operation.streams === true ? streamedSchema : writeReceiptSchema,
    ),
    kinds,
    answersOnce: true,
    handle: async (params, call) =>
      writeReceiptSchema.loose().parse(await performWrite(kinds, operation.name, asParams(params), call)),
  });
}

/** Unknown parameters are refused, unless the engine says itself what becomes of them. */
const strictly = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodObject && schema.def.catchall === undefined ? schema.strict() : schema;

/** A write of sessions of these kinds. @throws not_supported for others */
export function performWrite(
  kinds: readonly string[],
  operation: string,
  params: Record<string, unknown>,
  call: SessionCall,
): Promise<unknown> {
  return call.use((session) => {
    checkKind(session, kinds, operation);
    return session.performWrite(operation, params, call);
  });
}

function checkKind(session: ISessionInstance, kinds: readonly string[], operation: string): void {
  if (!kinds.includes(session.kind)) throw errors.notSupported(session.kind, operation);
}

/** Parameters of engine operations are objects: the catalogue has parsed them. */
const asParams = (params: unknown): Record<string, unknown> =>
  z.record(z.string(), z.unknown()).parse(params);

/** The pipeline builds it from typed parts; parsing a large answer again would cost more than it shows. */
const executeResultAnswer = (answer: unknown) => answer as z.input<typeof executeResultSchema>;
