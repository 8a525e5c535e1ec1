/**
 * Runs without a session: a fresh engine in a folder of its own, one run, and nothing left of either. They are never
 * listed or journaled; what a crash leaves of them is removed at the next start.
 */
import { join } from 'node:path';
import { ExecutionOutput } from '../core/execution-output.js';
import { OutputGate } from '../core/output-gate.js';
import { runInEngine } from '../core/run.js';
import { WorkspaceGuard } from '../core/workspace-guard.js';
import type { SessionEventBody } from '../types/events.js';
import type { IConfig } from '../types/config.js';
import type { EngineDefinition, IEngine, IEngines, InterruptReason } from '../types/engine.js';
import { errors, SojournError } from '../types/errors.js';
import type { IStatelessRuns, StatelessRequest } from '../types/managers.js';
import type { CallContext } from '../types/operation.js';
import type { IClock, IFiles, IIds, ILog } from '../types/ports.js';
import type { StatelessResult } from '../types/session.js';
import { parseOptions } from './new-session.js';
import { workspacesOf } from './workspaces.js';

export interface StatelessServices {
  readonly engines: IEngines;
  readonly config: Pick<IConfig, 'data_dir' | 'limits'>;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly files: IFiles;
  readonly log: ILog;
}

const stopped: InterruptReason = 'interrupted';

/** Of the folders of such runs, among those of sessions. */
const prefix = '.once-';

export class StatelessRuns implements IStatelessRuns {
  private readonly underWay = new Map<AbortController, Promise<unknown>>();
  private closed = false;

  constructor(private readonly services: StatelessServices) {}

  async start(): Promise<void> {
    const { files, config } = this.services;
    const folder = workspacesOf(config);
    if ((await files.stat(folder)) === null) return;
    for (const { name } of await files.list(folder))
      if (name.startsWith(prefix)) await files.remove(join(folder, name));
  }

  async run(request: StatelessRequest, call: CallContext): Promise<StatelessResult> {
    const controller = new AbortController();
    const leave = () => controller.abort(stopped);
    // Whoever gave a key may come back for the answer; nobody else could ever be told.
    if (call.idempotency_key === undefined) call.signal?.addEventListener('abort', leave, { once: true });
    const { output_bytes, journal_output_bytes } = this.services.config.limits;
    const output = new ExecutionOutput(output_bytes, 1);
    const gate = this.gate(journal_output_bytes, (body) => output.add(body));
    try {
      return await this.withEngine(request, controller, gate, async (engine, definition, workspace) => {
        if (request.code !== undefined) await engine.admit?.(request.code);
        const { operation, params, timeoutMs } = request;
        const run = { operation, params, timeoutMs, inputSeq: 1, controller, emit: gate.emit };
        const { files, clock, log, config } = this.services;
        const guard = new WorkspaceGuard({ workspace, files, clock, log, limits: config.limits }, true);
        const outcome = await guard.during(controller, engine.temporary, () =>
          runInEngine(engine, definition, run, clock),
        );
        await gate.close();
        if (outcome.failure) throw outcome.failure;
        const { status, duration_ms, error, execute } = outcome;
        output.add({ type: 'result', input_seq: 1, status, duration_ms, error });
        return {
          status,
          ...output.toResult(),
          should_exit: execute?.should_exit ?? false,
          error,
          execution_count: execute?.execution_count ?? null,
          duration_ms,
          ...(execute?.interrupt ? { interrupt: execute.interrupt } : {}),
        };
      });
    } finally {
      call.signal?.removeEventListener('abort', leave);
    }
  }

  async check(request: Pick<StatelessRequest, 'kind' | 'options' | 'code'>): Promise<void> {
    const gate = this.gate(0, () => undefined);
    await this.withEngine(request, new AbortController(), gate, async (engine) => {
      await engine.admit?.(request.code ?? '');
    });
  }

  /** Stops what runs, and resolves when it is gone. */
  async dispose(): Promise<void> {
    this.closed = true;
    for (const controller of this.underWay.keys()) controller.abort(stopped);
    await Promise.allSettled(this.underWay.values());
  }

  /** Of no session and in no journal: what is over the limit is lost, and counted. */
  private gate(journalBytes: number, take: (body: SessionEventBody) => void): OutputGate {
    const journal = (body: SessionEventBody) => {
      take(body);
      return 1;
    };
    const { clock } = this.services;
    const limits = { journalBytes, totalBytes: journalBytes };
    return new OutputGate({ ...limits, clock, spill: null, journal, kept: () => undefined });
  }

  private async withEngine<T>(
    request: Pick<StatelessRequest, 'kind' | 'options'>,
    controller: AbortController,
    gate: OutputGate,
    work: (engine: IEngine, definition: EngineDefinition, workspace: string) => Promise<T>,
  ): Promise<T> {
    if (this.closed) throw errors.closed('Sojourn');
    const { temporary_sessions: limit } = this.services.config.limits;
    if (this.underWay.size >= limit) {
      throw errors.limitExceeded('Runs without a session', 'limits.temporary_sessions', limit);
    }
    const definition = this.engineOf(request.kind);
    const options = parseOptions(definition, request.options);
    const running = this.inFolder(async (uid, workspace) => {
      const { log } = this.services;
      const context = { sessionId: uid, uid, family: uid, epoch: 1, workspace, log, emit: gate.emit };
      // Whoever waits for an answer hears of the death; nothing is rebuilt.
      const engine = await definition.create(options, { ...context, died: () => undefined });
      try {
        return await work(engine, definition, workspace);
      } finally {
        await engine.dispose();
      }
    });
    this.underWay.set(controller, running);
    try {
      return await running;
    } finally {
      this.underWay.delete(controller);
    }
  }

  private async inFolder<T>(work: (uid: string, workspace: string) => Promise<T>): Promise<T> {
    const { files, ids, log } = this.services;
    const uid = ids.uid();
    const family = join(workspacesOf(this.services.config), `${prefix}${uid}`);
    const workspace = join(family, uid);
    await files.makeDirectory(workspace, 0o700);
    try {
      return await work(uid, workspace);
    } finally {
      await files.remove(family).catch((error: unknown) => {
        log.warn({ err: error }, 'the folder of a run without a session could not be removed');
      });
    }
  }

  private engineOf(kind: string): EngineDefinition {
    const definition = this.services.engines.get(kind);
    if (definition?.capabilities.execute === true) return definition;
    const kinds = [...this.services.engines.values()]
      .filter(({ capabilities }) => capabilities.execute === true)
      .map(({ name }) => name);
    const detail = `kind: '${kind}' runs no code; these do: ${kinds.join(', ')}.`;
    throw new SojournError('invalid_params', detail, { kind });
  }
}
