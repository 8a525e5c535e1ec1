/**
 * One installation for one session. pip runs in a process of its own, with network and programs but under another uid
 * and without any of the session's files, because building a package runs code of whoever wrote it. When all of that
 * is dead, what it made is handed to the session's kernel, which takes it over by renaming.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { ExecutionOutput } from '../../core/execution-output.js';
import type { RunContext } from '../../types/engine.js';
import { errors, SojournError } from '../../types/errors.js';
import type { OutputEventBody } from '../../types/events.js';
import type { Disposable } from '../../types/ports.js';
import type { KernelHost } from './kernel-host.js';
import { installPrefix } from './kernel-maker.js';
import type { KernelPlace } from './kernel-maker.js';
import type { KernelProcess } from './kernel-process.js';
import { KernelLink } from './kernel-link.js';
import type { PythonEngineOptions } from './options.js';
import { adoptReplySchema, presentReplySchema, resolveReplySchema, stageReplySchema } from './protocol.js';
import { assertLetIn, assertRequirements, secretsOf, sourceOptions } from './requirements.js';
import type { PackageOptions } from './requirements.js';

/** Of each stream inside the answer; the journal has all. */
const outputCharactersMax = 64 * 1024;
/** What the installer puts its packages into; must agree with installer.py. */
const stagedFolder = 'new';
/** Nothing foreign is built under the uid that owns the server's files. */
const onlyWheelsNote =
  'Note: only wheels are installed here, because sessions share the uid of the server.\n';

export interface InstallRequest {
  readonly packages: readonly string[];
  readonly upgrade: boolean;
}

export const installResultSchema = z.object({
  returncode: z.number().int().describe('Of pip; 0 when all packages are there.'),
  stdout: z.string(),
  stderr: z.string(),
  installed_packages: z
    .array(z.object({ name: z.string(), version: z.string() }))
    .describe('What was installed, dependencies among it; without what was there already.'),
  duration_ms: z.number(),
});
export type InstallResult = z.infer<typeof installResultSchema>;

/** The session, as an installation sees it. */
export interface InstallTarget {
  readonly workspace: string;
  readonly kernel: Pick<KernelProcess, 'give'>;
  ask<S extends z.ZodType>(
    operation: string,
    params: Readonly<Record<string, unknown>>,
    schema: S,
  ): Promise<z.output<S>>;
}

/** Made for one run; disposing it ends the run. */
export class PackageInstall implements Disposable {
  private readonly output: ExecutionOutput;
  private link: KernelLink | null = null;
  private stopped: SojournError | null = null;

  constructor(
    private readonly host: KernelHost,
    private readonly options: PythonEngineOptions,
    private readonly target: InstallTarget,
    private readonly context: RunContext,
  ) {
    this.output = new ExecutionOutput(outputCharactersMax, context.inputSeq);
  }

  /**
   * Nothing of the session is changed unless it answers with returncode 0.
   * @throws invalid_params · forbidden · engine_unavailable without a fit pip · timeout when it was stopped
   */
  async run(request: InstallRequest): Promise<InstallResult> {
    const { clock, packages } = this.options;
    const started = clock.monotonic();
    if (!packages) {
      throw new SojournError('forbidden', 'Packages are not installed here; packages.enabled allows it.');
    }
    assertRequirements(request.packages, packages);
    const stop = () => this.stop(stoppedError(this.context));
    this.context.signal.addEventListener('abort', stop, { once: true });
    if (this.context.signal.aborted) stop();
    try {
      const { returncode, installed } = await this.install(request, packages);
      const { stdout, stderr } = this.output.toResult();
      const duration_ms = Math.round(clock.monotonic() - started);
      return { returncode, stdout, stderr, installed_packages: installed, duration_ms };
    } finally {
      this.context.signal.removeEventListener('abort', stop);
    }
  }

  dispose(): void {
    this.stop(errors.closed('The Python session'));
  }

  private stop(reason: SojournError): void {
    this.stopped ??= reason;
    this.link?.kill();
    this.link?.abandon(this.stopped);
  }

  private async install(request: InstallRequest, packages: PackageOptions) {
    const { files, ids, sandbox } = this.options;
    const { packages: present } = await this.target.ask('list_packages', {}, presentReplySchema);
    // Beside the workspaces: on the same file system, and swept with them when the server was killed.
    const family = `${installPrefix}${ids.uid()}`;
    const folder = join(sandbox.workspaces, family, family);
    await files.makeDirectory(folder, 0o700);
    try {
      const staged = await this.stage(
        { workspace: folder, uid: family, family },
        { ...request, present },
        packages,
      );
      if (staged.returncode === 0 && staged.installed.length > 0) await this.takeOver(folder);
      return staged;
    } finally {
      await files.remove(join(sandbox.workspaces, family));
    }
  }

  /** Lets pip work in a folder; every process of it is gone when this resolves. */
  private async stage(
    place: KernelPlace,
    request: InstallRequest & { present: unknown },
    packages: PackageOptions,
  ) {
    this.assertGoingOn();
    const process = await this.host.startHelper(place, 'workspace');
    const link = new KernelLink(process, this.options.clock);
    link.onOutput = (output) => this.pass(output);
    this.link = link;
    const ended = link.run().then(() => link.abandon(this.stopped ?? endedError()));
    try {
      this.assertGoingOn();
      const onlyWheels = process.uid === null;
      const answer = await this.askPip(link, request, packages, onlyWheels);
      if (onlyWheels && answer.returncode !== 0) this.pass({ type: 'stderr', text: onlyWheelsNote });
      return answer;
    } finally {
      link.kill();
      await ended;
      await process.lease.released;
    }
  }

  private async askPip(
    link: KernelLink,
    request: InstallRequest & { present: unknown },
    packages: PackageOptions,
    onlyWheels: boolean,
  ): Promise<{ returncode: number; installed: InstallResult['installed_packages'] }> {
    const options = [...sourceOptions(packages), ...(onlyWheels ? ['--only-binary', ':all:'] : [])];
    const shared = { options, secrets: secretsOf(packages) };
    const { upgrade, present } = request;
    const requirements = request.packages.map((text) => text.trim());
    const resolving = { ...shared, requirements, upgrade, present };
    const resolved = checked(resolveReplySchema, await link.request('resolve_packages', resolving));
    if (resolved.problem !== null) {
      const detail = `Python '${this.options.executable}' cannot install packages: ${resolved.problem}.`;
      throw new SojournError('engine_unavailable', detail);
    }
    const { returncode, wanted } = resolved;
    if (returncode !== 0 || wanted.length === 0) return { returncode, installed: [] };
    assertLetIn(
      wanted.map(({ name }) => name),
      packages,
    );
    const exact = wanted.map(({ name, version, url }) =>
      url === null ? `${name}==${version}` : `${name} @ ${url}`,
    );
    const staging = { ...shared, requirements: exact };
    const staged = checked(stageReplySchema, await link.request('stage_packages', staging));
    assertLetIn(
      staged.installed.map(({ name }) => name),
      packages,
    );
    return staged;
  }

  /** What is in the folder becomes the session's. */
  private async takeOver(folder: string): Promise<void> {
    this.assertGoingOn();
    const { files, ids } = this.options;
    const staged = join(folder, stagedFolder);
    await this.target.kernel.give(staged);
    const name = `.site-packages.new-${ids.uid()}`;
    await files.rename(staged, join(this.target.workspace, name));
    const { loaded } = await this.target.ask('adopt_packages', { staged: name }, adoptReplySchema);
    for (const module of loaded) this.pass({ type: 'stderr', text: this.stillLoaded(module) });
  }

  private stillLoaded(module: string): string {
    const preloaded = this.options.preload.some((name) => name.split('.')[0] === module);
    return preloaded
      ? `Note: ${module} is preloaded (python.preload); sessions go on with the version that is.\n`
      : `Note: ${module} is imported already; restart the session to use what was installed.\n`;
  }

  private pass(output: OutputEventBody): void {
    if (output.type !== 'stdout' && output.type !== 'stderr') return;
    this.output.add(output);
    this.context.emit({ ...output, input_seq: this.context.inputSeq });
  }

  private assertGoingOn(): void {
    if (this.stopped) throw this.stopped;
  }
}

/** The installer runs code that nobody vouches for. */
function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SojournError(
    'internal',
    'The installer gave an answer of the wrong shape; nothing was installed.',
  );
}

const endedError = () =>
  new SojournError('internal', 'The installer ended before it was done; nothing was installed.');

function stoppedError({ signal }: RunContext): SojournError {
  const reason = signal.reason === 'timeout' ? 'timeout' : 'interrupted';
  const detail = `The installation was stopped (${reason}); nothing was installed.`;
  return new SojournError('timeout', detail, { reason });
}
