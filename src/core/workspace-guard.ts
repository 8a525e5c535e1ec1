/**
 * Sees to it that what code writes stays within the limits of its workspace. Nothing stops a program from writing many
 * files, so they are counted while a run goes on, beside it and now and then; one that goes on to write over the limit
 * is interrupted. Over the limit code may still run, for it may be about to make room; far over it only files can be
 * deleted.
 */
import type { IConfig } from '../types/config.js';
import { SojournError } from '../types/errors.js';
import type { IClock, IFiles, ILog, Timer } from '../types/ports.js';
import { countFiles } from './file-usage.js';
import type { Usage } from './file-usage.js';
import type { RunOutcome } from './run.js';

type Limits = Pick<IConfig['limits'], 'workspace_bytes' | 'workspace_entries'>;

/** Between two counts, in milliseconds: some time, and longer where counting takes long. */
const shortestPauseMs = 1000;
const longestPauseMs = 10_000;
const pauseFactor = 20;
const nothing: Usage = { bytes: 0, entries: 0 };
/** Beyond so many times the limit no code runs. */
const ceiling = 2;

export interface GuardServices {
  readonly workspace: string;
  readonly files: IFiles;
  readonly clock: Pick<IClock, 'monotonic' | 'setTimer'>;
  readonly limits: Limits;
  readonly log: ILog;
}

interface Watched {
  readonly folders: readonly string[];
  readonly controller: AbortController;
  /** What was there when it began. */
  readonly base: Usage;
  timer: Timer | null;
  ended: boolean;
  /** Set when it was stopped for what it wrote. */
  found: Usage | null;
}

export class WorkspaceGuard {
  private last: Usage | null;
  private counting: Promise<Usage | null> | null = null;
  /** On the monotonic clock. */
  private nextAt: number;

  /** @param isEmpty that nothing can be there yet, so that the first run need not wait to have it counted */
  constructor(
    private readonly services: GuardServices,
    isEmpty: boolean,
  ) {
    this.last = isEmpty ? nothing : null;
    this.nextAt = isEmpty ? services.clock.monotonic() + shortestPauseMs : -Infinity;
  }

  /** @throws limit_exceeded when there is so much that only deleting helps */
  async admit(): Promise<void> {
    const { limits } = this.services;
    if (this.last !== null && !isOver(this.last, limits, ceiling)) {
      // Processes that a run left behind may have gone on writing: the next run is told.
      if (this.services.clock.monotonic() >= this.nextAt) void this.count([]);
      return;
    }
    // Not counted yet, or files may have been deleted since.
    const usage = await this.count([]);
    if (usage === null || !isOver(usage, limits, ceiling)) return;
    const { what, held, limit, setting } = excess(usage, limits);
    const detail = `The workspace holds ${held} ${what}, far more than the ${limit} of ${setting}: no code runs before some are deleted, with delete_file.`;
    throw new SojournError('limit_exceeded', detail, { limit: setting, setting, value: limit });
  }

  /**
   * Runs code under watch: it is aborted through its controller when it writes too much, and its outcome says so.
   * @param temporary a folder beside the workspace that the code writes to as well
   */
  async during(
    controller: AbortController,
    temporary: string | null | undefined,
    run: () => Promise<RunOutcome>,
  ): Promise<RunOutcome> {
    const folders = typeof temporary === 'string' ? [temporary] : [];
    const base = this.last ?? nothing;
    const watched: Watched = { folders, controller, base, timer: null, ended: false, found: null };
    this.schedule(watched);
    try {
      return this.explain(await run(), watched);
    } finally {
      watched.ended = true;
      watched.timer?.cancel();
      // The next run answers for what it writes itself. Nobody waits for this.
      if (this.services.clock.monotonic() >= this.nextAt) void this.count(folders);
    }
  }

  private schedule(watched: Watched): void {
    const { clock } = this.services;
    const delayMs = Math.max(shortestPauseMs, this.nextAt - clock.monotonic());
    watched.timer = clock.setTimer(delayMs, () => void this.look(watched));
  }

  private async look(watched: Watched): Promise<void> {
    // One that has begun before this run says little about it.
    await this.counting;
    const usage = await this.count(watched.folders);
    if (watched.ended || watched.controller.signal.aborted) return;
    if (usage && isOver(usage, this.services.limits, 1) && hasGrown(usage, watched.base)) {
      watched.found = usage;
      watched.controller.abort('interrupted');
      return;
    }
    this.schedule(watched);
  }

  /** Null when it could not be counted, which is logged. */
  private count(folders: readonly string[]): Promise<Usage | null> {
    this.counting ??= this.countNow(folders).finally(() => {
      this.counting = null;
    });
    return this.counting;
  }

  private async countNow(folders: readonly string[]): Promise<Usage | null> {
    const { workspace, files, clock, limits, log } = this.services;
    const started = clock.monotonic();
    let usage: Usage | null = { bytes: 0, entries: 0 };
    try {
      for (const folder of [workspace, ...folders]) {
        const { bytes, entries } = await countFiles(folder, files, ceiling * limits.workspace_entries + 1);
        usage = { bytes: usage.bytes + bytes, entries: usage.entries + entries };
      }
      this.last = usage;
    } catch (error) {
      log.warn({ err: error }, 'the files of a workspace could not be counted');
      usage = null;
    }
    const ended = clock.monotonic();
    const pauseMs = Math.max(shortestPauseMs, pauseFactor * (ended - started));
    this.nextAt = ended + Math.min(longestPauseMs, pauseMs);
    return usage;
  }

  private explain(outcome: RunOutcome, { found }: Watched): RunOutcome {
    // It may have ended by itself in the very moment.
    if (found === null || outcome.status !== 'interrupted') return outcome;
    const { what, held, limit, setting } = excess(found, this.services.limits);
    const message = `It was stopped, for the workspace holds ${held} ${what}, more than the ${limit} of ${setting}; delete files that are not needed.`;
    const name = 'WorkspaceFull';
    const traceback = `${outcome.error?.traceback ?? ''}${name}: ${message}\n`;
    return { ...outcome, error: { name, message, traceback, code: 'limit_exceeded' } };
  }
}

const isOver = ({ bytes, entries }: Usage, limits: Limits, times: number): boolean =>
  bytes > times * limits.workspace_bytes || entries > times * limits.workspace_entries;

const hasGrown = (usage: Usage, base: Usage): boolean =>
  usage.bytes > base.bytes || usage.entries > base.entries;

/** Which limit it is, and how far off. */
const excess = ({ bytes, entries }: Usage, { workspace_bytes, workspace_entries }: Limits) =>
  bytes > workspace_bytes
    ? { what: 'bytes', held: bytes, limit: workspace_bytes, setting: 'limits.workspace_bytes' }
    : { what: 'files', held: entries, limit: workspace_entries, setting: 'limits.workspace_entries' };
