/** What the Python engine is given: settings from the configuration, and the ports it reaches the machine through. */
import type { IClock, IFiles, IIds, ILog, ISpawner } from '../../types/ports.js';
import type { PackageOptions } from './requirements.js';
import type { Policy } from './policy.js';
import type { SandboxOptions } from './sandbox.js';

export interface PythonEngineOptions {
  /** A path, or a name looked up on `searchPath`. */
  readonly executable: string;
  /** PATH for finding the executable, and of every kernel. Default: the usual system folders. */
  readonly searchPath?: string;
  /** Modules that every kernel finds imported already; what is not installed is left out. */
  readonly preload: readonly string[];
  /** Kernels forked ahead of the sessions that will have them. Default: none. */
  readonly spareKernels?: number;
  /** Of sessions that choose none; `restricted` is that of all. Default: open. */
  readonly policy?: Policy;
  readonly startTimeoutMs: number;
  /** Between the rungs of the interrupt ladder. */
  readonly interruptGraceMs: number;
  /** For an answer that is no run: variables, clear. Default: 10 s. */
  readonly readLimitMs?: number;
  /** For fixing the state, which takes a fork. Default: 20 s. */
  readonly captureLimitMs?: number;
  /** For an answer of the zygote, before it is killed and started anew. Default: 5 s. */
  readonly zygoteLimitMs?: number;
  /** Largest pickle of one variable in a checkpoint. */
  readonly variableBytes: number;
  /** Largest sum of all pickles of one checkpoint. */
  readonly sessionBytes: number;
  /** Absolute folder for the socket and the lock; made with mode 0700. */
  readonly runDir: string;
  readonly sandbox: SandboxOptions;
  /** Default: sessions cannot install packages. */
  readonly packages?: PackageOptions | undefined;
  readonly spawner: ISpawner;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly files: IFiles;
  readonly log: ILog;
}
