/**
 * Removes checkpoints from a session's tree. What has to be read for it is read piece by piece; then one transaction
 * takes the nodes out, closes the tree over them and lets go of the parts that nothing refers to. When the tree has
 * changed meanwhile, all of it begins anew.
 */
import type { CheckpointNode } from '../../types/store.js';
import { assertRemovable, parentLeft } from '../checkpoint-tree.js';
import { sumOf } from '../fork-rules.js';
import { nextTurn } from '../turns.js';
import type { Located } from './catalogue.js';
import type { Placed } from './checkpoints.js';
import { required } from './journal.js';
import type { TableAccess, Tables } from './tables.js';
import { readTree } from './tree-reading.js';

type Node = Placed<CheckpointNode>;
type Sizes = ReadonlyMap<string, number>;

interface Plan {
  readonly key: number;
  /** Of the tree as it was read. */
  readonly removals: number;
  readonly last: number;
  readonly removed: ReadonlyMap<string, Node>;
  /** Nodes that stay and get another parent. */
  readonly moved: readonly Node[];
  /** How many checkpoints introduce a part more or fewer, by hash. */
  readonly uses: ReadonlyMap<string, number>;
}

/** What it takes to tell what becomes of a node. */
interface Look {
  readonly tables: Tables;
  readonly located: Located;
  readonly removed: ReadonlyMap<string, Node>;
  /** Of the removed. */
  readonly parents: ReadonlyMap<string, string | null>;
  readonly uses: Map<string, number>;
}

/** What a removal let go of. */
export interface Removed {
  readonly hashes: readonly string[];
  readonly rows: number;
}

/** Checkpoints whose parts are looked up in one go. */
const lookedAtOnce = 50;
/** Parts of the last few checkpoints: neighbours ask for the same ones. */
const rememberedMax = 100;

export class CheckpointRemoval {
  private readonly parts = new Map<string, Sizes | null>();

  constructor(
    private readonly access: TableAccess,
    private readonly sessionId: string,
    private readonly ids: ReadonlySet<string>,
  ) {}

  /** @throws session_not_found · conflict · storage_error */
  async run(): Promise<Removed> {
    for (;;) {
      const plan = await this.plan();
      if (plan === null) return { hashes: [], rows: 0 };
      const removed = await this.access.write((tables) => this.apply(tables, plan));
      if (removed) return removed;
      this.parts.clear();
    }
  }

  /** Null when there is nothing to remove. */
  private async plan(): Promise<Plan | null> {
    const { key, removals } = await this.access.read((tables) => {
      const located = this.locate(tables);
      return { key: located.key, removals: tables.checkpoints.removals };
    });
    const nodes = await readTree(this.access, this.sessionId, (tables, located, after) =>
      tables.checkpoints.nodes(located, after),
    );
    const gone = nodes.filter(({ item }) => this.ids.has(item.checkpoint_id));
    if (gone.length === 0) return null;
    const removed = new Map(gone.map((node) => [node.item.checkpoint_id, node]));
    const parents = new Map(gone.map(({ item }) => [item.checkpoint_id, item.parent]));
    const uses = new Map<string, number>();
    const moved: Node[] = [];
    for (let start = 0; start < nodes.length; start += lookedAtOnce) {
      const some = nodes.slice(start, start + lookedAtOnce);
      const found = await this.access.read((tables) => {
        const look: Look = { tables, located: this.locate(tables), removed, parents, uses };
        return some.flatMap((node) => this.look(look, node) ?? []);
      });
      moved.push(...found);
      await nextTurn();
    }
    return { key, removals, last: nodes.at(-1)?.position ?? 0, removed, moved, uses };
  }

  /** What becomes of one node and of what it introduced. @returns the node when it stays and gets another parent */
  private look(look: Look, { position, item }: Node): Node | null {
    const { removed, parents, uses } = look;
    const { checkpoint_id, parent } = item;
    const stays = !removed.has(checkpoint_id);
    if (stays && (parent === null || !removed.has(parent))) return null;
    const own = this.partsOf(look, checkpoint_id);
    if (own === null)
      return stays ? { position, item: { ...item, parent: parentLeft(parent, parents) } } : null;
    const before = this.introduced(look, own, item);
    count(uses, before, -1);
    if (!stays) return null;
    const left = parentLeft(parent, parents);
    const after = without(own, this.partsOf(look, left) ?? new Map());
    count(uses, after, 1);
    return { position, item: { ...item, parent: left, new_bytes: sumOf(after) } };
  }

  /**
   * What a checkpoint has and its parent has not, as it was when it was counted; nothing where that cannot be told any
   * more: better a part that stays for too long than one that is missed.
   */
  private introduced(look: Look, own: Sizes, { parent, new_bytes }: CheckpointNode): Sizes {
    const before = this.partsOf(look, parent);
    const found = before === null ? new Map<string, number>() : without(own, before);
    return sumOf(found) === new_bytes ? found : new Map();
  }

  private partsOf({ tables, located }: Look, id: string | null): Sizes | null {
    if (id === null) return new Map();
    const known = this.parts.get(id);
    if (known !== undefined) return known;
    const found = tables.checkpoints.partsOf(located, id) ?? null;
    this.parts.set(id, found);
    const [oldest] = this.parts.size > rememberedMax ? this.parts.keys() : [];
    if (oldest !== undefined) this.parts.delete(oldest);
    return found;
  }

  /** Null when the plan is of a tree that is no more. */
  private apply(tables: Tables, plan: Plan): Removed | null {
    const { catalogue, checkpoints, notes, held } = tables;
    const located = this.locate(tables);
    const { key, head } = located;
    const isOld = key !== plan.key || checkpoints.removals !== plan.removals;
    if (isOld || hasChildren(checkpoints.nodes(located, plan.last), plan.removed)) return null;
    const positions = [...plan.removed.values()].map(({ position }) => position);
    const count = checkpoints.remove(key, positions);
    for (const id of plan.removed.keys()) notes.remove(key, id);
    for (const node of plan.moved) checkpoints.replace(located, node);
    const letGo = held.change(key, plan.uses);
    const counted = {
      checkpoint_count: head.checkpoint_count - count,
      stored_bytes: head.stored_bytes - letGo.bytes,
    };
    catalogue.change(located, { ...head, ...counted }, {});
    return { hashes: letGo.hashes, rows: count + plan.moved.length + plan.uses.size };
  }

  private locate({ catalogue }: Tables): Located {
    const located = required(catalogue.locate(this.sessionId), this.sessionId);
    assertRemovable(this.sessionId, located.head, this.ids);
    return located;
  }
}

const without = (own: Sizes, other: Sizes): Sizes => new Map([...own].filter(([hash]) => !other.has(hash)));

function count(uses: Map<string, number>, parts: Sizes, more: number): void {
  for (const hash of parts.keys()) uses.set(hash, (uses.get(hash) ?? 0) + more);
}

const hasChildren = (added: readonly Node[], removed: ReadonlyMap<string, Node>): boolean =>
  added.some(({ item }) => item.parent !== null && removed.has(item.parent));
