/** Checkpoint trees of the sessions that were asked about last: reading one of ten thousand nodes takes a while. */
import { errors } from '../../types/errors.js';
import type { SessionRecord } from '../../types/session.js';
import type { CheckpointNode, ISessionStore } from '../../types/store.js';

/** Nodes of all trees together. */
const nodesMax = 100_000;

interface Entry {
  readonly stamp: string;
  readonly nodes: readonly CheckpointNode[];
}

export interface Tree {
  readonly record: SessionRecord;
  /** Oldest first. */
  readonly nodes: readonly CheckpointNode[];
}

export class NodeCache {
  /** Least recently used first. */
  private readonly entries = new Map<string, Entry>();
  private size = 0;

  constructor(private readonly store: ISessionStore) {}

  /** @throws session_not_found */
  async tree(sessionId: string): Promise<Tree> {
    const record = await this.store.getSession(sessionId);
    if (!record) throw errors.sessionNotFound(sessionId);
    const stamp = `${record.uid} ${record.checkpoint_count} ${record.head_checkpoint ?? ''}`;
    const known = this.entries.get(sessionId);
    const nodes = known?.stamp === stamp ? known.nodes : await this.store.listCheckpointNodes(sessionId);
    this.forget(sessionId);
    this.keep(sessionId, { stamp, nodes });
    return { record, nodes };
  }

  /** To be called when notes were written or nodes removed. */
  forget(sessionId: string): void {
    this.size -= this.entries.get(sessionId)?.nodes.length ?? 0;
    this.entries.delete(sessionId);
  }

  private keep(sessionId: string, entry: Entry): void {
    this.entries.set(sessionId, entry);
    this.size += entry.nodes.length;
    for (const oldest of this.entries.keys()) {
      if (this.size <= nodesMax || oldest === sessionId) return;
      this.forget(oldest);
    }
  }
}
