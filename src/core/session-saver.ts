/**
 * The checkpoints of one session: how much recovery would cost by now, taking one while nothing runs, and writing it
 * beside further work. One is written at a time.
 */
import type { IEngine, IWarmState } from '../types/engine.js';
import type { SojournError } from '../types/errors.js';
import type { SessionEvent } from '../types/events.js';
import type { SessionRecord } from '../types/session.js';
import type { CheckpointRecord } from '../types/store.js';
import { CheckpointPace, policyOf } from './checkpoint-pace.js';
import { emptied, fixEmptyState, fixState } from './checkpointer.js';
import type { FixedState, FixRequest } from './checkpointer.js';
import type { Mailbox } from './mailbox.js';
import { RetryPace } from './retry-pace.js';
import type { SessionServices } from './session-services.js';

export interface SaverHost {
  readonly mailbox: Mailbox;
  /** As it stands now, the head included. */
  record(): SessionRecord;
  /** Everything said so far is stored. */
  flush(): Promise<void>;
  /** Journaled inputs whose turn has not come. */
  pending(): number[];
  /** The engine, if there is one. */
  engine(): IEngine | null;
  saved(checkpoint: CheckpointRecord): void;
  /** Set once the session needs no checkpoint any more: one that fails then is no failure. */
  ended(): SojournError | null;
  /** True when states are to be kept as they are, beside their checkpoints. */
  keepsWarm(): boolean;
  /** The state of a checkpoint, which is the host's from now on. */
  keepWarm(checkpoint: CheckpointRecord, state: IWarmState, engine: IEngine | null): void;
}

/** What recovery would have to run again. */
interface ReplayCost {
  inputs: number;
  ms: number;
}

const nothing: ReplayCost = { inputs: 0, ms: 0 };

export class SessionSaver {
  private cost: ReplayCost = nothing;
  private saving: Promise<unknown> | null = null;
  /** Checkpoints are stored in the order in which they were fixed: the last one stored is where recovery begins. */
  private writing: Promise<unknown> = Promise.resolve();
  private appliedSeq: number | null = null;
  /** How long the last one held the turn. */
  private fixMs = 0;
  /** One that has been asked for and has not fixed the state yet: it will cover whatever comes until then. */
  private coming: Promise<CheckpointRecord | null> | null = null;
  private readonly pace: RetryPace;
  private readonly rhythm: CheckpointPace;

  constructor(
    private readonly services: SessionServices,
    private readonly host: SaverHost,
  ) {
    const { clock, config, definition } = services;
    this.pace = new RetryPace(clock, config.checkpoint.interval_ms);
    this.rhythm = new CheckpointPace(clock, () => policyOf(host.record(), definition, config.checkpoint));
  }

  /** True for a while after one has failed, longer each time: whoever need not have one now does not ask for it. */
  get isPaused(): boolean {
    return this.pace.isPaused;
  }

  get isDirty(): boolean {
    return this.cost.inputs > 0;
  }

  /** True when recovery would take longer than the configuration likes, and nobody has asked for a checkpoint yet. */
  get isDue(): boolean {
    const { replay_cost_ms, replay_inputs } = this.services.config.checkpoint;
    if (this.coming || this.pace.isPaused) return false;
    return this.cost.inputs >= replay_inputs || this.cost.ms >= replay_cost_ms;
  }

  /** One more input that recovery would run again. */
  add(durationMs: number): void {
    this.cost = { inputs: this.cost.inputs + 1, ms: this.cost.ms + durationMs };
  }

  /** After a rebuild: these inputs were run again and would be once more. */
  reset(inputs: number): void {
    this.cost = { inputs, ms: 0 };
  }

  /** What the policy wants after a write; one that is under way is enough. */
  get wanted(): 'now' | 'soon' | null {
    if (this.coming || this.saving || this.pace.isPaused || !this.isDirty) return null;
    return this.rhythm.after(this.cost.inputs);
  }

  /** For a caller that holds the turn: the state as it is before something that is not repeated. */
  async saveBefore(): Promise<void> {
    if (this.rhythm.beforeEffects && this.isDirty) await this.saveInTurn('before effect');
  }

  /** For a caller that holds the turn: the state is fixed in the next one, and written while others go on. */
  saveNext(reason: string): void {
    const saving = this.fixAndWrite(reason, { first: true });
    this.saving = saving;
    void saving
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        if (this.saving === saving) this.saving = null;
      });
  }

  /** One more checkpoint, whether or not anything has changed since the newest. @param wake gets the engine */
  async saveAnyway(reason: string, wake: () => Promise<unknown>): Promise<CheckpointRecord> {
    await this.settle();
    const saving = this.fixAndWrite(reason, { wake }).finally(() => {
      if (this.saving === saving) this.saving = null;
    });
    this.saving = saving;
    const checkpoint = await saving;
    if (!checkpoint) throw this.host.ended() ?? new Error('a state that was there was not saved');
    return checkpoint;
  }

  /** Waits for its turn in the mailbox; null when the newest checkpoint covers everything. */
  save(reason: string): Promise<CheckpointRecord | null> {
    if (this.coming) return this.coming;
    const coming = this.saveLater(reason)
      .catch((error: unknown) => {
        throw this.host.ended() ?? error;
      })
      .finally(() => {
        if (this.coming === coming) this.coming = null;
      });
    this.coming = coming;
    return coming;
  }

  /** For a caller that holds the turn: nothing else runs meanwhile. */
  async saveInTurn(reason: string): Promise<void> {
    await this.saveNow(reason, this.host.keepsWarm());
  }

  /** The same, for a caller that lets the live state go afterwards: none is kept of it. */
  async saveLast(reason: string): Promise<void> {
    await this.saveNow(reason, false);
  }

  /** As `saveInTurn`, for an effect that recovery would not bring back. False when it failed, which is logged. */
  async keepInTurn(reason: string): Promise<boolean> {
    try {
      await this.saveInTurn(reason);
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  private failed(error: unknown): void {
    const { session_id } = this.host.record();
    if (!this.host.ended()) this.services.log.error({ err: error, session_id }, 'a checkpoint failed');
  }

  /** For the input that holds the turn: its effect is kept before its result says so. */
  async saveApplied(inputSeq: number): Promise<void> {
    const cost = this.cost;
    await this.write(await this.fix('files', this.host.keepsWarm(), [inputSeq]), cost);
    this.appliedSeq = inputSeq;
  }

  /** True for an input that a checkpoint was taken for, and that recovery need not run again. */
  hasApplied(seq: number | null): boolean {
    return seq !== null && seq === this.appliedSeq;
  }

  /** Makes the empty state the one that recovery starts from. For a caller that holds the turn. */
  async saveNothing(): Promise<void> {
    const cost = this.cost;
    const request = await this.request(emptied);
    const fixed = await fixEmptyState(this.services, request);
    this.cost = nothing;
    await this.write(fixed, cost);
  }

  /** Resolves when no checkpoint is being written. */
  async settle(): Promise<void> {
    // Whoever asked for it has its failure.
    while (this.saving) await this.saving.catch(() => undefined);
  }

  async newest(): Promise<CheckpointRecord | null> {
    const { session_id, head_checkpoint } = this.host.record();
    return head_checkpoint === null ? null : this.services.store.getCheckpoint(session_id, head_checkpoint);
  }

  /** Journal events that the newest checkpoint does not cover. */
  async changes(): Promise<SessionEvent[]> {
    const { session_id } = this.host.record();
    const from = ((await this.newest())?.seq ?? -1) + 1;
    return this.services.store.readJournal(session_id, from, Number.MAX_SAFE_INTEGER);
  }

  private async saveNow(reason: string, freezable: boolean): Promise<void> {
    if (!(await this.isWanted())) return;
    const cost = this.cost;
    await this.write(await this.fix(reason, freezable), cost);
  }

  /** False when all is stored: what is still being written may fail, and is waited for. */
  private async isWanted(): Promise<boolean> {
    // Whoever asked for it has its failure.
    if (!this.isDirty) await this.writing.catch(() => undefined);
    return this.isDirty && this.host.engine() !== null;
  }

  private async saveLater(reason: string): Promise<CheckpointRecord | null> {
    await this.settle();
    if (!(await this.isWanted())) {
      this.coming = null;
      return null;
    }
    const saving = this.fixAndWrite(reason).finally(() => {
      if (this.saving === saving) this.saving = null;
    });
    this.saving = saving;
    return saving;
  }

  private async fixAndWrite(
    reason: string,
    { first = false, wake }: { first?: boolean; wake?: () => Promise<unknown> } = {},
  ): Promise<CheckpointRecord | null> {
    const turn = async () => {
      await wake?.();
      const cost = this.cost;
      // What is asked for from here on is not covered.
      this.coming = null;
      // The engine may have died while this waited for its turn; the rebuilt one is dirty again.
      if (!this.host.engine()) return null;
      const fixed = await this.fix(reason, this.host.keepsWarm());
      // The turn is over; whoever has the next one knows that this is being written.
      return { written: this.write(fixed, cost) };
    };
    const begun = await this.host.mailbox.exclusive(turn, { first });
    return begun && begun.written;
  }

  private async fix(
    reason: string,
    freezable: boolean,
    applied: readonly number[] = [],
  ): Promise<FixedState> {
    const request = await this.request(reason, applied);
    const engine = this.host.engine();
    if (!engine) throw new Error('there is no live state to be saved');
    const begun = this.services.clock.monotonic();
    const fixed = await fixState(this.services, { ...request, engine, freezable }).catch((error: unknown) => {
      this.pace.failed();
      throw error;
    });
    this.fixMs = this.services.clock.monotonic() - begun;
    // From here on inputs count towards the next checkpoint.
    this.cost = nothing;
    return fixed;
  }

  private async request(reason: string, applied: readonly number[] = []): Promise<FixRequest> {
    await this.host.flush();
    // Whoever asked for the one before has its failure.
    await this.writing.catch(() => undefined);
    return {
      record: { ...this.host.record() },
      previous: await this.newest(),
      pending: this.host.pending(),
      applied,
      reason,
      checkpointId: this.services.ids.uid(),
    };
  }

  /** @param cost what it covers, to be counted again if it cannot be written */
  private async write(fixed: FixedState, cost: ReplayCost): Promise<CheckpointRecord> {
    // It may be replaced while this is written.
    const engine = this.host.engine();
    const { clock } = this.services;
    const begun = clock.monotonic();
    const writing = fixed.write();
    this.writing = writing;
    try {
      const { checkpoint, warm } = await writing;
      this.host.saved(checkpoint);
      this.pace.succeeded();
      this.rhythm.took(clock.monotonic() - begun + this.fixMs);
      if (warm) this.host.keepWarm(checkpoint, warm, engine);
      return checkpoint;
    } catch (error) {
      this.pace.failed();
      this.cost = { inputs: this.cost.inputs + cost.inputs, ms: this.cost.ms + cost.ms };
      throw error;
    } finally {
      await fixed.dispose();
    }
  }
}
