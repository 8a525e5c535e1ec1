/** What can be asked without a session: to run code once, whether code would be run, and what engines add to that. */
import { z } from 'zod';
import type { EngineDefinition, IEngines, StatelessOperation } from '../types/engine.js';
import { isSojournError } from '../types/errors.js';
import type { IStatelessRuns } from '../types/managers.js';
import { defineServerOperation } from '../types/operation.js';
import type { Operation } from '../types/operation.js';
import { statelessResultSchema } from '../types/session.js';

const kind = z.string().default('python').describe('Which engine runs the code.');

/** Nobody can stop such a run but its own client, so there is always a limit. */
const common = {
  timeout_s: z.number().positive().max(3600).default(30).describe('Interrupted after this many seconds.'),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("The engine's own options, as for create_session."),
};

export function statelessOperations(engines: IEngines, runs: IStatelessRuns): Operation[] {
  const own = [...engines.values()].flatMap((definition) =>
    (definition.stateless ?? []).map((operation) => ownOperation(definition, operation, runs)),
  );
  return [runOnce(runs), checkCode(runs), ...own];
}

function runOnce(runs: IStatelessRuns): Operation {
  return defineServerOperation({
    name: 'run_once',
    access: 'write',
    summary: 'Runs code in a fresh session of its own that is gone with the answer.',
    params: z.strictObject({ kind, code: z.string(), silent: z.boolean().optional(), ...common }),
    result: statelessResultSchema,
    http: [{ method: 'POST', path: '/run_once' }],
    handle: ({ kind, options, timeout_s, ...params }, call) => {
      const request = { kind, options, operation: 'execute', params, code: params.code };
      return runs.run({ ...request, timeoutMs: timeout_s * 1000 }, call);
    },
  });
}

function checkCode(runs: IStatelessRuns): Operation {
  return defineServerOperation({
    name: 'check_code',
    access: 'read',
    summary: 'Says whether code would be run under these options, or why it would be rejected; runs nothing.',
    params: z.strictObject({ kind, code: z.string(), options: common.options }),
    result: z.object({ allowed: z.boolean(), detail: z.string().nullable() }),
    http: [{ method: 'POST', path: '/check_code' }],
    handle: async (request) => {
      try {
        await runs.check(request);
        return { allowed: true, detail: null };
      } catch (error) {
        if (!isSojournError(error, 'code_rejected')) throw error;
        return { allowed: false, detail: error.detail };
      }
    },
  });
}

function ownOperation(
  definition: EngineDefinition,
  operation: StatelessOperation,
  runs: IStatelessRuns,
): Operation {
  const { name, summary, http } = operation;
  return defineServerOperation({
    name,
    access: 'write',
    summary,
    params: operation.params.extend(common),
    result: statelessResultSchema,
    ...(http === undefined ? {} : { http }),
    handle: (given, call) => {
      const { options, timeout_s } = z.object(common).parse(given);
      const params = operation.params.strip().parse(given);
      const code = operation.code?.(params);
      const request = { kind: definition.name, options, operation: name, params, code };
      return runs.run({ ...request, timeoutMs: timeout_s * 1000 }, call);
    },
  });
}
