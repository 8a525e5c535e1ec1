/** The timeline of a session as the library holds it. What is inside of answers keeps its wire names. */
import type { CheckpointNode } from './store.js';
import type { Annotation, AnnotationChange, StateDiff, Timeline } from './timeline.js';

export interface ISessionTimeline {
  /** A page of the tree of checkpoints, the newest when `beforeSeq` is left out. */
  read(options?: { limit?: number; beforeSeq?: number }): Promise<Timeline>;
  /** The newest part of the tree as text, or as an SVG picture. */
  draw(form?: 'text' | 'svg'): Promise<string>;
  /** Takes a checkpoint of the present state and writes on it what is given. */
  checkpoint(note?: AnnotationChange): Promise<CheckpointNode>;
  annotate(seq: number, change: AnnotationChange): Promise<Annotation>;
  /** False when there was nothing to take away. */
  removeAnnotation(seq: number): Promise<boolean>;
  /** Annotated checkpoints, newest first. `label` is a regular expression; case is ignored. */
  find(query?: { label?: string; tag?: string; limit?: number }): Promise<Annotation[]>;
  tags(): Promise<string[]>;
  exportAnnotations(): Promise<Annotation[]>;
  importAnnotations(annotations: readonly Annotation[]): Promise<{ imported: number; skipped: number[] }>;
  /** What differs between two places of the journal; `to` is the present when left out. */
  diff(from: number, to?: number, options?: { limit?: number }): Promise<StateDiff>;
  /** Removes old checkpoints that nobody has named or annotated. */
  prune(options?: { keepLast?: number }): Promise<{ removedCount: number; checkpointCount: number }>;
}
