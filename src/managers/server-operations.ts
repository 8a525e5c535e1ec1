/** What can be asked of the server as a whole. */
import { z } from 'zod';
import { createParams, createRequest } from './create-request.js';
import { isolationOf } from '../types/engine.js';
import type { EngineDefinition, IEngines } from '../types/engine.js';
import type { ISessionManager } from '../types/managers.js';
import { defineServerOperation } from '../types/operation.js';
import type { Operation } from '../types/operation.js';
import type { IClock } from '../types/ports.js';
import { sessionMetadataSchema, sessionStatusSchema } from '../types/session.js';
import type { Isolation } from '../types/session.js';

export interface ServerFacts {
  readonly version: string;
  readonly pid: number;
  /** Resident memory of the server process, in bytes. */
  memoryBytes(): number;
  readonly limits: Readonly<Record<string, number>>;
}

const none = z.strictObject({});

export function serverOperations(
  sessions: ISessionManager,
  engines: IEngines,
  facts: ServerFacts,
  clock: IClock,
): Operation[] {
  return [...listOperations(sessions, engines), statusOperation(sessions, engines, facts, clock)];
}

function listOperations(sessions: ISessionManager, engines: IEngines): Operation[] {
  return [
    defineServerOperation({
      name: 'create_session',
      access: 'write',
      summary: 'Creates a session; its id is chosen by the server when left out.',
      stream: 'optional-body',
      params: createParams(engines),
      result: sessionMetadataSchema,
      http: [{ method: 'POST', path: '/sessions', status: 201 }],
      handle: (params, call) =>
        sessions.createSession(createRequest(params, engines, call.body !== undefined), call),
    }),
    defineServerOperation({
      name: 'list_sessions',
      access: 'read',
      shared: true,
      summary: 'Lists sessions, newest first, a page at a time.',
      params: z.strictObject({
        kind: z.string().optional(),
        status: sessionStatusSchema.optional(),
        tag: z.string().optional(),
        include_inactive: z
          .boolean()
          .default(false)
          .describe('Sessions that have not been used for session.inactive_after_s, too.'),
        limit: z.number().int().min(1).max(1000).default(100),
        cursor: z.string().max(1000).optional(),
      }),
      result: z.object({
        sessions: z.array(sessionMetadataSchema),
        total_sessions: z.number().int(),
        total_memory_mb: z.number(),
        next_cursor: z.string().nullable(),
      }),
      http: [{ method: 'GET', path: '/sessions' }],
      handle: ({ include_inactive: includeInactive, ...query }, call) =>
        sessions.listSessions({ ...query, includeInactive }, call.principal),
    }),
    defineServerOperation({
      name: 'ping',
      access: 'read',
      shared: true,
      summary: 'Answers pong.',
      params: none,
      result: z.object({ message: z.literal('pong') }),
      http: [{ method: 'GET', path: '/ping' }],
      handle: () => Promise.resolve({ message: 'pong' as const }),
    }),
  ];
}

function statusOperation(
  sessions: ISessionManager,
  engines: IEngines,
  facts: ServerFacts,
  clock: IClock,
): Operation {
  const started = clock.now();
  return defineServerOperation({
    name: 'status',
    access: 'read',
    summary: 'Version, uptime, memory, sessions, engines and limits of the server.',
    params: none,
    result: z.object({
      status: z.literal('ok'),
      version: z.string(),
      pid: z.number().int(),
      uptime_s: z.number(),
      memory_bytes: z.number().int(),
      sessions: z.object({ total: z.number().int(), live: z.number().int(), busy: z.number().int() }),
      sessions_memory_bytes: z.number().int(),
      engines: z.array(z.object({ kind: z.string(), isolation: z.string() })),
      limits: z.record(z.string(), z.number()),
    }),
    http: [{ method: 'GET', path: '/status' }],
    handle: async (_params, call) => {
      const { total_sessions: total } = await sessions.listSessions(
        { limit: 1, includeInactive: true },
        call.principal,
      );
      const { live, busy, memory_bytes } = sessions.counts();
      return {
        status: 'ok' as const,
        version: facts.version,
        pid: facts.pid,
        uptime_s: Math.round((clock.now() - started) / 1000),
        memory_bytes: facts.memoryBytes(),
        sessions: { total, live, busy },
        sessions_memory_bytes: memory_bytes,
        engines: await Promise.all([...engines.values()].map(kindAndIsolation)),
        limits: facts.limits,
      };
    },
  });
}

/** With the options of a session that asks for nothing; an engine that does not work isolates nothing. */
async function kindAndIsolation(
  definition: EngineDefinition,
): Promise<{ kind: string; isolation: Isolation }> {
  const options = definition.options.safeParse({});
  const isolation = isolationOf(definition, options.data).catch(() => 'none' as const);
  return { kind: definition.name, isolation: await isolation };
}
