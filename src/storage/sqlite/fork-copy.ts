/**
 * Makes a session out of another's history. The events are copied in pieces, each a transaction, under a key that no
 * session has yet, so that a long journal holds nobody up; one last transaction puts the session there, with all that
 * is not its journal. Before that nobody can see it, and what is left when it fails or the process dies is removed like
 * the journal of a deleted session.
 */
import { errors, isSojournError } from '../../types/errors.js';
import type { CheckpointRecord, SessionFork } from '../../types/store.js';
import { assertFollows } from '../append-rules.js';
import { assertWithin, forkHead, partSizes, sumOf } from '../fork-rules.js';
import { encodeEvent } from '../journal-codec.js';
import type { EncodedEvent } from '../journal-codec.js';
import { isDamage } from '../store-errors.js';
import { nextTurn } from '../turns.js';
import type { Located } from './catalogue.js';
import { required } from './journal.js';
import type { SqliteCore } from './sqlite-core.js';
import type { TableAccess, Tables } from './tables.js';
import { readNotes, readTree } from './tree-reading.js';

/** What a row weighs in the log beside its body. */
const rowBytes = 100;

interface Begun {
  readonly source: Located;
  /** The new session's. */
  readonly key: number;
  readonly event: EncodedEvent;
}

export class ForkCopy {
  constructor(
    private readonly core: SqliteCore,
    private readonly access: TableAccess,
    private readonly fork: SessionFork,
  ) {}

  /** @throws session_not_found · session_exists · conflict · storage_error */
  async run(): Promise<void> {
    const begun = await this.telling(() => this.access.write((tables) => this.begin(tables)));
    try {
      await this.telling(() => this.copyAll(begun));
    } catch (error) {
      await this.core.prune(begun.key);
      throw error;
    }
  }

  private begin({ catalogue }: Tables): Begun {
    const { source_id, record, at_seq, event } = this.fork;
    const source = required(catalogue.locate(source_id), source_id);
    if (catalogue.keyOf(record.session_id) !== undefined) throw errors.sessionExists(record.session_id);
    assertWithin(source_id, source.head.head_seq, at_seq);
    assertFollows(record.session_id, at_seq, [event]);
    const encoded = encodeEvent(record.session_id, event);
    return { source, key: catalogue.reserve(record), event: encoded };
  }

  private async copyAll(begun: Begun): Promise<void> {
    const { record, at_seq } = this.fork;
    let bytes = 0;
    for (let from = 0; from <= at_seq;) {
      const piece = await this.access.write((tables) => this.copyEvents(tables, begun, from));
      from += piece.events;
      bytes += piece.bytes;
      await nextTurn();
    }
    const { head, nodes } = await this.readCheckpoints(begun);
    const sizes = partSizes(nodes);
    // Before the rows that name them, as with any checkpoint.
    if (record.durability === 'fsync') await this.core.parts.sync(sizes.keys());
    await this.access.write((tables) => this.finish(tables, begun, { bytes, head, nodes, sizes }));
  }

  private copyEvents(tables: Tables, { source, key }: Begun, from: number) {
    this.assertThere(tables, source);
    const piece = tables.journal.copy(source, { key, uid: this.fork.record.uid }, from, this.fork.at_seq);
    this.core.wal.grew(piece.bytes + piece.events * rowBytes);
    return piece;
  }

  /** Those that the fork will have, and the one that it starts from. */
  private async readCheckpoints({ source }: Begun) {
    const { source_id, at_seq } = this.fork;
    const head = await this.access.read((tables) => {
      this.assertThere(tables, source);
      return required(tables.catalogue.locate(source_id), source_id).head;
    });
    const notes = await readNotes(this.access, source_id);
    const all = await readTree(this.access, source_id, (tables, located, after) =>
      tables.checkpoints.records(located, after),
    );
    const nodes = all.map(({ item }) => item);
    const copied = nodes.filter((node) => node.seq <= at_seq);
    for (const node of copied) Object.assign(node, { note: notes.get(node.checkpoint_id) });
    return { head: forkHead(source_id, head, nodes, this.fork), nodes: copied };
  }

  private finish(
    tables: Tables,
    { source, key, event }: Begun,
    found: { bytes: number; head?: CheckpointRecord; nodes: CheckpointRecord[]; sizes: Map<string, number> },
  ): void {
    const { catalogue, journal, checkpoints } = tables;
    const { record, at_seq } = this.fork;
    const { bytes, head, nodes, sizes } = found;
    this.assertThere(tables, source);
    if (catalogue.keyOf(record.session_id) !== undefined) throw errors.sessionExists(record.session_id);
    const own = journal.insert(key, record.uid, [event]);
    const whole = {
      ...record,
      head_seq: at_seq + 1,
      stored_bytes: bytes + own + sumOf(sizes),
      checkpoint_count: nodes.length,
      head_checkpoint: head?.checkpoint_id ?? null,
      branch: head?.branch ?? record.branch,
    };
    catalogue.insert(whole, key);
    const target = { key, uid: record.uid, sessionId: record.session_id, head: whole };
    for (const node of nodes) checkpoints.insert(target, node);
    catalogue.spare(key);
    this.core.wal.grew(own + (nodes.length + sizes.size) * rowBytes);
  }

  /** The source may be deleted, and its journal removed, between two pieces. */
  private assertThere({ catalogue }: Tables, source: Located): void {
    if (catalogue.keyOf(source.sessionId) !== source.key) throw errors.sessionNotFound(source.sessionId);
  }

  /** Notes damage that was met in the source. What is wrong elsewhere in the database says nothing of it. */
  private async telling<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const { source_id } = this.fork;
      const isOfSource = isSojournError(error) && error.fields['session_id'] === source_id;
      if (isOfSource && isDamage(error)) this.core.damage.mark(source_id, error.detail);
      throw error;
    }
  }
}
