/** Annotations of checkpoints as operations: writing, finding, taking away, and carrying them elsewhere. */
import { z } from 'zod';
import type { ISessionManager } from '../../types/managers.js';
import { defineSessionOperation } from '../../types/operation.js';
import type { Operation, SessionCall } from '../../types/operation.js';
import { annotationChangeSchema, annotationSchema } from '../../types/timeline.js';
import type { TimelineNavigator } from './timeline-navigator.js';

const seq = z.number().int().min(0);
const given = (change: object) => Object.values(change).some((value) => value !== undefined);

/** Whose it is not, for them it is not there. */
const assertMine = (sessions: ISessionManager, { session_id, principal }: SessionCall) =>
  sessions.getMetadata(session_id, principal);

const time = z.iso.datetime();
/** As strict as what is written by hand. */
const importedSchema = z.strictObject({
  ...annotationChangeSchema.required().shape,
  checkpoint_id: z.string().max(100),
  seq,
  created_at: time,
  updated_at: time,
});

const found = z.object({ checkpoints: z.array(annotationSchema), total: z.number().int() });
const page = { limit: z.number().int().min(1).max(10_000).default(1000) };

export function annotationOperations(navigator: TimelineNavigator, sessions: ISessionManager): Operation[] {
  return [
    defineSessionOperation({
      name: 'annotate',
      access: 'write',
      summary:
        'Writes a label, a description or tags on a checkpoint; what is left out stays. It is kept from then on.',
      params: annotationChangeSchema
        .extend({ seq: seq.describe('Of the checkpoint.') })
        .refine(
          ({ seq: _, ...change }) => given(change),
          'nothing to write: give label, description or tags',
        ),
      result: annotationSchema,
      handle: async ({ seq: at, ...change }, call) => {
        await assertMine(sessions, call);
        return navigator.annotate(call.session_id, at, change);
      },
    }),
    defineSessionOperation({
      name: 'remove_annotation',
      access: 'write',
      summary: 'Takes away what was written on a checkpoint.',
      params: z.strictObject({ seq }),
      result: z.object({ removed: z.boolean() }),
      handle: async ({ seq: at }, call) => {
        await assertMine(sessions, call);
        return { removed: await navigator.removeAnnotation(call.session_id, at) };
      },
    }),
    defineSessionOperation({
      name: 'find_checkpoints',
      access: 'read',
      summary: 'Annotated checkpoints by the pattern of their label, by tag, or all; newest first.',
      params: z.strictObject({
        label: z.string().max(1000).optional().describe('A regular expression; case is ignored.'),
        tag: z.string().max(100).optional(),
        ...page,
      }),
      result: found,
      handle: async ({ label, tag, limit }, call) => {
        await assertMine(sessions, call);
        const { session_id } = call;
        const all =
          label === undefined
            ? await navigator.getSessionAnnotations(session_id)
            : await navigator.findByLabel(session_id, label);
        const matching = tag === undefined ? all : all.filter(({ tags }) => tags.includes(tag));
        return { checkpoints: matching.reverse().slice(0, limit), total: matching.length };
      },
    }),
  ];
}

export function annotationTransfers(navigator: TimelineNavigator, sessions: ISessionManager): Operation[] {
  return [
    defineSessionOperation({
      name: 'list_checkpoint_tags',
      access: 'read',
      summary: 'All tags of a session’s checkpoints, sorted.',
      params: z.strictObject({}),
      result: z.object({ tags: z.array(z.string()) }),
      handle: async (_params, call) => {
        await assertMine(sessions, call);
        return { tags: await navigator.getAllTags(call.session_id) };
      },
    }),
    defineSessionOperation({
      name: 'export_annotations',
      access: 'read',
      summary: 'Everything that was written on checkpoints, for import_annotations.',
      params: z.strictObject({}),
      result: z.object({ annotations: z.array(annotationSchema) }),
      handle: async (_params, call) => {
        await assertMine(sessions, call);
        return { annotations: await navigator.exportAnnotations(call.session_id) };
      },
    }),
    defineSessionOperation({
      name: 'import_annotations',
      access: 'write',
      summary: 'Writes exported annotations on the checkpoints that they belong to, by id, else by seq.',
      params: z.strictObject({ annotations: z.array(importedSchema).max(10_000) }),
      result: z.object({ imported: z.number().int(), skipped: z.array(z.number().int()) }),
      handle: async ({ annotations }, call) => {
        await assertMine(sessions, call);
        return navigator.importAnnotations(call.session_id, annotations);
      },
    }),
  ];
}
