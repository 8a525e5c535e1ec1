/** The timeline as operations: reading it, drawing it, writing on it, taking and thinning checkpoints, comparing. */
import { z } from 'zod';
import { checkConditions } from '../../core/write-conditions.js';
import { errors } from '../../types/errors.js';
import type { IEngines } from '../../types/engine.js';
import { conditionKeys, defineSessionOperation } from '../../types/operation.js';
import type { Operation, SessionCall } from '../../types/operation.js';
import type { IClock } from '../../types/ports.js';
import { checkpointNodeSchema } from '../../types/store.js';
import { annotationChangeSchema, stateDiffSchema, timelineSchema } from '../../types/timeline.js';
import { annotationOperations, annotationTransfers } from './annotation-operations.js';
import type { Retention } from './retention-keeper.js';
import { diffState } from './state-diff.js';
import type { DiffServices } from './state-diff.js';
import { drawSvg } from './svg-drawing.js';
import { drawText } from './text-drawing.js';
import type { TimelineNavigator } from './timeline-navigator.js';

export interface TimelineServices extends DiffServices {
  readonly engines: IEngines;
  readonly clock: IClock;
}

const seq = z.number().int().min(0);
/** A drawing is one text. */
const drawnMax = 500;
const svgType = 'image/svg+xml';

export function timelineOperations(
  navigator: TimelineNavigator,
  retention: Retention,
  services: TimelineServices,
): Operation[] {
  return [
    ...treeOperations(navigator, services),
    ...checkpointOperations(navigator, retention, services),
    ...annotationOperations(navigator, services.sessions),
    ...annotationTransfers(navigator, services.sessions),
  ];
}

/** Whose it is not, for them it is not there. */
const assertMine = ({ sessions }: TimelineServices, { session_id, principal }: SessionCall) =>
  sessions.getMetadata(session_id, principal);

function treeOperations(navigator: TimelineNavigator, services: TimelineServices): Operation[] {
  return [
    defineSessionOperation({
      name: 'timeline',
      access: 'read',
      summary:
        'The tree of checkpoints with its branches and the head, newest page first; also as a drawing.',
      params: z.strictObject({
        limit: z.number().int().min(1).max(10_000).default(1000),
        before_seq: seq.optional().describe('For the page before: only what is older.'),
        drawing: z.enum(['text', 'svg']).optional().describe('Adds the page as text, or as an SVG picture.'),
      }),
      result: timelineSchema,
      media: { type: svgType, params: { drawing: 'svg' }, member: 'drawing', text: true },
      http: [{ method: 'GET', path: '/sessions/:id/timeline' }],
      handle: async ({ limit, before_seq, drawing }, call) => {
        await assertMine(services, call);
        const drawn = drawing === undefined ? limit : Math.min(limit, drawnMax);
        const page = await navigator.page(call.session_id, { limit: drawn, before_seq });
        if (drawing === undefined) return page;
        const draw = drawing === 'svg' ? drawSvg : drawText;
        return { ...page, drawing: draw(page, services.clock.now()) };
      },
    }),
    defineSessionOperation({
      name: 'diff',
      access: 'read',
      summary:
        'What differs between the states at two places of the journal: variables, files, rows and cells.',
      params: z.strictObject({
        from: seq,
        to: seq.optional().describe('The present when left out.'),
        limit: z.number().int().min(1).max(1000).default(100).describe('Of each list.'),
      }),
      result: stateDiffSchema,
      http: [{ method: 'GET', path: '/sessions/:id/diff' }],
      handle: async (query, call) => {
        const { session_id, principal } = call;
        const { kind } = await assertMine(services, call);
        const { record } = await navigator.tree(session_id);
        const definition = services.engines.get(kind);
        if (!definition) throw errors.notSupported(kind, 'diff');
        return diffState(record, definition, query, principal, services);
      },
    }),
  ];
}

function checkpointOperations(
  navigator: TimelineNavigator,
  retention: Retention,
  services: TimelineServices,
): Operation[] {
  return [
    defineSessionOperation({
      name: 'checkpoint',
      access: 'write',
      takes: conditionKeys,
      summary: 'Takes a checkpoint of the present state, in its turn, and writes on it what is given.',
      params: annotationChangeSchema,
      result: checkpointNodeSchema,
      handle: async (change, call) => {
        const made = await call.use((session) => {
          checkConditions(session.id, session.getState(), call);
          return session.checkpoint('manual', { always: true });
        });
        const { nodes } = await navigator.tree(call.session_id);
        const node = nodes.findLast(({ checkpoint_id }) => checkpoint_id === made?.checkpoint_id);
        if (!node) throw errors.sessionNotFound(call.session_id);
        if (Object.keys(change).length === 0) return node;
        const {
          checkpoint_id: _id,
          seq: _seq,
          ...note
        } = await navigator.write(call.session_id, node, change);
        return { ...node, note };
      },
    }),
    defineSessionOperation({
      name: 'prune_checkpoints',
      access: 'write',
      // The history is the owner's.
      shared: false,
      summary:
        'Removes checkpoints that nobody has named or annotated: all but the newest, and ever fewer of those older.',
      params: z.strictObject({
        keep_last: z.number().int().min(1).max(1e9).optional().describe('Default: timeline.keep_last_count.'),
      }),
      result: z.object({ removed_count: z.number().int(), checkpoint_count: z.number().int() }),
      handle: async ({ keep_last }, call) => {
        await assertMine(services, call);
        return retention.prune(call.session_id, keep_last);
      },
    }),
  ];
}
