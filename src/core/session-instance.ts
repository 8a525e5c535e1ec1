/**
 * A live session: its place in memory, put together from the mailbox, the journal's writer, the write pipeline and
 * the incarnation that holds the engine. Sleeping, saving and restarting are here; how a write runs is in the
 * pipeline.
 */
import type { SojournError } from '../types/errors.js';
import { errors, isSojournError } from '../types/errors.js';
import type { IEngine } from '../types/engine.js';
import type { NotKept, SessionEvent, SideEventBody } from '../types/events.js';
import type { ISessionFiles } from '../types/files.js';
import type { InputCall, InputReceipt } from '../types/input.js';
import type {
  ExecuteResult,
  ForkMoment,
  InterruptReport,
  ISessionInstance,
  OutputPage,
  OutputQuery,
  SessionMetadata,
  SessionPatch,
  SessionRecord,
  SessionState,
  SessionStatus,
  WriteCall,
} from '../types/session.js';
import type { CheckpointRecord } from '../types/store.js';
import { ExecutionReader } from './execution-reader.js';
import { Incarnation } from './incarnation.js';
import type { Absence } from './incarnation.js';
import { IncrementalWriter } from './incremental-writer.js';
import { Mailbox } from './mailbox.js';
import { patchAfter } from './run-patch.js';
import type { RunOutcome } from './run.js';
import { Reads } from './reads.js';
import { RebuildPace } from './rebuild-pace.js';
import { retired } from './retirement.js';
import { setAside } from './set-aside.js';
import { SessionFacts } from './session-facts.js';
import { describeSession } from './session-metadata.js';
import { SessionVitals } from './session-vitals.js';
import { restartState } from './session-restart.js';
import { SessionSaver } from './session-saver.js';
import type { SessionServices } from './session-services.js';
import { runTravel } from './travel-run.js';
import type { WarmStates } from './warm-states.js';
import { WritePipeline } from './write-pipeline.js';
import { settle } from './write-settlement.js';
import type { SettlementHost } from './write-settlement.js';
import type { Write } from './write.js';

export class SessionInstance implements ISessionInstance {
  readonly id: string;
  readonly kind: string;
  readonly owner: string;
  readonly files: ISessionFiles;
  readonly warm: WarmStates;
  private readonly mailbox: Mailbox;
  private readonly writer: IncrementalWriter;
  private readonly incarnation: Incarnation;
  private readonly pipeline: WritePipeline;
  private readonly saver: SessionSaver;
  private readonly executions: ExecutionReader;
  readonly vitals: SessionVitals;
  private readonly pace = new RebuildPace();
  private readonly reads: Reads;
  private lastAccess: number;
  private readonly facts = new SessionFacts();
  /** Set when this instance has ended; said to whoever still asks it. */
  private ended: SojournError | null = null;

  /** @param absence null for a session that was made just now; else why it has no live state. */
  constructor(
    private record: SessionRecord,
    private readonly services: SessionServices,
    absence: Absence | null,
  ) {
    ({ session_id: this.id, kind: this.kind, owner: this.owner } = record);
    this.files = services.sessionFiles;
    const { store, clock, publish } = services;
    const { session_id: sessionId, durability } = record;
    this.mailbox = new Mailbox(services.config.limits);
    const options = { store, clock, sessionId, durability, announce: publish };
    this.writer = new IncrementalWriter(options, record.head_seq, record.epoch);
    const owner = {
      record: () => this.currentRecord(),
      died: () => this.rebuildSoon(),
      rebuilt: (patch: SessionPatch, replayed: number) => {
        Object.assign(this.record, patch);
        this.saver.reset(replayed);
      },
    };
    this.incarnation = new Incarnation(services, this.writer, owner, absence, absence ? record.head_seq : -1);
    this.warm = this.incarnation.warm;
    this.pipeline = new WritePipeline(services, {
      id: record.session_id,
      owner: record.owner,
      mailbox: this.mailbox,
      writer: this.writer,
      epoch: () => this.record.epoch,
      durable: () => this.record.durability !== 'async',
      durability: () => this.record.durability,
      engine: () => this.engine(),
      travel: (move, params) =>
        runTravel(move, params, services, {
          record: () => this.currentRecord(),
          saver: this.saver,
          incarnation: this.incarnation,
        }),
      patchFor: (write, outcome) => this.patchFor(write, outcome),
      begins: (write) => (write.repeatable ? Promise.resolve() : this.saver.saveBefore()),
      settled: (write, outcome) => settle(write, outcome, services, this.settlement()),
    });
    this.reads = new Reads(services, { engine: () => this.engine(), headSeq: () => this.writer.headSeq });
    this.executions = new ExecutionReader(services, {
      record: () => this.currentRecord(),
      isUnanswered: (seq) => this.pipeline.isUnanswered(seq),
      settle: (seq) => this.pipeline.settleOutput(seq),
    });
    this.saver = new SessionSaver(services, {
      mailbox: this.mailbox,
      record: () => this.currentRecord(),
      flush: () => this.writer.flush(),
      pending: () => this.pipeline.pendingSeqs,
      engine: () => this.incarnation.current,
      saved: (checkpoint) => {
        this.record.head_checkpoint = checkpoint.checkpoint_id;
        this.record.checkpoint_count += 1;
      },
      ended: () => this.ended,
      keepsWarm: () => this.warm.isOpen,
      keepWarm: (...kept) => this.incarnation.keepWarm(...kept),
    });
    this.vitals = new SessionVitals(clock, {
      record: () => this.currentRecord(),
      mailbox: this.mailbox,
      incarnation: this.incarnation,
      isEnded: () => this.ended !== null,
    });
    this.lastAccess = Date.parse(record.last_activity);
  }

  get replays(): boolean {
    return this.record.recovery === 'replay' && this.services.definition.capabilities.replay === true;
  }

  async execute(command: string): Promise<ExecuteResult> {
    const call = { principal: { id: this.owner } };
    return (await this.performWrite('execute', { code: command }, call)) as ExecuteResult;
  }

  async performWrite(operation: string, params: Record<string, unknown>, call: WriteCall): Promise<unknown> {
    this.assertOpen();
    this.touch();
    return this.orLetGo(this.pipeline.perform(operation, params, call));
  }

  async performRead(
    operation: string,
    params: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    this.assertOpen();
    return this.reads.perform(operation, params, signal);
  }

  readExecution(seq: number): Promise<ExecuteResult> {
    this.assertOpen();
    return this.executions.answer(seq);
  }

  readOutput(seq: number, query: OutputQuery): Promise<OutputPage> {
    this.assertOpen();
    return this.executions.output(seq, query);
  }

  async replyInput(value: string | null, call: InputCall): Promise<InputReceipt> {
    this.assertOpen();
    return this.pipeline.replyInput(value, call);
  }

  async interrupt(): Promise<InterruptReport> {
    this.assertOpen();
    const stopped = this.incarnation.stopReplay();
    const report = await this.pipeline.interrupt();
    return { ...report, interrupted: report.interrupted || stopped };
  }

  async restart(keepState: boolean): Promise<SessionMetadata> {
    this.assertOpen();
    this.touch();
    // The restart goes before everything that waits, and does not wait for what runs either.
    const { saver, incarnation, services } = this;
    const anew = async () => {
      this.record = await restartState(keepState, this.record, { saver, incarnation, services });
      await this.engine();
    };
    const turn = this.mailbox.exclusive(anew, { first: true });
    await Promise.all([turn, this.interrupt()]);
    return this.getMetadata();
  }

  async fork(make: (moment: ForkMoment) => Promise<void>): Promise<void> {
    this.assertOpen();
    await this.mailbox.exclusive(async () => {
      const engine = await this.engine();
      await this.writer.flush();
      const record = { ...this.currentRecord() };
      await make({ record, engine, checkpoint: () => this.saver.saveInTurn('fork') });
    });
  }

  /** Begins this session, made just now, with a fork of another one's live state. @throws engine_unavailable */
  async begin(source: IEngine): Promise<NotKept[]> {
    const notKept = await this.incarnation.forkFrom(source);
    // Until it has a checkpoint of its own, recovery runs what the other session ran.
    this.saver.add(0);
    return notKept;
  }

  async wake(): Promise<void> {
    this.assertOpen();
    await this.engine();
    // What it began with is kept like the effect of an input.
    if (this.incarnation.beginsUnsaved) this.saver.add(0);
  }

  /** For the input that holds the turn. @throws storage_error when its effect cannot be kept */
  keep(inputSeq: number): Promise<void> {
    return this.saver.saveApplied(inputSeq);
  }

  checkpoint(reason: string, { always = false } = {}): Promise<CheckpointRecord | null> {
    this.assertOpen();
    return always ? this.saver.saveAnyway(reason, () => this.engine()) : this.saver.save(reason);
  }

  async hibernate(): Promise<void> {
    this.assertOpen();
    await this.saver.settle();
    await this.mailbox.exclusive(async () => {
      await this.reads.settle();
      await this.saver.saveLast('hibernate');
      await this.writer.flush();
      const last_activity = new Date(this.lastAccess).toISOString();
      await this.services.store.updateSession(this.id, { asleep: 'hibernated', last_activity });
      this.ended = retired();
      this.mailbox.close(this.ended);
      await this.incarnation.dispose();
      // Output of the background may have been held until now.
      await this.writer.flush();
    });
  }

  async note(uid: string, body: SideEventBody, patch: SessionPatch): Promise<void> {
    this.assertOpen();
    if (uid !== this.record.uid) throw errors.sessionNotFound(this.id);
    await this.orLetGo(this.writer.appendEvents([body], patch));
  }

  async writesEnded(): Promise<void> {
    if (!this.ended) await this.mailbox.exclusive(() => Promise.resolve());
  }

  async drain(graceMs: number): Promise<void> {
    if (this.ended) return;
    this.mailbox.closeForWrites(errors.closed('Sojourn'));
    const cooling = this.warm.dispose();
    const still = this.mailbox.exclusive(() => Promise.resolve());
    const timer = this.services.clock.setTimer(graceMs, () => void this.pipeline.interrupt());
    await Promise.all([still.finally(() => timer.cancel()), cooling]);
  }

  /** Ends the instance, not the session: what runs is stopped and what waits is refused. */
  async dispose(reason?: SojournError): Promise<void> {
    if (this.ended) return;
    this.ended = reason ?? errors.closed(`Session '${this.id}'`);
    this.mailbox.close(this.ended);
    const stopping = this.pipeline.interrupt();
    await this.incarnation.dispose();
    await stopping;
    await this.writer.flush().catch(this.logged('the end of a journal could not be stored'));
  }

  getState(): SessionState {
    return {
      status: this.status(),
      epoch: this.record.epoch,
      head_seq: this.writer.headSeq,
      content_seq: this.writer.contentSeq,
      queue_length: this.mailbox.length,
      running_seq: this.pipeline.runningSeq,
    };
  }

  getMetadata(): SessionMetadata {
    const memoryBytes = this.incarnation.current?.memoryBytes?.() ?? 0;
    const { clock, config } = this.services;
    const inactivity = { now: clock.now(), afterS: config.session.inactive_after_s };
    const live = {
      status: this.status(),
      memoryBytes,
      lastAccess: this.lastAccess,
      inputRequest: this.pipeline.inputRequest,
      lastRebuild: this.incarnation.lastRebuild,
    };
    return describeSession(this.currentRecord(), live, inactivity);
  }

  isDirty = (): boolean => this.saver.isDirty;
  get savePaused(): boolean {
    return this.saver.isPaused;
  }
  markClean = (): void => this.saver.reset(0);

  getLastAccessTime = (): number => this.lastAccess;
  touch(): void {
    this.lastAccess = this.services.clock.now();
  }

  getChangesSinceLastSave = (): Promise<SessionEvent[]> => this.saver.changes();

  async updateMetadata(patch: SessionPatch): Promise<SessionMetadata> {
    this.assertOpen();
    await this.writer.flush();
    this.record = await this.services.store.updateSession(this.id, patch);
    return this.getMetadata();
  }

  private async orLetGo<T>(writing: Promise<T>): Promise<T> {
    return writing.catch((error: unknown) => {
      if (this.writer.broken !== undefined) this.services.broken();
      throw error;
    });
  }

  private assertOpen(): void {
    if (this.ended) throw this.ended;
  }

  private currentRecord(): SessionRecord {
    this.record.head_seq = this.writer.headSeq;
    return this.record;
  }

  private status(): SessionStatus {
    if (this.mailbox.busy) return 'busy';
    if (this.incarnation.current) return 'idle';
    return this.ended ? 'hibernated' : 'restoring';
  }

  private async engine(): Promise<IEngine> {
    try {
      const engine = await this.incarnation.ensure();
      await this.facts.tellOf(engine, this.record, this.services.store);
      return engine;
    } catch (error) {
      if (isSojournError(error, 'storage_error') && error.fields.damaged === true)
        await setAside(this.id, error, this.services);
      throw error;
    }
  }

  private patchFor(write: Write, outcome: RunOutcome): SessionPatch {
    const facts = this.facts.patch(this.incarnation.current, this.record);
    const patch = { ...patchAfter(write, outcome, this.record, this.services.clock), ...facts };
    this.touch();
    Object.assign(this.record, patch);
    return patch;
  }

  private settlement(): SettlementHost {
    const { saver, incarnation, vitals, warm } = this;
    return { saver, incarnation, vitals, warm, rebuildSoon: () => this.rebuildSoon() };
  }

  private rebuildSoon(): void {
    if (this.ended || !this.pace.allows(this.services.clock.monotonic())) return;
    void this.mailbox
      .exclusive(() => this.engine(), { first: true })
      .catch((error: unknown) => {
        if (!this.ended) this.logged('a session could not be rebuilt')(error);
      });
  }

  private logged(message: string): (error: unknown) => void {
    return (error) => this.services.log.error({ err: error, session_id: this.id }, message);
  }
}
