/** The tree of a session's checkpoints as it is read and annotated, and what differs between two moments. */
import { z } from 'zod';
import { checkpointNodeSchema, checkpointNoteSchema } from './store.js';
import type { CheckpointNode, CheckpointNote } from './store.js';

const places = z.number().int().min(0);

export const timelineBranchSchema = z.object({
  name: z.string(),
  /** Its newest checkpoint. */
  tip: z.object({ checkpoint_id: z.string(), seq: z.number().int() }),
  /** Where it left another branch; null for one that began with nothing. */
  forked_from: z.object({ checkpoint_id: z.string(), seq: z.number().int(), branch: z.string() }).nullable(),
  checkpoint_count: z.number().int(),
  /** True for the one that the next write goes on. */
  is_current: z.boolean(),
});
export type TimelineBranch = z.infer<typeof timelineBranchSchema>;

export const timelineSchema = z.object({
  session_id: z.string(),
  head: z.object({
    /** The journal's end. */
    seq: z.number().int(),
    /** What recovery begins with; null before the first checkpoint. */
    checkpoint_id: z.string().nullable(),
    branch: z.string(),
  }),
  branches: z.array(timelineBranchSchema),
  /** Oldest first. */
  checkpoints: z.array(checkpointNodeSchema),
  /** Of the whole tree. */
  checkpoint_count: z.number().int(),
  /** Pass it as `before_seq` for what is older; null at the beginning. */
  next_before_seq: z.number().int().nullable(),
  /** The page as a drawing, where one was asked for. */
  drawing: z.string().optional(),
});
export type Timeline = z.infer<typeof timelineSchema>;

export const annotationSchema = checkpointNoteSchema.extend({ checkpoint_id: z.string(), seq: places });
/** A note together with the checkpoint that it is on. */
export type Annotation = z.infer<typeof annotationSchema>;

/** What is to be written on a checkpoint; what is left out stays as it was. */
export const annotationChangeSchema = z.strictObject({
  label: z.string().max(200).optional(),
  description: z.string().max(10_000).optional(),
  tags: z.array(z.string().min(1).max(100)).max(100).optional(),
});
export type AnnotationChange = z.infer<typeof annotationChangeSchema>;

const momentSchema = z.object({
  seq: z.number().int(),
  /** The place whose state was compared. */
  reached_seq: z.number().int(),
  exact: z.boolean(),
  reason: z.string().optional(),
});
const memberSchema = z.object({
  type: z.string(),
  size_bytes: z.number().int(),
  preview: z.string().optional(),
});
const memberChanges = z.object({
  added: z.array(memberSchema.extend({ name: z.string() })),
  removed: z.array(memberSchema.extend({ name: z.string() })),
  changed: z.array(z.object({ name: z.string(), before: memberSchema, after: memberSchema })),
  unchanged_count: z.number().int(),
});
export const stateDiffSchema = z.object({
  from: momentSchema,
  to: momentSchema,
  /** Of kinds whose checkpoints tell what is in them. */
  variables: memberChanges.optional(),
  /** Of tables. */
  table: z.record(z.string(), z.unknown()).optional(),
  files: z.object({
    added: z.array(z.string()),
    removed: z.array(z.string()),
    changed: z.array(z.string()),
  }),
  /** True when there was more than was asked for. */
  truncated: z.boolean(),
});
export type StateDiff = z.infer<typeof stateDiffSchema>;
export type StateMoment = z.infer<typeof momentSchema>;

export const ITimelineNavigator = Symbol.for('sojourn.ITimelineNavigator');
/** Notes on checkpoints, by the place in the journal of the checkpoint. @throws session_not_found */
export interface ITimelineNavigator {
  /** @throws checkpoint_not_found */
  addAnnotation(
    session: string,
    checkpointSeq: number,
    label: string,
    description?: string,
    tags?: readonly string[],
  ): Promise<Annotation>;
  getAnnotation(session: string, checkpointSeq: number): Promise<Annotation | null>;
  getSessionAnnotations(session: string): Promise<Annotation[]>;
  getAnnotationsByTag(session: string, tag: string): Promise<Annotation[]>;
  /** False when there was none. */
  removeAnnotation(session: string, checkpointSeq: number): Promise<boolean>;
  /** Null when there is none to be changed. */
  updateAnnotation(
    session: string,
    checkpointSeq: number,
    change: AnnotationChange,
  ): Promise<Annotation | null>;
  generateTimeline(session: string): Promise<CheckpointNode[]>;
  /** @param pattern a regular expression; case is ignored. @throws invalid_params */
  findByLabel(session: string, pattern: string): Promise<Annotation[]>;
  /** Sorted, each once. */
  getAllTags(session: string): Promise<string[]>;
  clearSessionAnnotations(session: string): Promise<number>;
  exportAnnotations(session: string): Promise<Annotation[]>;
  /** What fits no checkpoint is passed over. */
  importAnnotations(
    session: string,
    annotations: readonly Annotation[],
  ): Promise<{ imported: number; skipped: number[] }>;
}

export const noteOf = (note: CheckpointNote | null): AnnotationChange =>
  note ? { label: note.label, description: note.description, tags: note.tags } : {};
