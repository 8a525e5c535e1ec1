/**
 * The live state of one session: the engine, how it is made and made again. Every rebuild raises the epoch and
 * leaves an event that says why, what was kept and what was lost.
 */
import type { EngineContext, EngineDeath, IEngine, IWarmState } from '../types/engine.js';
import type { EpochCause, NotKept } from '../types/events.js';
import { errors, isSojournError } from '../types/errors.js';
import type { Disposable } from '../types/ports.js';
import type { Rebuild, SessionPatch, SessionRecord } from '../types/session.js';
import type { CheckpointRecord } from '../types/store.js';
import { restoreFiles, sourceOf } from './checkpoint-source.js';
import type { IncrementalWriter } from './incremental-writer.js';
import { planRecovery } from './recovery.js';
import type { RecoveryPlan, ReplayInput } from './recovery.js';
import { OutputGate } from './output-gate.js';
import { closedInput, rebuildEvent } from './rebuild-events.js';
import type { Absence, Embodied, Rebuilt } from './rebuild-events.js';
import { replayInput } from './replay.js';
import { summariseRebuild } from './session-metadata.js';
import type { SessionServices } from './session-services.js';
import { WarmStates } from './warm-states.js';
import { workspaceFileType } from './workspace.js';
import { WorkspaceAside } from './workspace-aside.js';

const deaths = new Set<EpochCause>(['kernel_died', 'out_of_memory', 'hard_timeout', 'interrupt_escalated']);

export type { Absence } from './rebuild-events.js';

export interface IncarnationOwner {
  record(): SessionRecord;
  /** Called when the engine died by itself, so that the owner can have it rebuilt. */
  died(): void;
  /** The rebuilt session's new facts, already stored. */
  rebuilt(patch: SessionPatch, replayed: number): void;
}

export class Incarnation implements Disposable {
  private engine: IEngine | null = null;
  private building: Promise<IEngine> | null = null;
  private absence: Absence | null;
  private closed = false;
  /** A death that was told before the engine was in use. */
  private earlyDeath: EngineDeath | null = null;
  /** The disposal of an engine that died: the next one wants the same folders. */
  private ending: Promise<void> = Promise.resolve();
  private replaying: AbortController | null = null;
  /** How the present live state came to be, when it is not the first. */
  lastRebuild: Rebuild | null = null;
  /** Output of threads and tasks that go on between runs. */
  private readonly background: OutputGate;
  private readonly aside: WorkspaceAside;
  /** Of former moments of this session. */
  readonly warm: WarmStates;

  constructor(
    private readonly services: SessionServices,
    private readonly writer: IncrementalWriter,
    private readonly owner: IncarnationOwner,
    /** Null for a session that was made just now. */
    absence: Absence | null,
    /** Inputs up to this seq without an answer were a former process's, and are closed by the first build. */
    private formerHead: number,
  ) {
    this.absence = absence;
    this.aside = new WorkspaceAside(services.workspace, services.aside, services.files, services.log);
    this.warm = new WarmStates(services.config.checkpoint.warm_count, services.warmShelf, services.log);
    const { journal_output_bytes: journalBytes } = services.config.limits;
    this.background = new OutputGate({
      journalBytes,
      totalBytes: journalBytes,
      clock: services.clock,
      spill: null,
      journal: (output) => writer.add(output).seq,
      kept: () => undefined,
    });
  }

  /** What runs in the background between two runs has the journal's limit, as each run has. */
  endOfRun(): void {
    void this.background.close();
  }

  get current(): IEngine | null {
    return this.engine;
  }

  get isBuilding(): boolean {
    return this.building !== null;
  }

  /** The engine that is there or under way; null when nobody has asked for one. */
  get coming(): Promise<IEngine> | null {
    return this.engine ? Promise.resolve(this.engine) : this.building;
  }

  /** How the live state ended, while it is gone without having been put to sleep; else null. */
  get deathDetail(): string | null {
    if (this.engine || !this.absence || !deaths.has(this.absence.cause)) return null;
    const { detail } = this.absence.details ?? {};
    return typeof detail === 'string' ? detail : this.absence.cause;
  }

  /**
   * The engine, made first if need be; however many ask, it is made once.
   * @throws engine_unavailable · storage_error
   */
  ensure(): Promise<IEngine> {
    if (this.closed) return Promise.reject(errors.closed(`Session '${this.owner.record().session_id}'`));
    if (this.engine) return Promise.resolve(this.engine);
    this.building ??= this.build().finally(() => {
      this.building = null;
    });
    return this.building;
  }

  /** Makes the engine from another session's live state. @throws engine_unavailable when that cannot be forked */
  async forkFrom(source: IEngine): Promise<NotKept[]> {
    const { definition, files, workspace } = this.services;
    await files.makeDirectory(workspace, 0o700);
    let notKept: NotKept[] = [];
    const engine = await this.create(this.owner.record().epoch, async (context) => {
      const forked = await source.fork?.(context);
      if (!forked) throw errors.notSupported(definition.name, 'a live fork');
      notKept = forked.not_kept;
      return forked.engine;
    });
    this.adopt(engine);
    return notKept;
  }

  /** Keeps the state of a checkpoint that was taken of an engine, which may have been replaced since. */
  keepWarm(checkpoint: CheckpointRecord, state: IWarmState, engine: IEngine | null): void {
    if (engine !== null && engine === this.engine) this.warm.add(checkpoint.checkpoint_id, state);
    else this.warm.end(state);
  }

  /** True when what the session began with is in no checkpoint yet: its source may change or go. */
  get beginsUnsaved(): boolean {
    return this.engine?.begin !== undefined && this.owner.record().head_checkpoint === null;
  }

  /** Begins once more and lets that go. @throws what stands in the way, before anything was given up */
  async rehearse(): Promise<void> {
    if (!this.engine?.begin) return;
    const engine = await this.begin(await this.create(this.owner.record().epoch));
    await engine.dispose();
  }

  /** Lets the live state go, if it is there still; the next `ensure` makes it again and says why. */
  async discard(absence: Absence): Promise<void> {
    await this.building?.catch(() => undefined);
    const engine = this.engine;
    this.engine = null;
    // Whoever lets it go knows why; what a death before has told is added.
    this.absence = { ...absence, details: { ...this.absence?.details, ...absence.details } };
    await engine?.dispose();
    await this.background.close();
  }

  /**
   * Makes the live state anew, as it was at another moment; where that fails, the next `ensure` makes it as it is.
   * @returns the inputs that were run again
   */
  async travel(plan: RecoveryPlan): Promise<readonly number[]> {
    await this.discard({ cause: 'moved' });
    const built = await this.rebuild(plan, false);
    await this.adoptRebuilt(plan, { ...built, passedOver: [] });
    return built.replayed;
  }

  /** Gives up the input that is being run again now; it counts as lost. False when none is. */
  stopReplay(): boolean {
    const { replaying } = this;
    replaying?.abort('interrupted');
    return replaying !== null;
  }

  async dispose(): Promise<void> {
    this.closed = true;
    this.stopReplay();
    await this.discard({ cause: 'hibernated' });
    await Promise.all([this.ending, this.warm.dispose()]);
  }

  private async build(): Promise<IEngine> {
    const { definition, files, workspace } = this.services;
    const record = this.owner.record();
    await files.makeDirectory(workspace, 0o700);
    if (this.absence === null) return this.adopt(await this.begin(await this.create(record.epoch)));
    await this.aside.mend();
    const mayReplay = record.recovery === 'replay' && definition.capabilities.replay === true;
    const { plan, built } = await this.recover({ ...record }, mayReplay);
    if (this.formerHead >= 0) this.writer.resumeAt(plan.contentSeq);
    return this.adoptRebuilt(plan, built);
  }

  /**
   * From the newest checkpoint; where an engine cannot live with that one, from its parent, and at last from the
   * journal alone. Stored bytes that are damaged are another matter: nothing is built on a guess.
   */
  private async recover(
    record: SessionRecord,
    mayReplay: boolean,
  ): Promise<{ plan: RecoveryPlan; built: Rebuilt }> {
    const { store, log } = this.services;
    let start = record.head_checkpoint;
    const passedOver: string[] = [];
    for (;;) {
      const plan = await planRecovery(store, { ...record, head_checkpoint: start }, mayReplay, passedOver);
      try {
        // Past a checkpoint that cannot be used, files that only it has are still in the workspace.
        // Only code meets files that it has made before; a table is loaded from files that were there first.
        const runsCode = this.services.definition.capabilities.execute === true;
        const isAll = plan.checkpoint === null && passedOver.length === 0 && plan.replay.length > 0;
        const rebuilt = await (isAll && runsCode ? this.replayAll(plan) : this.rebuild(plan, false));
        return { plan, built: { ...rebuilt, passedOver } };
      } catch (error) {
        const unusable = isSojournError(error, 'kernel_died') || isSojournError(error, 'timeout');
        if (!unusable || start === null || this.closed) throw error;
        log.error({ err: error, checkpoint_id: start }, 'a checkpoint cannot be restored');
        passedOver.push(start);
        start = passedOver.length < 2 ? (plan.checkpoint?.parent ?? null) : null;
      }
    }
  }

  /** @throws what the engine throws, which is gone then */
  private async begin(engine: IEngine): Promise<IEngine> {
    try {
      await engine.begin?.();
      return engine;
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  }

  private adopt(engine: IEngine): IEngine {
    this.absence = null;
    this.engine = engine;
    if (this.earlyDeath) this.onDeath(engine, this.earlyDeath);
    return engine;
  }

  private async create(
    epoch: number,
    make: (context: EngineContext) => Promise<IEngine> = (context) => {
      const { definition } = this.services;
      return definition.create(definition.options.parse(this.owner.record().options), context);
    },
  ): Promise<IEngine> {
    const { log, workspace } = this.services;
    const { session_id: sessionId, uid, family = uid } = this.owner.record();
    this.earlyDeath = null;
    let engine: IEngine | null = null;
    let dead = false;
    engine = await make({
      sessionId,
      uid,
      family,
      epoch,
      workspace,
      log,
      keepFile: (path, from) => this.services.sessionFiles.keep(path, from),
      emit: this.background.emit,
      died: (death) => {
        if (dead) return;
        dead = true;
        if (engine !== null && engine === this.engine) this.onDeath(engine, death);
        else this.earlyDeath = death;
      },
    });
    return engine;
  }

  private onDeath(engine: IEngine, death: EngineDeath): void {
    this.services.log.warn({ cause: death.cause, ...death.fields }, 'the live state of a session is gone');
    this.earlyDeath = null;
    this.engine = null;
    this.absence = { cause: death.cause, details: { detail: death.detail, ...death.fields } };
    this.ending = Promise.resolve(engine.dispose()).catch((error: unknown) => {
      this.services.log.error({ err: error }, 'a dead engine could not be disposed');
    });
    this.owner.died();
  }

  /** Everything since the beginning, which found no file of what came after it. */
  private async replayAll(plan: RecoveryPlan): Promise<Omit<Rebuilt, 'passedOver'>> {
    const rebuilt = await this.rebuild(plan, true).catch(async (error: unknown) => {
      await this.aside.mend();
      throw error;
    });
    try {
      await this.aside.giveBack();
      return rebuilt;
    } catch (error) {
      await rebuilt.engine.dispose();
      throw error;
    }
  }

  /** An input that kills the engine when it is run again is left out, and counted as lost. */
  private async rebuild(plan: RecoveryPlan, fromNothing: boolean): Promise<Omit<Rebuilt, 'passedOver'>> {
    const epoch = this.owner.record().epoch + 1;
    const lost: number[] = [];
    for (;;) {
      if (this.closed) throw errors.closed(`Session '${this.owner.record().session_id}'`);
      const inputs = plan.replay.filter((input) => !lost.includes(input.seq));
      await this.ending;
      // Before there is an engine: it may give the files it finds another owner, which counts as a change.
      if (fromNothing) await this.aside.take(Date.parse(plan.firstInputAt ?? ''));
      const { engine, ...how } = await this.embody(plan.checkpoint, epoch);
      try {
        const fatal = await this.replay(engine, inputs);
        if (fatal === null) return { engine, ...how, replayed: inputs.map((input) => input.seq), lost };
        lost.push(fatal);
        await engine.dispose();
      } catch (error) {
        await engine.dispose();
        throw error;
      }
    }
  }

  /** The state of a checkpoint as an engine: woken where it was kept warm, else restored into a fresh one. */
  private async embody(checkpoint: CheckpointRecord | null, epoch: number): Promise<Embodied> {
    const kept = checkpoint && this.warm.take(checkpoint.checkpoint_id);
    if (kept) {
      try {
        return await this.wakeState(kept, checkpoint, epoch);
      } catch (error) {
        this.services.log.warn({ err: error }, 'a state that was kept warm cannot be woken');
        this.warm.end(kept);
      }
    }
    // What is kept warm belongs to an engine that nothing will come back to.
    await this.warm.clear();
    const engine = await this.create(epoch);
    try {
      if (!checkpoint) {
        await engine.begin?.();
        return { engine, notKept: [], warm: false, begun: engine.begin !== undefined };
      }
      await restoreFiles(checkpoint, this.services);
      const report = await engine.restore(sourceOf(checkpoint, this.services));
      return { engine, notKept: [...checkpoint.not_kept, ...report.not_kept], warm: false };
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  }

  private async wakeState(state: IWarmState, checkpoint: CheckpointRecord, epoch: number): Promise<Embodied> {
    await restoreFiles(checkpoint, this.services);
    const notKept = checkpoint.not_kept.filter(({ type }) => type === workspaceFileType);
    const engine = await this.create(epoch, async (context) => {
      const woken = await state.wake(context);
      notKept.push(...woken.not_kept);
      return woken.engine;
    });
    return { engine, notKept, warm: true };
  }

  /** Runs inputs again without journaling their output; the seq of one that killed the engine, else null. */
  private async replay(engine: IEngine, inputs: readonly ReplayInput[]): Promise<number | null> {
    for (const input of inputs) {
      this.replaying = new AbortController();
      const isDone = await replayInput(engine, input, this.replaying, this.services);
      this.replaying = null;
      if (this.earlyDeath || !isDone) return input.seq;
    }
    return null;
  }

  private async adoptRebuilt(plan: RecoveryPlan, built: Rebuilt): Promise<IEngine> {
    try {
      await this.recordRebuild(plan, built);
    } catch (error) {
      await built.engine.dispose();
      throw error;
    }
    return this.adopt(built.engine);
  }

  private async recordRebuild(plan: RecoveryPlan, built: Rebuilt): Promise<void> {
    const epoch = this.owner.record().epoch + 1;
    const closing = plan.open.filter((seq) => seq <= this.formerHead);
    const patch: SessionPatch = { epoch, asleep: null };
    this.writer.setEpoch(epoch);
    const events = await this.writer.appendEvents(
      [...closing.map(closedInput), rebuildEvent(epoch, this.absence, plan, built)],
      patch,
    );
    this.formerHead = -1;
    const told = events.at(-1);
    if (told?.type === 'epoch') this.lastRebuild = summariseRebuild(told);
    // What it began with has no checkpoint yet, and counts like an input that would be run again.
    this.owner.rebuilt(patch, built.replayed.length + (built.begun ? 1 : 0));
  }
}
