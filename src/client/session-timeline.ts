/** The timeline of a session over any caller. */
import type { CheckpointNode } from '../types/store.js';
import type { Annotation, AnnotationChange, StateDiff, Timeline } from '../types/timeline.js';
import type { ISessionTimeline } from '../types/timeline-client.js';
import { camelize, snakeize } from './casing.js';
import type { SessionCaller } from './session-caller.js';

export class SessionTimeline implements ISessionTimeline {
  constructor(private readonly session: SessionCaller) {}

  read(options: { limit?: number; beforeSeq?: number } = {}): Promise<Timeline> {
    return this.session.ask('timeline', snakeize(options));
  }

  async draw(drawing: 'text' | 'svg' = 'text'): Promise<string> {
    return (await this.session.ask<{ drawing: string }>('timeline', { drawing })).drawing;
  }

  checkpoint(note: AnnotationChange = {}): Promise<CheckpointNode> {
    return this.session.ask('checkpoint', { ...note });
  }

  annotate(seq: number, change: AnnotationChange): Promise<Annotation> {
    return this.session.ask('annotate', { seq, ...change });
  }

  async removeAnnotation(seq: number): Promise<boolean> {
    return (await this.session.ask<{ removed: boolean }>('remove_annotation', { seq })).removed;
  }

  async find(query: { label?: string; tag?: string; limit?: number } = {}): Promise<Annotation[]> {
    const answer = await this.session.ask<{ checkpoints: Annotation[] }>('find_checkpoints', { ...query });
    return answer.checkpoints;
  }

  async tags(): Promise<string[]> {
    return (await this.session.ask<{ tags: string[] }>('list_checkpoint_tags')).tags;
  }

  async exportAnnotations(): Promise<Annotation[]> {
    return (await this.session.ask<{ annotations: Annotation[] }>('export_annotations')).annotations;
  }

  importAnnotations(annotations: readonly Annotation[]): Promise<{ imported: number; skipped: number[] }> {
    return this.session.ask('import_annotations', { annotations });
  }

  diff(from: number, to?: number, options: { limit?: number } = {}): Promise<StateDiff> {
    return this.session.ask('diff', snakeize({ from, to, ...options }));
  }

  async prune(
    options: { keepLast?: number } = {},
  ): Promise<{ removedCount: number; checkpointCount: number }> {
    type Pruned = { removed_count: number; checkpoint_count: number };
    return camelize(await this.session.ask<Pruned>('prune_checkpoints', snakeize(options)));
  }
}
