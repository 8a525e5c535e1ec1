/** Reads the tree of a session's checkpoints and writes on it. Sessions need not be awake for it. */
import { SojournError } from '../../types/errors.js';
import type { IClock } from '../../types/ports.js';
import type { CheckpointNode, CheckpointNote, ISessionStore } from '../../types/store.js';
import type { Annotation, AnnotationChange, ITimelineNavigator, Timeline } from '../../types/timeline.js';
import { timelinePage } from './checkpoint-tree.js';
import type { PageQuery } from './checkpoint-tree.js';
import { labelsMatching } from './label-pattern.js';
import { NodeCache } from './node-cache.js';
import type { Tree } from './node-cache.js';

export interface NavigatorServices {
  readonly store: ISessionStore;
  readonly clock: IClock;
}

export class TimelineNavigator implements ITimelineNavigator {
  private readonly cache: NodeCache;

  constructor(private readonly services: NavigatorServices) {
    this.cache = new NodeCache(services.store);
  }

  tree(session: string): Promise<Tree> {
    return this.cache.tree(session);
  }

  async page(session: string, query: PageQuery): Promise<Timeline> {
    const { record, nodes } = await this.tree(session);
    return timelinePage(record, nodes, query);
  }

  async generateTimeline(session: string): Promise<CheckpointNode[]> {
    return [...(await this.tree(session)).nodes];
  }

  addAnnotation(
    session: string,
    checkpointSeq: number,
    label: string,
    description = '',
    tags: readonly string[] = [],
  ): Promise<Annotation> {
    return this.annotate(session, checkpointSeq, { label, description, tags: [...tags] });
  }

  /** @throws checkpoint_not_found */
  async annotate(session: string, checkpointSeq: number, change: AnnotationChange): Promise<Annotation> {
    return this.write(session, await this.nodeAt(session, checkpointSeq), change);
  }

  /** Writes on a node that is known. */
  async write(session: string, node: CheckpointNode, change: AnnotationChange): Promise<Annotation> {
    const at = new Date(this.services.clock.now()).toISOString();
    const before = node.note ?? { label: '', description: '', tags: [], created_at: at };
    const note: CheckpointNote = {
      label: change.label ?? before.label,
      description: change.description ?? before.description,
      tags: [...new Set(change.tags ?? before.tags)],
      created_at: before.created_at,
      updated_at: at,
    };
    await this.put(session, node.checkpoint_id, note);
    return { ...note, checkpoint_id: node.checkpoint_id, seq: node.seq };
  }

  async getAnnotation(session: string, checkpointSeq: number): Promise<Annotation | null> {
    const all = await this.getSessionAnnotations(session);
    return all.findLast(({ seq }) => seq === checkpointSeq) ?? null;
  }

  async getSessionAnnotations(session: string): Promise<Annotation[]> {
    return (await this.tree(session)).nodes.flatMap(({ checkpoint_id, seq, note }) =>
      note ? [{ ...note, checkpoint_id, seq }] : [],
    );
  }

  async getAnnotationsByTag(session: string, tag: string): Promise<Annotation[]> {
    return (await this.getSessionAnnotations(session)).filter(({ tags }) => tags.includes(tag));
  }

  async removeAnnotation(session: string, checkpointSeq: number): Promise<boolean> {
    const found = await this.getAnnotation(session, checkpointSeq);
    if (found) await this.put(session, found.checkpoint_id, null);
    return found !== null;
  }

  async updateAnnotation(
    session: string,
    checkpointSeq: number,
    change: AnnotationChange,
  ): Promise<Annotation | null> {
    const found = await this.getAnnotation(session, checkpointSeq);
    return found ? this.annotate(session, checkpointSeq, change) : null;
  }

  async findByLabel(session: string, pattern: string): Promise<Annotation[]> {
    const all = (await this.getSessionAnnotations(session)).filter(({ label }) => label !== '');
    const matches = labelsMatching(
      pattern,
      all.map(({ label }) => label),
    );
    return all.filter((_annotation, at) => matches[at] === true);
  }

  async getAllTags(session: string): Promise<string[]> {
    const tags = (await this.getSessionAnnotations(session)).flatMap((annotation) => annotation.tags);
    return [...new Set(tags)].sort();
  }

  async clearSessionAnnotations(session: string): Promise<number> {
    const all = await this.getSessionAnnotations(session);
    for (const { checkpoint_id } of all) await this.put(session, checkpoint_id, null);
    return all.length;
  }

  exportAnnotations(session: string): Promise<Annotation[]> {
    return this.getSessionAnnotations(session);
  }

  async importAnnotations(
    session: string,
    annotations: readonly Annotation[],
  ): Promise<{ imported: number; skipped: number[] }> {
    const { nodes } = await this.tree(session);
    const skipped: number[] = [];
    for (const { checkpoint_id, seq, ...note } of annotations) {
      const byId = nodes.find((node) => node.checkpoint_id === checkpoint_id);
      const found = byId ?? nodes.findLast((node) => node.seq === seq);
      if (found) await this.put(session, found.checkpoint_id, { ...note, tags: [...new Set(note.tags)] });
      else skipped.push(seq);
    }
    return { imported: annotations.length - skipped.length, skipped };
  }

  /** For who has removed some. */
  forget(session: string): void {
    this.cache.forget(session);
  }

  private async put(session: string, checkpointId: string, note: CheckpointNote | null): Promise<void> {
    await this.services.store.noteCheckpoint(session, checkpointId, note);
    this.cache.forget(session);
  }

  private async nodeAt(session: string, seq: number): Promise<CheckpointNode> {
    const { nodes } = await this.tree(session);
    const found = nodes.findLast((node) => node.seq === seq);
    if (found) return found;
    const before = nodes.findLast((node) => node.seq < seq);
    const hint = before ? `; the nearest before it is at ${before.seq}` : '';
    const detail = `Session '${session}' has no checkpoint at ${seq}${hint}.`;
    throw new SojournError('checkpoint_not_found', detail, { session_id: session, seq });
  }
}
