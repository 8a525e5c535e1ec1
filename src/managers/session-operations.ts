/** What can be asked of one session of any kind: its life, its metadata and its journal. */
import { z } from 'zod';
import { notKeptSchema, sessionEventSchema } from '../types/events.js';
import type { ISessionManager } from '../types/managers.js';
import { conditionKeys, defineSessionOperation } from '../types/operation.js';
import type { Operation } from '../types/operation.js';
import {
  createSessionSchema,
  interruptReportSchema,
  sessionIdSchema,
  sessionMetadataSchema,
} from '../types/session.js';
import { fileOperations } from './file-operations.js';
import { waitForEvents } from './event-waiting.js';
import type { IClock } from '../types/ports.js';

const none = z.strictObject({});

const seqParam = z.number().int().min(0);

export function sessionOperations(sessions: ISessionManager, clock: IClock): Operation[] {
  return [
    ...metadataOperations(sessions),
    ...stateOperations(sessions),
    ...forkOperations(sessions),
    ...journalOperations(sessions, clock),
    ...fileOperations(),
  ];
}

function metadataOperations(sessions: ISessionManager): Operation[] {
  return [
    defineSessionOperation({
      name: 'get_session',
      access: 'read',
      summary: 'Metadata of a session; does not wake it.',
      params: none,
      result: sessionMetadataSchema,
      http: [{ method: 'GET', path: '/sessions/:id' }],
      handle: (_params, call) => sessions.getMetadata(call.session_id, call.principal),
    }),
    defineSessionOperation({
      name: 'update_session',
      access: 'write',
      shared: false,
      takes: conditionKeys,
      summary: 'Changes name, description, tags or timeouts.',
      params: createSessionSchema
        .pick({ name: true, description: true, tags: true, timeout_s: true, expire_after_s: true })
        .refine(
          (patch) => Object.keys(patch).length > 0,
          'nothing to change: give name, description, tags, timeout_s or expire_after_s',
        ),
      result: sessionMetadataSchema,
      http: [{ method: 'PATCH', path: '/sessions/:id' }],
      handle: (params, call) => sessions.updateSession(call.session_id, params, call),
    }),
    defineSessionOperation({
      name: 'delete_session',
      access: 'write',
      shared: false,
      takes: conditionKeys,
      summary: 'Ends a session and removes everything it stored.',
      params: none,
      result: z.object({ session_id: z.string(), deleted: z.literal(true) }),
      http: [{ method: 'DELETE', path: '/sessions/:id', status: 204 }],
      handle: async (_params, call) => {
        await sessions.deleteSession(call.session_id, call);
        return { session_id: call.session_id, deleted: true as const };
      },
    }),
  ];
}

function stateOperations(sessions: ISessionManager): Operation[] {
  return [
    defineSessionOperation({
      name: 'interrupt',
      access: 'write',
      lease: 'running',
      summary: 'Stops what runs now and says which means it took.',
      params: none,
      result: interruptReportSchema,
      handle: (_params, call) => call.use((session) => session.interrupt()),
    }),
    defineSessionOperation({
      name: 'restart',
      access: 'write',
      takes: conditionKeys,
      summary: 'Starts the live state anew: empty, or with preserve_state from a checkpoint taken now.',
      params: z.strictObject({ preserve_state: z.boolean().default(false) }),
      result: sessionMetadataSchema,
      handle: ({ preserve_state }, call) => sessions.restart(call.session_id, preserve_state, call),
    }),
    defineSessionOperation({
      name: 'save',
      access: 'write',
      takes: conditionKeys,
      summary: 'A barrier: answers when everything up to now is in a checkpoint and on the disk.',
      params: none,
      result: sessionMetadataSchema,
      handle: async (_params, call) => {
        await sessions.save(call.session_id, call);
        return sessions.getMetadata(call.session_id, call.principal);
      },
    }),
    defineSessionOperation({
      name: 'hibernate',
      access: 'write',
      takes: conditionKeys,
      summary: 'Puts the session to sleep: it costs disk and no memory until its next use wakes it.',
      params: none,
      result: sessionMetadataSchema,
      handle: (_params, call) => sessions.hibernate(call.session_id, call),
    }),
    defineSessionOperation({
      name: 'keep_alive',
      access: 'write',
      lease: 'free',
      summary: 'Counts as activity: the idle time starts again.',
      params: none,
      result: sessionMetadataSchema,
      handle: (_params, call) =>
        call.use((session) => {
          session.touch();
          const last_activity = new Date(session.getLastAccessTime()).toISOString();
          return session.updateMetadata({ last_activity });
        }),
    }),
  ];
}

function forkOperations(sessions: ISessionManager): Operation[] {
  return [
    defineSessionOperation({
      name: 'fork',
      access: 'write',
      shared: false,
      takes: conditionKeys,
      summary:
        'A new session with the state and history of this one: its whole live state where that can be had.',
      params: z.strictObject({
        new_session_id: sessionIdSchema
          .optional()
          .describe('Chosen by the server when left out; over REST also `session_id` in the body.'),
        name: z.string().max(200).optional(),
        description: z.string().max(10_000).optional(),
        live: z
          .boolean()
          .optional()
          .describe('true: the whole heap or an error; false: as a checkpoint keeps it.'),
        at_seq: z
          .number()
          .int()
          .min(0)
          .optional()
          .describe('Its history and state up to this place of the journal; the present when left out.'),
      }),
      result: sessionMetadataSchema.extend({
        live: z.boolean(),
        not_kept: z.array(notKeptSchema),
        reached_seq: z.number().int().describe('The place in the journal whose state it has.'),
        exact: z.boolean().describe('False where that is not the place that was asked for.'),
        reason: z.string().optional(),
      }),
      handle: ({ new_session_id: newId, ...params }, call) =>
        sessions.forkSession(call.session_id, { ...params, session_id: newId }, call),
    }),
  ];
}

function journalOperations(sessions: ISessionManager, clock: IClock): Operation[] {
  return [
    defineSessionOperation({
      name: 'get_events',
      access: 'read',
      waits: true,
      summary:
        'Reads the journal from a seq on; with wait_s waits for the next event when there is none yet.',
      params: z.strictObject({
        since_seq: seqParam.default(0).describe('The first seq to answer.'),
        limit: z.number().int().min(1).max(10_000).default(1000),
        wait_s: z.number().min(0).max(60).default(0),
      }),
      result: z.object({
        events: z.array(sessionEventSchema),
        head_seq: z.number().int(),
        next_seq: z.number().int().nullable(),
      }),
      http: [{ method: 'GET', path: '/sessions/:id/events' }],
      handle: async ({ since_seq, limit, wait_s }, call) => {
        const read = () => sessions.readEvents(call.session_id, since_seq, limit, call.principal);
        return waitForEvents(sessions, clock, call, { sinceSeq: since_seq, waitMs: wait_s * 1000, read });
      },
    }),
    defineSessionOperation({
      name: 'get_trace',
      access: 'read',
      summary: 'The journal as it stands, newest part first asked for by limit.',
      params: z.strictObject({ limit: z.number().int().min(1).max(10_000).default(1000) }),
      result: z.object({ events: z.array(sessionEventSchema), head_seq: z.number().int() }),
      http: [{ method: 'GET', path: '/sessions/:id/trace' }],
      handle: async ({ limit }, call) => {
        const { head_seq } = await sessions.getMetadata(call.session_id, call.principal);
        const from = Math.max(0, head_seq - limit + 1);
        const { events } = await sessions.readEvents(call.session_id, from, limit, call.principal);
        return { events, head_seq };
      },
    }),
  ];
}
